//! The pages of a column, one after the other.

use std::fs::File;
use std::os::unix::fs::FileExt;

use super::footer::{Chunk, Footer, Leaf};
use super::page::{self, Header, Page, PageKind, Scalar};
use super::thrift::{Broken, Struct};

/// Bytes that are read for a page's header, first and last: it may hold the least and largest of the values.
const HEADER: u64 = 4 << 10;
const LARGEST_HEADER: u64 = 64 << 20;

/// A column of all rows of a file.
pub struct Column {
    repeats: Vec<u32>,
    levels: Vec<u32>,
    values: Vec<Scalar>,
    deepest: u32,
}

/// An entry of a row: one, or as many as its list has.
#[derive(Debug, Clone, Copy)]
pub struct Entry<'a> {
    pub level: u32,
    pub value: Option<&'a Scalar>,
}

impl Column {
    pub fn of(file: &File, footer: &Footer, leaf: &Leaf) -> Result<Self, String> {
        let mut all = Page::default();
        for group in 0..footer.groups() {
            let mut pages = Pages::of(footer, leaf, group)?;
            let before = all.repeats.len();
            while let Some(page) = pages.next(file, leaf)? {
                all.repeats.extend(page.repeats);
                all.levels.extend(page.levels);
                all.values.extend(page.values);
            }
            let rows = all.repeats[before..].iter().filter(|&&repeat| repeat == 0).count();
            if rows != footer.rows_of(group) {
                return Err(format!("column `{}` has {rows} rows of {}", leaf.column(), footer.rows_of(group)));
            }
        }
        Ok(Self { repeats: all.repeats, levels: all.levels, values: all.values, deepest: leaf.deepest })
    }

    /// The entries of each row.
    pub fn rows(&self) -> impl Iterator<Item = impl Iterator<Item = Entry<'_>>> {
        let begins = self.repeats.iter().enumerate().filter(|(_, repeat)| **repeat == 0).map(|(at, _)| at);
        let ends = begins.clone().skip(1).chain(std::iter::once(self.repeats.len()));
        let mut next = 0;
        begins.zip(ends).map(move |(begin, end)| {
            let first = next;
            next += self.levels[begin..end].iter().filter(|&&level| level == self.deepest).count();
            let mut values = self.values[first..next].iter();
            self.levels[begin..end].iter().map(move |&level| {
                let value = if level == self.deepest { values.next() } else { None };
                Entry { level, value }
            })
        })
    }
}

/// Pages of a leaf in one group of rows, read one after the other.
pub struct Pages {
    chunk: Chunk,
    /// Where the next page begins, and entries that are left from there on.
    at: u64,
    left: usize,
    dictionary: Vec<Scalar>,
    /// The last page, and the number of its first row in the group.
    page: Page,
    first: usize,
}

impl Pages {
    pub fn of(footer: &Footer, leaf: &Leaf, group: usize) -> Result<Self, String> {
        let chunk = footer.chunk(leaf, group)?;
        let (dictionary, page) = (Vec::new(), Page::default());
        Ok(Self { chunk, at: chunk.begin, left: chunk.values, dictionary, page, first: 0 })
    }

    /// The first row that can still be had.
    pub const fn first(&self) -> usize {
        self.first
    }

    /// The next page of data.
    fn next(&mut self, file: &File, leaf: &Leaf) -> Result<Option<Page>, String> {
        while self.left > 0 {
            let header = self.header(file)?;
            let bytes = self.take(file, header)?;
            match header.kind {
                PageKind::Dictionary => self.dictionary = page::dictionary(header, bytes, &self.chunk, leaf.kind)?,
                PageKind::Other => {}
                PageKind::Data => {
                    self.left = self.left.checked_sub(header.entries).ok_or("it has more values than it says")?;
                    return page::data(header, bytes, (&self.chunk, leaf), &self.dictionary).map(Some);
                }
            }
        }
        Ok(None)
    }

    /// The first value of a row of the group, not before [`Pages::first`].
    pub fn record(&mut self, file: &File, leaf: &Leaf, row: usize) -> Result<Option<Scalar>, String> {
        loop {
            let begins = self.page.repeats.iter().enumerate().filter(|(_, repeat)| **repeat == 0);
            if let Some((at, _)) = begins.clone().nth(row - self.first) {
                let before = self.page.levels[..at].iter().filter(|&&level| level == leaf.deepest).count();
                let is_there = self.page.levels[at] == leaf.deepest;
                return Ok(self.page.values.get(before).filter(|_| is_there).cloned());
            }
            self.first += begins.count();
            self.page = self.next(file, leaf)?.ok_or("its pages end before its rows do")?;
        }
    }

    /// Read the header of the page that comes next, and go behind it.
    fn header(&mut self, file: &File) -> Result<Header, String> {
        let mut window = HEADER;
        loop {
            let there = self.chunk.end.saturating_sub(self.at);
            let mut bytes = vec![0; usize::try_from(window.min(there)).map_err(|error| error.to_string())?];
            file.read_exact_at(&mut bytes, self.at).map_err(|error| error.to_string())?;
            match Struct::read(&bytes) {
                Ok((said, length)) => {
                    self.at += length as u64;
                    let other = "a page is damaged, or written in a way that is not read here";
                    return Header::of(&said).ok_or_else(|| other.to_owned());
                }
                Err(Broken::Short) if window < there.min(LARGEST_HEADER) => window *= 16,
                Err(_) => return Err("the header of a page is damaged".to_owned()),
            }
        }
    }

    /// Read what the page has, and go behind it.
    fn take(&mut self, file: &File, header: Header) -> Result<Vec<u8>, String> {
        let end = self.at.checked_add(header.packed as u64).filter(|end| *end <= self.chunk.end);
        let end = end.ok_or("a page is longer than its column")?;
        let mut bytes = vec![0; header.packed];
        file.read_exact_at(&mut bytes, self.at).map_err(|error| error.to_string())?;
        self.at = end;
        Ok(bytes)
    }
}
