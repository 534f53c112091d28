//! The verbs, one file each: its arguments, its `run`, and what only it needs.

mod audit;
mod average;
mod budget;
mod bundle;
mod cancel;
mod collect;
mod current;
mod db;
mod doctor;
mod drive;
mod explain;
mod export;
mod gc;
mod hand_over;
mod import;
mod known;
mod logs;
mod plan;
mod printed;
mod queue;
mod report;
mod rerun;
mod retry;
mod score;
mod serve;
mod status;
mod submit;
mod worker;

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
    Plan(plan::Args),
    Explain(explain::Args),
    Submit(submit::SubmitArgs),
    Status(status::StatusArgs),
    Collect(collect::CollectArgs),
    Logs(logs::LogsArgs),
    Cancel(cancel::CancelArgs),
    Retry(retry::RetryArgs),
    Report(report::Args),
    Audit(audit::Args),
    Serve(serve::ServeArgs),
    Score(score::ScoreArgs),
    Average(average::AverageArgs),
    Import(import::Args),
    Export(export::Args),
    Bundle(bundle::Args),
    Gc(gc::Args),
    Db(db::Args),
    Doctor(doctor::DoctorArgs),
    Drive(drive::DriveArgs),
    #[command(hide = true)]
    Worker(worker::WorkerArgs),
    #[command(hide = true)]
    Guard(worker::GuardArgs),
}

impl Cli {
    /// Run the verb.
    ///
    /// # Errors
    /// Whatever the verb fails with; `main` prints it.
    pub fn run(self) -> Result<ExitCode> {
        match self.verb {
            Verb::Audit(args) => args.run(),
            Verb::Explain(args) => args.run(),
            Verb::Bundle(args) => args.run(),
            Verb::Average(args) => args.run(),
            Verb::Cancel(args) => args.run(),
            Verb::Db(args) => args.run(),
            Verb::Doctor(args) => args.run(),
            Verb::Drive(args) => args.run(),
            Verb::Export(args) => args.run(),
            Verb::Gc(args) => args.run(),
            Verb::Import(args) => args.run(),
            Verb::Logs(args) => args.run(),
            Verb::Plan(args) => args.run(),
            Verb::Report(args) => args.run(),
            Verb::Retry(args) => args.run(),
            Verb::Score(args) => args.run(),
            Verb::Serve(args) => args.run(),
            Verb::Submit(args) => args.run(),
            Verb::Status(args) => args.run(),
            Verb::Collect(args) => args.run(),
            Verb::Worker(args) => args.run(),
            Verb::Guard(args) => args.run(),
        }
    }
}
