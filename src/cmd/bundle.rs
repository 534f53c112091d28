//! `sweep bundle`: everything that is needed to check a result elsewhere, in one folder.

mod gather;
mod verify;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Subcommand;

use super::current::Which;
use crate::Result;
use crate::project::Project;
use crate::store::Store;
use crate::text::{bytes, plural};
use crate::ui;

pub(super) use verify::read_listed;

#[derive(Debug, clap::Args)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "Examples:
  sweep bundle --out paper/bundle --license https://creativecommons.org/licenses/by/4.0/
  sweep bundle verify paper/bundle
  sweep import paper/bundle"
)]
pub struct Args {
    #[command(subcommand)]
    verify: Option<Verify>,
    #[command(flatten)]
    which: Which,
    /// Folder of the bundle; one that is there is replaced if it is a bundle [default: bundles/<sweep>]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Take in every file that tasks left, weights and images as well
    #[arg(long)]
    all: bool,
    /// Address of the licence that the bundle is under
    #[arg(long, value_name = "URL")]
    license: Option<String>,
}

#[derive(Debug, Subcommand)]
enum Verify {
    /// Name each file of a bundle that is missing, extra or altered
    Verify(verify::VerifyArgs),
}

impl Args {
    /// Gather, describe, write; or verify.
    ///
    /// # Errors
    /// There is nothing to bundle, a file was altered since its task ended, or the folder cannot be written.
    pub fn run(self) -> Result<ExitCode> {
        if let Some(Verify::Verify(args)) = &self.verify {
            return args.run();
        }
        let project = Project::require(Path::new("."))?;
        let mut store = Store::open(&project)?;
        let current = self.which.load(&mut store)?;
        let folder = self.out.clone().unwrap_or_else(|| project.root().join("bundles").join(&current.sweep.name));
        let order = gather::Order { folder: &folder, all: self.all, license: self.license.as_deref() };
        let made = order.make(&mut store, &current)?;
        let text = format!(
            "{}: {}, {} of {}\n  digest of {}: {}\n",
            folder.display(),
            plural(made.files, "file"),
            bytes(made.bytes),
            plural(made.tasks, "task"),
            crate::bundle::DIGESTS,
            made.digest,
        );
        ui::print_all(&text)?;
        Ok(ExitCode::SUCCESS)
    }
}
