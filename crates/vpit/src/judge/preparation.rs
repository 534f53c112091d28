//! How images become what FID's Inception sees. Three ways are in use; they change the score, so each has its name.

use std::fmt::{self, Display};

use serde::{Deserialize, Serialize};
use tch::{Kind, Tensor};

use crate::model::dims;

/// Pixels along one side of what the network was trained on.
pub const SIDE: i64 = 299;

/// A way of bringing images to 299 x 299 pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Preparation {
    /// pytorch-fid 0.3: the four nearest places alone, whatever the reduction
    PytorchFid,
    /// clean-fid's default: Pillow's cubic curves, wider with the reduction, not rounded (Parmar et al. 2022)
    Clean,
    /// The first FID's, and torch-fidelity's: as TensorFlow 1 did, from corner to corner
    Tf,
}

impl Preparation {
    /// The name by which the score is known.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::PytorchFid => "pytorch-fid",
            Self::Clean => "clean",
            Self::Tf => "tf",
        }
    }

    /// Levels 0 to 255, `[3, height, width]`, as what the network sees: `[3, 299, 299]`, about [-1, 1].
    pub fn of(self, levels: &Tensor) -> Tensor {
        let levels = levels.to_kind(Kind::Float);
        match self {
            Self::PytorchFid => {
                let unit = (levels / 255.0).unsqueeze(0);
                unit.upsample_bilinear2d([SIDE, SIDE], false, None, None).squeeze_dim(0) * 2.0 - 1.0
            }
            Self::Clean => about_zero(&clean(&levels)),
            Self::Tf => about_zero(&along(&along(&levels, 2), 1)),
        }
    }
}

impl Display for Preparation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// As the graph of 2015 does: 128 and not 127.5.
fn about_zero(levels: &Tensor) -> Tensor {
    (levels - 128.0) / 128.0
}

fn clean(levels: &Tensor) -> Tensor {
    let [_, height, width] = dims(levels);
    let resize = |x: Tensor, size| x.internal_upsample_bicubic2d_aa(size, false, None, None);
    let mut x = levels.unsqueeze(0);
    if width != SIDE {
        x = resize(x, [height, SIDE]);
    }
    if height != SIDE {
        x = resize(x, [SIDE, SIDE]);
    }
    x.squeeze_dim(0).clamp(0.0, 255.0)
}

/// One side brought to 299 as TensorFlow 1 does: place `i` is read at `i` times the reduction, not at the middle of a pixel.
fn along(levels: &Tensor, side: i64) -> Tensor {
    let length = levels.size()[side as usize];
    let reduction = length as f32 / SIDE as f32;
    let places: Vec<f32> = (0..SIDE).map(|place| place as f32 * reduction).collect();
    let whole: Vec<i64> = places.iter().map(|place| (place.floor() as i64).min(length - 1)).collect();
    let next: Vec<i64> = whole.iter().map(|place| (place + 1).min(length - 1)).collect();
    let share: Vec<f32> = places.iter().zip(&whole).map(|(place, &whole)| place - whole as f32).collect();
    let shape = if side == 1 { [1, SIDE, 1] } else { [1, 1, SIDE] };
    let before = levels.index_select(side, &Tensor::from_slice(&whole));
    let after = levels.index_select(side, &Tensor::from_slice(&next));
    &before + (after - &before) * Tensor::from_slice(&share).view(shape)
}
