//! Sizes and choices of a U-Net, from diffusers' `UNet2DConditionModel`.

use serde::Deserialize;

use super::config::{Only, PerLevel, Wire, indivisible, not_positive};

/// A U-Net's sizes.
#[derive(Debug, Clone, PartialEq)]
pub struct UnetConfig {
    pub in_channels: i64,
    pub out_channels: i64,
    /// Sides of the first and of the last convolution's window.
    pub conv_in_kernel: i64,
    pub conv_out_kernel: i64,
    /// Whether the cosines of the time come before its sines.
    pub flip_sin_to_cos: bool,
    pub freq_shift: f64,
    /// Width of the time's embedding.
    pub time_embedding_dim: i64,
    pub norm_num_groups: i64,
    pub norm_eps: f64,
    /// Zeros around what is halved; 0 stands for one column on the right and one row below.
    pub downsample_padding: i64,
    /// From the full resolution down; each next one has half the height and width.
    pub levels: Vec<Level>,
}

/// One resolution, on the way down and on the way up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Level {
    pub channels: i64,
    /// Residual blocks on the way down; on the way up there is one more.
    pub layers: i64,
    pub down: Block,
    pub up: Block,
    pub attention: Attention,
}

/// What a residual block is followed by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Block {
    Plain,
    /// A transformer that attends to the condition.
    CrossAttention,
}

/// Sizes of a level's transformers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Attention {
    /// diffusers' `attention_head_dim`, which counts heads in spite of its name.
    pub heads: i64,
    /// Width of the condition.
    pub condition: i64,
    /// Transformer blocks.
    pub depth: i64,
    pub projection: Projection,
}

/// How a transformer's projections are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Projection {
    /// As a 1 x 1 convolution.
    Convolution,
    Linear,
}

impl UnetConfig {
    /// The lowest level.
    ///
    /// # Panics
    /// There is no level, which [`super::config::read`] refuses.
    #[must_use]
    pub fn lowest(&self) -> Level {
        *self.levels.last().unwrap_or_else(|| unreachable!("a configuration without levels is not read"))
    }
}

/// `UNet2DConditionModel`'s configuration, with the defaults of diffusers 0.30.
#[derive(Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct WireUnet {
    in_channels: i64,
    out_channels: i64,
    flip_sin_to_cos: bool,
    freq_shift: f64,
    down_block_types: Vec<DownType>,
    up_block_types: Vec<UpType>,
    block_out_channels: Vec<i64>,
    layers_per_block: PerLevel,
    downsample_padding: i64,
    norm_num_groups: i64,
    norm_eps: f64,
    cross_attention_dim: PerLevel,
    transformer_layers_per_block: PerLevel,
    attention_head_dim: PerLevel,
    use_linear_projection: bool,
    time_embedding_dim: Option<i64>,
    conv_in_kernel: i64,
    conv_out_kernel: i64,
}

impl Default for WireUnet {
    fn default() -> Self {
        Self {
            in_channels: 4,
            out_channels: 4,
            flip_sin_to_cos: true,
            freq_shift: 0.0,
            down_block_types: [[DownType::CrossAttnDownBlock2D; 3].as_slice(), &[DownType::DownBlock2D]].concat(),
            up_block_types: [[UpType::UpBlock2D].as_slice(), &[UpType::CrossAttnUpBlock2D; 3]].concat(),
            block_out_channels: vec![320, 640, 1280, 1280],
            layers_per_block: PerLevel::Same(2),
            downsample_padding: 1,
            norm_num_groups: 32,
            norm_eps: 1e-5,
            cross_attention_dim: PerLevel::Same(1280),
            transformer_layers_per_block: PerLevel::Same(1),
            attention_head_dim: PerLevel::Same(8),
            use_linear_projection: false,
            time_embedding_dim: None,
            conv_in_kernel: 3,
            conv_out_kernel: 3,
        }
    }
}

#[derive(Debug, Clone, Copy, Deserialize)]
enum DownType {
    DownBlock2D,
    CrossAttnDownBlock2D,
}

#[derive(Debug, Clone, Copy, Deserialize)]
enum UpType {
    UpBlock2D,
    CrossAttnUpBlock2D,
}

impl From<DownType> for Block {
    fn from(kind: DownType) -> Self {
        match kind {
            DownType::DownBlock2D => Self::Plain,
            DownType::CrossAttnDownBlock2D => Self::CrossAttention,
        }
    }
}

impl From<UpType> for Block {
    fn from(kind: UpType) -> Self {
        match kind {
            UpType::UpBlock2D => Self::Plain,
            UpType::CrossAttnUpBlock2D => Self::CrossAttention,
        }
    }
}

impl Wire for WireUnet {
    type Config = UnetConfig;

