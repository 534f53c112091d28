//! Sizes by name.
//!
//! The miniature's sizes are our own, chosen for two CPU cores. A model of another size is another value of the same
//! configuration types, not other code.

use serde::{Deserialize, Serialize};

use super::llama::LlamaConfig;
use super::siglip::{TextConfig, TowerConfig, VisionConfig};

/// Decoder sizes that a sweep can name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Llm {
    DigitsSmall,
    DigitsBase,
    DigitsLarge,
}

impl Llm {
    /// The decoder's sizes with a vocabulary of `vocab_size` tokens.
    #[must_use]
    pub fn config(self, vocab_size: i64) -> LlamaConfig {
        let (hidden_size, num_hidden_layers) = match self {
            Self::DigitsSmall => (48, 2),
            Self::DigitsBase => (96, 3),
            Self::DigitsLarge => (128, 4),
        };
        LlamaConfig {
            vocab_size,
            hidden_size,
            intermediate_size: hidden_size * 8 / 3,
            num_hidden_layers,
            num_attention_heads: 4,
            num_key_value_heads: 2,
            head_dim: hidden_size / 4,
            max_position_embeddings: 64,
            rms_norm_eps: 1e-5,
            rope_theta: 10_000.0,
            rope_scaling: None,
            tie_word_embeddings: false,
            notes: serde_json::Map::new(),
        }
    }
}

/// Visual tokens an image in the miniature: a 4 x 4 grid.
pub const DIGITS_VISUAL_SIDE: i64 = 4;

/// The miniature's vision tower, for 32 x 32 grey pixels.
#[must_use]
pub fn digits_vision() -> VisionConfig {
    VisionConfig {
        tower: TowerConfig {
            hidden_size: 64,
            intermediate_size: 256,
            num_hidden_layers: 2,
            num_attention_heads: 4,
            layer_norm_eps: 1e-6,
        },
        num_channels: 1,
        image_size: 32,
        patch_size: 8,
        stem: vec![24, 48],
    }
}

/// The text tower that the miniature's vision tower learns against.
#[must_use]
pub const fn digits_text(vocab_size: i64) -> TextConfig {
    TextConfig {
        tower: TowerConfig {
            hidden_size: 64,
            intermediate_size: 256,
            num_hidden_layers: 2,
            num_attention_heads: 4,
            layer_norm_eps: 1e-6,
        },
        vocab_size,
        max_position_embeddings: 10,
    }
}
