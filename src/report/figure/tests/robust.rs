//! Any size, any number, any words: nothing collides, nothing is cut, nothing becomes markup, the same bytes twice.

use proptest::prelude::*;

use super::super::scene::Drawing;
use super::super::*;
use super::check;
use crate::metric::Direction;

const HOSTILE: [&str; 10] = [
    "<script>alert(1)</script>",
    "]]><image href=\"https://example.org/x.png\"/>",
    "\" onload=\"alert(1)",
    "' xlink:href='javascript:alert(1)",
    "&lt;b&gt; &#x41; &undefined;",
    "a\u{0}b\u{1b}[31mc\u{7f}\u{9b}d\ne\tf\r\u{2028}g",
    "\u{202e}txet desrever\u{202c}\u{fffe}\u{ffff}\u{feff}",
    "漢字 🎉 e\u{301}\u{301}\u{301}",
    "<!-- --><![CDATA[ x ]]><?xml version='1.0'?><!DOCTYPE a>",
    "a title that is so long that it can by no means stand on one line of any figure and has to be wrapped several times, \
     because whoever wrote it put the whole abstract of the paper there, with all of its methods and also its conclusions",
];

/// The SVG is well-formed, holds only the elements that figures are made of, no links, and the words as text.
fn is_safe(drawing: &Drawing) {
    let svg = drawing.svg().unwrap();
    let document = roxmltree::Document::parse(&svg).unwrap_or_else(|error| panic!("{error}\n{svg}"));
    for node in document.descendants() {
        if node.is_text() || node.is_root() {
            continue;
        }
        assert!(node.is_element(), "{node:?}");
        let name = node.tag_name().name();
        assert!(["svg", "title", "rect", "line", "polyline", "polygon", "circle", "text"].contains(&name), "<{name}>");
        for attribute in node.attributes() {
            let known = [
                "role",
                "width",
                "height",
                "viewBox",
                "x",
                "y",
                "x1",
                "y1",
                "x2",
                "y2",
                "cx",
                "cy",
                "r",
                "dy",
                "points",
                "fill",
                "opacity",
                "stroke",
                "stroke-width",
                "text-anchor",
                "font-family",
                "font-size",
                "transform",
            ];
            assert!(known.contains(&attribute.name()), "{}", attribute.name());
            assert!(!attribute.value().contains("url") && !attribute.value().contains(':'), "{attribute:?}");
        }
    }
}

fn is_good(drawing: &Drawing, name: &str) {
    check::is_legible(drawing, name);
    is_safe(drawing);
}

fn words() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => "[a-zA-Z0-9 ._-]{0,14}",
        1 => "\\PC{0,40}",
        1 => "[A-Za-z]{30,120}",
        1 => prop::sample::select(HOSTILE.to_vec()).prop_map(str::to_owned),
    ]
}

fn number() -> impl Strategy<Value = f64> {
    prop_oneof![
        6 => -100.0..100.0,
        1 => any::<f64>(),
        1 => prop::sample::select(vec![0.0, -0.0, 1.0, 1e-300, 1e300, -1e300, f64::MAX, f64::MIN, f64::NAN, f64::INFINITY, 5e-324]),
    ]
}

fn measured() -> impl Strategy<Value = Measured> {
    (number(), any::<bool>(), prop::option::of(number()), 1..4_u64).prop_map(|(value, disputed, spread, n)| Measured {
        value,
        disputed,
        spread,
        n,
    })
}

fn cell() -> impl Strategy<Value = CellValue> {
    prop_oneof![
        6 => measured().prop_map(CellValue::Value),
        1 => measured().prop_map(CellValue::Partial),
        1 => Just(CellValue::Missing),
        1 => Just(CellValue::Failed),
        1 => Just(CellValue::NotApplicable),
    ]
}

fn caption() -> impl Strategy<Value = Caption> {
    (words(), prop::option::of(words()), prop::collection::vec(words(), 0..3))
        .prop_map(|(title, partial, notes)| Caption { title, partial, notes })
}

fn quantity() -> impl Strategy<Value = Quantity> {
    (words(), any::<bool>()).prop_map(|(label, log)| if log { Quantity::log(label) } else { Quantity::linear(label) })
}

