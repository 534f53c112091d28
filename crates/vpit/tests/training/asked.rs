//! `vpit evaluate` through the program: each form of data, stops and second starts, several processes, what is refused.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output};

use runfile::{Score, TaskConfig};
use rustix::process::{Pid, Signal, kill_process};
use score::benchmark::{Benchmark, Protocol, Report};
use serde_json::{Value, json};
use tch::Kind;
use vpit::checkpoint;
use vpit::model::siglip_config::SiglipConfig;
use vpit::model::vpit::{VisionHeadKind, VisualConfig};
use vpit::model::{Vpit, VpitConfig, Weights};
use vpit::train::recipe::{Precision, Recipe};
use vpit::unified;

use super::published::golden;
use super::world::{ALONE, World, finetune, llama, succeed, with};

/// How an evaluation is started.
struct How<'a> {
    data: PathBuf,
    arguments: &'a [&'a str],
    processes: u32,
    resume: Option<&'a Path>,
}

fn of(data: impl Into<PathBuf>) -> How<'static> {
    How { data: data.into(), arguments: &["--batch", "2"], processes: 1, resume: None }
}

/// Models, and one that has learned nothing, as a training leaves it.
fn world() -> World {
    let world = World::with_models();
    let folder = world.path("tuned");
    std::fs::create_dir_all(&folder).unwrap();
    let vision: SiglipConfig = checkpoint::config(&world.path("models/tiny-vision")).unwrap();
    let visual_width = vision.vision.tower.hidden_size;
    let visual = VisualConfig { visual_width, visual_tokens: 4, vision_head: VisionHeadKind::Mlp };
    let config = VpitConfig { llama: llama().with_more_tokens(2), visual };
    let (_, parameters) = Weights::fresh(5).build(|scope| Vpit::new(scope, &config)).unwrap();
    unified::save(&folder, &config, &parameters, Kind::Float).unwrap();
    let recipe = Recipe {
        llm: Some("tiny".to_owned()),
        vision_encoder: "tiny-vision".to_owned(),
        visual_tokens: 4,
        precision: Precision::Float32,
        ..Recipe::default()
    };
    let said = json!({ "stage": "finetune", "parameters": recipe, "steps": 20 });
    runfile::files::write_json(&folder.join("effective.json"), &said).unwrap();
    world
}

fn config(world: &World, name: &str, parameters: Value) -> PathBuf {
    let path = world.path(&format!("{name}.json"));
    let config = TaskConfig {
        protocol: runfile::PROTOCOL,
        sweep: "test".to_owned(),
        stage: "evaluate-vqa".to_owned(),
        task: "0".repeat(32),
        params: serde_json::from_value(parameters).unwrap(),
        inputs: [("finetune".to_owned(), world.path("tuned"))].into(),
        threads: 1,
        points: Vec::new(),
    };
    runfile::files::write_json(&path, &config).unwrap();
    path
}

fn spawn(world: &World, name: &str, parameters: Value, how: &How<'_>) -> Vec<Child> {
    let config = config(world, name, parameters);
    world.processes(how.processes, how.resume, |command| {
        command.arg("evaluate").args(how.arguments).args(["--loader-threads", "2"]);
        command.env(runfile::env::CONFIG, &config).env(runfile::env::OUT, world.path(name));
        command.env("VPIT_BENCHMARKS", &how.data);
    })
}

fn evaluate(world: &World, name: &str, parameters: Value, how: &How<'_>) -> Vec<Output> {
    spawn(world, name, parameters, how).into_iter().map(|child| child.wait_with_output().unwrap()).collect()
}

