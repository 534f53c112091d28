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
    let how = How { arguments: &["--peak-tflops", "1"], micro_batch: "4", points: &["25%"], ..ALONE };
    succeed(&world.finetune("tuned", finetune(), &how));
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
    succeed(&world.finetune("again", few(), &How { micro_batch: "4", ..ALONE }));
    let kept = How { micro_batch: "4", arguments: &["--keep-activations"], ..ALONE };
    succeed(&world.finetune("kept", few(), &kept));
    assert!(world.weights("again") == world.weights("kept"));
}

#[test]
fn bfloat16_follows_float32_and_keeps_its_weights_in_float32() {
    let world = World::new();
    let micro = How { micro_batch: "8", ..ALONE };
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

#[test]
fn the_number_of_loader_threads_changes_no_bit() {
    let world = World::new();
    for threads in ["1", "2", "7"] {
        succeed(&world.finetune(threads, finetune(), &How { arguments: &["--loader-threads", threads], ..ALONE }));
        for value in ["loss", "tokens_per_second", "broken_samples"] {
            assert_eq!(world.series(threads, value).len(), 20);
        }
        assert_eq!(world.series("1", "loss"), world.series(threads, "loss"));
        assert!(world.weights("1") == world.weights(threads), "{threads} threads");
    }
}

#[test]
fn models_at_declared_points_stay_however_often_the_training_is_interrupted() {
    let world = World::new();
    let points = How { points: &["25%", "50%", "75%"], ..ALONE };
    succeed(&world.finetune("whole", finetune(), &points));
    succeed(&world.finetune("unwatched", finetune(), &ALONE));
    assert!(world.weights("whole") == world.weights("unwatched"));
    let (mut before, mut resume) = (0, None);
    for name in ["first", "second"] {
        let children = world.spawn("finetune", name, finetune(), &How { resume: resume.as_deref(), ..points });
        // Five steps more: one point further on.
        world.ask_to_end(name, children, 5);
        let checkpoint = world.path(name).join("checkpoint");
        let kept = std::fs::read_dir(checkpoint.join("points")).unwrap().count();
        assert!(kept > before && !world.path(name).join("points").exists(), "{kept}");
        (before, resume) = (kept, Some(checkpoint));
    }
    succeed(&world.finetune("third", finetune(), &How { resume: resume.as_deref(), ..points }));
    for point in points.points {
        let at = |name: &str| world.weights(&format!("{name}/points/{point}"));
        assert!(at("whole") == at("third"), "{point}");
        assert!(at("whole") != world.weights("whole"), "{point}");
    }
    assert!(!world.path("third/checkpoint/points").exists());
}
