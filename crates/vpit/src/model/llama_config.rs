//! The published `config.json` of a Llama, read strictly: what would make another model of it is refused by name.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

/// Sizes and constants of a decoder, and what else its `config.json` says.
///
/// It is read from and written as the published form, so that other programs read what is written here.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Map<String, Value>", into = "Map<String, Value>")]
pub struct LlamaConfig {
    pub vocab_size: i64,
    pub hidden_size: i64,
    pub intermediate_size: i64,
    pub num_hidden_layers: i64,
    pub num_attention_heads: i64,
    pub num_key_value_heads: i64,
    /// Width of one attention head; `hidden_size / num_attention_heads` unless the file says otherwise.
    pub head_dim: i64,
    pub max_position_embeddings: i64,
    pub rms_norm_eps: f64,
    pub rope_theta: f64,
    pub rope_scaling: Option<RopeScaling>,
    /// Whether the text head is the embedding.
    pub tie_word_embeddings: bool,
    /// Token ids, types and names that the forward pass does not look at, kept to be written back.
    pub notes: Map<String, Value>,
}

/// How Llama 3.1 stretches its rotary positions beyond the context that it was first trained with.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RopeScaling {
    pub factor: f64,
    pub low_freq_factor: f64,
    pub high_freq_factor: f64,
    pub original_max_position_embeddings: i64,
}

/// Keys that change nothing in the forward pass.
const NOTES: [&str; 11] = [
    "_name_or_path",
    "architectures",
    "bos_token_id",
    "dtype",
    "eos_token_id",
    "initializer_range",
    "pad_token_id",
    "pretraining_tp",
    "torch_dtype",
    "transformers_version",
    "use_cache",
];

/// The file as published, with the keys that the forward pass looks at.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Published {
    vocab_size: i64,
    hidden_size: i64,
    intermediate_size: i64,
    num_hidden_layers: i64,
    num_attention_heads: i64,
    num_key_value_heads: Option<i64>,
    head_dim: Option<i64>,
    max_position_embeddings: i64,
    rms_norm_eps: f64,
    rope_theta: f64,
    rope_scaling: Option<Map<String, Value>>,
    #[serde(default)]
    tie_word_embeddings: bool,
    #[serde(default = "silu")]
    hidden_act: String,
    #[serde(default)]
    attention_bias: bool,
    #[serde(default)]
    attention_dropout: f64,
    #[serde(default)]
    mlp_bias: bool,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct PublishedScaling {
    factor: f64,
    low_freq_factor: f64,
    high_freq_factor: f64,
    original_max_position_embeddings: i64,
}

const ACTIVATION: &str = "silu";

fn silu() -> String {
    ACTIVATION.to_owned()
}

impl TryFrom<Map<String, Value>> for LlamaConfig {
    type Error = String;

    fn try_from(mut file: Map<String, Value>) -> Result<Self, String> {
        match file.remove("model_type").as_ref().and_then(Value::as_str) {
            Some("llama") => {}
            Some(other) => return Err(format!("`model_type` is `{other}`, and this program knows `llama`")),
            None => return Err("no configuration of a language model: `model_type` is missing".to_owned()),
        }
        let notes = NOTES.iter().filter_map(|&key| file.remove_entry(key)).collect();
        let file: Published = serde_json::from_value(Value::Object(file)).map_err(|error| error.to_string())?;
        let config = Self {
            vocab_size: file.vocab_size,
            hidden_size: file.hidden_size,
            intermediate_size: file.intermediate_size,
            num_hidden_layers: file.num_hidden_layers,
            num_attention_heads: file.num_attention_heads,
            num_key_value_heads: file.num_key_value_heads.unwrap_or(file.num_attention_heads),
            head_dim: file.head_dim.unwrap_or(file.hidden_size / file.num_attention_heads.max(1)),
            max_position_embeddings: file.max_position_embeddings,
            rms_norm_eps: file.rms_norm_eps,
            rope_theta: file.rope_theta,
            rope_scaling: file.rope_scaling.map(scaling).transpose()?.flatten(),
            tie_word_embeddings: file.tie_word_embeddings,
            notes,
        };
        let unknown = [
            ("hidden_act", file.hidden_act != ACTIVATION),
            ("attention_bias", file.attention_bias),
            ("attention_dropout", file.attention_dropout != 0.0),
            ("mlp_bias", file.mlp_bias),
        ];
        match unknown.into_iter().find(|(_, is)| *is) {
            Some((key, _)) => Err(format!("no published Llama 3 has this `{key}`, and this program does not know it")),
            None => config.checked(),
        }
    }
}

