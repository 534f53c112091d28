//! What a file says of itself at its end: columns, and where their pages are.

use std::fs::File;
use std::os::unix::fs::FileExt;

use super::thrift::Struct;

const MARK: &[u8; 4] = b"PAR1";

/// A column of single values: the end of a path through groups.
#[derive(Debug, Clone)]
pub struct Leaf {
    path: Vec<String>,
    pub kind: Kind,
    /// Level of a value that is there, of a value that may be missing, and of a list's entry.
    pub deepest: u32,
    /// From this level on the group that it is in is there.
    pub grouped: u32,
    /// From this level on there is an entry in the list that it is in; 0 where there is no list.
    pub listed: u32,
    /// Lists within lists.
    pub repeated: u32,
}

impl Leaf {
    /// The name of the column that it belongs to.
    pub fn column(&self) -> &str {
        self.path.first().map_or("", String::as_str)
    }

    /// Its own name.
    pub fn name(&self) -> &str {
        self.path.last().map_or("", String::as_str)
    }

    pub const fn repeats(&self) -> bool {
        self.repeated > 0
    }
}

/// How single values are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Bool,
    Int32,
    Int64,
    Float,
    Double,
    Bytes,
    /// Times and decimals, which no benchmark has in a column that is read.
    Other,
}

/// How pages are packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Codec {
    Plain,
    Snappy,
    Gzip,
}

/// The pages of a leaf in one group of rows.
#[derive(Debug, Clone, Copy)]
pub struct Chunk {
    pub codec: Codec,
    pub values: usize,
    /// First byte, and the first behind it.
    pub begin: u64,
    pub end: u64,
}

/// A group of rows.
#[derive(Debug)]
struct Group {
    rows: usize,
    /// Of each leaf.
    chunks: Vec<Result<Chunk, String>>,
}

/// The end of a file, read.
#[derive(Debug)]
pub struct Footer {
    pub leaves: Vec<Leaf>,
    groups: Vec<Group>,
}

impl Footer {
    /// Read the end of a file.
    ///
    /// # Errors
    /// It is no Parquet file, or a damaged one.
    pub fn read(file: &File) -> Result<Self, String> {
        let size = file.metadata().map_err(|error| error.to_string())?.len();
        let none = || "it does not end as a Parquet file does: is it whole?".to_owned();
        let mut end = [0; 8];
        file.read_exact_at(&mut end, size.checked_sub(8).ok_or_else(none)?).map_err(|error| error.to_string())?;
        let [a, b, c, d, mark @ ..] = end;
        let length = u64::from(u32::from_le_bytes([a, b, c, d]));
        let begin = (size - 8).checked_sub(length).filter(|_| mark == *MARK).ok_or_else(none)?;
        let mut bytes = vec![0; usize::try_from(length).map_err(|error| error.to_string())?];
        file.read_exact_at(&mut bytes, begin).map_err(|error| error.to_string())?;
        let (said, _) = Struct::read(&bytes).map_err(|_| none())?;
        let elements: Vec<&Struct<'_>> = said.inners(2).collect();
        let mut leaves = Vec::new();
        let (root, mut rest) = elements.split_first().ok_or_else(none)?;
        for _ in 0..root.count(5).unwrap_or(0) {
            rest = walk(rest, &Leaf::root(), &mut leaves).ok_or_else(none)?;
        }
        let group = |group: &Struct<'_>| {
            let chunks: Vec<_> = group.inners(1).map(|chunk| chunk_of(chunk, begin)).collect();
            (chunks.len() == leaves.len()).then(|| group.count(3).map(|rows| Group { rows, chunks })).flatten()
        };
        let groups: Option<Vec<Group>> = said.inners(4).map(group).collect();
        let footer = Self { groups: groups.ok_or_else(none)?, leaves };
        // A row takes a byte at least somewhere: a number beyond the file must not ask for memory.
        if footer.rows() as u64 > size { Err(none()) } else { Ok(footer) }
    }

    pub fn rows(&self) -> usize {
        self.groups.iter().fold(0, |sum, group| sum.saturating_add(group.rows))
    }

    pub const fn groups(&self) -> usize {
        self.groups.len()
    }

    /// How many rows a group has.
    pub fn rows_of(&self, group: usize) -> usize {
        self.groups.get(group).map_or(0, |group| group.rows)
    }

    /// The group that a row of the file is in, and its number there.
    pub fn group(&self, row: u64) -> Option<(usize, usize)> {
        let mut row = usize::try_from(row).ok()?;
        for (number, group) in self.groups.iter().enumerate() {
            match row.checked_sub(group.rows) {
                Some(rest) => row = rest,
                None => return Some((number, row)),
            }
        }
        None
    }

    /// The pages of a leaf in a group.
    ///
    /// # Errors
    /// They are written in a way that is not read here.
    pub fn chunk(&self, leaf: &Leaf, group: usize) -> Result<Chunk, String> {
        let place = self.leaves.iter().position(|known| known.path == leaf.path);
        let chunk = place.and_then(|place| self.groups.get(group)?.chunks.get(place));
        chunk.cloned().unwrap_or_else(|| Err("it has no such column".to_owned()))
    }
}

impl Leaf {
    /// What the walk begins with.
    const fn root() -> Self {
        Self { path: Vec::new(), kind: Kind::Bytes, deepest: 0, grouped: 0, listed: 0, repeated: 0 }
    }
}

/// Go down from the first element, and return what comes behind it.
fn walk<'a, 'b>(elements: &'a [&'b Struct<'b>], above: &Leaf, leaves: &mut Vec<Leaf>) -> Option<&'a [&'b Struct<'b>]> {
    let (element, mut rest) = elements.split_first()?;
    let mut here = above.clone();
    here.path.push(element.text(4)?.to_owned());
    here.grouped = above.deepest;
    match element.int(3)? {
        0 => {}
        1 => here.deepest += 1,
        2 => {
            here.deepest += 1;
            here.repeated += 1;
            here.listed = here.deepest;
        }
        _ => return None,
    }
    let children = element.count(5).unwrap_or(0);
    for _ in 0..children {
        rest = walk(rest, &here, leaves)?;
    }
    if children == 0 {
        here.kind = match element.int(1)? {
            0 => Kind::Bool,
            1 => Kind::Int32,
            2 => Kind::Int64,
            4 => Kind::Float,
            5 => Kind::Double,
            6 => Kind::Bytes,
            _ => Kind::Other,
        };
        leaves.push(here);
    }
    Some(rest)
}

fn chunk_of(chunk: &Struct<'_>, end_of_pages: u64) -> Result<Chunk, String> {
    let damaged = || "what it says of a column is damaged".to_owned();
    let said = chunk.inner(3).ok_or_else(damaged)?;
    let codec = match said.int(4).ok_or_else(damaged)? {
        0 => Codec::Plain,
        1 => Codec::Snappy,
        2 => Codec::Gzip,
        6 => return Err("it is packed by Zstandard, which is not read here: write it again by Snappy".to_owned()),
        other => {
            return Err(format!("it is packed in a way that is not read here ({other}): write it again by Snappy"));
        }
    };
    let place = |number: i16| said.int(number).and_then(|place| u64::try_from(place).ok());
    let data = place(9).ok_or_else(damaged)?;
    // A dictionary comes before the pages that use it.
    let begin = place(11).filter(|place| *place > 0).map_or(data, |dictionary| dictionary.min(data));
    let end = place(7).and_then(|length| begin.checked_add(length)).filter(|end| *end <= end_of_pages);
    Ok(Chunk { codec, values: said.count(5).ok_or_else(damaged)?, begin, end: end.ok_or_else(damaged)? })
}
