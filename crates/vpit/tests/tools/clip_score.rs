use std::fs;

use serde::Deserialize;
use serde_json::Value;
use tch::{IndexOp, Kind, Tensor};
use vpit::judge::captions::Captions;
use vpit::judge::clip;

use super::{golden, vpit};

#[derive(Deserialize)]
struct Golden {
    torchmetrics: f64,
    /// Each pair by itself, 100 cos.
    transformers: Vec<f64>,
    #[serde(rename = "hessel of the first")]
    hessel: f64,
    #[serde(rename = "both sides")]
    both_sides: BothSides,
    ids: Vec<Vec<i64>>,
    long: Vec<i64>,
}

/// Pairs of which some agree and some do not.
#[derive(Deserialize)]
struct BothSides {
    torchmetrics: f64,
    /// With plain captions, and after "A photo depicts".
    cosines: [Vec<f64>; 2],
    hessel: f64,
}

fn read() -> Golden {
    serde_json::from_slice(&fs::read(golden("clip/expected.json")).unwrap()).unwrap()
}

fn score(pairs: &str, more: &[&str]) -> Result<Value, String> {
    let (model, images) = (golden("clip"), golden("clip"));
    let (model, images) = (model.to_str().unwrap(), images.to_str().unwrap());
    let arguments = ["clip-score", pairs, "--model", model, "--images", images, "--json"];
    Ok(serde_json::from_str(&vpit(&[&arguments[..], more].concat())?).unwrap())
}

#[test]
fn the_score_is_torchmetrics() {
    let pairs = golden("clip/pairs.jsonl");
    for batch in ["1", "3", "32"] {
        let report = score(pairs.to_str().unwrap(), &["--batch", batch]).unwrap();
        let mean = read().transformers.iter().sum::<f64>() / 5.0;
        // torchmetrics takes nothing below zero for the mean.
        assert!((mean.max(0.0) - read().torchmetrics).abs() < 1e-3);
        assert!((report["value"].as_f64().unwrap() - mean).abs() < 1e-3, "{report}");
        assert_eq!((&report["metric"], &report["n"]), (&"clip_score/ViT-24-7-28".into(), &5.into()));
    }
}

#[test]
fn hessels_score_has_its_prompt_and_its_scale() {
    let folder = tempfile::tempdir().unwrap();
    let pairs = folder.path().join("pairs.jsonl");
    fs::write(&pairs, "{\"image\": \"0.png\", \"caption\": \"The red fox\"}\n").unwrap();
    let report = score(pairs.to_str().unwrap(), &["--scale", "hessel"]).unwrap();
    assert!((report["value"].as_f64().unwrap() - read().hessel).abs() < 1e-4, "{report}");
    assert_eq!(report["metric"], "clip_score_hessel/ViT-24-7-28");
}

#[test]
fn both_scores_are_the_references_on_both_sides_of_zero() {
    let (golden, pairs) = (read().both_sides, golden("clip/both-sides.jsonl"));
    let value = |scale: &str| {
        let report = score(pairs.to_str().unwrap(), &["--scale", scale, "--batch", "3"]).unwrap();
        assert_eq!(report["n"], 8);
        report["value"].as_f64().unwrap()
    };
    for cosines in &golden.cosines {
        let below = cosines.iter().filter(|&&cosine| cosine < -0.05).count();
        assert!((1..7).contains(&below), "{cosines:?}");
    }
    assert!(golden.torchmetrics > 1.0);
    assert!((value("cosine") - golden.torchmetrics).abs() < 1e-3);
    assert!((value("hessel") - golden.hessel).abs() < 1e-4);
    // Neither a score without the clamp, nor one with it on the mean alone, is this one.
    let unclamped = 2.5 * golden.cosines[1].iter().sum::<f64>() / 8.0;
    assert!((golden.hessel - unclamped).abs() > 0.05);
}

#[test]
fn captions_become_the_ids_of_transformers_and_long_ones_keep_their_end() {
    let (_, config) = clip::read(&golden("clip"), tch::Device::Cpu).unwrap();
    let captions = Captions::open(&golden("clip"), &config.text_config).unwrap();
    let pairs = fs::read_to_string(golden("clip/pairs.jsonl")).unwrap();
    let texts: Vec<Value> = pairs.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    for (text, theirs) in texts.iter().zip(read().ids) {
        let (ids, _) = captions.ids(&[text["caption"].as_str().unwrap()]).unwrap();
        assert_eq!(Vec::<i64>::try_from(ids.i(0)).unwrap(), theirs);
    }
    let long = "the red fox and ".repeat(20);
    let (ids, cut) = captions.ids(&[&long, "the"]).unwrap();
    assert_eq!((Vec::<i64>::try_from(ids.i(0)).unwrap(), ids.size(), cut), (read().long, vec![2, 77], 1));
    assert_eq!(ids.i(1).eq(0).sum(Kind::Int64), Tensor::from(74i64));
}

#[test]
fn pairs_that_cannot_be_scored_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let pairs = folder.path().join("pairs.jsonl");
    let problem = |text: &str| {
        fs::write(&pairs, text).unwrap();
        score(pairs.to_str().unwrap(), &[]).unwrap_err()
    };
    assert!(problem("").contains("no pair of image and caption"));
    assert!(problem("{\"image\": \"0.png\"}").contains("pairs.jsonl`:1: missing field `caption`"));
    assert!(problem("\n{\"image\": \"0.png\", \"caption\": \" \"}").contains("`:2: the caption is empty"));
    assert!(problem("{\"image\": \"9.png\", \"caption\": \"a\"}").contains("9.png"));
    let report = score(pairs.to_str().unwrap(), &["--skip-broken"]).unwrap_err();
    assert!(report.contains("no pair"), "{report}");
}
