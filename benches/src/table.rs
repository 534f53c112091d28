//! A comparison on standard output: `sweep` first, then everybody else with the ratio of the two.

use crate::Result;
use crate::cost::Cost;

/// Who takes part in a comparison, and what it cost them.
pub struct Comparison {
    title: String,
    /// Things done, to show the cost of one; 1 for the whole.
    count: u64,
    rows: Vec<(String, Cost)>,
}

impl Comparison {
    pub fn new(title: impl Into<String>, count: u64) -> Self {
        Self { title: title.into(), count, rows: Vec::new() }
    }

    /// Add a row; the first one is what the others are compared with.
    pub fn add(&mut self, who: &str, cost: Result<Cost>) -> Result<Cost> {
        let cost = cost?;
        self.rows.push((who.to_owned(), cost));
        Ok(cost)
    }

    /// Add a peer's row, or say why there is none.
    pub fn add_if_there(&mut self, who: &str, cost: Result<Cost>) {
        match cost {
            Ok(cost) => self.rows.push((who.to_owned(), cost)),
            Err(error) => println!("({who} left out: {})", error.to_string().lines().last().unwrap_or_default()),
        }
    }

    pub fn print(&self) {
        println!("\n{}", self.title);
        println!("{:<44}{:>12}{:>12}{:>10}{:>14}", "", "wall", "each", "peak", "sweep / this");
        let first = self.rows.first().map_or(0.0, |(_, cost)| cost.wall.as_secs_f64());
        for (who, cost) in &self.rows {
            let wall = cost.wall.as_secs_f64();
            println!(
                "{who:<44}{:>12}{:>12}{:>7} MB{:>14.2}",
                seconds(wall),
                seconds(wall / self.count as f64),
                cost.peak_bytes / 1_000_000,
                first / wall
            );
        }
    }
}

/// With the unit that keeps three or four digits before and after the point.
fn seconds(value: f64) -> String {
    match value {
        value if value >= 1.0 => format!("{value:.2} s"),
        value if value >= 1e-3 => format!("{:.2} ms", value * 1e3),
        value => format!("{:.2} us", value * 1e6),
    }
}
