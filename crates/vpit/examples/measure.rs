//! What a training costs, piece by piece, for `benches/`: each line on standard input does the work once, and what it took is
//! answered on standard output.

use std::error::Error;
use std::io::{BufRead, Read, Write};
use std::path::{Path, PathBuf};
use std::time::Instant;

use serde_json::{Value, json};
use tch::{Device, Kind, Tensor};
use vpit::data::picture::Picture;
use vpit::framing;
use vpit::model::llama::LlamaConfig;
use vpit::model::tensor_files::TensorFiles;
use vpit::model::tensor_writer;
use vpit::model::vpit::{VisionHeadKind, VisualConfig};
use vpit::model::{Parameters, Vpit, VpitConfig, Weights};
use vpit::native::{AdamW, Group};
use vpit::noise;
use vpit::rng::Rng;
use vpit::sequence::{Batch, Layout, Part, Role, Sequence, Specials};
use vpit::train::engine::{Engine, Goal, How, Learns};
use vpit::train::loss::{LossReduction, StepTargets};
use vpit::train::{VisionLoss, report};
use vpit::unified;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

const USAGE: &str =
    "usage: measure (make | step | step-again | make-large | load | pictures | product) FOLDER [THREADS]";

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [verb, folder, rest @ ..] = arguments.as_slice() else { return Err(USAGE.into()) };
    tch::set_num_threads(rest.first().map_or(Ok(1), |threads| threads.parse())?);
    let folder = Path::new(folder);
    match verb.as_str() {
        "make" => make(folder),
        "step" => step(folder, false),
        "step-again" => step(folder, true),
        "make-large" => make_large(folder),
        "load" => load(folder),
        "pictures" => pictures(folder),
        "product" => serve(product),
        _ => Err(USAGE.into()),
    }
}

/// Do `work` for each line, and answer with what it says.
fn serve(mut work: impl FnMut() -> Result<Value>) -> Result<()> {
    println!("ready");
    for line in std::io::stdin().lock().lines() {
        line?;
        let said = work()?;
        let mut out = std::io::stdout().lock();
        writeln!(out, "{said}")?;
        out.flush()?;
    }
    Ok(())
}

#[expect(clippy::disallowed_methods, reason = "measuring time is what this is for")]
fn timed<T>(work: impl FnOnce() -> Result<T>) -> Result<(f64, T)> {
    let started = Instant::now();
    let result = work()?;
    Ok((started.elapsed().as_secs_f64(), result))
}

/// 30 million numbers, in the proportions of an 8B.
fn config() -> Result<VpitConfig> {
    let llama: LlamaConfig = serde_json::from_value(json!({
        "model_type": "llama", "vocab_size": 8192, "hidden_size": 512, "intermediate_size": 1792, "num_hidden_layers": 8,
        "num_attention_heads": 8, "num_key_value_heads": 2, "max_position_embeddings": 4096, "rms_norm_eps": 1e-5,
        "rope_theta": 500000.0, "tie_word_embeddings": false,
    }))?;
    let visual = VisualConfig { visual_width: 384, visual_tokens: 64, vision_head: VisionHeadKind::Mlp };
    Ok(VpitConfig { llama, visual })
}

fn layout() -> Layout {
    let (user, assistant) = (vec![10, 11, 12].into(), vec![10, 13, 12].into());
    let specials = Specials {
        pad: 0,
        bos: vec![1, 1].into(),
        eot: 2,
        user,
        assistant,
        image_start: 3,
        image_end: 4,
        text_end: None,
    };
    Layout { specials, visual_tokens: 64 }
}

/// Questions about images, text alone, and requests for images, as one step mixes them: words of a turn by length.
const CONVERSATIONS: [(usize, bool, usize, bool); 8] = [
    (24, true, 12, false),
    (40, true, 90, false),
    (30, false, 160, false),
    (14, false, 9, true),
    (18, true, 4, false),
    (12, false, 9, true),
    (60, true, 30, true),
    (16, true, 220, false),
];

