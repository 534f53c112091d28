//! Claims: what a sweep file expects before the results are there, typed and checked.

mod read;
mod types;

pub use read::read;
pub use types::{By, Claim, Group, Method, Per, Region, Relation, Take};

#[cfg(test)]
mod tests;
