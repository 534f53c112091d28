//! Foreign programs, each started from here.

use std::ffi::OsString;
use std::io::{self, BufRead, BufReader};
use std::path::Path;

use crate::failure::{Failure, Result};

/// Run `program` in `folder` with our own output streams and no input; fail unless it ends well.
pub fn run(program: &str, args: &[&str], folder: &Path) -> Result<()> {
    run_with(program, args, folder, &[])
}

/// As [`run`], with more environment variables.
pub fn run_with(program: &str, args: &[&str], folder: &Path, env: &[(&str, &str)]) -> Result<()> {
    check(program, args, command(program, args, folder, env).run().map(|end| end.status))
}

/// As [`run_with`], where each line of either stream is both printed and given to `see`.
pub fn stream(
    program: &str,
    args: &[&str],
    folder: &Path,
    env: &[(&str, &str)],
    mut see: impl FnMut(&str),
) -> Result<()> {
    let mut copy = || {
        let output = command(program, args, folder, env).stderr_to_stdout().reader()?;
        for line in BufReader::new(&output).split(b'\n') {
            let line = line?;
            let line = String::from_utf8_lossy(&line);
            println!("{line}");
            see(&line);
        }
        // The reader has waited for the program's end.
        output.try_wait()?.map(|end| end.status).ok_or_else(|| io::Error::other("it closed its output but runs on"))
    };
    check(program, args, copy())
}

/// What `program` prints on its standard output.
pub fn read(program: &str, args: &[&str], folder: &Path) -> Result<String> {
    let end = command(program, args, folder, &[]).stdout_capture().run();
    let text = end.as_ref().map(|end| String::from_utf8_lossy(&end.stdout).into_owned()).unwrap_or_default();
    check(program, args, end.map(|end| end.status))?;
    Ok(text)
}

fn command(program: &str, args: &[&str], folder: &Path, env: &[(&str, &str)]) -> duct::Expression {
    let command = duct::cmd(program, args).dir(folder).stdin_null().unchecked();
    env.iter().fold(command, |command, &(name, value)| command.env(name, value))
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
