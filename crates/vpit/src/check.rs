//! `vpit train --check CONFIG`: what can be known of a full-size training before its weights are loaded.
//!
//! The configuration has to be one that the stages take, the weights' headers have to fit the model, and what one GPU has
//! to hold has to fit into it. Memory is counted for sharded training (ZeRO-3) in bfloat16 with f32 master weights and
//! AdamW, each block recomputed in the backward pass.

use std::fmt::{self, Display};
use std::path::{Path, PathBuf};

use runfile::TaskConfig;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::model::llama::LlamaConfig;
use crate::model::presets::{self, PublishedLlm};
use crate::model::siglip::{Siglip, VisionTransformer};
use crate::model::siglip_config::SiglipConfig;
use crate::model::tensor_files::TensorFiles;
use crate::model::vpit::{VisionHeadKind, VisualConfig};
use crate::model::{Parameters, Vpit, VpitConfig, Weights, weights};
use crate::tokenizer::{self, Template, Tokenizer};
use crate::train::{LossReduction, VisionLoss};
use crate::{checkpoint, unified};

/// What is looked at.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// The task's configuration, as the job protocol has it, of a stage `adapter` or `finetune`
    #[arg(long, value_name = "CONFIG")]
    check: PathBuf,
    /// The language model, where the configuration names none (stage `finetune` finds it in what `adapter` left)
    #[arg(long)]
    llm: Option<PublishedLlm>,
    /// A folder with the published models by name; without it only sizes are looked at
    #[arg(long, value_name = "FOLDER")]
    models: Option<PathBuf>,
    /// GPUs in all
    #[arg(long, default_value_t = 8)]
    gpus: u64,
    /// Memory of one GPU, in GB
    #[arg(long, value_name = "GB", default_value_t = 80.0)]
    gpu_memory: f64,
    /// Samples that a GPU computes at once
    #[arg(long, default_value_t = 1)]
    micro_batch: u64,
}

/// Why a training would not run; every variant says what to change.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Protocol(#[from] runfile::Error),
    #[error("`{}` is of stage `{stage}`: `adapter` and `finetune` train a published model", path.display())]
    Stage { path: PathBuf, stage: String },
    #[error("`{}`: {message}", path.display())]
    Parameters { path: PathBuf, message: String },
    #[error("the configuration names no language model: give one with --llm")]
    NoModel,
    #[error("a batch of {batch} is not a whole number of {gpus} GPUs with {micro_batch} samples each")]
    Batch { batch: u64, gpus: u64, micro_batch: u64 },
    #[error("`{}` is another model than `{name}`: its config.json differs in {field}", folder.display())]
    OtherModel { folder: PathBuf, name: &'static str, field: &'static str },
    #[error("one GPU would hold {needed:.1} GB of {memory:.1} GB: use more GPUs or fewer samples at once\n{plan}")]
    Memory { needed: f64, memory: f64, plan: Box<Plan> },
    #[error(transparent)]
    Checkpoint(#[from] checkpoint::Error),
    #[error(transparent)]
    Weights(#[from] weights::Error),
    #[error(transparent)]
    Tokenizer(#[from] tokenizer::Error),
}

/// The parameters of both stages, as `sweeps/metamorph.toml` sets them; what is absent is the paper's.
#[derive(Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Recipe {
    llm: Option<PublishedLlm>,
    vision_encoder: String,
    visual_tokens: i64,
    adapter_lr: f64,
    adapter_batch: u64,
    vision_loss: VisionLoss,
    vision_head: VisionHeadKind,
    vision_coefficient: f64,
    loss_reduction: LossReduction,
    template: Template,
    lr: f64,
    batch: u64,
    warmup: f64,
    max_length: u64,
    seed: u64,
    vqa: u64,
    video_qa: u64,
    pure_video: u64,
    generation: u64,
    visual_thinking: u64,
    image_to_image: u64,
}

impl Default for Recipe {
    fn default() -> Self {
        Self {
            llm: None,
            vision_encoder: presets::SIGLIP.to_owned(),
            visual_tokens: 64,
            adapter_lr: 4.90e-5,
            adapter_batch: 768,
            vision_loss: VisionLoss::Cosine,
            // "a projection layer" (section 2.1); every released script says `mlp`.
            vision_head: VisionHeadKind::Linear,
            vision_coefficient: 1.0,
            loss_reduction: LossReduction::Global,
            template: Template::Release,
            lr: 6.93e-5,
            batch: 1536,
            warmup: 0.03,
            max_length: 4096,
            seed: 42,
            vqa: 0,
            video_qa: 0,
            pure_video: 0,
            generation: 0,
            visual_thinking: 0,
            image_to_image: 0,
        }
    }
}

impl Recipe {
    fn samples(&self) -> u64 {
        [self.vqa, self.video_qa, self.pure_video, self.generation, self.visual_thinking, self.image_to_image]
            .iter()
            .sum()
    }

    /// What no training can do, in words.
    fn problem(&self) -> Option<String> {
        let side = self.visual_tokens.max(0).isqrt();
        if self.vision_encoder != presets::SIGLIP {
            return Some(format!("`vision_encoder` is `{}`, and `{}` is known", self.vision_encoder, presets::SIGLIP));
        }
        if side * side != self.visual_tokens || side == 0 {
            return Some(format!("`visual_tokens` is {}: tokens fill a square", self.visual_tokens));
        }
        let shares =
            [("lr", self.lr), ("adapter_lr", self.adapter_lr), ("vision_coefficient", self.vision_coefficient)];
        if let Some((name, value)) = shares.iter().find(|(_, value)| !value.is_finite() || *value < 0.0) {
            return Some(format!("`{name}` is {value}"));
        }
        if !(0.0..1.0).contains(&self.warmup) {
            return Some(format!("`warmup` is {}: it is a share of the steps", self.warmup));
        }
        let counts = [("batch", self.batch), ("adapter_batch", self.adapter_batch), ("max_length", self.max_length)];
        counts.iter().find(|(_, count)| *count == 0).map(|(name, _)| format!("`{name}` is 0"))
    }
}

/// What a training is and what one GPU holds of it.
#[derive(Debug)]
pub struct Plan {
    facts: Vec<(&'static str, String)>,
    /// Bytes on one GPU.
    memory: Vec<(&'static str, f64)>,
}

impl Plan {
    fn total(&self) -> f64 {
        self.memory.iter().map(|(_, bytes)| bytes).sum()
    }
}

const GB: f64 = 1e9;

impl Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, value) in &self.facts {
            writeln!(f, "{name:<32} {value}")?;
        }
        for (name, bytes) in &self.memory {
            writeln!(f, "{name:<32} {:>8.2} GB", bytes / GB)?;
        }
        writeln!(f, "{:<32} {:>8.2} GB", "on one GPU, at most", self.total() / GB)
    }
}

