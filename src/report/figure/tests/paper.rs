//! The paper's Figures 2 to 8 from its tables: what they show, and that nothing in them collides.
//! `SWEEP_FIGURES=<folder> cargo test -p sweep figure` keeps the pictures, to be looked at.

use super::super::*;
use super::check;
use crate::metric::Direction;

const COLUMNS: [&str; 12] = [
    "Average",
    "MMBench_EN",
    "SEED",
    "RealworldQA",
    "MMVP",
    "SQA",
    "MMMU",
    "VStar",
    "ChartQA",
    "TextVQA",
    "FID",
    "CLIP",
];

/// Table 6: 1M, 4M and 7M VQA by 200k to 4M generation data; columns as in [`COLUMNS`].
pub(super) const TABLE_6: [[f64; 12]; 18] = [
    [46.4, 60.0, 62.2, 50.3, 24.0, 80.0, 38.4, 37.4, 16.4, 48.8, 28.3, 15.2],
    [48.2, 66.4, 63.2, 50.8, 24.3, 80.4, 39.9, 38.7, 18.2, 51.6, 28.1, 15.9],
    [49.1, 70.1, 65.2, 52.2, 21.3, 80.0, 39.5, 38.7, 20.4, 54.6, 27.3, 16.5],
    [49.9, 67.8, 66.0, 50.2, 30.3, 80.2, 38.9, 39.0, 21.8, 54.8, 23.1, 17.8],
    [51.1, 71.3, 67.1, 55.4, 33.0, 79.5, 38.8, 37.4, 22.7, 55.0, 21.1, 21.1],
    [51.4, 71.1, 66.9, 52.4, 31.0, 80.5, 39.8, 41.1, 24.0, 56.0, 18.4, 22.3],
    [53.8, 73.1, 68.8, 55.0, 34.7, 81.2, 38.5, 44.0, 29.5, 59.2, 21.4, 20.5],
    [53.3, 73.0, 69.9, 55.3, 32.7, 80.6, 40.2, 39.3, 29.6, 58.9, 16.0, 24.8],
    [54.2, 73.8, 69.6, 54.9, 33.3, 82.1, 36.6, 45.6, 32.4, 59.9, 16.0, 24.8],
    [53.8, 72.8, 70.3, 55.2, 37.3, 80.8, 36.8, 44.0, 31.2, 56.2, 15.6, 24.7],
    [54.3, 71.8, 70.1, 57.7, 36.0, 81.0, 38.0, 42.9, 32.6, 59.0, 16.1, 24.8],
    [54.4, 75.2, 69.9, 56.0, 37.3, 81.4, 38.1, 40.8, 31.6, 59.3, 15.3, 25.5],
    [55.8, 73.1, 70.3, 55.6, 42.0, 81.0, 40.8, 44.0, 35.2, 60.6, 18.2, 22.3],
    [55.6, 74.4, 70.6, 56.2, 38.7, 81.9, 37.9, 44.0, 36.0, 60.5, 15.2, 25.5],
    [55.8, 74.3, 70.3, 56.3, 42.7, 81.3, 36.6, 44.5, 35.8, 60.6, 14.5, 26.6],
    [55.4, 73.9, 71.1, 56.9, 40.0, 81.6, 35.9, 42.4, 35.4, 61.6, 14.8, 27.1],
    [55.6, 74.2, 71.0, 57.3, 38.0, 81.1, 40.1, 43.5, 35.0, 60.2, 14.2, 27.5],
    [56.2, 75.4, 70.4, 55.4, 44.0, 80.4, 39.6, 45.0, 35.2, 60.2, 14.9, 26.3],
];

/// Table 4: amounts, FID of joint training, FID of generation data alone.
const TABLE_4: [(f64, f64, f64); 9] = [
    (1e3, 68.5, 115.0),
    (5e3, 19.2, 116.4),
    (1e4, 18.7, 111.0),
    (5e4, 17.1, 111.8),
    (2e5, 15.2, 110.7),
    (5e5, 14.7, 93.7),
    (1e6, 14.4, 52.8),
    (3e6, 15.1, 39.2),
    (5e6, 14.3, 27.7),
];

fn column(name: &str) -> Vec<f64> {
    let index = COLUMNS.iter().position(|column| *column == name).unwrap();
    TABLE_6.iter().map(|row| row[index]).collect()
}

fn names(words: &[&str]) -> Vec<String> {
    words.iter().map(|&word| word.to_owned()).collect()
}

fn caption(title: &str) -> Caption {
    Caption { title: title.to_owned(), ..Caption::default() }
}

