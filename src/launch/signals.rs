//! What the operating system asks of a process that runs jobs, and the clockwork that ends them in time.

use std::fs;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rustix::process::Signal;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM, SIGUSR1, SIGUSR2};
use signal_hook::iterator::Signals;
use signal_hook::{flag, low_level};

use crate::error::Context;
use crate::worker::Running;
use crate::worker::claim::ClaimFile;
use crate::{Result, clock};

/// How often signals and time limits are looked at.
const TICK: Duration = Duration::from_millis(20);
/// How often a holder says that it lives, within its lease.
const RENEWALS: u32 = 10;

/// Signals that ask for an end.
const ENDING: [i32; 3] = [SIGINT, SIGTERM, SIGHUP];

/// A signal that asked this process to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Interrupt(i32);

impl Interrupt {
    /// What a shell says of a process that ended by this signal; Ctrl-C is 130.
    #[must_use]
    pub fn exit_code(self) -> u8 {
        u8::try_from(128 + self.0).unwrap_or(u8::MAX)
    }
}

/// Watches over running jobs.
#[derive(Debug)]
pub struct Watch {
    signals: Signals,
    /// Those that ask for an end.
    ending: Vec<i32>,
}

impl Watch {
    /// Take over the signals of this process, save those that it was started to ignore (`nohup`).
    ///
    /// # Errors
    /// The system refuses.
    pub fn new() -> Result<Self> {
        let ignored = ignored_signals(&fs::read_to_string("/proc/self/status").unwrap_or_default());
        let wanted = [SIGINT, SIGTERM, SIGHUP, SIGUSR1, SIGUSR2].into_iter().filter(|signal| !ignored.contains(signal));
        let signals = Signals::new(wanted).context(|| "cannot listen to signals".to_owned())?;
        let ending = ENDING.into_iter().filter(|signal| !ignored.contains(signal)).collect();
        Ok(Self { signals, ending })
    }

    /// Pass signals on to the jobs in `running` and enforce their time limits, until `over`. Returns the first signal
    /// that asked for an end.
    ///
    /// That one asks the jobs to end, a second one kills them.
    pub fn watch(mut self, running: &Running, claims: &ClaimFile, over: &AtomicBool) -> Option<Interrupt> {
        let register = |&signal: &i32| flag::register(signal, running.asked());
        let flags: Vec<_> = self.ending.iter().map(register).collect();
        let interrupt = self.watch_until(running, claims, over);
        for id in flags.into_iter().flatten() {
            low_level::unregister(id);
        }
        interrupt
    }

    fn watch_until(&mut self, running: &Running, claims: &ClaimFile, over: &AtomicBool) -> Option<Interrupt> {
        let mut interrupt = None;
        let mut renewed = clock::monotonic();
        while !over.load(Ordering::Acquire) {
            for signal in self.signals.pending() {
                match signal {
                    SIGUSR1 => running.forward_to_listeners(Signal::USR1),
                    SIGUSR2 => running.forward_to_listeners(Signal::USR2),
                    _ if interrupt.is_some() => running.kill(),
                    signal => {
                        interrupt = Some(Interrupt(signal));
                        running.stop();
                    }
                }
            }
            running.enforce();
            if clock::monotonic().saturating_sub(renewed) > claims.holder().lease() / RENEWALS {
                renewed = clock::monotonic();
                // Another host takes over only after ten renewals in a row have failed.
                let _ = claims.renew();
            }
            std::thread::sleep(TICK);
        }
        interrupt
    }
}

/// The signals that a process ignores, from its status file: a mask in hexadecimal, signal 1 in the lowest bit.
fn ignored_signals(status: &str) -> Vec<i32> {
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:")).map_or("", str::trim);
    let mask = u64::from_str_radix(mask, 16).unwrap_or(0);
    (1..=64).filter(|signal| mask >> (signal - 1) & 1 == 1).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mask_names_signals_from_one() {
        assert_eq!(ignored_signals("Name:\tsweep\nSigIgn:\t0000000000001001\n"), [1, 13]);
        assert!(ignored_signals("").is_empty());
    }

    #[test]
    fn an_interrupted_process_ends_as_shells_say_it() {
        assert_eq!((Interrupt(SIGINT).exit_code(), Interrupt(SIGTERM).exit_code()), (130, 143));
    }
}
