//! A drawing as SVG text, painted by plotters.

use plotters::coord::Shift;
use plotters::drawing::DrawingAreaErrorKind;
use plotters::element::{Circle, PathElement, Polygon, Rectangle, Text as Label};
use plotters::prelude::{DrawingArea, IntoDrawingArea, SVGBackend};
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{FontTransform, IntoFont, RGBAColor, ShapeStyle, TextStyle};

use super::colour::Rgb;
use super::scene::{Anchor, Drawing, Point, Rect, Shape, Text, at};
use super::text::{self, FAMILY};
use crate::error::{Context, Result};

/// plotters has whole coordinates: a twentieth of a point is finer than any printer.
const GRAIN: f64 = 20.0;
/// plotters divides font sizes by this number.
const FONT_SCALE: f64 = 1.24;
/// plotters sets text with its top at a place this far above the baseline, in font sizes.
const TOP_TO_BASELINE: f64 = 0.76;
/// Longest side, in points: beyond it coordinates and viewers give up.
const LONGEST_SIDE: f64 = 1.0e7;
/// Free space around everything, in points.
const MARGIN: f64 = 4.0;

type Painted = std::result::Result<(), DrawingAreaErrorKind<std::io::Error>>;

impl Drawing {
    /// The figure as a standalone SVG 1.1 document: white ground, sizes in points, text as text, no links, no scripts.
    ///
    /// # Errors
    /// When plotters refuses a shape.
    pub fn svg(&self) -> Result<String> {
        let bounds = self.bounds();
        let size = at(bounds.width() + 2.0 * MARGIN, bounds.height() + 2.0 * MARGIN);
        let (width, height) = (size.x.clamp(1.0, LONGEST_SIDE), size.y.clamp(1.0, LONGEST_SIDE));
        let mut body = String::new();
        {
            let canvas = SVGBackend::with_string(&mut body, (whole(width), whole(height))).into_drawing_area();
            let painter = Painter { canvas, origin: at(bounds.left - MARGIN, bounds.top - MARGIN) };
            painter
                .all(Rect::new(painter.origin.x, painter.origin.y, width, height), &self.shapes)
                .context(|| "cannot draw the figure".to_owned())?;
        }
        let body = body.split_once('\n').map_or("", |(_, shapes)| shapes);
        let title = escape(&text::clean(&self.title));
        let title = if title.is_empty() { title } else { format!("<title>{title}</title>\n") };
        Ok(format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" role=\"img\" width=\"{width:.1}pt\" height=\"{height:.1}pt\" viewBox=\"0 0 {} {}\">\n{title}{body}",
            whole(width),
            whole(height)
        ))
    }
}

fn whole(length: f64) -> u32 {
    grains(length).unsigned_abs()
}

#[expect(clippy::cast_possible_truncation, reason = "a length beyond the clamp is nowhere on a page")]
fn grains(length: f64) -> i32 {
    (length * GRAIN).round().clamp(-LONGEST_SIDE * GRAIN, LONGEST_SIDE * GRAIN) as i32
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

fn colour(rgb: Rgb, opacity: f64) -> RGBAColor {
    RGBAColor(rgb.0, rgb.1, rgb.2, opacity)
}

fn stroke(rgb: Rgb, width: f64) -> ShapeStyle {
    ShapeStyle { color: colour(rgb, 1.0), filled: false, stroke_width: whole(width).max(1) }
}

fn fill(rgb: Rgb, opacity: f64) -> ShapeStyle {
    ShapeStyle { color: colour(rgb, opacity), filled: true, stroke_width: 0 }
}

struct Painter<'a> {
    canvas: DrawingArea<SVGBackend<'a>, Shift>,
    /// What lies at the canvas' corner.
    origin: Point,
}

impl Painter<'_> {
    fn all(&self, ground: Rect, shapes: &[Shape]) -> Painted {
        self.rect(ground, Rgb::WHITE)?;
        shapes.iter().try_for_each(|shape| self.paint(shape))?;
        self.canvas.present()
    }

    fn paint(&self, shape: &Shape) -> Painted {
        match shape {
            Shape::Rect { area, fill } => self.rect(*area, *fill),
            Shape::Path { points, width, colour } => {
                self.canvas.draw(&PathElement::new(self.places(points), stroke(*colour, *width)))
            }
            Shape::Polygon { points, fill: colour, opacity } => {
                self.canvas.draw(&Polygon::new(self.places(points), fill(*colour, *opacity)))
            }
            Shape::Disc { centre, radius, fill: colour, opacity } => {
                self.canvas.draw(&Circle::new(self.place(*centre), whole(*radius), fill(*colour, *opacity)))
            }
            Shape::Ring { centre, radius, width, colour } => {
                self.canvas.draw(&Circle::new(self.place(*centre), whole(*radius), stroke(*colour, *width)))
            }
            Shape::Text(text) => self.text(text),
        }
    }

    fn rect(&self, area: Rect, colour: Rgb) -> Painted {
        let corners = [self.place(at(area.left, area.top)), self.place(at(area.right, area.bottom))];
        self.canvas.draw(&Rectangle::new(corners, fill(colour, 1.0)))
    }

    fn text(&self, text: &Text) -> Painted {
        let side = match text.anchor {
            Anchor::Start => HPos::Left,
            Anchor::Middle => HPos::Center,
            Anchor::End => HPos::Right,
        };
        let rise = TOP_TO_BASELINE * text.size;
        let (corner, turn) = if text.upward {
            (at(text.place.x - rise, text.place.y), FontTransform::Rotate270)
        } else {
            (at(text.place.x, text.place.y - rise), FontTransform::None)
        };
        let font = (FAMILY, text.size * GRAIN * FONT_SCALE).into_font().transform(turn);
        let ink = colour(text.colour, 1.0);
        let style = TextStyle::from(font).color(&ink).pos(Pos::new(side, VPos::Top));
        self.canvas.draw(&Label::new(text.content.as_str(), self.place(corner), style))
    }

    fn place(&self, point: Point) -> (i32, i32) {
        (grains(point.x - self.origin.x), grains(point.y - self.origin.y))
    }

    fn places(&self, points: &[Point]) -> Vec<(i32, i32)> {
        points.iter().map(|&point| self.place(point)).collect()
    }
}
