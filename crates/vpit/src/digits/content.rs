//! What a scene shows, apart from how it is drawn: combinations, held-out combinations, captions.

use super::vocabulary::{number, plural};
use super::world::Split;
use crate::rng::Rng;

/// How the two digits of a pair lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Axis {
    /// The first is left of the second.
    Horizontal,
    /// The first is above the second.
    Vertical,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Corner {
    TopLeft,
    TopRight,
    BottomLeft,
    BottomRight,
}

impl Corner {
    pub const ALL: [Corner; 4] = [Corner::TopLeft, Corner::TopRight, Corner::BottomLeft, Corner::BottomRight];

    pub fn words(self) -> &'static str {
        match self {
            Corner::TopLeft => "top left",
            Corner::TopRight => "top right",
            Corner::BottomLeft => "bottom left",
            Corner::BottomRight => "bottom right",
        }
    }
}

/// What a scene shows. Captions, questions and answers follow from it alone.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Content {
    /// One digit in the middle.
    Single { digit: u8 },
    /// Two different digits side by side or one above the other.
    Pair { axis: Axis, first: u8, second: u8 },
    /// One to four times the same digit.
    Count { n: u8, digit: u8 },
    /// A digit in the middle and a small one in a corner.
    Corner { large: u8, small: u8, corner: Corner },
    /// A framed number of two digits, 10 to 99.
    Sign { tens: u8, ones: u8 },
    /// Two or three bars from left to right; heights in pixels, at least [`Content::BAR_STEP`] apart.
    Bars { heights: Vec<u8> },
}

impl Content {
    /// The least difference between two bars, in pixels: visible to a person at this resolution.
    pub const BAR_STEP: u8 = 5;
    const BAR_HEIGHTS: std::ops::RangeInclusive<u8> = 5..=27;

    /// Contents for captions: each kind, and within it each combination that `split` allows, equally likely.
    pub(super) fn draw(rng: &mut Rng, split: Split) -> Content {
        let kind = rng.below(6);
        Self::allowed(split, || match kind {
            0 => Content::Single { digit: digit(rng) },
            1 => Content::Pair { axis: axis(rng), first: digit(rng), second: digit(rng) },
            2 => Content::Count { n: 1 + rng.below(4) as u8, digit: digit(rng) },
            3 => Content::Corner { large: digit(rng), small: digit(rng), corner: corner(rng) },
            4 => Content::Sign { tens: digit(rng), ones: digit(rng) },
            _ => Content::Bars { heights: bars(rng) },
        })
    }

    /// The first of `proposals` that exists and that `split` may show; every kind has many, so this ends soon.
    pub(super) fn allowed(split: Split, mut proposals: impl FnMut() -> Content) -> Content {
        loop {
            let content = proposals();
            if content.exists() && content.belongs_to(split) {
                return content;
            }
        }
    }

    /// Whether this is a scene at all: a pair has two digits to tell apart, a number no leading zero.
    fn exists(&self) -> bool {
        match self {
            Content::Pair { first, second, .. } => first != second,
            Content::Sign { tens, .. } => *tens > 0,
            Content::Bars { heights } => are_apart(heights),
            Content::Single { .. } | Content::Count { .. } | Content::Corner { .. } => true,
        }
    }

    fn belongs_to(&self, split: Split) -> bool {
        match (self, split) {
            // Bars hold no handwriting, so the splits divide the heights between them.
            (Content::Bars { heights }, _) => is_test_chart(heights) == (split == Split::Test),
            (_, Split::Train) => !self.held_out(),
            (_, Split::Test) => true,
        }
    }

    /// Whether this combination is kept out of training: 20 of 90 pairs on each axis, 20 of 100 large and small digits,
    /// 18 of 90 numbers, 6 of 30 counts above one. Single digits and bars hold out none.
    ///
    /// The combinations are lines of a Latin square, so each digit is missing equally often in each place and what is
    /// left says nothing about the answers.
    pub fn held_out(&self) -> bool {
        match *self {
            Content::Pair { axis: Axis::Horizontal, first, second } => matches!(line(first, second), 1 | 7),
            Content::Pair { axis: Axis::Vertical, first, second } => matches!(line(first, second), 3 | 9),
            Content::Corner { large, small, .. } => matches!(line(large, small), 1 | 5),
            Content::Sign { tens, ones } => matches!(line(tens, ones), 3 | 7),
            Content::Count { n, digit } => n > 1 && matches!(line(digit, n), 1 | 6),
            Content::Single { .. } | Content::Bars { .. } => false,
        }
    }

