//! Everything that a report or an audit may look at.

use crate::attempt::Ledger;
use crate::grid::Sweep;
use crate::metric::Observation;
use crate::plan::Plan;

/// The sweep's plan, what became of its tasks, and what was measured or imported.
#[derive(Debug)]
pub struct Evidence<'a> {
    pub sweep: &'a Sweep,
    pub plan: &'a Plan,
    pub ledger: &'a Ledger,
    pub observations: &'a [Observation],
}
