//! A Slurm for tests, in one program that answers to the names of Slurm's own.
//!
//! `<folder>/bin/sbatch`, `squeue`, `sacct`, `scancel`, `scontrol`, `sinfo` and `sacctmgr` are links to it; with
//! `<folder>/bin` on the path, `<folder>` is the cluster. No environment variable names it, since whoever submits may clear
//! the environment. Scripts really run, as processes of this machine: there is no controller, every call and every end of a
//! job starts what has become ready. [`misbehaviour`] says how a test makes it fail.

mod array;
mod misbehaviour;
mod options;
mod place;
mod record;
mod runner;
mod sacct;
mod sbatch;
mod scancel;
mod scontrol;
mod settings;
mod squeue;
mod state;
mod submission;
mod time;

use std::process::ExitCode;

use misbehaviour::Verdict;
use place::Place;

/// What one call came to, as the caller sees it.
pub struct Answer {
    pub code: u8,
    pub out: String,
    pub err: String,
}

impl Answer {
    pub fn well(out: impl Into<String>) -> Self {
        Self { code: 0, out: out.into(), err: String::new() }
    }

    pub fn refused(err: impl Into<String>) -> Self {
        Self { code: 1, out: String::new(), err: err.into() }
    }
}

/// A failure of the fake itself, which is a failure of the test that uses it.
pub type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().collect();
    match run(&words) {
        Ok(answer) => {
            print!("{}", answer.out);
            eprint!("{}", answer.err);
            ExitCode::from(answer.code)
        }
        Err(error) => {
            eprintln!("fake-slurm: {error}");
            ExitCode::from(99)
        }
    }
}

fn run(words: &[String]) -> Result<Answer> {
    let (called, args) = words.split_first().ok_or("called by no name")?;
    let program = called.rsplit('/').next().unwrap_or(called);
    if let ("fake-slurm", [verb, folder, id]) = (program, args) {
        return if verb == "run" { runner::run(&Place::at(folder), id.parse()?) } else { Err("unknown verb".into()) };
    }
    let place = Place::of(called, program)?;
    place.log(program, args)?;
    let answer = |place: &Place| match program {
        "sbatch" => sbatch::sbatch(place, args),
        "squeue" => squeue::squeue(place, args),
        "sacct" => sacct::sacct(place, args),
        "scancel" => scancel::scancel(place, args),
        "scontrol" => scontrol::scontrol(place, args),
        "sinfo" => settings::sinfo(place, args),
        "sacctmgr" => settings::sacctmgr(place, args),
        _ => Err(format!("`{program}` is not a program of Slurm that is faked").into()),
    };
    match misbehaviour::next(&place, program)? {
        Verdict::Behave => answer(&place),
        Verdict::Misbehave(how) => how.apply(&place, program, answer),
    }
}
