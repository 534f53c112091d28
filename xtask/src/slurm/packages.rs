//! Slurm's programs: found, or installed from Debian's or Ubuntu's packages where root may.

use std::path::Path;

use crate::failure::{Failure, Result};
use crate::tool;

/// Programs and the packages that hold them. MariaDB's server package would set up a server for the machine; its core
/// holds just the programs.
const PACKAGES: [(&str, &str); 8] = [
    ("munged", "munge"),
    ("mariadbd", "mariadb-server-core"),
    ("mariadb-install-db", "mariadb-server-core"),
    ("mariadb", "mariadb-client-core"),
    ("slurmdbd", "slurmdbd"),
    ("slurmctld", "slurmctld"),
    ("slurmd", "slurmd"),
    ("sbatch", "slurm-client"),
];

/// Make sure that every program is there.
pub fn provide() -> Result<()> {
    let missing = missing();
    if missing.is_empty() {
        return Ok(());
    }
    let line = format!("apt-get install --no-install-recommends {}", missing.join(" "));
    if !may_install() {
        return Err(Failure::new(format!("Slurm is not installed: this needs the packages {}", missing.join(", ")))
            .hint(format!("as root, on Debian or Ubuntu: `{line}`")));
    }
    println!("slurm: installing {}", missing.join(", "));
    let options = ["--quiet", "--yes", "--no-install-recommends"];
    install(&[&["install"], &options[..], &missing].concat())
        // Lists of packages may be old or, in a fresh container, not there.
        .or_else(|_| {
            install(&["--quiet", "update"])?;
            install(&[&["install"], &options[..], &missing].concat())
        })
        .map_err(|failure| failure.hint("apt's words above say why"))
}

fn install(args: &[&str]) -> Result<()> {
    tool::run_with("apt-get", args, Path::new("/"), &[("DEBIAN_FRONTEND", "noninteractive")])
}

/// Whether `up` could work here: the programs are there, or may be installed.
pub fn can_be_had() -> bool {
    missing().is_empty() || may_install()
}

fn may_install() -> bool {
    rustix::process::getuid().is_root() && tool::find("apt-get").is_some()
}

/// The packages whose programs are not there.
fn missing() -> Vec<&'static str> {
    let mut missing: Vec<&str> =
        PACKAGES.iter().filter(|(program, _)| tool::find(program).is_none()).map(|&(_, package)| package).collect();
    missing.dedup();
    missing
}
