//! Sizes and choices of an autoencoder, from diffusers' `AutoencoderKL`.

use serde::Deserialize;

use super::config::{Only, Wire, indivisible, not_positive};

/// An autoencoder's sizes.
#[derive(Debug, Clone, PartialEq)]
pub struct VaeConfig {
    pub in_channels: i64,
    pub out_channels: i64,
    pub latent_channels: i64,
    /// Channels of each level, from the full resolution down; each next one has half the height and width.
    pub block_out_channels: Vec<i64>,
    /// Residual blocks of a level of the encoder; the decoder's have one more.
    pub layers_per_block: i64,
    pub norm_num_groups: i64,
    /// What latents are multiplied by, so that their variance is about 1.
    pub scaling_factor: f64,
}

impl VaeConfig {
    /// Channels of the highest and of the lowest level.
    ///
    /// # Panics
    /// There is no level, which [`super::config::read`] refuses.
    #[must_use]
    pub fn ends(&self) -> [i64; 2] {
        match (self.block_out_channels.first(), self.block_out_channels.last()) {
            (Some(&first), Some(&last)) => [first, last],
            _ => unreachable!("a configuration without levels is not read"),
        }
    }

    /// Pixels along one side of what becomes one place of the latent image.
    #[must_use]
    pub fn reduction(&self) -> i64 {
        1 << (self.block_out_channels.len() - 1)
    }

    fn problems(&self) -> Vec<String> {
        let mut problems = not_positive(&[
            ("in_channels", self.in_channels),
            ("out_channels", self.out_channels),
            ("latent_channels", self.latent_channels),
            ("layers_per_block", self.layers_per_block),
            ("block_out_channels", self.block_out_channels.iter().copied().min().unwrap_or_default()),
        ]);
        problems.extend(indivisible(&self.block_out_channels, self.norm_num_groups));
        if !(self.scaling_factor.is_finite() && self.scaling_factor > 0.0) {
            problems.push(format!("`scaling_factor` is {}, which is not positive", self.scaling_factor));
        }
        problems
    }
}

/// `AutoencoderKL`'s configuration, with the defaults of diffusers 0.30.
#[derive(Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct WireVae {
    in_channels: i64,
    out_channels: i64,
    latent_channels: i64,
    down_block_types: Vec<DownType>,
    up_block_types: Vec<UpType>,
    block_out_channels: Vec<i64>,
    layers_per_block: i64,
    norm_num_groups: i64,
    scaling_factor: f64,
}

impl Default for WireVae {
    fn default() -> Self {
        Self {
            in_channels: 3,
            out_channels: 3,
            latent_channels: 4,
            down_block_types: vec![DownType::DownEncoderBlock2D],
            up_block_types: vec![UpType::UpDecoderBlock2D],
            block_out_channels: vec![64],
            layers_per_block: 1,
            norm_num_groups: 32,
            scaling_factor: 0.18215,
        }
    }
}

/// The only kinds that are built here.
#[derive(Debug, Deserialize)]
enum DownType {
    DownEncoderBlock2D,
}

#[derive(Debug, Deserialize)]
enum UpType {
    UpDecoderBlock2D,
}

impl Wire for WireVae {
    type Config = VaeConfig;

    const CLASS: &'static str = "AutoencoderKL";
    const FIXED: &'static [(&'static str, Only)] = &[
        ("act_fn", Only::Text("silu")),
        ("latents_mean", Only::Null),
        ("latents_std", Only::Null),
        ("mid_block_add_attention", Only::Flag(true)),
        ("shift_factor", Only::Null),
        ("use_post_quant_conv", Only::Flag(true)),
        ("use_quant_conv", Only::Flag(true)),
    ];
    /// `force_upcast` asks for f32, which is what everything here is computed in.
    const IDLE: &'static [&'static str] = &["force_upcast", "sample_size"];

    fn resolve(self) -> Result<VaeConfig, Vec<String>> {
        let count = self.block_out_channels.len();
        for (key, found) in
            [("down_block_types", self.down_block_types.len()), ("up_block_types", self.up_block_types.len())]
        {
            if found != count || count == 0 {
                return Err(vec![format!("`{key}` has {found} blocks, `block_out_channels` {count}")]);
            }
        }
        let config = VaeConfig {
            in_channels: self.in_channels,
            out_channels: self.out_channels,
            latent_channels: self.latent_channels,
            block_out_channels: self.block_out_channels,
            layers_per_block: self.layers_per_block,
            norm_num_groups: self.norm_num_groups,
            scaling_factor: self.scaling_factor,
        };
        let problems = config.problems();
        if problems.is_empty() { Ok(config) } else { Err(problems) }
    }
}
