//! Pictures of other sizes, to the bit as Pillow makes them: windows widen with the reduction, first across, then down, in
//! fixed point with levels rounded after each.

use crate::framing::Filter;

/// Bits behind the point of a weight, as many as leave room for a level and a sign.
const BITS: u32 = 22;

/// What of the old places goes into each new one.
struct Windows(Vec<Window>);

/// Weights of neighbouring old places, the first one's place before them.
struct Window {
    start: usize,
    weights: Vec<i32>,
}

impl Filter {
    /// Old places to either side, where sizes stay.
    const fn reach(self) -> f64 {
        match self {
            Self::Bilinear => 1.0,
            Self::Bicubic => 2.0,
        }
    }

    /// The weight at a distance: a tent, or Keys' cubic with a slope of -1/2 at 1.
    fn weight(self, distance: f64) -> f64 {
        let x = distance.abs();
        match self {
            Self::Bilinear => (1.0 - x).max(0.0),
            Self::Bicubic if x < 1.0 => (1.5 * x - 2.5) * x * x + 1.0,
            Self::Bicubic if x < 2.0 => (((x - 5.0) * x + 8.0) * x - 4.0) * -0.5,
            Self::Bicubic => 0.0,
        }
    }
}

impl Windows {
    fn new(old: usize, new: usize, filter: Filter) -> Self {
        let scale = old as f64 / new as f64;
        let wide = scale.max(1.0);
        let reach = filter.reach() * wide;
        let window = |place: usize| {
            let centre = (place as f64 + 0.5) * scale;
            let start = (centre - reach + 0.5).max(0.0) as usize;
            let end = ((centre + reach + 0.5) as usize).min(old);
            let weight = |old: usize| filter.weight((old as f64 - centre + 0.5) * wide.recip());
            let weights: Vec<f64> = (start..end).map(weight).collect();
            let sum: f64 = weights.iter().sum();
            let fixed = |weight: &f64| (weight / sum * f64::from(1u32 << BITS)).round() as i32;
            Window { start, weights: weights.iter().map(fixed).collect() }
        };
        Self((0..new).map(window).collect())
    }
}

/// A sum of weighted levels as a level.
fn level(sum: i32) -> u8 {
    (sum >> BITS).clamp(0, 255) as u8
}

/// What is added before the bits behind the point are cut off.
const HALF: i32 = 1 << (BITS - 1);

/// Levels of red, green and blue, row by row, of `[height, width]` pixels, as so many pixels of another number.
#[must_use]
pub fn resize(
    levels: &[u8],
    [height, width]: [usize; 2],
    [new_height, new_width]: [usize; 2],
    filter: Filter,
) -> Vec<u8> {
    let across = if new_width == width {
        levels.to_vec()
    } else {
        across(levels, width, &Windows::new(width, new_width, filter))
    };
    if new_height == height { across } else { down(&across, 3 * new_width, &Windows::new(height, new_height, filter)) }
}

fn across(levels: &[u8], width: usize, windows: &Windows) -> Vec<u8> {
    let mut out = Vec::with_capacity(levels.len() / width.max(1) * windows.0.len());
    for row in levels.chunks_exact(3 * width) {
        for Window { start, weights } in &windows.0 {
            let mut sums = [HALF; 3];
            for (pixel, weight) in row[3 * start..].chunks_exact(3).zip(weights) {
                for (sum, level) in sums.iter_mut().zip(pixel) {
                    *sum += i32::from(*level) * weight;
                }
            }
            out.extend(sums.map(level));
        }
    }
    out
}

fn down(levels: &[u8], row: usize, windows: &Windows) -> Vec<u8> {
    let mut out = Vec::with_capacity(row * windows.0.len());
    let mut sums = vec![HALF; row];
    for Window { start, weights } in &windows.0 {
        sums.fill(HALF);
        for (levels, weight) in levels[start * row..].chunks_exact(row).zip(weights) {
            for (sum, level) in sums.iter_mut().zip(levels) {
                *sum += i32::from(*level) * weight;
            }
        }
        out.extend(sums.iter().map(|sum| level(*sum)));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_colour_stays_and_a_size_that_stays_changes_nothing() {
        for filter in [Filter::Bilinear, Filter::Bicubic] {
            let grey = vec![77; 3 * 5 * 7];
            assert!(resize(&grey, [5, 7], [3, 11], filter).iter().all(|level| *level == 77));
            let ramp: Vec<u8> = (0..105).collect();
            assert_eq!(resize(&ramp, [5, 7], [5, 7], filter), ramp);
        }
    }

    #[test]
    fn halving_by_a_tent_weighs_two_places_three_times_and_their_neighbours_once() {
        // One row of grey pixels; at the edges, where a neighbour is missing, the rest counts more.
        let row: Vec<u8> = [0u8, 80, 160, 240].iter().flat_map(|level| [*level; 3]).collect();
        let halved = resize(&row, [1, 4], [1, 2], Filter::Bilinear);
        let first = (3.0 * 0.0 + 3.0 * 80.0 + 160.0) / 7.0;
        assert_eq!([halved[0], halved[3]], [f64::round(first) as u8, 240 - f64::round(first) as u8]);
    }
}