/// The scaling that a file asks for; nothing where it asks for none in words.
fn scaling(mut file: Map<String, Value>) -> Result<Option<RopeScaling>, String> {
    // Earlier files say `type`.
    let kind = file.remove("type");
    match file.remove("rope_type").or(kind).as_ref().and_then(Value::as_str) {
        Some("default") => Ok(None),
        Some("llama3") => {
            let file: PublishedScaling =
                serde_json::from_value(Value::Object(file)).map_err(|error| format!("`rope_scaling`: {error}"))?;
            Ok(Some(RopeScaling {
                factor: file.factor,
                low_freq_factor: file.low_freq_factor,
                high_freq_factor: file.high_freq_factor,
                original_max_position_embeddings: file.original_max_position_embeddings,
            }))
        }
        Some(other) => Err(format!("`rope_scaling` is of type `{other}`, and this program knows `llama3`")),
        None => Err("`rope_scaling` has no `rope_type`".to_owned()),
    }
}

impl LlamaConfig {
    fn checked(self) -> Result<Self, String> {
        let positive = [
            ("vocab_size", self.vocab_size),
            ("hidden_size", self.hidden_size),
            ("intermediate_size", self.intermediate_size),
            ("num_hidden_layers", self.num_hidden_layers),
            ("num_attention_heads", self.num_attention_heads),
            ("num_key_value_heads", self.num_key_value_heads),
            ("head_dim", self.head_dim),
            ("max_position_embeddings", self.max_position_embeddings),
        ];
        if let Some((key, value)) = positive.into_iter().find(|(_, value)| *value < 1) {
            return Err(format!("`{key}` is {value}"));
        }
        if self.num_attention_heads % self.num_key_value_heads != 0 {
            let (heads, keys) = (self.num_attention_heads, self.num_key_value_heads);
            return Err(format!("{heads} `num_attention_heads` cannot share {keys} `num_key_value_heads`"));
        }
        if self.head_dim % 2 != 0 {
            return Err(format!("`head_dim` is {}, and rotary positions turn pairs", self.head_dim));
        }
        match self.rope_scaling {
            Some(scaling) if scaling.high_freq_factor <= scaling.low_freq_factor || scaling.factor < 1.0 => {
                Err("`rope_scaling` needs `factor` >= 1 and `high_freq_factor` > `low_freq_factor`".to_owned())
            }
            _ => Ok(self),
        }
    }

    /// The same decoder with `more` rows at the end of its vocabulary.
    #[must_use]
    pub fn with_more_tokens(&self, more: i64) -> Self {
        Self { vocab_size: self.vocab_size + more, ..self.clone() }
    }
}

