//! Printed correlations that do not follow from the printed values.

use super::super::case::Case;
use super::super::finding::{Finding, Place, Severity};
use super::super::printed::decimals_of;
use super::Rule;
use crate::grid::Report;
use crate::report::frame::Frame;
use crate::report::printed::{Printed, PrintedRho, printed_rhos};
use crate::report::table::fixed;
use crate::stats::pearson;
use crate::text::plural;

pub const RULE: Rule = Rule {
    name: "correlation-off",
    what: "a printed correlation does not follow from the values that it is drawn from",
    find,
};

/// Decimals of what is computed.
const DECIMALS: usize = 3;

fn find(case: &Case<'_>) -> Vec<Finding> {
    case.facts.printed.iter().flat_map(|printed| of_report(case, printed)).collect()
}

fn of_report(case: &Case<'_>, printed: &Printed) -> Option<Finding> {
    let report = case.sweep.reports.iter().find(|report| report.name == printed.report)?;
    let position = case.sweep.grid(&report.grid)?;
    let frame = Frame::of(case.index, position, report.filter.as_ref().map(|filter| &filter.condition))?;
    // What cannot be read is `sweep report`'s to say, which fails over it.
    let rhos = printed_rhos(&frame, &printed.text).ok()?;
    let judged: Vec<(&PrintedRho, Judged)> = rhos.iter().filter_map(|rho| Some((rho, judge(&frame, rho)?))).collect();
    let off: Vec<&(&PrintedRho, Judged)> = judged.iter().filter(|(_, judged)| judged.is_off()).collect();
    let first = off.first()?;
    Some(Finding {
        rule: RULE.name,
        severity: Severity::Warning,
        subject: subject(report),
        message: format!(
            "{} of {} differ from those of the grid's values by more than rounding explains",
            off.len(),
            plural(judged.len(), "printed correlation")
        ),
        evidence: off.iter().map(|(rho, judged)| judged.line(&frame, rho)).collect(),
        advice: "other values (unrounded, of other runs or of a part of the cells), another coefficient, or a slip would explain \
                 it"
            .to_owned(),
        place: Some(Place { file: printed.file.clone(), line: Some(first.0.line) }),
    })
}

fn subject(report: &Report) -> String {
    format!("printed values of report `{}`", report.name)
}

/// A printed correlation beside the computed one.
struct Judged {
    printed: f64,
    printed_decimals: usize,
    rho: f64,
    cells: usize,
    /// How far rounding of the values can move `rho`, to first order.
    reach: f64,
}

fn judge(frame: &Frame<'_>, printed: &PrintedRho) -> Option<Judged> {
    let points: Vec<(f64, f64)> = (0..frame.cells.len())
        .filter_map(|cell| Some((frame.score(cell, printed.x).value()?, frame.score(cell, printed.y).value()?)))
        .collect();
    let (x, y): (Vec<f64>, Vec<f64>) = points.into_iter().unzip();
    let rho = pearson(&x, &y).ok()?.rho;
    let printed_decimals = printed.text.split_once('.').map_or(0, |(_, digits)| digits.len());
    Some(Judged { printed: printed.value, printed_decimals, rho, cells: x.len(), reach: reach(&x, &y, rho) })
}

/// The largest change of rho when every value moves by half a unit of its last printed place, to first order.
///
/// With deviations in units of the standard deviation u and v, the derivative by x is `(v - rho u) / (n sd(x))`.
fn reach(x: &[f64], y: &[f64], rho: f64) -> f64 {
    let half = |values: &[f64]| {
        let decimals = values.iter().copied().map(decimals_of).max().unwrap_or(0);
        0.5 * 10_f64.powi(-i32::try_from(decimals).unwrap_or(0))
    };
    let n = x.len() as f64;
    let moments = |values: &[f64]| {
        let mean = values.iter().sum::<f64>() / n;
        (mean, (values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / n).sqrt())
    };
    let ((mean_x, sd_x), (mean_y, sd_y)) = (moments(x), moments(y));
    let sums = x.iter().zip(y).map(|(x, y)| {
        let (u, v) = ((x - mean_x) / sd_x, (y - mean_y) / sd_y);
        ((v - rho * u).abs(), (u - rho * v).abs())
    });
    let (by_x, by_y) = sums.fold((0.0, 0.0), |(by_x, by_y), (x, y)| (by_x + x, by_y + y));
    half(x) * by_x / (n * sd_x) + half(y) * by_y / (n * sd_y)
}

