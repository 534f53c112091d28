//! What went wrong, for a person: the thing, the reason, and what to do next.

use std::fmt;
use std::process::ExitCode;

pub type Result<T> = std::result::Result<T, Error>;

/// Decides the exit code; the table is frozen in `docs/cli.md`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Something failed that is none of the kinds below.
    General,
    /// The command line or a file written by the user is wrong.
    Usage,
    /// Some tasks failed.
    TasksFailed,
    /// Results are missing where the command asked for all of them.
    Incomplete,
    /// An audit found a mismatch.
    Audit,
    /// Another process holds the store.
    Locked,
    /// Slurm does not answer; try again later.
    Unavailable,
    /// The user pressed Ctrl-C.
    Interrupted,
}

impl Kind {
    #[must_use]
    pub fn exit_code(self) -> ExitCode {
        ExitCode::from(match self {
            Self::General => 1,
            Self::Usage => 2,
            Self::TasksFailed => 4,
            Self::Incomplete => 5,
            Self::Audit => 6,
            Self::Locked => 7,
            Self::Unavailable => 75,
            Self::Interrupted => 130,
        })
    }
}

/// An error on its way to a person.
///
/// The message says what failed and to which thing; causes are chained below it; hints name the next command.
#[derive(Debug)]
pub struct Error {
    kind: Kind,
    message: String,
    excerpt: String,
    causes: Vec<String>,
    hints: Vec<String>,
}

impl Error {
    #[must_use]
    pub fn new(kind: Kind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), excerpt: String::new(), causes: Vec::new(), hints: Vec::new() }
    }

    /// A mistake in something that the user wrote.
    #[must_use]
    pub fn usage(message: impl Into<String>) -> Self {
        Self::new(Kind::Usage, message)
    }

    /// A failure of the world: disk, process, database.
    #[must_use]
    pub fn general(message: impl Into<String>) -> Self {
        Self::new(Kind::General, message)
    }

    /// Put `message` above what is known so far; the old message becomes the first cause.
    #[must_use]
    pub fn context(mut self, message: impl Into<String>) -> Self {
        let cause = std::mem::replace(&mut self.message, message.into());
        self.causes.insert(0, cause);
        self
    }

    /// Put a place in a file before the message.
    #[must_use]
    pub fn at(mut self, place: &str) -> Self {
        self.message = format!("{place}: {}", self.message);
        self
    }

    /// Show the lines of a file that the message is about, exactly as they are.
    #[must_use]
    pub fn excerpt(mut self, excerpt: impl Into<String>) -> Self {
        self.excerpt = excerpt.into();
        self
    }

    /// Name what the user can do about it.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    #[must_use]
    pub fn kind(&self) -> Kind {
        self.kind
    }

    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }

    /// Lines of a file, each ending in a newline; empty when the error is about none.
    #[must_use]
    pub fn shown_excerpt(&self) -> &str {
        &self.excerpt
    }

    #[must_use]
    pub fn causes(&self) -> &[String] {
        &self.causes
    }

    #[must_use]
    pub fn hints(&self) -> &[String] {
        &self.hints
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        self.causes.iter().try_for_each(|cause| write!(f, ": {cause}"))
    }
}

impl std::error::Error for Error {}

/// Turns a foreign error into ours, with the thing that it happened to.
pub trait Context<T> {
    /// # Errors
    /// The same as before, below the message.
    fn context(self, message: impl FnOnce() -> String) -> Result<T>;
}

impl<T, E: std::error::Error> Context<T> for std::result::Result<T, E> {
    fn context(self, message: impl FnOnce() -> String) -> Result<T> {
        self.map_err(|error| {
            let mut out = Error::general(message());
            let mut cause: Option<&dyn std::error::Error> = Some(&error);
            while let Some(error) = cause {
                out.causes.push(error.to_string());
                cause = error.source();
            }
            out
        })
    }
}