/// Evaluate, expecting it to fail; what it says.
fn refusal(world: &World, parameters: Value, how: &How<'_>) -> String {
    let output = &evaluate(world, "refused", parameters, how)[0];
    assert_eq!(output.status.code(), Some(1));
    assert!(!world.path("refused/scores.json").exists());
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn scores(world: &World, name: &str) -> Vec<Score> {
    let path = world.path(name).join("scores.json");
    runfile::scores::parse(&path, &std::fs::read(&path).unwrap()).unwrap()
}

fn score(scores: &[Score], metric: &str, benchmark: &str) -> Score {
    let found = scores.iter().find(|score| score.metric == metric && score.benchmark == benchmark);
    found.unwrap_or_else(|| panic!("no {metric} of {benchmark}")).clone()
}

/// Every file that an evaluation leaves for good, in order.
fn results(world: &World, name: &str) -> Vec<(String, Vec<u8>)> {
    let folder = world.path(name);
    let predictions = std::fs::read_dir(folder.join("predictions")).unwrap().map(|entry| entry.unwrap().path());
    let mut paths: Vec<PathBuf> =
        predictions.chain([folder.join("scores.json"), folder.join("effective.json")]).collect();
    paths.sort();
    let file =
        |path: &PathBuf| (path.file_name().unwrap().to_string_lossy().into_owned(), std::fs::read(path).unwrap());
    paths.iter().map(file).collect()
}

fn part(benchmarks: &[&str], protocol: &str) -> Value {
    json!({ "benchmarks": benchmarks, "protocol": protocol, "partial": true })
}

const TABLES: [&str; 4] = ["mmbench-en", "vstar", "mmvp", "mvbench"];
const PARQUET: [&str; 9] =
    ["mmbench-en", "seed", "vstar", "mmvp", "mmmu", "chartqa", "textvqa", "scienceqa", "realworldqa"];

#[test]
fn each_form_is_asked_and_scored_by_each_protocol() {
    let world = world();
    for (form, benchmarks, protocol) in
        [("tables", &TABLES[..], Protocol::Cambrian), ("parquet", &PARQUET[..], Protocol::Official)]
    {
        let how = How { arguments: &["--batch", "16"], ..of(golden().join(form)) };
        succeed(&evaluate(&world, form, part(benchmarks, protocol.name()), &how));
        let scores = scores(&world, form);
        for name in benchmarks {
            let benchmark: Benchmark = name.parse().unwrap();
            let path = world.path(form).join(format!("predictions/{name}.jsonl"));
            let rows = score::benchmark::read(&std::fs::read_to_string(path).unwrap()).unwrap();
            let report = Report::part(benchmark, protocol, &rows, None).unwrap();
            assert!(report.changed().is_empty());
            assert!(rows.iter().all(|(_, row)| row.prompt.is_some() && row.protocol.is_some()));
            // A part is never taken for the whole.
            let found = score(&scores, "accuracy", &format!("{name}/part"));
            let estimate = report.accuracy();
            assert_eq!((found.value, found.n), (100.0 * estimate.value, Some(estimate.n)), "{name}");
            assert_eq!(found.split, format!("{protocol}/1"));
            assert!(scores.iter().all(|score| score.benchmark != *name));
            assert_eq!(score(&scores, "broken_questions", &format!("{name}/part")).value, 0.0);
        }
        let effective: Value = runfile::files::read_json(&world.path(form).join("effective.json")).unwrap();
        assert_eq!(effective["benchmarks"].as_array().unwrap().len(), benchmarks.len());
        assert_eq!((&effective["protocol"]["version"], &effective["step"]), (&json!(1), &json!(20)));
    }
    assert!(score(&scores(&world, "tables"), "accuracy", "mmbench-en/part/ocr").n.is_some());
    assert_eq!(score(&scores(&world, "parquet"), "question_accuracy", "mmvp/part").n, Some(4));
}

/// Wait until an evaluation has kept a reply.
fn first_reply(world: &World, name: &str) {
    let path = world.path(name).join("checkpoint/mmmu.0.jsonl");
    while std::fs::metadata(&path).map_or(0, |file| file.len()) == 0 {
        std::thread::sleep(std::time::Duration::from_millis(2));
    }
}

#[test]
fn a_second_start_goes_on_and_leaves_the_same_bytes() {
    let world = world();
    let parameters = || part(&["mmmu", "vstar"], "cambrian");
    // One question at a time, so that something is left to be done.
    let how = || How { arguments: &["--batch", "1"], ..of(golden().join("parquet")) };
    succeed(&evaluate(&world, "whole", parameters(), &how()));
    let child = spawn(&world, "begun", parameters(), &how()).remove(0);
    first_reply(&world, "begun");
    kill_process(Pid::from_raw(i32::try_from(child.id()).unwrap()).unwrap(), Signal::USR1).unwrap();
    let ended = child.wait_with_output().unwrap();
    assert_eq!(ended.status.code(), Some(runfile::exit::REQUEUE), "{}", String::from_utf8_lossy(&ended.stderr));
    assert!(!world.path("begun/scores.json").exists());
    // As a node that dies may leave it.
    let kept = world.path("begun/checkpoint");
    let path = kept.join("mmmu.0.jsonl");
    let text = std::fs::read(&path).unwrap();
    std::fs::write(&path, [&text[..], b"{\"id\":\"val"].concat()).unwrap();
    // With another number of processes too.
    for (name, processes) in [("alone", 1), ("together", 2)] {
        succeed(&evaluate(&world, name, parameters(), &How { resume: Some(&kept), processes, ..how() }));
        assert!(results(&world, name) == results(&world, "whole"), "{name}");
    }
    // In the same folder.
    let again = evaluate(&world, "begun", parameters(), &how()).remove(0);
    let said = String::from_utf8_lossy(&again.stderr).into_owned();
    assert!(said.contains("mmmu: 5 questions, ") && !said.contains("5 questions, 0 answered"), "{said}");
    succeed(&[again]);
    assert!(results(&world, "begun") == results(&world, "whole"));
    let other = refusal(&world, part(&["vstar"], "cambrian"), &How { resume: Some(&kept), ..how() });
    assert!(other.contains("replies of another evaluation"), "{other}");
}

#[test]
fn several_processes_share_the_questions_and_leave_the_same_bytes() {
    let world = world();
    let (parameters, data) = (|| part(&["vstar", "chartqa", "mmvp"], "official"), golden().join("parquet"));
    succeed(&evaluate(&world, "one", parameters(), &of(&data)));
    succeed(&evaluate(&world, "three", parameters(), &How { processes: 3, ..of(&data) }));
    assert!(results(&world, "one") == results(&world, "three"));
}

/// A whole V*Bench: 191 questions about three pictures.
fn whole_vstar(world: &World, rows: usize) -> PathBuf {
    let folder = world.path("benchmarks/vstar");
    for category in ["direct_attributes", "relative_position"] {
        let (from, to) = (golden().join("tables/vstar").join(category), folder.join(category));
        std::fs::create_dir_all(&to).unwrap();
        for entry in std::fs::read_dir(from).unwrap() {
            let entry = entry.unwrap();
            std::fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
        }
    }
    let text = std::fs::read_to_string(golden().join("tables/vstar/test_questions.jsonl")).unwrap();
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let line = |number: usize| with(lines[number % 3].clone(), "question_id", json!(number)).to_string() + "\n";
    std::fs::write(folder.join("test_questions.jsonl"), (0..rows).map(line).collect::<String>()).unwrap();
    world.path("benchmarks")
}

fn vstar() -> Value {
    json!({ "benchmarks": ["vstar"] })
}

fn many() -> &'static [&'static str] {
    &["--batch", "64"]
}

