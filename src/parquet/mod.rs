//! Writing Parquet: a table of optional numbers and texts as one uncompressed file. Pure.
//!
//! Of the format (github.com/apache/parquet-format, version 1 pages) this is the small part that every reader knows:
//! plain values, one row group, no statistics. A table of scores needs no more, and takes a second to compile where the
//! reference crate takes a minute and polars' own writer would double the build. DuckDB and pyarrow read what comes out:
//! `tests/golden/exchange/check.py`.

mod thrift;
mod write;

pub use write::{Column, Misshapen, Values, write};
