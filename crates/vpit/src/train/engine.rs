//! Forward and backward over a model that is never whole: block by block, each gathered, computed with and freed.
//!
//! Only what enters a block is kept for the backward pass, in which the block is computed again (Chen et al. 2016), or all
//! that it computed, where memory allows: the numbers are the same.

use std::cell::RefCell;

use tch::{Device, Kind, Tensor};

use super::loss::{Losses, Shares, VisionLoss};
use super::shard::{Leaves, Shard};
use crate::model::layers::{Linear, RmsNorm};
use crate::model::llama::{Llama, Rotary, Turn, lm_head};
use crate::model::vpit::{Adapter, VisionHead};
use crate::model::{Parameters, Scope, VpitConfig, Weights, weights};
use crate::native::{self, AdamW, Coming, Group};
use crate::sequence::Batch;
use crate::unified::TOKEN_ROWS;

/// A part of the model that is gathered at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    Embedding,
    Adapter,
    Block(i64),
    Heads,
}

impl Part {
    /// All parts of a model, in the order of computation.
    #[must_use]
    pub fn all(config: &VpitConfig) -> Vec<Self> {
        let blocks = (0..config.llama.num_hidden_layers).map(Self::Block);
        [Self::Embedding, Self::Adapter].into_iter().chain(blocks).chain([Self::Heads]).collect()
    }

    /// Its name in a checkpoint.
    #[must_use]
    pub fn name(self) -> String {
        match self {
            Self::Embedding => "embedding".to_owned(),
            Self::Adapter => "adapter".to_owned(),
            Self::Block(number) => format!("block-{number}"),
            Self::Heads => "heads".to_owned(),
        }
    }

    /// Ask `scope` for the part's own tensors. Tied heads are the embedding's.
    fn own(self, scope: &Scope<'_>, config: &VpitConfig) {
        let (model, llama) = (scope.at("model"), &config.llama);
        match self {
            Self::Embedding => drop(Llama::embedding(&model, llama)),
            Self::Adapter => drop(adapter(scope, config)),
            Self::Block(number) => drop(Llama::layer(&model, llama, number)),
            Self::Heads => drop(Heads::new(scope, config, || Tensor::zeros([0], (Kind::Float, Device::Cpu)))),
        }
    }
}

fn adapter(scope: &Scope<'_>, config: &VpitConfig) -> Adapter {
    Adapter::new(&scope.at("model").at("mm_projector"), config.visual.visual_width, config.llama.hidden_size)
}

/// What stands behind the last block.
struct Heads {
    norm: RmsNorm,
    lm_head: Linear,
    vision_head: VisionHead,
}

impl Heads {
    fn new(scope: &Scope<'_>, config: &VpitConfig, embedding: impl FnOnce() -> Tensor) -> Self {
        Self {
            norm: Llama::last_norm(&scope.at("model"), &config.llama),
            lm_head: lm_head(scope, &config.llama, embedding),
            vision_head: VisionHead::new(&scope.at("vision_head"), config),
        }
    }
}

/// What learns in a stage of the training.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Learns {
    /// Stage 1: the adapter, and of the embedding the rows of the two image tokens.
    Adapter { image: [i64; 2] },
    /// Stage 2: everything but the vision tower.
    Everything,
}

/// How a model is computed.
#[derive(Debug, Clone, Copy)]
pub struct How {
    pub learns: Learns,
    /// The type of weights and activations; what learns is f32 all the same.
    pub kind: Kind,
    pub device: Device,
    /// Compute blocks again in the backward pass instead of keeping what they computed.
    pub recompute: bool,
}

/// What a micro-batch is to learn.
#[derive(Debug, Clone, Copy)]
pub struct Goal {
    pub vision_loss: VisionLoss,
    /// The weight of the visual term.
    pub coefficient: f64,
    pub shares: Shares,
}