    /// A caption in words of [`vocabulary`](super::vocabulary), at most nine. Pairs are told from either side.
    pub(super) fn caption(&self, rng: &mut Rng) -> String {
        match self {
            Content::Single { digit } => a(*digit),
            Content::Pair { axis, first, second } => pair_caption(*axis, *first, *second, rng.below(2) == 0),
            Content::Count { n: 1, digit } => format!("one {}", number(*digit)),
            Content::Count { n, digit } => format!("{} {}", number(*n), plural(*digit)),
            Content::Corner { large, small, corner } => {
                format!("{} and a small {} {}", a(*large), number(*small), corner.words())
            }
            Content::Sign { tens, ones } => format!("a sign reading {} {}", number(*tens), number(*ones)),
            Content::Bars { heights } => bars_caption(heights),
        }
    }
}

/// "a seven", "an eight".
pub(super) fn a(digit: u8) -> String {
    let article = if digit == 8 { "an" } else { "a" };
    format!("{article} {}", number(digit))
}

pub(super) fn digit(rng: &mut Rng) -> u8 {
    rng.below(10) as u8
}

pub(super) fn corner(rng: &mut Rng) -> Corner {
    *rng.pick(&Corner::ALL)
}

fn axis(rng: &mut Rng) -> Axis {
    *rng.pick(&[Axis::Horizontal, Axis::Vertical])
}

fn bars(rng: &mut Rng) -> Vec<u8> {
    let n = 2 + rng.below(2) as usize;
    bar_heights(rng, n)
}

/// Heights of `n` bars; not yet checked to be apart.
pub(super) fn bar_heights(rng: &mut Rng, n: usize) -> Vec<u8> {
    let (low, high) = (*Content::BAR_HEIGHTS.start(), *Content::BAR_HEIGHTS.end());
    (0..n).map(|_| low + rng.below(u64::from(high - low) + 1) as u8).collect()
}

/// "left", "middle" or "right": the place of bar `index` of `n`.
pub(super) fn bar_place(index: usize, n: usize) -> &'static str {
    match (index, n) {
        (0, _) => "left",
        (1, 3) => "middle",
        _ => "right",
    }
}

/// The index of the highest bar.
pub(super) fn highest(heights: &[u8]) -> usize {
    (0..heights.len()).max_by_key(|&index| heights[index]).unwrap_or_default()
}

/// The index of the lowest bar.
pub(super) fn lowest(heights: &[u8]) -> usize {
    (0..heights.len()).min_by_key(|&index| heights[index]).unwrap_or_default()
}

fn are_apart(heights: &[u8]) -> bool {
    let mut sorted = heights.to_vec();
    sorted.sort_unstable();
    sorted.windows(2).all(|pair| pair[1] - pair[0] >= Content::BAR_STEP)
}

fn is_test_chart(heights: &[u8]) -> bool {
    heights.iter().map(|&height| u32::from(height)).sum::<u32>() % 4 == 3
}

/// The line of the Latin square on which two digits meet. As 3 has an inverse modulo 10, each line holds each digit once
/// in each place; odd lines hold no digit twice (4 n is even).
fn line(first: u8, second: u8) -> u8 {
    (first + 3 * second) % 10
}

fn pair_caption(axis: Axis, first: u8, second: u8, forward: bool) -> String {
    match (axis, forward) {
        (Axis::Horizontal, true) => format!("{} left of {}", a(first), a(second)),
        (Axis::Horizontal, false) => format!("{} right of {}", a(second), a(first)),
        (Axis::Vertical, true) => format!("{} above {}", a(first), a(second)),
        (Axis::Vertical, false) => format!("{} below {}", a(second), a(first)),
    }
}

