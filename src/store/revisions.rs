//! Earlier texts of a sweep: what its results may have been made for.

use std::path::PathBuf;

use super::Store;
use crate::Result;
use crate::grid::Sweep;

/// A sweep as it was planned once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EarlierText {
    pub path: PathBuf,
    pub text: String,
}

impl Store {
    /// Other revisions of `sweep`, the latest first, at most `most` of them.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn earlier_texts(&mut self, sweep: &Sweep, most: u32) -> Result<Vec<EarlierText>> {
        self.database.run("read", async |db| {
            let rows: Vec<(String, String)> = sqlx::query_as(
                "SELECT path, text FROM sweep_revision WHERE name = ? AND digest != ? ORDER BY position DESC LIMIT ?",
            )
            .bind(&sweep.name)
            .bind(&sweep.digest.0[..])
            .bind(most)
            .fetch_all(db)
            .await?;
            Ok(rows.into_iter().map(|(path, text)| EarlierText { path: path.into(), text }).collect())
        })
    }
}
