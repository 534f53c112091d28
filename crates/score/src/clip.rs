//! CLIP score: how well images fit their captions, as 100 times the mean cosine of the two embeddings.
//!
//! The convention of torchmetrics' `CLIPScore` without its clamp at zero, so [-100, 100]. That of Hessel et al. 2021,
//! 2.5 max(cos, 0), is [`hessel`]. The number depends on the encoder: record its name beside it.

use crate::Estimate;

/// Why a CLIP score cannot be computed.
#[derive(Debug, PartialEq, thiserror::Error)]
pub enum Error {
    #[error("cannot compare an embedding of {image} dimensions with one of {text}: they come from different encoders")]
    Dimension { image: usize, text: usize },
    #[error("the embedding has no direction: its norm is {norm}")]
    NoDirection { norm: f64 },
    #[error("cosine {index} is {value}, not a number in [-1, 1]")]
    NotACosine { index: usize, value: f64 },
    #[error("no pair of image and caption to score")]
    Empty,
}

/// Rounding may carry a cosine this far out of [-1, 1] when embeddings are normalised in f32.
const ROUNDING: f64 = 1e-5;

/// The cosine of an image's and a caption's embedding, computed in f64.
///
/// # Errors
/// If the dimensions differ, or a norm is zero or not finite.
pub fn cosine<T: Copy + Into<f64>>(image: &[T], text: &[T]) -> Result<f64, Error> {
    if image.len() != text.len() {
        return Err(Error::Dimension { image: image.len(), text: text.len() });
    }
    let dot = |a: &[T], b: &[T]| -> f64 { a.iter().zip(b).map(|(&x, &y)| x.into() * y.into()).sum() };
    let norm = |of: &[T]| match dot(of, of).sqrt() {
        norm if norm.is_finite() && norm > 0.0 => Ok(norm),
        norm => Err(Error::NoDirection { norm }),
    };
    Ok(dot(image, text) / (norm(image)? * norm(text)?))
}

/// The mean of 100 times `cosines`, one of each pair of image and caption.
///
/// # Errors
/// If there is none, or one is not a cosine (NaN included): a broken pair must not disappear in a mean.
pub fn clip_score(cosines: &[f64]) -> Result<Estimate, Error> {
    mean(cosines, |cosine| 100.0 * cosine)
}

/// The mean of 2.5 times each cosine, where negative ones count as zero (Hessel et al. 2021, without references): [0, 2.5].
///
/// # Errors
/// As for [`clip_score`].
pub fn hessel(cosines: &[f64]) -> Result<Estimate, Error> {
    mean(cosines, |cosine| 2.5 * cosine.max(0.0))
}

fn mean(cosines: &[f64], scale: impl Fn(f64) -> f64) -> Result<Estimate, Error> {
    let is_cosine = |value: f64| value.abs() <= 1.0 + ROUNDING;
    if let Some(index) = cosines.iter().position(|&value| !is_cosine(value)) {
        return Err(Error::NotACosine { index, value: cosines[index] });
    }
    let scaled: Vec<f64> = cosines.iter().map(|&cosine| scale(cosine)).collect();
    Estimate::of(&scaled).ok_or(Error::Empty)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cosines_by_hand() {
        assert_eq!(cosine(&[3.0f32, 4.0], &[3.0, 4.0]), Ok(1.0));
        assert_eq!(cosine(&[1.0, 0.0], &[0.0, 2.0]), Ok(0.0));
        assert_eq!(cosine(&[1.0, 0.0], &[-5.0, 0.0]), Ok(-1.0));
        assert!((cosine(&[1.0, 0.0], &[1.0, 1.0]).unwrap() - 0.5f64.sqrt()).abs() < 1e-15);
    }

    #[test]
    fn score_is_the_mean_in_hundredths() {
        let score = clip_score(&[0.25, 0.35]).unwrap();
        assert!((score.value - 30.0).abs() < 1e-12 && (score.stderr.unwrap() - 5.0).abs() < 1e-12);
    }

    #[test]
    fn hessel_counts_a_negative_cosine_as_zero() {
        assert_eq!(hessel(&[0.4, -0.4]).unwrap().value, 0.5);
        assert_eq!(hessel(&[]), Err(Error::Empty));
    }

    #[test]
    fn negative_means_are_not_clamped() {
        assert_eq!(clip_score(&[-0.5]).unwrap().value, -50.0);
    }

    #[test]
    fn what_is_no_pair_is_refused() {
        assert_eq!(clip_score(&[]), Err(Error::Empty));
        assert!(matches!(clip_score(&[0.1, f64::NAN]), Err(Error::NotACosine { index: 1, .. })));
        assert!(matches!(clip_score(&[27.0]), Err(Error::NotACosine { index: 0, .. })));
        assert_eq!(cosine(&[1.0], &[1.0, 2.0]), Err(Error::Dimension { image: 1, text: 2 }));
        assert_eq!(cosine(&[0.0, 0.0], &[1.0, 2.0]), Err(Error::NoDirection { norm: 0.0 }));
    }
}