#[test]
fn a_whole_benchmark_has_the_benchmark_s_own_name_and_a_short_one_is_refused() {
    let world = world();
    let data = whole_vstar(&world, 191);
    succeed(&evaluate(&world, "vstar", vstar(), &How { arguments: many(), ..of(&data) }));
    let scores = scores(&world, "vstar");
    let accuracy = score(&scores, "accuracy", "vstar");
    assert_eq!((accuracy.n, accuracy.split.as_str()), (Some(191), "cambrian/1"));
    let share = accuracy.value / 100.0;
    assert!((accuracy.stderr.unwrap() - 100.0 * (share * (1.0 - share) / 191.0).sqrt()).abs() < 1e-9);
    assert_eq!(score(&scores, "accuracy", "vstar/direct_attributes").n, Some(128));
    let rows = std::fs::read_to_string(world.path("vstar/predictions/vstar.jsonl")).unwrap();
    let rows = score::benchmark::read(&rows).unwrap();
    assert!(Report::whole(Benchmark::VStar, Protocol::Cambrian, &rows, None).unwrap().complete);
    let said = refusal(&world, vstar(), &of(whole_vstar(&world, 190)));
    assert!(said.contains("vstar has 191 rows, there are 190"), "{said}");
}

#[test]
fn a_picture_that_cannot_be_used_ends_an_evaluation_or_is_left_out_and_counted() {
    let world = world();
    let data = whole_vstar(&world, 191);
    std::fs::write(data.join("vstar/relative_position/sa_2.jpg"), "no picture").unwrap();
    let said = refusal(&world, vstar(), &How { arguments: many(), ..of(&data) });
    assert!(said.contains("neither JPEG, PNG nor WebP") && said.contains("--broken-limit 0"), "{said}");
    std::fs::remove_dir_all(world.path("refused")).unwrap();
    let how = How { arguments: &["--batch", "64", "--broken-limit", "63"], ..of(&data) };
    let output = evaluate(&world, "some", vstar(), &how);
    succeed(&output);
    assert!(String::from_utf8_lossy(&output[0].stderr).contains("left out vstar `relative_position/2`"));
    let scores = scores(&world, "some");
    assert!(scores.iter().all(|score| score.benchmark.starts_with("vstar/part")));
    assert_eq!(score(&scores, "accuracy", "vstar/part").n, Some(128));
    let broken = score(&scores, "broken_questions", "vstar/part");
    assert_eq!((broken.value, broken.n), (63.0, Some(191)));
}

