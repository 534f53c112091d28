//! Models, data and runs of the program in a folder of their own.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use image::{Rgb, RgbImage};
use runfile::{Series, TaskConfig};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use tch::Tensor;
use vpit::checkpoint;
use vpit::model::Weights;
use vpit::model::llama::{LanguageModel, LlamaConfig};
use vpit::model::tensor_files::TensorFiles;

pub struct World {
    folder: tempfile::TempDir,
}

/// How a training is started: processes, and what the program is told.
#[derive(Clone, Copy)]
pub struct How<'a> {
    pub processes: u32,
    pub micro_batch: &'a str,
    pub arguments: &'a [&'a str],
    pub resume: Option<&'a Path>,
    /// At which other stages look.
    pub points: &'a [&'a str],
}

pub const ALONE: How<'_> = How { processes: 1, micro_batch: "1", arguments: &[], resume: None, points: &[] };

fn golden(case: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/language").join(case)
}

impl World {
    /// Models alone.
    pub fn with_models() -> Self {
        let world = Self { folder: tempfile::tempdir().unwrap() };
        world.models();
        world
    }

    /// Models and indexed data.
    pub fn new() -> Self {
        let world = Self::with_models();
        world.data();
        let indexed = world.index(&[]);
        assert!(indexed.status.success(), "{}", String::from_utf8_lossy(&indexed.stderr));
        world
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn models(&self) {
        let (tiny, vision) = (self.path("models/tiny"), self.path("models/tiny-vision"));
        std::fs::create_dir_all(&tiny).unwrap();
        std::fs::create_dir_all(&vision).unwrap();
        std::fs::copy(golden("tokenizer/tokenizer.json"), tiny.join("tokenizer.json")).unwrap();
        for file in ["config.json", "model.safetensors"] {
            std::fs::copy(golden("siglip").join(file), vision.join(file)).unwrap();
        }
        let config = llama();
        let (_, parameters) = Weights::fresh(1).build(|scope| LanguageModel::new(scope, &config)).unwrap();
        checkpoint::save(&tiny, &config, &parameters).unwrap();
    }

    fn data(&self) {
        for name in ["data/images", "data/videos/v0", "data/videos/v1"] {
            std::fs::create_dir_all(self.path(name)).unwrap();
        }
        for number in 0..6u32 {
            picture(number).save(self.path(&format!("data/images/{number}.png"))).unwrap();
        }
        for (number, frame) in (0..2u32).flat_map(|number| (0..9u32).map(move |frame| (number, frame))) {
            picture(10 * number + frame).save(self.path(&format!("data/videos/v{number}/{frame:03}.jpg"))).unwrap();
        }
        let talk = |image: Value, asked: &str, said: &str| {
            json!({ "image": image, "conversations": [
                { "from": "human", "value": asked }, { "from": "gpt", "value": said } ] })
        };
        let name = |number: u32| format!("images/{}.png", number % 6);
        self.lines("alignment", 8, |n| talk(json!(name(n)), "<image>\nWhat is it?", &format!("It is number {n}.")));
        self.lines("vqa", 180, |n| match n % 3 {
            0 => talk(json!(""), &format!("Count to {n}."), "One, two, three."),
            _ => talk(json!(name(n)), &format!("<image>\nIs it {n}?"), if n % 2 == 0 { "Yes" } else { "No" }),
        });
        let captioned = |n| json!({ "image": name(n), "caption": format!("the picture {n}") });
        self.lines("generation", 12, captioned);
        self.lines("video_qa", 10, |n| {
            let mut line = talk(Value::Null, &format!("What happens in {n}?"), "Colours change.");
            line["video"] = json!(format!("videos/v{}", n % 2));
            line
        });
        self.lines("pure_video", 10, |n| json!({ "id": n, "video": format!("videos/v{}", n % 2) }));
        self.lines("visual_thinking", 10, |n| {
            json!({ "image": name(n), "question": "what is there?", "answer": "red", "crop": [1, 1, 9, 8 + n % 4] })
        });
        self.lines("image_to_image", 10, |n| {
            talk(json!([name(n), name(n + 1)]), "<image> Make it the next one.", "<image>")
        });
        self.archive();
        let files = |source: &str| match source {
            "generation" => "files = [\"generation.jsonl\", \"pairs.tar\"]\n".to_owned(),
            _ => format!("files = [\"{source}.jsonl\"]\n"),
        };
        let sources = ["alignment", "vqa", "generation", "video_qa", "pure_video", "visual_thinking", "image_to_image"];
        let list: String = sources.iter().map(|source| format!("[{source}]\n{}", files(source))).collect();
        std::fs::write(self.path("data/data.toml"), list).unwrap();
    }

    fn lines(&self, source: &str, count: u32, line: impl Fn(u32) -> Value) {
        let text: String = (0..count).map(|number| format!("{}\n", line(number))).collect();
        std::fs::write(self.path(&format!("data/{source}.jsonl")), text).unwrap();
    }

    /// Twelve pairs, captions by turns as text and as JSON.
    fn archive(&self) {
        let mut builder = tar::Builder::new(std::fs::File::create(self.path("data/pairs.tar")).unwrap());
        let mut add = |name: String, bytes: &[u8]| {
            let mut header = tar::Header::new_gnu();
            header.set_size(bytes.len() as u64);
            builder.append_data(&mut header, name, bytes).unwrap();
        };
        for number in 0..12u32 {
            let mut bytes = std::io::Cursor::new(Vec::new());
            picture(number).write_to(&mut bytes, image::ImageFormat::WebP).unwrap();
            add(format!("{number:04}.webp"), bytes.get_ref());
            match number % 2 {
                0 => add(format!("{number:04}.txt"), format!("archived {number}").as_bytes()),
                _ => add(
                    format!("{number:04}.json"),
                    json!({ "caption": format!("packed {number}") }).to_string().as_bytes(),
                ),
            }
        }
        builder.finish().unwrap();
    }

    /// Run `vpit index` with these arguments behind the folder.
    #[expect(clippy::disallowed_methods, reason = "the test starts the program under test")]
    pub fn index(&self, arguments: &[&str]) -> Output {
        Command::new(env!("CARGO_BIN_EXE_vpit")).arg("index").arg(self.path("data")).args(arguments).output().unwrap()
    }

    /// The adapter that all fine-tunings start from.
    pub fn adapter(&self) -> PathBuf {
        let out = self.path("adapter");
        if !out.exists() {
            succeed(&self.start("adapter", "adapter", adapter(), &ALONE));
        }
        out
    }

    /// Fine-tune in the folder `name`, until all processes have ended.
    pub fn finetune(&self, name: &str, parameters: Value, how: &How<'_>) -> Vec<Output> {
        let children = self.spawn("finetune", name, parameters, how);
        children.into_iter().map(|child| child.wait_with_output().unwrap()).collect()
    }

    pub fn start(&self, stage: &str, name: &str, parameters: Value, how: &How<'_>) -> Vec<Output> {
        let children = self.spawn(stage, name, parameters, how);
        children.into_iter().map(|child| child.wait_with_output().unwrap()).collect()
    }

    /// Start all processes of a training.
    pub fn spawn(&self, stage: &str, name: &str, parameters: Value, how: &How<'_>) -> Vec<Child> {
        let out = self.path(name);
        std::fs::create_dir_all(&out).unwrap();
        let adapter = if stage == "finetune" { Some(("adapter".to_owned(), self.adapter())) } else { None };
        let config = TaskConfig {
            protocol: runfile::PROTOCOL,
            sweep: "test".to_owned(),
            stage: stage.to_owned(),
            task: "0".repeat(32),
            params: serde_json::from_value(parameters).unwrap(),
            inputs: adapter.into_iter().collect(),
            threads: 1,
            points: how.points.iter().map(|&point| point.to_owned()).collect(),
        };
        let path = self.path(&format!("{name}.json"));
        runfile::files::write_json(&path, &config).unwrap();
        let options = [&["--micro-batch", how.micro_batch, "--report-every", "1"], how.arguments].concat();
        let shared = |command: &mut Command| {
            command.arg("train").args(&options).env(runfile::env::CONFIG, &path).env(runfile::env::OUT, &out);
            command.env("VPIT_DATA", self.path("data"));
        };
        self.processes(how.processes, how.resume, shared)
    }

    /// Start all processes of a task; `shared` is what its command and its places are.
    #[expect(clippy::disallowed_methods, reason = "the test starts the program under test")]
    pub fn processes(&self, count: u32, resume: Option<&Path>, shared: impl Fn(&mut Command)) -> Vec<Child> {
        let port = free_port();
        let start = |rank: u32| {
            let mut command = Command::new(env!("CARGO_BIN_EXE_vpit"));
            shared(&mut command);
            command.args(["--patience", "60"]).env("VPIT_MODELS", self.path("models"));
            command.env("OMP_NUM_THREADS", "1").env_remove("SLURM_STEP_NUM_TASKS");
            if count > 1 {
                command.env("WORLD_SIZE", count.to_string()).env("RANK", rank.to_string());
                command.env("MASTER_ADDR", "127.0.0.1").env("MASTER_PORT", port.to_string());
            }
            if let Some(checkpoint) = resume {
                command.env(runfile::env::RESUME, checkpoint);
            }
            command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
        };
        (0..count).map(start).collect()
    }

    /// Wait until a training in the folder `name` has told of `steps` steps.
    pub fn wait_for(&self, name: &str, steps: usize) {
        let path = self.path(name).join("metrics.jsonl");
        let lines = || std::fs::read(&path).map_or(0, |text| text.iter().filter(|&&byte| byte == b'\n').count());
        while lines() < steps {
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
    }

    /// Ask the last of `children` to end once it has done `steps` steps; all of them save what they have.
    pub fn ask_to_end(&self, name: &str, children: Vec<Child>, steps: usize) {
        self.wait_for(name, steps);
        signal(children.last().unwrap(), Signal::USR1);
        for child in children {
            let ended = child.wait_with_output().unwrap();
            let said = String::from_utf8_lossy(&ended.stderr);
            assert_eq!(ended.status.code(), Some(runfile::exit::REQUEUE), "{said}");
        }
    }

    /// A series by name, in the order of steps.
    pub fn series(&self, name: &str, value: &str) -> Vec<f64> {
        let text = std::fs::read(self.path(name).join("metrics.jsonl")).unwrap();
        let (series, bad) = Series::read(text.as_slice()).unwrap();
        assert!(bad.is_empty(), "{bad:?}");
        let index = series.names.iter().position(|name| name == value).unwrap() as u32;
        series.points.iter().filter(|point| point.name == index).map(|point| point.value).collect()
    }

    /// All weights that a fine-tuning left.
    pub fn weights(&self, name: &str) -> BTreeMap<String, Tensor> {
        let mut files = TensorFiles::folder(&self.path(name)).unwrap();
        files.add(&self.path(name).join("vision.safetensors")).unwrap();
        let names: Vec<String> = files.names().map(str::to_owned).collect();
        names.into_iter().map(|name| (name.clone(), files.take(&name).unwrap().unwrap())).collect()
    }
}

pub fn signal(child: &Child, signal: Signal) {
    let id = Pid::from_raw(i32::try_from(child.id()).unwrap()).unwrap();
    kill_process(id, signal).unwrap();
}

fn picture(number: u32) -> RgbImage {
    RgbImage::from_fn(20, 16, |x, y| Rgb([(x * 12) as u8, (y * 15) as u8, (number * 37 % 256) as u8]))
}

/// The tiny language model.
pub fn llama() -> LlamaConfig {
    serde_json::from_value(json!({
        "model_type": "llama", "vocab_size": 706, "hidden_size": 32, "intermediate_size": 48,
        "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2,
        "max_position_embeddings": 256, "rms_norm_eps": 1e-5, "rope_theta": 10000.0, "tie_word_embeddings": false,
    }))
    .unwrap()
}

fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

pub fn adapter() -> Value {
    json!({
        "llm": "tiny", "vision_encoder": "tiny-vision", "visual_tokens": 4, "adapter_batch": 4, "adapter_lr": 0.01,
        "precision": "float32"
    })
}

/// 160 samples of all kinds, 20 steps.
pub fn finetune() -> Value {
    json!({
        "vision_head": "mlp", "lr": 0.003, "batch": 8, "max_length": 220, "seed": 1, "precision": "float32",
        "vqa": 96, "video_qa": 10, "pure_video": 10, "generation": 24, "visual_thinking": 10, "image_to_image": 10
    })
}

pub fn with(mut parameters: Value, key: &str, value: Value) -> Value {
    parameters[key] = value;
    parameters
}

pub fn succeed(outputs: &[Output]) {
    for output in outputs {
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
}

/// The largest difference of two lists of numbers, as a share of the largest number.
pub fn difference(first: &[f64], second: &[f64]) -> f64 {
    assert_eq!(first.len(), second.len());
    let largest = first.iter().fold(0.0, |largest: f64, value| largest.max(value.abs()));
    first.iter().zip(second).fold(0.0, |most: f64, (a, b)| most.max((a - b).abs())) / largest
}

/// The same over all weights.
pub fn weight_difference(first: &BTreeMap<String, Tensor>, second: &BTreeMap<String, Tensor>) -> f64 {
    assert!(first.keys().eq(second.keys()));
    let of = |(a, b): (&Tensor, &Tensor)| ((a - b).abs().max() / a.abs().max()).double_value(&[]);
    first.values().zip(second.values()).map(of).fold(0.0, f64::max)
}
