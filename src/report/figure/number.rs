//! Numbers as figures print them: a true minus sign, few characters, no false zeros.

/// A value with `decimals`; in scientific form when that would hide it (0.0001 as 0.0) or fill a line (12345678.9).
pub(super) fn value(value: f64, decimals: usize) -> String {
    if value.is_nan() {
        return "NaN".to_owned();
    }
    if value.is_infinite() {
        return if value > 0.0 { "∞" } else { "−∞" }.to_owned();
    }
    let decimals = decimals.min(12);
    let smallest = 0.5 * 10_f64.powi(-i32::try_from(decimals).unwrap_or(0));
    let size = value.abs();
    if size >= 1e6 || (size > 0.0 && size < smallest) {
        return signed(format!("{value:.1e}"));
    }
    signed(format!("{value:.decimals$}"))
}

/// The label of a tick at `value` on an axis with ticks every `step`: `2.5`, `200k`, `1.5M`, `1e-7`.
pub(super) fn tick(value: f64, step: f64, largest: f64) -> String {
    let value = if value.abs() < step * 1e-6 { 0.0 } else { value };
    if value == 0.0 {
        return "0".to_owned();
    }
    if largest >= 1e15 || step < 1e-5 {
        return scientific(value, step);
    }
    let (unit, suffix) = [(1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")]
        .into_iter()
        .find(|(unit, _)| largest >= 1e4 && value.abs() >= *unit)
        .unwrap_or((1.0, ""));
    signed(format!("{:.*}{suffix}", decimals(step / unit), value / unit))
}

/// With as many digits as tell neighbouring ticks apart.
fn scientific(value: f64, step: f64) -> String {
    let exponent = value.abs().log10().floor();
    signed(format!("{value:.*e}", decimals(step / 10_f64.powf(exponent)).min(15)))
}

/// Decimals that a multiple of `step` needs.
fn decimals(step: f64) -> usize {
    (0..15)
        .find(|&digits| {
            let scaled = step * 10_f64.powi(digits);
            scaled >= 0.999 && (scaled - scaled.round()).abs() < 1e-6 * scaled
        })
        .and_then(|digits| usize::try_from(digits).ok())
        .unwrap_or(15)
}

fn signed(digits: String) -> String {
    match digits.strip_prefix('-') {
        Some(rest) if rest.chars().all(|c| matches!(c, '0' | '.')) => rest.to_owned(),
        Some(rest) => format!("−{rest}"),
        None => digits,
    }
}
