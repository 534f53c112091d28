//! Figures checked as structures: cells, colours, boxes of text, bytes.

mod check;
mod colour;
mod paper;
mod pdf;
mod robust;
mod shape;
