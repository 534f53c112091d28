//! Training and decoding agree on what stands where: a model that has learned two conversations by heart repeats them.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::borrow::Cow;

use tch::{Kind, Tensor};
use vpit::decode;
use vpit::model::layers::normalize;
use vpit::model::llama::LlamaConfig;
use vpit::model::vpit::{VisionHeadKind, VisualConfig};
use vpit::model::{Vpit, VpitConfig, Weights};
use vpit::rng::Rng;
use vpit::sequence::{Batch, Layout, Part, Role, Sequence, Specials};
use vpit::train::loss::Losses;
use vpit::train::{Optimizer, Schedule, VisionLoss};

const LAYOUT: Layout = Layout {
    specials: Specials {
        pad: 0,
        bos: Cow::Borrowed(&[1]),
        eot: 2,
        user: Cow::Borrowed(&[3]),
        assistant: Cow::Borrowed(&[4]),
        image_start: 5,
        image_end: 6,
        text_end: None,
    },
    visual_tokens: 4,
};
const VISUAL_WIDTH: i64 = 8;

fn config() -> VpitConfig {
    let llama = LlamaConfig {
        vocab_size: 16,
        hidden_size: 32,
        intermediate_size: 64,
        num_hidden_layers: 2,
        num_attention_heads: 4,
        num_key_value_heads: 2,
        head_dim: 8,
        max_position_embeddings: 32,
        rms_norm_eps: 1e-5,
        rope_theta: 10_000.0,
        rope_scaling: None,
        tie_word_embeddings: false,
        notes: serde_json::Map::new(),
    };
    VpitConfig {
        llama,
        visual: VisualConfig { visual_width: VISUAL_WIDTH, visual_tokens: 4, vision_head: VisionHeadKind::Mlp },
    }
}

/// "10 11" with image 0 is answered by "12"; "13" is answered by "14" and image 1.
fn conversations(answered: bool) -> [Sequence; 2] {
    let question = LAYOUT.turn(LAYOUT.begin(), Role::User, &[Part::Image(0), Part::Text(&[10, 11])]);
    let request = LAYOUT.turn(LAYOUT.begin(), Role::User, &[Part::Text(&[13])]);
    if !answered {
        return [question, request].map(|asked| LAYOUT.open(asked, Role::Assistant));
    }
    [
        LAYOUT.turn(question, Role::Assistant, &[Part::Text(&[12])]),
        LAYOUT.turn(request, Role::Assistant, &[Part::Text(&[14]), Part::Image(1)]),
    ]
}

fn images() -> Tensor {
    normalize(&vpit::noise::normal(&mut Rng::new(5, "images", 0), &[2 * 4, VISUAL_WIDTH]))
}

fn learned() -> Vpit {
    let (model, tensors) = Weights::fresh(1).build(|scope| Vpit::new(scope, &config())).unwrap();
    let mut optimizer = Optimizer::new(tensors.train(|_| true), Schedule::cosine(1e-2, 150)).unwrap();
    let taught = conversations(true);
    let batch = Batch::collate(&taught.iter().collect::<Vec<_>>(), &LAYOUT);
    for _ in 0..150 {
        let losses = Losses::of(&model, &batch, &images(), VisionLoss::Cosine);
        optimizer.descend(&(losses.text + losses.vision)).unwrap();
    }
    model
}

#[test]
fn what_was_learned_by_heart_is_repeated_word_for_word_and_token_for_token() {
    let (model, asked) = (learned(), conversations(false));
    let said = decode::greedy(&model, &LAYOUT, &asked.iter().collect::<Vec<_>>(), &images(), 12);
    assert_eq!((&said[0].tokens, said[0].images.len()), (&vec![12], 0));
    assert_eq!((&said[1].tokens, said[1].images.len()), (&vec![14, 5, 6], 1));
    let cosines = (&said[1].images[0] * images().narrow(0, 4, 4)).sum_dim_intlist(-1, false, Kind::Float);
    assert!(cosines.min().double_value(&[]) > 0.95, "{cosines}");
}

#[test]
fn a_conversation_is_continued_alike_alone_and_in_company() {
    let (model, asked) = (learned(), conversations(false));
    let together = decode::greedy(&model, &LAYOUT, &asked.iter().collect::<Vec<_>>(), &images(), 12);
    for (prompt, expected) in asked.iter().zip(&together) {
        let alone = decode::greedy(&model, &LAYOUT, &[prompt], &images(), 12);
        assert_eq!(alone[0].tokens, expected.tokens);
        for (image, other) in alone[0].images.iter().zip(&expected.images) {
            assert!((image - other).abs().max().double_value(&[]) < 1e-4);
        }
    }
}
