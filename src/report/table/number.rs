//! Numbers as people read them.

/// `value` with `decimals` digits; never `-0.0`.
#[must_use]
pub fn fixed(value: f64, decimals: usize) -> String {
    let text = format!("{value:.decimals$}");
    let is_zero = text.starts_with('-') && text.bytes().all(|byte| matches!(byte, b'-' | b'0' | b'.'));
    if is_zero { text.trim_start_matches('-').to_owned() } else { text }
}

/// A probability with two significant digits, or what it is smaller than.
#[must_use]
pub fn p_value(p: f64) -> String {
    match p {
        p if p < 1e-4 => "< 0.0001".to_owned(),
        p if p < 0.01 => fixed(p, 4),
        p => fixed(p, 3),
    }
}

/// The number of decimals, at most six, that shows a hundredth of the values' range, less the zeros that all end in.
#[must_use]
pub fn decimals_to_tell_apart(values: &[f64]) -> usize {
    let (low, high) = values
        .iter()
        .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| (low.min(*value), high.max(*value)));
    let range = if high > low { high - low } else { high.abs() };
    let needed = |decimals: &usize| range * 10f64.powi(i32::try_from(*decimals).unwrap_or(0)) >= 99.5;
    let most = (0..6).find(needed).unwrap_or(6);
    let same = |decimals: &usize| {
        values.iter().all(|value| fixed(*value, *decimals).parse() == fixed(*value, most).parse::<f64>())
    };
    (0..most).find(same).unwrap_or(most)
}
