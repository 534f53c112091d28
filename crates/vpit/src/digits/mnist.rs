//! The embedded subset of MNIST: parsing the idx format, cropping digits to their ink, scaling them down.

use std::io::Read;

use flate2::read::GzDecoder;

/// Files cut by `data/mnist/cut.py`; embedded so that a frozen binary needs no data folder on the node.
const TRAIN: Files = Files {
    images: include_bytes!("../../data/mnist/train-images.idx3.gz"),
    labels: include_bytes!("../../data/mnist/train-labels.idx1.gz"),
};
const TEST: Files = Files {
    images: include_bytes!("../../data/mnist/test-images.idx3.gz"),
    labels: include_bytes!("../../data/mnist/test-labels.idx1.gz"),
};

const MNIST_SIDE: usize = 28;

struct Files {
    images: &'static [u8],
    labels: &'static [u8],
}

/// A grey image of any size, row-major, 0 = black.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Glyph {
    pub width: usize,
    pub height: usize,
    pub ink: Vec<u8>,
}

/// The digits of one split, cropped to their ink, by class.
pub struct Digits {
    by_class: [Vec<Glyph>; 10],
}

impl Digits {
    /// Digits of MNIST's training split.
    pub fn train() -> Self {
        Self::read(&TRAIN)
    }

    /// Digits of MNIST's test split.
    pub fn test() -> Self {
        Self::read(&TEST)
    }

    fn read(files: &Files) -> Self {
        let mut by_class: [Vec<Glyph>; 10] = Default::default();
        let images = unpack(files.images);
        for (image, label) in images[16..].chunks_exact(MNIST_SIDE * MNIST_SIDE).zip(&unpack(files.labels)[8..]) {
            by_class[usize::from(*label)].push(crop(image));
        }
        Self { by_class }
    }

    /// How many images of `digit` there are.
    pub fn count(&self, digit: u8) -> usize {
        self.by_class[usize::from(digit)].len()
    }

    /// The `index`-th image of `digit`, cropped to its ink.
    pub fn glyph(&self, digit: u8, index: usize) -> &Glyph {
        &self.by_class[usize::from(digit)][index]
    }
}

#[expect(clippy::expect_used, reason = "the bytes are compiled in and a test reads them")]
fn unpack(gzip: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    GzDecoder::new(gzip).read_to_end(&mut bytes).expect("the embedded MNIST subset is sound gzip");
    bytes
}

/// The smallest rectangle that holds all ink. MNIST centres digits by mass, which would shift a composed scene.
fn crop(image: &[u8]) -> Glyph {
    let inked = |x: usize, y: usize| image[y * MNIST_SIDE + x] > 0;
    let rows: Vec<usize> = (0..MNIST_SIDE).filter(|&y| (0..MNIST_SIDE).any(|x| inked(x, y))).collect();
    let columns: Vec<usize> = (0..MNIST_SIDE).filter(|&x| (0..MNIST_SIDE).any(|y| inked(x, y))).collect();
    let (top, bottom) = (rows[0], rows[rows.len() - 1] + 1);
    let (left, right) = (columns[0], columns[columns.len() - 1] + 1);
    let ink = (top..bottom).flat_map(|y| &image[y * MNIST_SIDE + left..y * MNIST_SIDE + right]).copied().collect();
    Glyph { width: right - left, height: bottom - top, ink }
}

impl Glyph {
    /// The glyph scaled to fit into `width` x `height` with its proportions kept, by area averaging.
    ///
    /// Averaging thins strokes to grey, so the result is brightened until its strongest pixel is white.
    pub fn fit(&self, width: usize, height: usize) -> Glyph {
        let scale = (width as f64 / self.width as f64).min(height as f64 / self.height as f64);
        let size = |source: usize| ((source as f64 * scale).round() as usize).max(1);
        let (width, height) = (size(self.width), size(self.height));
        let (across, down) = (overlaps(self.width, width), overlaps(self.height, height));
        let mut means = Vec::with_capacity(width * height);
        for rows in &down {
            for columns in &across {
                means.push(self.mean(columns, rows));
            }
        }
        let gain = 255.0 / means.iter().copied().fold(1.0, f64::max);
        let ink = means.iter().map(|mean| (mean * gain).round() as u8).collect();
        Glyph { width, height, ink }
    }

    /// The mean of the source pixels, each weighted by its share of the target pixel.
    fn mean(&self, columns: &[(usize, f64)], rows: &[(usize, f64)]) -> f64 {
        let row_sum = |y: usize| -> f64 {
            columns.iter().map(|&(x, weight)| weight * f64::from(self.ink[y * self.width + x])).sum()
        };
        rows.iter().map(|&(y, weight)| weight * row_sum(y)).sum()
    }
}

/// For each target pixel of one axis: the source pixels that it covers and the share of each; shares sum to one.
fn overlaps(source: usize, target: usize) -> Vec<Vec<(usize, f64)>> {
    let step = source as f64 / target as f64;
    let covered = |pixel: usize, from: f64, to: f64| (to.min(pixel as f64 + 1.0) - from.max(pixel as f64)).max(0.0);
    (0..target)
        .map(|t| {
            let (from, to) = (t as f64 * step, (t + 1) as f64 * step);
            (from as usize..source.min(to.ceil() as usize)).map(|s| (s, covered(s, from, to) / step)).collect()
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    fn digests(files: &Files) -> HashSet<blake3::Hash> {
        unpack(files.images)[16..].chunks_exact(MNIST_SIDE * MNIST_SIDE).map(blake3::hash).collect()
    }

    #[test]
    fn each_class_has_its_thousand_and_two_hundred_digits() {
        let (train, test) = (Digits::train(), Digits::test());
        for digit in 0..10 {
            assert_eq!((train.count(digit), test.count(digit)), (1000, 200));
        }
    }

    #[test]
    fn no_digit_image_is_in_both_splits() {
        let (train, test) = (digests(&TRAIN), digests(&TEST));
        assert_eq!((train.len(), test.len()), (10_000, 2_000), "no image is there twice either");
        assert!(train.is_disjoint(&test));
    }

    #[test]
    fn the_headers_are_those_of_the_idx_format() {
        assert_eq!(unpack(TRAIN.images)[..16], [0, 0, 8, 3, 0, 0, 0x27, 0x10, 0, 0, 0, 28, 0, 0, 0, 28]);
        assert_eq!(unpack(TEST.labels)[..8], [0, 0, 8, 1, 0, 0, 0x07, 0xd0]);
    }

    #[test]
    fn halving_averages_blocks_of_four_and_brightens() {
        let glyph = Glyph { width: 4, height: 2, ink: vec![100, 100, 0, 40, 100, 100, 40, 20] };
        // Block means are 100 and 25; the gain is 2.55.
        assert_eq!(glyph.fit(2, 1), Glyph { width: 2, height: 1, ink: vec![255, 64] });
    }

    #[test]
    fn fitting_keeps_proportions() {
        let tall = Glyph { width: 4, height: 20, ink: vec![255; 80] };
        let fitted = tall.fit(14, 14);
        assert_eq!((fitted.width, fitted.height), (3, 14));
        assert!(fitted.ink.iter().all(|&ink| ink == 255), "a full block stays full");
    }
}
