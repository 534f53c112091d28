//! All claims of a sweep.

use rayon::prelude::*;

use super::analysis::Analysis;
use super::conclusion::{Conclusion, Decision, Part};
use super::data::{Data, Quantity};
use super::decide::decide;
use super::draft::{Draft, Why};
use super::plateau::Point;
use super::{analysis, better, correlation, effect, improves, plateau, value};
use crate::evidence::Evidence;
use crate::grid::Claim;
use crate::grid::claim::{By, Group, Region, Relation};
use crate::report::frame::Index;

/// What the stored scores say of each claim about a grid that is planned, in the sweep's order.
#[must_use]
pub fn judge(evidence: &Evidence) -> Vec<Conclusion> {
    if evidence.sweep.claims.is_empty() {
        return Vec::new();
    }
    let index = Index::of(evidence);
    // A selection of grids on the command line leaves the others without cells.
    let claims = evidence.sweep.claims.par_iter().filter(|claim| index.has_cells(&claim.grid));
    claims.map(|claim| conclude(&index, claim)).collect()
}

fn conclude(index: &Index, claim: &Claim) -> Conclusion {
    let filter = claim.filter.as_ref().map(|filter| &filter.condition);
    let data = Data::of(index, &claim.grid, filter);
    let drafts = data.as_ref().map_or_else(Vec::new, |data| drafts(data, claim));
    let mut parts = decide(&drafts, claim.by);
    let mut used: Vec<usize> = drafts.iter().flat_map(|draft| draft.cells.iter().copied()).collect();
    used.sort_unstable();
    used.dedup();
    let (mut runs, mut sources) = (Vec::new(), Vec::new());
    if let Some(data) = &data {
        for (part, draft) in parts.iter_mut().zip(&drafts) {
            let of_part = runs_of(data, draft);
            part.runs = of_part.len();
            runs.extend(of_part);
            sources.extend(data.sources(&draft.cells, &draft.quantities));
        }
    }
    [&mut runs, &mut sources].into_iter().for_each(|texts| {
        texts.sort_unstable();
        texts.dedup();
    });
    let (decision, reason) = together(&parts, claim.by);
    Conclusion {
        claim: claim.name.clone(),
        text: claim.text.clone(),
        grid: claim.grid.clone(),
        filter: claim.filter.as_ref().map(|filter| filter.text.clone()),
        by: claim.by,
        decision,
        reason,
        as_claimed: parts.iter().filter(|part| part.as_claimed == Some(true)).count(),
        parts,
        cells: used.len(),
        runs,
        sources,
        analyses: data.as_ref().map_or_else(Vec::new, |data| analyses(data, claim)),
        notes: notes(claim),
    }
}

fn runs_of(data: &Data, draft: &Draft) -> Vec<String> {
    let has_value = |values: &[Option<f64>]| {
        let mut measures = draft.quantities.iter().flat_map(|quantity| &quantity.measures);
        measures.all(|&measure| values.get(measure).copied().flatten().is_some())
    };
    let replicates = draft.cells.iter().filter_map(|&cell| data.replicates.get(cell)).flatten();
    let mut runs: Vec<String> =
        replicates.filter(|replicate| has_value(&replicate.values)).map(|replicate| replicate.id.to_string()).collect();
    runs.sort_unstable();
    runs.dedup();
    runs
}

fn drafts(data: &Data, claim: &Claim) -> Vec<Draft> {
    claim.relations.iter().flat_map(|relation| of_relation(data, relation)).collect()
}

fn of_relation(data: &Data, relation: &Relation) -> Vec<Draft> {
    let axis = |name: &str| data.frame.axis(name).unwrap_or(usize::MAX);
    let each = |group: &Group, draft: &dyn Fn(&Quantity) -> Vec<Draft>| match data.quantities(group) {
        Ok(quantities) => quantities.iter().flat_map(draft).collect(),
        Err(name) => vec![unmeasured(name)],
    };
    match relation {
        Relation::Correlation { x, y, method, within, region } => {
            let asked = correlation::Asked { method: *method, within: within.as_deref().map(axis), region: *region };
            match (data.quantities(x), data.quantities(y)) {
                (Ok(xs), Ok(ys)) => correlation::drafts(data, &xs, &ys, asked),
                (Err(name), _) | (_, Err(name)) => vec![unmeasured(name)],
            }
        }
        Relation::Better { is, than, metrics, cells, region } => {
            let sides = better::Sides { is, than };
            each(metrics, &|quantity| better::drafts(data, quantity, &sides, *cells, *region))
        }
        Relation::Value { metrics, cells, region } => {
            each(metrics, &|quantity| value::drafts(data, quantity, *cells, *region))
        }
        Relation::Effect { of, metrics, per, region } => each(metrics, &|quantity| {
            per.iter().map(|&per| effect::draft(data, quantity, axis(of), per, *region)).collect()
        }),
        Relation::LargerEffect { of, than, metrics, per, times } => {
            let axes = (axis(of), axis(than));
            each(metrics, &|quantity| {
                per.iter().map(|&per| effect::compared(data, quantity, axes, per, *times)).collect()
            })
        }
        Relation::Improves { along, metrics, cells, slack } => each(metrics, &|quantity| {
            along.iter().flat_map(|name| improves::drafts(data, quantity, axis(name), *cells, *slack)).collect()
        }),
        Relation::Suffices { along, at, metrics, cells, share } => {
            let at = Point { axis: axis(along), level: *at };
            each(metrics, &|quantity| plateau::suffices(data, quantity, at, *cells, *share))
        }
        Relation::Stabilises { along, from, metrics, cells, within } => {
            let from = Point { axis: axis(along), level: *from };
            each(metrics, &|quantity| plateau::stabilises(data, quantity, from, *cells, *within))
        }
    }
}

