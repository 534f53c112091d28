//! `sbatch`: takes a script and makes elements of it.

use std::fs;
use std::io::Read;
use std::os::unix::fs::PermissionsExt;

use crate::options::{self, Options, Spec};
use crate::place::Place;
use crate::settings::Settings;
use crate::state::{Element, Start, State};
use crate::submission::{self, Submission};
use crate::{Answer, Result, array, time};

const SPECS: [Spec; 37] = [
    options::value("account", Some('A')),
    options::value("array", Some('a')),
    options::value("begin", Some('b')),
    options::value("chdir", Some('D')),
    options::value("comment", None),
    options::value("constraint", Some('C')),
    options::value("cpus-per-task", Some('c')),
    options::value("dependency", Some('d')),
    options::value("error", Some('e')),
    options::value("exclude", Some('x')),
    options::value("export", None),
    options::value("export-file", None),
    options::value("gpus", Some('G')),
    options::value("gpus-per-node", None),
    options::value("gres", None),
    options::flag("hold", Some('H')),
    options::value("input", Some('i')),
    options::value("job-name", Some('J')),
    options::value("kill-on-invalid-dep", None),
    options::value("mem", None),
    options::value("mem-per-cpu", None),
    options::value("nice", None),
    options::flag("no-requeue", None),
    options::value("nodelist", Some('w')),
    options::value("nodes", Some('N')),
    options::value("ntasks", Some('n')),
    options::value("ntasks-per-node", None),
    options::value("open-mode", None),
    options::value("output", Some('o')),
    options::flag("parsable", None),
    options::value("partition", Some('p')),
    options::value("qos", Some('q')),
    options::flag("requeue", None),
    options::value("signal", None),
    options::flag("test-only", None),
    options::value("time", Some('t')),
    options::value("wrap", None),
];

pub fn sbatch(place: &Place, args: &[String]) -> Result<Answer> {
    if args.iter().any(|word| word == "--version" || word == "-V") {
        return Ok(Answer::well("slurm-wlm 22.05.8\n"));
    }
    Ok(accept(place, args)?.unwrap_or_else(Answer::refused))
}

fn failed(reason: &str) -> String {
    format!("sbatch: error: Batch job submission failed: {reason}\n")
}

fn accept(place: &Place, args: &[String]) -> Result<std::result::Result<Answer, String>> {
    let unknown =
        |word: String| format!("sbatch: unrecognized option '{word}'\nTry \"sbatch --help\" for more information\n");
    let line = match Options::read(&SPECS, args) {
        Ok(line) => line,
        Err(word) => return Ok(Err(unknown(word))),
    };
    let (name, script) = match script(&line) {
        Ok(script) => script,
        Err(refusal) => return Ok(Err(refusal)),
    };
    let options = match Options::read(&SPECS, &directives(&script)) {
        Ok(directives) => line.over(directives),
        Err(word) => return Ok(Err(unknown(word))),
    };
    let settings = Settings::read(place)?;
    let submission = match submission::read(&options, &settings, &name) {
        Ok(submission) => submission,
        Err(reason) => return Ok(Err(failed(reason))),
    };
    let indices = options.get("array").and_then(array::parse).map(|(indices, _)| indices);
    let asked = Asked { submission, indices, held: options.has("hold"), test_only: options.has("test-only") };
    let job = match State::change(place, |state| admit(place, &settings, state, asked, &script))? {
        Ok(job) => job,
        Err(refusal) => return Ok(Err(refusal)),
    };
    Ok(Ok(if options.has("test-only") {
        let start = time::show(Some(time::now()), "");
        // Said on standard error, and no failure.
        let err = format!("sbatch: Job {job} to start at {start} using 1 processors on nodes n1\n");
        Answer { err, ..Answer::well("") }
    } else if options.has("parsable") {
        Answer::well(format!("{job}\n"))
    } else {
        Answer::well(format!("Submitted batch job {job}\n"))
    }))
}

struct Asked {
    submission: Submission,
    indices: Option<Vec<u32>>,
    held: bool,
    test_only: bool,
}

/// Make the elements, unless a limit forbids it.
fn admit(
    place: &Place,
    settings: &Settings,
    state: &mut State,
    asked: Asked,
    script: &str,
) -> Result<std::result::Result<u64, String>> {
    let count = asked.indices.as_ref().map_or(1, Vec::len);
    let queued = state.elements.iter().filter(|element| !element.start.state.is_over()).count();
    if asked.indices.iter().flatten().any(|&index| index >= settings.max_array_size) {
        return Ok(Err(failed("Invalid job array specification")));
    }
    if settings.max_submit_jobs.is_some_and(|most| queued + count > most) {
        let policy = "Job violates accounting/QOS policy (job submit limit, user's size and/or time limits)";
        return Ok(Err(format!("sbatch: error: AssocMaxSubmitJobLimit\n{}", failed(policy))));
    }
    let job = state.next;
    if asked.test_only {
        return Ok(Ok(job));
    }
    keep(place, job, script)?;
    let indices = asked.indices.map_or_else(|| vec![None], |indices| indices.into_iter().map(Some).collect());
    for (own, index) in (job..).zip(indices) {
        let start = Start::pending(time::now());
        let (held, submission) = (asked.held, state.submissions.len());
        let (reason, restarts, former, runner, group) = (String::new(), 0, Vec::new(), None, None);
        state.elements.push(Element {
            submission,
            job,
            index,
            own,
            held,
            reason,
            restarts,
            start,
            former,
            runner,
            group,
        });
        state.next = own + 1;
    }
    state.submissions.push(asked.submission);
    Ok(Ok(job))
}

/// The script and the environment, as they were at the submission.
fn keep(place: &Place, job: u64, script: &str) -> Result<()> {
    let (path, environment) = (place.spool(job, "script"), place.spool(job, "environment"));
    place.write(&path, script.as_bytes())?;
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755))?;
    let text = |word: std::ffi::OsString| word.to_string_lossy().into_owned();
    let all: Vec<(String, String)> = std::env::vars_os().map(|(name, value)| (text(name), text(value))).collect();
    place.write(&environment, &serde_json::to_vec(&all)?)
}

/// Name and text of what to run.
fn script(options: &Options) -> std::result::Result<(String, String), String> {
    if let Some(line) = options.get("wrap") {
        return Ok(("wrap".to_owned(), format!("#!/bin/sh\n{line}\n")));
    }
    let Some(path) = options.words.first() else {
        let mut text = String::new();
        let read = std::io::stdin().read_to_string(&mut text);
        return read.map_err(|error| error.to_string()).and_then(|_| looks_like_one("sbatch", text));
    };
    let name = path.rsplit('/').next().unwrap_or(path);
    let text = fs::read_to_string(path).map_err(|_| format!("sbatch: error: Unable to open file {path}\n"))?;
    looks_like_one(name, text)
}

fn looks_like_one(name: &str, text: String) -> std::result::Result<(String, String), String> {
    if text.starts_with("#!") {
        return Ok((name.to_owned(), text));
    }
    Err("sbatch: error: This does not look like a batch script.  The first\n\
         sbatch: error: line must start with #! followed by the path to an interpreter.\n\
         sbatch: error: For instance: #!/bin/sh\n"
        .to_owned())
}

/// The options in a script, up to its first command.
fn directives(script: &str) -> Vec<String> {
    let comments = script.lines().take_while(|line| line.starts_with('#') || line.trim().is_empty());
    let lines = comments.filter_map(|line| line.strip_prefix("#SBATCH "));
    lines.flat_map(|line| line.split_whitespace().map(str::to_owned)).collect()
}
