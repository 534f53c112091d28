//! Points coloured by a level with an order: the paper's Figures 4 and 5.

use super::chart::{self, Panel, Plot, Row};
use super::colour::{self, Rgb};
use super::hexbin;
use super::legend::{self, Entry};
use super::marker::{self, Ink};
use super::page::{self, Caption, PAGE_WIDTH, TICK};
use super::scale::{Quantity, Room, Scale, shows};
use super::scene::{Drawing, Point, at};

/// Panels side by side that share their levels.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Scatter {
    pub caption: Caption,
    /// Above the legend, such as `200k generation data, co-trained with`.
    pub legend_title: String,
    /// In their order: the higher, the darker.
    pub levels: Vec<String>,
    pub panels: Vec<ScatterPanel>,
}

#[derive(Debug, Clone, PartialEq, Default)]
pub struct ScatterPanel {
    pub x: Quantity,
    pub y: Quantity,
    pub points: Vec<ScatterPoint>,
}

#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct ScatterPoint {
    pub x: f64,
    pub y: f64,
    /// Index into [`Scatter::levels`].
    pub level: usize,
}

const WIDTH: f64 = 176.0;
const HEIGHT: f64 = 132.0;
const MARK: f64 = 4.6;
const ACROSS: usize = 2;

impl Scatter {
    /// The figure: panels in pairs, with one legend below.
    #[must_use]
    pub fn draw(&self) -> Drawing {
        let panels: Vec<(Panel, usize)> = self.panels.iter().map(|panel| self.panel(panel)).collect();
        let fullest = panels.iter().map(|(_, fullest)| *fullest).max().unwrap_or(0);
        let mut notes: Vec<String> = Vec::new();
        if fullest > 0 {
            notes.push(format!("{} Levels are not told apart there.", hexbin::note(fullest)));
        }
        notes.extend(page::absent_points(self.panels.iter().map(ScatterPanel::absent).sum()));
        let panels: Vec<Panel> = panels.into_iter().map(|(panel, _)| panel).collect();
        let rows = panels.chunks(ACROSS).map(|row| Row { panels: row.to_vec(), below: String::new() }).collect();
        page::assemble(&self.caption, chart::grid(rows), self.legend(), &notes)
    }

    /// A panel, and the count of its fullest hexagon.
    fn panel(&self, panel: &ScatterPanel) -> (Panel, usize) {
        let values = |of: fn(&ScatterPoint) -> f64| panel.shown().map(of);
        let plot = Plot {
            x: Scale::around(
                values(|point| point.x),
                panel.x.scale,
                Room { length: WIDTH, size: TICK, upright: false },
            ),
            y: Scale::around(
                values(|point| point.y),
                panel.y.scale,
                Room { length: HEIGHT, size: TICK, upright: true },
            ),
            width: WIDTH,
            height: HEIGHT,
        };
        let mut drawing = Drawing::default();
        plot.axes(&mut drawing);
        let places: Vec<(Point, usize)> =
            panel.shown().filter_map(|point| Some((plot.place(point.x, point.y)?, point.level))).collect();
        if places.is_empty() {
            chart::note_absence(&mut drawing, plot.area(), "no values");
        }
        let fullest = self.draw_points(&mut drawing, &places);
        chart::label_below(&mut drawing, WIDTH, &panel.x.label);
        chart::label_left(&mut drawing, HEIGHT, &panel.y.label);
        (Panel { drawing, width: WIDTH, height: HEIGHT }, fullest)
    }

    fn draw_points(&self, drawing: &mut Drawing, places: &[(Point, usize)]) -> usize {
        if places.len() > hexbin::MOST_POINTS {
            let places: Vec<Point> = places.iter().map(|(place, _)| *place).collect();
            return hexbin::draw(drawing, &places, Rgb::QUIET);
        }
        for &(place, level) in places {
            self.mark(drawing, place, level);
        }
        0
    }

    fn mark(&self, drawing: &mut Drawing, place: Point, level: usize) {
        let ink = Ink { colour: colour::level(level, self.levels.len()), opacity: 0.9 };
        marker::series(level).draw(drawing, place, MARK, ink);
    }

    fn legend(&self) -> Drawing {
        let entries = self.levels.iter().enumerate().map(|(level, name)| {
            let mut key = Drawing::default();
            self.mark(&mut key, at(0.0, 0.0), level);
            Entry { key, meaning: name.clone() }
        });
        legend::legend(&self.legend_title, entries.collect(), PAGE_WIDTH * 0.8)
    }
}

impl ScatterPanel {
    fn shown(&self) -> impl Iterator<Item = &ScatterPoint> {
        self.points.iter().filter(|point| shows(self.x.scale, point.x) && shows(self.y.scale, point.y))
    }

    fn absent(&self) -> usize {
        self.points.len() - self.shown().count()
    }
}
