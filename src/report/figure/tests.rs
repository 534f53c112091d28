//! Figures checked as structures: cells, colours, boxes of text, bytes.

mod check;
mod paper;