/// Figure 7, its panels row by row: generation data downwards, VQA data to the right.
pub(super) fn figure_7() -> Heatmap {
    let cells = |name: &str| -> Vec<CellValue> {
        let values = column(name);
        (0..18).map(|cell| CellValue::Value(Measured::single(values[(cell % 3) * 6 + cell / 3]))).collect()
    };
    let panel = |index, title: &str, name, direction| HeatmapPanel {
        title: title.to_owned(),
        unit: String::new(),
        direction: Some(direction),
        hue: Hue::nth(index),
        decimals: 1,
        cells: cells(name),
    };
    let mut fid = panel(1, "FID Score", "FID", Direction::Minimize);
    if let CellValue::Value(measured) = &mut fid.cells[2] {
        measured.disputed = true;
    }
    Heatmap {
        caption: caption("VQA, FID and CLIP score over the amounts of data"),
        x: Axis { label: "VQA Data".to_owned(), ticks: names(&["1M", "4M", "7M"]) },
        y: Axis { label: "Generation Data".to_owned(), ticks: names(&["200k", "500k", "1M", "2M", "3M", "4M"]) },
        panels: vec![
            panel(0, "Average VQA Score", "Average", Direction::Maximize),
            fid,
            panel(2, "CLIP Score", "CLIP", Direction::Maximize),
        ],
    }
}

/// Figure 7 with holes of every kind.
fn figure_7_with_holes() -> Heatmap {
    let mut figure = figure_7();
    figure.caption.partial = Some("partial: 12 of 18 runs".to_owned());
    for panel in &mut figure.panels {
        panel.cells[4] = CellValue::Missing;
        panel.cells[5] = CellValue::Missing;
        panel.cells[7] = CellValue::Failed;
        panel.cells[9] = CellValue::NotApplicable;
        panel.cells[12] = CellValue::Value(Measured::single(f64::NAN));
        for (index, cell) in panel.cells.iter_mut().enumerate() {
            if let CellValue::Value(measured) = cell {
                *measured = Measured { spread: Some(0.3), n: if index == 14 { 2 } else { 3 }, ..*measured };
            }
        }
        if let CellValue::Value(measured) = panel.cells[14] {
            panel.cells[14] = CellValue::Partial(measured);
        }
    }
    figure
}

/// Pearson's coefficient with the fitted line.
fn fit(points: &[(f64, f64)]) -> (f64, Line) {
    #[expect(clippy::cast_precision_loss, reason = "18 points")]
    let n = points.len() as f64;
    let mean = |of: fn(&(f64, f64)) -> f64| points.iter().map(of).sum::<f64>() / n;
    let (mx, my) = (mean(|p| p.0), mean(|p| p.1));
    let sum = |of: &dyn Fn(f64, f64) -> f64| points.iter().map(|(x, y)| of(x - mx, y - my)).sum::<f64>();
    let (xx, yy, xy) = (sum(&|x, _| x * x), sum(&|_, y| y * y), sum(&|x, y| x * y));
    (xy / (xx * yy).sqrt(), Line { slope: xy / xx, intercept: my - xy / xx * mx })
}

const BENCHMARKS: [(&str, &str, usize); 9] = [
    ("SEED", "Seed", 0),
    ("MMBench_EN", "MMBench", 0),
    ("RealworldQA", "RealWorldQA", 1),
    ("MMVP", "MMVP", 1),
    ("ChartQA", "ChartQA", 2),
    ("TextVQA", "TextVQA", 2),
    ("VStar", "VStar", 3),
    ("SQA", "ScienceQA", 4),
    ("MMMU", "MMMU", 4),
];

/// Figure 8, with as many lines of small print as asked for.
pub(super) fn figure_8(small_print: usize) -> Correlation {
    let panel = |metric: &str, (name, title, group): (&str, &str, usize)| {
        let points: Vec<(f64, f64)> = column(metric).into_iter().zip(column(name)).collect();
        let (rho, line) = fit(&points);
        let z = |shift: f64| (rho.atanh() + shift / 15.0_f64.sqrt()).tanh();
        let lines = [
            format!("ρ = {rho:.2}"),
            format!("[{:.2}, {:.2}]", z(-1.96), z(1.96)),
            "n = 18, p < 0.001".to_owned(),
            "within VQA amount: 0.71".to_owned(),
        ];
        CorrelationPanel {
            title: title.to_owned(),
            group,
            points,
            line: Some(line),
            rho: lines.into_iter().take(1 + small_print).collect(),
        }
    };
    let row = |label: &str, metric| CorrelationRow {
        x_label: label.to_owned(),
        panels: BENCHMARKS.into_iter().map(|benchmark| panel(metric, benchmark)).collect(),
    };
    Correlation {
        caption: Caption {
            title: "Understanding and generation over the cells of one grid".to_owned(),
            notes: names(&[
                "ρ is Pearson's coefficient, descriptive over the 18 cells of a designed grid; intervals are 95 %.",
            ]),
            partial: None,
        },
        rows: vec![row("CLIP Score (↑)", "CLIP"), row("FID Score (↓)", "FID")],
        groups: names(&["General", "Vision-Centric", "Text & Chart", "High-Resolution", "Knowledge"]),
    }
}

pub(super) fn figure_2() -> Scaling {
    let point = |x: f64, y, ringed| ScalingPoint { x, y, spread: None, ringed };
    let joint = TABLE_4
        .iter()
        .map(|&(x, y, _)| point(x, y, x.to_bits() == 5e3_f64.to_bits() || x.to_bits() == 2e5_f64.to_bits()));
    let alone = TABLE_4.iter().map(|&(x, _, y)| point(x, y, false));
    Scaling {
        caption: caption("Generation data alone against joint training"),
        x: Quantity::log("Generation data (samples, log scale)"),
        y: Quantity::linear("FID Score (↓)"),
        series: vec![
            Series { label: "Co-training with all other data".to_owned(), points: joint.collect() },
            Series { label: "Generation data alone".to_owned(), points: alone.collect() },
        ],
        references: Vec::new(),
    }
}

