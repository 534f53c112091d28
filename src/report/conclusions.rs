//! What became of a sweep's claims: the first section of its document, and files for papers and machines.

use std::fmt::Write;

use polars::prelude::*;

use super::render::File;
use super::selection::{Format, Selection};
use super::table::{Entry, Heading, Table, csv, escape_markdown, fixed, latex, markdown, p_value};
use crate::claim::{Analysis, Aside, Conclusion, Decision, Part};
use crate::stats::{Coefficient, Interval, LEVEL, Source};
use crate::text::plural;
use crate::{Error, Result};

/// More parts of one claim than this stand in `conclusions.md` and `conclusions.csv` alone.
const MOST_PARTS: usize = 12;

/// More decimals than a double has.
const MOST_DECIMALS: usize = 17;

/// The section of the document; nothing where nothing is claimed.
pub(super) fn section(out: &mut String, conclusions: &[Conclusion]) {
    if conclusions.is_empty() {
        return;
    }
    let _ = writeln!(out, "## Conclusions\n\n{}", markdown(&overview(conclusions)));
    for conclusion in conclusions {
        details(out, conclusion, &most_telling(&conclusion.parts, MOST_PARTS));
    }
}

/// At most so many parts: where they are more, those first that are not as claimed.
pub(crate) fn most_telling(parts: &[Part], most: usize) -> Vec<&Part> {
    let mut shown: Vec<&Part> = parts.iter().collect();
    if shown.len() > most {
        shown.sort_by_key(|part| matches!(part.decision, Decision::Holds | Decision::Agrees));
        shown.truncate(most);
    }
    shown
}

/// A part in one line: `ρ of SEED with FID: −0.91 (−0.95 to −0.88), claimed ≤ −0.85, 18 cells, 54 runs: holds`.
pub(crate) fn part_line(part: &Part) -> String {
    let interval = part.interval.map_or_else(String::new, |interval| format!(", interval {}", range(interval, part)));
    let (cells, runs) = (plural(part.cells, "cell"), plural(part.runs, "run"));
    let claimed = signed(&part.region.to_string());
    format!("{}: {}{interval}, claimed {claimed}, {cells}, {runs}: {}", part.says, estimate(part), decided(part))
}

/// The conclusions as files of their own.
pub(super) fn files(conclusions: &[Conclusion], selection: &Selection) -> Result<Vec<File>> {
    let mut files = Vec::new();
    if conclusions.is_empty() {
        return Ok(files);
    }
    let file = |extension: &str, bytes| File { name: format!("conclusions.{extension}"), bytes };
    if selection.wants(Format::Md) {
        let mut text = format!("{}\n", markdown(&overview(conclusions)));
        conclusions
            .iter()
            .for_each(|conclusion| details(&mut text, conclusion, &conclusion.parts.iter().collect::<Vec<_>>()));
        files.push(file("md", text.into_bytes()));
    }
    if selection.wants(Format::Csv) {
        let written = frame(conclusions).and_then(|frame| csv(&frame));
        let failed =
            |error: PolarsError| Error::general(error.to_string()).context("cannot write the conclusions as CSV");
        files.push(file("csv", written.map_err(failed)?));
    }
    if selection.wants(Format::Tex) {
        files.push(file("tex", latex(&overview(conclusions), "conclusions").into_bytes()));
    }
    Ok(files)
}

/// One row a claim.
pub(crate) fn overview(conclusions: &[Conclusion]) -> Table {
    let mut table = Table { title: "Conclusions".to_owned(), ..Table::default() };
    table.columns = ["claim", "conclusion"].map(Heading::left).to_vec();
    table.columns.extend(["estimates as claimed", "cells", "runs"].map(Heading::right));
    table.columns.push(Heading::left("values from"));
    for conclusion in conclusions {
        let Conclusion { text, decision, reason, parts, as_claimed, cells, runs, sources, .. } = conclusion;
        let mut decided = Entry { best: *decision == Decision::Holds, ..Entry::text(decision.words()) };
        decided.marks = vec![table.note(reason.clone())];
        let counts = [format!("{as_claimed} of {}", parts.len()), cells.to_string(), runs.len().to_string()];
        let mut row = vec![Entry::text(text), decided];
        row.extend(counts.map(Entry::text));
        row.push(Entry::text(sources.join("; ")));
        table.rows.push(row);
    }
    table.remarks.push(
        "A claim holds if every interval over seeds lies wholly on the claimed side, fails if one lies wholly on the \
         other, and is not decided else; what is called descriptive looks at estimates alone. Several parts of a claim \
         share an error of 5% (Holm)."
            .to_owned(),
    );
    table
}

