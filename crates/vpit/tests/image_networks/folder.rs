use std::fs;
use std::path::Path;

use tch::{Kind, Tensor};
use tempfile::TempDir;
use vpit::diffusion::stable_diffusion::folder;

use super::golden::path;

const UNET: &str = "unet/diffusion_pytorch_model.safetensors";
const VAE: &str = "vae/diffusion_pytorch_model.safetensors";

/// A copy of the stored pipeline, to be damaged.
fn pipeline() -> TempDir {
    let copy = tempfile::tempdir().unwrap();
    for part in ["unet", "vae", "scheduler"] {
        fs::create_dir(copy.path().join(part)).unwrap();
        for entry in fs::read_dir(path("diffusion/pipeline").join(part)).unwrap() {
            let file = entry.unwrap();
            fs::copy(file.path(), copy.path().join(part).join(file.file_name())).unwrap();
        }
    }
    copy
}

/// Give the weights in `file` other names or other numbers.
fn rewrite(file: &Path, change: impl Fn(String, Tensor) -> Option<(String, Tensor)>) {
    let tensors = Tensor::read_safetensors(file).unwrap().into_iter();
    let tensors: Vec<(String, Tensor)> = tensors.filter_map(|(name, tensor)| change(name, tensor)).collect();
    Tensor::write_safetensors(&tensors, file).unwrap();
}

/// Replace `old` in the settings at `file`.
fn edit(file: &Path, old: &str, new: &str) {
    let text = fs::read_to_string(file).unwrap();
    assert!(text.contains(old), "{text}");
    fs::write(file, text.replace(old, new)).unwrap();
}

#[test]
fn an_autoencoder_under_old_names_is_the_same_one() {
    let old = pipeline();
    rewrite(&old.path().join(VAE), |name, tensor| {
        let name = name.replace("to_q", "query").replace("to_k", "key").replace("to_v", "value");
        Some((name.replace("to_out.0", "proj_attn"), tensor))
    });
    let (vae, parameters) = folder::vae(old.path()).unwrap();
    let (same, _) = folder::vae(&path("diffusion/pipeline")).unwrap();
    assert!(parameters.get("encoder.mid_block.attentions.0.to_q.weight").is_some());
    let latents = Tensor::ones([1, 4, 3, 2], (Kind::Float, tch::Device::Cpu));
    assert_eq!(vae.decode(&latents), same.decode(&latents));
}

#[test]
fn weights_in_half_precision_are_read_too() {
    let half = pipeline();
    rewrite(&half.path().join(UNET), |name, tensor| Some((name, tensor.to_kind(Kind::Half))));
    let (_, parameters) = folder::unet(half.path()).unwrap();
    assert_eq!(parameters.get("conv_in.weight").unwrap().kind(), Kind::Float);
}

#[test]
fn missing_unexpected_and_misshapen_weights_are_listed_with_their_file() {
    let damaged = pipeline();
    rewrite(&damaged.path().join(UNET), |name, tensor| match name.as_str() {
        "conv_in.bias" => None,
        "conv_out.bias" => Some((name, Tensor::zeros([7], (Kind::Float, tch::Device::Cpu)))),
        "time_embedding.linear_1.bias" => Some(("time_embedding.linear_3.bias".to_owned(), tensor)),
        _ => Some((name, tensor)),
    });
    let message = folder::unet(damaged.path()).unwrap_err().to_string();
    for problem in [
        UNET,
        "missing `conv_in.bias`",
        "`conv_out.bias` is [7], not [4]",
        "missing `time_embedding.linear_1.bias`",
        "unexpected `time_embedding.linear_3.bias`",
    ] {
        assert!(message.contains(problem), "{message}");
    }
}

