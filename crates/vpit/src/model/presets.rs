//! Sizes by name.
//!
//! The miniature's sizes are our own, chosen for two CPU cores. A model of another size is another value of the same
//! configuration types, not other code.

use serde::{Deserialize, Serialize};

use super::llama::{LlamaConfig, RopeScaling};
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

/// Published decoders that a sweep can name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
pub enum PublishedLlm {
    #[serde(rename = "llama-3-8b")]
    #[value(name = "llama-3-8b")]
    Llama3B8,
    #[serde(rename = "llama-3.1-8b")]
    #[value(name = "llama-3.1-8b")]
    Llama31B8,
    #[serde(rename = "llama-3-70b")]
    #[value(name = "llama-3-70b")]
    Llama3B70,
}

impl PublishedLlm {
    pub const ALL: [Self; 3] = [Self::Llama3B8, Self::Llama31B8, Self::Llama3B70];

    /// The name that sweeps use, which is also the name of its folder among the models.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Llama3B8 => "llama-3-8b",
            Self::Llama31B8 => "llama-3.1-8b",
            Self::Llama3B70 => "llama-3-70b",
        }
    }

    /// What the published `config.json` says.
    #[must_use]
    pub fn config(self) -> LlamaConfig {
        let scaling = RopeScaling {
            factor: 8.0,
            low_freq_factor: 1.0,
            high_freq_factor: 4.0,
            original_max_position_embeddings: 8192,
        };
        let (hidden_size, intermediate_size, num_hidden_layers) = match self {
            Self::Llama3B8 | Self::Llama31B8 => (4096, 14336, 32),
            Self::Llama3B70 => (8192, 28672, 80),
        };
        LlamaConfig {
            vocab_size: 128_256,
            hidden_size,
            intermediate_size,
            num_hidden_layers,
            num_attention_heads: hidden_size / 128,
            num_key_value_heads: 8,
            head_dim: 128,
            max_position_embeddings: if self == Self::Llama31B8 { 131_072 } else { 8192 },
            rms_norm_eps: 1e-5,
            rope_theta: 500_000.0,
            rope_scaling: (self == Self::Llama31B8).then_some(scaling),
            tie_word_embeddings: false,
            notes: serde_json::Map::new(),
        }
    }
}

/// The published vision tower of the paper, SigLIP SO400M/14 at 384 pixels (Zhai et al. 2023).
pub const SIGLIP: &str = "siglip-so400m-14-384";

/// What the published `config.json` says of its vision tower.
#[must_use]
pub const fn siglip_vision() -> VisionConfig {
    VisionConfig { tower: siglip_tower(), num_channels: 3, image_size: 384, patch_size: 14, stem: Vec::new() }
}

/// And of its text tower.
#[must_use]
pub const fn siglip_text() -> TextConfig {
    TextConfig { tower: siglip_tower(), vocab_size: 32_000, max_position_embeddings: 64 }
}

const fn siglip_tower() -> TowerConfig {
    TowerConfig {
        hidden_size: 1152,
        intermediate_size: 4304,
        num_hidden_layers: 27,
        num_attention_heads: 16,
        layer_norm_eps: 1e-6,
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