/// Of each metric and pair of axes of which the claim states an effect; an effect of one axis is seen beside the only
/// other one.
fn analyses(data: &Data, claim: &Claim) -> Vec<Analysis> {
    let varied: Vec<usize> =
        data.frame.varied_axes().into_iter().filter(|&axis| data.frame.levels_on(axis).len() > 1).collect();
    let mut found: Vec<Analysis> = Vec::new();
    for relation in &claim.relations {
        let (axes, metrics) = match relation {
            Relation::LargerEffect { of, than, metrics, .. } => ([of, than].map(|name| data.frame.axis(name)), metrics),
            Relation::Effect { metrics, .. } => match varied[..] {
                [first, second] => ([Some(first), Some(second)], metrics),
                _ => continue,
            },
            _ => continue,
        };
        let ([Some(first), Some(second)], Ok(quantities)) = (axes, data.quantities(metrics)) else { continue };
        let new = quantities.iter().filter_map(|quantity| analysis::analyse(data, quantity, (first, second)));
        for analysis in new.collect::<Vec<_>>() {
            if !found.contains(&analysis) {
                found.push(analysis);
            }
        }
    }
    found
}

fn unmeasured(name: String) -> Draft {
    Draft::empty(name.clone(), Region { low: None, high: None, strict: false }, Why::NoMetric(name))
}

/// All parts must hold; one that fails is enough for the claim to fail.
fn together(parts: &[Part], by: By) -> (Decision, String) {
    let count = |decision: Decision| parts.iter().filter(|part| part.decision == decision).count();
    let all = parts.len();
    let of = |n: usize| if all == 1 { String::new() } else { format!(" in {n} of {all} parts") };
    let undecided = count(Decision::Undecided);
    let why = parts.iter().filter(|part| part.decision == Decision::Undecided).find_map(|part| part.reason.clone());
    let why = why.unwrap_or_else(|| "the grid is not planned".to_owned());
    match by {
        By::Interval if count(Decision::Fails) > 0 => {
            (Decision::Fails, format!("the interval lies wholly on the other side{}", of(count(Decision::Fails))))
        }
        By::Interval if undecided > 0 || all == 0 => (Decision::Undecided, format!("{why}{}", of(undecided))),
        By::Interval => (Decision::Holds, format!("the interval lies wholly on the claimed side{}", of(all))),
        By::Estimate if count(Decision::Disagrees) > 0 => {
            (Decision::Disagrees, format!("the estimate lies on the other side{}", of(count(Decision::Disagrees))))
        }
        By::Estimate if undecided > 0 || all == 0 => (Decision::Undecided, format!("{why}{}", of(undecided))),
        By::Estimate => (Decision::Agrees, format!("the estimate lies on the claimed side{}", of(all))),
    }
}

fn notes(claim: &Claim) -> Vec<String> {
    let mut notes: Vec<&str> = Vec::new();
    let any = |is: fn(&Relation) -> bool| claim.relations.iter().any(is);
    if any(|relation| matches!(relation, Relation::Correlation { .. })) {
        notes.push(
            "The cells of a grid are chosen, not sampled: intervals over seeds speak of these cells, and what describes \
             the scatter of the cells decides nothing.",
        );
    }
    if any(|relation| {
        matches!(relation, Relation::Effect { .. } | Relation::LargerEffect { .. } | Relation::Improves { .. })
    }) {
        notes.push(
            "Where training is one pass over the data, more samples are more steps as well: the effect of an amount is \
             that of both.",
        );
    }
    notes.into_iter().map(str::to_owned).collect()
}
