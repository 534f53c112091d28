//! The autoencoder of Stable Diffusion: pixels to a latent image of an eighth of the height and width, and back.
//!
//! diffusers' `AutoencoderKL`, with its names (`encoder.down_blocks.0.resnets.0.conv1.weight`).

use tch::Tensor;

use super::blocks::{Downsample, Residual, Resnet, Upsample};
use super::transformer::{Attention, Widths};
use super::vae_config::VaeConfig;
use crate::diffusion::layers::{Conv, GroupNorm, Window};
use crate::model::dims;
use crate::model::layers::Bias;
use crate::model::weights::Scope;

const EPS: f64 = 1e-6;

/// Encoder and decoder.
#[derive(Debug)]
pub struct Vae {
    pub encoder: Encoder,
    pub decoder: Decoder,
    pub quant_conv: Conv,
    pub post_quant_conv: Conv,
    scaling: f64,
}

impl Vae {
    #[must_use]
    pub fn new(scope: &Scope<'_>, config: &VaeConfig) -> Self {
        let (latent, window) = (config.latent_channels, Window::keeping(1));
        Self {
            encoder: Encoder::new(&scope.at("encoder"), config),
            decoder: Decoder::new(&scope.at("decoder"), config),
            quant_conv: Conv::new(&scope.at("quant_conv"), [2 * latent; 2], window),
            post_quant_conv: Conv::new(&scope.at("post_quant_conv"), [latent; 2], window),
            scaling: config.scaling_factor,
        }
    }

    /// What latents images `[batch, 3, height, width]` in [-1, 1] may have.
    pub fn encode(&self, images: &Tensor) -> Moments {
        let moments = self.quant_conv.forward(&self.encoder.forward(images)).chunk(2, 1);
        let [mean, log_variance] = moments.as_slice() else { unreachable!("two chunks were asked for") };
        Moments { mean: mean.shallow_clone(), log_variance: log_variance.clamp(-30.0, 20.0), scaling: self.scaling }
    }

    /// Images `[batch, 3, height, width]`, about in [-1, 1], of scaled latents.
    pub fn decode(&self, latents: &Tensor) -> Tensor {
        self.decoder.forward(&self.post_quant_conv.forward(&(latents / self.scaling)))
    }
}

/// A normal distribution of latents, every coordinate by itself.
///
/// Mean and variance are the encoder's; [`Moments::mode`] and [`Moments::sample`] are scaled to a variance of about 1, as a
/// denoiser takes them.
#[derive(Debug)]
pub struct Moments {
    /// `[batch, latent channels, height, width]`, before scaling.
    pub mean: Tensor,
    /// The variance's logarithm, between -30 and 20.
    pub log_variance: Tensor,
    scaling: f64,
}

impl Moments {
    /// The likeliest latents, scaled.
    pub fn mode(&self) -> Tensor {
        &self.mean * self.scaling
    }

    /// Latents that standard normal `noise` of their shape picks, scaled.
    pub fn sample(&self, noise: &Tensor) -> Tensor {
        (&self.mean + (&self.log_variance * 0.5).exp() * noise) * self.scaling
    }
}

fn residual(config: &VaeConfig) -> Residual {
    Residual { groups: config.norm_num_groups, eps: EPS, time: None }
}

/// Pixels to moments.
#[derive(Debug)]
pub struct Encoder {
    pub conv_in: Conv,
    pub down_blocks: Vec<DownBlock>,
    pub mid_block: MidBlock,
    pub conv_norm_out: GroupNorm,
    pub conv_out: Conv,
}

impl Encoder {
    fn new(scope: &Scope<'_>, config: &VaeConfig) -> Self {
        let ([first, lowest], window) = (config.ends(), Window::keeping(3));
        let (mut inputs, last) = (first, config.block_out_channels.len() - 1);
        let channels = config.block_out_channels.iter().enumerate();
        let down_blocks = channels.map(|(i, &outputs)| {
            let scope = scope.at("down_blocks").at(i);
            let block = DownBlock::new(&scope, [inputs, outputs], config, i == last);
            inputs = outputs;
            block
        });
        Self {
            conv_in: Conv::new(&scope.at("conv_in"), [config.in_channels, first], window),
            down_blocks: down_blocks.collect(),
            mid_block: MidBlock::new(&scope.at("mid_block"), config),
            conv_norm_out: GroupNorm::new(&scope.at("conv_norm_out"), lowest, config.norm_num_groups, EPS),
            conv_out: Conv::new(&scope.at("conv_out"), [lowest, 2 * config.latent_channels], window),
        }
    }

    fn forward(&self, images: &Tensor) -> Tensor {
        let x = self.down_blocks.iter().fold(self.conv_in.forward(images), |x, block| block.forward(x));
        self.conv_out.forward(&self.conv_norm_out.forward(&self.mid_block.forward(&x)).silu())
    }
}

/// Latents to pixels.
#[derive(Debug)]
pub struct Decoder {
    pub conv_in: Conv,
    pub mid_block: MidBlock,
    pub up_blocks: Vec<UpBlock>,
    pub conv_norm_out: GroupNorm,
    pub conv_out: Conv,
}

