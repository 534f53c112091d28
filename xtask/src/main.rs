//! Set-up, tests, demo and benches of this repository: `cargo xtask <verb>`.

mod above_chance;
mod bench;
mod debian;
mod failure;
mod foreign;
mod libtorch;
mod miniature;
mod repo;
mod slurm;
mod stages;
mod test;
mod tool;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use failure::Result;

#[derive(Parser)]
#[command(name = "cargo xtask", about, version)]
struct Cli {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    /// Provide libtorch in `.libtorch`, unless `LIBTORCH` or `LIBTORCH_USE_PYTORCH` names one
    Libtorch,
    /// Do all set-up, then run every check and every test, with the minutes of each
    Test(test::Test),
    /// Do all set-up, then train, evaluate and draw a small grid of the miniature, in minutes
    Demo,
    /// The same for the whole miniature, into `reports/digits`
    Digits,
    /// A Slurm cluster for development on this machine: three nodes, accounting, preemption, memory limits
    Slurm(slurm::Slurm),
    /// Compare what `sweep` costs with what peers and the least possible cost
    Bench(bench::Bench),
}

fn main() -> ExitCode {
    match run(Cli::parse().verb) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("error: {failure}");
            ExitCode::FAILURE
        }
    }
}

fn run(verb: Verb) -> Result<()> {
    match verb {
        Verb::Libtorch => libtorch::provide(&repo::root()),
        Verb::Test(test) => test.run(),
        Verb::Demo => miniature::DEMO.run(),
        Verb::Digits => miniature::DIGITS.run(),
        Verb::Slurm(slurm) => slurm.run(),
        Verb::Bench(bench) => bench.run(),
    }
}
