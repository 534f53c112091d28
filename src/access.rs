//! Who may use what a project holds: its owner alone, or a group.
//!
//! The file system says which: a project's state folder is writable by its group or it is not. Whoever opens the project
//! follows that, for everything that the process and its jobs make, whatever the umask was. Groups are inherited by the
//! kernel, folder by folder (setgid).

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use nix::unistd::Group;
use rustix::fs::Mode;
use rustix::process::umask;

use crate::error::Context;
use crate::{Error, Result};

const GROUP_WRITES: u32 = 0o020;
/// What is made in a folder with this bit belongs to the folder's group.
const SETGID: u32 = 0o2000;

/// Whether what this process makes is for a group. One process works on one project.
static SHARED: AtomicBool = AtomicBool::new(false);

/// Make everything from now on for those for whom `folder` is.
///
/// # Errors
/// The folder cannot be asked.
pub fn follow(folder: &Path) -> Result<()> {
    let mode = fs::metadata(folder).context(|| format!("cannot ask who may use `{}`", folder.display()))?;
    if mode.permissions().mode() & GROUP_WRITES != 0 {
        share_from_now_on();
    }
    Ok(())
}

/// Give the folder `root` and what will be made in it to the group `name`.
///
/// # Errors
/// There is no such group, or the user is no member of it or does not own the folder.
pub fn share(root: &Path, name: &str) -> Result<()> {
    let group = Group::from_name(name).context(|| format!("cannot look for the group `{}`", name.escape_debug()))?;
    let group = group.ok_or_else(|| {
        Error::usage(format!("there is no group `{}`", name.escape_debug()))
            .hint("`id -Gn` lists those that you are in")
    })?;
    let about = || format!("cannot give `{}` to the group `{name}`", root.display());
    let mode = fs::metadata(root).context(about)?.permissions().mode();
    // Changing the group clears the bit, so the mode comes second.
    chown(root, None, Some(group.gid.as_raw()))
        .and_then(|()| fs::set_permissions(root, Permissions::from_mode(mode | SETGID | 0o070)))
        .context(about)
        .map_err(|error| error.hint("you must own the folder and be a member of the group"))?;
    share_from_now_on();
    Ok(())
}

fn share_from_now_on() {
    SHARED.store(true, Ordering::Relaxed);
    // For what is made without a mode, by jobs as well; the mask that was is of no more use.
    umask(Mode::RWXO);
}

fn is_shared() -> bool {
    SHARED.load(Ordering::Relaxed)
}

/// Mode of a new folder.
#[must_use]
pub fn folder_mode() -> u32 {
    if is_shared() { 0o770 } else { 0o700 }
}

/// Mode of a new file.
#[must_use]
pub fn file_mode() -> u32 {
    if is_shared() { 0o660 } else { 0o600 }
}

/// Mode of a file that nobody is to change.
#[must_use]
pub fn kept_mode(executable: bool) -> u32 {
    let bits = if executable { 0o550 } else { 0o440 };
    bits & folder_mode()
}
