//! Foreign programs, each started from here.

use std::ffi::OsString;
use std::io;
use std::path::Path;

use crate::failure::{Failure, Result};

/// Run `program` in `folder` with our own output streams and no input; fail unless it ends well.
pub fn run(program: &str, args: &[&str], folder: &Path) -> Result<()> {
    check(program, args, duct::cmd(program, args).dir(folder).stdin_null().unchecked().run().map(|end| end.status))
}

/// As [`run`], with one more environment variable.
pub fn run_with(program: &str, args: &[&str], folder: &Path, (name, value): (&str, &Path)) -> Result<()> {
    let command = duct::cmd(program, args).dir(folder).env(name, value).stdin_null();
    check(program, args, command.unchecked().run().map(|end| end.status))
}

fn check(program: &str, args: &[&str], end: io::Result<std::process::ExitStatus>) -> Result<()> {
    let line = || format!("{program} {}", args.join(" "));
    match end {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(Failure::new(format!("`{}` ended with {status}", line()))),
        Err(error) => Err(Failure::new(format!("cannot start `{}`: {error}", line()))),
    }
}

/// Whether `program` with `args` starts and ends well; what it prints is dropped.
pub fn works(program: &str, args: &[&str]) -> bool {
    duct::cmd(program, args).stdin_null().stdout_null().stderr_null().run().is_ok()
}

/// The value of an environment variable, unset and empty being the same.
pub fn env(name: &str) -> Option<OsString> {
    std::env::var_os(name).filter(|value| !value.is_empty())
}