fn details(out: &mut String, conclusion: &Conclusion, parts: &[&Part]) {
    let Conclusion { claim, text, decision, reason, .. } = conclusion;
    let _ = writeln!(out, "### {}: {}\n", escape_markdown(claim), escape_markdown(text));
    let grid = match &conclusion.filter {
        Some(filter) => format!("grid {} where {filter}", conclusion.grid),
        None => format!("grid {}", conclusion.grid),
    };
    let about = format!("{reason} ({grid}, {})", plural(conclusion.runs.len(), "run"));
    let _ = writeln!(out, "**{}**: {}.\n", decision.words(), escape_markdown(&about));
    let _ = writeln!(out, "{}", markdown(&table(parts, conclusion)));
    if !conclusion.analyses.is_empty() {
        let _ = writeln!(out, "{}", markdown(&analyses(conclusion)));
    }
    if parts.len() < conclusion.parts.len() {
        let rest = conclusion.parts.len() - parts.len();
        let _ = writeln!(out, "{} in [conclusions.md](conclusions.md).\n", plural(rest, "more part"));
    }
}

/// One row a part.
fn table(parts: &[&Part], conclusion: &Conclusion) -> Table {
    let intervals = parts.iter().any(|part| part.interval.is_some());
    let beside = parts.iter().any(|part| !part.asides.is_empty());
    let mut table = Table { title: conclusion.text.clone(), remarks: conclusion.notes.clone(), ..Table::default() };
    table.columns.push(Heading::left("part"));
    table.columns.extend(["estimate", "claimed"].map(Heading::right));
    if intervals {
        table.columns.extend(["interval over seeds", "p"].map(Heading::right));
    }
    table.columns.extend(["cells", "runs"].map(Heading::right));
    table.columns.push(Heading::left("conclusion"));
    if beside {
        table.columns.push(Heading::left("beside"));
    }
    for part in parts {
        let mut row = vec![part.says.clone(), estimate(part), signed(&part.region.to_string())];
        if intervals {
            row.push(part.interval.map_or_else(|| "–".to_owned(), |interval| range(interval, part)));
            row.push(part.p.map_or_else(|| "–".to_owned(), p_value));
        }
        row.extend([part.cells.to_string(), part.runs.to_string(), decided(part)]);
        if beside {
            row.push(part.asides.iter().map(aside).collect::<Vec<_>>().join("; "));
        }
        table.rows.push(row.into_iter().map(Entry::text).collect());
    }
    if parts.len() > 1 && intervals {
        table.remarks.push("p and the intervals' levels are corrected for the number of parts (Holm).".to_owned());
    }
    table
}

/// How the variation of each metric divides: one row a metric.
fn analyses(conclusion: &Conclusion) -> Table {
    let mut table = Table::default();
    let axes = conclusion.analyses.first().map_or(["", ""], |analysis| [&analysis.first, &analysis.second]);
    table.columns.push(Heading::left("metric"));
    table.columns.push(Heading::right("runs"));
    table.columns.extend(axes.map(|axis| Heading::right(format!("η² of {axis}"))));
    table.columns.extend(["η² of both together", "residual"].map(Heading::right));
    table.columns.extend(axes.map(|axis| Heading::right(format!("per doubling of {axis}"))));
    table.columns.push(Heading::right("change of one per doubling of the other"));
    for Analysis { metric, runs, by_levels, per_doubling, decimals, .. } in &conclusion.analyses {
        let share = |source: Option<Source>| source.map_or_else(|| "–".to_owned(), share);
        let both = by_levels.as_ref();
        let mut row = vec![metric.clone(), runs.to_string()];
        row.extend([both.map(|both| both.first), both.map(|both| both.second)].map(share));
        row.extend([both.and_then(|both| both.interaction), both.map(|both| both.residual)].map(share));
        row.extend(match per_doubling {
            Some(slopes) => slopes.map(|found| slope(found, *decimals)),
            None => ["–", "–", "–"].map(str::to_owned),
        });
        table.rows.push(row.into_iter().map(Entry::text).collect());
    }
    table.remarks.push(
        "η² is the share of the sum of squares, by levels (type II), with p of F; with one run a cell what both do together \
         is in the residual. Per doubling: regression on the binary logarithms of both amounts and their product, each \
         slope at the geometric middle of the other amount, ± standard error. Runs count as independent."
            .to_owned(),
    );
    table
}

