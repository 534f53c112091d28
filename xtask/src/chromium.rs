//! The browser that pages are tested in: found, or installed from Debian's packages where root may.

use crate::failure::{Failure, Result};
use crate::{debian, tool};

/// What Debian, Ubuntu and Google call the program.
const PROGRAMS: [&str; 3] = ["chromium", "chromium-browser", "google-chrome"];
const PACKAGE: &str = "chromium";

/// Make sure that there is one.
pub fn provide() -> Result<()> {
    if is_there() {
        return Ok(());
    }
    if !debian::may_install() {
        return Err(Failure::new(format!("no {PACKAGE} is installed"))
            .hint(format!("as root, on Debian: `apt-get install --no-install-recommends {PACKAGE}`")));
    }
    println!("page: installing {PACKAGE}");
    debian::install(&[PACKAGE])?;
    // Ubuntu's package of this name holds no program.
    if is_there() { Ok(()) } else { Err(Failure::new(format!("the package {PACKAGE} holds no browser here"))) }
}

fn is_there() -> bool {
    PROGRAMS.iter().any(|program| tool::find(program).is_some())
}