/// Look at a training.
///
/// # Errors
/// It would not run, and why.
pub fn run(arguments: &Arguments) -> Result<Plan, Error> {
    let task = TaskConfig::read(&arguments.check)?;
    let path = &arguments.check;
    let only_adapter = match task.stage.as_str() {
        "adapter" => true,
        "finetune" => false,
        _ => return Err(Error::Stage { path: path.clone(), stage: task.stage }),
    };
    let bad = |message: String| Error::Parameters { path: path.clone(), message };
    let given = Value::Object(task.params.into_iter().collect());
    let recipe: Recipe = serde_json::from_value(given).map_err(|error| bad(error.to_string()))?;
    if let Some(problem) = recipe.problem() {
        return Err(bad(problem));
    }
    let llm = recipe.llm.or(arguments.llm).ok_or(Error::NoModel)?;
    let batch = if only_adapter { recipe.adapter_batch } else { recipe.batch };
    let at_once = arguments.gpus * arguments.micro_batch;
    if at_once == 0 || !batch.is_multiple_of(at_once) {
        return Err(Error::Batch { batch, gpus: arguments.gpus, micro_batch: arguments.micro_batch });
    }
    let config = unified_config(&recipe, llm.config());
    let (_, parameters) = Weights::fresh(0).shapes_only().build(|scope| Vpit::new(scope, &config))?;
    let (_, tower) = Weights::fresh(0)
        .shapes_only()
        .build(|scope| VisionTransformer::new(&scope.at("vision_model"), &presets::siglip_vision()))?;
    let mut facts = facts(&recipe, llm, &parameters, batch);
    facts.push(match &arguments.models {
        Some(folder) => ("weights, tokenizer", look(folder, llm, &recipe, &config)?),
        None => ("weights, tokenizer", "not looked at: no --models".to_owned()),
    });
    let trained = |name: &str| !only_adapter || name.contains("mm_projector") || name == unified::TOKEN_ROWS[0];
    let places = arguments.micro_batch * recipe.max_length;
    let memory = memory(&config, [&parameters, &tower], trained, [arguments.gpus, places]);
    let plan = Plan { facts, memory };
    let (needed, memory) = (plan.total() / GB, arguments.gpu_memory);
    if needed > memory {
        return Err(Error::Memory { needed, memory, plan: Box::new(plan) });
    }
    Ok(plan)
}

fn unified_config(recipe: &Recipe, llama: LlamaConfig) -> VpitConfig {
    let visual = VisualConfig {
        visual_width: presets::siglip_vision().tower.hidden_size,
        visual_tokens: recipe.visual_tokens,
        vision_head: recipe.vision_head,
    };
    VpitConfig { llama: llama.with_more_tokens(2), visual }
}

