//! The parts of a claim, decided together.

use super::conclusion::{Decision, Part};
use super::draft::{Draft, Why};
use crate::grid::claim::{By, Region};
use crate::stats::{self, Estimate};

/// Chance with which the number of seeds that a part names would decide it.
const POWER: f64 = 0.8;

/// Decide the parts: by their intervals, corrected for their number by Holm's method, or by their estimates alone.
pub(super) fn decide(drafts: &[Draft], by: By) -> Vec<Part> {
    let p: Vec<Option<f64>> = drafts.iter().map(|draft| p_of(draft.estimate.as_ref().ok()?, draft.region)).collect();
    // A part without a p takes none of the others' share.
    let known: Vec<f64> = p.iter().copied().flatten().collect();
    let (levels, adjusted) = (stats::holm_levels(&known, stats::LEVEL), stats::holm(&known));
    let mut of_known = levels.into_iter().zip(adjusted);
    let mut parts = Vec::new();
    for (draft, p) in drafts.iter().zip(&p) {
        let (level, p) = match p.and_then(|_| of_known.next()) {
            Some((level, p)) => (level, Some(p)),
            None => (stats::LEVEL, None),
        };
        parts.push(part(draft, by, level, p));
    }
    parts
}

/// The two-sided p of the boundary that an interval would have to leave out.
fn p_of(estimate: &Estimate, region: Region) -> Option<f64> {
    let boundaries = [region.low, region.high].into_iter().flatten();
    let p: Vec<f64> = boundaries.map(|boundary| estimate.p(boundary)).collect::<Option<_>>()?;
    if region.contains(estimate.center()) {
        // Inside, both ends must be left out (Schuirmann 1987, two one-sided tests).
        p.into_iter().reduce(f64::max)
    } else {
        estimate.p(crossed(region, estimate.center())?)
    }
}

/// The boundary beyond which a value outside lies.
fn crossed(region: Region, value: f64) -> Option<f64> {
    region.low.filter(|low| value <= *low).or(region.high)
}

fn part(draft: &Draft, by: By, level: f64, p: Option<f64>) -> Part {
    let estimate = draft.estimate.as_ref().ok();
    let as_claimed = estimate.map(|estimate| draft.region.contains(estimate.value));
    // By where the interval lies: noise shifts a correlation, which the interval takes away and the estimate does not.
    let inside = estimate.map(|estimate| draft.region.contains(estimate.center()));
    let alpha = 1.0 - stats::LEVEL;
    let clear = p.is_some_and(|p| p <= alpha);
    let (decision, reason) = match (if by == By::Interval { inside } else { as_claimed }, by) {
        (None, _) => (Decision::Undecided, draft.estimate.as_ref().err().map(why)),
        (Some(_), _) if draft.missing > 0 => (Decision::Undecided, Some(why(&Why::Missing(draft.missing)))),
        (Some(true), By::Estimate) => (Decision::Agrees, None),
        (Some(false), By::Estimate) => (Decision::Disagrees, None),
        (Some(_), By::Interval) if p.is_none() => (Decision::Undecided, Some(no_interval(draft))),
        (Some(true), By::Interval) if clear => (Decision::Holds, None),
        (Some(false), By::Interval) if clear => (Decision::Fails, None),
        (Some(_), By::Interval) => (Decision::Undecided, Some("the interval reaches over the boundary".to_owned())),
    };
    let undecided = decision == Decision::Undecided && p.is_some();
    Part {
        says: draft.says.clone(),
        estimate: estimate.map(|estimate| estimate.value),
        decimals: draft.decimals,
        region: draft.region,
        interval: estimate.and_then(|estimate| estimate.interval(level)),
        level,
        p,
        method: draft.method,
        cells: draft.cells.len(),
        runs: 0,
        as_claimed,
        decision,
        reason,
        seeds_needed: estimate.filter(|_| undecided).and_then(|estimate| seeds(estimate, draft, 1.0 - level)),
        asides: draft.asides.clone(),
    }
}

/// The standard error falls with the root of the number of seeds.
fn seeds(estimate: &Estimate, draft: &Draft, alpha: f64) -> Option<usize> {
    let boundaries = [draft.region.low, draft.region.high].into_iter().flatten();
    let distance = boundaries.map(|boundary| (estimate.center() - boundary).abs()).reduce(f64::min)?;
    let std_dev = estimate.stderr()? * (draft.seeds as f64).sqrt();
    stats::seeds_needed(distance / std_dev, alpha, POWER)
}

fn no_interval(draft: &Draft) -> String {
    if draft.seeds == 1 && draft.cells.len() > 1 {
        "one run in a cell: an interval over seeds needs two".to_owned()
    } else {
        "one run: an interval over seeds needs two".to_owned()
    }
}

fn why(why: &Why) -> String {
    match why {
        Why::Missing(1) => "1 cell has no value yet".to_owned(),
        Why::Missing(cells) => format!("{cells} cells have no value yet"),
        Why::NotApplicable => "the metric does not apply to a cell that is needed".to_owned(),
        Why::NoMetric(name) => format!("no score `{name}` has been measured or imported"),
        Why::NoCells(reason) => (*reason).to_owned(),
        Why::Undefined(reason) => reason.to_string(),
    }
}
