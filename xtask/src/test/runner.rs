//! Runs tests by `cargo nextest` where it is installed, else by `cargo test`, and keeps what they say of themselves.

use std::path::Path;

use serde_json::Value;

use crate::failure::Result;
use crate::{repo, tool};

/// Which tests of the workspace.
#[derive(Clone, Copy)]
pub enum Selection {
    /// Beside the code, in every crate.
    Unit,
    /// Of the root package, through its public interface and its command line.
    EndToEnd,
    /// Those of the root package that hold `sweep` to a Slurm, on a real one.
    Slurm,
    /// Of the other crates, in their `tests/`.
    Crates,
    /// In documentation.
    Examples,
}

impl Selection {
    /// Every selection that needs nothing but this machine, with the name of its stage.
    pub const ALL: [(&'static str, Self); 4] = [
        ("unit and golden", Self::Unit),
        ("end to end", Self::EndToEnd),
        ("crates", Self::Crates),
        ("examples in docs", Self::Examples),
    ];
}

/// The root package's test target that [`Selection::Slurm`] is.
const SLURM: &str = "slurm";

/// A way to run tests, and what came of it so far.
pub struct Runner<'a> {
    root: &'a Path,
    /// The packages, as cargo's arguments: the same in every call, so that features are.
    scope: &'a [&'a str],
    full: bool,
    /// Whether a missing browser is a failure of the tests that need one, and no reason to pass them over.
    browser: bool,
    nextest: bool,
    /// Folder of Python packages that tests use; empty without any.
    pub python: String,
    summaries: Vec<String>,
}

impl<'a> Runner<'a> {
    pub fn new(root: &'a Path, scope: &'a [&'a str], full: bool, browser: bool) -> Self {
        Self {
            root,
            scope,
            full,
            browser,
            nextest: tool::works("cargo", &["nextest", "--version"]),
            python: String::new(),
            summaries: Vec::new(),
        }
    }

    /// Compile every program and every test.
    pub fn build(&self) -> Result<()> {
        tool::run("cargo", &[&["build", "--all-targets"], self.scope].concat(), self.root)
    }

    pub fn run(&mut self, selection: Selection) -> Result<()> {
        // Tests that could run on a real Slurm run on a fake one.
        self.run_on("", selection)
    }

    /// As [`Runner::run`], on the Slurm that this `slurm.conf` belongs to.
    pub fn run_on(&mut self, slurm_conf: &str, selection: Selection) -> Result<()> {
        let targets = self.targets(selection)?;
        if targets.is_empty() {
            return Ok(());
        }
        let verb: &[&str] = match selection {
            Selection::Unit | Selection::EndToEnd | Selection::Slurm | Selection::Crates if self.nextest => {
                &["nextest", "run", "--no-tests=pass"]
            }
            _ => &["test"],
        };
        let targets: Vec<&str> = targets.iter().map(String::as_str).collect();
        // These tests wait most of the time; and what a fake alone does was tried before.
        let together: &[&str] = match selection {
            Selection::Slurm if self.nextest => &["--test-threads=8", "-E", "not test(/^fake::/)"],
            _ => &[],
        };
        let slow: &[&str] = if self.full { &["--", "--include-ignored"] } else { &[] };
        let args = [verb, &["--no-fail-fast"], self.scope, &targets, together, slow].concat();
        // A golden text never writes itself: accepting one is a person's command.
        let mut env = vec![
            ("INSTA_UPDATE", "no"),
            ("CARGO_TERM_COLOR", "never"),
            ("SLURM_CONF", slurm_conf),
            ("SWEEP_TEST_PACKAGES", &self.python),
        ];
        env.extend(self.browser.then_some(("SWEEP_TEST_CHROMIUM", "required")));
        tool::stream("cargo", &args, self.root, &env, |line| {
            if is_summary(line) {
                self.summaries.push(line.to_owned());
            }
        })
    }

    /// Whether there are test targets for it.
    pub fn has_tests(&self, selection: Selection) -> Result<bool> {
        self.targets(selection).map(|targets| !targets.is_empty())
    }

    /// Cargo's arguments that choose the test targets; empty when there are none.
    fn targets(&self, selection: Selection) -> Result<Vec<String>> {
        let of_root = match selection {
            Selection::Unit => return Ok(vec!["--lib".to_owned(), "--bins".to_owned()]),
            Selection::Examples => return Ok(vec!["--doc".to_owned()]),
            Selection::EndToEnd | Selection::Slurm => true,
            Selection::Crates => false,
        };
        let metadata = repo::metadata(self.root)?;
        let packages = metadata["packages"].as_array().into_iter().flatten();
        let chosen = packages.filter(|package| (package["name"] == "sweep") == of_root && self.has(&package["name"]));
        let targets = chosen.flat_map(|package| package["targets"].as_array().into_iter().flatten());
        let tests = targets.filter(|target| target["kind"][0] == "test").filter_map(|target| target["name"].as_str());
        let tests = tests.filter(|name| *name == SLURM || !matches!(selection, Selection::Slurm));
        Ok(tests.flat_map(|name| ["--test".to_owned(), name.to_owned()]).collect())
    }

    fn has(&self, package: &Value) -> bool {
        !self.scope.iter().any(|&word| package == word)
    }

    /// The names of the tests marked as slow, when they are left out.
    pub fn left_out(&self) -> Vec<String> {
        if self.full {
            return Vec::new();
        }
        let args = [&["test", "--quiet"], self.scope, &["--lib", "--bins", "--tests", "--", "--list", "--ignored"]];
        let list = tool::read("cargo", &args.concat(), self.root).unwrap_or_default();
        list.lines().filter_map(|line| line.strip_suffix(": test")).map(|name| format!("slow test `{name}`")).collect()
    }

    /// The test programs' own last words, without those that had nothing to run.
    pub fn summaries(&self) -> &[String] {
        &self.summaries
    }
}

/// `cargo test` ends each program with `test result: ...`, nextest all of them with `Summary [...] ...`; both name what
/// failed.
fn is_summary(line: &str) -> bool {
    let empty = line.starts_with("test result: ok. 0 passed; 0 failed; 0 ignored");
    let plain =
        line.starts_with("test result: ") && !empty || line.starts_with("test ") && line.ends_with("... FAILED");
    plain || ["Summary [", "FAIL ["].iter().any(|word| line.trim_start().starts_with(word))
}

#[cfg(test)]
mod tests {
    use super::is_summary;

    #[test]
    fn both_runners_summaries_are_known() {
        assert!(is_summary("test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out"));
        assert!(is_summary("     Summary [   0.012s] 3 tests run: 3 passed, 1 skipped"));
        assert!(is_summary("test grid::tests::amounts_are_exact ... FAILED"));
        assert!(!is_summary("test result: ok. 0 passed; 0 failed; 0 ignored; 0 measured; 4 filtered out"));
        assert!(!is_summary("test grid::tests::amounts_are_exact ... ok"));
    }
}