fn scatter(axes: [(&str, &str); 2], levels: &[&str], rows: &[[f64; 3]]) -> Scatter {
    let pick = |name: &str, row: &[f64; 3]| match name.split(' ').next() {
        Some("VQA") => row[0],
        Some("FID") => row[1],
        _ => row[2],
    };
    let panel = |(x, y): (&str, &str)| ScatterPanel {
        x: Quantity::linear(x),
        y: Quantity::linear(y),
        points: rows
            .iter()
            .enumerate()
            .map(|(level, row)| ScatterPoint { x: pick(x, row), y: pick(y, row), level })
            .collect(),
    };
    Scatter {
        caption: Caption::default(),
        legend_title: String::new(),
        levels: names(levels),
        panels: axes.map(panel).to_vec(),
    }
}

fn figure_4() -> Scatter {
    let rows = [
        [46.4, 28.3, 15.2],
        [51.9, 23.1, 17.8],
        [53.6, 21.5, 19.4],
        [53.8, 21.4, 20.5],
        [54.1, 20.2, 21.3],
        [55.0, 18.4, 22.1],
        [55.8, 18.2, 22.3],
    ];
    let levels = ["1M VQA", "2M VQA", "3M VQA", "4M VQA", "5M VQA", "6M VQA", "7M VQA"];
    let axes = [("VQA Accuracy (↑)", "FID Score (↓)"), ("VQA Accuracy (↑)", "CLIP Score (↑)")];
    let mut figure = scatter(axes, &levels, &rows);
    figure.caption = caption("Understanding against generation as VQA data grow");
    figure.legend_title = "200k generation data co-trained with".to_owned();
    figure
}

fn figure_5() -> Scatter {
    let rows: Vec<[f64; 3]> = TABLE_6[..6].iter().map(|row| [row[0], row[10], row[11]]).collect();
    let axes = [("FID Score (↓)", "VQA Accuracy (↑)"), ("CLIP Score (↑)", "VQA Accuracy (↑)")];
    let mut figure = scatter(axes, &["200k", "500k", "1M", "2M", "3M", "4M"], &rows);
    figure.legend_title = "1M VQA data co-trained with generation data".to_owned();
    figure
}

/// Panels of values by category; `series_of` says which series a category's bar belongs to.
fn bars(series: &[&str], categories: &[&str], panels: &[(&str, &[f64])], series_of: &[usize]) -> Bars {
    let panel = |&(title, values): &(&str, &[f64])| BarPanel {
        title: title.to_owned(),
        decimals: 1,
        categories: names(categories),
        bars: (values.iter().enumerate())
            .map(|(category, &value)| Bar { category, series: series_of[category], value, spread: None })
            .collect(),
    };
    Bars { caption: Caption::default(), series: names(series), panels: panels.iter().map(panel).collect() }
}

fn figure_3() -> Bars {
    bars(
        &["Generation data alone", "Other visual data", "Visual understanding data"],
        &["None", "Image-to-Image", "Visual Thinking", "Pure Video", "VideoQA", "ImageQA"],
        &[
            ("FID Score (↓)", &[110.5, 97.5, 93.5, 84.7, 26.5, 18.9]),
            ("CLIP Score (↑)", &[5.7, 6.4, 6.5, 8.1, 16.1, 22.0]),
        ],
        &[0, 1, 1, 1, 2, 2],
    )
}

fn figure_6() -> Bars {
    bars(
        &["LLaMA-3 8B", "LLaMA-3.1 8B", "LLaMA-3 70B"],
        &["LLaMA-3 8B", "LLaMA-3.1 8B", "LLaMA-3 70B"],
        &[
            ("Average VQA (↑)", &[55.8, 56.7, 60.7]),
            ("FID Score (↓)", &[14.5, 13.2, 13.8]),
            ("CLIP Score (↑)", &[26.6, 27.1, 26.8]),
        ],
        &[0, 1, 2],
    )
}

#[test]
fn the_papers_figures_have_no_collisions() {
    for (name, drawing) in [
        ("figure-2", figure_2().draw()),
        ("figure-3", figure_3().draw()),
        ("figure-4", figure_4().draw()),
        ("figure-5", figure_5().draw()),
        ("figure-6", figure_6().draw()),
        ("figure-7", figure_7().draw()),
        ("figure-7-holes", figure_7_with_holes().draw()),
        ("figure-8", figure_8(1).draw()),
        ("figure-8-detailed", figure_8(3).draw()),
    ] {
        check::keep(name, &drawing);
        check::is_legible(&drawing, name);
        assert!(drawing.bounds().width() <= PAGE_WIDTH + 1.0, "{name} is {} points wide", drawing.bounds().width());
    }
}
