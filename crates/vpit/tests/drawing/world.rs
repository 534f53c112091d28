//! Models, a pinned benchmark and runs of the program in a folder of their own.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use image::{Rgb, RgbImage};
use runfile::TaskConfig;
use serde_json::{Value, json};
use tch::Tensor;
use vpit::data::line::request;
use vpit::diffusion::projector::Projector;
use vpit::diffusion::stable_diffusion::folder;
use vpit::diffusion::stable_diffusion::trained::{self, Facts};
use vpit::judge::Inception;
use vpit::model::llama::LlamaConfig;
use vpit::model::vpit::{VisionHeadKind, VisualConfig};
use vpit::model::{Vpit, VpitConfig, Weights};
use vpit::sequence::{Batch, Layout, Part, Role};
use vpit::tokenizer::{Template, Tokenizer};
use vpit::unified;

pub struct World {
    folder: tempfile::TempDir,
}

/// How the program is started.
#[derive(Clone, Copy, Default)]
pub struct How<'a> {
    pub arguments: &'a [&'a str],
    pub resume: Option<&'a Path>,
    /// Rank and number of processes, and the port at which they meet.
    pub among: Option<(u32, u32, u16)>,
}

/// Captions of the benchmark: one more than a piece holds.
pub const CAPTIONS: u32 = 33;

fn golden(case: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(case)
}

pub fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        if entry.path().is_dir() {
            copy(&entry.path(), &to.join(entry.file_name()));
        } else {
            fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
        }
    }
}

impl World {
    /// Models, and a benchmark called `tiny`.
    pub fn new() -> Self {
        let world = Self { folder: tempfile::tempdir().unwrap() };
        fs::create_dir_all(world.path("models/tiny")).unwrap();
        let tokenizer = golden("language/tokenizer/tokenizer.json");
        fs::copy(tokenizer, world.path("models/tiny/tokenizer.json")).unwrap();
        copy(&golden("diffusion/pipeline"), &world.path("models/pipeline"));
        copy(&golden("tools/clip"), &world.path("models/clip"));
        world.finetuned();
        world.visualizer();
        world.coco(2 * CAPTIONS);
        world.pinned(&world.pin("tiny", &["--count", &CAPTIONS.to_string(), "--side", "24"]));
        world
    }

