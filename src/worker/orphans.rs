//! Processes that outlived the one that started them, found by the environment that they were given.
//!
//! A job may start others, in sessions of their own; all of them inherit the variables that name the attempt.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

/// Number of looks for processes that are still ending.
const LOOKS: u32 = 200;
const PAUSE: Duration = Duration::from_millis(10);

/// Kill what still runs of the attempt with the results folder `out`, and wait until it is gone.
pub fn end(out: &Path) {
    end_with(runfile::env::OUT, out.as_os_str());
}

/// Kill what still runs of all attempts that the launcher called `token` started.
pub fn end_all(token: &str) {
    end_with(runfile::env::LAUNCHER, OsStr::new(token));
}

/// What runs of the attempt with the results folder `out`.
pub(super) fn processes_of(out: &Path) -> Vec<Pid> {
    processes_with(&variable(runfile::env::OUT, out.as_os_str()))
}

fn variable(name: &str, value: &OsStr) -> Vec<u8> {
    [name.as_bytes(), b"=", value.as_bytes()].concat()
}

fn end_with(name: &str, value: &OsStr) {
    let variable = variable(name, value);
    for _ in 0..LOOKS {
        let found = processes_with(&variable);
        if found.is_empty() {
            return;
        }
        for pid in found {
            // It may have ended by itself in this moment.
            let _ = kill_process(pid, Signal::KILL);
        }
        std::thread::sleep(PAUSE);
    }
}

/// Living processes of this user, other than this one, whose environment at their start had `variable`.
fn processes_with(variable: &[u8]) -> Vec<Pid> {
    let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
    let me = std::process::id().cast_signed();
    entries
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<i32>().ok())
        .filter(|&pid| pid != me)
        .filter(|pid| {
            // A zombie's environment is empty, that of another user's process unreadable.
            fs::read(format!("/proc/{pid}/environ"))
                .is_ok_and(|environment| environment.split(|&byte| byte == 0).any(|entry| entry == variable))
        })
        .filter_map(Pid::from_raw)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn processes_of_an_attempt_are_ended_whatever_their_group() {
        let folder = tempfile::tempdir().unwrap();
        let job = duct::cmd!("sh", "-c", "setsid sleep 1000 & sleep 1000")
            .env(runfile::env::OUT, folder.path())
            .unchecked()
            .start()
            .unwrap();
        let other = duct::cmd!("sleep", "1000").env(runfile::env::OUT, "/elsewhere").unchecked().start().unwrap();
        let variable = [b"SWEEP_OUT=", folder.path().as_os_str().as_bytes()].concat();
        while processes_with(&variable).len() < 3 {
            std::thread::yield_now();
        }
        end(folder.path());
        assert!(processes_with(&variable).is_empty());
        assert_eq!(std::os::unix::process::ExitStatusExt::signal(&job.wait().unwrap().status), Some(9));
        assert!(other.try_wait().unwrap().is_none(), "another attempt's process goes on");
        other.kill().unwrap();
        other.wait().unwrap();
    }
}
