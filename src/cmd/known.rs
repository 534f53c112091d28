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
        for earlier in store.earlier_texts(sweep, REVISIONS)? {
            // An older program may have written what this one no longer reads; then there is nothing to compare with.
            let Ok(before) = grid::parse(&earlier.path, &earlier.text) else { continue };
            let earlier = build(&before, &Selection::default())?;
            let ledger = store.ledger(&earlier)?;
            let before = Revision { sweep: &before, plan: &earlier };
            history.add_older(compare(before, Revision { sweep, plan }, &ledger));
        }
        Ok(Self { ledger: store.ledger(plan)?, history })
    }
}