fn direction() -> impl Strategy<Value = Option<Direction>> {
    prop::sample::select(vec![None, Some(Direction::Maximize), Some(Direction::Minimize)])
}

fn heatmap() -> impl Strategy<Value = Heatmap> {
    let ticks = || prop::collection::vec(words(), 0..9);
    let panel = (words(), words(), direction(), 0..5_usize, 0..4_usize, prop::collection::vec(cell(), 0..40)).prop_map(
        |(title, unit, direction, hue, decimals, cells)| HeatmapPanel {
            title,
            unit,
            direction,
            hue: Hue::nth(hue),
            decimals,
            cells,
        },
    );
    (caption(), words(), ticks(), words(), ticks(), prop::collection::vec(panel, 0..5)).prop_map(
        |(caption, x, columns, y, rows, panels)| Heatmap {
            caption,
            x: Axis { label: x, ticks: columns },
            y: Axis { label: y, ticks: rows },
            panels,
        },
    )
}

fn correlation() -> impl Strategy<Value = Correlation> {
    let line = prop::option::of((number(), number()).prop_map(|(slope, intercept)| Line { slope, intercept }));
    let points = prop::collection::vec((number(), number()), 0..30);
    let panel = (words(), 0..8_usize, points, line, prop::collection::vec(words(), 0..4))
        .prop_map(|(title, group, points, line, rho)| CorrelationPanel { title, group, points, line, rho });
    let row =
        (words(), prop::collection::vec(panel, 0..10)).prop_map(|(x_label, panels)| CorrelationRow { x_label, panels });
    (caption(), prop::collection::vec(row, 0..3), prop::collection::vec(words(), 0..7))
        .prop_map(|(caption, rows, groups)| Correlation { caption, rows, groups })
}

fn scaling() -> impl Strategy<Value = Scaling> {
    let point = (number(), number(), prop::option::of(number()), any::<bool>())
        .prop_map(|(x, y, spread, ringed)| ScalingPoint { x, y, spread, ringed });
    let series = (words(), prop::collection::vec(point, 0..20)).prop_map(|(label, points)| Series { label, points });
    let reference =
        (words(), number(), number()).prop_map(|(label, a, b)| Reference { label, low: a.min(b), high: a.max(b) });
    let references = prop::collection::vec(reference, 0..6);
    (caption(), quantity(), quantity(), prop::collection::vec(series, 0..6), references)
        .prop_map(|(caption, x, y, series, references)| Scaling { caption, x, y, series, references })
}

fn scatter() -> impl Strategy<Value = Scatter> {
    let point = (number(), number(), 0..12_usize).prop_map(|(x, y, level)| ScatterPoint { x, y, level });
    let panel = (quantity(), quantity(), prop::collection::vec(point, 0..20)).prop_map(|(x, y, points)| ScatterPanel {
        x,
        y,
        points,
    });
    (caption(), words(), prop::collection::vec(words(), 0..10), prop::collection::vec(panel, 0..4))
        .prop_map(|(caption, legend_title, levels, panels)| Scatter { caption, legend_title, levels, panels })
}

fn bars() -> impl Strategy<Value = Bars> {
    let bar = (0..7_usize, 0..7_usize, number(), prop::option::of(number()))
        .prop_map(|(category, series, value, spread)| Bar { category, series, value, spread });
    let panel = (words(), 0..4_usize, prop::collection::vec(words(), 0..7), prop::collection::vec(bar, 0..12))
        .prop_map(|(title, decimals, categories, bars)| BarPanel { title, decimals, categories, bars });
    (caption(), prop::collection::vec(words(), 0..7), prop::collection::vec(panel, 0..4))
        .prop_map(|(caption, series, panels)| Bars { caption, series, panels })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_heatmap_is_good(figure in heatmap()) {
        is_good(&figure.draw(), "heatmap");
    }

    #[test]
    fn any_correlation_is_good(figure in correlation()) {
        is_good(&figure.draw(), "correlation");
    }

    #[test]
    fn any_scaling_curve_is_good(figure in scaling()) {
        is_good(&figure.draw(), "scaling");
    }

    #[test]
    fn any_scatter_is_good(figure in scatter()) {
        is_good(&figure.draw(), "scatter");
    }

    #[test]
    fn any_bars_are_good(figure in bars()) {
        is_good(&figure.draw(), "bars");
    }

    #[test]
    fn the_same_input_gives_the_same_bytes(figure in heatmap()) {
        prop_assert_eq!(figure.draw().svg().unwrap(), figure.clone().draw().svg().unwrap());
    }

    #[test]
    fn shortened_text_fits(words in words(), room in 10.0..200.0_f64) {
        prop_assert!(text::width(&text::fit(&words, 8.0, room), 8.0) <= room);
        for line in text::wrap(&words, 8.0, room, 4) {
            prop_assert!(text::width(&line, 8.0) <= room, "`{line}`");
        }
    }
}

