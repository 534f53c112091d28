//! A macro for every number of a report, so that the text of a paper names numbers and never copies them.
//!
//! `\sweep{figure-7/vqa=7M/generation=200k/fid}` is the number that the report prints. A name that the report does not
//! have is an error of LaTeX: a paper cannot go on with a number that is no longer there.

use std::fmt::Write;

use hashbrown::HashMap;

use super::item::{Correlated, Item};
use super::page::Shown;
use super::selection::Selection;
use super::table::{escape_latex, fixed, one_line, p_value};
use crate::claim::Conclusion;
use crate::stats::Interval;

/// The file that a paper reads by `\input`.
pub(super) const FILE: &str = "macros.tex";

/// Decimals of correlations, as the report's tables have them.
const DECIMALS: usize = 4;

const HEAD: &str = "% \\input this file once. \\sweep{NAME} is then a number of the report, by the names below:\n\
    % REPORT/AXIS=LEVEL/.../METRIC, with /interval after it for half of the 95% interval over seeds and /n for their number;\n\
    % REPORT/rho/METRIC/WITH, with /low, /high, /n and /p after it, for a correlation;\n\
    % claims/NAME, the conclusion on a claim, with /as-claimed and /of for its estimates, or /estimate, /low and /high.\n\
    \\makeatletter\n\
    \\providecommand{\\sweep}[1]{\\@ifundefined{sweep@#1}{\\@latex@error{The report has no number `#1'}\\@ehc}\
    {\\@nameuse{sweep@#1}}}\n";

/// The file: one line a number.
pub(super) fn macros(selection: &Selection, shown: &[Shown], conclusions: &[Conclusion]) -> String {
    let mut out = String::new();
    for line in std::iter::once(&selection.command).chain(&selection.versions) {
        // A comment ends with its line.
        let _ = writeln!(out, "% {}", one_line(line));
    }
    out.push_str(HEAD);
    let mut names = Names::default();
    for Shown { frame, item, report } in shown {
        let axes = frame.varied_axes();
        for cell in 0..frame.cells.len() {
            let levels = axes.iter().filter_map(|&axis| Some((frame.grid.axes.get(axis)?, frame.label(cell, axis))));
            let place: Vec<String> = levels.map(|(axis, level)| format!("{}={level}", axis.name)).collect();
            for &measure in &item.measures {
                let (Some(spec), Some(reading)) =
                    (frame.measures().get(measure), frame.score(cell, measure).readings.first())
                else {
                    continue;
                };
                let Some(value) = reading.value() else { continue };
                let decimals = report.decimals.unwrap_or_else(|| frame.decimals(measure));
                let parts = [item.name.as_str()].into_iter().chain(place.iter().map(String::as_str));
                let name = names.fresh(&parts.chain([spec.name.as_str()]).collect::<Vec<_>>().join("/"));
                define(&mut out, &name, &fixed(value, decimals));
                if let Some(half) = reading.half_width {
                    define(&mut out, &format!("{name}/interval"), &fixed(half, decimals.max(1)));
                }
                if let Some(summary) = reading.summary {
                    define(&mut out, &format!("{name}/n"), &summary.n.to_string());
                }
            }
        }
        correlations(&mut out, &mut names, frame.measures().iter().map(|spec| spec.name.as_str()).collect(), item);
    }
    conclusions.iter().for_each(|conclusion| claimed(&mut out, &mut names, conclusion));
    out.push_str("\\makeatother\n");
    out
}

fn correlations(out: &mut String, names: &mut Names, measures: Vec<&str>, item: &Item) {
    for Correlated { x, y, pearson, .. } in &item.correlations {
        let (Some(x), Some(y), Ok(found)) = (measures.get(*x), measures.get(*y), pearson) else { continue };
        let name = names.fresh(&format!("{}/rho/{y}/{x}", item.name));
        define(out, &name, &fixed(found.rho, DECIMALS));
        define(out, &format!("{name}/n"), &found.n.to_string());
        define(out, &format!("{name}/p"), &p_value(found.p));
        if let Some(Interval { low, high }) = found.interval {
            define(out, &format!("{name}/low"), &fixed(low, DECIMALS));
            define(out, &format!("{name}/high"), &fixed(high, DECIMALS));
        }
    }
}

/// What became of a claim; where it is one estimate, that as well.
fn claimed(out: &mut String, names: &mut Names, conclusion: &Conclusion) {
    let name = names.fresh(&format!("claims/{}", conclusion.claim));
    define(out, &name, conclusion.decision.words());
    define(out, &format!("{name}/as-claimed"), &conclusion.as_claimed.to_string());
    define(out, &format!("{name}/of"), &conclusion.parts.len().to_string());
    let [part] = &conclusion.parts[..] else { return };
    if let Some(estimate) = part.estimate {
        define(out, &format!("{name}/estimate"), &fixed(estimate, part.decimals));
    }
    if let Some(Interval { low, high }) = part.interval {
        define(out, &format!("{name}/low"), &fixed(low, part.decimals));
        define(out, &format!("{name}/high"), &fixed(high, part.decimals));
    }
}

