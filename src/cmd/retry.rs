//! `sweep retry`: submits again what has failed or was cancelled.

use std::process::ExitCode;

use clap::Args;

use super::current::Which;
use super::submit::SubmitArgs;
use crate::Result;

#[derive(Debug, Args)]
pub struct RetryArgs {
    #[command(flatten)]
    which: Which,
    /// Profile that says how to submit, as for `sweep submit`
    #[arg(long, visible_alias = "profile", value_name = "NAME")]
    to: Option<String>,
    /// Show what would be submitted and submit nothing
    #[arg(long, short = 'n')]
    dry_run: bool,
}

impl RetryArgs {
    /// Submit.
    ///
    /// # Errors
    /// As for `sweep submit`.
    pub fn run(self) -> Result<ExitCode> {
        SubmitArgs::again(self.which, self.to, self.dry_run).run()
    }
}
