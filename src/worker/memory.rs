//! Whether the kernel has killed something for want of memory.

use std::fs;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};

/// Number of such kills when it was last asked, by the machine and by this process's control group together.
///
/// A grown number is a hint and no proof: the kill may have hit another process of the machine.
#[derive(Debug)]
pub struct OomKills(AtomicU64);

impl OomKills {
    /// The number as it is now.
    #[must_use]
    pub fn read() -> Self {
        Self(count().into())
    }

    /// Whether there were more since the last time.
    pub(super) fn has_grown(&self) -> bool {
        let now = count();
        self.0.swap(now, Ordering::Relaxed) < now
    }
}

fn count() -> u64 {
    let files = [Some(PathBuf::from("/proc/vmstat")), group_events()];
    files.into_iter().flatten().map(|file| oom_kills(&fs::read_to_string(file).unwrap_or_default())).sum()
}

/// The file with the memory events of this process's control group (version 2).
fn group_events() -> Option<PathBuf> {
    let groups = fs::read_to_string("/proc/self/cgroup").ok()?;
    let group = groups.lines().find_map(|line| line.strip_prefix("0::/"))?;
    Some(PathBuf::from("/sys/fs/cgroup").join(group).join("memory.events"))
}

fn oom_kills(counters: &str) -> u64 {
    counters.lines().find_map(|line| line.strip_prefix("oom_kill ")?.trim().parse().ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_counter_is_found_among_others() {
        assert_eq!(oom_kills("oom 3\noom_kill_disable 1\noom_kill 2\noom_group_kill 9\n"), 2);
        assert_eq!(oom_kills(""), 0);
    }
}
