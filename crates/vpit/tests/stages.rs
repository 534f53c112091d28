//! The pipeline in seconds: every stage runs on what the stages before it left, and runs again to the same bits.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use runfile::TaskConfig;
use serde_json::{Value, json};

/// Stages in order, what each needs, and parameters that make it short.
fn stages() -> Vec<(&'static str, &'static [&'static str], Value)> {
    vec![
        ("encoder", &[], json!({ "steps": 3, "batch": 8 })),
        ("lm", &[], json!({ "llm": "digits-small", "steps": 3, "batch": 8 })),
        ("judges", &[], json!({ "steps": 3, "batch": 8 })),
        ("adapter", &["encoder", "lm"], json!({ "steps": 2, "batch": 8 })),
        ("visualizer", &["encoder"], json!({ "steps": 3, "batch": 4, "channels": 16, "blocks": 1 })),
        ("finetune", &["encoder", "adapter"], json!({ "vqa": 24, "generation": 8, "batch": 8, "seed": 1 })),
        ("generate", &["finetune", "visualizer"], json!({ "images": 6, "sampling_steps": 2 })),
        ("evaluate-vqa", &["finetune", "encoder"], json!({ "questions": 20 })),
        ("evaluate-images", &["generate", "judges"], json!({ "real_images": 20 })),
        (
            "anchors",
            &["adapter", "encoder", "visualizer", "judges"],
            json!({ "vqa": 16, "questions": 20, "images": 6, "real_images": 20, "sampling_steps": 2 }),
        ),
    ]
}

/// Run all stages below `folder` and return each one's folder.
fn pipeline(folder: &Path) -> BTreeMap<&'static str, PathBuf> {
    let mut done = BTreeMap::new();
    for (stage, needs, parameters) in stages() {
        let out = folder.join(stage);
        let inputs = needs.iter().map(|&need| (need, &done[need])).collect();
        let outcome = start(stage, &out, parameters, inputs);
        assert!(outcome.status.success(), "{stage}: {}", String::from_utf8_lossy(&outcome.stderr));
        done.insert(stage, out);
    }
    done
}

#[expect(clippy::disallowed_methods, reason = "the test starts the program under test")]
fn start(stage: &str, out: &Path, parameters: Value, inputs: BTreeMap<&str, &PathBuf>) -> std::process::Output {
    std::fs::create_dir_all(out).unwrap();
    let config = TaskConfig {
        protocol: runfile::PROTOCOL,
        sweep: "test".to_owned(),
        stage: stage.to_owned(),
        task: "0".repeat(32),
        params: serde_json::from_value(parameters).unwrap(),
        inputs: inputs.into_iter().map(|(name, path)| (name.to_owned(), path.clone())).collect(),
        threads: 1,
        points: Vec::new(),
    };
    let path = out.join("task.json");
    runfile::files::write_json(&path, &config).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_vpit"));
    command.arg(stage).env(runfile::env::CONFIG, path).env(runfile::env::OUT, out).env("OMP_NUM_THREADS", "1");
    command.output().unwrap()
}

/// Digests of what a stage found, by file name; its configuration holds paths, which differ.
fn digests(folder: &Path) -> BTreeMap<String, blake3::Hash> {
    let files = [
        "model.safetensors",
        "vision.safetensors",
        "features.safetensors",
        "pairs.safetensors",
        "images.safetensors",
        "scores.json",
    ];
    let predictions = ["predictions/vqa.jsonl", "predictions/generation.jsonl"];
    let names = files.into_iter().chain(predictions).chain(["metrics.jsonl", "effective.json"]);
    let found = names.filter_map(|name| Some((name.to_owned(), std::fs::read(folder.join(name)).ok()?)));
    found.map(|(name, bytes)| (name, blake3::hash(&bytes))).collect()
}

#[test]
fn the_same_pipeline_twice_gives_the_same_bits() {
    let folder = tempfile::tempdir().unwrap();
    let first = pipeline(&folder.path().join("first"));
    let second = pipeline(&folder.path().join("second"));
    for (stage, folder) in &first {
        let found = digests(folder);
        assert!(found.len() > 1, "{stage} left {found:?}");
        assert_eq!(found, digests(&second[stage]), "{stage}");
    }
    let scores = |stage: &str| std::fs::read_to_string(first[stage].join("scores.json")).unwrap();
    for (stage, metric) in [("evaluate-vqa", "accuracy"), ("evaluate-images", "fid_digits"), ("anchors", "clip_score")]
    {
        assert!(scores(stage).contains(metric), "{stage}: {}", scores(stage));
    }
}

#[test]
fn an_unknown_parameter_is_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let outcome = start("lm", folder.path(), json!({ "learning_rate": 0.1 }), BTreeMap::new());
    let message = String::from_utf8_lossy(&outcome.stderr);
    assert!(!outcome.status.success() && message.contains("unknown field `learning_rate`"), "{message}");
}

#[test]
fn a_missing_input_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let outcome = start("adapter", folder.path(), json!({}), BTreeMap::new());
    let message = String::from_utf8_lossy(&outcome.stderr);
    assert!(message.contains("needs the results of stage `encoder`"), "{message}");
}
