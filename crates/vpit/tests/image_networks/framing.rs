use tch::{Kind, Tensor};
use vpit::framing::{Filter, middle, resize, whole};

use super::golden::Golden;

/// Pixels that are some levels apart, as a share of all, and the most levels that any is.
pub fn apart(ours: &Tensor, theirs: &Tensor) -> (f64, f64) {
    let levels = (ours - theirs).abs() * 127.5;
    (levels.gt(0.5).to_kind(Kind::Float).mean(Kind::Float).double_value(&[]), levels.max().double_value(&[]))
}

#[test]
fn images_are_framed_to_the_level_as_pillow_and_the_published_preparations_do() {
    let golden = Golden::read("diffusion/framing");
    let pictures = golden.below("levels.");
    assert_eq!(pictures.len(), 5);
    for (name, levels) in pictures {
        let side: i64 = name.rsplit('.').next().unwrap().parse().unwrap();
        for (kind, ours) in [("middle", middle(levels, side)), ("whole", whole(levels, side))] {
            let (share, most) = apart(&ours, golden.get(&format!("{kind}.{name}")));
            assert!(most < 0.5, "{kind} of {name}: {share} of pixels up to {most} levels apart");
        }
    }
}

#[test]
fn another_filter_shows() {
    let golden = Golden::read("diffusion/framing");
    let bilinear = resize(golden.get("levels.37x53.16"), [16, 16], Filter::Bilinear) / 127.5 - 1.0;
    assert!(apart(&bilinear, golden.get("whole.37x53.16")).0 > 0.5);
}
