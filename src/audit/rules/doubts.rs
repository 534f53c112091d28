//! Doubts that came in with imported numbers.

use std::collections::BTreeMap;

use super::super::case::Case;
use super::super::finding::{Finding, Place, Severity};
use super::Rule;
use crate::text::plural;

pub const RULE: Rule =
    Rule { name: "doubts", what: "whoever wrote an imported file down had doubts about its numbers", find };

/// Doubts that are shown of one import.
const MOST: usize = 10;

fn find(case: &Case<'_>) -> Vec<Finding> {
    let mut doubts: BTreeMap<&str, BTreeMap<u64, &str>> = BTreeMap::new();
    let mut files = BTreeMap::new();
    for imported in &case.facts.imported {
        let Some(note) = &imported.note else { continue };
        doubts.entry(&imported.column.source).or_default().insert(imported.line, note);
        files.entry(imported.column.source.as_str()).or_insert(&imported.column.file);
    }
    let finding = |(source, notes): (&str, BTreeMap<u64, &str>)| {
        let mut evidence: Vec<String> =
            notes.iter().take(MOST).map(|(line, note)| format!("line {line}: {note}")).collect();
        let rest = notes.len().saturating_sub(MOST);
        evidence.extend((rest > 0).then(|| format!("and {rest} more")));
        Finding {
            rule: RULE.name,
            severity: Severity::Note,
            subject: source.to_owned(),
            message: format!("{} noted beside its rows", plural(notes.len(), "doubt")),
            evidence,
            advice: "keep them in mind where these numbers are shown".to_owned(),
            place: files.get(source).map(|file| Place { file: (*file).clone(), line: notes.keys().next().copied() }),
        }
    };
    doubts.into_iter().map(finding).collect()
}

#[cfg(test)]
mod tests {
    use super::super::super::scene::Scene;
    use super::*;

    #[test]
    fn a_doubt_is_told_once_a_row() {
        let mut scene = Scene::new();
        scene.import(0, "reading", 1.0, "Table 1");
        scene.import(0, "counting", 2.0, "Table 1");
        assert_eq!(scene.find(&RULE), []);
        scene.facts.imported.iter_mut().for_each(|imported| imported.note = Some("a blot".to_owned()));
        let [finding] = &scene.find(&RULE)[..] else { panic!("one finding") };
        assert_eq!(finding.evidence, ["line 2: a blot"]);
    }
}
