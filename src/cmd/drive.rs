//! `sweep drive`: submits again and again until nothing is left to do.

use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;

use super::current::Which;
use super::submit::SubmitArgs;
use crate::error::Kind;
use crate::plan::{Counts, advance};
use crate::project::Project;
use crate::store::Store;
use crate::text::plural;
use crate::{Result, ui};

#[derive(Debug, Args)]
pub struct DriveArgs {
    #[command(flatten)]
    which: Which,
    /// Profile that says how to submit, as for `sweep submit`
    #[arg(long, visible_alias = "profile", value_name = "NAME")]
    to: Option<String>,
    /// One task of each stage first, as for `sweep submit`
    #[arg(long)]
    canary: bool,
}

const SHORTEST: Duration = Duration::from_secs(30);
const STEP: Duration = Duration::from_secs(10);
const LONGEST: Duration = Duration::from_secs(180);

impl DriveArgs {
    /// Submit, wait, look again.
    ///
    /// # Errors
    /// As for `sweep submit`, save that Slurm does not answer: that is waited out.
    pub fn run(self) -> Result<ExitCode> {
        let (mut before, mut pause) = (Counts::default(), SHORTEST);
        loop {
            let mut once_more = SubmitArgs::once_more(self.which.clone(), self.to.clone());
            once_more.canary = self.canary;
            let code = match once_more.run() {
                Ok(code) => code,
                Err(error) if matches!(error.kind(), Kind::Unavailable | Kind::Locked | Kind::Incomplete) => {
                    ui::print_error(&error);
                    ExitCode::SUCCESS
                }
                Err(error) => return Err(error),
            };
            let now = self.count()?;
            let open = now.to_start() + now.queued + now.running;
            if open == 0 {
                return Ok(code);
            }
            pause = if now == before { (pause + STEP).min(LONGEST) } else { SHORTEST };
            before = now;
            ui::note(&format!("{} to go, next look in {} s", plural(open, "task"), pause.as_secs()));
            std::thread::sleep(pause);
        }
    }

    fn count(&self) -> Result<Counts> {
        let mut store = Store::open(&Project::require(Path::new("."))?)?;
        let current = self.which.load(&mut store)?;
        let ledger = store.ledger(&current.plan)?;
        let mut counts = Counts::default();
        let actions = advance(&current.sweep, &current.plan, &ledger);
        actions.standings.into_iter().for_each(|standing| counts.add(standing));
        Ok(counts)
    }
}
