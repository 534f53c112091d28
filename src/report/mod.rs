//! From evidence to figures and tables, as bytes.
//!
//! [`render`] is the whole of it: observations are joined to cells ([`frame`]), each declared report becomes an
//! [`item`](item::Item) with drawings ([`figure`]) and tables ([`table`]), and those become files, one of them
//! the [`page`](mod@page) with everything. Nothing here reads or
//! writes anything, and the same evidence gives the same bytes.

mod anchors;
mod automatic;
pub(crate) mod conclusions;
mod document;
pub mod figure;
pub mod frame;
pub mod item;
mod macros;
pub mod page;
pub mod printed;
mod render;
mod selection;
pub mod table;

#[cfg(test)]
mod tests;
#[cfg(test)]
pub(crate) mod world;

pub use render::{File, Page, Rendering, Summary, has_page, page, render};
pub use selection::{Format, Selection};
