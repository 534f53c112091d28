//! Where the shown values come from, and where sources differ.

use super::Asked;
use crate::report::frame::Reading;
use crate::report::table::differing;

/// More lines than this are for the CSV file.
const MOST_DISPUTES: usize = 20;

/// Paragraphs that say which sources are shown, and each cell in which another one gives another value.
pub(super) fn provenance(asked: Asked, measures: &[usize]) -> Vec<String> {
    let mut out = vec![crate::report::table::sources(asked.frame, measures)];
    let disputes = disputes(asked, measures);
    let rest = disputes.len().saturating_sub(MOST_DISPUTES);
    out.extend(disputes.into_iter().take(MOST_DISPUTES));
    if rest > 0 {
        out.push(format!("† {rest} more cells of which sources give different values: see the CSV file."));
    }
    out
}

fn disputes(asked: Asked, measures: &[usize]) -> Vec<String> {
    let frame = asked.frame;
    let mut out = Vec::new();
    for &measure in measures {
        let Some(spec) = frame.measures().get(measure) else { continue };
        let decimals = asked.decimals(measure);
        let says =
            |reading: &Reading| format!("{} in {}", frame.reading_text(reading, decimals), frame.source_of(reading));
        for cell in 0..frame.cells.len() {
            let score = frame.score(cell, measure);
            let others: Vec<String> = differing(frame, score, decimals).into_iter().map(says).collect();
            if let (false, Some(shown)) = (others.is_empty(), score.readings.first()) {
                let (place, others) = (frame.cell_label(cell), others.join("; "));
                out.push(format!("† {}, {place}: {} is shown; {others}.", spec.label, says(shown)));
            }
        }
    }
    out
}
