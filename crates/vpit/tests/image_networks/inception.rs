use tch::Tensor;
use vpit::judge::{Inception, Preparation};

use super::golden::{Golden, filled, hold_published, outline, uniform};

#[test]
fn features_are_those_of_pytorch_fid() {
    let golden = Golden::read("judges/inception");
    let inception = filled(Inception::new, 1.0);
    let images = (uniform("images", &[2, 3, 61, 83]) + 1.0) * 127.5;
    let prepared: Vec<Tensor> = images.unbind(0).iter().map(|image| Preparation::PytorchFid.of(image)).collect();
    golden.hold("features", &tch::no_grad(|| inception.forward(&Tensor::stack(&prepared, 0))), "mutant.");
}

#[test]
fn there_are_the_published_tensors() {
    // 566 with the 94 counters of batches.
    hold_published(&outline(Inception::new), "judges/published-inception.tsv", 472);
}
