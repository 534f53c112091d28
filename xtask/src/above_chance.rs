//! Whether the finished miniature has learned to see: its best cell against chance, group by group.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::failure::{Failure, Result};

/// Groups of questions that must lie above chance.
const LEAST_GROUPS: usize = 4;
/// By how many standard errors.
const LEAST_DISTANCE: f64 = 3.0;

/// One group of questions in one cell.
#[derive(Debug, Clone, PartialEq)]
struct Group {
    name: String,
    accuracy: f64,
    /// Answers that were scored, over all replicates.
    answers: f64,
}

/// Check the cells of `csv`, the numbers behind the report `correlation`, against chance by group; a line a group.
///
/// # Errors
/// Too few groups of the best cell are above chance, or the report is not what it should be.
pub fn check(csv: &str, chance: &Value) -> Result<String> {
    let best = best_cell(csv).ok_or_else(|| Failure::new("the report `correlation` has no scores of groups"))?;
    let (mut lines, mut above) = (String::new(), 0);
    for group in &best {
        let chance = chance[&group.name][0].as_f64();
        let chance = chance.ok_or_else(|| Failure::new(format!("the report has no chance for `{}`", group.name)))?;
        let distance = (group.accuracy - chance) / standard_error(chance, group.answers);
        above += usize::from(distance >= LEAST_DISTANCE);
        lines += &format!(
            "  {}: {:.3} where chance is {chance:.3}, {distance:.1} standard errors\n",
            group.name, group.accuracy
        );
    }
    if above >= LEAST_GROUPS {
        return Ok(lines);
    }
    Err(Failure::new(format!(
        "{above} of {} groups of the best cell are {LEAST_DISTANCE} standard errors above chance, at least \
         {LEAST_GROUPS} should be:\n{lines}",
        best.len()
    )))
}

/// Of an accuracy over `answers` questions, were it chance.
fn standard_error(chance: f64, answers: f64) -> f64 {
    (chance * (1.0 - chance) / answers).sqrt()
}

/// The groups of the cell with the best mean accuracy over them.
fn best_cell(csv: &str) -> Option<Vec<Group>> {
    let mut lines = csv.lines().map(|line| line.split(',').collect::<Vec<_>>());
    let header = lines.next()?;
    let column = |name: &str| header.iter().position(|known| *known == name);
    let (metric, source, value) = (column("metric")?, column("source")?, column("value")?);
    let (replicates, items) = (column("replicates")?, column("items")?);
    let mut cells: BTreeMap<String, Vec<Group>> = BTreeMap::new();
    for row in lines.filter(|row| row.get(source).is_some_and(|source| source.contains("evaluate-vqa"))) {
        let number = |column: usize| row.get(column).and_then(|text| text.parse::<f64>().ok());
        let name = (*row.get(metric)?).to_owned();
        let group = Group { name, accuracy: number(value)?, answers: number(replicates)? * number(items)? };
        cells.entry(row.get(..metric)?.join(",")).or_default().push(group);
    }
    let sum = |groups: &Vec<Group>| groups.iter().map(|group| group.accuracy).sum::<f64>();
    cells.into_values().max_by(|left, right| sum(left).total_cmp(&sum(right)))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const HEADER: &str = "vqa,generation,metric,source,state,value,std_dev,replicates,items,stderr\n";

    fn csv(cells: &[(&str, [f64; 5])]) -> String {
        let rows = cells.iter().flat_map(|(cell, accuracies)| {
            accuracies.iter().zip('a'..).map(move |(accuracy, group)| {
                format!("{cell},{group},measured (evaluate-vqa),complete,{accuracy},0.01,3,300,\n")
            })
        });
        HEADER.to_owned() + &rows.collect::<String>()
    }

    fn chance() -> Value {
        json!({"a": [0.5, 0.5], "b": [0.5, 0.5], "c": [0.5, 0.5], "d": [0.1, 0.1], "e": [0.1, 0.1]})
    }

    #[test]
    fn four_groups_of_the_best_cell_suffice() {
        let cells = [("2k,1k", [0.5, 0.5, 0.5, 0.1, 0.1]), ("6k,1k", [0.9, 0.5, 0.6, 0.2, 0.2])];
        let lines = check(&csv(&cells), &chance()).unwrap();
        // sqrt(0.25 / 900) is a sixtieth.
        assert!(lines.starts_with("  a: 0.900 where chance is 0.500, 24.0 standard errors\n"), "{lines}");
    }

    #[test]
    fn a_group_within_three_standard_errors_does_not_count() {
        let failure = check(&csv(&[("6k,1k", [0.9, 0.549, 0.549, 0.2, 0.2])]), &chance()).unwrap_err().to_string();
        assert!(failure.starts_with("3 of 5 groups"), "{failure}");
    }

    #[test]
    fn a_report_without_scores_is_a_failure() {
        assert!(check(HEADER, &chance()).is_err());
        assert!(check("", &chance()).is_err());
        assert!(check(&csv(&[("6k,1k", [0.9; 5])]), &json!({})).is_err());
    }
}
