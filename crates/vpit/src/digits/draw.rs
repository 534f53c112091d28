//! From what a scene shows to its pixels.

use super::canvas::{Canvas, Point, SIDE};
use super::content::{Axis, Content, Corner};
use super::mnist::Digits;
use crate::rng::Rng;

/// Width and height that a digit is fitted into, in pixels.
const DIGIT: (usize, usize) = (14, 14);
const SMALL_DIGIT: (usize, usize) = (8, 8);
/// Digits on a sign stand closer.
const SIGN_DIGIT: (usize, usize) = (11, 14);

const MIDDLE: i64 = SIDE as i64 / 2;
/// Centres of the halves of the canvas.
const NEAR: i64 = SIDE as i64 / 4;
const FAR: i64 = SIDE as i64 * 3 / 4;
/// Distance of a small digit's centre and of an outer bar's centre from the edge.
const MARGIN: i64 = 5;

/// Grey of frames and base lines, and of bars: darker than ink.
const LINE: u8 = 128;
const BAR: u8 = 200;

/// Draws one scene: which handwriting and where exactly is drawn from `rng`.
pub struct Painter<'a> {
    digits: &'a Digits,
    rng: &'a mut Rng,
    canvas: Canvas,
}

impl<'a> Painter<'a> {
    pub fn new(digits: &'a Digits, rng: &'a mut Rng) -> Self {
        Self { digits, rng, canvas: Canvas::black() }
    }

    /// The pixels of a scene that shows `content`.
    pub fn paint(mut self, content: &Content) -> Vec<u8> {
        match content {
            Content::Single { digit } => self.digit(*digit, (MIDDLE, MIDDLE)),
            Content::Pair { axis, first, second } => {
                let [first_place, second_place] = pair_places(*axis);
                self.digit(*first, first_place);
                self.digit(*second, second_place);
            }
            Content::Count { n, digit } => count_places(*n).iter().for_each(|&place| self.digit(*digit, place)),
            Content::Corner { large, small, corner } => {
                self.digit(*large, (MIDDLE, MIDDLE));
                let place = self.jitter(corner_place(*corner));
                self.stamp(*small, SMALL_DIGIT, place);
            }
            Content::Sign { tens, ones } => self.sign(*tens, *ones),
            Content::Bars { heights } => self.bars(heights),
        }
        self.canvas.into_pixels()
    }

    fn digit(&mut self, digit: u8, place: Point) {
        let at = self.jitter(place);
        self.stamp(digit, DIGIT, at);
    }

    /// Draws a random image of `digit`, fitted into `size`, centred on `at`.
    fn stamp(&mut self, digit: u8, size: (usize, usize), at: Point) {
        let index = self.rng.below(self.digits.count(digit) as u64) as usize;
        self.canvas.stamp(&self.digits.glyph(digit, index).fit(size.0, size.1), at);
    }

    fn sign(&mut self, tens: u8, ones: u8) {
        let (x, y) = self.jitter((MIDDLE, MIDDLE));
        self.canvas.frame((x - 14, y - 10), (x + 14, y + 10), LINE);
        self.stamp(tens, SIGN_DIGIT, (x - 6, y));
        self.stamp(ones, SIGN_DIGIT, (x + 6, y));
    }

    fn bars(&mut self, heights: &[u8]) {
        let side = SIDE as i64;
        let (base, half_width) = (side - 2, 3);
        let centres: &[i64] = if heights.len() == 2 { &[NEAR, FAR] } else { &[MARGIN, MIDDLE, side - MARGIN] };
        for (&centre, &height) in centres.iter().zip(heights) {
            self.canvas.fill((centre - half_width, base - i64::from(height)), (centre + half_width, base), BAR);
        }
        self.canvas.fill((1, base), (side - 1, base + 1), LINE);
    }

    /// `place` moved by at most one pixel each way: more, and a caption would say too little about its picture.
    fn jitter(&mut self, place: Point) -> Point {
        let mut step = || self.rng.below(3) as i64 - 1;
        (place.0 + step(), place.1 + step())
    }
}

fn pair_places(axis: Axis) -> [Point; 2] {
    match axis {
        Axis::Horizontal => [(NEAR, MIDDLE), (FAR, MIDDLE)],
        Axis::Vertical => [(MIDDLE, NEAR), (MIDDLE, FAR)],
    }
}

/// Patterns that no pair has: the middle, a diagonal, a triangle, a square.
fn count_places(n: u8) -> &'static [Point] {
    match n {
        1 => &[(MIDDLE, MIDDLE)],
        2 => &[(NEAR, NEAR), (FAR, FAR)],
        3 => &[(NEAR, NEAR), (FAR, NEAR), (MIDDLE, FAR)],
        _ => &[(NEAR, NEAR), (FAR, NEAR), (NEAR, FAR), (FAR, FAR)],
    }
}

fn corner_place(corner: Corner) -> Point {
    let (near, far) = (MARGIN, SIDE as i64 - MARGIN);
    match corner {
        Corner::TopLeft => (near, near),
        Corner::TopRight => (far, near),
        Corner::BottomLeft => (near, far),
        Corner::BottomRight => (far, far),
    }
}
