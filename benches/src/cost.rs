//! What one process costs: wall time and peak memory, measured from outside.

use std::io;
use std::path::Path;
use std::time::{Duration, Instant};

use nix::sys::resource::{UsageWho, getrusage};

use crate::Result;

/// Wall time from start to end and the largest resident set, with those of the processes it started.
#[derive(Clone, Copy)]
pub struct Cost {
    pub wall: Duration,
    pub peak_bytes: u64,
}

/// The median of `times` costs of a command that runs in `folder`; each is prepared by `prepare`, which is not counted.
pub fn repeated(
    times: usize,
    folder: &Path,
    command: &[String],
    mut prepare: impl FnMut() -> Result<()>,
) -> Result<Cost> {
    let mut costs = Vec::with_capacity(times);
    for _ in 0..times {
        prepare()?;
        costs.push(measure(folder, command)?);
    }
    median(costs)
}

/// The cost in the middle.
///
/// # Errors
/// There is none.
pub fn median(mut costs: Vec<Cost>) -> Result<Cost> {
    costs.sort_by_key(|cost| cost.wall);
    costs.get(costs.len() / 2).copied().ok_or_else(|| "nothing was measured".into())
}

/// The kernel keeps one peak for all ended children of a process, so each measurement has a small process of its own.
pub fn measure(folder: &Path, command: &[String]) -> Result<Cost> {
    let this = std::env::current_exe()?;
    let args = ["measure", "--"].into_iter().map(str::to_owned).chain(command.iter().cloned());
    let said = duct::cmd(this, args).dir(folder).stdin_null().stderr_capture().stdout_capture().unchecked().run()?;
    let text = String::from_utf8_lossy(&said.stdout);
    let mut numbers = text.split_whitespace().map(str::parse);
    match (said.status.success(), numbers.next(), numbers.next()) {
        (true, Some(Ok(nanoseconds)), Some(Ok(peak_bytes))) => {
            Ok(Cost { wall: Duration::from_nanos(nanoseconds), peak_bytes })
        }
        _ => Err(format!("`{}` failed:\n{}", command.join(" "), String::from_utf8_lossy(&said.stderr)).into()),
    }
}

/// The other side of [`measure`]: run `command`, then print nanoseconds and bytes.
pub fn print_cost_of(command: &[String]) -> Result<()> {
    let (program, args) = command.split_first().ok_or("no command")?;
    let started = now();
    duct::cmd(program, args).stdin_null().stdout_null().run()?;
    let wall = started.elapsed();
    let kilobytes = getrusage(UsageWho::RUSAGE_CHILDREN).map_err(io::Error::from)?.max_rss();
    println!("{} {}", wall.as_nanos(), kilobytes * 1024);
    Ok(())
}

#[expect(clippy::disallowed_methods, reason = "measuring time is what this program is for")]
pub fn now() -> Instant {
    Instant::now()
}
