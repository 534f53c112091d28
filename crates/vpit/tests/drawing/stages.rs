//! Drawing and grading: what is left, that batches, processes and interruptions change nothing, and what the scores are of.

use std::fs;

use serde_json::{Value, json};
use tch::{Kind, Tensor};

use super::world::{CAPTIONS, How, World, drawing, few, free_port, grades, succeed, with};

/// The largest difference of two pictures, in levels.
fn apart(world: &World, [first, second]: [&str; 2]) -> i64 {
    let [first, second] = [first, second].map(|name| world.levels(name).to_kind(Kind::Int64));
    (first - second).abs().max().int64_value(&[])
}

#[test]
fn each_caption_has_an_image_and_silence_is_counted() {
    let world = World::new();
    succeed(&world.draw("drawn", &drawing(), How::default()));
    let responses = world.responses("drawn");
    assert_eq!(responses.len(), CAPTIONS as usize);
    let without: Vec<&Value> = responses.iter().filter(|response| response["image"] == false).collect();
    assert!(without.len() > 1 && without.len() + 1 < CAPTIONS as usize, "{} of {CAPTIONS}", without.len());
    let facts = world.json("drawn/drawing.json");
    assert_eq!((&facts["captions"], &facts["without_image"]), (&CAPTIONS.into(), &without.len().into()));
    assert_eq!((&facts["keep"], &facts["benchmark"]), (&"images".into(), &"tiny".into()));
    let images = world.files("drawn", "images/");
    assert_eq!(images.len(), CAPTIONS as usize);
    for response in &responses {
        let name = format!("drawn/images/{:012}.png", response["id"].as_u64().unwrap());
        assert_eq!(world.levels(&name).size(), [3, 16, 16]);
    }
    let effective = world.json("drawn/effective.json");
    assert_eq!(
        (&effective["parameters"]["resolution"], &effective["parameters"]["drawing_seed"]),
        (&16.into(), &0.into())
    );
}

#[test]
fn batches_and_processes_change_no_image_beyond_rounding() {
    let world = World::new();
    succeed(&world.draw("eight", &drawing(), How::default()));
    succeed(&world.draw("five", &drawing(), How { arguments: &["--batch", "5"], ..How::default() }));
    let port = free_port();
    let inputs = [("finetune", "finetune"), ("visualizer", "visualizer")];
    let start = |rank| {
        let how = How { among: Some((rank, 2, port)), arguments: &["--patience", "60"], ..How::default() };
        world.start(("generate", "two"), &drawing(), &inputs, how)
    };
    for child in [start(0), start(1)] {
        succeed(&child.wait_with_output().unwrap());
    }
    for other in ["five", "two"] {
        assert_eq!(world.responses("eight"), world.responses(other));
        for name in world.files("eight", "images/").keys() {
            let names = ["eight", other].map(|folder| format!("{folder}/{}", name.display()));
            assert!(apart(&world, [&names[0], &names[1]]) <= 1, "{}", name.display());
        }
    }
    // The pieces of two processes are those of one.
    assert_eq!(world.files("eight", "images/"), world.files("two", "images/"));
}

#[test]
fn an_interrupted_drawing_goes_on_with_what_is_whole_and_comes_to_the_same() {
    let world = World::new();
    succeed(&world.draw("whole", &drawing(), How::default()));
    // An attempt that was ended after its first piece.
    let checkpoint = world.path("cut/checkpoint");
    fs::create_dir_all(world.path("cut")).unwrap();
    super::world::copy(&world.path("whole/checkpoint"), &checkpoint);
    fs::rename(checkpoint.join("piece-000001"), checkpoint.join("piece-000001.tmp")).unwrap();
    // So that a piece which is drawn again shows.
    let mark = checkpoint.join("piece-000000/generation.jsonl");
    let text = fs::read_to_string(&mark).unwrap().replacen("\"response\":\"", "\"response\":\"kept ", 1);
    fs::write(&mark, &text).unwrap();
    succeed(&world.draw("on", &drawing(), How { resume: Some(&checkpoint), ..How::default() }));
    assert_eq!(world.files("whole", "images/"), world.files("on", "images/"));
    let responses = world.responses("on");
    assert!(responses[0]["response"].as_str().unwrap().starts_with("kept "));
    assert_eq!(responses[1..], world.responses("whole")[1..]);
}