#[test]
fn a_truncated_file_and_a_missing_one_are_named() {
    let damaged = pipeline();
    let file = damaged.path().join(VAE);
    let bytes = fs::read(&file).unwrap();
    fs::write(&file, &bytes[..bytes.len() / 2]).unwrap();
    let message = folder::vae(damaged.path()).unwrap_err().to_string();
    assert!(message.contains(VAE), "{message}");
    fs::remove_file(damaged.path().join("vae/config.json")).unwrap();
    let message = folder::vae(damaged.path()).unwrap_err().to_string();
    assert!(message.contains("vae/config.json"), "{message}");
}

#[test]
fn settings_that_are_not_built_here_are_refused_by_name() {
    let other = pipeline();
    let (unet, vae) = (other.path().join("unet/config.json"), other.path().join("vae/config.json"));
    let scheduler = other.path().join("scheduler/scheduler_config.json");
    edit(&unet, "\"class_embed_type\": null", "\"class_embed_type\": \"timestep\"");
    edit(&unet, "\"mid_block_scale_factor\": 1", "\"mid_block_scale_factor\": 1.5");
    edit(&vae, "\"shift_factor\": null", "\"shift_factor\": 0.1");
    edit(&scheduler, "\"beta_schedule\": \"scaled_linear\"", "\"beta_schedule\": \"linear\"");
    let message = folder::unet(other.path()).unwrap_err().to_string();
    for problem in ["unet/config.json", "`class_embed_type` is \"timestep\"", "`mid_block_scale_factor` is 1.5"] {
        assert!(message.contains(problem), "{message}");
    }
    let message = folder::vae(other.path()).unwrap_err().to_string();
    assert!(message.contains("`shift_factor` is 0.1; only null"), "{message}");
    let message = folder::scheduler(other.path()).unwrap_err().to_string();
    assert!(message.contains("unknown variant `linear`"), "{message}");
}

#[test]
fn another_kind_of_block_and_another_class_are_refused() {
    let other = pipeline();
    edit(&other.path().join("unet/config.json"), "\"CrossAttnDownBlock2D\"", "\"AttnDownBlock2D\"");
    let message = folder::unet(other.path()).unwrap_err().to_string();
    assert!(message.contains("unknown variant `AttnDownBlock2D`"), "{message}");
    edit(&other.path().join("scheduler/scheduler_config.json"), "PNDMScheduler", "EulerDiscreteScheduler");
    let message = folder::scheduler(other.path()).unwrap_err().to_string();
    assert!(message.contains("`EulerDiscreteScheduler`, not `PNDMScheduler`"), "{message}");
}

#[test]
fn settings_that_do_not_fit_together_are_refused() {
    for (old, new, problem) in [
        ("\"norm_num_groups\": 2", "\"norm_num_groups\": 3", "no multiple of 3 groups"),
        ("\"norm_num_groups\": 2", "\"norm_num_groups\": 0", "`norm_num_groups` is 0"),
        ("\"attention_head_dim\": 2", "\"attention_head_dim\": 5", "5 heads of 4 channels"),
        ("\"attention_head_dim\": 2", "\"attention_head_dim\": [2]", "1 numbers for 2 blocks"),
        ("\"conv_in_kernel\": 3", "\"conv_in_kernel\": 4", "`conv_in_kernel` is 4"),
        ("\"skip_prk_steps\": true", "\"skip_prk_steps\": false", "`skip_prk_steps` is false"),
        ("\"beta_end\": 0.012", "\"beta_end\": 12.0", "no variances"),
    ] {
        let other = pipeline();
        let scheduler = fs::read_to_string(other.path().join("scheduler/scheduler_config.json")).unwrap();
        let message = if scheduler.contains(old) {
            edit(&other.path().join("scheduler/scheduler_config.json"), old, new);
            folder::scheduler(other.path()).unwrap_err().to_string()
        } else {
            edit(&other.path().join("unet/config.json"), old, new);
            folder::unet(other.path()).unwrap_err().to_string()
        };
        assert!(message.contains(problem), "{message}");
    }
}
