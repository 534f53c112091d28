//! What of an image the networks see.
//!
//! The autoencoder of the visualizer sees the middle of it and the vision tower the whole, squashed. For an image that is not
//! square the two differ, so the condition tells of more than the target shows; the release trains like that.
//!
//! Sizes change as in Pillow 10, which the published models' own preparation uses: windows widen with the reduction, first
//! across, then down, and levels are rounded after each. Where a level lies exactly between two, it may differ by one.

use tch::{Kind, Tensor};

use crate::model::dims;

/// How levels between pixels are found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Filter {
    Bilinear,
    Bicubic,
}

/// Levels `[3, height, width]`, 0 to 255, as `[3, height, width]` of another size: whole numbers again, as f32.
pub fn resize(levels: &Tensor, [height, width]: [i64; 2], filter: Filter) -> Tensor {
    let [_, old_height, old_width] = dims(levels);
    let across = |x: &Tensor, size: [i64; 2]| match filter {
        Filter::Bilinear => x.internal_upsample_bilinear2d_aa(size, false, None, None),
        Filter::Bicubic => x.internal_upsample_bicubic2d_aa(size, false, None, None),
    };
    let level = |x: Tensor| (x + 0.5).floor().clamp(0.0, 255.0);
    let mut x = levels.to_kind(Kind::Float).unsqueeze(0);
    if width != old_width {
        x = level(across(&x, [old_height, width]));
    }
    if height != old_height {
        x = level(across(&x, [height, width]));
    }
    x.squeeze_dim(0)
}

/// What the autoencoder sees of levels `[3, height, width]`: the shorter side brought to `side` pixels, the middle cut out,
/// `[3, side, side]` in [-1, 1].
pub fn middle(levels: &Tensor, side: i64) -> Tensor {
    signed(&cut(&shorten(levels, side, Filter::Bilinear), side, half_to_even))
}

/// What CLIP sees of levels `[3, height, width]`: the middle too, found by cubic curves, `[3, side, side]` with about mean 0
/// and variance 1 over the images that CLIP was trained on.
pub fn clip(levels: &Tensor, side: i64) -> Tensor {
    const MEAN: [f64; 3] = [0.481_454_66, 0.457_827_5, 0.408_210_73];
    const DEVIATION: [f64; 3] = [0.268_629_54, 0.261_302_58, 0.275_777_1];
    let column = |numbers: [f64; 3]| Tensor::from_slice(&numbers).to_kind(Kind::Float).view([3, 1, 1]);
    let cut = cut(&shorten(levels, side, Filter::Bicubic), side, |rest| rest / 2);
    (cut / 255.0 - column(MEAN)) / column(DEVIATION)
}

/// What the vision tower sees of levels `[3, height, width]`: all of it, without regard to its proportions,
/// `[3, side, side]` in [-1, 1].
pub fn whole(levels: &Tensor, side: i64) -> Tensor {
    signed(&resize(levels, [side, side], Filter::Bicubic))
}

/// The same proportions with a shorter side of `side` pixels.
fn shorten(levels: &Tensor, side: i64, filter: Filter) -> Tensor {
    let [_, height, width] = dims(levels);
    let shorter = height.min(width);
    resize(levels, [height, width].map(|length| side * length / shorter), filter)
}

/// The middle `[3, side, side]`; `before` says how many of the pixels that are cut off lie above or to the left.
fn cut(levels: &Tensor, side: i64, before: impl Fn(i64) -> i64) -> Tensor {
    let [_, height, width] = dims(levels);
    levels.narrow(1, before(height - side), side).narrow(2, before(width - side), side)
}

/// Levels 0 to 255 as numbers from -1 to 1.
fn signed(levels: &Tensor) -> Tensor {
    levels / 127.5 - 1.0
}

/// Half of `n`; halves go to the even neighbour, as Python rounds.
const fn half_to_even(n: i64) -> i64 {
    let half = n / 2;
    half + (n % 2) * (half % 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halves_go_to_the_even_neighbour() {
        assert_eq!([0, 1, 2, 3, 4, 5, 7].map(half_to_even), [0, 0, 1, 2, 2, 2, 4]);
    }

    #[test]
    fn the_middle_of_a_wide_image_is_cut_out_and_the_whole_of_it_squashed() {
        // Black but for a white right edge, which the middle does not reach.
        let levels = Tensor::cat(
            &[
                Tensor::zeros([3, 4, 12], (Kind::Float, tch::Device::Cpu)),
                Tensor::full([3, 4, 2], 255.0, (Kind::Float, tch::Device::Cpu)),
            ],
            2,
        );
        let (middle, whole) = (middle(&levels, 4), whole(&levels, 4));
        assert_eq!((middle.size(), middle.max().double_value(&[])), (vec![3, 4, 4], -1.0));
        assert!(whole.select(2, 3).min().double_value(&[]) > -0.5);
    }
}
