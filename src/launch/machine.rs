//! What this machine has for tasks: slots, devices, room on the disk.

use std::fs;
use std::path::Path;

use super::board::Slots;
use crate::error::Context;
use crate::text::bytes;
use crate::{Error, Result};

/// With less room than this nothing is started: logs and outcomes would be torn.
const LEAST_ROOM: u64 = 64 << 20;

/// The slots of this machine, or as many as the user wants.
///
/// # Errors
/// More devices are wanted than the environment names.
pub fn slots(jobs: Option<u32>, gpus: Option<u32>) -> Result<Slots> {
    let cores = std::thread::available_parallelism().map_or(1, |cores| u32::try_from(cores.get()).unwrap_or(u32::MAX));
    let visible = std::env::var_os("CUDA_VISIBLE_DEVICES").map(|list| devices_of(&list.to_string_lossy()));
    let devices = visible.unwrap_or_else(|| numbered(count_devices(Path::new("/dev"))));
    let gpus = match gpus {
        None => devices,
        Some(wanted) if wanted as usize <= devices.len() => devices.into_iter().take(wanted as usize).collect(),
        // The user knows of devices that do not show here.
        Some(wanted) if std::env::var_os("CUDA_VISIBLE_DEVICES").is_none() => numbered(wanted),
        Some(wanted) => {
            let message = format!("{wanted} devices are wanted, CUDA_VISIBLE_DEVICES names {}", devices.len());
            return Err(Error::usage(message));
        }
    };
    Ok(Slots { threads: jobs.unwrap_or(cores), gpus })
}

fn numbered(count: u32) -> Vec<String> {
    (0..count).map(|number| number.to_string()).collect()
}

/// The entries of `CUDA_VISIBLE_DEVICES`; the first that is negative ends the list.
fn devices_of(list: &str) -> Vec<String> {
    let entries = list.split(',').map(str::trim).take_while(|entry| !entry.is_empty() && !entry.starts_with('-'));
    entries.map(str::to_owned).collect()
}

/// Number of `nvidia0`, `nvidia1`, ... in `folder`.
fn count_devices(folder: &Path) -> u32 {
    let Ok(entries) = fs::read_dir(folder) else { return 0 };
    let is_device = |name: &str| {
        name.strip_prefix("nvidia")
            .is_some_and(|number| !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()))
    };
    let devices =
        entries.filter(|entry| entry.as_ref().is_ok_and(|entry| entry.file_name().to_str().is_some_and(is_device)));
    u32::try_from(devices.count()).unwrap_or(u32::MAX)
}

/// Check that the disk with `folder` has room for `declared` bytes of results, and for logs.
///
/// # Errors
/// It has not, or cannot be asked.
pub fn check_room(folder: &Path, declared: u64) -> Result<()> {
    let free = free_bytes(folder).context(|| format!("cannot ask how much room is left for `{}`", folder.display()))?;
    let needed = declared.saturating_add(LEAST_ROOM);
    if free >= needed {
        return Ok(());
    }
    let message = format!(
        "too little disk: {} are free for `{}`, at least {} are needed",
        bytes(free),
        folder.display(),
        bytes(needed)
    );
    Err(Error::general(message).hint("`sweep gc` shows what can be deleted; then run the same command again"))
}

/// Whether so little room is left that nothing should be started.
pub fn is_full(folder: &Path) -> bool {
    free_bytes(folder).is_ok_and(|free| free < LEAST_ROOM)
}

fn free_bytes(folder: &Path) -> std::io::Result<u64> {
    let system = rustix::fs::statvfs(folder)?;
    Ok(system.f_bavail.saturating_mul(system.f_frsize))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn visible_devices_are_a_list_that_a_negative_entry_ends() {
        assert_eq!(devices_of("2,0"), ["2", "0"]);
        assert_eq!(devices_of("GPU-8f,1,-1,3"), ["GPU-8f", "1"]);
        assert_eq!(devices_of(""), [] as [&str; 0]);
        assert_eq!(devices_of("-1"), [] as [&str; 0]);
    }

    #[test]
    fn devices_are_counted_by_their_numbers() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["nvidia0", "nvidia1", "nvidiactl", "nvidia-uvm", "sda1"] {
            fs::write(folder.path().join(name), "").unwrap();
        }
        assert_eq!(count_devices(folder.path()), 2);
    }

    #[test]
    fn room_is_asked_of_the_disk() {
        let folder = tempfile::tempdir().unwrap();
        let error = check_room(folder.path(), u64::MAX).unwrap_err();
        assert!(error.message().starts_with("too little disk: "), "{error}");
        assert!(check_room(Path::new("/no/such/folder"), 0).is_err());
    }
}
