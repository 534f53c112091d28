//! What curves are compared with: lines across a plot, with their names beside it.

use super::chart::Plot;
use super::colour::Rgb;
use super::page::SMALL;
use super::scale::{ScaleKind, shows};
use super::scene::{Anchor, Drawing, Text, at};
use super::stroke::Stroke;
use super::text;

/// A value, or a range of values, that curves are compared with.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Reference {
    /// Printed beside its line.
    pub label: String,
    pub low: f64,
    /// As `low` for a single value.
    pub high: f64,
}

/// An axis that grows to show a reference still gives the values one part in so many.
const SHARE: f64 = 3.0;
const LONGEST_LABEL: f64 = 110.0;
const LINE: f64 = SMALL * text::LEADING;
const STROKE: Stroke = Stroke::Broken { on: 1.6, off: 2.2 };

/// The references that have room on an axis that shows values from the first to the second of `extent`: the nearest
/// first, as long as the values are not squeezed. Without values, all of them.
pub(super) fn within_reach(references: &[Reference], kind: ScaleKind, extent: Option<(f64, f64)>) -> Vec<&Reference> {
    let place = |value: f64| if kind == ScaleKind::Log { value.log10() } else { value };
    let mut candidates: Vec<&Reference> =
        references.iter().filter(|reference| shows(kind, reference.low) && shows(kind, reference.high)).collect();
    let Some((low, high)) = extent.map(|(low, high)| (place(low), place(high))) else { return candidates };
    let reach = |reference: &Reference| (low - place(reference.low)).max(place(reference.high) - high).max(0.0);
    candidates.sort_by(|a, b| reach(a).total_cmp(&reach(b)));
    let (mut bottom, mut top) = (low, high);
    candidates.retain(|reference| {
        let (lower, upper) = (bottom.min(place(reference.low)), top.max(place(reference.high)));
        // A single value has no length that could be squeezed.
        let fits = high <= low || upper - lower <= SHARE * (high - low);
        if fits {
            (bottom, top) = (lower, upper);
        }
        fits
    });
    candidates
}

/// Draws the lines, and as many names as have room beside the plot, from the top downwards.
pub(super) fn draw(drawing: &mut Drawing, plot: &Plot, references: &[&Reference]) {
    let mut names: Vec<(f64, &str)> = Vec::new();
    for reference in references {
        let height = |value: f64| plot.place_y(value).map(|y| y.clamp(0.0, plot.height));
        let (Some(low), Some(high)) = (height(reference.low), height(reference.high)) else { continue };
        STROKE.draw(drawing, &[at(0.0, low), at(plot.width, low)], 0.9, Rgb::QUIET);
        if high < low {
            STROKE.draw(drawing, &[at(0.0, high), at(plot.width, high)], 0.9, Rgb::QUIET);
        }
        names.push((f64::midpoint(low, high), &reference.label));
    }
    names.sort_by(|a, b| a.0.total_cmp(&b.0));
    let heights: Vec<f64> = names.iter().map(|(height, _)| *height).collect();
    for (height, (_, label)) in spread(&heights, plot.height).into_iter().zip(names) {
        let place = at(plot.width + 4.0, height + text::CAPITAL * SMALL / 2.0);
        let label = text::fit(label, SMALL, LONGEST_LABEL);
        drawing.text(Text::new(place, &label, SMALL, Anchor::Start).coloured(Rgb::QUIET));
    }
}

/// Heights a line of text apart, near the given ones (ascending) and within the plot; fewer where there are too many.
fn spread(heights: &[f64], room: f64) -> Vec<f64> {
    let (first, last) = (LINE / 2.0, room - LINE / 2.0);
    let mut out: Vec<f64> = Vec::new();
    for height in heights {
        let after = out.last().map_or(first, |above| above + LINE);
        out.push(height.max(after));
    }
    let mut limit = last;
    for height in out.iter_mut().rev() {
        *height = height.min(limit);
        limit = *height - LINE;
    }
    out.retain(|height| *height >= first - 1e-9);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at_value(value: f64) -> Reference {
        Reference { label: format!("at {value}"), low: value, high: value }
    }

    fn shown(values: &[f64], kind: ScaleKind, extent: Option<(f64, f64)>) -> Vec<f64> {
        let references: Vec<Reference> = values.iter().map(|&value| at_value(value)).collect();
        within_reach(&references, kind, extent).into_iter().map(|reference| reference.low).collect()
    }

    #[test]
    fn the_axis_grows_for_near_references_and_leaves_far_ones_out() {
        let linear = |values: &[f64], extent| shown(values, ScaleKind::Linear, extent);
        assert_eq!(linear(&[821.0, 33.0, 10.0], Some((146.0, 300.0))), [33.0, 10.0]);
        assert_eq!(linear(&[0.26, 0.6, 0.1], Some((0.5, 0.65))), [0.6, 0.26]);
        assert_eq!(linear(&[9.0, 800.0], Some((5.0, 5.0))), [9.0, 800.0], "one value cannot be squeezed");
        assert_eq!(linear(&[f64::NAN, 2.0], None), [2.0]);
    }

    #[test]
    fn on_a_logarithmic_axis_distance_is_a_ratio() {
        assert_eq!(shown(&[0.0, 1.0, 100_000.0], ScaleKind::Log, Some((10.0, 100.0))), [1.0]);
    }

    #[test]
    fn names_stand_a_line_apart_within_the_plot() {
        for heights in [vec![50.0; 4], vec![0.0, 1.0, 139.0, 140.0], vec![140.0; 30], vec![]] {
            let spread = spread(&heights, 140.0);
            assert!(spread.windows(2).all(|pair| pair[1] - pair[0] >= LINE - 1e-6), "{spread:?}");
            assert!(spread.iter().all(|height| (0.0..=140.0).contains(height)), "{spread:?}");
        }
        assert_eq!(spread(&[70.0], 140.0), [70.0]);
    }
}
