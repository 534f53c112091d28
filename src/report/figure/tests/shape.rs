//! What the figures are made of: one box a cell, darkness by direction, holes drawn apart, ticks where they belong.

use resvg::usvg;

use super::super::scene::{Drawing, Rect, Shape};
use super::super::*;
use super::check;
use super::paper::{figure_2, figure_7, figure_8};
use crate::metric::Direction;

fn boxes(drawing: &Drawing) -> Vec<(Rect, colour::Rgb)> {
    let pick = |shape: &Shape| if let Shape::Rect { area, fill } = shape { Some((*area, *fill)) } else { None };
    drawing.shapes.iter().filter_map(pick).collect()
}

fn one_panel(direction: Option<Direction>, cells: Vec<CellValue>, columns: usize) -> Heatmap {
    let ticks = |count: usize| (0..count).map(|tick| tick.to_string()).collect();
    let rows = cells.len() / columns;
    Heatmap {
        x: Axis { label: "x".to_owned(), ticks: ticks(columns) },
        y: Axis { label: "y".to_owned(), ticks: ticks(rows) },
        panels: vec![HeatmapPanel {
            title: "m".to_owned(),
            unit: String::new(),
            direction,
            hue: Hue::Blue,
            decimals: 1,
            cells,
        }],
        ..Heatmap::default()
    }
}

fn values(values: &[f64]) -> Vec<CellValue> {
    values.iter().map(|&value| CellValue::Value(Measured::single(value))).collect()
}

/// The boxes of the cells, the largest boxes of the drawing, in reading order.
fn cells(drawing: &Drawing) -> Vec<(Rect, colour::Rgb)> {
    let largest = boxes(drawing).iter().map(|(area, _)| area.width() * area.height()).fold(0.0, f64::max);
    boxes(drawing).into_iter().filter(|(area, _)| area.width() * area.height() > largest * 0.99).collect()
}

#[test]
fn a_heatmap_has_one_box_a_cell() {
    assert_eq!(cells(&figure_7().draw()).len(), 3 * 18);
}

#[test]
fn darker_is_better_whichever_way_the_metric_points() {
    let numbers = [3.0, -1.0, 7.5, 2.0, 100.0, 0.0];
    for (direction, sign) in [(Some(Direction::Maximize), 1.0), (Some(Direction::Minimize), -1.0), (None, 1.0)] {
        let drawing = one_panel(direction, values(&numbers), 3).draw();
        let mut seen: Vec<(f64, f64)> =
            cells(&drawing).iter().zip(numbers).map(|((_, fill), value)| (value * sign, fill.luminance())).collect();
        seen.sort_by(|a, b| a.0.total_cmp(&b.0));
        assert!(seen.windows(2).all(|pair| pair[1].1 < pair[0].1), "{direction:?}: {seen:?}");
    }
}

#[test]
fn the_colour_bar_runs_like_the_cells() {
    for (direction, dark_on_top) in [(Direction::Maximize, true), (Direction::Minimize, false)] {
        let drawing = one_panel(Some(direction), values(&[1.0, 2.0, 3.0, 4.0]), 2).draw();
        let cells = cells(&drawing);
        let right = cells.iter().map(|(area, _)| area.right).fold(0.0, f64::max);
        let mut bar: Vec<(Rect, colour::Rgb)> =
            boxes(&drawing).into_iter().filter(|(area, _)| area.left > right).collect();
        bar.sort_by(|a, b| a.0.top.total_cmp(&b.0.top));
        let (top, bottom) = (bar.first().unwrap().1.luminance(), bar.last().unwrap().1.luminance());
        assert_eq!(top < bottom, dark_on_top, "{direction:?}");
    }
}

#[test]
fn holes_are_drawn_apart_and_explained() {
    let shapes = |cell: CellValue| {
        let plain = one_panel(None, values(&[1.0, 2.0]), 2).draw();
        let drawing = one_panel(None, vec![values(&[1.0])[0], cell], 2).draw();
        let words: Vec<String> = check::texts(&drawing).iter().map(|text| text.content.clone()).collect();
        let lines =
            |drawing: &Drawing| drawing.shapes.iter().filter(|shape| matches!(shape, Shape::Path { .. })).count();
        (lines(&drawing).abs_diff(lines(&plain)), words)
    };
    let kinds = [
        (CellValue::Missing, "not run yet"),
        (CellValue::Failed, "failed"),
        (CellValue::NotApplicable, "not applicable"),
        (CellValue::Value(Measured::single(f64::NAN)), "not a finite number"),
        (CellValue::Partial(Measured::single(2.0)), "some seeds are missing"),
        (CellValue::Value(Measured { disputed: true, ..Measured::single(2.0) }), "sources give different values"),
    ];
    for (cell, meaning) in kinds {
        let (_, words) = shapes(cell);
        for (_, other) in kinds {
            assert_eq!(words.iter().any(|word| word == other), other == meaning, "{cell:?} and `{other}`");
        }
    }
    let strokes: Vec<usize> = kinds[..3].iter().map(|(cell, _)| shapes(*cell).0).collect();
    assert!(strokes[0] > strokes[1] && strokes[1] > strokes[2] && strokes[2] > 0, "{strokes:?}");
}

