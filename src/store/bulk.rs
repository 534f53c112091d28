//! Many rows by few statements: sqlx hands each statement to another thread, which costs more than a row.

use std::sync::Arc;

use sqlx::sqlite::SqliteArguments;
use sqlx::{Arguments, AssertSqlSafe, Encode, Sqlite, SqliteConnection, Type};

/// Rows in a statement: beyond some hundreds nothing is gained, and SQLite takes 32,766 values.
const ROWS: usize = 500;

/// Collects rows for one table and inserts them a few hundred at a time.
pub(super) struct Rows {
    /// `INSERT INTO t (a, b) VALUES `
    head: &'static str,
    /// ` ON CONFLICT DO NOTHING`, or nothing.
    tail: &'static str,
    columns: usize,
    full: Arc<str>,
    arguments: SqliteArguments,
    waiting: usize,
    inserted: u64,
}

impl Rows {
    /// `head` and `tail` are what stands before and after the rows; each row has `columns` values.
    pub fn new(head: &'static str, columns: usize, tail: &'static str) -> Self {
        let full = statement(head, columns, ROWS, tail).into();
        Self { head, tail, columns, full, arguments: SqliteArguments::default(), waiting: 0, inserted: 0 }
    }

    /// Add the next value of the row.
    pub fn add<'t, T: Encode<'t, Sqlite> + Type<Sqlite>>(&mut self, value: T) -> sqlx::Result<&mut Self> {
        if self.arguments.len() == 0 {
            self.arguments.reserve(ROWS * self.columns, 0);
        }
        self.arguments.add(value).map_err(sqlx::Error::Encode)?;
        Ok(self)
    }

    /// End the row; every few hundred rows are inserted.
    pub async fn end_row(&mut self, db: &mut SqliteConnection) -> sqlx::Result<()> {
        self.waiting += 1;
        if self.waiting < ROWS {
            return Ok(());
        }
        let query = sqlx::query_with(AssertSqlSafe(Arc::clone(&self.full)), std::mem::take(&mut self.arguments));
        self.waiting = 0;
        self.inserted += query.execute(db).await?.rows_affected();
        Ok(())
    }

    /// Insert what is left; the number of rows that were inserted in all.
    pub async fn finish(mut self, db: &mut SqliteConnection) -> sqlx::Result<u64> {
        if self.waiting > 0 {
            let sql = statement(self.head, self.columns, self.waiting, self.tail);
            let query = sqlx::query_with(AssertSqlSafe(sql), self.arguments).persistent(false);
            self.inserted += query.execute(db).await?.rows_affected();
        }
        Ok(self.inserted)
    }
}

/// Only question marks are put between the two literals: every value is bound.
fn statement(head: &str, columns: usize, rows: usize, tail: &str) -> String {
    let row = format!("({})", vec!["?"; columns].join(","));
    format!("{head}{}{tail}", vec![row.as_str(); rows].join(","))
}
