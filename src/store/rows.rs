//! Digests and the integer keys that stand for them in the database.

use hashbrown::HashMap;
use sqlx::{AssertSqlSafe, SqliteConnection};

use super::plans::decode;
use super::scan::scan;

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
pub(super) async fn known_ids(db: &mut SqliteConnection, table: Table, digests: &[[u8; 16]]) -> sqlx::Result<Ids> {
    let rows = last_id(db, table).await?;
    if rows == 0 {
        return Ok(Ids::new());
    }
    if usize::try_from(rows).unwrap_or(usize::MAX) / SCAN_ADVANTAGE < digests.len() {
        let mut ids = Ids::with_capacity(digests.len());
        scan(db, table.scan, |row| {
            ids.insert(row.get(1)?, row.get(0)?);
            Ok(())
        })
        .await?;
        return Ok(ids);
    }
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

/// Ids for digests: those that the table has, and new ones in order of digest.
///
/// In that order both the table and its index grow at their ends (measured: random order takes four times as long).
#[derive(Debug)]
pub(super) struct Numbered {
    /// Id of every digest, by its position.
    pub ids: Vec<i64>,
    /// Positions of those that the table does not have, in order of digest and of id.
    pub new: Vec<u32>,
}

/// Give every digest its id.
pub(super) fn number(digests: &[[u8; 16]], known: &Ids, last: i64) -> Numbered {
    let mut ids: Vec<i64> = digests.iter().map(|digest| known.get(digest).copied().unwrap_or(0)).collect();
    let unknown = (0_u32..).zip(&ids).zip(digests).filter(|((_, id), _)| **id == 0);
    // The first 64 bits decide: sorting these instead of looking digests up is three times as fast.
    let mut keys: Vec<(u64, u32)> = unknown.map(|((position, _), digest)| (first_bits(digest), position)).collect();
    keys.sort_unstable();
    let new: Vec<u32> = keys.into_iter().map(|(_, position)| position).collect();
    for (&position, id) in new.iter().zip(last + 1..) {
        ids[position as usize] = id;
    }
    Numbered { ids, new }
}

fn first_bits(digest: &[u8; 16]) -> u64 {
    let [a, b, c, d, e, f, g, h, ..] = *digest;
    u64::from_be_bytes([a, b, c, d, e, f, g, h])
}
