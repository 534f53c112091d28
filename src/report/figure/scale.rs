//! From values to positions on an axis, with ticks that people choose: 1, 2 and 5 times powers of ten, and 25, 250 and so on.

use super::number;
use super::text;

/// How values become lengths.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ScaleKind {
    #[default]
    Linear,
    /// Powers of ten at equal distances; values of 0 and below cannot be shown and are counted in a note.
    Log,
}

/// What an axis shows.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Quantity {
    /// Name with unit and arrow, such as `FID Score (↓)`.
    pub label: String,
    pub scale: ScaleKind,
}

impl Quantity {
    #[must_use]
    pub fn linear(label: impl Into<String>) -> Self {
        Self { label: label.into(), scale: ScaleKind::Linear }
    }

    #[must_use]
    pub fn log(label: impl Into<String>) -> Self {
        Self { label: label.into(), scale: ScaleKind::Log }
    }
}

/// Beyond this size the distance of two values may overflow.
const LARGEST: f64 = 1e300;
/// Values closer than this are alike: steps between them would vanish.
const SMALLEST: f64 = 1e-290;
/// Free space beside the outermost values, as a share of their distance.
const AIR: f64 = 0.07;

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Tick {
    /// 0 at the axis' low end, 1 at its high end.
    pub position: f64,
    pub label: String,
}

/// An axis of a length, with its ticks; no two labels touch.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Scale {
    kind: ScaleKind,
    /// In values, or in their logarithms.
    low: f64,
    high: f64,
    pub ticks: Vec<Tick>,
    /// Positions between the ticks of a logarithmic axis.
    pub minor: Vec<f64>,
}

/// Room that ticks have: the axis' length in points, the font size, and whether labels stand beside (y) or below (x) it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Room {
    pub length: f64,
    pub size: f64,
    pub upright: bool,
}

/// Free space between labels, in font sizes: comfortable, and the least.
const BREATHING: [f64; 2] = [1.3, 0.6];

impl Room {
    fn holds(&self, ticks: &[Tick], breathing: f64) -> bool {
        let need = |tick: &Tick| {
            self.size * breathing + if self.upright { self.size * 0.5 } else { text::width(&tick.label, self.size) }
        };
        ticks.windows(2).all(|pair| match pair {
            [a, b] => (b.position - a.position) * self.length >= f64::midpoint(need(a), need(b)),
            _ => true,
        })
    }
}

/// Whether a value has a place on an axis of this kind.
pub(super) fn shows(kind: ScaleKind, value: f64) -> bool {
    value.is_finite() && (kind == ScaleKind::Linear || value > 0.0)
}

impl Scale {
    /// An axis around the values that it can show.
    pub fn around(values: impl Iterator<Item = f64>, kind: ScaleKind, room: Room) -> Self {
        Self::padded(range(values, kind), kind, AIR, room)
    }

    /// A linear axis from zero to the values, with room for words beyond the bars' ends.
    pub fn from_zero(values: impl Iterator<Item = f64>, room: Room) -> Self {
        let (low, high) = range(values.chain([0.0]), ScaleKind::Linear).unwrap_or((0.0, 1.0));
        let (low, high) = if high - low > SMALLEST { (low, high) } else { (0.0, 1.0) };
        let air = (high - low) * 0.12;
        Self::new(if low < 0.0 { low - air } else { 0.0 }, high + air, ScaleKind::Linear, room)
    }

    /// An axis without ticks: the names of categories stand below it.
    pub fn blank() -> Self {
        Self { kind: ScaleKind::Linear, low: 0.0, high: 1.0, ticks: Vec::new(), minor: Vec::new() }
    }

    /// A linear axis that ends at the values: a colour bar.
    pub fn tight(low: f64, high: f64, room: Room) -> Self {
        Self::padded(range([low, high].into_iter(), ScaleKind::Linear), ScaleKind::Linear, 0.0, room)
    }

    fn padded(range: Option<(f64, f64)>, kind: ScaleKind, air: f64, room: Room) -> Self {
        let Some((low, high)) = range else {
            return Self { kind, ..Self::blank() };
        };
        let distinct = high - low > (low.abs().max(high.abs()) * 1e-12).max(SMALLEST);
        let half = match kind {
            ScaleKind::Log => 0.5,
            ScaleKind::Linear => (low.abs() * 0.05).max(if low.abs() < SMALLEST { 0.5 } else { 0.0 }),
        };
        let air = if distinct { (high - low) * air } else { half };
        Self::new(low - air, high + air, kind, room)
    }

