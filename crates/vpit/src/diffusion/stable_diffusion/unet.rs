//! The U-Net of Stable Diffusion: says how much noise is in a latent image, at a time, under a condition.
//!
//! diffusers' `UNet2DConditionModel`, with its names (`down_blocks.0.attentions.1.transformer_blocks.0.attn2.to_k.weight`).

use tch::Tensor;

use super::blocks::{Downsample, Residual, Resnet, Upsample};
use super::transformer::Transformer;
use super::unet_config::{Block, Level, UnetConfig};
use crate::diffusion::layers::{Conv, GroupNorm, Window};
use crate::diffusion::time::{TimeEmbedding, Waves};
use crate::model::dims;
use crate::model::weights::Scope;

/// A denoising network that narrows a latent image level by level and widens it again past what it remembers.
#[derive(Debug)]
pub struct Unet {
    pub conv_in: Conv,
    pub time_embedding: TimeEmbedding,
    pub down_blocks: Vec<DownBlock>,
    pub mid_block: MidBlock,
    pub up_blocks: Vec<UpBlock>,
    pub conv_norm_out: GroupNorm,
    pub conv_out: Conv,
}

impl Unet {
    #[must_use]
    pub fn new(scope: &Scope<'_>, config: &UnetConfig) -> Self {
        let first = config.levels.first().unwrap_or(&config.lowest()).channels;
        let waves = Waves { width: first, cosines_first: config.flip_sin_to_cos, shift: config.freq_shift };
        let window_in = Window::keeping(config.conv_in_kernel);
        // Channels of what the way up will be given, in the order in which the way down leaves it.
        let mut skips = vec![first];
        Self {
            conv_in: Conv::new(&scope.at("conv_in"), [config.in_channels, first], window_in),
            time_embedding: TimeEmbedding::new(&scope.at("time_embedding"), waves, config.time_embedding_dim),
            down_blocks: down_blocks(&scope.at("down_blocks"), config, &mut skips),
            mid_block: MidBlock::new(&scope.at("mid_block"), config),
            up_blocks: up_blocks(&scope.at("up_blocks"), config, &mut skips),
            conv_norm_out: GroupNorm::new(&scope.at("conv_norm_out"), first, config.norm_num_groups, config.norm_eps),
            conv_out: Conv::new(
                &scope.at("conv_out"),
                [first, config.out_channels],
                Window::keeping(config.conv_out_kernel),
            ),
        }
    }

    /// The noise in `latents` `[batch, channels, height, width]` at `times` `[batch]`, all of one height and width, under
    /// conditions `[batch, length, width]`.
    ///
    /// Attention has no mask: every token of a condition takes part, zeros too.
    pub fn forward(&self, latents: &Tensor, times: &[usize], condition: &Tensor) -> Tensor {
        let given = Given { time: self.time_embedding.forward(times), condition: condition.shallow_clone() };
        let mut x = self.conv_in.forward(latents);
        let mut skips = vec![x.shallow_clone()];
        for block in &self.down_blocks {
            x = block.forward(x, &given, &mut skips);
        }
        x = self.mid_block.forward(&x, &given);
        for block in &self.up_blocks {
            x = block.forward(x, &given, &mut skips);
        }
        self.conv_out.forward(&self.conv_norm_out.forward(&x).silu())
    }
}

fn down_blocks(scope: &Scope<'_>, config: &UnetConfig, skips: &mut Vec<i64>) -> Vec<DownBlock> {
    let last = config.levels.len() - 1;
    let levels = config.levels.iter().enumerate();
    levels.map(|(i, level)| DownBlock::new(&scope.at(i), Stage { config, level, ends: i == last }, skips)).collect()
}

fn up_blocks(scope: &Scope<'_>, config: &UnetConfig, skips: &mut Vec<i64>) -> Vec<UpBlock> {
    let last = config.levels.len() - 1;
    let mut inputs = config.lowest().channels;
    let levels = config.levels.iter().rev().enumerate();
    let blocks = levels.map(|(i, level)| {
        let block = UpBlock::new(&scope.at(i), Stage { config, level, ends: i == last }, inputs, skips);
        inputs = level.channels;
        block
    });
    blocks.collect()
}

/// Where a block stands.
#[derive(Clone, Copy)]
struct Stage<'a> {
    config: &'a UnetConfig,
    level: &'a Level,
    /// Whether no block follows, so that height and width stay.
    ends: bool,
}

impl Stage<'_> {
    fn residual(&self) -> Residual {
        residual(self.config)
    }

    fn layer(&self, scope: &Scope<'_>, i: i64, inputs: i64, block: Block) -> Layer {
        let resnets = scope.at("resnets");
        Layer {
            resnet: Resnet::new(&resnets.at(i), [inputs, self.level.channels], self.residual()),
            attention: match block {
                Block::Plain => None,
                Block::CrossAttention => Some(transformer(&scope.at("attentions").at(i), self.config, self.level)),
            },
        }
    }
}

