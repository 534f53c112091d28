//! `squeue`: elements that wait or run, and for a while those that have ended.

use crate::options::{self, Options, Spec};
use crate::place::Place;
use crate::record::Record;
use crate::settings::{Settings, fill};
use crate::state::{Element, State, Word};
use crate::{Answer, Result, array, time};

const SPECS: [Spec; 12] = [
    options::flag("array", Some('r')),
    options::value("format", Some('o')),
    options::value("jobs", Some('j')),
    options::flag("me", None),
    options::value("name", Some('n')),
    options::flag("noheader", Some('h')),
    options::value("partition", Some('p')),
    options::value("sort", Some('S')),
    options::value("states", Some('t')),
    options::value("user", Some('u')),
    options::flag("all", Some('a')),
    options::flag("version", Some('V')),
];
const HEADER: &str = "             JOBID PARTITION     NAME     USER ST       TIME  NODES NODELIST(REASON)\n";

pub fn squeue(place: &Place, args: &[String]) -> Result<Answer> {
    let options = match Options::read(&SPECS, args) {
        Ok(options) => options,
        Err(word) => return Ok(Answer::refused(format!("squeue: unrecognized option '{word}'\n"))),
    };
    if options.has("version") {
        return Ok(Answer::well("slurm-wlm 22.05.8\n"));
    }
    // Time passes for the cluster whenever somebody looks.
    State::change(place, |state| {
        let settings = Settings::read(place)?;
        let remembered =
            |element: &&Element| element.start.ended.is_none_or(|end| end + settings.min_job_age >= time::now());
        let known: Vec<&Element> = state.elements.iter().filter(remembered).collect();
        if let Some([one]) = options.list("jobs").as_deref()
            && !known.iter().any(|element| is_named(element, one))
        {
            return Ok(Answer::refused("slurm_load_jobs error: Invalid job id specified\n"));
        }
        let wanted: Vec<&Element> = known.into_iter().filter(|element| is_wanted(state, element, &options)).collect();
        let format = options.get("format").unwrap_or("%18i %9P %8j %8u %2t %10M %6D %R");
        let lines = records(state, &wanted, options.has("array")).into_iter().map(|record| line(&record, format));
        let header = if options.has("noheader") { "" } else { HEADER };
        Ok(Answer::well(lines.fold(header.to_owned(), |all, line| all + &line)))
    })
}

pub fn is_named(element: &Element, word: &str) -> bool {
    array::selector(word).is_some_and(|(job, indices)| {
        let same = element.job == job || element.own == job;
        same && indices.is_none_or(|indices| element.index.is_some_and(|index| indices.contains(&index)))
    })
}

fn is_wanted(state: &State, element: &Element, options: &Options) -> bool {
    let submission = state.of(element);
    let states = options.get("states").unwrap_or("PENDING,RUNNING").to_uppercase();
    let word = element.start.state.text();
    (states == "ALL" || states.split(',').any(|wanted| wanted == word))
        && options.list("jobs").is_none_or(|jobs| jobs.iter().any(|job| is_named(element, job)))
        && options.list("name").is_none_or(|names| names.contains(&submission.name.as_str()))
        && options.get("partition").is_none_or(|partition| partition == submission.partition)
}

/// One for each, or, where arrays are `folded`, one for all elements of an array that have not started.
fn records<'a>(state: &'a State, elements: &[&'a Element], array: bool) -> Vec<Record<'a>> {
    let mut records: Vec<Record> = Vec::new();
    for &element in elements {
        let waits = !array && element.start.state == Word::Pending && element.restarts == 0;
        let indices: Vec<u32> = if waits { element.index.into_iter().collect() } else { Vec::new() };
        match records.last_mut() {
            Some(last) if last.folds_with(element, &indices) => {
                last.indices.extend(indices);
            }
            _ => records.push(Record { state, element, start: &element.start, indices, accounting: false }),
        }
    }
    records
}

fn line(record: &Record, format: &str) -> String {
    let Record { element, start, .. } = record;
    fill(format, |letter| {
        Some(match letter {
            "i" => record.id(),
            "A" => element.own.to_string(),
            "F" => element.job.to_string(),
            "K" => element.index.map_or_else(|| "N/A".to_owned(), |index| index.to_string()),
            "j" => record.field("jobname"),
            "k" => record.field("comment"),
            "P" => record.field("partition"),
            "a" => record.field("account"),
            "u" => "root".to_owned(),
            "T" => start.state.text().to_owned(),
            "r" => {
                if element.reason.is_empty() {
                    "None".to_owned()
                } else {
                    element.reason.clone()
                }
            }
            "R" if start.state == Word::Pending => format!("({})", element.reason),
            "R" | "N" => start.node.clone(),
            "V" => time::show(Some(start.submitted), "N/A"),
            "S" => time::show(start.started, "N/A"),
            "e" => time::show(start.ended, "N/A"),
            "D" => "1".to_owned(),
            _ => return None,
        })
    })
}
