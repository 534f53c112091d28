//! Which sweep a verb works on: the one in a file, or the one that was planned last.

use std::path::{Path, PathBuf};

use super::hand_over::host_name;
use crate::error::Context;
use crate::grid::{self, Sweep};
use crate::plan::{self, Plan};
use crate::project::Project;
use crate::slurm::profile::Target;
use crate::store::Store;
use crate::{Error, Result, settings};

// The sweep, and the cells of it, that a verb works on. (No doc comment: clap would take it for what the verb is about.)
#[derive(Debug, Clone, Default, clap::Args)]
pub struct Which {
    /// Sweep file, or name of a planned sweep; without it the sweep that was planned last
    pub sweep: Option<String>,
    /// Only this grid; may be given several times
    #[arg(long, value_name = "NAME")]
    pub grid: Vec<String>,
    /// Only cells that satisfy a filter: `vqa >= 1M && llm == llama-3-8b`
    #[arg(long = "where", value_name = "FILTER")]
    pub filter: Option<String>,
}

/// A sweep with the selected part of its plan.
#[derive(Debug)]
pub struct Current {
    pub sweep: Sweep,
    pub plan: Plan,
}

impl Which {
    /// The file that is meant, if one is.
    #[must_use]
    pub fn file(&self) -> Option<&Path> {
        self.sweep.as_deref().map(Path::new).filter(|path| path.is_file())
    }

    /// Read and plan it: a file as it is now, a recorded sweep as it was planned.
    ///
    /// # Errors
    /// There is none, it has mistakes, or the selection names what is not there.
    pub fn load(&self, store: &mut Store) -> Result<Current> {
        let sweep = match self.file() {
            Some(path) => grid::load(path)?,
            None => self.recorded(store)?,
        };
        let filter = self.filter.as_deref().map(|text| sweep.condition(text)).transpose()?;
        let plan = plan::build(&sweep, &plan::Selection { grids: self.grid.clone(), filter })?;
        Ok(Current { sweep, plan })
    }

    fn recorded(&self, store: &mut Store) -> Result<Sweep> {
        let stored = store.latest_sweep(self.sweep.as_deref())?.ok_or_else(|| match &self.sweep {
            None => Error::usage("no sweep has been planned in this project").hint("run `sweep plan <file>` first"),
            Some(name) => Error::usage(format!("`{}` is neither a file nor a planned sweep", name.escape_debug()))
                .hint("run `sweep plan <file>` first, or name the file"),
        })?;
        grid::parse(&stored.path, &stored.text)
    }
}

/// Where tasks are to run: as `to` says, or else the sweep file, or else this host.
///
/// # Errors
/// The configuration or the sweep file has mistakes, or there is no such profile.
pub fn target(project: &Project, which: &Which, to: Option<&str>) -> Result<Target> {
    let settings = settings::load(project)?;
    let named = match (to, which.file()) {
        (Some(to), _) => Some(to.to_owned()),
        (None, Some(path)) => grid::load(path)?.profile,
        (None, None) => {
            let stored = Store::open(project)?.latest_sweep(which.sweep.as_deref())?;
            stored.map(|stored| grid::parse(&stored.path, &stored.text)).transpose()?.and_then(|sweep| sweep.profile)
        }
    };
    settings.choose(named.as_deref(), &host_name())
}

/// The folder of the sweep file, in which its commands are meant to run.
///
/// # Errors
/// It is gone.
pub fn base_folder(sweep: &Sweep, project: &Project) -> Result<PathBuf> {
    let beside = |root: &Path| Some(root.join(sweep.path.parent()?)).filter(|folder| folder.is_dir());
    let folder = beside(Path::new("")).or_else(|| beside(project.root())).unwrap_or_else(|| project.root().to_owned());
    let folder = if folder.as_os_str().is_empty() { PathBuf::from(".") } else { folder };
    folder.canonicalize().context(|| format!("cannot find the folder of the sweep file `{}`", sweep.path.display()))
}
