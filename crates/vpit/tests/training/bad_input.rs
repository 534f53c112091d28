//! What cannot be trained on is refused with its file and place, once.

use std::path::Path;
use std::process::Output;

use serde_json::{Value, json};
use tch::Tensor;
use vpit::model::tensor_files::TensorFiles;
use vpit::model::tensor_writer;

use super::world::{ALONE, How, World, finetune, with};

/// The message of a program that refuses: one error, on the last line or lines of what it says.
fn error(output: &Output) -> String {
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert_eq!(said.lines().filter(|line| line.starts_with("error: ")).count(), 1, "{said}");
    said
}

fn refusal(world: &World, parameters: Value) -> String {
    let how = How { arguments: &["--broken-limit", "0"], ..ALONE };
    error(&world.finetune("refused", parameters, &how)[0])
}

#[track_caller]
fn says(message: &str, parts: &[&str]) {
    for part in parts {
        assert!(message.contains(part), "`{part}` is not in: {message}");
    }
}

/// What is said while the file `name` is changed, by `say`.
fn with_damage(world: &World, name: &str, change: impl Fn(&[u8]) -> Vec<u8>, say: impl Fn() -> String) -> String {
    let path = world.path(name);
    let whole = std::fs::read(&path).unwrap();
    std::fs::write(&path, change(&whole)).unwrap();
    let said = say();
    std::fs::write(&path, whole).unwrap();
    said
}

fn replaced(from: &'static str, to: &'static str) -> impl Fn(&[u8]) -> Vec<u8> {
    move |bytes| {
        let text = std::str::from_utf8(bytes).unwrap();
        assert!(text.contains(from));
        text.replacen(from, to, 1).into_bytes()
    }
}

fn cut_by(bytes: usize) -> impl Fn(&[u8]) -> Vec<u8> {
    move |whole| whole[..whole.len() - bytes].to_vec()
}

#[test]
fn data_that_changed_or_is_broken_is_refused_by_file() {
    let world = World::new();
    let refused = || refusal(&world, finetune());
    let image = "data/images/1.png";
    let other = |_: &[u8]| b"no picture".to_vec();
    says(
        &with_damage(&world, image, other, refused),
        &["left out", "images/1.png", "neither JPEG, PNG nor WebP", "--broken-limit 0"],
    );
    says(&with_damage(&world, image, cut_by(40), refused), &["left out", "images/1.png"]);
    says(&refusal(&world, with(finetune(), "vqa", json!(181))), &["181 samples of `vqa`", "there are 180"]);
    let longer = |whole: &[u8]| [whole, b"\n"].concat();
    says(&with_damage(&world, "data/vqa.jsonl", longer, refused), &["vqa.jsonl", "run `vpit index` again"]);
    says(&with_damage(&world, "data/pairs.tar", cut_by(512), refused), &["pairs.tar", "run `vpit index` again"]);
    says(&with_damage(&world, "data/manifest.json", cut_by(9), refused), &["manifest.json"]);
}

#[test]
fn data_that_cannot_be_indexed_is_refused_by_file_and_place() {
    let world = World::new();
    let indexed = || error(&world.index(&["--broken-limit", "0"]));
    let lines = "data/vqa.jsonl";
    // The ninth line loses its end.
    let broken = |whole: &[u8]| {
        let mut lines: Vec<&[u8]> = whole.split(|&byte| byte == b'\n').collect();
        lines[8] = &lines[8][..20];
        lines.join(&b'\n')
    };
    says(
        &with_damage(&world, lines, broken, indexed),
        &["vqa.jsonl`:9: ", "EOF while parsing a string at line 1 column 20", "--broken-limit 0"],
    );
    let untagged = replaced("<image>\\n", "");
    says(&with_damage(&world, lines, untagged, indexed), &["vqa.jsonl`:2: ", "1 images for 0 `<image>` tags"]);
    let outside = |_: &[u8]| tar_with("../../evil.jpg");
    says(&with_damage(&world, "data/pairs.tar", outside, indexed), &["pairs.tar", "`../../evil.jpg`, which leads out"]);
    says(&with_damage(&world, "data/pairs.tar", cut_by(3000), indexed), &["pairs.tar"]);
    says(&with_damage(&world, "data/data.toml", replaced("[vqa]", "[vqb]"), indexed), &["data.toml", "vqb"]);
}

/// An archive whose only file has this name, which the archiver's own library would not write.
fn tar_with(name: &str) -> Vec<u8> {
    let mut header = tar::Header::new_ustar();
    header.as_mut_bytes()[..name.len()].copy_from_slice(name.as_bytes());
    header.set_size(1);
    header.set_cksum();
    let mut builder = tar::Builder::new(Vec::new());
    builder.append(&header, &b"x"[..]).unwrap();
    builder.into_inner().unwrap()
}