    /// Also a file of weights for FID's network, at full size, and a benchmark `few` that is small enough for it.
    pub fn with_network(self) -> Self {
        let (_, outline) = Weights::fresh(0).shapes_only().build(Inception::new).unwrap();
        tch::manual_seed(3);
        let weight = |(name, tensor): (&str, &Tensor)| {
            let (shape, inputs) = (tensor.size(), tensor.size().iter().skip(1).product::<i64>());
            let weight = match shape.len() {
                1 if name.ends_with("weight") || name.ends_with("var") => Tensor::ones(&shape, tch::kind::FLOAT_CPU),
                1 => Tensor::zeros(&shape, tch::kind::FLOAT_CPU),
                _ => Tensor::randn(&shape, tch::kind::FLOAT_CPU) * (1.0 / inputs as f64).sqrt(),
            };
            (name.to_owned(), weight)
        };
        let tensors: Vec<(String, Tensor)> = outline.iter().map(weight).collect();
        fs::create_dir_all(self.path("models/inception")).unwrap();
        Tensor::write_safetensors(&tensors, self.path("models/inception/model.safetensors")).unwrap();
        self.pinned(&self.pin("few", &["--count", "9", "--side", "24"]));
        self
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A model that answers by an image or by silence, as its hidden state points to one side or the other.
    fn finetuned(&self) {
        let llama: LlamaConfig = serde_json::from_value(json!({
            "model_type": "llama", "vocab_size": 706, "hidden_size": 32, "intermediate_size": 48,
            "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2,
            "max_position_embeddings": 256, "rms_norm_eps": 1e-5, "rope_theta": 10000.0, "tie_word_embeddings": false,
        }))
        .unwrap();
        let visual = VisualConfig { visual_width: 10, visual_tokens: 4, vision_head: VisionHeadKind::Mlp };
        let config = VpitConfig { llama: llama.with_more_tokens(2), visual };
        let (model, parameters) = Weights::fresh(5).build(|scope| Vpit::new(scope, &config)).unwrap();
        let tokenizer = Tokenizer::open(&self.path("models/tiny")).unwrap();
        let layout = Layout { specials: tokenizer.specials(706, Template::Release).unwrap(), visual_tokens: 4 };
        let mut head = parameters.get("lm_head.weight").unwrap().shallow_clone();
        let side = tch::no_grad(|| apart(&model, &tokenizer, &layout));
        tch::no_grad(|| {
            let _ = head.zero_();
            head.get(layout.specials.image_start).copy_(&side);
            head.get(layout.specials.eot).copy_(&-&side);
        });
        let folder = self.path("finetune");
        fs::create_dir_all(&folder).unwrap();
        unified::save(&folder, &config, &parameters, tch::Kind::Float).unwrap();
        let recipe = json!({ "llm": "tiny", "precision": "float32", "visual_tokens": 4 });
        runfile::files::write_json(&folder.join("effective.json"), &json!({ "parameters": recipe, "steps": 1 }))
            .unwrap();
    }

    fn visualizer(&self) {
        let facts = Facts { pipeline: "pipeline".to_owned(), projector: vec![10, 14, 6], visual_tokens: 4 };
        let (_, projector) = Weights::fresh(7).build(|scope| Projector::new(scope, &facts.projector)).unwrap();
        let (_, unet) = folder::unet(&self.path("models/pipeline")).unwrap();
        fs::create_dir_all(self.path("visualizer")).unwrap();
        trained::save(&self.path("visualizer"), &facts, &projector, &unet).unwrap();
    }

    /// COCO's file of captions with as many pictures, two captions each.
    fn coco(&self, count: u32) {
        fs::create_dir_all(self.path("val")).unwrap();
        let name = |id: u32| format!("COCO_{id:012}.png");
        let images: Vec<Value> = (0..count)
            .map(|id| {
                let picture = RgbImage::from_fn(30 + id % 7, 26 + id % 5, |x, y| {
                    Rgb([(x * 8) as u8, (y * 9) as u8, (id * 37 % 256) as u8])
                });
                picture.save(self.path("val").join(name(id))).unwrap();
                json!({ "id": id, "file_name": name(id), "height": 1, "license": 3 })
            })
            .collect();
        let said = |id: u32| json!({ "id": id, "image_id": id / 2, "caption": format!(" {} of {id}\n", word(id)) });
        let all = json!({ "info": {}, "images": images, "annotations": (0..2 * count).map(said).collect::<Vec<_>>() });
        fs::write(self.path("captions.json"), all.to_string()).unwrap();
    }

    /// Pin a benchmark of this name.
    pub fn pin(&self, name: &str, arguments: &[&str]) -> Output {
        let mut command = program();
        command.arg("pin-images").arg(self.path("captions.json")).arg(self.path("val"));
        command.arg(self.path("benchmarks").join(name)).args(arguments).output().unwrap()
    }

    pub fn pinned(&self, output: &Output) -> String {
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// Start a stage in the folder `name`.
    pub fn start(
        &self,
        (stage, name): (&str, &str),
        parameters: &Value,
        inputs: &[(&str, &str)],
        how: How<'_>,
    ) -> Child {
        let out = self.path(name);
        fs::create_dir_all(&out).unwrap();
        let config = TaskConfig {
            protocol: runfile::PROTOCOL,
            sweep: "test".to_owned(),
            stage: stage.to_owned(),
            task: "0".repeat(32),
            params: serde_json::from_value(parameters.clone()).unwrap(),
            inputs: inputs.iter().map(|(stage, name)| ((*stage).to_owned(), self.path(name))).collect(),
            threads: 1,
            points: Vec::new(),
        };
        let path = self.path(&format!("{name}.json"));
        fs::write(&path, serde_json::to_string(&config).unwrap()).unwrap();
        let mut command = program();
        command.arg(stage).args(how.arguments).env(runfile::env::CONFIG, &path).env(runfile::env::OUT, &out);
        command.env("VPIT_MODELS", self.path("models")).env("VPIT_BENCHMARKS", self.path("benchmarks"));
        command.env_remove("SLURM_STEP_NUM_TASKS").env_remove(runfile::env::RESUME);
        if let Some(checkpoint) = how.resume {
            command.env(runfile::env::RESUME, checkpoint);
        }
        if let Some((rank, size, port)) = how.among {
            command.env("RANK", rank.to_string()).env("WORLD_SIZE", size.to_string());
            command.env("MASTER_ADDR", "127.0.0.1").env("MASTER_PORT", port.to_string());
        }
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    }

    /// Draw in the folder `name` as `parameters` say.
    pub fn draw(&self, name: &str, parameters: &Value, how: How<'_>) -> Output {
        let inputs = [("finetune", "finetune"), ("visualizer", "visualizer")];
        self.start(("generate", name), parameters, &inputs, how).wait_with_output().unwrap()
    }

    /// Grade what lies in the folder `drawn`.
    pub fn grade(&self, name: &str, drawn: &str, parameters: &Value, arguments: &[&str]) -> Output {
        let how = How { arguments, ..How::default() };
        self.start(("evaluate-images", name), parameters, &[("generate", drawn)], how).wait_with_output().unwrap()
    }

    /// Every file below the folder `name` whose path has `part`, by path.
    pub fn files(&self, name: &str, part: &str) -> BTreeMap<PathBuf, Vec<u8>> {
        let root = self.path(name);
        let (mut found, mut folders) = (BTreeMap::new(), vec![root.clone()]);
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                } else if path.to_str().unwrap().contains(part) {
                    found.insert(path.strip_prefix(&root).unwrap().to_owned(), fs::read(path).unwrap());
                }
            }
        }
        found
    }

    pub fn json(&self, name: &str) -> Value {
        serde_json::from_slice(&fs::read(self.path(name)).unwrap()).unwrap()
    }

    /// What was said to each caption.
    pub fn responses(&self, name: &str) -> Vec<Value> {
        let text = fs::read_to_string(self.path(name).join("predictions/generation.jsonl")).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// Levels of a PNG.
    pub fn levels(&self, name: &str) -> Tensor {
        vpit::tool::folder::levels(&self.path(name)).unwrap()
    }
}

