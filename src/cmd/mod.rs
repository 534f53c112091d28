//! The verbs, one file each: its arguments, its `run`, and what only it needs.

mod explain;
mod known;
mod plan;
mod report;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::Result;

/// An instrument for ablation science: plan, submit, collect, report and audit sweeps of trainings
#[derive(Debug, Parser)]
#[command(name = "sweep", version)]
pub struct Cli {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    Explain(explain::Args),
    Plan(plan::Args),
    Report(report::Args),
}

impl Cli {
    /// Run the verb.
    ///
    /// # Errors
    /// Whatever the verb fails with; `main` prints it.
    pub fn run(self) -> Result<ExitCode> {
        match self.verb {
            Verb::Explain(args) => args.run(),
            Verb::Plan(args) => args.run(),
            Verb::Report(args) => args.run(),
        }
    }
}
