//! Parquet, as Hugging Face's `datasets` writes it: a picture is a group of `bytes` and `path`, or a list of such groups.
//!
//! Of the format (github.com/apache/parquet-format) this is the part that pyarrow writes unless told otherwise: plain and
//! dictionary values, pages of both versions, packed by Snappy, gzip or not at all; anything else is refused by name. Apart
//! from this form nothing is needed, and the reference crate brings features of crates that the orchestrator uses as well.

mod column;
mod footer;
mod page;
mod read;
mod thrift;

pub use read::{Columns, rows};