impl From<LlamaConfig> for Map<String, Value> {
    fn from(config: LlamaConfig) -> Self {
        let scaling = config.rope_scaling.map(|scaling| {
            json!({
                "rope_type": "llama3",
                "factor": scaling.factor,
                "low_freq_factor": scaling.low_freq_factor,
                "high_freq_factor": scaling.high_freq_factor,
                "original_max_position_embeddings": scaling.original_max_position_embeddings,
            })
        });
        let core = [
            ("architectures", json!(["LlamaForCausalLM"])),
            ("model_type", json!("llama")),
            ("vocab_size", json!(config.vocab_size)),
            ("hidden_size", json!(config.hidden_size)),
            ("intermediate_size", json!(config.intermediate_size)),
            ("num_hidden_layers", json!(config.num_hidden_layers)),
            ("num_attention_heads", json!(config.num_attention_heads)),
            ("num_key_value_heads", json!(config.num_key_value_heads)),
            ("head_dim", json!(config.head_dim)),
            ("max_position_embeddings", json!(config.max_position_embeddings)),
            ("rms_norm_eps", json!(config.rms_norm_eps)),
            ("rope_theta", json!(config.rope_theta)),
            ("rope_scaling", json!(scaling)),
            ("tie_word_embeddings", json!(config.tie_word_embeddings)),
            ("hidden_act", json!(ACTIVATION)),
            ("attention_bias", json!(false)),
            ("attention_dropout", json!(0.0)),
            ("mlp_bias", json!(false)),
        ];
        let mut file = config.notes;
        file.extend(core.map(|(key, value)| (key.to_owned(), value)));
        file
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The file of Llama 3.1 8B, as published.
    fn published() -> Value {
        json!({
            "architectures": ["LlamaForCausalLM"], "attention_bias": false, "attention_dropout": 0.0,
            "bos_token_id": 128000, "eos_token_id": 128001, "hidden_act": "silu", "hidden_size": 4096,
            "initializer_range": 0.02, "intermediate_size": 14336, "max_position_embeddings": 131072,
            "mlp_bias": false, "model_type": "llama", "num_attention_heads": 32, "num_hidden_layers": 32,
            "num_key_value_heads": 8, "pretraining_tp": 1, "rms_norm_eps": 1e-5,
            "rope_scaling": {
                "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
                "original_max_position_embeddings": 8192, "rope_type": "llama3"
            },
            "rope_theta": 500000.0, "tie_word_embeddings": false, "torch_dtype": "bfloat16",
            "transformers_version": "4.43.0.dev0", "use_cache": true, "vocab_size": 128256
        })
    }

    fn read(file: Value) -> Result<LlamaConfig, String> {
        serde_json::from_value(file).map_err(|error| error.to_string())
    }

    fn refusal(key: &str, value: Value) -> String {
        let mut file = published();
        file[key] = value;
        read(file).unwrap_err()
    }

    #[test]
    fn the_published_file_is_read_and_written_back_with_all_it_says() {
        let config = read(published()).unwrap();
        assert_eq!((config.head_dim, config.rope_scaling.unwrap().factor), (128, 8.0));
        let mut written = serde_json::to_value(&config).unwrap();
        assert_eq!(read(written.clone()).unwrap(), config);
        assert_eq!(written.as_object_mut().unwrap().remove("head_dim"), Some(json!(128)));
        assert_eq!(written, published());
    }

    #[test]
    fn a_file_of_another_model_is_refused_for_its_type_alone() {
        let mut file = published();
        file["model_type"] = json!("qwen2");
        file["use_sliding_window"] = json!(false);
        assert!(read(file).unwrap_err().contains("`model_type` is `qwen2`"));
        assert!(read(json!({ "image_size": 384 })).unwrap_err().contains("`model_type` is missing"));
    }

    #[test]
    fn what_would_compute_something_else_is_refused_by_name() {
        assert!(refusal("attention_bias", json!(true)).contains("attention_bias"));
        assert!(refusal("hidden_act", json!("gelu")).contains("hidden_act"));
        assert!(refusal("rope_scaling", json!({ "rope_type": "yarn", "factor": 2.0 })).contains("yarn"));
        assert!(refusal("quantization_config", json!({})).contains("quantization_config"));
        assert!(refusal("num_key_value_heads", json!(7)).contains("cannot share 7"));
        assert!(refusal("head_dim", json!(3)).contains("`head_dim` is 3"));
        assert!(refusal("vocab_size", json!(0)).contains("`vocab_size` is 0"));
    }
}
