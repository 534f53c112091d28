//! Colours that colour-blind readers and grey printers tell apart; a test measures the distances.

/// Red, green, blue in sRGB.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Rgb(pub u8, pub u8, pub u8);

impl Rgb {
    pub const WHITE: Self = Self(255, 255, 255);
    /// Text and axes.
    pub const INK: Self = Self(26, 26, 26);
    /// Secondary text, such as notes.
    pub const QUIET: Self = Self(85, 85, 85);
    /// Hatches and crosses of cells without a value.
    pub const ABSENT: Self = Self(128, 128, 128);
    /// Grid lines behind data.
    pub const GRID: Self = Self(222, 222, 222);
    /// What warns: the stamp and the crosses of failed cells.
    pub const ALARM: Self = Self(163, 22, 30);

    /// Black or white, whichever reads better on this ground: the contrast is at least 4.5 (WCAG AA) on every colour.
    pub fn readable(self) -> Self {
        let luminance = self.luminance();
        let (on_black, on_white) = ((luminance + 0.05) / 0.05, 1.05 / (luminance + 0.05));
        if on_white > on_black { Self::WHITE } else { Self(0, 0, 0) }
    }

    /// Relative luminance, 0 to 1.
    pub fn luminance(self) -> f64 {
        let [red, green, blue] = self.linear();
        0.2126 * red + 0.7152 * green + 0.0722 * blue
    }

    pub fn linear(self) -> [f64; 3] {
        [self.0, self.1, self.2].map(|byte| {
            let part = f64::from(byte) / 255.0;
            if part <= 0.04045 { part / 12.92 } else { ((part + 0.055) / 1.055).powf(2.4) }
        })
    }

    fn from_linear(parts: [f64; 3]) -> Self {
        let [red, green, blue] = parts.map(|part| {
            let part = part.clamp(0.0, 1.0);
            let encoded = if part <= 0.003_130_8 { part * 12.92 } else { 1.055 * part.powf(1.0 / 2.4) - 0.055 };
            byte(encoded * 255.0)
        });
        Self(red, green, blue)
    }

    /// The colour a share `t` (0 to 1) of the way to `other`, in Oklab: equal steps look equal.
    pub fn mix(self, other: Self, t: f64) -> Self {
        let (from, to) = (oklab(self.linear()), oklab(other.linear()));
        let mut mixed = [0.0; 3];
        for ((slot, a), b) in mixed.iter_mut().zip(from).zip(to) {
            *slot = a + (b - a) * t;
        }
        Self::from_linear(from_oklab(mixed))
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to a byte")]
fn byte(value: f64) -> u8 {
    value.round().clamp(0.0, 255.0) as u8
}

/// Ottosson's Oklab (2020).
fn oklab([r, g, b]: [f64; 3]) -> [f64; 3] {
    let l = (0.412_221_470_8 * r + 0.536_332_536_3 * g + 0.051_445_992_9 * b).cbrt();
    let m = (0.211_903_498_2 * r + 0.680_699_545_1 * g + 0.107_396_956_6 * b).cbrt();
    let s = (0.088_302_461_9 * r + 0.281_718_837_6 * g + 0.629_978_700_5 * b).cbrt();
    [
        0.210_454_255_3 * l + 0.793_617_785_0 * m - 0.004_072_046_8 * s,
        1.977_998_495_1 * l - 2.428_592_205_0 * m + 0.450_593_709_9 * s,
        0.025_904_037_1 * l + 0.782_771_766_2 * m - 0.808_675_766_0 * s,
    ]
}

fn from_oklab([light, a, b]: [f64; 3]) -> [f64; 3] {
    let l = (light + 0.396_337_777_4 * a + 0.215_803_757_3 * b).powi(3);
    let m = (light - 0.105_561_345_8 * a - 0.063_854_172_8 * b).powi(3);
    let s = (light - 0.089_484_177_5 * a - 1.291_485_548_0 * b).powi(3);
    [
        4.076_741_662_1 * l - 3.307_711_591_3 * m + 0.230_969_929_2 * s,
        -1.268_438_004_6 * l + 2.609_757_401_1 * m - 0.341_319_396_5 * s,
        -0.004_196_086_3 * l - 0.703_418_614_7 * m + 1.707_614_701_0 * s,
    ]
}

/// The one colour of a heatmap's panel: from nearly white (worst) to the full colour (best).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hue {
    Blue,
    Green,
    Orange,
    Purple,
    Red,
}

impl Hue {
    const ALL: [Self; 5] = [Self::Blue, Self::Green, Self::Orange, Self::Purple, Self::Red];

    /// The hue of panel `index`: blue, green and orange as in the paper's Figure 7, then purple and red, then again.
    #[must_use]
    pub fn nth(index: usize) -> Self {
        let [first, ..] = Self::ALL;
        Self::ALL.get(index % Self::ALL.len()).copied().unwrap_or(first)
    }

    /// The colour at `t`: 0 is lightest, 1 is darkest, and lightness falls all the way.
    pub(super) fn shade(self, t: f64) -> Rgb {
        let (light, full) = match self {
            Self::Blue => (Rgb(245, 248, 255), Rgb(28, 78, 200)),
            Self::Green => (Rgb(245, 252, 243), Rgb(46, 116, 32)),
            Self::Orange => (Rgb(255, 249, 241), Rgb(200, 88, 0)),
            Self::Purple => (Rgb(251, 247, 255), Rgb(116, 56, 168)),
            Self::Red => (Rgb(255, 247, 246), Rgb(168, 28, 36)),
        };
        light.mix(full, t.clamp(0.0, 1.0))
    }
}

/// Groups without an order: blue, green, orange, red, purple as in the paper's Figure 8, then black.
const GROUPS: [Rgb; 6] =
    [Rgb(36, 86, 200), Rgb(62, 155, 110), Rgb(242, 163, 27), Rgb(143, 15, 26), Rgb(192, 138, 232), Rgb(26, 26, 26)];

/// Levels with an order, light to dark: ends and middles of viridis without its palest yellow.
const LEVELS: [Rgb; 5] = [Rgb(186, 222, 72), Rgb(74, 184, 118), Rgb(36, 138, 141), Rgb(56, 86, 140), Rgb(68, 6, 88)];

/// The colour of an unordered group; they repeat after six, which the markers' shapes do not.
pub(super) fn group(index: usize) -> Rgb {
    let [first, ..] = GROUPS;
    GROUPS.get(index % GROUPS.len()).copied().unwrap_or(first)
}

/// The colour of level `index` of `count` ordered ones: the higher, the darker.
pub(super) fn level(index: usize, count: usize) -> Rgb {
    let [first, .., last] = LEVELS;
    if count < 2 {
        return LEVELS[2];
    }
    #[expect(clippy::cast_precision_loss, reason = "a figure has few levels")]
    let position = index as f64 / (count - 1) as f64 * (LEVELS.len() - 1) as f64;
    let mut from = first;
    let mut start = 0.0;
    for &to in &LEVELS[1..] {
        if position <= start + 1.0 {
            return from.mix(to, position - start);
        }
        (from, start) = (to, start + 1.0);
    }
    last
}