fn bars_caption(heights: &[u8]) -> String {
    let n = heights.len();
    let top = bar_place(highest(heights), n);
    if n == 2 {
        return format!("two bars {top} higher");
    }
    format!("three bars {top} highest {} lowest", bar_place(lowest(heights), n))
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    fn pairs() -> impl Iterator<Item = (u8, u8)> {
        (0..10).flat_map(|first| (0..10).map(move |second| (first, second)))
    }

    fn held_out(make: impl Fn(u8, u8) -> Content) -> Vec<(u8, u8)> {
        pairs().filter(|&(a, b)| make(a, b).exists() && make(a, b).held_out()).collect()
    }

    #[test]
    fn as_many_combinations_are_held_out_as_documented() {
        let pair = |axis| held_out(move |first, second| Content::Pair { axis, first, second }).len();
        assert_eq!((pair(Axis::Horizontal), pair(Axis::Vertical)), (20, 20));
        assert_eq!(held_out(|large, small| Content::Corner { large, small, corner: Corner::TopLeft }).len(), 20);
        assert_eq!(held_out(|tens, ones| Content::Sign { tens, ones }).len(), 18);
        let counts = |n| held_out(move |digit, _| Content::Count { n, digit }).len() / 10;
        assert_eq!([1, 2, 3, 4].map(counts), [0, 2, 2, 2]);
    }

    #[test]
    fn each_digit_is_held_out_equally_often_in_each_place() {
        let out = held_out(|first, second| Content::Pair { axis: Axis::Horizontal, first, second });
        for digit in 0..10 {
            assert_eq!(out.iter().filter(|(first, _)| *first == digit).count(), 2);
            assert_eq!(out.iter().filter(|(_, second)| *second == digit).count(), 2);
        }
    }

    #[test]
    fn training_never_draws_a_held_out_combination_and_testing_does() {
        let draw = |split, id| Content::draw(&mut Rng::new(0, "test", id), split);
        assert!((0..20_000).all(|id| !draw(Split::Train, id).held_out()));
        let new = (0..20_000).filter(|&id| draw(Split::Test, id).held_out()).count();
        // A fifth of the four composed kinds out of six, a little less among the counts.
        assert!((2_200..2_900).contains(&new), "{new} of 20000");
    }

    #[test]
    fn the_splits_share_no_bar_chart() {
        let charts = |split| -> HashSet<Content> {
            let drawn = (0..20_000).map(|id| Content::draw(&mut Rng::new(0, "test", id), split));
            drawn.filter(|content| matches!(content, Content::Bars { .. })).collect()
        };
        let (train, test) = (charts(Split::Train), charts(Split::Test));
        assert!(train.len() > 500 && test.len() > 200 && train.is_disjoint(&test));
    }

    #[test]
    fn captions_read_as_english() {
        let caption = |content: Content| content.caption(&mut Rng::new(0, "caption", 0));
        let said = |content: Content| [0, 1, 2, 3].map(|id| content.caption(&mut Rng::new(0, "caption", id)));
        assert_eq!(caption(Content::Single { digit: 8 }), "an eight");
        assert_eq!(caption(Content::Count { n: 1, digit: 6 }), "one six");
        assert_eq!(caption(Content::Count { n: 3, digit: 6 }), "three sixes");
        assert_eq!(caption(Content::Sign { tens: 4, ones: 2 }), "a sign reading four two");
        assert_eq!(caption(Content::Bars { heights: vec![5, 20, 10] }), "three bars middle highest left lowest");
        assert_eq!(caption(Content::Bars { heights: vec![5, 20] }), "two bars right higher");
        let corner = Content::Corner { large: 4, small: 9, corner: Corner::TopRight };
        assert_eq!(caption(corner), "a four and a small nine top right");
        let pair = said(Content::Pair { axis: Axis::Horizontal, first: 7, second: 2 });
        assert!(
            pair.contains(&"a seven left of a two".to_owned()) && pair.contains(&"a two right of a seven".to_owned())
        );
    }
}
