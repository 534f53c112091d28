//! What a number is a number of, and the integer key of it.

use hashbrown::HashMap;
use sqlx::SqliteConnection;

use super::bulk::Sink;

/// Metric, benchmark and split, with their keys; new ones get the next.
#[derive(Debug, Default)]
pub(super) struct Quantities {
    ids: HashMap<[String; 3], i64>,
    next: i64,
}

impl Quantities {
    /// All that the database has: their number is that of the metrics, not that of the scores.
    pub async fn find(db: &mut SqliteConnection) -> sqlx::Result<Self> {
        let rows: Vec<(i64, String, String, String)> =
            sqlx::query_as("SELECT id, metric, benchmark, split FROM quantity").fetch_all(db).await?;
        let next = rows.iter().map(|row| row.0).max().unwrap_or(0) + 1;
        let ids = rows.into_iter().map(|(id, metric, benchmark, split)| ([metric, benchmark, split], id)).collect();
        Ok(Self { ids, next })
    }

    /// The key of `[metric, benchmark, split]`, with a row for a new one.
    pub fn id(&mut self, sink: &Sink, quantity: [&String; 3]) -> i64 {
        let [metric, benchmark, split] = quantity.map(String::clone);
        let key = [metric, benchmark, split];
        if let Some(id) = self.ids.get(&key) {
            return *id;
        }
        let id = self.next;
        self.next += 1;
        let [metric, benchmark, split] = key.clone();
        sink.statement("INSERT INTO quantity (id, metric, benchmark, split) VALUES (?, ?, ?, ?)")
            .add(id)
            .add(metric)
            .add(benchmark)
            .add(split);
        self.ids.insert(key, id);
        id
    }
}
