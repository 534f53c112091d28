//! Means over benchmarks: the groups of the paper's Figure 8, and its average of nine.

use super::error::Error;
use super::name::Benchmark;
use super::report::Report;
use crate::Estimate;

/// What a benchmark asks for, as the colours of Figure 8 have it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Group {
    General,
    VisionCentric,
    TextAndChart,
    HighResolution,
    Knowledge,
}

impl Group {
    pub const ALL: [Self; 5] =
        [Self::General, Self::VisionCentric, Self::TextAndChart, Self::HighResolution, Self::Knowledge];

    pub fn name(self) -> &'static str {
        match self {
            Self::General => "General",
            Self::VisionCentric => "Vision-Centric",
            Self::TextAndChart => "Text & Chart",
            Self::HighResolution => "High-Resolution",
            Self::Knowledge => "Knowledge",
        }
    }

    /// The benchmarks of the group.
    pub fn members(self) -> Vec<Benchmark> {
        Benchmark::ALL.into_iter().filter(|benchmark| benchmark.definition().group == Some(self)).collect()
    }

    /// The nine image benchmarks, which are in some group; MV-Bench is in none.
    pub fn all_members() -> Vec<Benchmark> {
        Benchmark::ALL.into_iter().filter(|benchmark| benchmark.definition().group.is_some()).collect()
    }
}

/// The mean of the main scores of `members`, each with the same weight whatever its size, as the paper's tables have it.
/// The standard error is that of a mean of independent values; `n` is the number of points behind all of them.
///
/// # Errors
/// A member has no report, or only one of a part of it, or the reports are of different protocols.
pub fn average(members: &[Benchmark], reports: &[Report]) -> Result<Estimate, Error> {
    let report_of = |member: &Benchmark| reports.iter().find(|report| report.benchmark == *member);
    let missing: Vec<Benchmark> = members.iter().copied().filter(|member| report_of(member).is_none()).collect();
    if !missing.is_empty() || members.is_empty() {
        return Err(Error::NoMean { missing });
    }
    let chosen: Vec<&Report> = members.iter().filter_map(report_of).collect();
    if let Some(partial) = chosen.iter().find(|report| !report.complete) {
        return Err(Error::PartialMember { benchmark: partial.benchmark });
    }
    if chosen.iter().any(|report| report.protocol != chosen[0].protocol) {
        return Err(Error::MixedProtocols);
    }
    let estimates = || chosen.iter().map(|report| report.accuracy());
    let k = members.len() as f64;
    let variance: Option<f64> = estimates().map(|estimate| estimate.stderr.map(|stderr| stderr.powi(2))).sum();
    Ok(Estimate {
        value: estimates().map(|estimate| estimate.value).sum::<f64>() / k,
        stderr: variance.map(|sum| sum.sqrt() / k),
        n: estimates().map(|estimate| estimate.n).sum(),
    })
}
