//! PDF files taken apart: text that can be searched, the font within, pages that readers open.

use std::io::Read;

use flate2::read::ZlibDecoder;

use super::super::colour::Rgb;
use super::super::pdf::glyph;
use super::super::scene::{Drawing, Rect, Shape};
use super::super::text;
use super::paper::figure_7;

/// The packed streams of a file, unpacked: the shapes, then the font.
fn streams(pdf: &[u8]) -> Vec<Vec<u8>> {
    let find = |needle: &[u8], from: usize| {
        pdf.get(from..)?.windows(needle.len()).position(|window| window == needle).map(|at| from + at)
    };
    let mut out = Vec::new();
    let mut from = 0;
    while let Some(start) = find(b"/FlateDecode", from).and_then(|at| find(b"stream\n", at)) {
        let end = find(b"endstream", start).unwrap();
        let mut bytes = Vec::new();
        ZlibDecoder::new(&pdf[start + 7..end]).read_to_end(&mut bytes).unwrap();
        out.push(bytes);
        from = end;
    }
    out
}

#[test]
fn the_same_drawing_gives_the_same_bytes() {
    assert_eq!(figure_7().draw().pdf(), figure_7().draw().pdf());
}

#[test]
fn every_text_is_text_in_the_embedded_font() {
    let drawing = figure_7().draw();
    let pdf = drawing.pdf();
    assert!(pdf.starts_with(b"%PDF-1."));
    let streams = streams(&pdf);
    assert_eq!(streams.len(), 2);
    assert_eq!(streams[1], text::FONT);
    let shapes = String::from_utf8_lossy(&streams[0]).into_owned();
    let texts = drawing.shapes.iter().filter(|shape| matches!(shape, Shape::Text(_))).count();
    assert_eq!(shapes.split_whitespace().filter(|word| *word == "BT").count(), texts);
    // Whoever searches or copies gets the characters back.
    let names = String::from_utf8_lossy(&pdf).into_owned();
    let used: std::collections::BTreeSet<char> = drawing
        .shapes
        .iter()
        .filter_map(|shape| if let Shape::Text(text) = shape { Some(text.content.chars()) } else { None })
        .flatten()
        .collect();
    for character in used {
        let entry = format!("<{:04X}> <{:04X}>", glyph(character).0, u32::from(character));
        assert!(names.contains(&entry), "{character}: {entry}");
    }
}

#[test]
fn a_sheet_that_no_reader_opens_is_made_smaller() {
    let mut drawing = Drawing::default();
    drawing.rect(Rect::new(0.0, 0.0, 100.0, 50_000.0), Rgb(0, 0, 0));
    let pdf = String::from_utf8_lossy(&drawing.pdf()).into_owned();
    assert!(pdf.contains("14400]"), "{pdf}");
}
