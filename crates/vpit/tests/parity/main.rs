//! The model side against transformers and torch: the fixtures below `golden/language` and their generator `language.py`.
//!
//! f32, and for every tensor, gradients too: the largest difference is at most 1e-4 of the largest value, and the cosine
//! is 1 to 1e-8. Each comparison is made again with something wrong in the model, and then has to fail.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::borrow::Cow;
use std::path::PathBuf;

use serde::Deserialize;
use tch::{Device, Kind, Tensor};
use vpit::model::llama::{LanguageModel, LlamaConfig};
use vpit::model::siglip::{FeatureLayer, Siglip, VisualTokens};
use vpit::model::siglip_config::SiglipConfig;
use vpit::model::tensor_files::TensorFiles;
use vpit::model::{Parameters, Weights};
use vpit::sequence::{Batch, Layout, Part, Role, Sequence, Specials, Targets};
use vpit::train::loss::{Losses, StepTargets};
use vpit::train::{LossReduction, Optimizer, Schedule, VisionLoss};
use vpit::{checkpoint, unified};

mod conversations;
mod decoding;
mod dimensions;
mod tokens;

fn folder(case: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden/language").join(case)
}

/// The reference's tensors of a case.
struct Expected(std::collections::BTreeMap<String, Tensor>);

impl Expected {
    fn of(case: &str) -> Self {
        let mut files = TensorFiles::file(&folder(case).join("expected.safetensors")).unwrap();
        let names: Vec<String> = files.names().map(str::to_owned).collect();
        Self(names.into_iter().map(|name| (name.clone(), files.take(&name).unwrap().unwrap())).collect())
    }

    fn get(&self, name: &str) -> &Tensor {
        self.0.get(name).unwrap_or_else(|| panic!("no `{name}` among {:?}", self.0.keys()))
    }

    /// Whether all gradients below `prefix` are those of the model.
    fn gradients(&self, prefix: &str, parameters: &Parameters) -> Result<(), String> {
        let below = self.0.iter().filter_map(|(name, tensor)| Some((name.strip_prefix(prefix)?, tensor)));
        let mut compared = 0;
        for (name, expected) in below {
            let parameter = parameters.get(name).unwrap_or_else(|| panic!("the model has no `{name}`"));
            close(&format!("gradient of {name}"), &parameter.grad(), expected)?;
            compared += 1;
        }
        assert!(compared > 0, "no gradients below {prefix}");
        Ok(())
    }
}

/// Whether two tensors are equal to the digits promised above.
fn close(name: &str, actual: &Tensor, expected: &Tensor) -> Result<(), String> {
    if !actual.defined() || actual.size() != expected.size() {
        return Err(format!("{name}: shape {:?} is needed", expected.size()));
    }
    let (a, b) = (actual.detach().to_kind(Kind::Double).flatten(0, -1), expected.to_kind(Kind::Double).flatten(0, -1));
    let scale = b.abs().max().double_value(&[]);
    let difference = (&a - &b).abs().max().double_value(&[]);
    let cosine = a.dot(&b) / (a.norm() * b.norm());
    let angle = 1.0 - cosine.double_value(&[]);
    if scale == 0.0 && difference == 0.0 || difference <= 1e-4 * scale && angle < 1e-8 {
        return Ok(());
    }
    Err(format!("{name}: differs by {difference:e} where the largest is {scale:e}, 1 - cosine = {angle:e}"))
}

const LLAMAS: [&str; 8] =
    ["llama-3", "llama-3-far", "llama-3.1", "heads-of-their-own", "one-key-head", "four-to-one", "wide-heads", "tied"];

/// Logits and gradients of a Llama in whose configuration and weights something may be wrong.
fn llama(case: &str, wrong: impl Fn(&mut LlamaConfig), damage: impl Fn(&Parameters)) -> Result<(), String> {
    let (expected, folder) = (Expected::of(case), folder(case));
    let mut config: LlamaConfig = checkpoint::config(&folder).unwrap();
    wrong(&mut config);
    let weights = Weights::of(TensorFiles::folder(&folder).unwrap());
    let (model, parameters) = weights.build(|scope| LanguageModel::new(scope, &config)).unwrap();
    tch::no_grad(|| damage(&parameters));
    drop(parameters.train(|_| true));
    let logits = model.forward(&expected.get("ids").to_kind(Kind::Int64));
    let wanted = expected.get("logits");
    let last = logits.narrow(1, logits.size()[1] - wanted.size()[1], wanted.size()[1]);
    (&last * expected.get("weight")).mean(Kind::Float).backward();
    close("logits", &last, wanted)?;
    expected.gradients("gradient/", &parameters)
}

