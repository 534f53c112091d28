//! `sweep db`: check the store, make it again, show everything that is in it.

use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use serde_json::json;

use crate::collect;
use crate::error::Result;
use crate::project::Project;
use crate::store::{Checked, Store, rebuild};
use crate::text::plural;
use crate::ui;

#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, clap::Subcommand)]
enum Verb {
    /// Check that the database is whole and agrees with the journal and the task folders
    Check {
        /// Print one JSON value
        #[arg(long)]
        json: bool,
    },
    /// Make the database again from the journal and the task folders; the old one is kept beside it
    Rebuild,
    /// Bring the database of an older version up to date; a copy of it is kept
    Migrate,
    /// Print every fact in the store, one a line, in an order that depends on nothing but the facts
    Dump,
}

/// How long a rebuild waits for another writer.
const PATIENCE: Duration = Duration::from_secs(10);

impl Args {
    /// Do it.
    ///
    /// # Errors
    /// There is no project, another process writes, or files cannot be read or written.
    pub fn run(self) -> Result<ExitCode> {
        let project = Project::require(Path::new("."))?;
        match self.verb {
            Verb::Check { json } => check(&project, json),
            Verb::Rebuild => rebuild_store(&project),
            Verb::Migrate => {
                Store::open_for_writing(&project, "db migrate")?;
                Ok(ExitCode::SUCCESS)
            }
            Verb::Dump => {
                ui::print_all(&Store::open(&project)?.dump()?)?;
                Ok(ExitCode::SUCCESS)
            }
        }
    }
}

fn check(project: &Project, as_json: bool) -> Result<ExitCode> {
    let Checked { problems, notes } = Store::open(project)?.check(collect::read_task)?;
    let text = if as_json {
        let value = json!({ "schema_version": 1, "whole": problems.is_empty(), "problems": problems, "notes": notes });
        format!("{value:#}\n")
    } else {
        let lines = problems.iter().map(|problem| format!("wrong: {problem}\n"));
        let lines = lines.chain(notes.iter().map(|note| format!("note: {note}\n")));
        let whole = problems.is_empty().then(|| "the store is whole\n".to_owned());
        lines.chain(whole).collect()
    };
    ui::print_all(&text)?;
    if problems.is_empty() {
        return Ok(ExitCode::SUCCESS);
    }
    ui::note("hint: `sweep db rebuild` makes the database again from the journal and the task folders");
    Ok(ExitCode::FAILURE)
}

fn rebuild_store(project: &Project) -> Result<ExitCode> {
    let rebuilt = rebuild(project, PATIENCE, collect::read_task)?;
    let mut text: String = rebuilt.problems.iter().map(|problem| format!("left out: {problem}\n")).collect();
    text.push_str(&format!(
        "made `{}` from {} of the journal and {} in task folders\n",
        project.database().display(),
        plural(rebuilt.facts, "fact"),
        plural(rebuilt.attempts, "attempt")
    ));
    if let Some(kept) = rebuilt.kept {
        text.push_str(&format!("the old one is kept as `{}`\n", kept.display()));
    }
    ui::print_all(&text)?;
    Ok(ExitCode::SUCCESS)
}