#[test]
fn cells_beyond_the_end_are_missing() {
    let mut heatmap = one_panel(None, values(&[1.0, 2.0, 3.0, 4.0]), 2);
    heatmap.panels[0].cells.truncate(3);
    assert!(check::texts(&heatmap.draw()).iter().any(|text| text.content == "not run yet"));
}

#[test]
fn a_cell_prints_value_dagger_spread_and_differing_seeds() {
    let measured = |n, disputed| CellValue::Value(Measured { value: -18.24, disputed, spread: Some(0.31), n });
    let words = |cells: Vec<CellValue>| -> Vec<String> {
        check::texts(&one_panel(None, cells, 2).draw()).iter().map(|text| text.content.clone()).collect()
    };
    let alike = words(vec![measured(3, true), measured(3, false)]);
    assert!(alike.contains(&"−18.2†".to_owned()) && alike.contains(&"±0.3".to_owned()), "{alike:?}");
    assert!(
        !alike.iter().any(|word| word.starts_with("n=")) && alike.iter().any(|word| word.contains("over 3 seeds")),
        "{alike:?}"
    );
    let differing = words(vec![measured(3, false), measured(2, false)]);
    assert!(differing.contains(&"n=3".to_owned()) && differing.contains(&"n=2".to_owned()), "{differing:?}");
}

#[test]
fn a_correlation_has_a_star_a_point_and_prints_each_title_once() {
    let drawing = figure_8(1).draw();
    let stars = drawing.shapes.iter().filter(|shape| matches!(shape, Shape::Polygon { .. })).count();
    assert_eq!(stars, 2 * 9 * 18 + 5);
    let titles = check::texts(&drawing).iter().filter(|text| text.content == "MMVP").count();
    assert_eq!(titles, 1);
}

#[test]
fn a_hundred_thousand_points_become_few_shapes() {
    let points: Vec<(f64, f64)> = (0..100_000_u32)
        .map(f64::from)
        .map(|i| ((i * 0.618_034).fract() + (i * 0.414_214).fract(), (i * 0.754_878).fract() + (i * 0.618_034).fract()))
        .collect();
    let panel = CorrelationPanel { points, ..CorrelationPanel::default() };
    let row = CorrelationRow { x_label: String::new(), panels: vec![panel] };
    let drawing = Correlation { rows: vec![row], ..Correlation::default() }.draw();
    check::keep("hexagons", &drawing);
    assert!(drawing.shapes.len() < 5_000, "{} shapes", drawing.shapes.len());
    assert!(check::texts(&drawing).iter().any(|text| text.content.contains("hexagons")));
    let series = Series {
        label: String::new(),
        points: (0..100_000)
            .map(|i| ScalingPoint { x: f64::from(i), y: f64::from(i % 97), ..ScalingPoint::default() })
            .collect(),
    };
    let svg = Scaling { series: vec![series], ..Scaling::default() }.draw().svg().unwrap();
    assert!(svg.len() < 100_000, "{} bytes", svg.len());
}

#[test]
fn hexagons_lose_no_point() {
    let points: Vec<scene::Point> = (0..5_000_u32).map(|i| scene::at(f64::from(i % 83), f64::from(i % 41))).collect();
    let mut drawing = Drawing::default();
    let most = hexbin::draw(&mut drawing, &points, colour::Rgb::INK);
    assert!(drawing.shapes.len() * most >= points.len());
    assert!(drawing.shapes.len() < points.len() / 4);
}

#[test]
fn logarithmic_ticks_are_powers_of_ten() {
    let words: Vec<String> = check::texts(&figure_2().draw()).iter().map(|text| text.content.clone()).collect();
    for tick in ["1k", "10k", "100k", "1M"] {
        assert!(words.iter().any(|word| word == tick), "{tick} is not in {words:?}");
    }
}

