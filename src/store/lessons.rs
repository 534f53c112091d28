//! What earlier attempts teach about later ones: which nodes lose jobs, and how long it takes to save a state.

use hashbrown::HashMap;

use super::Store;
use crate::Result;

impl Store {
    /// Nodes with which at least `least` attempts have failed since `since` (seconds since the epoch), by their names. Of an
    /// attempt on several nodes nobody knows which one failed.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn failing_nodes(&mut self, least: u32, since: f64) -> Result<Vec<String>> {
        self.database.run("read", async |db| {
            let rows: Vec<(String,)> = sqlx::query_as(
                "SELECT json_extract(provenance, '$.nodes') AS nodes FROM attempt \
                 WHERE reason = 'node-failure' AND ended >= ? AND nodes NOT IN ('') AND nodes NOT GLOB '*[[,]*' \
                 GROUP BY nodes HAVING count(*) >= ? ORDER BY nodes",
            )
            .bind(since)
            .bind(least)
            .fetch_all(db)
            .await?;
            Ok(rows.into_iter().map(|(node,)| node).collect())
        })
    }

    /// The longest that a task of each stage took to save its state once it was asked to, in seconds.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn saving_times(&mut self) -> Result<HashMap<String, f64>> {
        self.database.run("read", async |db| {
            let rows: Vec<(String, f64)> = sqlx::query_as(
                "SELECT stage.name, max(json_extract(provenance, '$.save_seconds')) AS seconds FROM attempt \
                 JOIN task ON task.id = task_id JOIN stage ON stage.id = stage_id \
                 WHERE reason = 'preempted' GROUP BY stage.id HAVING seconds IS NOT NULL",
            )
            .fetch_all(db)
            .await?;
            Ok(rows.into_iter().collect())
        })
    }
}
