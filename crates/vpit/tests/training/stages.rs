//! One process: what each stage learns and leaves, resuming, precision.

use serde_json::json;
use vpit::model::tensor_files::TensorFiles;
use vpit::unified;

use super::world::{ALONE, How, World, adapter, difference, finetune, succeed, weight_difference, with};

#[test]
fn the_adapter_learns_beside_a_frozen_decoder_and_is_all_that_is_kept() {
    let world = World::new();
    let left = TensorFiles::file(&world.adapter().join("model.safetensors")).unwrap();
    let names: Vec<&str> = left.names().collect();
    let layers = ["0.bias", "0.weight", "2.bias", "2.weight"].map(|name| format!("model.mm_projector.{name}"));
    assert_eq!(names, ["image_rows"].into_iter().chain(layers.iter().map(String::as_str)).collect::<Vec<_>>());
    assert_eq!(left.shape("image_rows").unwrap(), [2, 32]);
    let again = world.start("adapter", "again", adapter(), &ALONE);
    succeed(&again);
    let bytes = |name: &str| std::fs::read(world.path(name).join("model.safetensors")).unwrap();
    assert_eq!(bytes("adapter"), bytes("again"));
    // The first step's rate is 0, the second's is not: captions were learned from.
    assert!(world.series("adapter", "vision_loss").iter().all(|loss| *loss == 0.0));
    assert_eq!(world.series("adapter", "lr"), [0.0, 0.01]);
}

#[test]
fn a_fine_tuning_learns_words_and_images_and_leaves_a_model_and_what_it_did() {
    let world = World::new();
    let points = with(finetune(), "points", json!([0.25]));
    succeed(&world.finetune(
        "tuned",
        points,
        &How { arguments: &["--peak-tflops", "1", "--micro-batch", "4"], ..ALONE },
    ));
    let (_, config, parameters) = unified::load(&world.path("tuned")).unwrap();
    assert_eq!((config.llama.vocab_size, config.visual.visual_tokens, parameters.iter().count()), (708, 4, 29));
    let last = |name: &str| *world.series("tuned", name).last().unwrap();
    let first = |name: &str| world.series("tuned", name)[0];
    assert!(last("text_loss") < first("text_loss") - 0.5 && last("vision_loss") < first("vision_loss") - 0.1);
    for name in ["grad_norm", "tokens_per_second", "images_per_second", "tflops", "mfu", "memory_gb"] {
        assert!(last(name) > 0.0, "{name}");
    }
    assert_eq!(world.series("tuned", "broken_samples"), [0.0; 20]);
    unified::load(&world.path("tuned/points/25%")).unwrap();
    let data: serde_json::Value = runfile::files::read_json(&world.path("tuned/data.json")).unwrap();
    assert_eq!(data["sources"]["generation"]["samples"], 24);
    let effective: serde_json::Value = runfile::files::read_json(&world.path("tuned/effective.json")).unwrap();
    assert_eq!((&effective["parameters"]["llm"], &effective["steps"]), (&json!("tiny"), &json!(20)));
}

#[test]
fn what_is_computed_again_and_what_is_kept_give_the_same_bits() {
    let world = World::new();
    let few = || with(finetune(), "vqa", json!(6));
    succeed(&world.finetune("again", few(), &How { arguments: &["--micro-batch", "4"], ..ALONE }));
    let kept = How { arguments: &["--micro-batch", "4", "--keep-activations"], ..ALONE };
    succeed(&world.finetune("kept", few(), &kept));
    assert!(world.weights("again") == world.weights("kept"));
}

#[test]
fn bfloat16_follows_float32_and_keeps_its_weights_in_float32() {
    let world = World::new();
    let micro = How { arguments: &["--micro-batch", "8"], ..ALONE };
    succeed(&world.finetune("wide", finetune(), &micro));
    succeed(&world.finetune("half", with(finetune(), "precision", json!("bfloat16")), &micro));
    let losses = ["wide", "half"].map(|name| world.series(name, "loss"));
    let apart = difference(&losses[0], &losses[1]);
    assert!(apart > 0.0 && apart < 0.02, "{apart}");
    // Twenty updates at this rate are far below a half step of bfloat16 for many weights: they would be lost without f32.
    assert!(weight_difference(&world.weights("wide"), &world.weights("half")) < 0.1);
}

#[test]
fn a_training_that_diverges_ends_with_its_own_code_and_says_where() {
    let world = World::new();
    let output = &world.finetune("wild", with(finetune(), "lr", json!(1e30)), &ALONE)[0];
    assert_eq!(output.status.code(), Some(runfile::exit::DIVERGED));
    assert!(String::from_utf8_lossy(&output.stderr).contains("training diverged"));
}
