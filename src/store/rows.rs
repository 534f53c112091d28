//! Digests and the integer keys that stand for them in the database.

use hashbrown::HashMap;
use sqlx::{AssertSqlSafe, SqliteConnection};

use super::plans::decode;

/// A table whose rows have a digest.
#[derive(Debug, Clone, Copy)]
pub(super) struct Table {
    pub count: &'static str,
    pub scan: &'static str,
    /// Ends before the list of digests.
    pub lookup: &'static str,
}

pub(super) const RUNS: Table = Table {
    count: "SELECT coalesce(max(id), 0) FROM run",
    scan: "SELECT id, digest FROM run",
    lookup: "SELECT id, digest FROM run WHERE digest IN ",
};
pub(super) const TASKS: Table = Table {
    count: "SELECT coalesce(max(id), 0) FROM task",
    scan: "SELECT id, digest FROM task",
    lookup: "SELECT id, digest FROM task WHERE digest IN ",
};

/// Digests in a lookup statement.
const LOOKUP: usize = 500;
/// Reading a row in passing costs about a quarter of looking one up.
const SCAN_ADVANTAGE: usize = 4;

pub(super) type Ids = HashMap<[u8; 16], i64>;

/// The largest id of the table; 0 if it is empty.
pub(super) async fn last_id(db: &mut SqliteConnection, table: Table) -> sqlx::Result<i64> {
    sqlx::query_scalar(table.count).fetch_one(db).await
}

/// The ids of those `digests` that the table holds; it may return others as well.
pub(super) async fn known_ids(
    db: &mut SqliteConnection,
    table: Table,
    digests: impl ExactSizeIterator<Item = [u8; 16]>,
) -> sqlx::Result<Ids> {
    let rows = last_id(db, table).await?;
    if rows == 0 {
        return Ok(Ids::new());
    }
    if usize::try_from(rows).unwrap_or(usize::MAX) / SCAN_ADVANTAGE < digests.len() {
        let found = sqlx::query_as(table.scan).fetch_all(db).await?;
        return collect(found);
    }
    let digests: Vec<[u8; 16]> = digests.collect();
    let mut ids = Ids::with_capacity(digests.len());
    for chunk in digests.chunks(LOOKUP) {
        let sql = format!("{}({})", table.lookup, vec!["?"; chunk.len()].join(","));
        let query = chunk.iter().fold(sqlx::query_as(AssertSqlSafe(sql)), |query, digest| query.bind(&digest[..]));
        ids.extend(collect(query.fetch_all(&mut *db).await?)?);
    }
    Ok(ids)
}

fn collect(rows: Vec<(i64, Vec<u8>)>) -> sqlx::Result<Ids> {
    rows.into_iter()
        .map(|(id, digest)| Ok((<[u8; 16]>::try_from(digest).map_err(|_| decode("a digest of 16 bytes"))?, id)))
        .collect()
}

/// Numbers for rows that are not in the table yet: `order` holds the positions of those in order of their digest, and
/// they get the ids after `last` in that order. Both the table and its index then grow at their end.
pub(super) struct Numbered {
    /// Id of every digest, by its position.
    pub ids: Vec<i64>,
    /// Positions of new rows, in order of digest and of id.
    pub order: Vec<u32>,
}

/// Give every digest its id.
pub(super) fn number(digests: &[[u8; 16]], known: &Ids, last: i64) -> Numbered {
    let mut ids: Vec<i64> = digests.iter().map(|digest| known.get(digest).copied().unwrap_or(0)).collect();
    let mut order: Vec<u32> = (0..).zip(&ids).filter(|&(_, &id)| id == 0).map(|(position, _)| position).collect();
    order.sort_unstable_by_key(|&position| digests[position as usize]);
    for (&position, id) in order.iter().zip(last + 1..) {
        ids[position as usize] = id;
    }
    Numbered { ids, order }
}
