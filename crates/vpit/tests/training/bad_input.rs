//! What cannot be trained on is refused with its file and place.

use serde_json::{Value, json};

use super::world::{ALONE, How, World, finetune, with};

fn refusal(world: &World, parameters: Value) -> String {
    let how = How { arguments: &["--broken-limit", "0"], ..ALONE };
    let output = &world.finetune("refused", parameters, &how)[0];
    assert_eq!(output.status.code(), Some(1));
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[track_caller]
fn says(message: &str, parts: &[&str]) {
    for part in parts {
        assert!(message.contains(part), "`{part}` is not in: {message}");
    }
}

#[test]
fn data_that_is_broken_is_refused_by_file_and_place() {
    let world = World::new();
    let image = world.path("data/images/1.png");
    let whole = std::fs::read(&image).unwrap();
    std::fs::write(&image, "no picture").unwrap();
    says(&refusal(&world, finetune()), &["images/1.png", "neither JPEG, PNG nor WebP", "--broken-limit 0"]);
    std::fs::write(&image, &whole[..whole.len() - 40]).unwrap();
    says(&refusal(&world, finetune()), &["left out", "images/1.png"]);
    std::fs::write(&image, whole).unwrap();
    says(&refusal(&world, with(finetune(), "vqa", json!(97))), &["97 samples of `vqa`", "there are 96"]);
    let lines = world.path("data/vqa.jsonl");
    let text = std::fs::read_to_string(&lines).unwrap();
    std::fs::write(&lines, format!("{text}\n")).unwrap();
    says(&refusal(&world, finetune()), &["vqa.jsonl", "run `vpit index` again"]);
}

#[test]
fn models_that_are_broken_are_refused_by_file() {
    let world = World::new();
    drop(world.adapter());
    let damage = |file: &str, change: &dyn Fn(Vec<u8>) -> Vec<u8>, parts: &[&str]| {
        let path = world.path(file);
        let whole = std::fs::read(&path).unwrap();
        std::fs::write(&path, change(whole.clone())).unwrap();
        says(&refusal(&world, finetune()), parts);
        std::fs::write(&path, whole).unwrap();
    };
    damage("models/tiny/model.safetensors", &|bytes| bytes[..bytes.len() - 1].to_vec(), &["no whole safetensors file"]);
    let qwen = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap().replace("\"llama\"", "\"qwen2\"").into_bytes();
    damage("models/tiny/config.json", &qwen, &["tiny/config.json", "qwen2"]);
    let nameless = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap().replace("<|eot_id|>", "<|other|>").into_bytes();
    damage("models/tiny/tokenizer.json", &nameless, &["no token `<|eot_id|>`"]);
    damage("adapter/adapter.json", &|_| b"{}".to_vec(), &["adapter.json", "missing field"]);
    damage("adapter/model.safetensors", &|_| Vec::new(), &["adapter/model.safetensors"]);
    says(&refusal(&world, with(finetune(), "visual_token", json!(4))), &["unknown field `visual_token`"]);
    says(&refusal(&world, with(finetune(), "llm", json!("../tiny"))), &["names a folder among the models"]);
    says(&refusal(&world, with(finetune(), "points", json!([1.5]))), &["`points` has 1.5"]);
}
