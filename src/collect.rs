//! From task folders to what the store records. Reads only; the same folders give the same facts.

use std::io;
use std::path::{Path, PathBuf};

use runfile::{Outcome, Score, Series, outcome, scores, series};

use crate::error::Context;
use crate::id::TaskId;
use crate::worker::claim::{ATTEMPTS, last_attempt};
use crate::worker::{Ended, LARGEST_OUTCOME, LARGEST_SCORES, read_regular};
use crate::{Error, Result};

/// How one attempt of a task ended, with everything that it left for the store.
///
/// A task that was tried three times gives three of these, one for each [`Outcome::attempt`]. Artifacts and provenance
/// are in the outcome. Scores of an attempt that did not succeed are kept (a diverged training is a result), it is the
/// verdict that says whether a report may use them.
#[derive(Debug, Clone, PartialEq)]
pub struct CollectedTask {
    pub task: TaskId,
    /// Name of the task's stage.
    pub stage: String,
    pub outcome: Outcome,
    /// The attempt's folder of results.
    pub results: PathBuf,
    pub scores: Vec<Score>,
    pub series: Series,
    /// What the files hold that is not as the protocol says; each becomes a finding.
    pub problems: Vec<Problem>,
}

/// Something wrong in a task folder, for a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The file, below the task folder's root.
    pub path: PathBuf,
    /// 1-based; `None` when the whole file is meant.
    pub line: Option<u64>,
    pub message: String,
}

/// Largest file of time series that is read.
const LARGEST_SERIES: u64 = 256 << 20;

/// Read the attempts of a task that have ended and are newer than `known`, the number of the last one in the store; and
/// the one that succeeded, whatever its number: an attempt that was taken for dead may still have been the first to end.
///
/// # Errors
/// The folder, or an outcome in it, cannot be read. Anything wrong with scores or series is a [`Problem`] instead.
pub fn read_task(stage: &str, task: TaskId, folder: &Path, known: u32) -> Result<Vec<CollectedTask>> {
    let last = last_attempt(folder).context(|| format!("cannot read the task folder `{}`", folder.display()))?;
    let success = if last == 0 { None } else { read_outcome(&folder.join(outcome::FILE), task)? };
    let late = success.iter().map(|success| success.attempt).filter(|&number| number <= known);
    let mut collected = Vec::new();
    for number in late.chain(known + 1..=last) {
        let outcome = match &success {
            // Killed between its two names, a success has the first one only.
            Some(success) if success.attempt == number => Some(success.clone()),
            _ => read_outcome(&folder.join(ATTEMPTS).join(number.to_string()).join(outcome::FILE), task)?,
        };
        let Some(outcome) = outcome else { continue };
        if outcome.attempt != number {
            let message = format!("the outcome of attempt {number} says that it is of attempt {}", outcome.attempt);
            return Err(Error::general(format!("{message}, in `{}`", folder.display())));
        }
        collected.push(read_results(stage, task, Ended { folder: folder.to_owned(), outcome }));
    }
    Ok(collected)
}

/// The outcome at `path`, if there is one.
fn read_outcome(path: &Path, task: TaskId) -> Result<Option<Outcome>> {
    let about = || format!("cannot read the outcome `{}`", path.display());
    let bytes = match read_regular(path, LARGEST_OUTCOME) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error).context(about),
    };
    let outcome = Outcome::parse(path, &bytes).context(about)?;
    if outcome.task != task.to_string() {
        return Err(Error::general(format!("it is of the task `{}`", outcome.task)).context(about()));
    }
    Ok(Some(outcome))
}

/// What an attempt that has ended left for the store.
#[must_use]
pub fn read_results(stage: &str, task: TaskId, ended: Ended) -> CollectedTask {
    let mut problems = Vec::new();
    let results = ended.results();
    let mut read = |name: &str, limit| read_artifact(&ended, &results, name, limit, &mut problems);
    let scores = read(scores::FILE, LARGEST_SCORES);
    let series = read(series::FILE, LARGEST_SERIES);
    let path = |name: &str| results.strip_prefix(&ended.folder).unwrap_or(&results).join(name);
    let scores = scores.map_or_else(Vec::new, |bytes| {
        scores::parse(&path(scores::FILE), &bytes).unwrap_or_else(|error| {
            problems.push(problem_of(path(scores::FILE), &error));
            Vec::new()
        })
    });
    let series = series.map_or_else(Series::default, |bytes| {
        let (series, bad) = Series::read(bytes.as_slice()).unwrap_or_default();
        let path = path(series::FILE);
        problems.extend(bad.into_iter().map(|bad| Problem {
            path: path.clone(),
            line: Some(bad.line),
            message: bad.message,
        }));
        series
    });
    CollectedTask { task, stage: stage.to_owned(), outcome: ended.outcome, results, scores, series, problems }
}

