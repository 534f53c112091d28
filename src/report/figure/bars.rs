//! Bars by category and series: the paper's Figures 3 and 6.

use super::chart::{self, Panel, Plot, Row};
use super::colour::{self, Rgb};
use super::hatch;
use super::legend::{self, Entry};
use super::number;
use super::page::{self, Caption, PAGE_WIDTH, SMALL, TICK};
use super::scale::{Room, Scale};
use super::scene::{Anchor, Drawing, Rect, Text, at};
use super::text;

/// Panels side by side, one a metric.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Bars {
    pub caption: Caption,
    /// Names of the series, for the legend: colour and hatching.
    pub series: Vec<String>,
    pub panels: Vec<BarPanel>,
}

#[derive(Debug, Clone, PartialEq, Default)]
pub struct BarPanel {
    /// The metric with its arrow.
    pub title: String,
    /// Number of decimals of the values above the bars.
    pub decimals: usize,
    pub categories: Vec<String>,
    pub bars: Vec<Bar>,
}

/// One bar. Bars of one category stand side by side in the order of their series; a category without bars stays empty.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Bar {
    /// Index into [`BarPanel::categories`].
    pub category: usize,
    /// Index into [`Bars::series`].
    pub series: usize,
    pub value: f64,
    /// Half length of the error bar; `None` for a single seed.
    pub spread: Option<f64>,
}

const HEIGHT: f64 = 110.0;
/// Narrowest and widest bars, and the space between categories, in points.
const NARROW: f64 = 12.0;
const WIDE: f64 = 30.0;
const BETWEEN: f64 = 8.0;
/// Axis labels and free space beside a plot.
const BESIDE: f64 = 28.0;
const ACROSS: usize = 3;
/// Longest name of a category that stands upright.
const LONGEST_NAME: f64 = 90.0;

impl Bars {
    /// The figure: up to three panels side by side where they fit, with one legend below.
    #[must_use]
    pub fn draw(&self) -> Drawing {
        let across = self.across();
        let panels: Vec<Panel> = self.panels.iter().map(|panel| panel.draw(across)).collect();
        let rows = panels.chunks(across).map(|row| Row { panels: row.to_vec(), below: String::new() }).collect();
        page::assemble(&self.caption, chart::grid(rows), self.legend(), &[])
    }

    /// How many panels stand side by side.
    fn across(&self) -> usize {
        let most = self.panels.len().clamp(1, ACROSS);
        (1..=most).rev().find(|&across| self.panels.iter().all(|panel| panel.bar_width(across).1)).unwrap_or(1)
    }

    fn legend(&self) -> Drawing {
        let entries = self.series.iter().enumerate().map(|(series, name)| {
            let mut key = Drawing::default();
            fill(&mut key, Rect::new(-6.0, -4.0, 12.0, 8.0), series);
            Entry { key, meaning: name.clone() }
        });
        legend::legend("", entries.collect(), PAGE_WIDTH * 0.9)
    }
}

/// A category's place on the x axis.
struct Slot {
    left: f64,
    width: f64,
}

impl BarPanel {
    fn draw(&self, across: usize) -> Panel {
        let (bar, _) = self.bar_width(across);
        let slots = self.slots(bar);
        let width = slots.last().map_or(NARROW * 4.0, |slot| slot.left + slot.width + BETWEEN / 2.0);
        let finite = self.bars.iter().filter(|bar| bar.value.is_finite()).flat_map(Bar::extent);
        let y = Scale::from_zero(finite, Room { length: HEIGHT, size: TICK, upright: true });
        let plot = Plot { x: Scale::blank(), y, width, height: HEIGHT };
        let mut drawing = Drawing::default();
        plot.axes(&mut drawing);
        if self.bars.is_empty() {
            chart::note_absence(&mut drawing, plot.area(), "no values");
        }
        for (category, slot) in slots.iter().enumerate() {
            self.category(&mut drawing, &plot, category, slot);
        }
        if let Some(zero) = plot.y.position(0.0).filter(|zero| *zero > 0.0) {
            let y = HEIGHT * (1.0 - zero);
            drawing.line(at(0.0, y), at(width, y), 0.7, Rgb::INK);
        }
        self.names(&mut drawing, &slots);
        chart::heading_above(&mut drawing, width, &chart::title(&self.title, width));
        Panel { drawing, width, height: HEIGHT }
    }

    /// Bars of a category, in the order of their series.
    fn of(&self, category: usize) -> Vec<&Bar> {
        let mut bars: Vec<&Bar> = self.bars.iter().filter(|bar| bar.category == category).collect();
        bars.sort_by_key(|bar| bar.series);
        bars
    }

    /// Width of the bars when so many panels share the page, and whether they and their values have room.
    fn bar_width(&self, across: usize) -> (f64, bool) {
        let counts: Vec<usize> = (0..self.categories.len()).map(|category| self.of(category).len().max(1)).collect();
        let need = self
            .bars
            .iter()
            .map(|bar| text::width(&number::value(bar.value, self.decimals), SMALL) + 2.0)
            .fold(NARROW, f64::max);
        let room =
            (PAGE_WIDTH + chart::GUTTER) / count(across) - chart::GUTTER - BESIDE - BETWEEN * count(counts.len());
        let share = room / count(counts.iter().sum::<usize>().max(1));
        (share.min(WIDE).max(need), share >= need)
    }

