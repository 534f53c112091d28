use std::fs;
use std::path::Path;

use serde_json::{Value, json};
use tch::{Kind, Tensor};
use vpit::framing;
use vpit::judge::{Clip, ClipConfig, clip};
use vpit::model::Weights;

use super::framing::apart;
use super::golden::{Golden, filled, hold_published, outline, path};

fn config(name: &str) -> ClipConfig {
    serde_json::from_slice(&fs::read(path(&format!("judges/{name}.json"))).unwrap()).unwrap()
}

fn sees_and_reads_as_transformers_does(name: &str) {
    let config = config(name);
    let clip = filled(|scope| Clip::new(scope, &config), 1.0);
    let golden = Golden::read(&format!("judges/{name}"));
    golden.hold("image_embeds", &clip.images(golden.get("images")), "mutant.image.");
    golden.hold("text_embeds", &clip.texts(golden.get("ids")), "mutant.text.");
}

#[test]
fn a_model_like_openais_sees_and_reads_as_transformers_does() {
    sees_and_reads_as_transformers_does("clip-openai");
}

#[test]
fn gelu_other_ends_and_patches_that_leave_pixels_over() {
    sees_and_reads_as_transformers_does("clip-other");
}

#[test]
fn what_follows_the_end_of_a_text_does_not_matter() {
    let config = config("clip-other");
    let clip = filled(|scope| Clip::new(scope, &config), 1.0);
    let text = |padding: i64| Tensor::from_slice(&[96, 5, 97, padding, padding]).view([1, 5]);
    assert_eq!(clip.texts(&text(1)), clip.texts(&text(50)));
}

#[test]
fn images_are_prepared_to_the_level_as_the_published_preparation_does() {
    let golden = Golden::read("judges/preparation");
    let pictures = golden.below("levels.");
    assert_eq!(pictures.len(), 3);
    for (name, levels) in pictures {
        let side: i64 = name.rsplit('.').next().unwrap().parse().unwrap();
        // A level is a 255th over the deviation; 0.27 is near all three.
        let level = 255.0 * 0.27 / 127.5;
        let (share, most) =
            apart(&(framing::clip(levels, side) * level), &(golden.get(&format!("clip.{name}")) * level));
        assert!(most < 0.5, "{name}: {share} of pixels up to {most} levels apart");
    }
}

#[test]
fn at_full_size_there_are_the_published_tensors() {
    // Of the published `config.json`, what differs from transformers' defaults.
    let l14 = json!({
        "projection_dim": 768,
        "text_config": {"hidden_size": 768, "intermediate_size": 3072, "num_attention_heads": 12, "eos_token_id": 2},
        "vision_config": {
            "hidden_size": 1024,
            "intermediate_size": 4096,
            "num_attention_heads": 16,
            "num_hidden_layers": 24,
            "patch_size": 14
        }
    });
    let b32 = json!({"text_config": {}, "vision_config": {}});
    for (settings, list, count) in
        [(l14, "judges/published-clip-l14.tsv", 590), (b32, "judges/published-clip-b32.tsv", 398)]
    {
        let config: ClipConfig = serde_json::from_value(settings).unwrap();
        hold_published(&outline(|scope| Clip::new(scope, &config)), list, count);
    }
}

/// Write a small model into `folder` as transformers does, with these settings.
fn publish(folder: &Path, settings: &Value) {
    fs::write(folder.join("config.json"), settings.to_string()).unwrap();
    let config = config("clip-other");
    let (_, parameters) = Weights::fresh(0).build(|scope| Clip::new(scope, &config)).unwrap();
    let ids = Tensor::arange(12, (Kind::Int64, tch::Device::Cpu));
    let mut tensors: Vec<(&str, Tensor)> =
        parameters.iter().map(|(name, tensor)| (name, tensor.shallow_clone())).collect();
    tensors.extend(Clip::COUNTERS.map(|name| (name, ids.shallow_clone())));
    Tensor::write_safetensors(&tensors, folder.join("model.safetensors")).unwrap();
}

fn settings() -> Value {
    serde_json::from_slice(&fs::read(path("judges/clip-other.json")).unwrap()).unwrap()
}

#[test]
fn a_published_folder_is_read_and_its_counters_are_passed_over() {
    let folder = tempfile::tempdir().unwrap();
    publish(folder.path(), &settings());
    assert_eq!(clip::read(folder.path(), tch::Device::Cpu).unwrap().1, config("clip-other"));
}

#[test]
fn another_model_and_sizes_that_do_not_fit_are_refused() {
    for (place, value, problem) in [
        ("/model_type", json!("siglip"), "`model_type` is `siglip`, not `clip`"),
        ("/text_config/num_attention_heads", json!(5), "12 of `text_config` are not divided by 5 heads"),
        ("/vision_config/num_attention_heads", json!(0), "`num_attention_heads` of `vision_config` is 0"),
        ("/vision_config/patch_size", json!(18), "a patch of 18 pixels is larger than an image of 17"),
        ("/vision_config/hidden_act", json!("relu"), "unknown variant `relu`"),
        ("/projection_dim", json!(7), "`text_projection.weight` is [6, 12], not [7, 12]"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let mut settings = settings();
        *settings.pointer_mut(place).unwrap() = value;
        publish(folder.path(), &settings);
        let message = clip::read(folder.path(), tch::Device::Cpu).unwrap_err().to_string();
        assert!(message.contains(problem), "{message}");
    }
}
