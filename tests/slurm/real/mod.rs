//! What a fake cannot stand in for.

mod daemons;
mod digits;
mod jobs;
mod kills;
mod nodes;
mod processes;
mod training;
mod users;
