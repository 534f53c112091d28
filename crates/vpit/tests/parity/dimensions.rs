//! Dimensions that no fixture has: the training's block loop over packed sequences against the whole model over padded ones,
//! and the cache against both. Sizes are odd and differ from each other, so that none can stand for another.

use serde_json::json;
use tch::{Device, Kind, Tensor};
use vpit::decode;
use vpit::model::layers::normalize;
use vpit::model::vpit::{VisionHeadKind, VisualConfig};
use vpit::model::{Parameters, Vpit, VpitConfig, Weights};
use vpit::native::Group;
use vpit::noise;
use vpit::rng::Rng;
use vpit::sequence::{Batch, Layout, Part, Role, Sequence};
use vpit::train::VisionLoss;
use vpit::train::engine::{Engine, Goal, How, Learns};
use vpit::train::loss::{LossReduction, Losses, StepTargets};

use super::layout;

/// Tokens, width, inner width, blocks, heads, key heads, width of a head, whether the head is tied; visual width, visual
/// tokens, vision head.
type Sizes = (i64, i64, i64, i64, i64, i64, i64, bool, i64, i64, VisionHeadKind);

const SIZES: [Sizes; 6] = [
    (41, 20, 7, 1, 5, 1, 4, false, 3, 1, VisionHeadKind::Linear),
    (53, 14, 33, 3, 7, 7, 2, true, 11, 9, VisionHeadKind::Mlp),
    (47, 18, 5, 2, 3, 1, 10, false, 29, 4, VisionHeadKind::Mlp),
    (61, 6, 64, 5, 9, 3, 8, true, 2, 16, VisionHeadKind::Linear),
    (39, 22, 13, 1, 1, 1, 22, false, 17, 25, VisionHeadKind::Linear),
    (128, 34, 19, 2, 6, 2, 14, true, 5, 2, VisionHeadKind::Mlp),
];

fn config(sizes: Sizes) -> VpitConfig {
    let (vocab, width, inner, blocks, heads, keys, head, tied, visual_width, visual_tokens, vision_head) = sizes;
    let llama = serde_json::from_value(json!({
        "model_type": "llama", "vocab_size": vocab, "hidden_size": width, "intermediate_size": inner,
        "num_hidden_layers": blocks, "num_attention_heads": heads, "num_key_value_heads": keys, "head_dim": head,
        "max_position_embeddings": 512, "rms_norm_eps": 1e-5, "rope_theta": 500000.0, "tie_word_embeddings": tied,
    }));
    VpitConfig { llama: llama.unwrap(), visual: VisualConfig { visual_width, visual_tokens, vision_head } }
}

/// Three conversations of different lengths about three images.
fn sequences(layout: &Layout) -> [Sequence; 3] {
    let talk = |asked: &[Part<'_>], said: &[Part<'_>]| {
        layout.turn(layout.turn(layout.begin(), Role::User, asked), Role::Assistant, said)
    };
    [
        talk(&[Part::Image(2), Part::Text(&[10, 11])], &[Part::Text(&[12, 13, 14, 15, 16])]),
        talk(&[Part::Text(&[17])], &[Part::Text(&[18]), Part::Image(0)]),
        talk(
            &[Part::Image(1), Part::Text(&[19]), Part::Image(0)],
            &[Part::Image(2), Part::Image(1), Part::Text(&[20])],
        ),
    ]
}

/// Both losses and the norm of the gradient, by the block loop.
fn in_blocks(
    parameters: &Parameters,
    config: &VpitConfig,
    batch: &Batch,
    visual: &Tensor,
    recompute: bool,
) -> [f64; 3] {
    let named = parameters.iter().map(|(name, tensor)| (name.to_owned(), tensor.detach().copy())).collect();
    let how = How { learns: Learns::Everything, kind: Kind::Float, device: Device::Cpu, recompute };
    let mut engine =
        Engine::new(&Weights::given(named), config.clone(), how, Group::alone(), |_: &Parameters| {}).unwrap();
    let shares =
        LossReduction::Global.shares(batch.targets(), StepTargets { micro_batches: 1, targets: batch.targets() });
    let goal = Goal { vision_loss: VisionLoss::Cosine, coefficient: 0.7, shares };
    let [text, vision] = engine.learn(batch, visual, goal).unwrap();
    [text, vision, engine.norm().unwrap()]
}

/// The same by the whole model and libtorch's own backward pass.
fn at_once(model: &Vpit, parameters: &Parameters, batch: &Batch, visual: &Tensor) -> [f64; 3] {
    let learned = parameters.train(|_| true);
    let losses = Losses::of(model, batch, visual, VisionLoss::Cosine);
    (&losses.text + &losses.vision * 0.7).backward();
    let square = |tensor: &Tensor| tensor.grad().square().sum(Kind::Double).double_value(&[]);
    let norm = learned.iter().map(square).sum::<f64>().sqrt();
    [losses.text.double_value(&[]), losses.vision.double_value(&[]), norm]
}

#[test]
fn no_dimension_is_assumed() {
    // These are too small to share out.
    tch::set_num_threads(1);
    for sizes in SIZES {
        let config = config(sizes);
        let layout = Layout { visual_tokens: config.visual.visual_tokens as usize, ..layout() };
        let (model, parameters) = Weights::fresh(3).build(|scope| Vpit::new(scope, &config)).unwrap();
        let shape = [3 * config.visual.visual_tokens, config.visual.visual_width];
        let visual = normalize(&noise::normal(&mut Rng::new(1, "visual", 0), &shape));
        let sequences = sequences(&layout);
        let sequences: Vec<&Sequence> = sequences.iter().collect();
        let (padded, packed) = (Batch::collate(&sequences, &layout), Batch::pack(&sequences, &layout));
        let expected = at_once(&model, &parameters, &padded, &visual);
        for recompute in [false, true] {
            let found = in_blocks(&parameters, &config, &packed, &visual, recompute);
            for (found, expected) in found.iter().zip(expected) {
                assert!((found - expected).abs() < 1e-5 * expected.abs(), "{sizes:?}: {found} and {expected}");
            }
        }
        let prompts: Vec<Sequence> =
            sequences.iter().map(|sequence| layout.open((*sequence).clone(), Role::Assistant)).collect();
        let prompts: Vec<&Sequence> = prompts.iter().collect();
        let together = decode::greedy(&model, &layout, &prompts, &visual, 40);
        for (prompt, together) in prompts.iter().zip(&together) {
            let alone = &decode::greedy(&model, &layout, &[prompt], &visual, 40)[0];
            assert_eq!(alone.tokens, together.tokens, "{sizes:?}");
        }
    }
}
