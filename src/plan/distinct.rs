//! Telling rows apart by some of their factors, cheaply: most grids are dense, so a row's position in the product of
//! the levels is an index, not a hash.

use hashbrown::HashMap;

use crate::grid::{LevelIx, Sweep};

/// Numbers distinct projections of rows in the order in which they are met.
pub struct Distinct {
    /// (factor, number of its levels) of the projection; factors with one level tell nothing apart.
    radices: Vec<(usize, u64)>,
    seen: Seen,
    next: u32,
}

enum Seen {
    /// By position in the product.
    Dense(Vec<u32>),
    /// By position in a product that is too large for a table.
    Sparse(HashMap<u128, u32>),
    /// By a digest, when even the position overflows.
    Digest(HashMap<[u8; 16], u32>),
}

const UNSEEN: u32 = u32::MAX;

impl Distinct {
    /// Rows that agree on `factors` are one; about `rows` will come.
    pub fn new(sweep: &Sweep, factors: &[usize], rows: usize) -> Self {
        let radices: Vec<(usize, u64)> = factors
            .iter()
            .map(|&factor| (factor, sweep.factors[factor].levels.len() as u64))
            .filter(|(_, levels)| *levels > 1)
            .collect();
        let size = radices.iter().try_fold(1_u128, |size, (_, levels)| size.checked_mul(u128::from(*levels)));
        let most = rows.saturating_mul(4).saturating_add(1024);
        let seen = match size {
            Some(size) if size <= most as u128 => Seen::Dense(vec![UNSEEN; usize::try_from(size).unwrap_or(most)]),
            Some(_) => Seen::Sparse(HashMap::new()),
            None => Seen::Digest(HashMap::new()),
        };
        Self { radices, seen, next: 0 }
    }

    /// The number of the row's projection, and whether it is met for the first time.
    pub fn number(&mut self, row: &[LevelIx]) -> (u32, bool) {
        let slot = match &mut self.seen {
            Seen::Dense(table) => {
                let at = self.radices.iter().fold(0, |at, &(factor, levels)| at * levels + u64::from(row[factor]));
                &mut table[usize::try_from(at).unwrap_or(usize::MAX)]
            }
            Seen::Sparse(map) => {
                let fold = |at, &(factor, levels): &(usize, u64)| at * u128::from(levels) + u128::from(row[factor]);
                map.entry(self.radices.iter().fold(0, fold)).or_insert(UNSEEN)
            }
            Seen::Digest(map) => map.entry(digest(&self.radices, row)).or_insert(UNSEEN),
        };
        let fresh = *slot == UNSEEN;
        if fresh {
            *slot = self.next;
            self.next += 1;
        }
        (*slot, fresh)
    }
}

fn digest(radices: &[(usize, u64)], row: &[LevelIx]) -> [u8; 16] {
    let mut hasher = blake3::Hasher::new();
    radices.iter().for_each(|&(factor, _)| {
        hasher.update(&row[factor].to_le_bytes());
    });
    let mut short = [0; 16];
    short.copy_from_slice(&hasher.finalize().as_bytes()[..16]);
    short
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;
    use std::path::Path;

    use hashbrown::HashSet;

    use super::*;
    use crate::grid::parse;

    /// A sweep of `factors` factors with `levels` levels each.
    fn sweep(factors: usize, levels: usize) -> Sweep {
        let mut text = "name = \"wide\"\ncommand = [\"x\"]\n[zip]\n".to_owned();
        let list: Vec<String> = (0..levels).map(|level| level.to_string()).collect();
        (0..factors).for_each(|factor| writeln!(text, "f{factor} = [{}]", list.join(", ")).unwrap());
        parse(Path::new("wide.toml"), &text).unwrap()
    }

    /// Rows that look random and repeat.
    fn rows(factors: usize, levels: usize) -> Vec<Vec<LevelIx>> {
        let level = |row: usize, factor: usize| LevelIx::try_from((row % 97) * (factor + 7) * 31 % levels).unwrap();
        (0..1000).map(|row| (0..factors).map(|factor| level(row, factor)).collect()).collect()
    }

    #[test]
    fn rows_are_numbered_alike_however_large_their_product_is() {
        // Dense, sparse (20^9 positions) and by digest (20^40 overflows 128 bits).
        for (factors, levels) in [(2, 20), (9, 20), (40, 20)] {
            let sweep = sweep(factors, levels);
            let every: Vec<usize> = (0..factors).collect();
            let rows = rows(factors, levels);
            let mut distinct = Distinct::new(&sweep, &every, rows.len());
            let mut known: HashMap<Vec<LevelIx>, u32> = HashMap::new();
            for row in &rows {
                let next = u32::try_from(known.len()).unwrap();
                let fresh = !known.contains_key(row);
                let number = *known.entry(row.clone()).or_insert(next);
                assert_eq!(distinct.number(row), (number, fresh), "{factors} factors");
            }
        }
    }

    #[test]
    fn only_the_chosen_factors_tell_rows_apart() {
        let sweep = sweep(3, 20);
        let rows = rows(3, 20);
        let mut distinct = Distinct::new(&sweep, &[1], rows.len());
        let numbers: HashSet<u32> = rows.iter().map(|row| distinct.number(row).0).collect();
        assert_eq!(numbers.len(), rows.iter().map(|row| row[1]).collect::<HashSet<_>>().len());
    }
}