#[track_caller]
fn says(message: &str, parts: &[&str]) {
    for part in parts {
        assert!(message.contains(part), "`{part}` is not in: {message}");
    }
}

#[test]
fn data_that_is_not_the_benchmark_is_refused_with_its_place() {
    let world = world();
    let data = whole_vstar(&world, 191);
    let vstar_is = |change: &dyn Fn(String) -> String, parts: &[&str]| {
        let path = data.join("vstar/test_questions.jsonl");
        let text = std::fs::read_to_string(&path).unwrap();
        std::fs::write(&path, change(text.clone())).unwrap();
        says(&refusal(&world, vstar(), &of(&data)), parts);
        std::fs::write(&path, text).unwrap();
    };
    let gold = |text: String| {
        text.replacen("\"label\": \"B\"", "\"label\": \"D\"", 1).replacen("\"label\":\"B\"", "\"label\":\"D\"", 1)
    };
    vstar_is(&gold, &["test_questions.jsonl`, row 3", "`D` is not the letter of one of its 2 options"]);
    vstar_is(&|text| text.replacen("\"question_id\":1,", "\"question_id\":4,", 1), &["has the question", "twice"]);
    vstar_is(&|text| text.replacen("direct_attributes/sa_0.jpg", "../../secret.jpg", 1), &["names no file inside"]);
    vstar_is(&|text| text[..text.len() - 9].to_owned(), &["test_questions.jsonl", "line 191", "EOF"]);
    let missing = refusal(&world, json!({ "benchmarks": ["vstar", "mmvp"] }), &of(&data));
    says(
        &missing,
        &["there is no mmvp in", "benchmarks/mmvp", "get MMVP/MMVP, Questions.csv with its folder of images"],
    );
    std::fs::write(data.join("vstar/SHA256SUMS"), format!("{}  test_questions.jsonl\n", "0".repeat(64))).unwrap();
    says(&refusal(&world, vstar(), &of(&data)), &["test_questions.jsonl` is another file than was published"]);
    let parquet = world.path("benchmarks/chartqa");
    std::fs::create_dir_all(&parquet).unwrap();
    let whole = std::fs::read(golden().join("parquet/chartqa/data/test-00000-of-00001.parquet")).unwrap();
    for damaged in [&whole[..whole.len() / 2], b"no table", b""] {
        std::fs::write(parquet.join("test.parquet"), damaged).unwrap();
        says(&refusal(&world, json!({ "benchmarks": ["chartqa"] }), &of(&data)), &["chartqa/test.parquet"]);
    }
}

