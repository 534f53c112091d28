//! Correlation of two metrics over the cells.

use super::conclusion::Aside;
use super::data::{Data, Gap, Quantity};
use super::draft::{Draft, Why};
use crate::grid::claim::{Method, Region};
use crate::stats::{self, Correlation, Estimate, Interval, Replicates, Spread, Undefined};

/// Of resampling and of drawn orders: a report is the same every time.
const SEED: u64 = 1;

/// How two metrics are correlated.
#[derive(Clone, Copy)]
pub(super) struct Asked {
    pub method: Method,
    /// The axis within whose levels.
    pub within: Option<usize>,
    pub region: Region,
}

/// One part a pair of metrics.
pub(super) fn drafts(data: &Data, xs: &[Quantity], ys: &[Quantity], asked: Asked) -> Vec<Draft> {
    let pairs: Vec<(&Quantity, &Quantity)> = xs.iter().flat_map(|x| ys.iter().map(move |y| (x, y))).collect();
    let points: Vec<Points> = pairs.iter().map(|&(x, y)| Points::of(data, x, y)).collect();
    let estimates = together(data, &pairs, &points, asked).unwrap_or_else(|| {
        let own = |points: &Points| resampled(&points.replicates(data, asked), &[(0, 1)]).pop();
        points.iter().map(|points| own(points).unwrap_or(Err(Undefined::Constant))).collect()
    });
    let parts = pairs.into_iter().zip(points).zip(estimates);
    parts.map(|((pair, points), estimate)| draft(data, pair, asked, points, estimate)).collect()
}

fn resampled(replicates: &Replicates, pairs: &[(usize, usize)]) -> Vec<Result<Estimate, Undefined>> {
    stats::correlations(replicates, pairs, stats::RESAMPLES, SEED)
}

/// One resampling for all pairs, if they are of the same runs.
fn together(
    data: &Data,
    pairs: &[(&Quantity, &Quantity)],
    points: &[Points],
    asked: Asked,
) -> Option<Vec<Result<Estimate, Undefined>>> {
    let first = points.first()?;
    let same = |other: &Points| other.cells == first.cells && other.seeds == first.seeds;
    if !points.iter().all(same) {
        return None;
    }
    let mut quantities: Vec<&Quantity> = Vec::new();
    let mut columns = Vec::new();
    let mut place = |quantity, values: &Points, of: fn(&(f64, f64)) -> f64| {
        quantities.iter().position(|known| *known == quantity).unwrap_or_else(|| {
            quantities.push(quantity);
            columns.push(values.values.iter().flatten().map(of).collect());
            quantities.len() - 1
        })
    };
    let places = pairs
        .iter()
        .zip(points)
        .map(|(&(x, y), points)| (place(x, points, |both| both.0), place(y, points, |both| both.1)));
    let places: Vec<(usize, usize)> = places.collect();
    Some(resampled(&Replicates { columns, ..first.replicates(data, asked) }, &places))
}

fn draft(
    data: &Data,
    (x, y): (&Quantity, &Quantity),
    asked: Asked,
    points: Points,
    estimate: Result<Estimate, Undefined>,
) -> Draft {
    let axis = asked.within.map(|axis| format!(" within {}", data.frame.axis_label(axis))).unwrap_or_default();
    let symbol = if asked.method == Method::Spearman { "rank correlation" } else { "ρ" };
    let says = format!("{symbol} of {} with {}{axis}", x.label, y.label);
    let mut asides = Vec::new();
    if matches!(&estimate, Ok(Estimate { spread: Spread::Unknown, .. })) {
        asides.extend(points.over_cells(data, asked));
    }
    if asked.within.is_none() {
        asides.extend(data.frame.varied_axes().into_iter().filter_map(|axis| points.within(data, asked, axis)));
    }
    let why = |why| if points.missing > 0 { Why::Missing(points.missing) } else { Why::Undefined(why) };
    Draft {
        says,
        decimals: 3,
        estimate: estimate.map_err(why),
        region: asked.region,
        method: "seeds resampled within cells",
        seeds: points.sizes().into_iter().min().unwrap_or(0),
        quantities: vec![x.clone(), y.clone()],
        missing: points.missing,
        asides,
        cells: points.cells,
    }
}

