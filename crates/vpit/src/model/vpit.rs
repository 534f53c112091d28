//! The unified model: a decoder that reads and predicts text tokens and continuous visual tokens (paper, section 2.1).

use serde::{Deserialize, Serialize};
use tch::Tensor;

use super::layers::{Bias, Linear, normalize};
use super::llama::{Llama, LlamaConfig, lm_head};
use super::weights::{Init, Scope};

/// What the vision head is made of. The paper's text says a projection layer, its released code a two-layer network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum VisionHeadKind {
    Linear,
    Mlp,
}

/// Sizes of the unified model.
#[derive(Debug, Clone, PartialEq)]
pub struct VpitConfig {
    pub llama: LlamaConfig,
    pub visual: VisualConfig,
}

/// What lies between the decoder and the vision tower.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VisualConfig {
    /// Width of a visual token, that is of the vision tower.
    pub visual_width: i64,
    /// Visual tokens an image.
    pub visual_tokens: i64,
    pub vision_head: VisionHeadKind,
}

/// Decoder, text head, adapter and vision head.
#[derive(Debug)]
pub struct Vpit {
    pub model: Backbone,
    pub lm_head: Linear,
    pub vision_head: VisionHead,
}

/// What the checkpoints keep below `model`: the decoder and the adapter.
#[derive(Debug)]
pub struct Backbone {
    pub decoder: Llama,
    pub mm_projector: Adapter,
}

impl Vpit {
    #[must_use]
    pub fn new(scope: &Scope<'_>, config: &VpitConfig) -> Self {
        let (model, width) = (scope.at("model"), config.llama.hidden_size);
        let model = Backbone {
            decoder: Llama::new(&model, &config.llama),
            mm_projector: Adapter::new(&model.at("mm_projector"), config.visual.visual_width, width),
        };
        Self {
            lm_head: lm_head(scope, &config.llama, || model.decoder.embed_tokens.weight.shallow_clone()),
            model,
            vision_head: VisionHead::new(&scope.at("vision_head"), config),
        }
    }

    /// Embed `[batch, length]` token ids and put the adapted visual tokens at the flat places `places` of the batch.
    ///
    /// `visual` is `[places, visual width]`. What the ids hold at those places is not seen.
    pub fn embed(&self, ids: &Tensor, places: &Tensor, visual: &Tensor) -> Tensor {
        self.model.mm_projector.place(self.model.decoder.embed_tokens.forward(ids), places, visual)
    }

    /// Embedded inputs to hidden states, both `[batch, length, width]`; either head reads them.
    pub fn forward(&self, embedded: &Tensor) -> Tensor {
        self.model.decoder.forward(embedded)
    }

    /// The next visual token as inference uses it, unit length, for hidden states `[.., width]`.
    pub fn next_visual(&self, hidden: &Tensor) -> Tensor {
        normalize(&self.vision_head.forward(hidden))
    }
}

/// Brings visual tokens to the decoder's width: linear, exact GELU, linear.
#[derive(Debug)]
pub struct Adapter {
    layers: [Linear; 2],
}

impl Adapter {
    #[must_use]
    pub fn new(scope: &Scope<'_>, visual_width: i64, width: i64) -> Self {
        // Unit vectors have coordinates of size 1/sqrt(width): variance 1 makes the first layer's outputs of order one.
        Self {
            layers: [
                Linear::with_init(&scope.at(0), [visual_width, width], Bias::With, Init::Normal(1.0)),
                Linear::new(&scope.at(2), width, width, Bias::With),
            ],
        }
    }

    /// `[.., visual width]` to `[.., width]`.
    pub fn forward(&self, visual: &Tensor) -> Tensor {
        let [first, second] = &self.layers;
        second.forward(&first.forward(visual).gelu("none"))
    }

    /// Put the adapted `[places, visual width]` at the flat places `places` of `[batch, length, width]`.
    pub fn place(&self, embedded: Tensor, places: &Tensor, visual: &Tensor) -> Tensor {
        if places.numel() == 0 {
            return embedded;
        }
        embedded.flatten(0, 1).index_copy(0, places, &self.forward(visual)).view_as(&embedded)
    }
}

/// Predicts the next visual token from a hidden state after the decoder's last normalisation.
#[derive(Debug)]
pub enum VisionHead {
    Linear(Linear),
    Mlp([Linear; 2]),
}

impl VisionHead {
    #[must_use]
    pub fn new(scope: &Scope<'_>, config: &VpitConfig) -> Self {
        let (width, visual) = (config.llama.hidden_size, config.visual.visual_width);
        match config.visual.vision_head {
            VisionHeadKind::Linear => Self::Linear(Linear::new(scope, width, visual, Bias::With)),
            VisionHeadKind::Mlp => Self::Mlp([
                Linear::new(&scope.at(0), width, width, Bias::With),
                Linear::new(&scope.at(2), width, visual, Bias::With),
            ]),
        }
    }

    /// `[.., width]` to `[.., visual width]`, of any length.
    pub fn forward(&self, hidden: &Tensor) -> Tensor {
        match self {
            Self::Linear(linear) => linear.forward(hidden),
            Self::Mlp([first, second]) => second.forward(&first.forward(hidden).gelu("none")),
        }
    }
}