    fn new(low: f64, high: f64, kind: ScaleKind, room: Room) -> Self {
        let mut scale = Self { kind, low, high, ticks: Vec::new(), minor: Vec::new() };
        scale.ticks = match kind {
            ScaleKind::Linear => scale.linear_ticks(room),
            ScaleKind::Log => scale.log_ticks(room),
        };
        if kind == ScaleKind::Log && high - low < 8.0 {
            scale.minor = scale
                .multiples(&[2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0])
                .into_iter()
                .map(|(position, _)| position)
                .collect();
        }
        scale
    }

    /// 0 to 1 along the axis; `None` for a value that it cannot show.
    pub fn position(&self, value: f64) -> Option<f64> {
        let value = bounded(value, self.kind)?;
        let share = (value - self.low) / (self.high - self.low);
        share.is_finite().then_some(share)
    }

    /// As many as have room, at least two where that is possible.
    fn linear_ticks(&self, room: Room) -> Vec<Tick> {
        let candidates: Vec<Vec<Tick>> = steps(self.high - self.low).map(|step| self.every(step)).collect();
        let spacious = |breathing: f64| candidates.iter().find(|ticks| ticks.len() > 1 && room.holds(ticks, breathing));
        let pair = BREATHING.into_iter().find_map(spacious);
        pair.or_else(|| candidates.iter().rev().find(|ticks| ticks.len() == 1)).cloned().unwrap_or_default()
    }

    fn every(&self, step: f64) -> Vec<Tick> {
        let largest = self.low.abs().max(self.high.abs());
        let (first, last) = ((self.low / step - 1e-9).ceil(), (self.high / step + 1e-9).floor());
        let mut ticks = Vec::new();
        let mut index = first;
        while index <= last && ticks.len() < 16 {
            let value = index * step;
            ticks.push(Tick {
                position: ((value - self.low) / (self.high - self.low)).clamp(0.0, 1.0),
                label: number::tick(value, step, largest),
            });
            index += 1.0;
        }
        ticks
    }

    /// Powers of ten, every one or as many as have room; 1, 2 and 5 times them where there is hardly one.
    fn log_ticks(&self, room: Room) -> Vec<Tick> {
        let labelled = |places: Vec<(f64, f64)>| -> Vec<Tick> {
            places.into_iter().map(|(position, value)| Tick { position, label: log_label(value) }).collect()
        };
        let fine = labelled(self.multiples(&[1.0, 2.0, 5.0]));
        let powers = labelled(self.multiples(&[1.0]));
        if powers.len() < 3 && !fine.is_empty() && room.holds(&fine, BREATHING[1]) {
            return fine;
        }
        (1..=powers.len().max(1))
            .map(|every| powers.iter().step_by(every).cloned().collect::<Vec<_>>())
            .find(|ticks| room.holds(ticks, BREATHING[1]))
            .unwrap_or_default()
    }

    /// Positions and values of these multiples of the powers of ten within the axis.
    fn multiples(&self, factors: &[f64]) -> Vec<(f64, f64)> {
        let mut places = Vec::new();
        let mut power = self.low.floor();
        while power <= self.high {
            for factor in factors {
                let place = power + factor.log10();
                if place >= self.low && place <= self.high {
                    places.push(((place - self.low) / (self.high - self.low), factor * 10_f64.powf(power)));
                }
            }
            power += 1.0;
        }
        places
    }
}

fn log_label(value: f64) -> String {
    if (1e-4..1e15).contains(&value) {
        number::tick(value, value, value.max(1e4))
    } else {
        number::value(value, 0).replace(".0e", "e")
    }
}

/// Steps from fine to coarse that give about ten to one tick over a span.
fn steps(span: f64) -> impl Iterator<Item = f64> {
    let power = (span / 10.0).log10().floor();
    let powers = (0..3).map(move |more| 10_f64.powf(power + f64::from(more)));
    // 25 and 250 are round, 2.5 is not: its ticks would need a decimal.
    powers
        .flat_map(|power| [1.0, 2.0, 2.5, 5.0].map(|factor| factor * power))
        .filter(|step| step.fract() < 1e-6 || !is_quarter(*step))
}

fn is_quarter(step: f64) -> bool {
    (step / 10_f64.powf(step.log10().floor()) - 2.5).abs() < 1e-6
}

fn bounded(value: f64, kind: ScaleKind) -> Option<f64> {
    shows(kind, value).then(|| match kind {
        ScaleKind::Linear => value.clamp(-LARGEST, LARGEST),
        ScaleKind::Log => value.log10(),
    })
}

/// The smallest and largest of the values that an axis of this kind can show.
fn range(values: impl Iterator<Item = f64>, kind: ScaleKind) -> Option<(f64, f64)> {
    values.filter_map(|value| bounded(value, kind)).fold(None, |range, value| match range {
        None => Some((value, value)),
        Some((low, high)) => Some((value.min(low), value.max(high))),
    })
}