/// A direction that parts two captions, and others by chance: from what the model makes of one to what it makes of the other,
/// which are of equal length.
fn apart(model: &Vpit, tokenizer: &Tokenizer, layout: &Layout) -> Tensor {
    let hidden = |caption: &str| {
        let ids = tokenizer.encode(&request(caption)).unwrap();
        let prompt = layout.open(layout.turn(layout.begin(), Role::User, &[Part::Text(&ids)]), Role::Assistant);
        let batch = Batch::collate(&[&prompt], layout);
        let shown = Tensor::zeros([0, 10], tch::kind::FLOAT_CPU);
        model.forward(&model.embed(&batch.ids, &batch.visual_places, &shown)).select(1, -1).squeeze_dim(0)
    };
    hidden("a red fox of 0") - hidden("Two cats of 1")
}

const fn word(id: u32) -> &'static str {
    ["a red fox", "Two cats", "the sea", "an old house", "bread"][(id % 5) as usize]
}

#[expect(clippy::disallowed_methods, reason = "a test starts the program under test")]
fn program() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_vpit"));
    command.env("OMP_NUM_THREADS", "1");
    command
}

/// What a drawing takes to be small.
pub fn drawing() -> Value {
    json!({
        "image_benchmark": "tiny", "guidance": 7.5, "sampling_steps": 2, "resolution": 16, "fid_network": "inception",
        "clip_encoder": "clip"
    })
}

/// The same for the benchmark that FID's network looks at.
pub fn few(parameters: Value) -> Value {
    with(parameters, "image_benchmark", json!("few"))
}

/// And its grades.
pub fn grades() -> Value {
    json!({ "image_benchmark": "few", "fid_network": "inception", "clip_encoder": "clip" })
}

pub fn with(mut parameters: Value, key: &str, value: Value) -> Value {
    parameters[key] = value;
    parameters
}

pub fn succeed(output: &Output) {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// The complaint that the program ended with.
pub fn refusal(output: &Output) -> String {
    assert_eq!(output.status.code(), Some(1), "{}", String::from_utf8_lossy(&output.stdout));
    String::from_utf8_lossy(&output.stderr).into_owned()
}

pub fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}
