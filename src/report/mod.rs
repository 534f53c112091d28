//! From evidence to figures and tables, as bytes.

pub mod frame;
