//! The models at full size: their tensors are those of the published files, and a training of them can be looked at
//! before it is started.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::{Value, json};
use vpit::model::llama::LanguageModel;
use vpit::model::presets::{PublishedLlm, siglip_text, siglip_vision};
use vpit::model::siglip::Siglip;
use vpit::model::{Parameters, Weights};

/// Names and shapes of a published file's tensors, one a line: facts about files that are too large to keep.
fn published(name: &str) -> BTreeMap<String, Vec<i64>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/published").join(name);
    let text = std::fs::read_to_string(path).unwrap();
    let line = |line: &str| {
        let (name, shape) = line.split_once('\t').unwrap();
        (name.to_owned(), serde_json::from_str(shape).unwrap())
    };
    text.lines().map(line).collect()
}

fn shapes(parameters: &Parameters) -> BTreeMap<String, Vec<i64>> {
    parameters.iter().map(|(name, tensor)| (name.to_owned(), tensor.size())).collect()
}

#[test]
fn the_tensors_of_each_llama_are_the_published_ones() {
    for (llm, file, count) in [
        (PublishedLlm::Llama3B8, "llama3_8b.tsv", 8_030_261_248),
        (PublishedLlm::Llama31B8, "llama3_8b.tsv", 8_030_261_248),
        (PublishedLlm::Llama3B70, "llama3_70b.tsv", 70_553_706_496),
    ] {
        let new = |scope: &vpit::model::Scope<'_>| LanguageModel::new(scope, &llm.config());
        let (_, parameters) = Weights::fresh(0).shapes_only().build(new).unwrap();
        assert_eq!(shapes(&parameters), published(file));
        let numbers: i64 = shapes(&parameters).values().map(|shape| shape.iter().product::<i64>()).sum();
        assert_eq!(numbers, count);
    }
}

#[test]
fn the_tensors_of_siglip_are_the_published_ones() {
    let new = |scope: &vpit::model::Scope<'_>| Siglip::new(scope, &siglip_vision(), &siglip_text());
    let (_, parameters) = Weights::fresh(0).shapes_only().build(new).unwrap();
    assert_eq!(shapes(&parameters), published("siglip_so400m_384_full.tsv"));
}

#[expect(clippy::disallowed_methods, reason = "the test starts the program under test")]
fn check(stage: &str, parameters: Value, arguments: &[&str]) -> Output {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("task.json");
    let config = json!({
        "protocol": 1, "sweep": "metamorph", "stage": stage, "task": "0".repeat(32), "params": parameters,
        "inputs": {}, "threads": 1
    });
    std::fs::write(&path, config.to_string()).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_vpit"));
    command.args(["train", "--check"]).arg(path).args(arguments).output().unwrap()
}

fn refusal(stage: &str, parameters: Value, arguments: &[&str]) -> String {
    let output = check(stage, parameters, arguments);
    assert!(!output.status.success());
    String::from_utf8(output.stderr).unwrap()
}

/// As `sweeps/metamorph.toml` plans it.
fn finetune() -> Value {
    json!({
        "vision_loss": "cosine", "vision_head": "mlp", "vision_coefficient": 1.0, "lr": 6.93e-5, "batch": 1536,
        "warmup": 0.03, "max_length": 4096, "seed": 42, "vqa": 7_000_000, "video_qa": 0, "pure_video": 0,
        "generation": 1_000_000, "visual_thinking": 0, "image_to_image": 0
    })
}

#[test]
fn the_paper_s_fine_tuning_fits_256_gpus_of_80_gb_and_says_what_it_is() {
    let arguments = ["--llm", "llama-3-8b", "--gpus", "256", "--micro-batch", "6"];
    let output = check("finetune", finetune(), &arguments);
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    // 8,030,261,248 and two rows in embedding and head; adapter and head of section 2.1.
    assert!(text.contains(&(8_030_261_248u64 + 4 * 4096 + 21_504_000 + 21_501_056).to_string()), "{text}");
    assert!(text.contains("8000000, 5209"), "{text}");
    let adapter = json!({
        "llm": "llama-3-70b", "vision_encoder": "siglip-so400m-14-384", "visual_tokens": 64, "adapter_lr": 4.9e-5,
        "adapter_batch": 768
    });
    let output = check("adapter", adapter, &["--gpus", "32", "--micro-batch", "1"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn a_training_that_cannot_run_is_refused_with_what_to_change() {
    let llm = ["--llm", "llama-3-70b"];
    let with = |key: &str, value: Value| {
        let mut parameters = finetune();
        parameters[key] = value;
        parameters
    };
    assert!(refusal("finetune", finetune(), &llm).contains("use more GPUs or fewer samples at once"));
    assert!(refusal("finetune", finetune(), &[]).contains("give one with --llm"));
    assert!(refusal("finetune", with("learning_rate", json!(1)), &llm).contains("unknown field `learning_rate`"));
    assert!(refusal("finetune", with("vision_loss", json!("l2")), &llm).contains("unknown variant `l2`"));
    assert!(refusal("finetune", with("batch", json!(100)), &llm).contains("a batch of 100 is not a whole number"));
    assert!(refusal("finetune", with("visual_tokens", json!(60)), &llm).contains("tokens fill a square"));
    assert!(refusal("judges", finetune(), &llm).contains("is of stage `judges`"));
    assert!(refusal("finetune", finetune(), &[llm[0], llm[1], "--models", "nowhere"]).contains("nowhere"));
}
