//! Correlations between metrics over the cells of a grid, as Figure 8 has them, with what is needed to judge them.

use super::provenance::provenance;
use super::{Asked, Item, seeded};
use crate::Result;
use crate::report::figure::{self, CorrelationPanel, CorrelationRow};
use crate::report::frame::Frame;
use crate::report::printed;
use crate::report::table::{Entry, Heading, Table, fixed, p_value};
use crate::stats::{self, Correlation, Interval, Line, Undefined};

/// Two metrics over the cells of a grid.
#[derive(Debug, Clone, PartialEq)]
pub struct Correlated {
    /// Positions of the measures.
    pub x: usize,
    pub y: usize,
    /// Cells with a value of both: (x, y).
    pub points: Vec<(f64, f64)>,
    pub pearson: std::result::Result<Correlation, Undefined>,
    pub line: Option<Line>,
    pub within: Vec<WithinAxis>,
    /// Of ρ over other seeds, the cells as they are; `None` where a cell has a single run.
    pub over_seeds: Option<Interval>,
}

/// The correlation within the levels of an axis.
#[derive(Debug, Clone, PartialEq)]
pub struct WithinAxis {
    pub axis: usize,
    pub pearson: std::result::Result<Correlation, Undefined>,
}

impl Correlated {
    /// For machines: names, numbers with all their digits, `null` where there is none.
    #[must_use]
    pub fn to_json(&self, frame: &Frame) -> serde_json::Value {
        let name = |measure: usize| frame.measures().get(measure).map(|measure| measure.name.as_str());
        let within = |within: &WithinAxis| {
            let axis = frame.grid.axes.get(within.axis).map(|axis| axis.name.as_str());
            serde_json::json!({ "axis": axis, "pearson": json(&within.pearson) })
        };
        serde_json::json!({
            "metric": name(self.y),
            "with": name(self.x),
            "pearson": json(&self.pearson),
            "over_seeds": self.over_seeds,
            "within": self.within.iter().map(within).collect::<Vec<_>>(),
        })
    }
}

fn json(pearson: &std::result::Result<Correlation, Undefined>) -> serde_json::Value {
    match pearson {
        Err(reason) => serde_json::json!({ "rho": null, "reason": reason.to_string() }),
        Ok(Correlation { rho, n, df, p, interval }) => serde_json::json!({
            "rho": rho, "n": n, "df": df, "p": p,
            "low": interval.map(|interval| interval.low), "high": interval.map(|interval| interval.high),
        }),
    }
}

/// What every report says of its correlations.
const DESCRIPTIVE: &str = "ρ, p and the 95% intervals describe the cells of a designed grid: the cells were chosen, not \
    sampled, and a factor that moves both metrics correlates them by itself. Within the levels of a factor, its own \
    effect is taken away.";

/// What a report with replicates says beside.
const OVER_SEEDS: &str = "The interval over seeds comes from resampling the runs of each cell: how ρ of these cells would \
    vary with other seeds.";

pub(super) fn item(asked: Asked) -> Result<Item> {
    let Asked { report, frame, printed, .. } = asked;
    let (xs, ys) = (asked.x_measures()?, asked.measures()?);
    let ys: Vec<usize> = ys.into_iter().filter(|y| !xs.contains(y)).collect();
    let axes = match &report.by {
        Some(by) => vec![asked.axis(by)?],
        None => frame.varied_axes(),
    };
    let shown: Vec<usize> = xs.iter().chain(&ys).copied().collect();
    let mut item = Item::new(asked, &shown)?;
    item.correlations =
        xs.iter().flat_map(|&x| ys.iter().map(move |&y| (x, y))).map(|pair| correlate(frame, pair, &axes)).collect();
    let over_seeds = seeded::intervals(frame, &item.correlations);
    item.correlations.iter_mut().zip(over_seeds).for_each(|(pair, interval)| pair.over_seeds = interval);
    item.drawings.push((String::new(), draw(asked, &item, &xs, &axes)));
    item.tables.push((String::new(), table(frame, &item.correlations, &axes)));
    if let Some(text) = printed {
        item.tables.push(("-printed".to_owned(), printed::compare(asked, text, &item.correlations)?));
    }
    item.caption.push(DESCRIPTIVE.to_owned());
    if item.correlations.iter().any(|pair| pair.over_seeds.is_some()) {
        item.caption.push(format!("{OVER_SEEDS} {}", frame.shared_by_seeds()));
    }
    item.caption.extend(provenance(asked, &shown));
    Ok(item)
}

/// Correlate two measures over the cells that have both, plainly and within the levels of each of `axes`.
#[must_use]
pub fn correlate(frame: &Frame, (x, y): (usize, usize), axes: &[usize]) -> Correlated {
    let both = |cell: usize| Some((cell, (frame.score(cell, x).value()?, frame.score(cell, y).value()?)));
    let (cells, points): (Vec<usize>, Vec<(f64, f64)>) = (0..frame.cells.len()).filter_map(both).unzip();
    let (xs, ys): (Vec<f64>, Vec<f64>) = points.iter().copied().unzip();
    let within = |&axis: &usize| {
        let level = |&cell: &usize| frame.cells.get(cell).and_then(|cell| cell.coordinates.get(axis)).copied();
        let levels: Vec<u32> = cells.iter().map(|cell| level(cell).map_or(u32::MAX, u32::from)).collect();
        WithinAxis { axis, pearson: stats::within(&xs, &ys, &levels) }
    };
    Correlated {
        x,
        y,
        pearson: stats::pearson(&xs, &ys),
        line: stats::least_squares(&xs, &ys).ok(),
        within: axes.iter().map(within).collect(),
        over_seeds: None,
        points,
    }
}

