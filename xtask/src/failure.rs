//! Why a verb failed, and what to do about it.

use std::fmt;
use std::io;
use std::path::Path;

pub type Result<T> = std::result::Result<T, Failure>;

/// A failure in one sentence, with the next action when there is one.
#[derive(Debug)]
pub struct Failure {
    what: String,
    hint: Option<String>,
}

impl Failure {
    pub fn new(what: impl Into<String>) -> Self {
        Self { what: what.into(), hint: None }
    }

    pub fn hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }

    /// The same with the last line of what a program `said`.
    pub fn because(self, said: &str) -> Self {
        let last = said.lines().map(str::trim).rfind(|line| !line.is_empty());
        Self { what: last.map_or(self.what.clone(), |line| format!("{}: {line}", self.what)), ..self }
    }

    /// `error` met while trying to `act` (a verb) on `path`.
    pub fn io(act: &str, path: &Path, error: &io::Error) -> Self {
        let failure = Self::new(format!("cannot {act} `{}`: {error}", path.display()));
        if error.kind() == io::ErrorKind::StorageFull {
            return failure.hint("the disk is full: free some space, then run the same command again");
        }
        failure
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)?;
        self.hint.as_ref().map_or(Ok(()), |hint| write!(f, "\nhint: {hint}"))
    }
}