    const CLASS: &'static str = "UNet2DConditionModel";
    const FIXED: &'static [(&'static str, Only)] = &[
        ("act_fn", Only::Text("silu")),
        ("addition_embed_type", Only::Null),
        ("addition_time_embed_dim", Only::Null),
        ("attention_type", Only::Text("default")),
        ("center_input_sample", Only::Flag(false)),
        ("class_embed_type", Only::Null),
        ("class_embeddings_concat", Only::Flag(false)),
        ("cross_attention_norm", Only::Null),
        ("dropout", Only::Number(0.0)),
        ("dual_cross_attention", Only::Flag(false)),
        ("encoder_hid_dim", Only::Null),
        ("encoder_hid_dim_type", Only::Null),
        ("mid_block_only_cross_attention", Only::Null),
        ("mid_block_scale_factor", Only::Number(1.0)),
        ("mid_block_type", Only::Text("UNetMidBlock2DCrossAttn")),
        ("num_attention_heads", Only::Null),
        ("num_class_embeds", Only::Null),
        ("only_cross_attention", Only::Flag(false)),
        ("projection_class_embeddings_input_dim", Only::Null),
        ("resnet_out_scale_factor", Only::Number(1.0)),
        ("resnet_skip_time_act", Only::Flag(false)),
        ("resnet_time_scale_shift", Only::Text("default")),
        ("reverse_transformer_layers_per_block", Only::Null),
        ("time_cond_proj_dim", Only::Null),
        ("time_embedding_act_fn", Only::Null),
        ("time_embedding_type", Only::Text("positional")),
        ("timestep_post_act", Only::Null),
    ];
    /// `upcast_attention` asks for f32 in attention, which is what everything here is computed in.
    const IDLE: &'static [&'static str] = &["addition_embed_type_num_heads", "sample_size", "upcast_attention"];

    fn resolve(self) -> Result<UnetConfig, Vec<String>> {
        let levels = self.levels()?;
        let first = self.block_out_channels.first().copied().unwrap_or_default();
        let config = UnetConfig {
            in_channels: self.in_channels,
            out_channels: self.out_channels,
            conv_in_kernel: self.conv_in_kernel,
            conv_out_kernel: self.conv_out_kernel,
            flip_sin_to_cos: self.flip_sin_to_cos,
            freq_shift: self.freq_shift,
            time_embedding_dim: self.time_embedding_dim.unwrap_or(4 * first),
            norm_num_groups: self.norm_num_groups,
            norm_eps: self.norm_eps,
            downsample_padding: self.downsample_padding,
            levels,
        };
        let problems = config.problems();
        if problems.is_empty() { Ok(config) } else { Err(problems) }
    }
}

impl WireUnet {
    fn levels(&self) -> Result<Vec<Level>, Vec<String>> {
        let count = self.block_out_channels.len();
        for (key, found) in
            [("down_block_types", self.down_block_types.len()), ("up_block_types", self.up_block_types.len())]
        {
            if found != count || count == 0 {
                return Err(vec![format!("`{key}` has {found} blocks, `block_out_channels` {count}")]);
            }
        }
        let spread = |key, numbers: &PerLevel| numbers.spread(key, count).map_err(|problem| vec![problem]);
        let layers = spread("layers_per_block", &self.layers_per_block)?;
        let heads = spread("attention_head_dim", &self.attention_head_dim)?;
        let widths = spread("cross_attention_dim", &self.cross_attention_dim)?;
        let depths = spread("transformer_layers_per_block", &self.transformer_layers_per_block)?;
        let projection = if self.use_linear_projection { Projection::Linear } else { Projection::Convolution };
        let attentions = heads.into_iter().zip(widths).zip(depths);
        let attentions =
            attentions.map(|((heads, condition), depth)| Attention { heads, condition, depth, projection });
        let blocks = self.down_block_types.iter().zip(self.up_block_types.iter().rev());
        let sizes = self.block_out_channels.iter().zip(layers);
        let levels = sizes.zip(blocks).zip(attentions).map(|(((&channels, layers), (&down, &up)), attention)| Level {
            channels,
            layers,
            down: down.into(),
            up: up.into(),
            attention,
        });
        Ok(levels.collect())
    }
}

impl UnetConfig {
    fn problems(&self) -> Vec<String> {
        let channels: Vec<i64> = self.levels.iter().map(|level| level.channels).collect();
        let mut problems = not_positive(&[
            ("in_channels", self.in_channels),
            ("out_channels", self.out_channels),
            ("time_embedding_dim", self.time_embedding_dim),
            ("block_out_channels", channels.iter().copied().min().unwrap_or_default()),
        ]);
        problems.extend(indivisible(&channels, self.norm_num_groups));
        for (key, size) in [("conv_in_kernel", self.conv_in_kernel), ("conv_out_kernel", self.conv_out_kernel)] {
            if size < 1 || size % 2 == 0 {
                problems.push(format!("`{key}` is {size}; a window has an odd side"));
            }
        }
        if !(0..=1).contains(&self.downsample_padding) {
            problems.push(format!("`downsample_padding` is {}; 0 and 1 are known here", self.downsample_padding));
        }
        let crowded = self.levels.iter().filter(|level| level.attention.heads > level.channels);
        problems.extend(crowded.map(|level| {
            format!("`attention_head_dim` asks for {} heads of {} channels", level.attention.heads, level.channels)
        }));
        problems
    }
}