fn right(_: &mut LlamaConfig) {}
fn whole(_: &Parameters) {}

/// Put the rows of `name` into another order.
fn reorder(parameters: &Parameters, name: &str, order: &[i64]) {
    let rows = parameters.get(name).unwrap();
    rows.shallow_clone().copy_(&rows.index_select(0, &Tensor::from_slice(order)));
}

#[test]
fn logits_and_gradients_are_those_of_transformers() {
    for case in LLAMAS {
        llama(case, right, whole).unwrap_or_else(|problem| panic!("{case}: {problem}"));
    }
}

#[test]
fn a_wrong_constant_of_a_llama_shows() {
    llama("llama-3", |config| config.rms_norm_eps = 1e-5, whole).unwrap_err();
    llama("llama-3", |config| config.rope_theta = 10_000.0, whole).unwrap_err();
    llama("llama-3.1", |config| config.rope_scaling = None, whole).unwrap_err();
    let low = |config: &mut LlamaConfig| config.rope_scaling.as_mut().unwrap().low_freq_factor = 2.0;
    llama("llama-3.1", low, whole).unwrap_err();
    // At positions around 1,500 the fifth digit of the base of rotary frequencies counts.
    llama("llama-3-far", |config| config.rope_theta *= 1.0 + 1e-5, whole).unwrap_err();
}

#[test]
fn the_other_layout_of_rotary_positions_shows() {
    // Neighbours are turned as pairs, where the published checkpoints turn halves.
    let interleave = |parameters: &Parameters| {
        for projection in ["q_proj", "k_proj"] {
            let name = format!("model.layers.0.self_attn.{projection}.weight");
            let heads = parameters.get(&name).unwrap().size()[0] / 4;
            let order: Vec<i64> = (0..heads).flat_map(|head| [0, 2, 1, 3].map(|i| head * 4 + i)).collect();
            reorder(parameters, &name, &order);
        }
    };
    llama("llama-3", right, interleave).unwrap_err();
}

#[test]
fn exchanged_norms_and_exchanged_key_heads_show() {
    let norms = |parameters: &Parameters| {
        let norm = |name: &str| parameters.get(&format!("model.layers.1.{name}.weight")).unwrap().shallow_clone();
        let (mut first, mut second) = (norm("input_layernorm"), norm("post_attention_layernorm"));
        let kept = first.copy();
        first.copy_(&second);
        second.copy_(&kept);
    };
    llama("llama-3", right, norms).unwrap_err();
    let heads = |parameters: &Parameters| {
        reorder(parameters, "model.layers.0.self_attn.k_proj.weight", &[4, 5, 6, 7, 0, 1, 2, 3]);
    };
    llama("llama-3", right, heads).unwrap_err();
}

/// Hidden states place by place through a cache, against those of the whole sequence at once.
fn in_pieces(case: &str, pieces: &[i64], forget: i64) -> Result<(), String> {
    let (expected, folder) = (Expected::of(case), folder(case));
    let config: LlamaConfig = checkpoint::config(&folder).unwrap();
    let weights = Weights::of(TensorFiles::folder(&folder).unwrap());
    let (model, _) = weights.build(|scope| LanguageModel::new(scope, &config)).unwrap();
    let ids = expected.get("ids").to_kind(Kind::Int64);
    let embedded = model.model.embed_tokens.forward(&ids.narrow(1, 0, pieces.iter().sum()));
    let whole = model.model.forward(&embedded);
    let mut cache = model.model.cache(ids.size()[0], embedded.size()[1]);
    let (mut done, mut parts) = (0, Vec::new());
    for &piece in pieces {
        parts.push(model.model.continue_from(&embedded.narrow(1, done, piece), &mut cache));
        done += piece;
        cache.set_lengths(&vec![done - forget; ids.size()[0] as usize]);
    }
    close(case, &Tensor::cat(&parts, 1), &whole)
}

#[test]
fn a_cache_gives_what_the_whole_sequence_gives_whatever_its_pieces() {
    for case in LLAMAS {
        for pieces in [&[9][..], &[1; 9], &[5, 1, 1, 2], &[2, 7]] {
            in_pieces(case, pieces, 0).unwrap();
        }
    }
    in_pieces("llama-3", &[5, 1, 1, 2], 1).unwrap_err();
}

