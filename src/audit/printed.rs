//! What a printed number may stand for.

/// A number as it was printed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PrintedNumber {
    pub value: f64,
    pub decimals: u32,
}

/// Values this close are one: they were computed in another order.
const NOISE: f64 = 1e-9;

impl PrintedNumber {
    /// One in the last printed place.
    #[must_use]
    pub fn unit(self) -> f64 {
        10_f64.powi(-i32::try_from(self.decimals).unwrap_or(0))
    }

    /// The values that some common rounding prints like this: to the nearest, with halves either way, or by cutting the
    /// rest off.
    #[must_use]
    pub fn range(self) -> (f64, f64) {
        let (near, far) = (self.unit() / 2.0, self.unit());
        if self.value < 0.0 { (self.value - far, self.value + near) } else { (self.value - near, self.value + far) }
    }

    /// The values that rounding to the nearest prints like this.
    #[must_use]
    pub fn nearest(self) -> (f64, f64) {
        (self.value - self.unit() / 2.0, self.value + self.unit() / 2.0)
    }

    /// Whether it may be a whole number of steps of `step`, by any common rounding.
    #[must_use]
    pub fn may_be_a_multiple(self, step: f64) -> bool {
        let (low, high) = self.range();
        let (low, high) = (low - NOISE, high - NOISE);
        (low / step).ceil() * step < high
    }

    /// The whole numbers of steps around it.
    #[must_use]
    pub fn neighbours(self, step: f64) -> (f64, f64) {
        let below = (self.value / step).floor();
        (below, below + 1.0)
    }
}

/// Decimals that the shortest spelling of a number has.
#[must_use]
pub fn decimals_of(value: f64) -> u32 {
    let text = value.to_string();
    text.split_once('.').map_or(0, |(_, digits)| u32::try_from(digits.len()).unwrap_or(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn may_be(value: f64, decimals: u32, n: f64) -> bool {
        PrintedNumber { value, decimals }.may_be_a_multiple(100.0 / n)
    }

    #[test]
    fn a_share_of_150_pairs_has_few_spellings() {
        // 72 and 73 pairs of 150 are 48.00 and 48.67.
        assert!(!may_be(48.3, 1, 150.0));
        assert!(may_be(48.3, 1, 300.0), "145 of 300 are 48.33");
        assert!(may_be(48.7, 1, 150.0), "48.67 to the nearest");
        assert!(may_be(48.6, 1, 150.0), "48.67 cut off");
        assert!(!may_be(48.8, 1, 150.0));
    }

    #[test]
    fn halves_go_either_way() {
        // 1 of 8 is 12.5: 12 by half to even, 13 by half up.
        assert!(may_be(12.0, 0, 8.0) && may_be(13.0, 0, 8.0));
        assert!(!may_be(14.0, 0, 8.0));
    }

    #[test]
    fn with_many_items_every_spelling_is_possible() {
        assert!((0..=1000).all(|tenths| may_be(f64::from(tenths) / 10.0, 1, 1000.0)));
        assert!(!(0..=1000).all(|tenths| may_be(f64::from(tenths) / 10.0, 1, 150.0)));
    }

    #[test]
    fn decimals_are_those_of_the_shortest_spelling() {
        assert_eq!([44.0, 48.3, 55.03, 0.5].map(decimals_of), [0, 1, 2, 1]);
    }

    #[test]
    fn cutting_a_negative_number_off_makes_it_larger() {
        let (low, high) = PrintedNumber { value: -1.5, decimals: 1 }.range();
        assert!((low + 1.6).abs() < 1e-12 && (high + 1.45).abs() < 1e-12);
    }
}
