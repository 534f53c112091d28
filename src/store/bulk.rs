//! Many rows by few statements, made by one thread while SQLite works in another.
//!
//! sqlx hands each statement to a thread of its own, which costs more than a row; and making the values costs about as
//! much as storing them. So rows travel by the hundred, and the next hundred are made meanwhile.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use sqlx::sqlite::SqliteArguments;
use sqlx::{Arguments, AssertSqlSafe, Encode, Sqlite, SqliteConnection, Type};

/// Rows in a statement: beyond some hundreds nothing is gained, and SQLite takes 32,766 values.
const ROWS: usize = 500;
/// Statements that may wait for SQLite; more would only take memory.
const WAITING: usize = 8;

/// A statement with its values.
pub(super) struct Statement {
    sql: Arc<str>,
    arguments: SqliteArguments,
    /// Whether it comes again, so that SQLite should keep what it made of its text.
    repeats: bool,
}

impl Statement {
    pub async fn execute(self, db: &mut SqliteConnection) -> sqlx::Result<()> {
        let query = sqlx::query_with(AssertSqlSafe(self.sql), self.arguments).persistent(self.repeats);
        query.execute(db).await.map(drop)
    }
}

/// Where statements go.
pub(super) struct Sink(SyncSender<sqlx::Result<Statement>>);

/// A sink, and where its statements come out in the same order.
pub(super) fn pipe() -> (Sink, Receiver<sqlx::Result<Statement>>) {
    let (sender, receiver) = sync_channel(WAITING);
    (Sink(sender), receiver)
}

impl Sink {
    fn send(&self, statement: sqlx::Result<Statement>) {
        // Nobody listens after SQLite's first error, which is the one that gets reported.
        drop(self.0.send(statement));
    }

    /// One statement; its values are added to what is returned, which sends it when it is dropped.
    pub fn statement(&self, sql: &'static str) -> One<'_> {
        One { sink: self, sql, arguments: SqliteArguments::default() }
    }

    /// Rows for one table: `head` and `tail` are what stands before and after them, each has `columns` values.
    pub fn rows(&self, head: &'static str, columns: usize, tail: &'static str) -> Rows<'_> {
        let full = statement(head, columns, ROWS, tail).into();
        Rows { sink: self, head, tail, columns, full, arguments: SqliteArguments::default(), waiting: 0 }
    }
}

/// One statement with its values.
pub(super) struct One<'a> {
    sink: &'a Sink,
    sql: &'static str,
    arguments: SqliteArguments,
}

impl One<'_> {
    /// Add the next value.
    pub fn add<'t, T: Encode<'t, Sqlite> + Type<Sqlite>>(mut self, value: T) -> Self {
        if let Err(error) = self.arguments.add(value) {
            self.sink.send(Err(sqlx::Error::Encode(error)));
        }
        self
    }
}

impl Drop for One<'_> {
    fn drop(&mut self) {
        let arguments = std::mem::take(&mut self.arguments);
        self.sink.send(Ok(Statement { sql: self.sql.into(), arguments, repeats: false }));
    }
}

/// Collects rows for one table and sends them a few hundred at a time; the last ones when it is dropped.
pub(super) struct Rows<'a> {
    sink: &'a Sink,
    /// `INSERT INTO t (a, b) VALUES `
    head: &'static str,
    /// ` ON CONFLICT DO NOTHING`, or nothing.
    tail: &'static str,
    columns: usize,
    full: Arc<str>,
    arguments: SqliteArguments,
    waiting: usize,
}

impl Rows<'_> {
    /// Add the next value of the row.
    pub fn add<'t, T: Encode<'t, Sqlite> + Type<Sqlite>>(&mut self, value: T) -> &mut Self {
        if self.arguments.len() == 0 {
            self.arguments.reserve(ROWS * self.columns, 0);
        }
        if let Err(error) = self.arguments.add(value) {
            self.sink.send(Err(sqlx::Error::Encode(error)));
        }
        self
    }

    /// End the row.
    pub fn end(&mut self) {
        self.waiting += 1;
        if self.waiting == ROWS {
            self.waiting = 0;
            let arguments = std::mem::take(&mut self.arguments);
            self.sink.send(Ok(Statement { sql: Arc::clone(&self.full), arguments, repeats: true }));
        }
    }
}

impl Drop for Rows<'_> {
    fn drop(&mut self) {
        if self.waiting > 0 {
            let sql = statement(self.head, self.columns, self.waiting, self.tail).into();
            let arguments = std::mem::take(&mut self.arguments);
            self.sink.send(Ok(Statement { sql, arguments, repeats: false }));
        }
    }
}

/// Only question marks are put between the two literals: every value is bound.
fn statement(head: &str, columns: usize, rows: usize, tail: &str) -> String {
    let row = format!("({})", vec!["?"; columns].join(","));
    format!("{head}{}{tail}", vec![row.as_str(); rows].join(","))
}
