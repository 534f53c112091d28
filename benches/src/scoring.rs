//! Scores beside their reference implementations. A figure counts only if both found the same.

use std::fmt::Write;
use std::fs;
use std::path::Path;

use crate::Result;
use crate::table::Comparison;
use crate::workbench::{Workbench, read};

/// The Fréchet distance of 2,048 features from two files of statistics.
pub fn distance(bench: &Workbench) -> Result<()> {
    let (folder, files) = (bench.folder("distance")?, ["a.npz", "b.npz"]);
    let mut table = Comparison::new("Fréchet distance of two files of statistics of 2,048 features", 1);
    if let Err(error) = bench.peer_says(&folder, "distance.py", &["--make", files[0], files[1]]) {
        return left_out("distance", error.as_ref());
    }
    let command = [bench.vpit()?, "fid".to_owned(), files[0].to_owned(), files[1].to_owned()];
    let command: Vec<&str> = command.iter().map(String::as_str).collect();
    let report: serde_json::Value = serde_json::from_str(&read(&folder, &[&command[..], &["--json"]].concat())?)?;
    let theirs: f64 = bench.peer_says(&folder, "distance.py", &files)?.trim().parse()?;
    same("the distance", report["value"].as_f64().unwrap_or(f64::NAN), theirs)?;
    table.add("vpit fid", bench.cost(&folder, &command))?;
    table.add_if_there("pytorch-fid's function", bench.peer(&folder, "distance.py", &files));
    table.print();
    Ok(())
}

/// Pictures to features to statistics.
pub fn features(bench: &Workbench) -> Result<()> {
    const COUNT: u64 = 200;
    let folder = bench.folder("features")?;
    let title = format!("statistics of {COUNT} pictures of 320 x 240 by FID's network");
    let mut table = Comparison::new(title, COUNT);
    if let Err(error) =
        bench.peer_says(&folder, "features.py", &["--make", "pictures", "weights.pth", &COUNT.to_string()])
    {
        return left_out("features", error.as_ref());
    }
    let vpit = bench.vpit()?;
    read(&folder, &[&vpit, "convert-inception", "weights.pth", "weights.safetensors", "--unpublished"])?;
    let command = [&vpit, "fid-statistics", "pictures", "ours.npz", "--weights", "weights.safetensors"];
    table.add("vpit fid-statistics", bench.cost(&folder, &command))?;
    let peer = ["pictures", "theirs.npz", "weights.pth"];
    table.add_if_there("pytorch-fid", bench.peer(&folder, "features.py", &peer));
    table.print();
    // Far below any distance that means something: JPEGs are decoded by two libraries.
    let apart = read(&folder, &[&vpit, "fid", "ours.npz", "theirs.npz", "--biased", "--json"])?;
    let report: serde_json::Value = serde_json::from_str(&apart)?;
    println!("distance of the two: {}", report["value"]);
    Ok(())
}

/// Replies to TextVQA's questions.
pub fn answers(bench: &Workbench) -> Result<()> {
    const COUNT: u64 = 100_000;
    let folder = bench.folder("answers")?;
    write_predictions(&folder.join("predictions.jsonl"), COUNT)?;
    let mut table = Comparison::new(format!("{COUNT} predictions of TextVQA scored"), COUNT);
    let command = [&bench.sweep, "score", "textvqa", "predictions.jsonl", "--protocol", "official", "--partial"];
    let report: serde_json::Value = serde_json::from_str(&read(&folder, &[&command[..], &["--json"]].concat())?)?;
    table.add("sweep score", bench.cost(&folder, &command))?;
    match bench.peer_says(&folder, "answers.py", &["predictions.jsonl"]) {
        Ok(said) => {
            let ours = report["scores"][0]["value"].as_f64().unwrap_or(f64::NAN);
            same("the accuracy", ours, said.trim().parse::<f64>()?)?;
            table.add_if_there("lmms-eval's functions", bench.peer(&folder, "answers.py", &["predictions.jsonl"]));
        }
        Err(error) => table.add_if_there("lmms-eval's functions", Err(error)),
    }
    table.print();
    Ok(())
}

fn left_out(subject: &str, error: &dyn std::error::Error) -> Result<()> {
    println!("({subject} left out: {})", error.to_string().lines().last().unwrap_or_default());
    Ok(())
}

fn same(what: &str, ours: f64, theirs: f64) -> Result<()> {
    if (ours - theirs).abs() <= 1e-6 * theirs.abs() {
        return Ok(());
    }
    Err(format!("{what} is {ours} here and {theirs} there").into())
}

/// Replies with articles, numbers, punctuation and abbreviations beside ten answers that agree more or less with them.
fn write_predictions(path: &Path, count: u64) -> Result<()> {
    const WORDS: [&str; 12] = [
        "the stop sign",
        "STOP",
        "it's 5 o'clock.",
        "two",
        "2",
        "Coca-Cola",
        "coca cola",
        "$4.99",
        "4.99",
        "u.s.a.",
        "don't walk",
        "nothing, really",
    ];
    let word = |number: u64| WORDS[(number % WORDS.len() as u64) as usize];
    let mut text = String::new();
    for id in 0..count {
        let answers: Vec<&str> = (0..10).map(|k| word(id + k * k % 3 + (id / 12) * (k % 2))).collect();
        let row = serde_json::json!({ "id": id, "prediction": word(id + id / 36 % 2), "gold": answers });
        writeln!(text, "{row}")?;
    }
    Ok(fs::write(path, text)?)
}