/// Features, tokens and gradients of a vision tower with something wrong in how it is used.
fn siglip(how: VisualTokens, eps: f64) -> Result<(), String> {
    let (expected, folder) = (Expected::of("siglip"), folder("siglip"));
    let mut config: SiglipConfig = checkpoint::config(&folder).unwrap();
    assert_eq!(config.vision.grid(), 27);
    config.vision.tower.layer_norm_eps *= eps;
    let weights = Weights::of(TensorFiles::folder(&folder).unwrap());
    let (model, parameters) = weights.build(|scope| Siglip::new(scope, &config.vision, &config.text)).unwrap();
    drop(parameters.train(|name| name.starts_with("vision_model")));
    let (pixels, tower) = (expected.get("pixels"), &model.vision_model);
    let layers = [
        ("last", FeatureLayer::Last),
        ("penultimate", FeatureLayer::Penultimate),
        ("normalized", FeatureLayer::Normalized),
    ];
    for (name, layer) in layers {
        let every_seventh = Tensor::arange_start_step(0, 729, 7, (Kind::Int64, Device::Cpu));
        close(name, &tower.layer(pixels, layer).index_select(1, &every_seventh), expected.get(name))?;
    }
    close("pooled", &tower.pooled(pixels), expected.get("pooled"))?;
    close("logits", &model.forward(pixels, &expected.get("ids").to_kind(Kind::Int64)), expected.get("logits"))?;
    let tokens = tower.tokens(pixels, how);
    let weight = Tensor::arange(tokens.numel() as i64, (Kind::Float, Device::Cpu)).view_as(&tokens).cos();
    (&tokens * weight).sum(Kind::Float).backward();
    close("tokens", &tokens, expected.get("tokens"))?;
    let long = tower.tokens(pixels, VisualTokens { unit_length: false, ..how });
    close("unnormalized", &long, expected.get("unnormalized"))?;
    expected.gradients("gradient/", &parameters)
}

#[test]
fn features_and_the_64_tokens_are_those_of_transformers_and_torch() {
    let paper = VisualTokens::default();
    siglip(paper, 1.0).unwrap();
    siglip(paper, 0.1).unwrap_err();
    siglip(VisualTokens { layer: FeatureLayer::Normalized, ..paper }, 1.0).unwrap_err();
    siglip(VisualTokens { layer: FeatureLayer::Penultimate, ..paper }, 1.0).unwrap_err();
    siglip(VisualTokens { unit_length: false, ..paper }, 1.0).unwrap_err();
}

fn layout() -> Layout {
    let specials = Specials {
        pad: 3,
        bos: Cow::Borrowed(&[1, 1]),
        eot: 2,
        user: Cow::Borrowed(&[4, 5]),
        assistant: Cow::Borrowed(&[4, 6]),
        image_start: 37,
        image_end: 38,
        text_end: None,
    };
    Layout { specials, visual_tokens: 4 }
}

