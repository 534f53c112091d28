//! What `sweep` costs on this machine, beside what peers and the least possible cost: `cargo xtask bench`.

mod bootstrap;
mod cost;
mod floor;
mod grid;
mod hyperqueue;
mod scoring;
mod slurm;
mod subjects;
mod table;
mod train;
mod workbench;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand, ValueEnum};

use subjects::Subject;
use workbench::Workbench;

type Result<T> = std::result::Result<T, Box<dyn std::error::Error + Send + Sync>>;

#[derive(Parser)]
#[command(name = "bench", about)]
struct Cli {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    /// Compare, all subjects or the named ones
    Compare {
        subjects: Vec<Subject>,
        /// The `sweep` to measure
        #[arg(long)]
        sweep: PathBuf,
        /// vpit's example `measure`, for `train`
        #[arg(long)]
        measure: Option<PathBuf>,
        /// Where the programs of peers lie, `peers/` in this folder's source
        #[arg(long)]
        peers: PathBuf,
        /// The Python of the peers; one with pandas and matplotlib for the report
        #[arg(long, default_value = "python3")]
        python: String,
        /// Repetitions of each measurement, of which the median counts
        #[arg(long, default_value_t = 3)]
        times: usize,
        /// The largest number of runs
        #[arg(long, default_value_t = 1_000_000)]
        largest: u64,
    },
    /// Do one piece of work in the barest way
    #[command(subcommand)]
    Floor(floor::Floor),
    /// Resample the correlations of many metrics, with the statistics of `sweep`
    Bootstrap { runs: usize, metrics: usize, resamples: usize },
    /// Run a command, then print its nanoseconds and its peak memory in bytes
    Measure {
        #[arg(last = true)]
        command: Vec<String>,
    },
}

fn main() -> ExitCode {
    match run(Cli::parse().verb) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(verb: Verb) -> Result<()> {
    match verb {
        Verb::Compare { subjects, sweep, measure, peers, python, times, largest } => {
            let mut bench = Workbench::new(&sweep, &peers, python, times, largest)?;
            bench.measure = measure.map(|path| path.to_string_lossy().into_owned());
            let subjects = if subjects.is_empty() { Subject::value_variants() } else { &subjects };
            subjects.iter().try_for_each(|subject| subject.compare(&bench))
        }
        Verb::Floor(floor) => floor.run(),
        Verb::Bootstrap { runs, metrics, resamples } => bootstrap::run(runs, metrics, resamples),
        Verb::Measure { command } => cost::print_cost_of(&command),
    }
}