fn sized(columns: usize, rows: usize) -> Heatmap {
    let ticks = |prefix: &str, count| (0..count).map(|tick| format!("{prefix}{tick}")).collect();
    #[expect(clippy::cast_precision_loss, reason = "few cells")]
    let cells = (0..columns * rows).map(|cell| CellValue::Value(Measured::single((cell * 37 % 101) as f64))).collect();
    Heatmap {
        caption: Caption { title: format!("{columns} by {rows}"), ..Caption::default() },
        x: Axis { label: "learning rate".to_owned(), ticks: ticks("lr-", columns) },
        y: Axis { label: "width".to_owned(), ticks: ticks("width-", rows) },
        panels: vec![HeatmapPanel {
            title: "loss".to_owned(),
            unit: "nats".to_owned(),
            direction: Some(Direction::Minimize),
            hue: Hue::Green,
            decimals: 1,
            cells,
        }],
    }
}

#[test]
fn heatmaps_of_every_size_are_good() {
    for (columns, rows) in [(1, 1), (1, 60), (40, 1), (40, 60), (0, 0), (0, 3), (3, 0), (200, 200)] {
        let drawing = sized(columns, rows).draw();
        check::keep(&format!("heatmap-{columns}x{rows}"), &drawing);
        is_good(&drawing, &format!("{columns} x {rows}"));
    }
}

#[test]
fn hostile_words_stay_words() {
    let mut figure = sized(3, 2);
    figure.x.ticks = HOSTILE[..3].iter().map(|&word| word.to_owned()).collect();
    for words in HOSTILE {
        figure.caption =
            Caption { title: words.to_owned(), partial: Some(words.to_owned()), notes: vec![words.to_owned()] };
        figure.panels[0].title = words.to_owned();
        figure.y.label = words.to_owned();
        is_good(&figure.draw(), words);
    }
    let svg = figure.draw().svg().unwrap();
    assert!(svg.contains("&lt;script&gt;"), "{svg}");
}

#[test]
fn a_figure_of_nothing_is_a_figure() {
    for drawing in [
        Heatmap::default().draw(),
        Correlation::default().draw(),
        Scaling::default().draw(),
        Scatter::default().draw(),
        Bars::default().draw(),
    ] {
        is_good(&drawing, "nothing");
        assert!(drawing.png(96.0).is_ok());
    }
}

#[test]
fn values_that_are_alike_or_not_numbers_are_drawn() {
    for values in [
        vec![5.0; 6],
        vec![f64::NAN; 6],
        vec![f64::INFINITY, f64::NEG_INFINITY, 1.0, 2.0, 3.0, 4.0],
        vec![f64::MAX, f64::MIN, 0.0, 1.0, 2.0, 3.0],
    ] {
        let mut figure = sized(3, 2);
        figure.panels[0].cells = values.iter().map(|&value| CellValue::Value(Measured::single(value))).collect();
        is_good(&figure.draw(), "values");
        let points: Vec<(f64, f64)> = values.iter().map(|&value| (value, value)).collect();
        let row = CorrelationRow {
            x_label: "x".to_owned(),
            panels: vec![CorrelationPanel { points, ..CorrelationPanel::default() }],
        };
        is_good(&Correlation { rows: vec![row], ..Correlation::default() }.draw(), "points");
    }
}