/// The generator's `SAMPLES`: a question about an image, a request for one, and both mixed over two rounds.
fn samples() -> [Sequence; 3] {
    let layout = layout();
    let talk = |turns: &[&[Part<'_>]]| {
        let roles = [Role::User, Role::Assistant].into_iter().cycle();
        turns.iter().zip(roles).fold(layout.begin(), |sequence, (parts, role)| layout.turn(sequence, role, parts))
    };
    use Part::{Image, Text};
    [
        talk(&[&[Image(0), Text(&[10, 11])], &[Text(&[12, 13])]]),
        talk(&[&[Text(&[14])], &[Text(&[15]), Image(1)]]),
        talk(&[
            &[Text(&[16]), Image(0), Text(&[17]), Image(1)],
            &[Image(2), Text(&[18]), Image(0), Text(&[19])],
            &[Text(&[20])],
            &[Text(&[21, 22])],
        ]),
    ]
}

/// A row of `assembly.json`: places count from 0, `-100` is no label, and pairs are (place, visual token).
#[derive(Deserialize)]
struct Row {
    ids: Vec<i64>,
    labels: Vec<i64>,
    visual: Vec<[i64; 2]>,
    predicted: Vec<[i64; 2]>,
}

fn list(tensor: &Tensor) -> Vec<i64> {
    Vec::try_from(tensor.flatten(0, -1)).unwrap()
}

fn pairs(first: &Tensor, second: &Tensor) -> Vec<[i64; 2]> {
    list(first).into_iter().zip(list(second)).map(|(first, second)| [first, second]).collect()
}

/// Whether a batch of one sequence is what the row says.
fn same_row(batch: &Batch, row: &Row) -> Result<(), String> {
    let same = |what: &str, is: Vec<[i64; 2]>, expected: &[[i64; 2]]| match is == expected {
        true => Ok(()),
        false => Err(format!("{what}: {is:?}, and {expected:?} are expected")),
    };
    if list(&batch.ids) != row.ids {
        return Err(format!("ids: {:?}, and {:?} are expected", list(&batch.ids), row.ids));
    }
    let labels = (0..).zip(&row.labels).filter(|(_, label)| **label != -100);
    let labels: Vec<[i64; 2]> = labels.map(|(place, &label)| [place - 1, label]).collect();
    same("labels", pairs(&batch.text_from, &batch.text_targets), &labels)?;
    same("visual tokens", pairs(&batch.visual_places, &batch.visual_rows), &row.visual)?;
    same("visual targets", pairs(&batch.visual_from, &batch.visual_targets), &row.predicted)
}

#[test]
fn ids_labels_and_places_are_those_of_the_reference() {
    let rows: Vec<Row> = runfile::files::read_json(&folder("assembly.json")).unwrap();
    assert_eq!(rows.len(), 3);
    for (sequence, row) in samples().iter().zip(rows) {
        same_row(&Batch::collate(&[sequence], &layout()), &row).unwrap();
    }
}

/// Losses and gradients of a step in two micro-batches, samples 0 and 1, then 2.
fn step(case: &str, [loss, reduced]: [&str; 2], how: LossReduction, wrong: impl Fn(&mut Batch)) -> Result<(), String> {
    let expected = Expected::of(case);
    let vision_loss = if loss == "l1" { VisionLoss::L1 } else { VisionLoss::Cosine };
    let (model, _, parameters) = unified::load(&folder(case)).unwrap();
    drop(parameters.train(|_| true));
    let images = expected.get("images").flatten(0, 1);
    let [first, second, third] = samples();
    let mut batches = [&[&first, &second][..], &[&third]].map(|sequences| Batch::collate(sequences, &layout()));
    let targets = batches.iter().map(Batch::targets).fold(Targets::default(), |sum, here| sum + here);
    let mut both = Tensor::zeros([2], (Kind::Float, Device::Cpu));
    for batch in &mut batches {
        wrong(batch);
        let losses = Losses::of(&model, batch, &images, vision_loss);
        let shares = how.shares(batch.targets(), StepTargets { micro_batches: 2, targets });
        losses.total(shares, 0.7).backward();
        both += Tensor::stack(&[&losses.text * shares.text, &losses.vision * shares.vision], 0).detach();
    }
    close("losses", &both, expected.get(&format!("{loss}/{reduced}/losses")))?;
    let prefix = format!("{loss}/{reduced}/gradient/");
    if expected.0.keys().any(|name| name.starts_with(&prefix)) {
        expected.gradients(&prefix, &parameters)?;
    }
    Ok(())
}

#[test]
fn both_losses_and_their_gradients_are_those_of_torch_in_either_reduction() {
    let right = |_: &mut Batch| {};
    for case in ["unified-mlp", "unified-linear"] {
        for loss in ["cosine", "l1"] {
            step(case, [loss, "global"], LossReduction::Global, right).unwrap();
            step(case, [loss, "rank"], LossReduction::Rank, right).unwrap();
            step(case, [loss, "global"], LossReduction::Rank, right).unwrap_err();
            step(case, [loss, "rank"], LossReduction::Global, right).unwrap_err();
        }
        step(case, ["l1", "global"], LossReduction::Global, |batch| {
            batch.visual_targets = batch.visual_targets.flip([0])
        })
        .unwrap_err();
        step(case, ["cosine", "global"], LossReduction::Global, |batch| batch.visual_from += 1).unwrap_err();
        step(case, ["cosine", "global"], LossReduction::Global, |batch| batch.text_from += 1).unwrap_err();
        step(case, ["cosine", "global"], LossReduction::Global, |batch| batch.visual_places -= 1).unwrap_err();
    }
}

#[test]
fn twenty_steps_of_adamw_and_its_schedule_are_those_of_torch_and_transformers() {
    let expected = Expected::of("optimizer");
    let parameter = expected.get("start").copy().set_requires_grad(true);
    let schedule = Schedule { warmup: 3, ..Schedule::cosine(3e-3, 20) };
    let mut optimizer = Optimizer::new(vec![parameter.shallow_clone()], schedule).unwrap();
    let mut rates = Vec::new();
    for step in 0..20 {
        rates.push(optimizer.rate() as f32);
        let loss = (&parameter - expected.get(&format!("target/{step}"))).square().sum(Kind::Float);
        optimizer.descend(&loss).unwrap();
        if step == 1 || step == 19 {
            close("parameter", &parameter, expected.get(&format!("after/{step}"))).unwrap();
        }
    }
    close("rates", &Tensor::from_slice(&rates), expected.get("rates")).unwrap();
    let late: Vec<f32> = rates[1..].iter().copied().chain([0.0]).collect();
    close("rates", &Tensor::from_slice(&late), expected.get("rates")).unwrap_err();
}
