//! What holds of every figure.

use super::super::page::SMALL;
use super::super::scene::{Drawing, Rect, Shape, Text};

pub(super) fn texts(drawing: &Drawing) -> Vec<&Text> {
    drawing.shapes.iter().filter_map(|shape| if let Shape::Text(text) = shape { Some(text) } else { None }).collect()
}

/// Letters rarely reach the whole of their line's box, so boxes may share a hair.
fn overlap(a: Rect, b: Rect) -> bool {
    let hair = 0.2;
    a.left + hair < b.right && b.left + hair < a.right && a.top + hair < b.bottom && b.top + hair < a.bottom
}

/// No text collides with another or is too small, and every shape has a finite place.
pub(super) fn is_legible(drawing: &Drawing, name: &str) {
    let mut boxes: Vec<(Rect, &Text)> = texts(drawing).into_iter().map(|text| (text.bounds(), text)).collect();
    boxes.sort_by(|a, b| a.0.left.total_cmp(&b.0.left));
    for (index, (a, text)) in boxes.iter().enumerate() {
        assert!(text.size >= SMALL, "{name}: `{}` is set in {} points", text.content, text.size);
        for (b, other) in boxes[index + 1..].iter().take_while(|(b, _)| b.left < a.right) {
            assert!(!overlap(*a, *b), "{name}: `{}` {a:?} collides with `{}` {b:?}", text.content, other.content);
        }
    }
    for bounds in drawing.shapes.iter().filter_map(Shape::bounds) {
        let finite = [bounds.left, bounds.top, bounds.right, bounds.bottom].iter().all(|side| side.is_finite());
        assert!(finite, "{name}: {bounds:?}");
    }
    let page = drawing.bounds();
    assert!(page.width().max(page.height()) < 20_000.0, "{name}: {page:?}");
}

/// Writes the figure where the reader asked for it.
pub(super) fn keep(name: &str, drawing: &Drawing) {
    #[expect(clippy::disallowed_methods, reason = "asks a person running the tests, never the program")]
    let Ok(folder) = std::env::var("SWEEP_FIGURES") else { return };
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(format!("{folder}/{name}.svg"), drawing.svg().unwrap()).unwrap();
    std::fs::write(format!("{folder}/{name}.png"), drawing.png(200.0).unwrap()).unwrap();
}
