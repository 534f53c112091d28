//! Points of a submission at which tests let this process die as a crash would: exactly there, not about then.
//!
//! Programs that are built for use have none of it.

/// Names the point at which to die.
const VARIABLE: &str = "SWEEP_CRASH";

/// Between two steps of a submission.
#[derive(Debug, Clone, Copy)]
pub(super) enum Point {
    BeforeIntent,
    BeforeSbatch,
    BeforeCommit,
    BetweenArrays,
    BeforeRelease,
    AfterRelease,
}

impl Point {
    fn name(self) -> &'static str {
        match self {
            Self::BeforeIntent => "before-intent",
            Self::BeforeSbatch => "before-sbatch",
            Self::BeforeCommit => "before-commit",
            Self::BetweenArrays => "between-arrays",
            Self::BeforeRelease => "before-release",
            Self::AfterRelease => "after-release",
        }
    }

    /// Die here, if a test wants it.
    pub fn pass(self) {
        if cfg!(debug_assertions) && std::env::var_os(VARIABLE).is_some_and(|wanted| wanted == self.name()) {
            std::process::abort();
        }
    }
}