/// The cells that have both.
struct Points {
    cells: Vec<usize>,
    /// By cell, the values of its runs that have both.
    values: Vec<Vec<(f64, f64)>>,
    /// By cell, the seeds of these runs.
    seeds: Vec<Vec<i64>>,
    missing: usize,
}

impl Points {
    fn of(data: &Data, x: &Quantity, y: &Quantity) -> Self {
        let mut points = Self { cells: Vec::new(), values: Vec::new(), seeds: Vec::new(), missing: 0 };
        for cell in data.cells() {
            let (x, y) = (data.sample(cell, x), data.sample(cell, y));
            points.missing += usize::from(x == Err(Gap::Missing) || y == Err(Gap::Missing));
            let (Ok(x), Ok(y)) = (x, y) else { continue };
            let of = |seed: i64| y.iter().find(|(own, _)| *own == seed).map(|(_, value)| *value);
            let both = x.iter().filter_map(|&(seed, x)| Some((seed, (x, of(seed)?))));
            let (seeds, both): (Vec<i64>, Vec<(f64, f64)>) = both.unzip();
            if !both.is_empty() {
                points.seeds.push(seeds);
                points.cells.push(cell);
                points.values.push(both);
            }
        }
        points
    }

    /// By cell: number of runs.
    fn sizes(&self) -> Vec<usize> {
        self.values.iter().map(Vec::len).collect()
    }

    fn replicates(&self, data: &Data, asked: Asked) -> Replicates {
        let column = |of: fn(&(f64, f64)) -> f64| self.values.iter().flatten().map(of).collect();
        Replicates {
            columns: vec![column(|both| both.0), column(|both| both.1)],
            sizes: self.sizes(),
            levels: asked.within.map_or_else(|| vec![0; self.cells.len()], |axis| self.levels(data, axis)),
            ranked: asked.method == Method::Spearman,
        }
    }

    fn levels(&self, data: &Data, axis: usize) -> Vec<u32> {
        self.cells.iter().map(|&cell| u32::from(data.level(cell, axis))).collect()
    }

    /// Means of the cells, ranked where ranks are asked for.
    fn means(&self, asked: Asked) -> (Vec<f64>, Vec<f64>) {
        let mean = |values: &Vec<(f64, f64)>| {
            let n = values.len() as f64;
            (values.iter().map(|both| both.0).sum::<f64>() / n, values.iter().map(|both| both.1).sum::<f64>() / n)
        };
        let (x, y): (Vec<f64>, Vec<f64>) = self.values.iter().map(mean).unzip();
        if asked.method == Method::Spearman { (stats::ranks(&x), stats::ranks(&y)) } else { (x, y) }
    }

    /// What describes the cells where seeds say nothing: Fisher's interval, or the test of the ranks.
    fn over_cells(&self, data: &Data, asked: Asked) -> Option<Aside> {
        let (x, y) = self.means(asked);
        if asked.method == Method::Spearman && asked.within.is_none() {
            let found = stats::spearman(&x, &y, SEED).ok()?;
            return Some(aside("over the cells (descriptive)", found.rho, None, found.p));
        }
        let found = match asked.within {
            Some(axis) => stats::within(&x, &y, &self.levels(data, axis)),
            None => stats::pearson(&x, &y),
        };
        let Correlation { rho, p, interval, .. } = found.ok()?;
        Some(aside("over the cells (descriptive)", rho, interval, p))
    }

    fn within(&self, data: &Data, asked: Asked, axis: usize) -> Option<Aside> {
        let (x, y) = self.means(asked);
        let Correlation { rho, p, interval, .. } = stats::within(&x, &y, &self.levels(data, axis)).ok()?;
        Some(aside(&format!("within {}", data.frame.axis_label(axis)), rho, interval, p))
    }
}

fn aside(label: &str, value: f64, interval: Option<Interval>, p: f64) -> Aside {
    Aside { label: label.to_owned(), value, interval, p: Some(p), decimals: 3 }
}
