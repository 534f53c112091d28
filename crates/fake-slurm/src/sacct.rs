//! `sacct`: all starts that ever were; only allocations, and only the last start of each unless duplicates are asked for.

use crate::options::{self, Options, Spec};
use crate::place::Place;
use crate::record::Record;
use crate::squeue::is_named;
use crate::state::{Element, State};
use crate::{Answer, Result};

const SPECS: [Spec; 14] = [
    options::flag("allocations", Some('X')),
    options::flag("allusers", Some('a')),
    options::flag("duplicates", Some('D')),
    options::value("endtime", Some('E')),
    options::value("format", Some('o')),
    options::value("jobs", Some('j')),
    options::value("name", None),
    options::flag("noheader", Some('n')),
    options::flag("parsable2", Some('P')),
    options::flag("parsable", Some('p')),
    options::value("starttime", Some('S')),
    options::value("state", Some('s')),
    options::value("user", Some('u')),
    options::flag("version", Some('V')),
];

pub fn sacct(place: &Place, args: &[String]) -> Result<Answer> {
    let options = match Options::read(&SPECS, args) {
        Ok(options) => options,
        Err(word) => return Ok(Answer::refused(format!("sacct: unrecognized option '{word}'\n"))),
    };
    if options.has("version") {
        return Ok(Answer::well("slurm-wlm 22.05.8\n"));
    }
    if !options.has("parsable2") {
        return Ok(Answer::refused("sacct: the fake knows `--parsable2` alone\n"));
    }
    State::change(place, |state| {
        let format = options.get("format").unwrap_or("JobID,JobName,Partition,Account,AllocCPUS,State,ExitCode");
        let fields: Vec<&str> = format.split(',').map(|field| field.split('%').next().unwrap_or(field)).collect();
        let mut out = if options.has("noheader") { String::new() } else { fields.join("|") + "\n" };
        for record in records(state, &options) {
            out += &(fields.iter().map(|field| record.field(field)).collect::<Vec<_>>().join("|") + "\n");
        }
        Ok(Answer::well(out))
    })
}

/// Elements of an array that have never started are one record.
fn records<'a>(state: &'a State, options: &Options) -> Vec<Record<'a>> {
    let is_wanted = |element: &&Element| {
        options.list("jobs").is_none_or(|jobs| jobs.iter().any(|job| is_named(element, job)))
            && options.list("name").is_none_or(|names| names.contains(&state.of(element).name.as_str()))
    };
    let mut records: Vec<Record> = Vec::new();
    for element in state.elements.iter().filter(is_wanted) {
        let former = element.former.iter().filter(|_| options.has("duplicates"));
        for start in former.chain([&element.start]) {
            let waits = start.started.is_none() && element.restarts == 0;
            let indices: Vec<u32> = if waits { element.index.into_iter().collect() } else { Vec::new() };
            match records.last_mut() {
                Some(last) if last.start.state == start.state && last.folds_with(element, &indices) => {
                    last.indices.extend(indices);
                }
                _ => records.push(Record { state, element, start, indices, accounting: true }),
            }
        }
    }
    records
}
