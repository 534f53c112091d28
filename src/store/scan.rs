//! Reading very many rows.
//!
//! sqlx copies each value of a row and hands the row from thread to thread, several microseconds each: ten seconds for the
//! scores of a hundred thousand runs. Here SQLite is stepped directly, on the connection that sqlx holds: half a
//! microsecond a row. Everything that is not read by the million goes through sqlx alone.

use rusqlite::{Connection, Row};
use sqlx::SqliteConnection;

/// Give `each` the rows that `sql` selects, in order.
///
/// # Errors
/// SQLite fails, or a value is not what `each` takes it for.
pub(super) async fn scan(
    db: &mut SqliteConnection,
    sql: &'static str,
    each: impl FnMut(&Row<'_>) -> rusqlite::Result<()>,
) -> sqlx::Result<()> {
    let mut locked = db.lock_handle().await?;
    let handle = locked.as_raw_handle();
    #[expect(
        unsafe_code,
        reason = "the handle is alive and ours alone while it is locked, and nothing outlives `step`"
    )]
    let connection = unsafe { Connection::from_handle(handle.as_ptr()) };
    connection.and_then(|connection| step(&connection, sql, each)).map_err(|error| sqlx::Error::Decode(error.into()))
}

fn step(
    connection: &Connection,
    sql: &'static str,
    mut each: impl FnMut(&Row<'_>) -> rusqlite::Result<()>,
) -> rusqlite::Result<()> {
    let mut statement = connection.prepare(sql)?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        each(row)?;
    }
    Ok(())
}

/// SQLite's result code, where [`scan`] failed with one.
pub(super) fn code_of(error: &sqlx::Error) -> Option<u32> {
    let sqlx::Error::Decode(error) = error else { return None };
    error.downcast_ref::<rusqlite::Error>()?.sqlite_error().map(|error| error.extended_code.cast_unsigned())
}