fn facts(recipe: &Recipe, llm: PublishedLlm, parameters: &Parameters, batch: u64) -> Vec<(&'static str, String)> {
    let (samples, steps) = (recipe.samples(), recipe.samples().div_ceil(batch));
    let mut facts = vec![
        ("language model", llm.name().to_owned()),
        ("parameters, vision parts too", count(parameters).to_string()),
        ("batch", batch.to_string()),
    ];
    if samples > 0 {
        facts.push(("samples, steps of one pass", format!("{samples}, {steps}")));
    }
    facts
}

fn count(parameters: &Parameters) -> u64 {
    parameters.iter().map(|(_, tensor)| tensor.numel() as u64).sum()
}

/// Compare the published models in `folder` with the plan, by their configurations and the headers of their files.
fn look(folder: &Path, llm: PublishedLlm, recipe: &Recipe, config: &VpitConfig) -> Result<String, Error> {
    let language = folder.join(llm.name());
    let found: LlamaConfig = checkpoint::config(&language)?;
    let differs = |field| Error::OtherModel { folder: language.clone(), name: llm.name(), field };
    let expected = llm.config();
    for (field, same) in [
        ("its sizes", shape(&found) == shape(&expected)),
        ("rope_theta", found.rope_theta == expected.rope_theta),
        ("rope_scaling", found.rope_scaling == expected.rope_scaling),
        ("rms_norm_eps", found.rms_norm_eps == expected.rms_norm_eps),
    ] {
        if !same {
            return Err(differs(field));
        }
    }
    let (_, parameters) = unified::morph(&language, 2, 0)?.shapes_only().build(|scope| Vpit::new(scope, config))?;
    Tokenizer::open(&language)?.specials(expected.vocab_size, recipe.template)?;
    let vision = folder.join(presets::SIGLIP);
    let siglip: SiglipConfig = checkpoint::config(&vision)?;
    if siglip.vision != presets::siglip_vision() {
        return Err(Error::OtherModel { folder: vision, name: presets::SIGLIP, field: "its vision_config" });
    }
    let files = TensorFiles::folder(&vision).map_err(weights::Error::from)?;
    Weights::of(files).shapes_only().build(|scope| Siglip::new(scope, &siglip.vision, &siglip.text))?;
    Ok(format!("{} tensors fit", parameters.iter().count()))
}

const fn shape(config: &LlamaConfig) -> [i64; 7] {
    [
        config.vocab_size,
        config.hidden_size,
        config.intermediate_size,
        config.num_hidden_layers,
        config.num_attention_heads,
        config.num_key_value_heads,
        config.head_dim,
    ]
}

/// Bytes on one GPU, of `gpus` that share the training, with `places` of a sequence computed at once.
#[expect(clippy::cast_precision_loss, reason = "bytes are told to three digits")]
fn memory(
    config: &VpitConfig,
    [model, tower]: [&Parameters; 2],
    trained: impl Fn(&str) -> bool,
    [gpus, places]: [u64; 2],
) -> Vec<(&'static str, f64)> {
    let (gpus, places, llama) = (gpus as f64, places as f64, &config.llama);
    let learned: f64 = model.iter().filter(|(name, _)| trained(name)).map(|(_, tensor)| tensor.numel() as f64).sum();
    let of = |part: &str| -> f64 {
        let inside = model.iter().filter(|(name, _)| name.starts_with(part));
        inside.map(|(_, tensor)| tensor.numel() as f64).sum()
    };
    let largest = ["model.layers.0.", "model.embed_tokens.", "lm_head."].map(of).into_iter().fold(0.0, f64::max);
    let (width, inner) = (llama.hidden_size as f64, llama.intermediate_size as f64);
    let heads = (llama.num_attention_heads + 2 * llama.num_key_value_heads) as f64 * llama.head_dim as f64;
    vec![
        ("weights, bfloat16, shared", 2.0 * count(model) as f64 / gpus),
        ("master weights and AdamW, f32", 12.0 * learned / gpus),
        ("gradients, bfloat16, shared", 2.0 * learned / gpus),
        ("vision tower, bfloat16", 2.0 * count(tower) as f64),
        // This one computed, the next one gathered meanwhile, and the gradient of this one.
        ("gathered weights, gradient", 3.0 * 2.0 * largest),
        ("inputs of all blocks", 2.0 * places * width * llama.num_hidden_layers as f64),
        // Two norms, queries, keys, values, what was attended, and gate, up and their product.
        ("one block's activations", 2.0 * places * (4.0 * width + 2.0 * heads + 4.0 * inner)),
        // In bfloat16, in f32 for the loss, and its gradient; at most, as only predicted places need logits.
        ("logits", 10.0 * places * llama.vocab_size as f64),
    ]
}