    fn slots(&self, bar: f64) -> Vec<Slot> {
        let mut left = BETWEEN / 2.0;
        let slot = |category| {
            let slot = Slot { left, width: bar * count(self.of(category).len().max(1)) };
            left += slot.width + BETWEEN;
            slot
        };
        (0..self.categories.len()).map(slot).collect()
    }

    fn category(&self, drawing: &mut Drawing, plot: &Plot, category: usize, slot: &Slot) {
        let bars = self.of(category);
        let zero = HEIGHT * (1.0 - plot.y.position(0.0).unwrap_or(0.0));
        if bars.is_empty() {
            words(drawing, slot.left + slot.width / 2.0, zero - 3.0, "–");
        }
        let width = slot.width / count(bars.len().max(1));
        for (index, bar) in bars.into_iter().enumerate() {
            let left = slot.left + width * count(index);
            let middle = left + width / 2.0;
            let Some(share) = plot.y.position(bar.value) else {
                words(drawing, middle, zero - 3.0, &number::value(bar.value, self.decimals));
                continue;
            };
            let end = HEIGHT * (1.0 - share);
            let air = width * 0.08;
            fill(
                drawing,
                Rect { left: left + air, right: left + width - air, top: end.min(zero), bottom: end.max(zero) },
                bar.series,
            );
            let (top, bottom) = bar.whisker(drawing, plot, middle, end);
            let below = bottom + 2.0 + text::CAPITAL * SMALL;
            // A value too close to zero for the axis has no room below.
            let baseline = if bar.value < 0.0 && below < HEIGHT { below } else { top - 2.5 };
            words(drawing, middle, baseline, &number::value(bar.value, self.decimals));
        }
    }

    /// Names below the categories: level, on up to three lines, where every word fits, upright otherwise.
    fn names(&self, drawing: &mut Drawing, slots: &[Slot]) {
        let top = HEIGHT + 3.0;
        let level = [TICK, SMALL].into_iter().find_map(|size| Some((self.level_names(slots, size)?, size)));
        for (index, (name, slot)) in self.categories.iter().zip(slots).enumerate() {
            let middle = slot.left + slot.width / 2.0;
            if let Some((names, size)) = &level {
                drawing.lines(names.get(index).map_or(&[], Vec::as_slice), at(middle, top), *size, Anchor::Middle);
            } else {
                let name = text::fit(name, TICK, LONGEST_NAME);
                drawing
                    .text(Text::new(at(middle + text::CAPITAL * TICK / 2.0, top), &name, TICK, Anchor::End).upward());
            }
        }
    }

    /// The names wrapped below their slots; `None` when one would have to be shortened.
    fn level_names(&self, slots: &[Slot], size: f64) -> Option<Vec<Vec<String>>> {
        let pairs = self.categories.iter().zip(slots);
        let wrapped: Vec<Vec<String>> =
            pairs.map(|(name, slot)| text::wrap(name, size, slot.width + BETWEEN - 2.0, 4)).collect();
        let whole = wrapped.iter().all(|lines| lines.len() < 4 && lines.iter().all(|line| !line.contains('…')));
        whole.then_some(wrapped)
    }
}

impl Bar {
    fn spread(&self) -> f64 {
        self.spread.filter(|spread| spread.is_finite()).unwrap_or(0.0)
    }

    fn extent(&self) -> [f64; 2] {
        [self.value - self.spread(), self.value + self.spread()].map(|end| end.clamp(f64::MIN, f64::MAX))
    }

    /// Draws the error bar, if any; gives the highest and lowest place of bar end and error bar.
    fn whisker(&self, drawing: &mut Drawing, plot: &Plot, x: f64, end: f64) -> (f64, f64) {
        let [low, high] = self.extent().map(|value| plot.y.position(value).map_or(end, |share| HEIGHT * (1.0 - share)));
        if self.spread() > 0.0 {
            drawing.line(at(x, low), at(x, high), 0.8, Rgb::INK);
            for y in [low, high] {
                drawing.line(at(x - 2.5, y), at(x + 2.5, y), 0.8, Rgb::INK);
            }
        }
        (high, low)
    }
}

fn words(drawing: &mut Drawing, middle: f64, baseline: f64, content: &str) {
    drawing.text(Text::new(at(middle, baseline), content, SMALL, Anchor::Middle));
}

/// A bar in its series' colour and hatching, with an outline.
fn fill(drawing: &mut Drawing, area: Rect, series: usize) {
    let colour = colour::group(series);
    drawing.rect(area, colour);
    let light = colour.mix(Rgb::WHITE, 0.55);
    match series % 4 {
        1 => hatch::hatch(drawing, area, 4.0, light),
        2 => hatch::back_hatch(drawing, area, 4.0, light),
        3 => {
            hatch::hatch(drawing, area, 4.0, light);
            hatch::back_hatch(drawing, area, 4.0, light);
        }
        _ => {}
    }
    drawing.frame(area, 0.6, colour.mix(Rgb::INK, 0.5));
}

#[expect(clippy::cast_precision_loss, reason = "a figure has few bars")]
fn count(things: usize) -> f64 {
    things as f64
}