#[test]
fn a_signal_ends_a_drawing_at_once_with_the_code_for_being_started_again() {
    let world = World::new();
    let slow = with(drawing(), "sampling_steps", json!(900));
    let inputs = [("finetune", "finetune"), ("visualizer", "visualizer")];
    let mut child = world.start(("generate", "slow"), &slow, &inputs, How::default());
    // The state is written once signals are watched.
    while !world.path("slow/checkpoint/state.json").exists() {
        assert!(child.try_wait().unwrap().is_none(), "it ended by itself");
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    let process = rustix::process::Pid::from_raw(child.id() as i32).unwrap();
    rustix::process::kill_process(process, rustix::process::Signal::TERM).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(runfile::exit::REQUEUE));
}

/// What the program computes, computed again by the parts that other tests compare with the references.
#[test]
fn scores_are_those_of_the_tools_on_the_same_pictures() {
    let world = World::new().with_network();
    succeed(&world.draw("images", &few(drawing()), How::default()));
    succeed(&world.draw("features", &few(drawing()), How { arguments: &["--keep", "features"], ..How::default() }));
    for name in ["images", "features"] {
        succeed(&world.grade(&format!("{name}-graded"), name, &grades(), &["--biased"]));
    }
    let scores = ["images-graded", "features-graded"].map(|name| world.json(&format!("{name}/scores.json")));
    let value = |scores: &Value, metric: &str| {
        let found = scores["scores"].as_array().unwrap().iter().find(|score| score["metric"] == metric);
        found.unwrap_or_else(|| panic!("no {metric} in {scores}"))["value"].as_f64().unwrap()
    };
    for metric in
        ["fid/pytorch-fid", "kid/pytorch-fid", "fid_floor/pytorch-fid", "clip_score/ViT-24-7-28", "image_share"]
    {
        let [images, features] = scores.each_ref().map(|scores| value(scores, metric));
        assert!((images - features).abs() <= 1e-4 * images.abs().max(1e-3), "{metric}: {images} {features}");
    }
    let score = &scores[0]["scores"][0];
    let manifest = blake3::hash(&fs::read(world.path("benchmarks/few/manifest.json")).unwrap()).to_hex();
    assert_eq!(
        (&score["benchmark"], &score["split"]),
        (&"few".into(), &format!("manifest-{}", &manifest[..12]).into())
    );
    assert_eq!(score["n"], 9);
    let drawn = world.json("images/drawing.json");
    let share = 1.0 - drawn["without_image"].as_f64().unwrap() / 9.0;
    assert!((value(&scores[0], "image_share") - share).abs() < 1e-12);
    let report = world.json("images-graded/report.json");
    assert!(report["warnings"][0].as_str().unwrap().contains("n = 9 is below 20480"), "{report}");
    let tool = by_the_tools(&world);
    assert!((value(&scores[0], "fid/pytorch-fid") - tool).abs() < 1e-4 * tool, "{tool} {score}");
}

/// The distance of the same pictures, framed by hand, by `vpit fid`.
fn by_the_tools(world: &World) -> f64 {
    let frame = |from: &str, to: &str, names: Vec<String>| {
        fs::create_dir_all(world.path(to)).unwrap();
        for name in names {
            let levels = world.levels(&format!("{from}/{name}"));
            let framed = vpit::framing::square(&levels, 24, vpit::framing::Filter::Bicubic);
            save(&framed, &world.path(&format!("{to}/{name}")));
        }
    };
    let text = fs::read_to_string(world.path("benchmarks/few/references.jsonl")).unwrap();
    let files =
        text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()["file"].as_str().unwrap().to_owned());
    frame("val", "real", files.collect());
    let drawn = fs::read_dir(world.path("images/images")).unwrap();
    frame("images/images", "generated", drawn.map(|file| file.unwrap().file_name().into_string().unwrap()).collect());
    let weights = world.path("models/inception/model.safetensors");
    let network =
        vpit::judge::fid::Judge::open(&weights, vpit::judge::Preparation::PytorchFid, tch::Device::Cpu).unwrap();
    let moments = |folder: &str| {
        let mut moments = score::frechet::Moments::new(2048);
        for path in vpit::tool::folder::list(&world.path(folder)).unwrap() {
            let levels = vpit::tool::folder::levels(&path).unwrap();
            moments.extend(&network.features(&network.preparation.of(&levels).unsqueeze(0))).unwrap();
        }
        moments
    };
    score::frechet::distance(&moments("real"), &moments("generated")).unwrap()
}

fn save(levels: &Tensor, path: &std::path::Path) {
    tch::vision::image::save(&levels.to_kind(Kind::Uint8), path).unwrap();
}
