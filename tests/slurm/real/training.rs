//! `vpit train` in several processes that Slurm starts: the same training as in one.

use std::fs;
use std::path::{Path, PathBuf};

use assert_cmd::cargo::cargo_bin;
use runfile::{FailureReason, Series};
use serde_json::{Value, json};

use crate::site::{Ended, Site};

/// To the rounding of f32 over so few steps.
const ROUNDING: f64 = 2e-4;

const SWEEP: &str = r#"
name = "train"
[defaults]
llm = "tiny"
vision_encoder = "tiny-vision"
visual_tokens = 4
adapter_batch = 4
adapter_lr = 0.01
precision = "float32"
lr = 0.003
batch = 8
max_length = 220
vision_head = "mlp"
vqa = SAMPLES
seed = 1
[grids.main]
[stages.adapter]
kind = "train"
uses = ["llm", "vision_encoder", "visual_tokens", "adapter_batch", "adapter_lr", "precision"]
command = ["VPIT", "train"]
outputs = ["model.safetensors"]
resources = { processes = 2 }
[stages.finetune]
kind = "train"
needs = ["adapter"]
uses = ["vision_head", "lr", "batch", "max_length", "seed", "precision", "vqa"]
command = ["VPIT", "train", "--micro-batch", "2", "--report-every", "1", "--loader-threads", "1", "--patience", "60"]
outputs = ["vision.safetensors"]
"#;

/// Models and data below `folder`, as `vpit train` finds them.
struct World {
    folder: tempfile::TempDir,
}

impl World {
    fn new() -> Self {
        let world = Self { folder: tempfile::tempdir().unwrap() };
        let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("crates/vpit/tests/golden/language");
        for (from, to) in [
            ("tokenizer/tokenizer.json", "models/tiny/tokenizer.json"),
            ("siglip/config.json", "models/tiny-vision/config.json"),
            ("siglip/model.safetensors", "models/tiny-vision/model.safetensors"),
        ] {
            world.write(to, &fs::read(golden.join(from)).unwrap());
        }
        world.decoder();
        world.data();
        world
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, name: &str, bytes: &[u8]) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }

    /// A Llama of two blocks, whose weights follow from their positions.
    fn decoder(&self) {
        let (width, inner, heads, kv_heads, vocabulary) = (32, 48, 4, 2, 706);
        let config = json!({
            "model_type": "llama", "vocab_size": vocabulary, "hidden_size": width, "intermediate_size": inner,
            "num_hidden_layers": 2, "num_attention_heads": heads, "num_key_value_heads": kv_heads,
            "max_position_embeddings": 256, "rms_norm_eps": 1e-5, "rope_theta": 10000.0, "tie_word_embeddings": false,
        });
        let of_keys = width / heads * kv_heads;
        let of_block = [
            ("self_attn.q_proj", vec![width, width]),
            ("self_attn.k_proj", vec![of_keys, width]),
            ("self_attn.v_proj", vec![of_keys, width]),
            ("self_attn.o_proj", vec![width, width]),
            ("mlp.gate_proj", vec![inner, width]),
            ("mlp.up_proj", vec![inner, width]),
            ("mlp.down_proj", vec![width, inner]),
            ("input_layernorm", vec![width]),
            ("post_attention_layernorm", vec![width]),
        ];
        let blocks = (0..2).flat_map(|block| {
            let name = move |name: &str| format!("model.layers.{block}.{name}.weight");
            of_block.clone().map(|(part, shape)| (name(part), shape))
        });
        let outer = [
            ("model.embed_tokens.weight".to_owned(), vec![vocabulary, width]),
            ("model.norm.weight".to_owned(), vec![width]),
            ("lm_head.weight".to_owned(), vec![vocabulary, width]),
        ];
        self.write("models/tiny/config.json", config.to_string().as_bytes());
        self.write("models/tiny/model.safetensors", &safetensors(outer.into_iter().chain(blocks)));
    }

    fn data(&self) {
        let picture = |number: u8| {
            let mut bytes = Vec::new();
            let mut encoder = png::Encoder::new(&mut bytes, 20, 16);
            encoder.set_color(png::ColorType::Rgb);
            let pixels: Vec<u8> = (0..20 * 16).flat_map(|at: u16| [at as u8, (at / 7) as u8, number * 37]).collect();
            encoder.write_header().unwrap().write_image_data(&pixels).unwrap();
            bytes
        };
        (0..6).for_each(|number| self.write(&format!("data/images/{number}.png"), &picture(number)));
        let lines = |count: u32, asked: &str| -> String {
            let line = |n: u32| {
                let (image, asked) = (format!("images/{}.png", n % 6), format!("<image>\n{asked} {n}?"));
                let said = if n.is_multiple_of(2) { "Yes" } else { "No" };
                let turns = json!([{ "from": "human", "value": asked }, { "from": "gpt", "value": said }]);
                format!("{}\n", json!({ "image": image, "conversations": turns }))
            };
            (0..count).map(line).collect()
        };
        self.write("data/alignment.jsonl", lines(8, "What is").as_bytes());
        self.write("data/vqa.jsonl", lines(400, "Is it").as_bytes());
        let list = "[alignment]\nfiles = [\"alignment.jsonl\"]\n[vqa]\nfiles = [\"vqa.jsonl\"]\n";
        self.write("data/data.toml", list.as_bytes());
        let _ = Ended::of(vpit(&["index", self.path("data").to_str().unwrap()])).with(0);
    }

    /// The lines of a profile by which jobs find all this.
    fn profile(&self) -> String {
        let folder = |name: &str| self.path(name).to_string_lossy().into_owned();
        format!("environment = {{ VPIT_MODELS = {:?}, VPIT_DATA = {:?} }}\n", folder("models"), folder("data"))
    }
}

