//! The clock: the only place that reads it.

use std::time::SystemTime;

/// Seconds since the epoch, UTC. A clock set before 1970 counts as the epoch.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "this is the one place that reads the clock")]
pub fn now() -> f64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0.0, |since| since.as_secs_f64())
}