fn sequences() -> Vec<Sequence> {
    let layout = layout();
    let mut rng = Rng::new(1, "words", 0);
    let mut images = 0;
    let mut turn = |sequence: Sequence, role: Role, count: usize, image: bool| {
        let words: Vec<i64> = (0..count).map(|_| 20 + rng.below(8_000) as i64).collect();
        let mut parts = vec![Part::Text(&words)];
        if image {
            parts.insert(usize::from(role == Role::Assistant), Part::Image(images));
            images += 1;
        }
        layout.turn(sequence, role, &parts)
    };
    let mut talk = |&(asked, shown, said, drawn): &(usize, bool, usize, bool)| {
        let sequence = turn(layout.begin(), Role::User, asked, shown);
        turn(sequence, Role::Assistant, said, drawn)
    };
    CONVERSATIONS.iter().map(&mut talk).collect()
}

/// A model and a batch for every participant.
fn make(folder: &Path) -> Result<()> {
    std::fs::create_dir_all(folder)?;
    let config = config()?;
    let (_, parameters) = Weights::fresh(1).build(|scope| Vpit::new(scope, &config))?;
    unified::save(folder, &config, &parameters, Kind::Float)?;
    let images = CONVERSATIONS.iter().map(|(_, shown, _, drawn)| i64::from(*shown) + i64::from(*drawn)).sum::<i64>();
    let visual = noise::normal(&mut Rng::new(2, "visual", 0), &[images * 64, 384]);
    let visual = vpit::model::layers::normalize(&visual);
    tensor_writer::write(&folder.join("visual.safetensors"), &[("visual", visual)])?;
    let row = |sequence: &Sequence| {
        let batch = Batch::pack(&[sequence], &layout());
        json!({
            "ids": list(&batch.ids),
            "visual": [list(&batch.visual_places), list(&batch.visual_rows)],
            "text": [list(&batch.text_from), list(&batch.text_targets)],
            "predicted": [list(&batch.visual_from), list(&batch.visual_targets)],
        })
    };
    let rows: Vec<Value> = sequences().iter().map(row).collect();
    Ok(runfile::files::write_json(&folder.join("batch.json"), &rows)?)
}

fn list(tensor: &Tensor) -> Vec<i64> {
    Vec::try_from(tensor.flatten(0, -1)).unwrap_or_default()
}

/// A whole step: both passes, the gradient's norm, the update.
fn step(folder: &Path, recompute: bool) -> Result<()> {
    let before = report::peak_memory();
    let config = unified::config(folder)?;
    let visual = TensorFiles::file(&folder.join("visual.safetensors"))?.take("visual").ok_or("no visual tokens")??;
    let how = How { learns: Learns::Everything, kind: Kind::Float, device: Device::Cpu, recompute };
    let mut engine = Engine::new(&unified::weights(folder)?, config, how, Group::alone(), |_: &Parameters| {})?;
    let sequences = sequences();
    let batch = Batch::pack(&sequences.iter().collect::<Vec<&Sequence>>(), &layout());
    let of = StepTargets { micro_batches: 1, targets: batch.targets() };
    let shares = LossReduction::Global.shares(batch.targets(), of);
    let goal = Goal { vision_loss: VisionLoss::Cosine, coefficient: 1.0, shares };
    let (places, numbers) = (batch.ids.numel(), engine.numbers());
    let mut number = 0;
    serve(move || {
        number += 1;
        let (seconds, (losses, norm)) = timed(|| {
            let losses = engine.learn(&batch, &visual, goal)?;
            let norm = engine.norm()?;
            engine.descend(AdamW { step: number, rate: 1e-4, weight_decay: 0.0, epsilon: 1e-8 }, 1.0)?;
            Ok((losses, norm))
        })?;
        Ok(json!({
            "seconds": seconds, "losses": losses, "norm": norm, "places": places, "numbers": numbers,
            "before": before, "peak": report::peak_memory(),
        }))
    })
}

/// Blocks of an 8B, fewer of them and with fewer tokens, in bfloat16: 4 GB.
fn large() -> Result<VpitConfig> {
    let small = config()?;
    let llama: LlamaConfig = serde_json::from_value(json!({
        "model_type": "llama", "vocab_size": 16384, "hidden_size": 4096, "intermediate_size": 14336,
        "num_hidden_layers": 8, "num_attention_heads": 32, "num_key_value_heads": 8, "max_position_embeddings": 4096,
        "rms_norm_eps": 1e-5, "rope_theta": 500000.0, "tie_word_embeddings": false,
    }))?;
    Ok(VpitConfig { llama, ..small })
}