#[test]
fn models_that_are_broken_are_refused_by_file() {
    let world = World::new();
    drop(world.adapter());
    let damage = |file: &str, change: &dyn Fn(&[u8]) -> Vec<u8>, parts: &[&str]| {
        says(&with_damage(&world, file, change, || refusal(&world, finetune())), parts);
    };
    let weights = "models/tiny/model.safetensors";
    damage(weights, &cut_by(1), &["tiny/model.safetensors", "no whole safetensors file"]);
    damage(weights, &|_| b"\xff\xff\xff\xff\xff\xff\xff\x7f".to_vec(), &["tiny/model.safetensors", "no whole"]);
    damage("models/tiny/config.json", &replaced("\"llama\"", "\"qwen2\""), &["tiny/config.json", "qwen2"]);
    damage(
        "models/tiny/tokenizer.json",
        &replaced("<|eot_id|>", "<|other|>"),
        &["tokenizer.json", "no token `<|eot_id|>`"],
    );
    damage("models/tiny-vision/model.safetensors", &cut_by(9), &["tiny-vision/model.safetensors", "no whole"]);
    damage("models/tiny-vision/config.json", &replaced("\"siglip\"", "\"clip\""), &["tiny-vision/config.json", "clip"]);
    damage("adapter/adapter.json", &|_| b"{}".to_vec(), &["adapter.json", "missing field"]);
    damage("adapter/model.safetensors", &|_| Vec::new(), &["adapter/model.safetensors"]);
    says(&refusal(&world, with(finetune(), "visual_token", json!(4))), &["unknown field `visual_token`"]);
    says(&refusal(&world, with(finetune(), "llm", json!("../tiny"))), &["names a folder among the models"]);
    let points = How { points: &["150%"], ..ALONE };
    says(&error(&world.finetune("refused", finetune(), &points)[0]), &["refused.json", "`150%` is no point"]);
}

#[test]
fn weights_of_other_shapes_and_shards_that_are_missing_are_refused_by_name() {
    let world = World::new();
    drop(world.adapter());
    let path = world.path("models/tiny/model.safetensors");
    let mut files = TensorFiles::file(&path).unwrap();
    let names: Vec<String> = files.names().map(str::to_owned).collect();
    let tensors: Vec<(String, Tensor)> =
        names.into_iter().map(|name| (name.clone(), files.take(&name).unwrap().unwrap())).collect();
    let write = |path: &Path, tensors: &[(String, Tensor)]| {
        let named: Vec<(&str, Tensor)> =
            tensors.iter().map(|(name, tensor)| (name.as_str(), tensor.shallow_clone())).collect();
        tensor_writer::write(path, &named).unwrap();
    };
    let wrong: Vec<(String, Tensor)> = tensors
        .iter()
        .map(|(name, tensor)| match name.as_str() {
            "model.norm.weight" => (name.clone(), Tensor::ones([31], tch::kind::FLOAT_CPU)),
            "lm_head.weight" => ("lm_tail.weight".to_owned(), tensor.shallow_clone()),
            _ => (name.clone(), tensor.shallow_clone()),
        })
        .collect();
    write(&path, &wrong);
    let said = refusal(&world, finetune());
    says(
        &said,
        &[
            "do not fit the model",
            "missing `lm_head.weight`",
            "tiny/model.safetensors`: `model.norm.weight` is [31], not [32]",
        ],
    );
    says(&said, &["tiny/model.safetensors`: unexpected `lm_tail.weight`"]);
    std::fs::remove_file(&path).unwrap();
    let (first, second) = tensors.split_at(5);
    let shard = |number: u32| format!("model-{number:05}-of-00002.safetensors");
    write(&world.path(&format!("models/tiny/{}", shard(1))), first);
    let place = |part: &[(String, Tensor)], number| {
        part.iter().map(|(name, _)| (name.clone(), json!(shard(number)))).collect::<Vec<_>>()
    };
    let map: serde_json::Map<String, Value> = [place(first, 1), place(second, 2)].concat().into_iter().collect();
    let index = world.path("models/tiny/model.safetensors.index.json");
    std::fs::write(index, json!({ "metadata": {}, "weight_map": map }).to_string()).unwrap();
    let missing = format!("there is no `{}`", shard(2));
    says(&refusal(&world, finetune()), &["tiny/model.safetensors.index.json", &missing]);
    write(&world.path(&format!("models/tiny/{}", shard(2))), second);
    assert!(world.finetune("whole", finetune(), &ALONE)[0].status.success());
}

#[test]
fn a_checkpoint_that_is_damaged_or_of_other_shapes_is_refused() {
    let world = World::new();
    let children = world.spawn("finetune", "begun", finetune(), &ALONE);
    world.ask_to_end("begun", children, 1);
    let checkpoint = world.path("begun/checkpoint");
    let resumed = |parameters: Value| {
        let how = How { resume: Some(&checkpoint), ..ALONE };
        error(&world.finetune("refused", parameters, &how)[0])
    };
    let other = resumed(with(finetune(), "vision_head", json!("linear")));
    says(&other, &["begun/checkpoint/step-", "is of another training", "the shape of the model"]);
    says(&resumed(with(finetune(), "vqa", json!(90))), &["is of another training", "the configuration or the data"]);
    let latest: Value = runfile::files::read_json(&checkpoint.join("latest.json")).unwrap();
    let file = format!("begun/checkpoint/{}/process-0.safetensors", latest["folder"].as_str().unwrap());
    let cut = with_damage(&world, &file, cut_by(1), || resumed(finetune()));
    says(&cut, &["process-0.safetensors", "no whole safetensors file"]);
}