/// What an attempt that is under way has logged so far into its folder of results. What is wrong with a line is told when
/// the attempt has ended.
///
/// # Errors
/// There is no file of time series yet, or it cannot be read.
pub fn read_running(results: &Path) -> io::Result<Series> {
    let bytes = read_regular(&results.join(series::FILE), LARGEST_SERIES)?;
    Series::read(bytes.as_slice()).map(|(series, _)| series)
}

/// The bytes of an artifact, which must be what they were when the outcome was published.
fn read_artifact(
    ended: &Ended,
    results: &Path,
    name: &str,
    limit: u64,
    problems: &mut Vec<Problem>,
) -> Option<Vec<u8>> {
    let artifact = ended.outcome.artifacts.iter().find(|artifact| artifact.path == Path::new(name))?;
    let path = results.join(name);
    let message = match read_regular(&path, limit) {
        Ok(bytes) if blake3::hash(&bytes).to_hex().as_str() == artifact.blake3 => return Some(bytes),
        Ok(_) => "changed after its task had ended: its digest differs from the outcome's".to_owned(),
        Err(error) => format!("cannot be read: {error}"),
    };
    problems.push(Problem { path: path.strip_prefix(&ended.folder).unwrap_or(&path).to_owned(), line: None, message });
    None
}

fn problem_of(path: PathBuf, error: &runfile::Error) -> Problem {
    match error {
        runfile::Error::Syntax { line, message, .. } => {
            Problem { path, line: u64::try_from(*line).ok(), message: message.clone() }
        }
        other => {
            let text = other.to_string();
            let message = text.strip_prefix(&format!("{}: ", path.display())).unwrap_or(&text).to_owned();
            Problem { path, line: None, message }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use runfile::outcome::Artifact;
    use runfile::{PROTOCOL, Verdict};

    use super::*;

    const TASK: TaskId = TaskId([7; 16]);

    fn outcome(attempt: u32, verdict: Verdict, artifacts: Vec<Artifact>) -> Outcome {
        Outcome {
            protocol: PROTOCOL,
            task: TASK.to_string(),
            attempt,
            verdict,
            reason: (verdict == Verdict::Failed).then_some(runfile::FailureReason::ExitCode),
            message: String::new(),
            exit_code: None,
            signal: None,
            started: 1.0,
            ended: 2.0,
            artifacts,
            provenance: serde_json::Map::new(),
        }
    }

    /// An attempt in `folder` that ended in `verdict` and left `files`.
    fn attempt(folder: &Path, number: u32, verdict: Verdict, files: &[(&str, &str)]) {
        let attempt = folder.join(ATTEMPTS).join(number.to_string());
        fs::create_dir_all(attempt.join("out")).unwrap();
        fs::write(attempt.join("claim"), "{}").unwrap();
        let artifacts = files.iter().map(|(name, text)| {
            fs::write(attempt.join("out").join(name), text).unwrap();
            let blake3 = blake3::hash(text.as_bytes()).to_hex().to_string();
            Artifact { path: name.into(), bytes: text.len() as u64, blake3 }
        });
        let outcome = outcome(number, verdict, artifacts.collect());
        fs::write(attempt.join(outcome::FILE), serde_json::to_vec(&outcome).unwrap()).unwrap();
        if verdict == Verdict::Succeeded {
            fs::hard_link(attempt.join(outcome::FILE), folder.join(outcome::FILE)).unwrap();
        }
    }

    #[test]
    fn every_attempt_is_read_once() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        attempt(folder, 1, Verdict::Failed, &[]);
        attempt(
            folder,
            2,
            Verdict::Succeeded,
            &[("scores.json", "{\"a\": 1}"), ("metrics.jsonl", "{\"step\": 1, \"b\": 2}\n")],
        );
        let all = read_task("train", TASK, folder, 0).unwrap();
        assert_eq!(all.iter().map(|one| one.outcome.attempt).collect::<Vec<_>>(), [1, 2]);
        assert_eq!((all[1].scores.len(), all[1].series.points.len(), all[1].problems.len()), (1, 1, 0));
        assert_eq!(read_task("train", TASK, folder, 1).unwrap(), all[1..]);
    }

    #[test]
    fn a_success_that_came_late_is_read_all_the_same() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        attempt(folder, 1, Verdict::Succeeded, &[]);
        attempt(folder, 2, Verdict::Failed, &[]);
        let late = read_task("train", TASK, folder, 2).unwrap();
        assert_eq!(late.iter().map(|one| one.outcome.attempt).collect::<Vec<_>>(), [1]);
    }

    #[test]
    fn a_success_that_was_killed_between_its_two_names_counts() {
        let folder = tempfile::tempdir().unwrap();
        attempt(folder.path(), 1, Verdict::Succeeded, &[]);
        fs::remove_file(folder.path().join("attempts/1/outcome.json")).unwrap();
        assert_eq!(read_task("train", TASK, folder.path(), 0).unwrap().len(), 1);
    }

    #[test]
    fn a_task_that_is_not_there_or_still_runs_has_no_attempts() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(read_task("train", TASK, &folder.path().join("none"), 0).unwrap(), []);
        fs::create_dir_all(folder.path().join("attempts/1")).unwrap();
        fs::write(folder.path().join("attempts/1/claim"), "{}").unwrap();
        assert_eq!(read_task("train", TASK, folder.path(), 0).unwrap(), []);
    }

    #[test]
    fn what_runs_is_read_up_to_its_last_whole_line() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(read_running(folder.path()).unwrap_err().kind(), io::ErrorKind::NotFound);
        let lines = "{\"step\": 1, \"loss\": 4}\nnonsense\n{\"step\": 2, \"loss\": 3}\n{\"step\": 3, \"lo";
        fs::write(folder.path().join("metrics.jsonl"), lines).unwrap();
        let series = read_running(folder.path()).unwrap();
        assert_eq!(series.points.iter().map(|point| point.value).collect::<Vec<_>>(), [4.0, 3.0]);
    }

    #[test]
    fn mistakes_in_results_are_problems_with_their_place() {
        let folder = tempfile::tempdir().unwrap();
        let series = "{\"step\": 1, \"a\": 1}\nx\n{\"step\": 2, \"a\": 2}\n";
        attempt(
            folder.path(),
            1,
            Verdict::Succeeded,
            &[("scores.json", "{\"a\": 1, \"a\": 2}"), ("metrics.jsonl", series)],
        );
        let [one] = &read_task("train", TASK, folder.path(), 0).unwrap()[..] else { panic!("one attempt") };
        assert_eq!((one.scores.len(), one.series.points.len()), (0, 2));
        let twice = "`a` is given twice, as score 1 and as score 2; `benchmark`, `split` and `step` tell scores of one \
                     metric apart";
        let problems: Vec<_> = one.problems.iter().map(|problem| (problem.line, problem.message.as_str())).collect();
        assert_eq!(problems, [(None, twice), (Some(2), "expected value")]);
    }

    #[test]
    fn results_that_were_changed_afterwards_are_not_taken() {
        let folder = tempfile::tempdir().unwrap();
        attempt(folder.path(), 1, Verdict::Succeeded, &[("scores.json", "{\"a\": 1}")]);
        fs::write(folder.path().join("attempts/1/out/scores.json"), "{\"a\": 2}").unwrap();
        let [one] = &read_task("train", TASK, folder.path(), 0).unwrap()[..] else { panic!("one attempt") };
        assert_eq!(one.scores, []);
        assert_eq!(one.problems[0].path, Path::new("attempts/1/out/scores.json"));
    }

    #[test]
    fn a_foreign_or_torn_outcome_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        attempt(folder.path(), 1, Verdict::Failed, &[]);
        assert!(read_task("train", TaskId([8; 16]), folder.path(), 0).is_err());
        fs::write(folder.path().join("attempts/1/outcome.json"), "{\"protocol\": 1, ").unwrap();
        let error = read_task("train", TASK, folder.path(), 0).unwrap_err();
        assert!(error.to_string().contains("outcome.json:1:16"), "{error}");
    }
}