#[test]
fn a_model_that_cannot_be_asked_is_refused_with_what_is_missing() {
    let world = world();
    let data = whole_vstar(&world, 191);
    let at = with(vstar(), "at", json!("25%"));
    says(&refusal(&world, at, &of(&data)), &["kept no model at 25%", "points/25%"]);
    says(&refusal(&world, with(vstar(), "protocol", json!("mine")), &of(&data)), &["no protocol is called `mine`"]);
    std::fs::remove_file(world.path("tuned/effective.json")).unwrap();
    says(&refusal(&world, vstar(), &of(&data)), &["does not say what was trained", "effective.json"]);
}

#[expect(clippy::disallowed_methods, reason = "the test starts the program under test")]
fn check(world: &World, parameters: Value, data: &Path) -> Output {
    let config = config(world, "checked", parameters);
    let mut command = Command::new(env!("CARGO_BIN_EXE_vpit"));
    command.args(["evaluate", "--check"]).arg(config).env("VPIT_BENCHMARKS", data).output().unwrap()
}

#[test]
fn data_can_be_looked_at_before_anything_is_started() {
    let world = world();
    let data = whole_vstar(&world, 191);
    let output = check(&world, vstar(), &data);
    let told = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success());
    says(&told, &["vstar        191 questions, 191 pictures, digest ", "no SHA256SUMS"]);
    std::fs::write(data.join("vstar/relative_position/sa_2.jpg"), "").unwrap();
    let output = check(&world, json!({ "benchmarks": ["vstar", "mmvp"] }), &data);
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8(output.stderr).unwrap();
    says(&said, &["63 pictures cannot be decoded", "question `relative_position/2`", "the file is empty"]);
    says(&said, &["there is no mmvp", "2 of the benchmarks cannot be asked"]);
}

#[test]
fn any_point_of_a_training_can_be_asked() {
    let world = World::new();
    let few = with(finetune(), "vqa", json!(6));
    succeed(&world.finetune("tuned", few, &super::world::How { points: &["25%"], ..ALONE }));
    let data = golden().join("parquet");
    for (name, at, step) in [("last", Value::Null, None), ("quarter", json!("25%"), Some(3))] {
        let parameters = with(part(&["realworldqa"], "official"), "at", at);
        succeed(&evaluate(&world, name, parameters, &of(&data)));
        assert_eq!(score(&scores(&world, name), "accuracy", "realworldqa/part").step, step);
    }
}

/// What `sweeps/metamorph.toml` says of a stage.
fn planned(stage: &str) -> (Vec<String>, Value) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../sweeps/metamorph.toml");
    let sweep: toml::Table = toml::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let stage = &sweep["stages"][stage];
    let texts = |key: &str| -> Vec<String> { stage[key].clone().try_into().unwrap() };
    let defaults = &sweep["defaults"];
    let value = |name: &String| (name.clone(), serde_json::to_value(&defaults[name.as_str()]).unwrap());
    (texts("command"), Value::Object(texts("uses").iter().map(value).collect()))
}

#[test]
fn the_paper_s_sweep_asks_all_ten_benchmarks() {
    let world = world();
    let (command, parameters) = planned("evaluate-vqa");
    assert_eq!(command, ["vpit", "evaluate"]);
    // The parameters are taken; all that is missing is the data, each with where to get it.
    let output = check(&world, parameters.clone(), &world.path("nothing"));
    let said = String::from_utf8(output.stderr).unwrap();
    for benchmark in Benchmark::ALL {
        let definition = benchmark.definition();
        says(&said, &[&format!("there is no {benchmark} in"), definition.data]);
    }
    says(&said, &["10 of the benchmarks cannot be asked"]);
    // And with the data of the one that is whole here, they are what is asked.
    let data = whole_vstar(&world, 191);
    let only = with(parameters, "benchmarks", json!(["vstar"]));
    succeed(&evaluate(&world, "planned", only, &How { arguments: many(), ..of(&data) }));
    assert_eq!(score(&scores(&world, "planned"), "accuracy", "vstar").split, "cambrian/1");
}