fn make_large(folder: &Path) -> Result<()> {
    std::fs::create_dir_all(folder)?;
    let config = large()?;
    let (_, shapes) = Weights::fresh(1).shapes_only().build(|scope| Vpit::new(scope, &config))?;
    let real = |(name, shape): (&str, &Tensor)| {
        let numbers = Tensor::full(shape.size(), 0.01, (Kind::BFloat16, Device::Cpu));
        (name.to_owned(), numbers)
    };
    let parameters: Parameters = shapes.iter().map(real).collect::<std::collections::BTreeMap<_, _>>().into();
    Ok(unified::save(folder, &config, &parameters, Kind::BFloat16)?)
}

/// From the disk to the end of a first step of stage 1, and reading the same files alone.
fn load(folder: &Path) -> Result<()> {
    let files: Vec<PathBuf> = std::fs::read_dir(folder)?
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<std::io::Result<Vec<PathBuf>>>()?
        .into_iter()
        .filter(|path| path.extension().is_some_and(|ending| ending == "safetensors"))
        .collect();
    let config = unified::config(folder)?;
    let layout = layout();
    let said = layout.turn(layout.begin(), Role::Assistant, &[Part::Text(&[20, 21, 22, 23])]);
    let batch = Batch::pack(&[&said], &layout);
    let visual = Tensor::zeros([0, config.visual.visual_width], (Kind::BFloat16, Device::Cpu));
    serve(move || {
        forget(&files)?;
        let (read, bytes) = timed(|| files.iter().map(|path| read_all(path)).sum::<Result<u64>>())?;
        forget(&files)?;
        let (seconds, built) = timed(|| {
            let learns = Learns::Adapter { image: [3, 4] };
            let how = How { learns, kind: Kind::BFloat16, device: Device::Cpu, recompute: true };
            let (built, mut engine) = timed(|| {
                Ok(Engine::new(&unified::weights(folder)?, config.clone(), how, Group::alone(), |_: &Parameters| {})?)
            })?;
            let of = StepTargets { micro_batches: 1, targets: batch.targets() };
            let shares = LossReduction::Global.shares(batch.targets(), of);
            engine.learn(&batch, &visual, Goal { vision_loss: VisionLoss::None, coefficient: 1.0, shares })?;
            engine.descend(AdamW { step: 1, rate: 1e-4, weight_decay: 0.0, epsilon: 1e-8 }, 1.0)?;
            Ok(built)
        })?;
        Ok(json!({ "bytes": bytes, "read": read, "seconds": seconds, "built": built }))
    })
}

/// Let the next reading come from the disk.
fn forget(files: &[PathBuf]) -> Result<()> {
    for path in files {
        let file = std::fs::File::open(path)?;
        file.sync_all()?;
        rustix::fs::fadvise(&file, 0, None, rustix::fs::Advice::DontNeed)?;
    }
    Ok(())
}

fn read_all(path: &Path) -> Result<u64> {
    let (mut file, mut buffer, mut bytes) = (std::fs::File::open(path)?, vec![0; 16 << 20], 0);
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok(bytes),
            count => bytes += count as u64,
        }
    }
}

/// Every picture of the folder as the vision tower takes it.
fn pictures(folder: &Path) -> Result<()> {
    let mut names: Vec<String> = std::fs::read_dir(folder)?
        .map(|entry| entry.map(|entry| entry.file_name().to_string_lossy().into_owned()))
        .collect::<std::io::Result<_>>()?;
    names.sort_unstable();
    serve(move || {
        let (seconds, sum) = timed(|| {
            let mut sum = 0.0;
            for name in &names {
                let picture = framing::whole(&Picture::named(folder, name)?.levels()?, 384);
                sum += picture.get(0).double_value(&[200, 100]);
            }
            Ok(sum)
        })?;
        Ok(json!({ "seconds": seconds, "pictures": names.len(), "sum": sum }))
    })
}

/// Floating-point operations a second of one large product of matrices.
fn product() -> Result<Value> {
    let side = 2048;
    let [a, b] = [1, 2].map(|seed| noise::normal(&mut Rng::new(seed, "product", 0), &[side, side]));
    let mut best: f64 = 0.0;
    for _ in 0..8 {
        let (seconds, _) = timed(|| Ok(a.matmul(&b).double_value(&[0, 0])))?;
        best = best.max(2.0 * (side as f64).powi(3) / seconds);
    }
    Ok(json!({ "flops": best }))
}
