//! Files with values that somebody else printed.

use std::fs;

use crate::error::{Context, Result};
use crate::grid::Sweep;
use crate::report::printed::Printed;

/// Those that the sweep's reports name.
///
/// # Errors
/// One cannot be read.
pub fn printed(sweep: &Sweep) -> Result<Vec<Printed>> {
    let reports = sweep.reports.iter().filter_map(|report| Some((&report.name, report.printed.as_ref()?)));
    let read = |(report, file): (&String, &std::path::PathBuf)| {
        let text = fs::read_to_string(file)
            .context(|| format!("cannot read `{}`, the printed values of report `{report}`", file.display()))?;
        Ok(Printed { report: report.clone(), file: file.clone(), text })
    };
    reports.map(read).collect()
}