impl Decoder {
    fn new(scope: &Scope<'_>, config: &VaeConfig) -> Self {
        let ([first, lowest], window) = (config.ends(), Window::keeping(3));
        let (mut inputs, last) = (lowest, config.block_out_channels.len() - 1);
        let channels = config.block_out_channels.iter().rev().enumerate();
        let up_blocks = channels.map(|(i, &outputs)| {
            let block = UpBlock::new(&scope.at("up_blocks").at(i), [inputs, outputs], config, i == last);
            inputs = outputs;
            block
        });
        Self {
            conv_in: Conv::new(&scope.at("conv_in"), [config.latent_channels, lowest], window),
            mid_block: MidBlock::new(&scope.at("mid_block"), config),
            up_blocks: up_blocks.collect(),
            conv_norm_out: GroupNorm::new(&scope.at("conv_norm_out"), first, config.norm_num_groups, EPS),
            conv_out: Conv::new(&scope.at("conv_out"), [first, config.out_channels], window),
        }
    }

    fn forward(&self, latents: &Tensor) -> Tensor {
        let x = self.mid_block.forward(&self.conv_in.forward(latents));
        let x = self.up_blocks.iter().fold(x, |x, block| block.forward(x));
        self.conv_out.forward(&self.conv_norm_out.forward(&x).silu())
    }
}

/// One level of the encoder.
#[derive(Debug)]
pub struct DownBlock {
    pub resnets: Vec<Resnet>,
    /// Absent at the lowest level.
    pub downsampler: Option<Downsample>,
}

impl DownBlock {
    fn new(scope: &Scope<'_>, channels: [i64; 2], config: &VaeConfig, ends: bool) -> Self {
        let [_, outputs] = channels;
        Self {
            resnets: resnets(&scope.at("resnets"), channels, config.layers_per_block, residual(config)),
            downsampler: (!ends).then(|| Downsample::new(&scope.at("downsamplers").at(0), outputs, 0)),
        }
    }

    fn forward(&self, x: Tensor) -> Tensor {
        let x = self.resnets.iter().fold(x, |x, resnet| resnet.forward(&x, None));
        self.downsampler.iter().fold(x, |x, downsampler| downsampler.forward(&x))
    }
}

/// One level of the decoder.
#[derive(Debug)]
pub struct UpBlock {
    pub resnets: Vec<Resnet>,
    /// Absent at the highest level.
    pub upsampler: Option<Upsample>,
}

impl UpBlock {
    fn new(scope: &Scope<'_>, channels: [i64; 2], config: &VaeConfig, ends: bool) -> Self {
        let [_, outputs] = channels;
        Self {
            resnets: resnets(&scope.at("resnets"), channels, config.layers_per_block + 1, residual(config)),
            upsampler: (!ends).then(|| Upsample::new(&scope.at("upsamplers").at(0), outputs)),
        }
    }

    fn forward(&self, x: Tensor) -> Tensor {
        let x = self.resnets.iter().fold(x, |x, resnet| resnet.forward(&x, None));
        self.upsampler.iter().fold(x, |x, upsampler| upsampler.twice(&x))
    }
}

/// `count` residual blocks, of which the first changes the number of channels.
fn resnets(scope: &Scope<'_>, [inputs, outputs]: [i64; 2], count: i64, how: Residual) -> Vec<Resnet> {
    let inputs = |i: i64| if i == 0 { inputs } else { outputs };
    (0..count).map(|i| Resnet::new(&scope.at(i), [inputs(i), outputs], how)).collect()
}

/// The bottom of encoder and decoder: attention between two residual blocks.
#[derive(Debug)]
pub struct MidBlock {
    pub resnets: [Resnet; 2],
    pub attention: SelfAttention,
}

impl MidBlock {
    fn new(scope: &Scope<'_>, config: &VaeConfig) -> Self {
        let ([_, channels], resnets) = (config.ends(), scope.at("resnets"));
        let resnet = |i: i64| Resnet::new(&resnets.at(i), [channels; 2], residual(config));
        let attention = scope.at("attentions").at(0);
        Self {
            resnets: [resnet(0), resnet(1)],
            attention: SelfAttention::new(&attention, channels, config.norm_num_groups),
        }
    }

    fn forward(&self, x: &Tensor) -> Tensor {
        let [before, after] = &self.resnets;
        after.forward(&self.attention.forward(&before.forward(x, None)), None)
    }
}

/// Attention of one head among the places of a feature map, beside a way past it.
#[derive(Debug)]
pub struct SelfAttention {
    pub group_norm: GroupNorm,
    pub attention: Attention,
}

impl SelfAttention {
    fn new(scope: &Scope<'_>, channels: i64, groups: i64) -> Self {
        let widths = Widths { query: channels, condition: channels, inner: channels };
        Self {
            group_norm: GroupNorm::new(&scope.at("group_norm"), channels, groups, EPS),
            attention: Attention::new(scope, widths, 1, Bias::With),
        }
    }

    fn forward(&self, x: &Tensor) -> Tensor {
        let [_, _, height, _] = dims(x);
        let places = self.group_norm.forward(x).flatten(2, 3).transpose(1, 2);
        x + self.attention.forward(&places, &places).transpose(1, 2).unflatten(2, [height, -1])
    }
}