fn residual(config: &UnetConfig) -> Residual {
    Residual { groups: config.norm_num_groups, eps: config.norm_eps, time: Some(config.time_embedding_dim) }
}

fn transformer(scope: &Scope<'_>, config: &UnetConfig, level: &Level) -> Transformer {
    Transformer::new(scope, level.channels, config.norm_num_groups, level.attention)
}

/// What every block is told.
struct Given {
    /// `[batch, time]`, after its SiLU.
    time: Tensor,
    /// `[batch, length, width]`.
    condition: Tensor,
}

/// A residual block, and the attention after it where there is one.
#[derive(Debug)]
pub struct Layer {
    pub resnet: Resnet,
    pub attention: Option<Transformer>,
}

impl Layer {
    fn forward(&self, x: &Tensor, given: &Given) -> Tensor {
        let x = self.resnet.forward(x, Some(&given.time));
        match &self.attention {
            Some(attention) => attention.forward(&x, &given.condition),
            None => x,
        }
    }
}

/// One level on the way down.
#[derive(Debug)]
pub struct DownBlock {
    pub layers: Vec<Layer>,
    /// Absent at the lowest level.
    pub downsampler: Option<Downsample>,
}

impl DownBlock {
    fn new(scope: &Scope<'_>, stage: Stage<'_>, skips: &mut Vec<i64>) -> Self {
        let (level, padding) = (stage.level, stage.config.downsample_padding);
        let mut inputs = skips.last().copied().unwrap_or(level.channels);
        let layers = (0..level.layers).map(|i| {
            let layer = stage.layer(scope, i, inputs, level.down);
            inputs = level.channels;
            skips.push(inputs);
            layer
        });
        let layers = layers.collect();
        let downsampler = (!stage.ends).then(|| {
            skips.push(level.channels);
            Downsample::new(&scope.at("downsamplers").at(0), level.channels, padding)
        });
        Self { layers, downsampler }
    }

    fn forward(&self, mut x: Tensor, given: &Given, skips: &mut Vec<Tensor>) -> Tensor {
        for layer in &self.layers {
            x = layer.forward(&x, given);
            skips.push(x.shallow_clone());
        }
        if let Some(downsampler) = &self.downsampler {
            x = downsampler.forward(&x);
            skips.push(x.shallow_clone());
        }
        x
    }
}

/// The bottom: attention between two residual blocks.
#[derive(Debug)]
pub struct MidBlock {
    pub resnets: [Resnet; 2],
    pub attention: Transformer,
}

impl MidBlock {
    fn new(scope: &Scope<'_>, config: &UnetConfig) -> Self {
        let (level, resnets) = (config.lowest(), scope.at("resnets"));
        let resnet = |i: i64| Resnet::new(&resnets.at(i), [level.channels; 2], residual(config));
        Self { resnets: [resnet(0), resnet(1)], attention: transformer(&scope.at("attentions").at(0), config, &level) }
    }

    fn forward(&self, x: &Tensor, given: &Given) -> Tensor {
        let [before, after] = &self.resnets;
        let x = before.forward(x, Some(&given.time));
        after.forward(&self.attention.forward(&x, &given.condition), Some(&given.time))
    }
}

/// One level on the way up; every layer also sees what the way down left at this level.
#[derive(Debug)]
pub struct UpBlock {
    pub layers: Vec<Layer>,
    /// Absent at the highest level.
    pub upsampler: Option<Upsample>,
}

impl UpBlock {
    fn new(scope: &Scope<'_>, stage: Stage<'_>, mut inputs: i64, skips: &mut Vec<i64>) -> Self {
        let level = stage.level;
        let layers = (0..=level.layers).map(|i| {
            let layer = stage.layer(scope, i, inputs + pop(skips), level.up);
            inputs = level.channels;
            layer
        });
        let layers = layers.collect();
        let upsampler = (!stage.ends).then(|| Upsample::new(&scope.at("upsamplers").at(0), level.channels));
        Self { layers, upsampler }
    }

    fn forward(&self, mut x: Tensor, given: &Given, skips: &mut Vec<Tensor>) -> Tensor {
        for layer in &self.layers {
            x = layer.forward(&Tensor::cat(&[x, pop(skips)], 1), given);
        }
        match (&self.upsampler, skips.last()) {
            (Some(upsampler), Some(skip)) => {
                let [_, _, height, width] = dims(skip);
                upsampler.to(&x, [height, width])
            }
            _ => x,
        }
    }
}

fn pop<T>(skips: &mut Vec<T>) -> T {
    skips.pop().unwrap_or_else(|| unreachable!("the way down leaves one for each layer of the way up"))
}
