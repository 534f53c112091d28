//! Foreign programs, each started from here.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::{Path, PathBuf};

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

/// How a program ended and what it said.
pub struct Answer {
    /// `None` if a signal ended it.
    pub code: Option<i32>,
    pub out: String,
    pub err: String,
}

/// The answer of `program`, be it well or not.
pub fn answer(program: &str, args: &[&str], folder: &Path, env: &[(&str, &str)]) -> Result<Answer> {
    match command(program, args, folder, env).stdout_capture().stderr_capture().run() {
        Ok(end) => Ok(Answer { code: end.status.code(), out: text(&end.stdout), err: text(&end.stderr) }),
        Err(error) => Err(Failure::new(format!("cannot start `{program} {}`: {error}", args.join(" ")))),
    }
}

/// As [`read`], with more environment variables; nothing is shown, and what it says of an error is in ours.
pub fn ask(program: &str, args: &[&str], folder: &Path, env: &[(&str, &str)]) -> Result<String> {
    let end = command(program, args, folder, env).stdout_capture().stderr_capture().run();
    let (out, err) = end.as_ref().map(|end| (text(&end.stdout), text(&end.stderr))).unwrap_or_default();
    check(program, args, end.map(|end| end.status)).map_err(|failure| failure.because(&format!("{out}{err}")))?;
    Ok(out)
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Start `program` in a session of its own, where it outlives us and no Ctrl-C reaches it, with `env` as its whole
/// environment and all that it says going to the end of `log`.
pub fn start_daemon(program: &str, args: &[String], env: &[(&str, &str)], log: &Path) -> Result<()> {
    let words: Vec<&str> = args.iter().map(String::as_str).collect();
    let start = || {
        let log = File::options().append(true).create(true).open(log)?;
        let command = duct::cmd("setsid", [&[program], &words[..]].concat()).dir("/").stdin_null();
        let env = env.iter().map(|&(name, value)| (OsString::from(name), OsString::from(value)));
        command.full_env(env).stdout_file(log.try_clone()?).stderr_file(log).unchecked().start()
    };
    let line = || format!("{program} {}", words.join(" "));
    start().map(drop).map_err(|error| Failure::new(format!("cannot start `{}`: {error}", line())))
}

/// Where `program` lies: on the path, or where only root's path leads.
pub fn find(program: &str) -> Option<PathBuf> {
    let path = env("PATH").unwrap_or_default();
    let mut folders = std::env::split_paths(&path).chain(["/usr/sbin".into(), "/sbin".into()]);
    folders.find_map(|folder| Some(folder.join(program)).filter(|file| file.is_file()))
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
