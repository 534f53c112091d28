//! What the project around the current folder knows of a sweep.

use std::path::Path;

use crate::attempt::Ledger;
use crate::error::Result;
use crate::grid::{self, Sweep};
use crate::plan::{History, Plan, Revision, Selection, build, compare};
use crate::project::Project;
use crate::store::Store;

/// Earlier revisions that are looked through for results that are stale now.
const REVISIONS: u32 = 8;

/// Tasks of earlier revisions that are looked at in all: a million runs must not be planned eight times over.
const TASKS: usize = 200_000;

/// The state of a sweep's tasks, and what earlier revisions of the file left.
#[derive(Debug, Default)]
pub struct Known {
    pub ledger: Ledger,
    pub history: History,
}

impl Known {
    /// Ask the project around the current folder; without one nothing is known.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn here(sweep: &Sweep, plan: &Plan) -> Result<Self> {
        match Project::find(Path::new("."))? {
            Some(project) => Self::read(&mut Store::open(&project)?, sweep, plan),
            None => Ok(Self::default()),
        }
    }

    /// Ask `store`.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn read(store: &mut Store, sweep: &Sweep, plan: &Plan) -> Result<Self> {
        let mut history = History::default();
        let mut looked_at = plan.tasks.len();
        for earlier in store.earlier_texts(sweep, REVISIONS)? {
            if looked_at > TASKS {
                break;
            }
            // An older program may have written what this one no longer reads; then there is nothing to compare with.
            let Ok(before) = grid::parse(&earlier.path, &earlier.text) else { continue };
            let earlier = build(&before, &Selection::default())?;
            looked_at += earlier.tasks.len();
            let ledger = store.ledger(&earlier)?;
            let before = Revision { sweep: &before, plan: &earlier };
            history.add_older(compare(before, Revision { sweep, plan }, &ledger));
        }
        Ok(Self { ledger: store.ledger(plan)?, history })
    }
}
