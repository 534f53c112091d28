//! A picture of the world for people: two test questions of each kind, with the caption of their scene.
//!
//! `docs/digits.svg` is that picture, and a golden: when it changes, the data of every miniature run change.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::canvas::SIDE;
use super::question::Question;
use super::world::{Scene, Split, World};

const COLUMNS: usize = 4;
/// One scene pixel and one cell, in units of the picture.
const PIXEL: usize = 4;
const CELL: (usize, usize) = (300, 215);
const HEAD: &str = "font-family=\"sans-serif\" font-size=\"15\" text-anchor=\"middle\" fill=\"#222\"";

/// The first two questions of each kind, kind by kind.
fn questions() -> Vec<(Scene, Question)> {
    let world = World::open(Split::Test);
    let mut by_kind: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for (scene, question) in (0..120).map(|id| world.vqa(id)) {
        by_kind.entry((question.group, question.kind.name())).or_default().push((scene, question));
    }
    by_kind.into_values().flat_map(|of_kind| of_kind.into_iter().take(2)).collect()
}

fn sheet(questions: &[(Scene, Question)]) -> String {
    let (width, height) = (COLUMNS * CELL.0, questions.len().div_ceil(COLUMNS) * CELL.1);
    let mut svg = format!("<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" {HEAD}>\n");
    svg += "<rect width=\"100%\" height=\"100%\" fill=\"#fff\" stroke=\"none\"/>\n";
    for (index, (scene, question)) in questions.iter().enumerate() {
        let (left, top) = (index % COLUMNS * CELL.0, index / COLUMNS * CELL.1);
        let image = (CELL.0 - SIDE * PIXEL) / 2;
        let _ = write!(
            svg,
            "<g transform=\"translate({left} {top})\"><g transform=\"translate({image} 8) scale({PIXEL})\">"
        );
        svg += &picture(&scene.pixels);
        svg += "</g>";
        let lines = [&scene.caption, &question.prompt, &question.answer];
        for (line, (text, weight)) in lines.into_iter().zip(["normal", "normal", "bold"]).enumerate() {
            let (x, y) = (CELL.0 / 2, 8 + SIDE * PIXEL + 19 * (line + 1));
            let _ = write!(svg, "<text x=\"{x}\" y=\"{y}\" font-weight=\"{weight}\">{text}</text>");
        }
        svg += "</g>\n";
    }
    svg + "</svg>\n"
}

/// Pixels as horizontal strokes, one path for each of 16 greys.
fn picture(pixels: &[u8]) -> String {
    let mut strokes: BTreeMap<u8, String> = BTreeMap::new();
    for (y, row) in pixels.chunks(SIDE).enumerate() {
        let mut x = 0;
        for run in row.chunk_by(|a, b| a / 16 == b / 16) {
            if run[0] >= 16 {
                let _ = write!(strokes.entry(run[0] / 16).or_default(), "M{x} {y}.5h{}", run.len());
            }
            x += run.len();
        }
    }
    let paths = strokes.iter().map(|(grey, d)| format!("<path stroke=\"#{grey:x}{grey:x}{grey:x}\" d=\"{d}\"/>"));
    format!("<rect width=\"{SIDE}\" height=\"{SIDE}\" fill=\"#000\"/>{}", paths.collect::<String>())
}

#[test]
fn the_picture_in_the_documentation_shows_this_world() {
    let expected = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/digits.svg");
    let actual = sheet(&questions());
    if std::fs::read_to_string(expected).unwrap_or_default() != actual {
        let written = std::env::temp_dir().join("digits.svg");
        std::fs::write(&written, actual).unwrap();
        panic!("the scenes have changed: look at the new picture, then `cp {} {expected}`", written.display());
    }
}
