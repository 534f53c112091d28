//! The verbs, one file each: its arguments, its `run`, and what only it needs.

mod audit;
mod audited;
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
mod look;
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
mod under_way;
mod watch;
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

// What a verb is for stands here and not at its arguments, because only those of the verb that is called are made: making all
// takes longer than everything else at the start of the program.
#[derive(Debug, Subcommand)]
#[command(defer = true)]
enum Verb {
    /// Show what a sweep file asks for, what is done, and what the rest will cost
    ///
    /// Cells become runs, which grids share, and runs become tasks, which runs share. The plan is recorded in the project,
    /// which is made in the current folder if there is none; `--dry-run` writes nothing.
    Plan(plan::Args),
    /// Explain a cell, a run or a task: why it is absent, new or waiting, and which grids ask for it
    ///
    /// A cell is named by its levels, and by its grid where several have them: `data vqa=7M generation=200k`. A run or a
    /// task is named by the first digits of its identity. Without a file it is about the sweep that was planned last.
    Explain(explain::Args),
    /// Run what the plan still wants, on this machine or through Slurm
    ///
    /// What has succeeded is not run again; the same command goes on where an earlier one was stopped. On this machine,
    /// Ctrl-C asks the jobs to end and waits for them, a second one kills them. With `--to` a profile, or on a host that a
    /// profile names, tasks are handed over to Slurm and the command ends.
    Submit(submit::SubmitArgs),
    /// Show how many tasks of each grid and stage are done, running, waiting or failed
    Status(status::StatusArgs),
    /// Watch a sweep: grids and stages, their tasks, and each task's log and curves
    ///
    /// Enter goes down, Esc up, `r` looks again, `q` ends. What has ended is taken into the store; nothing is submitted. Slurm
    /// is asked every 30 seconds, and every three minutes while nothing happens; logs and curves are read from their files.
    Watch(watch::WatchArgs),
    /// Bring the results of tasks that have ended into the store
    ///
    /// `submit` does this while it runs; this verb is for what other processes have run. Running it again changes nothing.
    Collect(collect::CollectArgs),
    /// Show what jobs have written: standard output and error of the last attempt, and Slurm's log of those in its hands
    Logs(logs::LogsArgs),
    /// Cancel tasks that have not succeeded: running ones are asked to end, and none is tried again
    ///
    /// Tasks that cells outside the selection need as well are spared. `sweep retry` takes a cancellation back.
    Cancel(cancel::CancelArgs),
    /// Submit again what has failed, whatever the reason, or was cancelled
    ///
    /// The attempts that a stage allows are counted anew. What has succeeded stays as it is.
    Retry(retry::RetryArgs),
    /// Draw and tabulate what has been measured and imported
    ///
    /// Without options: everything that the sweep declares under `[reports]`, into `reports/<sweep>/`. A kind that it does
    /// not declare is made from whatever axes and metrics suit it.
    Report(report::Args),
    /// Say what a sceptical reviewer would of what is stored
    ///
    /// Every rule looks at the plan, the scores, where they come from and the files that they were read from. What is found
    /// has a severity: an error is a contradiction, a warning wants an explanation, a note is worth knowing. `docs/audit.md`
    /// has the rules.
    Audit(audit::Args),
    /// Serve the page of a report, which follows the sweep while it runs
    ///
    /// It reads and never writes. For this machine alone unless told otherwise; `ssh -L 8765:localhost:8765 HOST` brings it
    /// to yours. Ctrl-C ends it.
    Serve(serve::ServeArgs),
    /// Score stored predictions of a published benchmark
    ///
    /// Each line of the file is a JSON object with `id`, `prediction`, `gold` and, for multiple choice, `options`. Nothing but
    /// the file is needed, so that predictions can be scored again anywhere, by either protocol.
    Score(score::ScoreArgs),
    /// Average stored predictions of published benchmarks: the groups of the paper's Figure 8, and all nine
    ///
    /// Each benchmark weighs the same. There is no mean while a member is missing or only a part of it is there.
    Average(average::AverageArgs),
    /// Bring in finished results, with their source
    ///
    /// `sweep import grid.toml` brings in every `[imports.<name>]` of the file; `sweep import scores.csv` one table, as the
    /// options say: a CSV file (W&B's exports are some), JSON lines, a log folder of TensorBoard, a file store of MLflow, a
    /// `wandb` folder. `sweep import BUNDLE` brings in what `sweep bundle` wrote. Numbers are kept as observations of their
    /// source beside what is measured: importing the same file again changes nothing, and two sources of one score stay two.
    Import(import::Args),
    /// Write scores, and for MLflow and TensorBoard training curves, for other programs
    ///
    /// Every score that was measured or imported stands in it with its run, parameters and source. The same results give
    /// the same bytes.
    Export(export::Args),
    /// Write everything that is needed to check the results elsewhere, or verify what somebody wrote
    ///
    /// The bundle is a folder: sweep file, plan, scores, figures, and of each task its provenance, scores, curves and
    /// predictions, described as a Workflow Run RO-Crate and listed with their digests. `sweep import BUNDLE` brings its
    /// scores in. The same results give the same bytes.
    Bundle(bundle::Args),
    /// List the files that nothing needs any more, and delete them when asked to
    ///
    /// Kept is whatever the latest plan of any sweep, a pinned run or anything that runs needs, and everything that the store
    /// can be made from again. What is deleted stays in the store as a row, with its digest and the time.
    Gc(gc::Args),
    /// Check the store, or make it again from the journal and the task folders
    Db(db::Args),
    /// Check what submissions rely on: folders and who may read them, clocks, Slurm's limits, its verdict on the profile's options
    Doctor(doctor::DoctorArgs),
    /// Submit until everything has succeeded or failed for good: what `sweep submit` does, whenever there is something to do
    ///
    /// Stay logged in, or start it by a timer; it can be stopped at any time. Slurm is asked every 30 seconds at first, and
    /// every three minutes while nothing happens.
    Drive(drive::DriveArgs),
    /// Look around on a node, for `doctor`
    #[command(hide = true)]
    Look(look::LookArgs),
    /// Run one task of a manifest
    #[command(hide = true)]
    Worker(worker::WorkerArgs),
    /// End what a launcher has started once it has ended itself
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
            Verb::Look(args) => args.run(),
            Verb::Plan(args) => args.run(),
            Verb::Report(args) => args.run(),
            Verb::Retry(args) => args.run(),
            Verb::Score(args) => args.run(),
            Verb::Serve(args) => args.run(),
            Verb::Submit(args) => args.run(),
            Verb::Status(args) => args.run(),
            Verb::Watch(args) => args.run(),
            Verb::Collect(args) => args.run(),
            Verb::Worker(args) => args.run(),
            Verb::Guard(args) => args.run(),
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::Cli;

    #[test]
    fn arguments_that_verbs_share_do_not_change_what_a_verb_is_about() {
        let said = |command: &clap::Command| -> Vec<(String, String)> {
            let about = |verb: &clap::Command| verb.get_about().map(ToString::to_string).unwrap_or_default();
            command.get_subcommands().map(|verb| (verb.get_name().to_owned(), about(verb))).collect()
        };
        let mut command = Cli::command();
        let listed = said(&command);
        assert!(listed.iter().all(|(_, about)| !about.is_empty()), "{listed:?}");
        command.build();
        let at_the_verb: Vec<_> = said(&command).into_iter().filter(|(verb, _)| verb != "help").collect();
        assert_eq!(at_the_verb, listed);
    }
}