impl Judged {
    /// Whether neither the rounding of the values nor its own explains the difference. A coefficient may have been cut off
    /// as well as rounded.
    fn is_off(&self) -> bool {
        let unit = 10_f64.powi(-i32::try_from(self.printed_decimals).unwrap_or(0));
        (self.rho - self.printed).abs() > unit + self.reach
    }

    fn line(&self, frame: &Frame<'_>, printed: &PrintedRho) -> String {
        let label = |measure: usize| frame.measures().get(measure).map_or("", |measure| &measure.label);
        format!(
            "{} and {}: printed {}, computed {} over {}; rounding of the values moves it by {} at most",
            label(printed.y),
            label(printed.x),
            printed.text,
            fixed(self.rho, DECIMALS),
            plural(self.cells, "cell"),
            fixed(self.reach, DECIMALS)
        )
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::scene::{SWEEP, Scene};
    use super::*;

    fn with(rho: &str) -> Vec<Finding> {
        let report =
            "[reports.both]\nkind = \"correlation\"\ngrid = \"main\"\nx = \"reading\"\nmetrics = [\"counting\"]\n";
        let mut scene = Scene::of(&format!("{SWEEP}\n{report}"));
        let rows = [(10.1, 50.2), (20.3, 45.1), (30.2, 47.9), (40.8, 30.5), (50.1, 35.0), (60.4, 20.7)];
        for (cell, (reading, counting)) in rows.into_iter().enumerate() {
            scene.import(cell, "reading", reading, "Table 1");
            scene.import(cell, "counting", counting, "Table 1");
        }
        let text = format!("benchmark,metric,printed_rho\ncounting,reading,{rho}\n");
        scene.facts.printed.push(Printed { report: "both".to_owned(), file: "printed.csv".into(), text });
        scene.find(&RULE)
    }

    #[test]
    fn a_coefficient_beyond_rounding_is_found() {
        let [finding] = &with("-0.80")[..] else { panic!("one finding") };
        assert_eq!(
            finding.message,
            "1 of 1 printed correlation differ from those of the grid's values by more than rounding explains"
        );
        assert!(
            finding.evidence[0].starts_with("counting and reading: printed -0.80, computed -0.911 over 6 cells"),
            "{}",
            finding.evidence[0]
        );
        assert_eq!(finding.place.as_ref().unwrap().line, Some(2));
    }

    #[test]
    fn a_coefficient_within_rounding_is_no_finding() {
        for rho in ["-0.91", "-0.92", "-0.9"] {
            assert_eq!(with(rho), [], "{rho}");
        }
    }

    #[test]
    fn the_reach_bounds_what_rounding_does() {
        let (x, y) = ([1.0, 2.0, 3.0, 4.0], [2.1, 1.9, 4.2, 3.8]);
        let rho = pearson(&x, &y).unwrap().rho;
        let bound = reach(&x.map(|x| x + 0.0), &y, rho);
        // Every corner of the box of roundings that y may hide.
        for corner in 0..16_u32 {
            let moved: Vec<f64> =
                y.iter().enumerate().map(|(i, y)| y + if corner >> i & 1 == 1 { 0.05 } else { -0.05 }).collect();
            assert!((pearson(&x, &moved).unwrap().rho - rho).abs() < bound * 1.05, "{corner}");
        }
    }
}