/// With a minus sign and not a hyphen, in a formula as in text.
fn define(out: &mut String, name: &str, value: &str) {
    let value = escape_latex(&value.replace('-', "−")).replace("$-$", "\\ensuremath{-}");
    let _ = writeln!(out, "\\@namedef{{sweep@{name}}}{{{value}}}");
}

/// Names that LaTeX reads as they are written, each given once.
#[derive(Default)]
struct Names(HashMap<String, usize>);

impl Names {
    /// `wanted` with whatever LaTeX would take for more than a letter replaced, and numbered where that makes two alike.
    fn fresh(&mut self, wanted: &str) -> String {
        let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | ':' | '/' | '=' | '+' | '-');
        let plain: String = wanted.chars().map(|c| if is_plain(c) { c } else { '-' }).collect();
        let count = self.0.entry(plain.clone()).or_insert(0);
        *count += 1;
        if *count == 1 { plain } else { format!("{plain}:{count}") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::world::World;
    use crate::report::{Format, render};

    fn file(world: &World) -> String {
        let selection = Selection {
            command: "sweep report\n\\evil".to_owned(),
            formats: vec![Format::Tex],
            ..Selection::default()
        };
        let rendering = render(&world.evidence(), &selection).unwrap();
        let file = rendering.files.into_iter().find(|file| file.name == FILE).unwrap();
        String::from_utf8(file.bytes).unwrap()
    }

    fn world(level: &str) -> World {
        let text = format!(
            "name = \"m\"\ncommand = [\"t\", \"{{kind}}\", \"{{lr}}\"]\n[vary]\nkind = [{}, \"b_c\", \"b-c\"]\nlr = [0.1, 0.01]\n\
             [metrics.\"top_1\"]\ndirection = \"maximize\"\ndecimals = 2\n[reports.t]\nkind = \"table\"\ngrid = \"main\"\n\
             [metrics.loss]\ndirection = \"minimize\"\ndecimals = 1\n\
             [reports.c]\nkind = \"correlation\"\ngrid = \"main\"\nx = \"loss\"\n",
            serde_json::Value::from(level)
        );
        let mut world = World::new(&text);
        for cell in 0..6 {
            world.measure(cell, "train", "top_1", 0.1 * cell as f64 - 0.2);
            world.measure(cell, "train", "loss", 5.0 - (cell * cell) as f64);
        }
        world
    }

    /// What LaTeX would make of the definitions: (name, text).
    fn read(file: &str) -> Vec<(&str, &str)> {
        let body = file.lines().filter(|line| !line.starts_with('%'));
        let define = |line: &'static str| line;
        let mut body = body.skip(2);
        let mut found = Vec::new();
        for line in body.by_ref() {
            if line == "\\makeatother" {
                break;
            }
            let line = line.strip_prefix(define("\\@namedef{sweep@")).unwrap();
            let (name, text) = line.strip_suffix('}').unwrap().split_once("}{").unwrap();
            assert!(name.chars().all(|c| c.is_ascii_alphanumeric() || ".:/=+-".contains(c)), "{name}");
            let rest = text.replace("\\ensuremath{-}", "");
            assert!(!rest.contains(['{', '}', '%', '#', '&', '_', '\\']), "{text}");
            found.push((name, text));
        }
        assert_eq!(body.next(), None);
        found
    }

    #[test]
    fn every_number_of_a_report_has_a_name_that_says_which_it_is() {
        let file = file(&world("a"));
        let defined = read(&file);
        for expected in [
            ("t/kind=a/lr=0.1/top-1", "\\ensuremath{-}0.20"),
            ("t/kind=a/lr=0.1/top-1/n", "1"),
            ("t/kind=a/lr=0.01/loss", "4.0"),
            ("c/rho/top-1/loss/n", "6"),
        ] {
            assert!(defined.contains(&expected), "{expected:?} in {defined:?}");
        }
        assert!(file.starts_with("% sweep report \\evil\n"), "a comment of one line");
    }

    #[test]
    fn no_name_is_anything_but_a_name_and_none_is_given_twice() {
        let file = file(&world("}\\input{/etc/passwd}%#&_^~\u{202e}$"));
        let defined = read(&file);
        let mut names: Vec<&str> = defined.iter().map(|(name, _)| *name).collect();
        let all = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), all);
        // `b_c` and `b-c` are written alike.
        assert!(names.contains(&"t/kind=b-c/lr=0.1/loss") && names.contains(&"t/kind=b-c/lr=0.1/loss:2"), "{names:?}");
    }
}
