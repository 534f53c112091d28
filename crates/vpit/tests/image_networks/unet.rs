use std::io::Write as _;

use serde::Deserialize;
use serde_json::Value;
use vpit::diffusion::stable_diffusion::config::{Wire, read};
use vpit::diffusion::stable_diffusion::unet_config::WireUnet;
use vpit::diffusion::stable_diffusion::vae_config::WireVae;
use vpit::diffusion::stable_diffusion::{Unet, Vae};

use super::golden::{Golden, hold_published, network, outline, path};

fn says_what_diffusers_says(name: &str) {
    let name = &format!("diffusion/{name}");
    let (unet, _) = network::<WireUnet, _>(name, Unet::new);
    let golden = Golden::read(name);
    let ours = unet.forward(golden.get("latents"), &golden.times("times"), golden.get("condition"));
    golden.hold("out", &ours, "mutant.");
}

#[test]
fn a_network_like_stable_diffusion_says_what_diffusers_says() {
    says_what_diffusers_says("unet-sd");
}

#[test]
fn levels_may_differ_in_everything_and_latents_be_of_odd_sizes() {
    says_what_diffusers_says("unet-odd");
}

#[test]
fn linear_projections_deep_transformers_and_heads_that_leave_channels_over() {
    says_what_diffusers_says("unet-linear");
}

#[test]
fn on_faint_maps_every_epsilon_counts() {
    says_what_diffusers_says("unet-faint");
}

#[test]
fn a_network_of_one_level_halves_nothing() {
    says_what_diffusers_says("unet-flat");
}

#[derive(Deserialize)]
struct Sizes {
    config: Value,
    tensors: usize,
    numbers: i64,
}

/// The configuration that `settings` stand for, through a file as diffusers leaves it.
fn configured<W: Wire>(settings: &Value) -> W::Config {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    write!(file, "{settings}").unwrap();
    read::<W>(file.path()).unwrap()
}

#[test]
fn random_sizes_have_as_many_tensors_and_numbers_as_in_diffusers() {
    let all: Vec<Sizes> = serde_json::from_slice(&std::fs::read(path("diffusion/unet-sizes.json")).unwrap()).unwrap();
    assert_eq!(all.len(), 40);
    for sizes in all {
        let config = configured::<WireUnet>(&sizes.config);
        let parameters = outline(|scope| Unet::new(scope, &config));
        let numbers: i64 = parameters.iter().map(|(_, tensor)| tensor.numel() as i64).sum();
        assert_eq!((parameters.iter().count(), numbers), (sizes.tensors, sizes.numbers), "{}", sizes.config);
    }
}

/// The published `unet/config.json` of Stable Diffusion 1.5.
fn published_unet() -> Value {
    serde_json::json!({
        "_class_name": "UNet2DConditionModel",
        "_diffusers_version": "0.6.0",
        "act_fn": "silu",
        "attention_head_dim": 8,
        "block_out_channels": [320, 640, 1280, 1280],
        "center_input_sample": false,
        "cross_attention_dim": 768,
        "down_block_types": ["CrossAttnDownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D", "DownBlock2D"],
        "downsample_padding": 1,
        "flip_sin_to_cos": true,
        "freq_shift": 0,
        "in_channels": 4,
        "layers_per_block": 2,
        "mid_block_scale_factor": 1,
        "norm_eps": 1e-5,
        "norm_num_groups": 32,
        "out_channels": 4,
        "sample_size": 64,
        "up_block_types": ["UpBlock2D", "CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "CrossAttnUpBlock2D"]
    })
}

/// The published `vae/config.json`.
fn published_vae() -> Value {
    serde_json::json!({
        "_class_name": "AutoencoderKL",
        "_diffusers_version": "0.6.0",
        "act_fn": "silu",
        "block_out_channels": [128, 256, 512, 512],
        "down_block_types": ["DownEncoderBlock2D", "DownEncoderBlock2D", "DownEncoderBlock2D", "DownEncoderBlock2D"],
        "in_channels": 3,
        "latent_channels": 4,
        "layers_per_block": 2,
        "norm_num_groups": 32,
        "out_channels": 3,
        "sample_size": 512,
        "up_block_types": ["UpDecoderBlock2D", "UpDecoderBlock2D", "UpDecoderBlock2D", "UpDecoderBlock2D"]
    })
}

#[test]
fn at_full_size_there_are_the_published_tensors() {
    let config = configured::<WireUnet>(&published_unet());
    hold_published(&outline(|scope| Unet::new(scope, &config)), "diffusion/published-unet.tsv", 686);
    let config = configured::<WireVae>(&published_vae());
    assert_eq!((config.scaling_factor, config.reduction()), (0.18215, 8));
    hold_published(&outline(|scope| Vae::new(scope, &config)), "diffusion/published-vae.tsv", 248);
}
