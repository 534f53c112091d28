//! Parquet, as Hugging Face's `datasets` writes it: a picture is a group of `bytes` and `path`, or a list of such groups.
//!
//! Of the format (github.com/apache/parquet-format) this is the part that pyarrow writes unless told otherwise: plain and
//! dictionary values, pages of both versions, packed by Snappy, gzip or not at all; anything else is refused by name. The
//! reference crate takes over a minute to compile, and its features would compile the orchestrator's dependencies anew.

mod column;
mod footer;
mod page;
mod read;
mod thrift;

pub use read::{Columns, rows};