#[test]
fn points_that_an_axis_cannot_show_are_counted() {
    let point = |x, y| ScalingPoint { x, y, ..ScalingPoint::default() };
    let series = Series {
        label: "s".to_owned(),
        points: vec![point(0.0, 1.0), point(10.0, f64::NAN), point(10.0, 3.0), point(100.0, 4.0)],
    };
    let drawing = Scaling { x: Quantity::log("x"), series: vec![series], ..Scaling::default() }.draw();
    assert!(check::texts(&drawing).iter().any(|text| text.content.starts_with("2 points have no place")));
}

#[test]
fn bars_grow_from_zero_in_both_directions() {
    let bar = |category, value| Bar { category, series: category, value, spread: Some(0.4) };
    let panel = BarPanel {
        categories: vec!["a".to_owned(), "b".to_owned(), "none".to_owned()],
        bars: vec![bar(0, 2.0), bar(1, -1.0)],
        ..BarPanel::default()
    };
    let drawing = Bars { panels: vec![panel], ..Bars::default() }.draw();
    check::keep("bars", &drawing);
    let [(up, _), (down, _)] = boxes(&drawing)[..] else { panic!("two bars") };
    assert!((up.bottom - down.top).abs() < 1e-9);
    assert!((up.height() - 2.0 * down.height()).abs() < 1e-9);
}

/// usvg lays text out by itself: an independent measure of what a reader sees.
#[test]
fn text_is_as_wide_as_measured_and_on_the_page() {
    for drawing in [figure_7().draw(), figure_8(3).draw(), figure_2().draw()] {
        text_is_where_it_was_put(&drawing);
    }
}

fn text_is_where_it_was_put(drawing: &Drawing) {
    let mut fonts = usvg::fontdb::Database::new();
    fonts.load_font_data(text::FONT.to_vec());
    let options = usvg::Options { fontdb: std::sync::Arc::new(fonts), ..usvg::Options::default() };
    let tree = usvg::Tree::from_str(&drawing.svg().unwrap(), &options).unwrap();
    let mut laid_out = Vec::new();
    collect(tree.root(), &mut laid_out);
    let texts = check::texts(drawing);
    assert_eq!(laid_out.len(), texts.len());
    let page = tree.size();
    for (text, (content, bounds)) in texts.into_iter().zip(laid_out) {
        assert_eq!(text.content, content);
        let inside = bounds.left() >= 0.0
            && bounds.top() >= 0.0
            && bounds.right() <= page.width()
            && bounds.bottom() <= page.height();
        assert!(inside, "`{content}` is cut: {bounds:?}");
        let points = 72.0 / 96.0;
        let seen = f64::from(if text.upward { bounds.height() } else { bounds.width() }) * points;
        let measured = text::width(&text.content, text.size);
        assert!((measured - seen).abs() < 0.03 * measured + 0.5, "`{content}` measures {measured:.2}, seen {seen:.2}");
    }
}

fn collect(group: &usvg::Group, into: &mut Vec<(String, usvg::Rect)>) {
    for node in group.children() {
        match node {
            usvg::Node::Group(group) => collect(group, into),
            usvg::Node::Text(text) => {
                let content = text.chunks().iter().map(|chunk| chunk.text().trim().to_owned()).collect();
                into.push((content, text.abs_bounding_box()));
            }
            usvg::Node::Path(_) | usvg::Node::Image(_) => {}
        }
    }
}

#[test]
fn a_png_is_white_to_its_edges() {
    for dpi in [96.0, 150.0, 200.0, 300.0] {
        let png = figure_7().draw().png(dpi).unwrap();
        let mut reader = ::png::Decoder::new(std::io::Cursor::new(png)).read_info().unwrap();
        let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
        let info = reader.next_frame(&mut pixels).unwrap();
        assert_eq!(info.color_type, ::png::ColorType::Rgb);
        let rows: Vec<&[u8]> = pixels.chunks_exact(info.line_size).collect();
        let edges = rows.iter().flat_map(|row| row[..3].iter().chain(&row[row.len() - 3..]));
        let all = edges.chain(rows[0]).chain(rows[rows.len() - 1]);
        assert!(all.into_iter().all(|&part| part == 255), "at {dpi} dpi");
    }
}

#[test]
fn a_png_has_the_size_that_was_asked_for() {
    let png = figure_7().draw().png(300.0).unwrap();
    assert_eq!(&png[..8], b"\x89PNG\r\n\x1a\n");
    let side = |at: usize| u32::from_be_bytes(png[at..at + 4].try_into().unwrap());
    let width = figure_7().draw().bounds().width() + 8.0;
    assert!((f64::from(side(16)) - width / 72.0 * 300.0).abs() < 3.0, "{} pixels", side(16));
}
