//! Several processes: the same training however it is cut, and what happens when one of them ends.

use rustix::process::Signal;
use serde_json::{Value, json};

use super::world::{ALONE, How, World, difference, finetune, signal, succeed, weight_difference, with};

/// What f32 loses in 20 steps whose sums are taken in another order, as a share of the largest number.
const ROUNDING: f64 = 2e-5;

/// The fine-tuning with updates that depend smoothly on gradients.
///
/// AdamW's first updates are as long as the rate whatever the gradient is, in the direction of its sign: a gradient that is
/// rounding and nothing else moves its weight by the whole rate either way. Where a gradient counts less once it is below
/// `epsilon`, weights can be compared to rounding.
fn smooth() -> Value {
    with(finetune(), "epsilon", json!(1e-3))
}

/// Ways to cut a step of eight samples: processes, and samples that each computes at once.
const CUTS: [(u32, &str); 8] = [(1, "1"), (1, "2"), (1, "4"), (2, "1"), (2, "2"), (2, "4"), (4, "1"), (4, "2")];

#[test]
fn every_cut_of_the_global_batch_gives_the_same_training() {
    let world = World::new();
    succeed(&world.finetune("one", smooth(), &How { micro_batch: "8", ..ALONE }));
    for (processes, micro_batch) in CUTS {
        let name = format!("{processes}x{micro_batch}");
        succeed(&world.finetune(&name, smooth(), &How { processes, micro_batch, ..ALONE }));
        same_training(&world, "one", &name);
    }
}

/// Losses and gradients of all steps and the weights at the end are the same to rounding.
#[track_caller]
fn same_training(world: &World, one: &str, other: &str) {
    for value in ["text_loss", "vision_loss", "loss", "grad_norm"] {
        let (expected, found) = (world.series(one, value), world.series(other, value));
        assert_eq!(expected.len(), 20);
        let apart = difference(&expected, &found);
        assert!(apart < ROUNDING, "{other}: {value} differs by {apart:e}");
    }
    let apart = weight_difference(&world.weights(one), &world.weights(other));
    assert!(apart < ROUNDING, "{other}: weights differ by {apart:e}");
}

#[test]
fn with_the_published_epsilon_four_processes_train_what_one_trains_too() {
    let world = World::new();
    succeed(&world.finetune("one", finetune(), &How { micro_batch: "8", ..ALONE }));
    succeed(&world.finetune("four", finetune(), &How { processes: 4, ..ALONE }));
    same_training(&world, "one", "four");
}

#[test]
fn a_process_without_any_image_to_predict_changes_nothing() {
    let world = World::new();
    // Two requests in all: with four processes, three have none in any step.
    let parameters = json!({
        "lr": 0.003, "batch": 8, "max_length": 220, "precision": "float32", "vqa": 158, "generation": 2, "epsilon": 1e-3
    });
    succeed(&world.finetune("one", parameters.clone(), &How { micro_batch: "8", ..ALONE }));
    succeed(&world.finetune("four", parameters, &How { processes: 4, ..ALONE }));
    let images = world.series("one", "vision_loss");
    assert_eq!(images.iter().filter(|loss| **loss > 0.0).count(), 2, "{images:?}");
    same_training(&world, "one", "four");
}

#[test]
fn the_release_s_reduction_depends_on_micro_batches_and_not_on_processes() {
    let world = World::new();
    let parameters = || with(with(finetune(), "vqa", json!(6)), "loss_reduction", json!("rank"));
    for (name, processes, micro_batch) in [("one", 1, "2"), ("two", 2, "2"), ("other", 1, "4")] {
        succeed(&world.finetune(name, parameters(), &How { processes, micro_batch, ..ALONE }));
    }
    let [one, two, other] = ["one", "two", "other"].map(|name| world.series(name, "loss"));
    assert!(difference(&one, &two) < ROUNDING);
    assert!(difference(&one, &other) > 100.0 * ROUNDING);
}

#[test]
fn a_training_that_is_asked_to_end_goes_on_where_it_was_to_the_same_bits() {
    let world = World::new();
    succeed(&world.finetune("whole", finetune(), &ALONE));
    let children = world.spawn("finetune", "begun", finetune(), &ALONE);
    world.ask_to_end("begun", children, 1);
    let checkpoint = world.path("begun/checkpoint");
    succeed(&world.finetune("resumed", finetune(), &How { resume: Some(&checkpoint), ..ALONE }));
    assert!(world.weights("whole") == world.weights("resumed"));
    let steps = |name: &str| world.series(name, "loss");
    assert_eq!([steps("begun"), steps("resumed")].concat(), steps("whole"));
    let other =
        world.finetune("other", with(finetune(), "lr", json!(0.1)), &How { resume: Some(&checkpoint), ..ALONE });
    assert!(String::from_utf8_lossy(&other[0].stderr).contains("is of another training"));
}

#[test]
fn a_checkpoint_of_four_processes_is_resumed_by_two() {
    let world = World::new();
    let two = How { micro_batch: "2", ..ALONE };
    succeed(&world.finetune("whole", smooth(), &two));
    let children = world.spawn("finetune", "begun", smooth(), &How { processes: 4, ..two });
    world.ask_to_end("begun", children, 1);
    let checkpoint = world.path("begun/checkpoint");
    succeed(&world.finetune("resumed", smooth(), &How { processes: 2, resume: Some(&checkpoint), ..two }));
    let apart = weight_difference(&world.weights("whole"), &world.weights("resumed"));
    assert!(apart < ROUNDING, "weights differ by {apart:e}");
}

#[test]
fn a_process_that_is_killed_ends_the_others_with_a_reason() {
    let world = World::new();
    for killed in [1, 0, 3] {
        let name = format!("killed-{killed}");
        let mut children = world.spawn("finetune", &name, finetune(), &How { processes: 4, ..ALONE });
        world.wait_for(&name, 1);
        signal(&children[killed], Signal::KILL);
        children.remove(killed).wait().unwrap();
        for child in children {
            let ended = child.wait_with_output().unwrap();
            let said = String::from_utf8_lossy(&ended.stderr);
            assert_eq!(ended.status.code(), Some(1), "{said}");
            assert!(said.contains("the processes could not go on together"), "{said}");
        }
    }
}
