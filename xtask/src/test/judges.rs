//! Programs of others that judge the repository: used where they are installed, and installed where nothing may be left out.

use std::path::{Path, PathBuf};

use crate::failure::Result;
use crate::{repo, tool};

struct Judge {
    package: &'static str,
    version: &'static str,
    program: &'static str,
    args: &'static [&'static str],
    what: &'static str,
}

/// Whether a crate has known weaknesses is not asked: the answer changes from day to day, and its source is no package index.
const JUDGES: [Judge; 3] = [
    Judge {
        package: "cargo-deny",
        version: "0.20.2",
        program: "cargo-deny",
        args: &["--workspace", "check", "licenses", "bans", "sources"],
        what: "licences and sources",
    },
    Judge {
        package: "cargo-machete",
        version: "0.9.2",
        program: "cargo-machete",
        args: &[],
        what: "unused dependencies",
    },
    Judge { package: "typos-cli", version: "1.52.0", program: "typos", args: &[], what: "spelling" },
];

/// Ask all of them; `full` installs those that are not there, which takes minutes.
pub fn run(root: &Path, full: bool, left_out: &mut Vec<String>) -> Result<()> {
    let folder = repo::target(root)?.join("judges");
    for judge in &JUDGES {
        match judge.provide(&folder, full)? {
            Some(program) => tool::run(&program.to_string_lossy(), judge.args, root)?,
            None => left_out.push(format!("{}: `{}` is not installed", judge.what, judge.program)),
        }
    }
    Ok(())
}

impl Judge {
    /// The program: our own, or whichever is on the path.
    fn provide(&self, folder: &Path, install: bool) -> Result<Option<PathBuf>> {
        let own = folder.join("bin").join(self.program);
        if !own.is_file() {
            if let Some(found) = tool::find(self.program) {
                return Ok(Some(found));
            }
            if !install {
                return Ok(None);
            }
            let (to, package) = (folder.to_string_lossy(), format!("{}@{}", self.package, self.version));
            tool::run("cargo", &["install", "--locked", "--root", &to, &package], folder.parent().unwrap_or(folder))?;
        }
        Ok(Some(own))
    }
}
