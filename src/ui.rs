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