#[expect(clippy::disallowed_methods, reason = "tests start the programs under test")]
fn vpit(arguments: &[&str]) -> std::process::Output {
    std::process::Command::new(cargo_bin("vpit")).args(arguments).output().unwrap()
}

/// The format in full: the length of a description in JSON, the description, the numbers.
fn safetensors(tensors: impl Iterator<Item = (String, Vec<usize>)>) -> Vec<u8> {
    let (mut description, mut numbers) = (serde_json::Map::new(), Vec::new());
    for (name, shape) in tensors {
        let start = numbers.len();
        for at in 0..shape.iter().product::<usize>() {
            let at = u32::try_from(at + start).unwrap().wrapping_mul(2_654_435_761);
            let value = f32::from(i16::try_from(at >> 17).unwrap() - (1 << 14)) / f32::from(1_i16 << 14);
            // A norm's weights lie around one, all others around nought.
            let value = if shape.len() == 1 { 1.0 + 0.1 * value } else { 0.2 * value };
            numbers.extend(value.to_le_bytes());
        }
        let entry = json!({ "dtype": "F32", "shape": shape, "data_offsets": [start, numbers.len()] });
        description.insert(name, entry);
    }
    let description = Value::from(description).to_string().into_bytes();
    [&(description.len() as u64).to_le_bytes()[..], &description, &numbers].concat()
}

/// The sweep with so many samples, fine-tuned in so many processes on each of so many nodes.
fn sweep(samples: u32, nodes: u32, processes: u32) -> String {
    let text = SWEEP.replace("VPIT", &cargo_bin("vpit").to_string_lossy()).replace("SAMPLES", &samples.to_string());
    format!("{text}resources = {{ nodes = {nodes}, processes = {processes} }}\n")
}

fn site(world: &World, sweep: &str) -> Option<Site> {
    let site = Site::real(sweep)?;
    site.profile(&world.profile());
    Some(site)
}

/// The loss of each step that attempts at the fine-tuning have told of, one attempt after the other.
fn losses(site: &Site) -> Vec<(u64, f64)> {
    let mut losses = Vec::new();
    let Some(task) = finetuning(site) else { return losses };
    for path in (1..).map(|attempt| task.join(format!("attempts/{attempt}/out/metrics.jsonl"))) {
        let Ok(bytes) = fs::read(path) else { break };
        let (series, _) = Series::read(bytes.as_slice()).unwrap();
        let Some(loss) = series.names.iter().position(|name| name == "loss") else { break };
        let of_loss = series.points.iter().filter(|point| point.name as usize == loss);
        losses.extend(of_loss.map(|point| (point.step, point.value)));
    }
    losses
}