fn draw(asked: Asked, item: &Item, xs: &[usize], axes: &[usize]) -> figure::Drawing {
    let frame = asked.frame;
    let groups = groups(frame, &item.correlations);
    let row = |&x: &usize| CorrelationRow {
        x_label: frame.quantity(x),
        panels: item.correlations.iter().filter(|pair| pair.x == x).map(|pair| panel(frame, pair, &groups)).collect(),
    };
    let shown: Vec<usize> = item.correlations.iter().flat_map(|pair| [pair.x, pair.y]).collect();
    let mut caption = asked.caption(item, &shown);
    caption.notes.insert(0, note(frame, axes));
    figure::Correlation { caption, rows: xs.iter().map(row).collect(), groups }.draw()
}

/// The groups of the benchmarks, in the order of the panels.
fn groups(frame: &Frame, pairs: &[Correlated]) -> Vec<String> {
    let mut groups: Vec<String> = Vec::new();
    for group in pairs.iter().filter_map(|pair| frame.measures().get(pair.y)?.group.as_ref()) {
        if !groups.contains(group) {
            groups.push(group.clone());
        }
    }
    groups
}

fn panel(frame: &Frame, pair: &Correlated, groups: &[String]) -> CorrelationPanel {
    let spec = frame.measures().get(pair.y);
    let group = spec.and_then(|spec| spec.group.as_ref()).and_then(|group| groups.iter().position(|g| g == group));
    CorrelationPanel {
        title: spec.map(|spec| spec.label.clone()).unwrap_or_default(),
        group: group.unwrap_or_default(),
        points: pair.points.clone(),
        line: pair.line.map(|Line { slope, intercept }| figure::Line { slope, intercept }),
        rho: match pair.pearson {
            Ok(Correlation { rho, interval, .. }) => {
                let interval =
                    interval.map(|Interval { low, high }| format!("[{}, {}]", signed(low, 2), signed(high, 2)));
                let within: Vec<String> = pair.within.iter().map(|within| coefficient(&within.pearson)).collect();
                let within = (!within.is_empty()).then(|| format!("within: {}", within.join(", ")));
                std::iter::once(format!("ρ = {}", signed(rho, 2))).chain(interval).chain(within).collect()
            }
            Err(reason) => vec![format!("no ρ: {reason}")],
        },
    }
}

fn coefficient(pearson: &std::result::Result<Correlation, Undefined>) -> String {
    pearson.as_ref().map_or_else(|_| "–".to_owned(), |found| signed(found.rho, 2))
}

/// What a figure says for itself, since it travels without its caption.
fn note(frame: &Frame, axes: &[usize]) -> String {
    let axes: Vec<&str> = axes.iter().map(|&axis| frame.axis_label(axis)).collect();
    let within =
        if axes.is_empty() { String::new() } else { format!("; within: ρ within the levels of {}", axes.join(", ")) };
    format!("ρ with its 95% interval{within}. Descriptive: the cells of a designed grid were chosen, not sampled.")
}

/// With a real minus sign.
fn signed(value: f64, decimals: usize) -> String {
    fixed(value, decimals).replace('-', "−")
}

fn table(frame: &Frame, pairs: &[Correlated], axes: &[usize]) -> Table {
    let mut table = Table { title: "Correlations over the cells of the grid".to_owned(), ..Table::default() };
    table.columns = ["Metric", "with"].map(Heading::left).to_vec();
    table.columns.extend(["n", "ρ", "95% interval", "p"].map(Heading::right));
    let seeded = pairs.iter().any(|pair| pair.over_seeds.is_some());
    if seeded {
        table.columns.push(Heading::right("95% over seeds"));
    }
    for &axis in axes {
        let label = frame.axis_label(axis);
        table.columns.push(Heading::right(format!("ρ within {label}")));
        table.columns.extend(["95% interval", "p"].map(Heading::right));
    }
    for pair in pairs {
        let label = |measure: usize| Entry::text(frame.measures().get(measure).map_or("", |spec| &spec.label));
        let mut row = vec![label(pair.y), label(pair.x), Entry::text(pair.points.len().to_string())];
        row.extend(cells(&pair.pearson, &mut table));
        if seeded {
            row.push(Entry::text(pair.over_seeds.map_or_else(|| "–".to_owned(), range)));
        }
        pair.within.iter().for_each(|within| row.extend(cells(&within.pearson, &mut table)));
        table.rows.push(row);
    }
    table
}

fn range(Interval { low, high }: Interval) -> String {
    format!("{} to {}", signed(low, 3), signed(high, 3))
}

fn cells(pearson: &std::result::Result<Correlation, Undefined>, table: &mut Table) -> [Entry; 3] {
    match pearson {
        Ok(found) => {
            let interval = found.interval.map_or_else(|| "–".to_owned(), range);
            [signed(found.rho, 4), interval, p_value(found.p)].map(Entry::text)
        }
        Err(reason) => {
            let marks = vec![table.note(format!("no value: {reason}"))];
            [Entry { marks, ..Entry::text("–") }, Entry::text("–"), Entry::text("–")]
        }
    }
}
