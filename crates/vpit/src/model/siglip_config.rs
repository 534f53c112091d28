//! The published `config.json` of a SigLIP, read strictly: what would make another model of it is refused by name.

use serde::Deserialize;
use serde_json::{Map, Value};

use super::siglip::{TextConfig, TowerConfig, VisionConfig};

/// Both towers' sizes from a published file.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(try_from = "Map<String, Value>")]
pub struct SiglipConfig {
    pub vision: VisionConfig,
    pub text: TextConfig,
}

/// What changes nothing in the forward pass.
const NOTES: [&str; 12] = [
    "_name_or_path",
    "_attn_implementation_autoset",
    "architectures",
    "bos_token_id",
    "dtype",
    "eos_token_id",
    "initializer_factor",
    "initializer_range",
    "pad_token_id",
    "projection_dim",
    "torch_dtype",
    "transformers_version",
];

/// One tower's part. Published files leave out what equals transformers' defaults, which are those here.
#[derive(Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Tower {
    hidden_size: i64,
    intermediate_size: i64,
    num_hidden_layers: i64,
    num_attention_heads: i64,
    hidden_act: String,
    layer_norm_eps: f64,
    attention_dropout: f64,
    // Of the vision tower.
    num_channels: i64,
    image_size: i64,
    patch_size: i64,
    // Of the text tower.
    vocab_size: i64,
    max_position_embeddings: i64,
}

const ACTIVATION: &str = "gelu_pytorch_tanh";

impl Default for Tower {
    fn default() -> Self {
        Self {
            hidden_size: 768,
            intermediate_size: 3072,
            num_hidden_layers: 12,
            num_attention_heads: 12,
            hidden_act: ACTIVATION.to_owned(),
            layer_norm_eps: 1e-6,
            attention_dropout: 0.0,
            num_channels: 3,
            image_size: 224,
            patch_size: 16,
            vocab_size: 32_000,
            max_position_embeddings: 64,
        }
    }
}

impl TryFrom<Map<String, Value>> for SiglipConfig {
    type Error = String;

    fn try_from(mut file: Map<String, Value>) -> Result<Self, String> {
        expect_type(&mut file, "siglip")?;
        let vision = tower(file.remove("vision_config"), "siglip_vision_model")?;
        let text = tower(file.remove("text_config"), "siglip_text_model")?;
        file.retain(|key, _| !NOTES.contains(&key.as_str()));
        if let Some(key) = file.keys().next() {
            return Err(format!("`{key}` is unknown, and may change what the model computes"));
        }
        Ok(Self {
            vision: VisionConfig {
                num_channels: vision.num_channels,
                image_size: vision.image_size,
                patch_size: vision.patch_size,
                stem: Vec::new(),
                tower: vision.sizes(),
            },
            text: TextConfig {
                vocab_size: text.vocab_size,
                max_position_embeddings: text.max_position_embeddings,
                tower: text.sizes(),
            },
        })
    }
}

fn expect_type(file: &mut Map<String, Value>, expected: &str) -> Result<(), String> {
    match file.remove("model_type").as_ref().and_then(Value::as_str) {
        Some(found) if found == expected => Ok(()),
        Some(found) => Err(format!("`model_type` is `{found}` where `{expected}` is needed")),
        None => Err(format!("`model_type` is missing where `{expected}` is needed")),
    }
}

fn tower(part: Option<Value>, kind: &str) -> Result<Tower, String> {
    let Some(Value::Object(mut part)) = part else { return Err(format!("the part of the `{kind}` is missing")) };
    expect_type(&mut part, kind)?;
    part.retain(|key, _| !NOTES.contains(&key.as_str()));
    let tower: Tower = serde_json::from_value(Value::Object(part)).map_err(|error| format!("`{kind}`: {error}"))?;
    if tower.hidden_act != ACTIVATION || tower.attention_dropout != 0.0 {
        return Err(format!(
            "`{kind}`: published towers have `{ACTIVATION}` and no dropout, and this program only those"
        ));
    }
    let positive = [tower.hidden_size, tower.intermediate_size, tower.num_attention_heads, tower.image_size];
    if positive.into_iter().chain([tower.patch_size, tower.num_channels]).any(|size| size < 1) {
        return Err(format!("`{kind}`: a size is below 1"));
    }
    if tower.hidden_size % tower.num_attention_heads != 0 || tower.patch_size > tower.image_size {
        return Err(format!("`{kind}`: heads do not divide the width, or a patch is larger than the image"));
    }
    Ok(tower)
}

impl Tower {
    fn sizes(&self) -> TowerConfig {
        TowerConfig {
            hidden_size: self.hidden_size,
            intermediate_size: self.intermediate_size,
            num_hidden_layers: self.num_hidden_layers,
            num_attention_heads: self.num_attention_heads,
            layer_norm_eps: self.layer_norm_eps,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn read(file: Value) -> Result<SiglipConfig, String> {
        serde_json::from_value(file).map_err(|error| error.to_string())
    }

    /// The file of SO400M/14 at 384 pixels, as published.
    fn published() -> Value {
        json!({
            "architectures": ["SiglipModel"], "initializer_factor": 1.0, "model_type": "siglip",
            "text_config": {
                "hidden_size": 1152, "intermediate_size": 4304, "model_type": "siglip_text_model",
                "num_attention_heads": 16, "num_hidden_layers": 27
            },
            "torch_dtype": "float32", "transformers_version": "4.37.0.dev0",
            "vision_config": {
                "hidden_size": 1152, "image_size": 384, "intermediate_size": 4304, "model_type": "siglip_vision_model",
                "num_attention_heads": 16, "num_hidden_layers": 27, "patch_size": 14
            }
        })
    }

    #[test]
    fn the_published_file_has_27_patches_a_side() {
        let config = read(published()).unwrap();
        assert_eq!((config.vision.grid(), config.vision.num_channels), (27, 3));
        assert_eq!((config.text.vocab_size, config.text.max_position_embeddings), (32_000, 64));
    }

    #[test]
    fn another_model_or_another_activation_is_refused() {
        let refusal = |edit: fn(&mut Value)| {
            let mut file = published();
            edit(&mut file);
            read(file).unwrap_err()
        };
        assert!(refusal(|file| file["model_type"] = json!("clip")).contains("`clip` where `siglip`"));
        assert!(refusal(|file| file["vision_config"]["hidden_act"] = json!("gelu")).contains("gelu_pytorch_tanh"));
        assert!(refusal(|file| file["vision_config"]["window"] = json!(7)).contains("unknown field `window`"));
        assert!(refusal(|file| file["text_config"] = Value::Null).contains("siglip_text_model"));
        assert!(refusal(|file| file["vision_config"]["num_attention_heads"] = json!(7)).contains("do not divide"));
    }
}
