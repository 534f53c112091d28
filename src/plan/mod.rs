//! From a checked sweep to runs and tasks, and from what is known of those to what should be done next.

mod table;

pub use table::{Cell, GridPlan, Plan, RunIx, Task, TaskIx};