fn share(source: Source) -> String {
    let p = source.p.map_or_else(String::new, |p| format!(" (p {})", p_value(p)));
    format!("{}{p}", fixed(source.share, 3))
}

fn slope(slope: Coefficient, decimals: usize) -> String {
    let stderr = slope.stderr.map_or_else(String::new, |stderr| format!(" ± {}", fixed(stderr, decimals)));
    signed(&format!("{}{stderr}", fixed(slope.value, decimals)))
}

/// With as many decimals as it takes to lie on the same side of the boundary as the unrounded value.
fn estimate(part: &Part) -> String {
    let Some(value) = part.estimate else { return "–".to_owned() };
    let tells = |decimals: &usize| {
        let printed: f64 = fixed(value, *decimals).parse().unwrap_or(value);
        part.region.contains(printed) == part.region.contains(value)
    };
    let decimals = (part.decimals..MOST_DECIMALS).find(tells).unwrap_or(MOST_DECIMALS);
    signed(&fixed(value, decimals))
}

fn range(Interval { low, high }: Interval, part: &Part) -> String {
    let level =
        if (part.level - LEVEL).abs() < 1e-9 { String::new() } else { format!(" ({}%)", fixed(100.0 * part.level, 2)) };
    signed(&format!("{} to {}{level}", fixed(low, part.decimals), fixed(high, part.decimals)))
}

fn decided(part: &Part) -> String {
    let reason = part.reason.as_ref().map_or_else(String::new, |reason| format!(": {reason}"));
    let seeds = match part.seeds_needed {
        Some(seeds) => format!("; {seeds} seeds would decide with a chance of 80%"),
        None => String::new(),
    };
    format!("{}{reason}{seeds}", part.decision.words())
}

fn aside(aside: &Aside) -> String {
    let Aside { label, value, interval, decimals, .. } = aside;
    let interval = interval.map_or_else(String::new, |Interval { low, high }| {
        format!(" ({} to {})", fixed(low, *decimals), fixed(high, *decimals))
    });
    format!("{label} {}", signed(&format!("{}{interval}", fixed(*value, *decimals))))
}

/// With a real minus sign.
fn signed(text: &str) -> String {
    text.replace('-', "−")
}

/// One row a part, all digits.
fn frame(conclusions: &[Conclusion]) -> PolarsResult<DataFrame> {
    let rows: Vec<(&Conclusion, &Part)> =
        conclusions.iter().flat_map(|conclusion| conclusion.parts.iter().map(move |part| (conclusion, part))).collect();
    let texts = |name: &str, of: &dyn Fn(&(&Conclusion, &Part)) -> String| {
        Column::new(name.into(), rows.iter().map(of).collect::<Vec<_>>())
    };
    let numbers = |name: &str, of: &dyn Fn(&Part) -> Option<f64>| {
        Column::new(name.into(), rows.iter().map(|(_, part)| of(part)).collect::<Vec<_>>())
    };
    let counts = |name: &str, of: &dyn Fn(&Part) -> usize| {
        Column::new(name.into(), rows.iter().map(|(_, part)| of(part) as u64).collect::<Vec<_>>())
    };
    let columns = vec![
        texts("claim", &|(conclusion, _)| conclusion.claim.clone()),
        texts("part", &|(_, part)| part.says.clone()),
        numbers("estimate", &|part| part.estimate),
        numbers("at_least", &|part| part.region.low),
        numbers("at_most", &|part| part.region.high),
        numbers("low", &|part| part.interval.map(|interval| interval.low)),
        numbers("high", &|part| part.interval.map(|interval| interval.high)),
        numbers("level", &|part| part.interval.map(|_| part.level)),
        numbers("p_holm", &|part| part.p),
        counts("cells", &|part| part.cells),
        counts("runs", &|part| part.runs),
        texts("decision", &|(_, part)| part.decision.words().to_owned()),
        texts("reason", &|(_, part)| part.reason.clone().unwrap_or_default()),
    ];
    DataFrame::new(rows.len(), columns)
}
