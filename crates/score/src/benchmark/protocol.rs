//! Two ways to score, each after a program that can be run.

use std::fmt;
use std::str::FromStr;

/// Whose rules decide.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Protocol {
    /// Cambrian-1's evaluation scripts: most likely what the paper used. For MV-Bench, which they lack, its authors' rule.
    Cambrian,
    /// lmms-eval's, the field's common harness.
    Official,
}

impl Protocol {
    pub const ALL: [Self; 2] = [Self::Cambrian, Self::Official];

    /// Grows whenever a score could change; scores of different versions are not compared.
    pub fn version(self) -> u32 {
        match self {
            Self::Cambrian | Self::Official => 1,
        }
    }

    /// The program whose rules these are.
    pub fn reference(self) -> &'static str {
        match self {
            Self::Cambrian => "cambrian-mllm/cambrian 539ffc3",
            Self::Official => "lmms-eval 0.7.3",
        }
    }

    pub fn name(self) -> &'static str {
        match self {
            Self::Cambrian => "cambrian",
            Self::Official => "official",
        }
    }
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Protocol {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let known = Self::ALL.into_iter().find(|protocol| protocol.name() == text);
        known.ok_or_else(|| format!("no protocol is called `{text}`; there are `cambrian` and `official`"))
    }
}
