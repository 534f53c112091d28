//! A drawing as a list of shapes, in points, y downwards: what the figures compose and the backends paint.

use super::colour::Rgb;
use super::text;

/// A place, in points.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Point {
    pub x: f64,
    pub y: f64,
}

pub(super) fn at(x: f64, y: f64) -> Point {
    Point { x, y }
}

/// An upright box, in points.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Rect {
    pub left: f64,
    pub top: f64,
    pub right: f64,
    pub bottom: f64,
}

impl Rect {
    pub fn new(left: f64, top: f64, width: f64, height: f64) -> Self {
        Self { left, top, right: left + width, bottom: top + height }
    }

    pub fn width(&self) -> f64 {
        self.right - self.left
    }

    pub fn height(&self) -> f64 {
        self.bottom - self.top
    }

    pub fn centre(&self) -> Point {
        at(f64::midpoint(self.left, self.right), f64::midpoint(self.top, self.bottom))
    }

    pub fn union(self, other: Self) -> Self {
        Self {
            left: self.left.min(other.left),
            top: self.top.min(other.top),
            right: self.right.max(other.right),
            bottom: self.bottom.max(other.bottom),
        }
    }

    fn around(points: &[Point], margin: f64) -> Option<Self> {
        points
            .iter()
            .map(|p| Self { left: p.x - margin, top: p.y - margin, right: p.x + margin, bottom: p.y + margin })
            .reduce(Self::union)
    }

    fn moved(self, by: Point) -> Self {
        Self { left: self.left + by.x, top: self.top + by.y, right: self.right + by.x, bottom: self.bottom + by.y }
    }
}

/// Which part of a text lies at its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Anchor {
    Start,
    Middle,
    End,
}

/// One line of text. Its content is clean: see [`text::clean`].
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Text {
    /// The anchor on the baseline.
    pub place: Point,
    pub content: String,
    /// In points, measured once.
    width: f64,
    /// Font size in points.
    pub size: f64,
    pub anchor: Anchor,
    pub colour: Rgb,
    /// Reads upwards instead of to the right.
    pub upward: bool,
}

impl Text {
    pub fn new(place: Point, content: &str, size: f64, anchor: Anchor) -> Self {
        let content = text::clean(content);
        let width = text::width(&content, size);
        Self { place, content, width, size, anchor, colour: Rgb::INK, upward: false }
    }

    pub fn coloured(self, colour: Rgb) -> Self {
        Self { colour, ..self }
    }

    pub fn upward(self) -> Self {
        Self { upward: true, ..self }
    }

    /// The box that the text needs, from ascender to descender.
    pub fn bounds(&self) -> Rect {
        let width = self.width;
        let before = match self.anchor {
            Anchor::Start => 0.0,
            Anchor::Middle => width / 2.0,
            Anchor::End => width,
        };
        let (rise, fall) = (text::ASCENT * self.size, text::DESCENT * self.size);
        let Point { x, y } = self.place;
        if self.upward {
            Rect { left: x - rise, right: x + fall, top: y + before - width, bottom: y + before }
        } else {
            Rect { left: x - before, right: x - before + width, top: y - rise, bottom: y + fall }
        }
    }
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Shape {
    Rect { area: Rect, fill: Rgb },
    Path { points: Vec<Point>, width: f64, colour: Rgb },
    Polygon { points: Vec<Point>, fill: Rgb, opacity: f64 },
    Disc { centre: Point, radius: f64, fill: Rgb, opacity: f64 },
    Ring { centre: Point, radius: f64, width: f64, colour: Rgb },
    Text(Text),
}

impl Shape {
    pub fn bounds(&self) -> Option<Rect> {
        match self {
            Self::Rect { area, .. } => Some(*area),
            Self::Path { points, width, .. } => Rect::around(points, width / 2.0),
            Self::Polygon { points, .. } => Rect::around(points, 0.0),
            Self::Disc { centre, radius, .. } => Rect::around(&[*centre], *radius),
            Self::Ring { centre, radius, width, .. } => Rect::around(&[*centre], radius + width / 2.0),
            Self::Text(text) => Some(text.bounds()),
        }
    }

    fn shift(&mut self, by: Point) {
        match self {
            Self::Rect { area, .. } => *area = area.moved(by),
            Self::Path { points, .. } | Self::Polygon { points, .. } => {
                points.iter_mut().for_each(|p| *p = at(p.x + by.x, p.y + by.y))
            }
            Self::Disc { centre, .. } | Self::Ring { centre, .. } => *centre = at(centre.x + by.x, centre.y + by.y),
            Self::Text(text) => text.place = at(text.place.x + by.x, text.place.y + by.y),
        }
    }
}

/// A finished figure: shapes on a page of a size, ready to become SVG or PNG.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Drawing {
    /// What the figure shows, for readers who hear it.
    pub(super) title: String,
    pub(super) shapes: Vec<Shape>,
}

impl Drawing {
    pub(super) fn push(&mut self, shape: Shape) {
        self.shapes.push(shape);
    }

    pub(super) fn rect(&mut self, area: Rect, fill: Rgb) {
        self.push(Shape::Rect { area, fill });
    }

    pub(super) fn line(&mut self, from: Point, to: Point, width: f64, colour: Rgb) {
        self.push(Shape::Path { points: vec![from, to], width, colour });
    }

    pub(super) fn frame(&mut self, area: Rect, width: f64, colour: Rgb) {
        let Rect { left, top, right, bottom } = area;
        let points = vec![at(left, top), at(right, top), at(right, bottom), at(left, bottom), at(left, top)];
        self.push(Shape::Path { points, width, colour });
    }

    pub(super) fn text(&mut self, text: Text) {
        if !text.content.is_empty() {
            self.push(Shape::Text(text));
        }
    }

    /// Lines of text below each other, the first line's top at `top`; gives the bottom of the last.
    pub(super) fn lines(&mut self, lines: &[String], top: Point, size: f64, anchor: Anchor) -> f64 {
        let mut y = top.y;
        for line in lines {
            self.text(Text::new(at(top.x, y + text::ASCENT * size), line, size, anchor));
            y += text::LEADING * size;
        }
        y
    }

    /// Puts `other` in, its origin at `place`.
    pub(super) fn put(&mut self, other: Self, place: Point) {
        self.shapes.extend(other.shapes.into_iter().map(|mut shape| {
            shape.shift(place);
            shape
        }));
    }

    /// The box around everything; an empty one at the origin when there is nothing.
    pub(super) fn bounds(&self) -> Rect {
        self.shapes.iter().filter_map(Shape::bounds).reduce(Rect::union).unwrap_or(Rect::new(0.0, 0.0, 0.0, 0.0))
    }
}
