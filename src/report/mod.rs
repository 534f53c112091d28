//! From evidence to figures and tables, as bytes.

pub mod figure;
pub mod frame;
