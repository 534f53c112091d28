//! `vpit train --check CONFIG`: what can be known of a full-size training before its weights are loaded.
//!
//! The configuration has to be one that the stages take, the weights' headers have to fit the model, and what one GPU has
//! to hold has to fit into it. Memory is counted for sharded training (ZeRO-3) in bfloat16 with f32 master weights and
//! AdamW, each block recomputed in the backward pass.

use std::fmt::{self, Display};
use std::path::{Path, PathBuf};

use runfile::TaskConfig;

use crate::data::{self, Library};
use crate::model::llama::LlamaConfig;
use crate::model::presets::{self, PublishedLlm};
use crate::model::siglip::{Siglip, VisionTransformer};
use crate::model::siglip_config::SiglipConfig;
use crate::model::tensor_files::TensorFiles;
use crate::model::{Parameters, Vpit, VpitConfig, Weights, weights};
use crate::tokenizer::{self, Tokenizer};
use crate::train::recipe::{self, Recipe, Stage};
use crate::train::run::Site;
use crate::{checkpoint, unified};

/// What is looked at, beside what the training itself is told.
#[derive(Debug, clap::Args)]
#[group(skip)]
pub struct Arguments {
    /// Look at the training of this configuration and start nothing
    #[arg(long, value_name = "CONFIG")]
    pub check: Option<PathBuf>,
    /// With --check: the language model, where the configuration names none (stage `finetune` finds it in what `adapter`
    /// left)
    #[arg(long, requires = "check")]
    llm: Option<PublishedLlm>,
    /// With --check: GPUs in all
    #[arg(long, default_value_t = 8, requires = "check")]
    gpus: u64,
    /// With --check: memory of one GPU, in GB
    #[arg(long, value_name = "GB", default_value_t = 80.0, requires = "check")]
    gpu_memory: f64,
}

/// Why a training would not run; every variant says what to change.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Protocol(#[from] runfile::Error),
    #[error(transparent)]
    Recipe(#[from] recipe::Error),
    #[error("`{key}` is `{name}`, which is no published model: known are {}", known.join(", "))]
    Unknown { key: &'static str, name: String, known: Vec<&'static str> },
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
    #[error(transparent)]
    Data(#[from] data::Error),
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
pub fn run(config: &Path, arguments: &Arguments, site: &Site) -> Result<Plan, Error> {
    let (stage, recipe) = Recipe::of(&TaskConfig::read(config)?, config)?;
    let llm = language_model(&recipe, arguments.llm)?;
    let batch = recipe.batch(stage);
    let at_once = arguments.gpus * site.micro_batch;
    if at_once == 0 || !batch.is_multiple_of(at_once) {
        return Err(Error::Batch { batch, gpus: arguments.gpus, micro_batch: site.micro_batch });
    }
    let config = unified_config(&recipe, llm.config());
    let (_, parameters) = Weights::fresh(0).shapes_only().build(|scope| Vpit::new(scope, &config))?;
    let (_, tower) = Weights::fresh(0)
        .shapes_only()
        .build(|scope| VisionTransformer::new(&scope.at("vision_model"), &presets::siglip_vision()))?;
    let mut facts = facts(&recipe, stage, llm, &parameters);
    facts.push(match &site.models {
        Some(folder) => ("weights, tokenizer", look(folder, llm, &recipe, &config)?),
        None => ("weights, tokenizer", "not looked at: no --models".to_owned()),
    });
    if let Some(folder) = &site.data {
        facts.push(("data", look_at_data(folder, &recipe, stage)?));
    }
    let trained =
        |name: &str| stage == Stage::Finetune || name.contains("mm_projector") || name == unified::TOKEN_ROWS[0];
    let places = site.micro_batch * recipe.max_length;
    let memory = memory(&config, [&parameters, &tower], trained, [arguments.gpus, places]);
    let plan = Plan { facts, memory };
    let (needed, memory) = (plan.total() / GB, arguments.gpu_memory);
    if needed > memory {
        return Err(Error::Memory { needed, memory, plan: Box::new(plan) });
    }
    Ok(plan)
}

/// The published model that the configuration names, or else the argument.
fn language_model(recipe: &Recipe, argument: Option<PublishedLlm>) -> Result<PublishedLlm, Error> {
    let known = PublishedLlm::ALL.map(PublishedLlm::name);
    let unknown =
        |key, name: &str, known: &[&'static str]| Error::Unknown { key, name: name.to_owned(), known: known.to_vec() };
    if recipe.vision_encoder != presets::SIGLIP {
        return Err(unknown("vision_encoder", &recipe.vision_encoder, &[presets::SIGLIP]));
    }
    let Some(name) = &recipe.llm else { return argument.ok_or(Error::NoModel) };
    let found = PublishedLlm::ALL.into_iter().find(|llm| llm.name() == name);
    found.ok_or_else(|| unknown("llm", name, &known))
}

fn unified_config(recipe: &Recipe, llama: LlamaConfig) -> VpitConfig {
    let visual = recipe.visual(presets::siglip_vision().tower.hidden_size);
    VpitConfig { llama: llama.with_more_tokens(2), visual }
}

fn facts(recipe: &Recipe, stage: Stage, llm: PublishedLlm, parameters: &Parameters) -> Vec<(&'static str, String)> {
    let batch = recipe.batch(stage);
    let samples: u64 = recipe.amounts(stage).iter().map(|(_, amount)| amount).sum();
    let mut facts = vec![
        ("language model", llm.name().to_owned()),
        ("parameters, vision parts too", count(parameters).to_string()),
        ("batch", batch.to_string()),
    ];
    if samples > 0 {
        facts.push(("samples, steps of one pass", format!("{samples}, {}", samples.div_ceil(batch))));
    }
    facts
}

/// Compare the amounts with what the data's manifest says is there.
fn look_at_data(folder: &Path, recipe: &Recipe, stage: Stage) -> Result<String, Error> {
    let library = Library::open(folder)?;
    let mixture = library.mixture(&recipe.amounts(stage), recipe.seed)?;
    Ok(format!("{} samples, mixture {}", mixture.len(), mixture.digest()))
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
        ("weights that stay, bfloat16", 2.0 * (count(model) as f64 - learned) / gpus),
        ("weights that learn, AdamW, f32", 12.0 * learned / gpus),
        ("their gradients, f32", 4.0 * learned / gpus),
        ("vision tower, bfloat16", 2.0 * count(tower) as f64),
        // In bfloat16 the part that is computed and its gradient, and that in f32 while it is summed up.
        ("gathered weights, gradient", (2.0 + 2.0 + 4.0) * largest),
        ("inputs of all blocks", 2.0 * places * width * llama.num_hidden_layers as f64),
        // Two norms, queries, keys, values, what was attended, and gate, up and their product.
        ("one block's activations", 2.0 * places * (4.0 * width + 2.0 * heads + 4.0 * inner)),
        // In bfloat16, in f32 for the loss, and its gradient; at most, as only predicted places need logits.
        ("logits", 10.0 * places * llama.vocab_size as f64),
    ]
}
