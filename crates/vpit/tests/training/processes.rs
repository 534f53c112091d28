//! Several processes: the same training however it is cut, and what happens when one of them ends.

use std::process::Child;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::json;

use super::world::{ALONE, How, World, difference, finetune, succeed, weight_difference, with};

/// To the rounding of f32 over 20 steps.
const ROUNDING: f64 = 2e-4;

#[test]
fn every_cut_of_the_global_batch_gives_the_same_training() {
    let world = World::new();
    succeed(&world.finetune("one", finetune(), &How { arguments: &["--micro-batch", "8"], ..ALONE }));
    let (losses, weights) = (world.series("one", "loss"), world.weights("one"));
    assert_eq!(losses.len(), 20);
    for (processes, micro_batch) in [(1, "2"), (2, "2"), (4, "2"), (4, "1")] {
        let name = format!("{processes}x{micro_batch}");
        let how = How { processes, arguments: &["--micro-batch", micro_batch], resume: None };
        succeed(&world.finetune(&name, finetune(), &how));
        let apart = difference(&losses, &world.series(&name, "loss"));
        assert!(apart < ROUNDING, "{name}: losses differ by {apart:e}");
        let apart = weight_difference(&weights, &world.weights(&name));
        assert!(apart < 50.0 * ROUNDING, "{name}: weights differ by {apart:e}");
    }
}

#[test]
fn a_process_without_any_image_to_predict_changes_nothing() {
    let world = World::new();
    // One request in a step of eight at most: with four processes most have none.
    let parameters = json!({
        "lr": 0.003, "batch": 8, "max_length": 220, "precision": "float32", "vqa": 38, "generation": 2
    });
    succeed(&world.finetune("one", parameters.clone(), &How { arguments: &["--micro-batch", "8"], ..ALONE }));
    succeed(&world.finetune("four", parameters, &How { processes: 4, ..ALONE }));
    let images = world.series("one", "vision_loss");
    assert!(images.contains(&0.0) && images.iter().any(|loss| *loss > 0.0), "{images:?}");
    assert!(difference(&images, &world.series("four", "vision_loss")) < ROUNDING);
    assert!(weight_difference(&world.weights("one"), &world.weights("four")) < 50.0 * ROUNDING);
}

#[test]
fn the_release_s_reduction_depends_on_micro_batches_and_not_on_processes() {
    let world = World::new();
    let parameters = || with(with(finetune(), "vqa", json!(6)), "loss_reduction", json!("rank"));
    for (name, processes, micro_batch) in [("one", 1, "2"), ("two", 2, "2"), ("other", 1, "4")] {
        let how = How { processes, arguments: &["--micro-batch", micro_batch], resume: None };
        succeed(&world.finetune(name, parameters(), &how));
    }
    let [one, two, other] = ["one", "two", "other"].map(|name| world.series(name, "loss"));
    assert!(difference(&one, &two) < ROUNDING);
    assert!(difference(&one, &other) > 10.0 * ROUNDING);
}

/// Wait until the training in the folder `name` has told of a step.
fn first_step(world: &World, name: &str) {
    let path = world.path(name).join("metrics.jsonl");
    while std::fs::metadata(&path).map_or(0, |file| file.len()) == 0 {
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
}

fn signal(child: &Child, signal: Signal) {
    let id = Pid::from_raw(i32::try_from(child.id()).unwrap()).unwrap();
    kill_process(id, signal).unwrap();
}

#[test]
fn a_training_that_is_asked_to_end_goes_on_where_it_was_to_the_same_bits() {
    let world = World::new();
    succeed(&world.finetune("whole", finetune(), &ALONE));
    let children = world.spawn("finetune", "begun", finetune(), &ALONE);
    first_step(&world, "begun");
    signal(&children[0], Signal::USR1);
    let ended = children.into_iter().next().unwrap().wait_with_output().unwrap();
    assert_eq!(ended.status.code(), Some(runfile::exit::REQUEUE), "{}", String::from_utf8_lossy(&ended.stderr));
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
    succeed(&world.finetune("whole", finetune(), &How { arguments: &["--micro-batch", "2"], ..ALONE }));
    let four = How { processes: 4, arguments: &["--micro-batch", "2"], resume: None };
    let children = world.spawn("finetune", "begun", finetune(), &four);
    first_step(&world, "begun");
    signal(&children[2], Signal::TERM);
    for child in children {
        let ended = child.wait_with_output().unwrap();
        assert_eq!(ended.status.code(), Some(runfile::exit::REQUEUE), "{}", String::from_utf8_lossy(&ended.stderr));
    }
    let checkpoint = world.path("begun/checkpoint");
    let two = How { processes: 2, arguments: &["--micro-batch", "2"], resume: Some(&checkpoint) };
    succeed(&world.finetune("resumed", finetune(), &two));
    assert!(weight_difference(&world.weights("whole"), &world.weights("resumed")) < 50.0 * ROUNDING);
}

#[test]
fn a_process_that_is_killed_ends_the_others_with_a_reason() {
    let world = World::new();
    let mut children = world.spawn("finetune", "killed", finetune(), &How { processes: 2, ..ALONE });
    first_step(&world, "killed");
    children[1].kill().unwrap();
    let ended = children.remove(0).wait_with_output().unwrap();
    assert_eq!(ended.status.code(), Some(1));
    let said = String::from_utf8_lossy(&ended.stderr);
    assert!(said.contains("the processes could not go on together"), "{said}");
    children.remove(0).wait().unwrap();
}
