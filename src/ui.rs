//! What people see: the only place that prints.

use crate::Error;

/// Print an error with its causes and hints on standard error.
pub fn print_error(error: &Error) {
    anstream::eprintln!("error: {}", error.message());
    anstream::eprint!("{}", error.shown_excerpt());
    for cause in error.causes() {
        anstream::eprintln!("  caused by: {cause}");
    }
    for hint in error.hints() {
        anstream::eprintln!("hint: {hint}");
    }
}

/// Print a block of text on standard output, exactly as it is.
///
/// # Errors
/// Standard output is closed (a pipe into `head`): the caller ends quietly.
pub fn print(text: &str) -> std::io::Result<()> {
    use std::io::Write;
    anstream::stdout().write_all(text.as_bytes())
}

/// As [`print()`]; a reader that has seen enough (`| head`) is no error.
///
/// # Errors
/// Standard output cannot be written for another reason.
pub fn print_all(text: &str) -> crate::Result<()> {
    match print(text) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(Error::general(format!("cannot write to standard output: {error}")))
        }
        _ => Ok(()),
    }
}

/// Say something in passing, on standard error.
pub fn note(text: &str) {
    anstream::eprintln!("{text}");
}

/// Characters that fit on a line of standard output: the terminal's width, without bound into a file or a pipe.
#[must_use]
pub fn width() -> usize {
    terminal_size::terminal_size_of(std::io::stdout()).map_or(usize::MAX, |(width, _)| usize::from(width.0))
}
