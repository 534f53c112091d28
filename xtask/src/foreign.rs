//! Programs that tests drive: found, or installed from Debian's packages where root may.

use crate::failure::{Failure, Result};
use crate::{debian, tool};

pub struct Foreign {
    /// What Debian, Ubuntu and others call the program.
    programs: &'static [&'static str],
    package: &'static str,
}

/// Opens the pages of reports.
pub const BROWSER: Foreign =
    Foreign { programs: &["chromium", "chromium-browser", "google-chrome"], package: "chromium" };

/// Compiles what reports hold for papers.
pub const LATEX: Foreign = Foreign { programs: &["pdflatex"], package: "texlive-latex-recommended" };

impl Foreign {
    /// Make sure that there is one.
    pub fn provide(&self) -> Result<()> {
        if self.is_there() {
            return Ok(());
        }
        let Self { package, .. } = self;
        if !debian::may_install() {
            let install = format!("as root, on Debian: `apt-get install --no-install-recommends {package}`");
            return Err(Failure::new(format!("no {package} is installed")).hint(install));
        }
        println!("set-up: installing {package}");
        debian::install(&[package])?;
        // Ubuntu's package of the browser's name holds no program.
        if self.is_there() { Ok(()) } else { Err(Failure::new(format!("the package {package} holds no program here"))) }
    }

    fn is_there(&self) -> bool {
        self.programs.iter().any(|program| tool::find(program).is_some())
    }
}
