//! What cannot be drawn or graded ends with an error that names it, and leaves no score.

use std::fs;

use serde_json::json;

use super::world::{How, World, drawing, few, grades, refusal, succeed, with};

#[test]
fn parameters_and_models_that_cannot_draw_are_refused() {
    let world = World::new();
    let refused = |parameters: &serde_json::Value| {
        let said = refusal(&world.draw("bad", parameters, How::default()));
        fs::remove_dir_all(world.path("bad")).unwrap();
        said
    };
    for (key, value, problem) in [
        ("guidence", json!(1), "unknown field `guidence`"),
        ("guidance", json!(-1), "`guidance` is -1"),
        ("image_benchmark", json!("../tiny"), "`image_benchmark` is `../tiny`"),
        ("image_benchmark", json!("coco-30k"), "there is no benchmark"),
        ("sampling_steps", json!(0), "in 0 steps"),
        ("resolution", json!(15), "images of 15 pixels"),
        ("fid_preparation", json!("legacy"), "unknown variant `legacy`"),
        ("at", json!("25%"), "points/25%"),
    ] {
        let said = refused(&with(drawing(), key, value));
        assert!(said.contains(problem), "{key}: {said}");
    }
    let facts = world.path("visualizer/visualizer.json");
    let text = fs::read_to_string(&facts).unwrap();
    for (old, new, problem) in [
        (
            "\"visual_tokens\": 4",
            "\"visual_tokens\": 9",
            "says [4, 10] visual tokens and the visualizer was trained on [9, 10]",
        ),
        ("\"pipeline\": \"pipeline\"", "\"pipeline\": \"..\"", "`pipeline` is `..`"),
        ("14", "15", "`projector.layers.0.bias` is [14], not [15]"),
    ] {
        fs::write(&facts, text.replace(old, new)).unwrap();
        let said = refused(&drawing());
        assert!(said.contains(problem), "{said}");
    }
    fs::write(&facts, text).unwrap();
    fs::remove_file(world.path("finetune/effective.json")).unwrap();
    assert!(refused(&drawing()).contains("effective.json"));
}

#[test]
fn a_benchmark_that_changed_is_refused_with_the_file_that_did() {
    let world = World::new();
    let captions = world.path("benchmarks/tiny/captions.jsonl");
    let text = fs::read_to_string(&captions).unwrap();
    fs::write(&captions, text.replacen("fox", "dog", 1)).unwrap();
    let said = refusal(&world.draw("bad", &drawing(), How::default()));
    assert!(said.contains("captions.jsonl` is not what the manifest pins"), "{said}");
    fs::write(&captions, &text).unwrap();
    let manifest = world.path("benchmarks/tiny/manifest.json");
    let pinned = fs::read_to_string(&manifest).unwrap();
    fs::write(&manifest, pinned.replace("\"version\": 1", "\"version\": 2")).unwrap();
    assert!(refusal(&world.draw("bad", &drawing(), How::default())).contains("version 2"));
}

#[test]
fn a_checkpoint_of_another_drawing_is_refused() {
    let world = World::new();
    succeed(&world.draw("first", &drawing(), How::default()));
    let checkpoint = world.path("first/checkpoint");
    let how = How { resume: Some(&checkpoint), ..How::default() };
    let said = refusal(&world.draw("second", &with(drawing(), "guidance", json!(6.0)), how));
    assert!(said.contains("is of another drawing"), "{said}");
}

#[test]
fn what_cannot_be_graded_leaves_no_score() {
    let world = World::new().with_network();
    let refused = |parameters: &serde_json::Value, arguments: &[&str]| {
        let said = refusal(&world.grade("graded", "drawn", parameters, arguments));
        assert!(!world.path("graded/scores.json").exists());
        said
    };
    fs::create_dir_all(world.path("drawn")).unwrap();
    assert!(refused(&grades(), &["--biased"]).contains("drawing.json"));
    succeed(&world.draw("drawn", &few(drawing()), How::default()));
    let too_few = refused(&grades(), &[]);
    assert!(too_few.contains("9 samples of 2048 features") && too_few.contains("--biased"), "{too_few}");
    // One image gone, and one that is none.
    let image = world.files("drawn", "images/").into_keys().next().unwrap();
    let path = world.path("drawn").join(&image);
    let kept = fs::read(&path).unwrap();
    fs::remove_file(&path).unwrap();
    let name = image.file_name().unwrap().to_str().unwrap();
    assert!(refused(&grades(), &["--biased"]).contains(name));
    fs::write(&path, &kept[..kept.len() / 2]).unwrap();
    assert!(refused(&grades(), &["--biased"]).contains(name));
    fs::write(&path, &kept).unwrap();
    // A real picture that is another one.
    let reference = fs::read_to_string(world.path("benchmarks/few/references.jsonl")).unwrap();
    let reference: serde_json::Value = serde_json::from_str(reference.lines().next().unwrap()).unwrap();
    let real = world.path("val").join(reference["file"].as_str().unwrap());
    let before = fs::read(&real).unwrap();
    fs::copy(&path, &real).unwrap();
    let said = refused(&grades(), &["--biased"]);
    assert!(said.contains("it is another picture"), "{said}");
    fs::write(&real, before).unwrap();
    // Another benchmark than it was drawn for.
    world.pinned(&world.pin("other", &["--count", "9", "--side", "32"]));
    let said = refused(&with(grades(), "image_benchmark", json!("other")), &["--biased"]);
    assert!(said.contains("was drawn for another benchmark, few"), "{said}");
    // A network without its file.
    let said = refused(&with(grades(), "fid_network", json!("nothing")), &["--biased"]);
    assert!(said.contains("nothing/model.safetensors"), "{said}");
}

#[test]
fn features_of_other_networks_are_refused() {
    let world = World::new().with_network();
    succeed(&world.draw("drawn", &few(drawing()), How { arguments: &["--keep", "features"], ..How::default() }));
    assert_eq!(world.files("drawn", "examples/").len(), 9);
    let said =
        refusal(&world.grade("graded", "drawn", &with(grades(), "fid_preparation", json!("clean")), &["--biased"]));
    assert!(said.contains("has features for fid/pytorch-fid and clip_score/ViT-24-7-28"), "{said}");
    let facts = world.path("drawn/drawing.json");
    let text = fs::read_to_string(&facts).unwrap();
    let digest = world.json("drawn/drawing.json")["network"].as_str().unwrap().to_owned();
    fs::write(&facts, text.replace(&digest, &"0".repeat(64))).unwrap();
    let said = refusal(&world.grade("graded", "drawn", &grades(), &["--biased"]));
    assert!(said.contains(&format!("not for {digest}")), "{said}");
    fs::write(&facts, text).unwrap();
    let features = world.path("drawn/features.safetensors");
    let whole = fs::read(&features).unwrap();
    fs::write(&features, &whole[..whole.len() / 2]).unwrap();
    assert!(refusal(&world.grade("graded", "drawn", &grades(), &["--biased"])).contains("features.safetensors"));
}
