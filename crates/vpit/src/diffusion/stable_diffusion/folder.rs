//! A pipeline's folder as diffusers saves it: `unet/`, `vae/` and `scheduler/`, each with its configuration.

use std::path::Path;

use tch::{Device, Kind};

use super::config;
use super::scheduler::{SchedulerConfig, WireScheduler};
use super::unet::Unet;
use super::unet_config::{UnetConfig, WireUnet};
use super::vae::Vae;
use super::vae_config::{VaeConfig, WireVae};
use crate::model::weights;
use crate::model::{Parameters, Scope, Weights};

const CONFIG: &str = "config.json";
const WEIGHTS: &str = "diffusion_pytorch_model.safetensors";

/// Names in an attention layer before diffusers 0.13, in which published autoencoders are stored, and what they are now.
const OLD_NAMES: [(&str, &str); 4] =
    [(".query.", ".to_q."), (".key.", ".to_k."), (".value.", ".to_v."), (".proj_attn.", ".to_out.0.")];

/// Why a part of a pipeline could not be read.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Config(#[from] config::Error),
    #[error(transparent)]
    Weights(#[from] weights::Error),
}

/// The U-Net in `folder/unet`.
///
/// # Errors
/// A file is missing or damaged, or the weights do not fit the configuration.
pub fn unet(folder: &Path) -> Result<(Unet, Parameters), Error> {
    model::<WireUnet, _>(&folder.join("unet"), Unet::new)
}

/// The autoencoder in `folder/vae`, its attention under old or new names.
///
/// # Errors
/// As for [`unet`].
pub fn vae(folder: &Path) -> Result<(Vae, Parameters), Error> {
    model::<WireVae, _>(&folder.join("vae"), Vae::new)
}

/// The configuration of the U-Net in `folder/unet`, whose weights lie elsewhere.
///
/// # Errors
/// The file is missing or damaged, or asks for what is not built here.
pub fn unet_config(folder: &Path) -> Result<UnetConfig, Error> {
    Ok(config::read::<WireUnet>(&folder.join("unet").join(CONFIG))?)
}

/// The autoencoder in `folder/vae` on `device`, with its configuration.
///
/// # Errors
/// As for [`unet`].
pub fn frozen_vae(folder: &Path, device: Device) -> Result<(Vae, VaeConfig), Error> {
    let folder = folder.join("vae");
    let config = config::read::<WireVae>(&folder.join(CONFIG))?;
    let weights = Weights::read(&folder.join(WEIGHTS))?.renamed(present_name).to(Kind::Float, device);
    let (vae, _) = weights.build(|scope| Vae::new(scope, &config))?;
    Ok((vae, config))
}

/// The schedule in `folder/scheduler`.
///
/// # Errors
/// The file is missing or damaged, or asks for what is not built here.
pub fn scheduler(folder: &Path) -> Result<SchedulerConfig, Error> {
    Ok(config::read::<WireScheduler>(&folder.join("scheduler").join("scheduler_config.json"))?)
}

fn model<W: config::Wire, M>(
    folder: &Path,
    new: impl FnOnce(&Scope<'_>, &W::Config) -> M,
) -> Result<(M, Parameters), Error> {
    let config = config::read::<W>(&folder.join(CONFIG))?;
    let weights = Weights::read(&folder.join(WEIGHTS))?.renamed(present_name);
    Ok(weights.build(|scope| new(scope, &config))?)
}

fn present_name(name: &str) -> String {
    OLD_NAMES.iter().fold(name.to_owned(), |name, (old, new)| name.replace(old, new))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn old_names_of_attention_become_the_present_ones_and_present_ones_stay() {
        for (name, present) in [
            ("encoder.mid_block.attentions.0.query.weight", "encoder.mid_block.attentions.0.to_q.weight"),
            ("decoder.mid_block.attentions.0.proj_attn.bias", "decoder.mid_block.attentions.0.to_out.0.bias"),
            ("decoder.mid_block.attentions.0.to_out.0.bias", "decoder.mid_block.attentions.0.to_out.0.bias"),
        ] {
            assert_eq!(present_name(name), present);
        }
    }
}