/// Why a step could not be computed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("the processes could not go on together: the connection to another one failed, or it ended")]
    Group(#[source] native::Error),
    #[error("libtorch could not run the backward pass")]
    Backward(#[source] native::Error),
    #[error("libtorch could not update the weights")]
    Update(#[source] native::Error),
}

/// A model in training, spread over the processes of a group.
#[derive(Debug)]
pub struct Engine {
    config: VpitConfig,
    how: How,
    /// The part that is needed next, on its way while another is computed. It goes before the group by which it comes.
    coming: RefCell<Option<(Part, Coming)>>,
    group: Group,
    rotary: Rotary,
    /// In the order of [`Part::all`].
    shards: Vec<(Part, Shard)>,
}

/// A computation whose graph is still there.
struct Kept {
    leaves: Vec<(Part, Leaves)>,
    input: Option<Tensor>,
    output: Tensor,
}

/// What a forward pass leaves for the backward one.
struct Forward {
    /// Everything, from the entrance on, unless it is to be computed again.
    kept: Vec<Kept>,
    /// What entered each block.
    inputs: Vec<Tensor>,
    /// What the last block gave.
    last: Tensor,
    turn: Turn,
}

impl Engine {
    /// Take each part of the model out of `weights`, let `start` change it, and keep this process's share.
    ///
    /// # Errors
    /// Tensors are missing or of another shape.
    pub fn new(
        weights: &Weights,
        config: VpitConfig,
        how: How,
        group: Group,
        start: impl Fn(&Parameters),
    ) -> Result<Self, weights::Error> {
        let shard = |part: Part| {
            let ((), parameters) = weights.part(|scope| part.own(scope, &config))?;
            start(&parameters);
            let learns = how.learns == Learns::Everything || matches!(part, Part::Embedding | Part::Adapter);
            let moved = parameters.into_named().into_iter().map(|(name, tensor)| (name, tensor.to_device(how.device)));
            Ok((part, Shard::new(moved.collect::<Leaves>().into(), learns, how.kind, &group)))
        };
        let shards = Part::all(&config).into_iter().map(shard).collect::<Result<_, weights::Error>>()?;
        Ok(Self { rotary: Rotary::new(&config.llama), config, how, group, shards, coming: RefCell::default() })
    }

    #[must_use]
    pub const fn config(&self) -> &VpitConfig {
        &self.config
    }

    #[must_use]
    pub const fn group(&self) -> &Group {
        &self.group
    }

    #[must_use]
    pub const fn how(&self) -> How {
        self.how
    }

    /// All parts with this process's shares.
    pub fn shards(&self) -> impl Iterator<Item = (Part, &Shard)> {
        self.shards.iter().map(|(part, shard)| (*part, shard))
    }

    /// The same, to take over a checkpoint.
    pub fn shards_mut(&mut self) -> (&Group, impl Iterator<Item = (Part, &mut Shard)>) {
        (&self.group, self.shards.iter_mut().map(|(part, shard)| (*part, shard)))
    }

    /// Numbers of the model.
    #[must_use]
    pub fn numbers(&self) -> i64 {
        self.shards.iter().map(|(_, shard)| shard.numbers()).sum()
    }

    /// Compute a micro-batch and add its gradients. Returns both mean losses, text and vision.
    ///
    /// `visual` holds the visual tokens of the batch's images, `[images * visual tokens, width]`.
    ///
    /// # Errors
    /// Another process is gone, or libtorch fails.
    pub fn learn(&mut self, batch: &Batch, visual: &Tensor, goal: Goal) -> Result<[f64; 2], Error> {
        let visual = visual.to_kind(self.how.kind);
        let Forward { mut kept, inputs, last, turn } = self.forward(batch, &visual)?;
        let (mut gradient, losses) = self.heads(&last, batch, &visual, goal)?;
        for (number, input) in inputs.iter().enumerate().rev() {
            let block = match kept.pop() {
                Some(block) => block,
                None => self.block(number as i64, input, &turn, number.checked_sub(1).map(|next| next as i64))?,
            };
            gradient = self.backward(&block, &gradient)?;
        }
        let entrance = match kept.pop() {
            Some(entrance) => entrance,
            None => self.entrance(batch, &visual)?,
        };
        drop(self.backward(&entrance, &gradient)?);
        Ok(losses)
    }

    fn forward(&self, batch: &Batch, visual: &Tensor) -> Result<Forward, Error> {
        let without_graph = self.how.recompute;
        let (mut kept, mut inputs) = (Vec::new(), Vec::new());
        let mut keep = |step: Kept| {
            let output = step.output.detach();
            if !without_graph {
                kept.push(step);
            }
            output
        };
        let mut last = keep(graph_or_none(without_graph, || self.entrance(batch, visual))?);
        let turn = self.rotary.through(&batch.lengths, (last.kind(), last.device()));
        let blocks = self.config.llama.num_hidden_layers;
        for number in 0..blocks {
            let next = Some(number + 1).filter(|next| *next < blocks);
            let output = keep(graph_or_none(without_graph, || self.block(number, &last, &turn, next))?);
            inputs.push(std::mem::replace(&mut last, output));
        }
        Ok(Forward { kept, inputs, last, turn })
    }

    fn shard(&self, part: Part) -> Option<&Shard> {
        self.shards.iter().find_map(|(other, shard)| (*other == part).then_some(shard))
    }

    fn gather(&self, part: Part) -> Result<Leaves, Error> {
        let Some(shard) = self.shard(part) else { return Ok(Leaves::new()) };
        let came = match self.coming.take() {
            Some((called, coming)) if called == part => shard.receive(coming),
            // Nobody calls a part and then takes another.
            Some(_) | None => shard.gather(&self.group, self.how.kind),
        };
        came.map_err(Error::Group)
    }

    /// Let `part` come while something else is computed.
    fn call(&self, part: Part) -> Result<(), Error> {
        // Alone there is nothing to wait for, and a copy in another type would lie there for nothing.
        if self.group.size() == 1 {
            return Ok(());
        }
        if let Some(shard) = self.shard(part) {
            let coming = shard.call(&self.group, self.how.kind).map_err(Error::Group)?;
            self.coming.replace(Some((part, coming)));
        }
        Ok(())
    }

    fn collect(&mut self, part: Part, leaves: &Leaves) -> Result<(), Error> {
        let (group, learns) = (&self.group, self.how.learns);
        if let (Part::Embedding, Learns::Adapter { image }) = (part, learns) {
            leaves.get(TOKEN_ROWS[0]).into_iter().for_each(|rows| keep_rows(&rows.grad(), &image));
        }
        let shard = self.shards.iter_mut().find(|(other, _)| *other == part);
        shard.map_or(Ok(()), |(_, shard)| shard.collect(group, leaves)).map_err(Error::Group)
    }

    fn entrance(&self, batch: &Batch, visual: &Tensor) -> Result<Kept, Error> {
        let leaves = [Part::Embedding, Part::Adapter].map(|part| Ok((part, self.gather(part)?)));
        let leaves = leaves.into_iter().collect::<Result<Vec<_>, Error>>()?;
        let output = with(&leaves, |scope| {
            let embedded = Llama::embedding(&scope.at("model"), &self.config.llama).forward(&batch.ids);
            let shown = visual.index_select(0, &batch.visual_rows);
            adapter(scope, &self.config).place(embedded, &batch.visual_places, &shown)
        });
        Ok(Kept { leaves, input: None, output })
    }

    /// Compute a block, while the one that comes `next` is on its way.
    fn block(&self, number: i64, input: &Tensor, turn: &Turn, next: Option<i64>) -> Result<Kept, Error> {
        let part = Part::Block(number);
        let leaves = vec![(part, self.gather(part)?)];
        if let Some(next) = next {
            self.call(Part::Block(next))?;
        }
        let input = input.detach().set_requires_grad(true);
        let llama = &self.config.llama;
        let output = with(&leaves, |scope| Llama::layer(&scope.at("model"), llama, number).forward(&input, turn));
        Ok(Kept { leaves, input: Some(input), output })
    }

    /// Both losses, and the gradient of what enters the heads.
    fn heads(
        &mut self,
        hidden: &Tensor,
        batch: &Batch,
        visual: &Tensor,
        goal: Goal,
    ) -> Result<(Tensor, [f64; 2]), Error> {
        let tied = self.config.llama.tie_word_embeddings.then_some(Part::Embedding);
        let parts = [Part::Heads].into_iter().chain(tied);
        let leaves = parts.map(|part| Ok((part, self.gather(part)?))).collect::<Result<Vec<_>, Error>>()?;
        let input = hidden.detach().set_requires_grad(true);
        let losses = with(&leaves, |scope| {
            let rows = || Llama::embedding(&scope.at("model"), &self.config.llama).weight;
            let heads = Heads::new(scope, &self.config, rows);
            let hidden = heads.norm.forward(&input);
            Losses::at(&hidden, (&heads.lm_head, &heads.vision_head), batch, visual, goal.vision_loss)
        });
        let total = losses.total(goal.shares, goal.coefficient);
        // A batch without anything to predict has no graph.
        if total.requires_grad() {
            native::backward(&total, &total.ones_like()).map_err(Error::Backward)?;
        }
        for (part, leaves) in &leaves {
            self.collect(*part, leaves)?;
        }
        let gradient = Some(input.grad()).filter(Tensor::defined).unwrap_or_else(|| input.zeros_like().detach());
        Ok((gradient, [losses.text.double_value(&[]), losses.vision.double_value(&[])]))
    }

    /// The gradient of what entered, from that of what came out.
    fn backward(&mut self, kept: &Kept, gradient: &Tensor) -> Result<Tensor, Error> {
        native::backward(&kept.output, gradient).map_err(Error::Backward)?;
        for (part, leaves) in &kept.leaves {
            self.collect(*part, leaves)?;
        }
        Ok(kept.input.as_ref().map_or_else(|| gradient.shallow_clone(), Tensor::grad))
    }

    /// The norm of the whole gradient.
    ///
    /// # Errors
    /// Another process is gone.
    pub fn norm(&self) -> Result<f64, Error> {
        let [square] =
            self.group.sums([self.shards.iter().map(|(_, shard)| shard.square()).sum()]).map_err(Error::Group)?;
        Ok(square.sqrt())
    }

    /// Update everything that learns, its gradient times `scale`.
    ///
    /// # Errors
    /// libtorch refuses.
    pub fn descend(&mut self, update: AdamW, scale: f64) -> Result<(), Error> {
        self.shards.iter_mut().try_for_each(|(_, shard)| shard.descend(update, scale)).map_err(Error::Update)
    }

    /// Show every tensor of the parts that `chosen` accepts to every process, whole and in the type `kind`, a part after
    /// the other.
    ///
    /// # Errors
    /// Another process is gone, or `take` fails.
    pub fn show<E: From<Error>>(
        &self,
        kind: Kind,
        chosen: impl Fn(Part) -> bool,
        mut take: impl FnMut(&str, &Tensor) -> Result<(), E>,
    ) -> Result<(), E> {
        for (_, shard) in self.shards.iter().filter(|(part, _)| chosen(*part)) {
            let leaves = shard.gather(&self.group, kind).map_err(Error::Group)?;
            leaves.iter().try_for_each(|(name, tensor)| take(name, &tensor.detach()))?;
        }
        Ok(())
    }
}

/// Compute with the tensors of `leaves`.
fn with<T>(leaves: &[(Part, Leaves)], compute: impl Fn(&Scope<'_>) -> T) -> T {
    let tensors = leaves.iter().flat_map(|(_, leaves)| leaves).map(|(name, leaf)| (name.clone(), leaf.shallow_clone()));
    Weights::given(tensors.collect()).computed(compute)
}

fn graph_or_none<T>(without: bool, compute: impl FnOnce() -> T) -> T {
    if without { tch::no_grad(compute) } else { compute() }
}

/// Set a gradient to zero in all rows but `rows`.
fn keep_rows(gradient: &Tensor, rows: &[i64]) {
    if gradient.defined() {
        let rows = Tensor::from_slice(rows).to_device(gradient.device());
        let kept = gradient.index_select(0, &rows);
        let _ = gradient.shallow_clone().zero_().index_copy_(0, &rows, &kept);
    }
}
