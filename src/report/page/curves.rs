//! Training curves: as many points as a screen shows.

use hashbrown::HashMap;
use serde::Serialize;

use super::column::Texts;
use crate::id::TaskId;
use crate::plan::Plan;

/// A time series that a task logged.
#[derive(Debug, Clone, PartialEq)]
pub struct Curve {
    pub task: TaskId,
    pub name: String,
    /// (step, value), ascending by step, perhaps thinned; a value that is not finite is a gap.
    pub points: Vec<(u64, f64)>,
    /// Number of points before they were thinned.
    pub of: usize,
}

/// Points of all curves of a page together.
const MOST_POINTS: usize = 60_000;
/// Points of one curve, at most and at least.
const MOST: usize = 240;
const FEWEST: usize = 24;

/// Fewer points that look the same: of each stretch its lowest and its highest, in their order, and both ends.
#[must_use]
pub fn thin(points: &[(u64, f64)], most: usize) -> Vec<(u64, f64)> {
    let ([first, inner @ .., last], true) = (points, points.len() > most.max(4)) else { return points.to_vec() };
    let stretch = inner.len().div_ceil((most.max(4) - 2) / 2);
    let mut kept = vec![*first];
    for stretch in inner.chunks(stretch) {
        let by_value = |(_, left): &(usize, &(u64, f64)), (_, right): &(usize, &(u64, f64))| left.1.total_cmp(&right.1);
        let points = || stretch.iter().enumerate();
        let (low, high) = (points().min_by(by_value), points().max_by(by_value));
        let mut ends: Vec<(usize, &(u64, f64))> = low.into_iter().chain(high).collect();
        ends.sort_by_key(|(position, _)| *position);
        ends.dedup_by_key(|(position, _)| *position);
        kept.extend(ends.into_iter().map(|(_, point)| *point));
    }
    kept.push(*last);
    kept
}

/// Curves as the page has them.
#[derive(Debug, Default, Serialize)]
pub struct Curves {
    /// Steps that curves share.
    steps: Vec<Vec<u64>>,
    curves: Vec<CurvePart>,
    /// Number of curves that are left out, since a page holds so many.
    left_out: usize,
}

#[derive(Debug, Serialize)]
struct CurvePart {
    /// Index into the tasks.
    task: usize,
    /// Place of a text.
    name: u32,
    steps: usize,
    values: Vec<Option<f64>>,
    of: usize,
}

impl Curves {
    /// The curves of the plan's tasks; of too many every second, third and so on.
    pub fn of(plan: &Plan, curves: &[Curve], texts: &mut Texts) -> Self {
        let tasks: HashMap<TaskId, usize> =
            plan.tasks.iter().enumerate().map(|(position, task)| (task.id, position)).collect();
        let planned: Vec<(usize, &Curve)> =
            curves.iter().filter_map(|curve| Some((*tasks.get(&curve.task)?, curve))).collect();
        // Whole tasks are taken or left: two curves of one training belong together.
        let mut with_curves: Vec<usize> = planned.iter().map(|(task, _)| *task).collect();
        with_curves.sort_unstable();
        with_curves.dedup();
        let stride = (planned.len() * FEWEST).div_ceil(MOST_POINTS).max(1);
        let kept: Vec<usize> = with_curves.into_iter().step_by(stride).collect();
        let (taken, left): (Vec<_>, Vec<_>) =
            planned.into_iter().partition(|(task, _)| kept.binary_search(task).is_ok());
        let most = (MOST_POINTS / taken.len().max(1)).clamp(FEWEST, MOST);
        let mut out = Self { left_out: left.len(), ..Self::default() };
        let mut known: HashMap<Vec<u64>, usize> = HashMap::new();
        for (task, curve) in taken {
            let (steps, values): (Vec<u64>, Vec<f64>) = thin(&curve.points, most).into_iter().unzip();
            let steps = *known.entry(steps).or_insert_with_key(|steps| {
                out.steps.push(steps.clone());
                out.steps.len() - 1
            });
            let values = values.into_iter().map(|value| value.is_finite().then(|| five_digits(value))).collect();
            out.curves.push(CurvePart { task, name: texts.place(curve.name.clone()), steps, values, of: curve.of });
        }
        out
    }
}

/// A curve is looked at: more digits than a screen has dots are for the store.
fn five_digits(value: f64) -> f64 {
    format!("{value:.4e}").parse().unwrap_or(value)
}
