//! `scontrol`: what the site is like, and changes to elements in the queue.

use crate::place::Place;
use crate::settings::Settings;
use crate::squeue::is_named;
use crate::state::{Element, State, Word};
use crate::{Answer, Result, runner, submission, time};

pub fn scontrol(place: &Place, args: &[String]) -> Result<Answer> {
    let words: Vec<&str> = args.iter().map(String::as_str).filter(|word| !word.starts_with('-')).collect();
    match words[..] {
        ["ping"] => Ok(Answer::well("Slurmctld(primary) at login is UP\n")),
        ["show", "config"] => Ok(Answer::well(Settings::read(place)?.show())),
        ["show", "job", job] => of(place, job, show),
        ["release", jobs] => each(place, jobs, |_, element| {
            element.held = false;
            Ok(())
        }),
        ["hold", jobs] => each(place, jobs, |_, element| {
            element.held = true;
            Ok(())
        }),
        ["requeue", jobs] => each(place, jobs, requeue),
        ["update", ref changes @ ..] => update(place, changes),
        _ => Ok(Answer::refused(format!("scontrol: the fake does not know `{}`\n", words.join(" ")))),
    }
}

const UNKNOWN: &str = "Invalid job id specified";

/// Change each element that one of the words between commas names.
fn each(place: &Place, jobs: &str, change: impl Fn(&Place, &mut Element) -> Result<()>) -> Result<Answer> {
    State::change(place, |state| {
        for word in jobs.split(',') {
            let mut found = false;
            for element in state.elements.iter_mut().filter(|element| is_named(element, word)) {
                found = true;
                change(place, element)?;
            }
            if !found {
                return Ok(Answer::refused(format!("{UNKNOWN} for job {word}\n")));
            }
        }
        Ok(Answer::well(""))
    })
}

/// One that runs is ended first, and then waits again under the same id; so does one that has ended.
fn requeue(place: &Place, element: &mut Element) -> Result<()> {
    match element.start.state {
        Word::Running => runner::give_order(place, element.own, Word::Preempted),
        Word::Pending => Ok(()),
        _ => {
            element.again(time::now());
            Ok(())
        }
    }
}

fn update(place: &Place, changes: &[&str]) -> Result<Answer> {
    let pairs: Vec<(String, &str)> = changes
        .iter()
        .filter_map(|change| change.split_once('='))
        .map(|(key, value)| (key.to_lowercase(), value))
        .collect();
    let value = |key: &str| pairs.iter().find(|(name, _)| name == key).map(|(_, value)| *value);
    let Some(job) = value("jobid") else { return Ok(Answer::refused("scontrol: the fake updates jobs alone\n")) };
    let Some(dependency) = value("dependency") else { return each(place, job, |_, _| Ok(())) };
    let after = match submission::after(dependency) {
        Ok(after) => after,
        Err(reason) => return Ok(Answer::refused(format!("{reason} for job {job}\n"))),
    };
    State::change(place, |state| {
        let found = state.elements.iter().find(|element| is_named(element, job)).map(|element| element.submission);
        let Some(position) = found else { return Ok(Answer::refused(format!("{UNKNOWN} for job {job}\n"))) };
        state.submissions[position].after = after;
        Ok(Answer::well(""))
    })
}

fn of(place: &Place, job: &str, show: impl Fn(&State, &Element) -> String) -> Result<Answer> {
    State::change(place, |state| {
        let found: Vec<&Element> = state.elements.iter().filter(|element| is_named(element, job)).collect();
        if found.is_empty() {
            return Ok(Answer::refused(format!("slurm_load_jobs error: {UNKNOWN}\n")));
        }
        Ok(Answer::well(found.into_iter().map(|element| show(state, element)).collect::<String>()))
    })
}

fn show(state: &State, element: &Element) -> String {
    let submission = state.of(element);
    let array =
        element.index.map_or_else(String::new, |index| format!(" ArrayJobId={} ArrayTaskId={index}", element.job));
    format!(
        "JobId={}{array} JobName={}\n   JobState={} Reason={} Dependency=(null)\n   Requeue={} Restarts={}\n   Comment={}\n\n",
        element.own,
        submission.name,
        element.start.state.text(),
        element.reason,
        u8::from(submission.requeue),
        element.restarts,
        submission.comment,
    )
}
