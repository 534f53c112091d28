//! Slurm's programs: found, or installed from Debian's or Ubuntu's packages where root may.

use crate::failure::{Failure, Result};
use crate::{debian, tool};

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
    if !debian::may_install() {
        return Err(Failure::new(format!("Slurm is not installed: this needs the packages {}", missing.join(", ")))
            .hint(format!("as root, on Debian or Ubuntu: `{line}`")));
    }
    println!("slurm: installing {}", missing.join(", "));
    debian::install(&missing)
}

/// Whether `up` could work here: the programs are there, or may be installed.
pub fn can_be_had() -> bool {
    missing().is_empty() || debian::may_install()
}

/// The packages whose programs are not there.
fn missing() -> Vec<&'static str> {
    let mut missing: Vec<&str> =
        PACKAGES.iter().filter(|(program, _)| tool::find(program).is_none()).map(|&(_, package)| package).collect();
    missing.dedup();
    missing
}
