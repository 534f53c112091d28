//! What a benchmark fixes.

use std::fs;

use serde_json::Value;

use super::world::{CAPTIONS, World, refusal};

fn lines(world: &World, file: &str) -> Vec<Value> {
    let text = fs::read_to_string(world.path("benchmarks").join(file)).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn each_picture_is_pinned_with_one_of_its_own_captions() {
    let world = World::new();
    let (captions, references) = (lines(&world, "tiny/captions.jsonl"), lines(&world, "tiny/references.jsonl"));
    assert_eq!((captions.len(), references.len()), (CAPTIONS as usize, CAPTIONS as usize));
    let mut firsts = 0;
    for (caption, reference) in captions.iter().zip(&references) {
        let id = caption["id"].as_u64().unwrap();
        assert_eq!(reference["file"], format!("COCO_{id:012}.png"));
        let text = caption["caption"].as_str().unwrap();
        let said: u64 = text.rsplit(' ').next().unwrap().parse().unwrap();
        assert!(said / 2 == id && text == text.trim(), "{text}");
        firsts += said % 2;
    }
    // Neither always the first caption nor always the second.
    assert!(firsts > 5 && firsts < u64::from(CAPTIONS) - 5, "{firsts}");
    let manifest = world.json("benchmarks/tiny/manifest.json");
    assert_eq!(
        (&manifest["side"], &manifest["filter"], &manifest["name"]),
        (&24.into(), &"bicubic".into(), &"tiny".into())
    );
    assert!(world.path("benchmarks/tiny/images/COCO_000000000000.png").exists());
}

#[test]
fn fewer_captions_are_a_part_of_more_and_another_seed_chooses_others() {
    let world = World::new();
    for (name, arguments) in [("few", ["--count", "9", "--seed", "0"]), ("other", ["--count", "9", "--seed", "1"])] {
        world.pinned(&world.pin(name, &arguments));
    }
    let all = lines(&world, "tiny/captions.jsonl");
    let few = lines(&world, "few/captions.jsonl");
    assert!(few.iter().all(|caption| all.contains(caption)));
    assert_ne!(few, lines(&world, "other/captions.jsonl"));
    let said = world.pinned(&world.pin("everything", &["--count", "9", "--all-references"]));
    assert!(said.contains("9 captions, 66 pictures"), "{said}");
}

#[test]
fn a_benchmark_is_pinned_once() {
    let world = World::new();
    let before = fs::read(world.path("benchmarks/tiny/manifest.json")).unwrap();
    let count = CAPTIONS.to_string();
    let said = world.pinned(&world.pin("tiny", &["--count", &count, "--side", "24"]));
    assert!(said.contains(blake3::hash(&before).to_hex().as_str()), "{said}");
    let other = refusal(&world.pin("tiny", &["--count", &count, "--side", "32"]));
    assert!(other.contains("has a benchmark already"), "{other}");
    assert_eq!(fs::read(world.path("benchmarks/tiny/manifest.json")).unwrap(), before);
}

#[test]
fn what_cannot_be_pinned_is_named() {
    let world = World::new();
    let few = refusal(&world.pin("many", &["--count", "67"]));
    assert!(few.contains("has 66 pictures with captions, fewer than the 67"), "{few}");
    fs::write(world.path("val/COCO_000000000000.png"), "no picture").unwrap();
    let broken = refusal(&world.pin("broken", &["--count", "66"]));
    assert!(broken.contains("COCO_000000000000.png") && broken.contains("neither JPEG"), "{broken}");
    fs::remove_file(world.path("val/COCO_000000000000.png")).unwrap();
    assert!(refusal(&world.pin("gone", &["--count", "66"])).contains("COCO_000000000000.png"));
    fs::write(world.path("captions.json"), "{\"images\": []}").unwrap();
    assert!(refusal(&world.pin("half", &[])).contains("missing field `annotations`"));
    fs::write(world.path("captions.json"), "{\"images\": [{\"id\": 1, \"file_name\": \"../a.png\"}], \"annotations\": [{\"id\": 1, \"image_id\": 1, \"caption\": \"a\"}]}").unwrap();
    let outside = refusal(&world.pin("outside", &["--count", "1"]));
    assert!(outside.contains("names no file inside"), "{outside}");
    assert!(!world.path("benchmarks/outside/manifest.json").exists());
}
