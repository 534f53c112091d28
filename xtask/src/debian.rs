//! Debian's and Ubuntu's packages, installed where root may.

use std::path::Path;

use crate::failure::Result;
use crate::tool;

/// Whether [`install`] could work here.
pub fn may_install() -> bool {
    rustix::process::getuid().is_root() && tool::find("apt-get").is_some()
}

/// Install packages and what they need, no more.
pub fn install(packages: &[&str]) -> Result<()> {
    let options = ["--quiet", "--yes", "--no-install-recommends"];
    let install = || apt(&[&["install"], &options[..], packages].concat());
    install()
        // Lists of packages may be old or, in a fresh container, not there.
        .or_else(|_| {
            apt(&["--quiet", "update"])?;
            install()
        })
        .map_err(|failure| failure.hint("apt's words above say why"))
}

fn apt(args: &[&str]) -> Result<()> {
    tool::run_with("apt-get", args, Path::new("/"), &[("DEBIAN_FRONTEND", "noninteractive")])
}