/// The folder of the task that fine-tunes, once it has begun.
fn finetuning(site: &Site) -> Option<PathBuf> {
    let configs = glob::glob(site.path().join("runs/*/tasks/*/*/config.json").to_str().unwrap()).unwrap();
    let stage = |path: &PathBuf| {
        let config: Option<Value> = fs::read(path).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok());
        config.is_some_and(|config| config["stage"] == "finetune")
    };
    configs.map(Result::unwrap).find(stage).map(|path| path.parent().unwrap().to_owned())
}

/// The largest difference, as a share of the largest number.
#[track_caller]
fn assert_alike(first: &[(u64, f64)], second: &[(u64, f64)]) {
    let steps = |losses: &[(u64, f64)]| losses.iter().map(|(step, _)| *step).collect::<Vec<_>>();
    assert_eq!(steps(first), steps(second));
    let largest = first.iter().fold(0.0, |largest: f64, (_, loss)| largest.max(loss.abs()));
    let apart = first.iter().zip(second).fold(0.0, |most: f64, (a, b)| most.max((a.1 - b.1).abs()));
    assert!(apart <= ROUNDING * largest, "losses differ by {apart:e}, of {largest:e}");
}

/// The job that runs of all those that the site has submitted.
fn running_job(site: &Site) -> String {
    let names = site.submissions().join(",");
    let said = site.slurm("squeue", &["--noheader", "--states=RUNNING", "--format=%A", "--name", &names]).with(0);
    said.out.trim().to_owned()
}

/// Train all of it undisturbed.
fn trained(world: &World, samples: u32, nodes: u32, processes: u32) -> Option<Vec<(u64, f64)>> {
    let site = site(world, &sweep(samples, nodes, processes))?;
    let _ = site.submit().with(0);
    site.wait_until(|site| site.succeeded() == 2);
    assert_eq!(site.attempts().len(), 2, "{:?}", site.attempts());
    Some(losses(&site))
}

#[test]
fn a_training_in_two_and_in_four_processes_has_the_losses_of_one() {
    let world = World::new();
    let Some(one) = trained(&world, 96, 1, 1) else { return };
    assert_eq!(one.len(), 12);
    assert_alike(&one, &trained(&world, 96, 1, 2).unwrap());
    assert_alike(&one, &trained(&world, 96, 2, 2).unwrap());
}

#[test]
fn a_training_that_four_processes_saved_goes_on_in_two() {
    const SAMPLES: u32 = 400;
    let world = World::new();
    let Some(site) = site(&world, &sweep(SAMPLES, 2, 2)) else { return };
    site.profile(&format!("requeue = false\n{}", world.profile()));
    let _ = site.submit().with(0);
    site.wait_for(|| !losses(&site).is_empty());
    let _ = site.slurm("scancel", &["--signal=USR1", "--batch", &running_job(&site)]).with(0);
    site.wait_for(|| site.attempts().len() == 2);
    let attempts = site.attempts();
    let saved = attempts.iter().find(|outcome| outcome.reason.is_some()).unwrap();
    assert_eq!((saved.reason, &saved.provenance["world_size"]), (Some(FailureReason::Preempted), &4.into()));
    let steps = losses(&site).len();
    assert!(0 < steps && steps < SAMPLES as usize / 8, "{steps} steps");
    site.write("grid.toml", &sweep(SAMPLES, 1, 2));
    site.wait_until(|site| site.submit().code == Some(0) && site.succeeded() == 2);
    let outcomes = site.outcomes();
    let last = outcomes.iter().max_by_key(|outcome| outcome.attempt).unwrap();
    assert_eq!((last.attempt, &last.provenance["world_size"]), (2, &2.into()));
    assert_alike(&losses(&site), &trained(&world, SAMPLES, 1, 1).unwrap());
}
