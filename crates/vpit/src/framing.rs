//! What of an image the networks see.
//!
//! The autoencoder of the visualizer sees the middle of it and the vision tower the whole, squashed. For an image that is not
//! square the two differ, so the condition tells of more than the target shows; the release trains like that.
//!
//! Sizes change as in Pillow ([`crate::resample`]), which the published models' own preparation uses.

use serde::{Deserialize, Serialize};
use tch::{Kind, Tensor};

use crate::model::dims;
use crate::resample;

/// How levels between pixels are found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Filter {
    Bilinear,
    Bicubic,
}

/// Levels `[3, height, width]`, 0 to 255, as `[3, height, width]` of another size: whole numbers again, as f32.
pub fn resize(levels: &Tensor, [height, width]: [i64; 2], filter: Filter) -> Tensor {
    let [_, old_height, old_width] = dims(levels);
    let mut rows = vec![0; levels.numel()];
    levels.to_kind(Kind::Uint8).permute([1, 2, 0]).contiguous().copy_data_u8(&mut rows, levels.numel());
    let size = |[height, width]: [i64; 2]| [height as usize, width as usize];
    let resized = resample::resize(&rows, size([old_height, old_width]), size([height, width]), filter);
    Tensor::from_slice(&resized).view([height, width, 3]).permute([2, 0, 1]).to_kind(Kind::Float).contiguous()
}

/// What the autoencoder sees of levels `[3, height, width]`, `[3, side, side]` in [-1, 1].
pub fn middle(levels: &Tensor, side: i64) -> Tensor {
    signed(&square(levels, side, Filter::Bilinear))
}

/// Levels `[3, height, width]` with the shorter side brought to `side` pixels and the middle cut out, `[3, side, side]`.
pub fn square(levels: &Tensor, side: i64, filter: Filter) -> Tensor {
    cut(&shorten(levels, side, filter), side, half_to_even)
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
