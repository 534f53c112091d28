//! The benchmarks by name.

use std::fmt;
use std::str::FromStr;

use super::definition::Definition;
use super::{chartqa, mmbench, mmmu, mmvp, mvbench, realworldqa, scienceqa, seed, textvqa, vstar};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Benchmark {
    MmBenchEn,
    Seed,
    VStar,
    Mmvp,
    Mmmu,
    ChartQa,
    TextVqa,
    ScienceQa,
    RealWorldQa,
    MvBench,
}

impl Benchmark {
    pub const ALL: [Self; 10] = [
        Self::MmBenchEn,
        Self::Seed,
        Self::VStar,
        Self::Mmvp,
        Self::Mmmu,
        Self::ChartQa,
        Self::TextVqa,
        Self::ScienceQa,
        Self::RealWorldQa,
        Self::MvBench,
    ];

    pub fn definition(self) -> &'static Definition {
        match self {
            Self::MmBenchEn => &mmbench::DEFINITION,
            Self::Seed => &seed::DEFINITION,
            Self::VStar => &vstar::DEFINITION,
            Self::Mmvp => &mmvp::DEFINITION,
            Self::Mmmu => &mmmu::DEFINITION,
            Self::ChartQa => &chartqa::DEFINITION,
            Self::TextVqa => &textvqa::DEFINITION,
            Self::ScienceQa => &scienceqa::DEFINITION,
            Self::RealWorldQa => &realworldqa::DEFINITION,
            Self::MvBench => &mvbench::DEFINITION,
        }
    }

    pub fn name(self) -> &'static str {
        self.definition().name
    }
}

impl fmt::Display for Benchmark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Benchmark {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let names = || Self::ALL.map(Self::name).join(", ");
        let known = Self::ALL.into_iter().find(|benchmark| benchmark.name() == text);
        known.ok_or_else(|| format!("no benchmark is called `{text}`; there are {}", names()))
    }
}
