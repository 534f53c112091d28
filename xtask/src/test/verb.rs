//! The verb: its stages in their order, and what it says at the end.

use std::path::Path;

use clap::Args;

use super::runner::{Runner, Selection};
use super::{judges, python};
use crate::failure::Result;
use crate::foreign::{BROWSER, LATEX};
use crate::miniature::DEMO;
use crate::slurm::{self, Trial};
use crate::stages::Stages;
use crate::{libtorch, repo, tool};

#[derive(Args)]
pub struct Test {
    /// Leave nothing out: also the tests marked as slow, the judges that must first be compiled, and the demo
    #[arg(long)]
    full: bool,
}

impl Test {
    pub fn run(&self) -> Result<()> {
        let root = repo::root();
        let mut stages = Stages::start();
        stages.run("set-up", &[], || libtorch::provide(&root));
        // Without libtorch all but `vpit` can still be judged.
        let ready = stages.passed("set-up");
        let scope: &[&str] = if ready { &["--workspace"] } else { &["--workspace", "--exclude", "vpit"] };
        // Without a browser all but pages can still be judged.
        let browser = BROWSER.provide();
        let latex = LATEX.provide();
        let mut runner = Runner::new(&root, scope, self.full, browser.is_ok());

        let packages = python::provide(&root);
        if let Ok(folder) = &packages {
            runner.python = folder.to_string_lossy().into_owned();
        }
        stages.run("format", &[], || cargo(&root, &["fmt", "--all", "--check"]));
        stages.run("build", &[], || runner.build());
        let lint = [&["clippy", "--all-targets"], scope, &["--", "-D", "warnings"]].concat();
        stages.run("lint", &[], || cargo(&root, &lint));
        for (name, selection) in Selection::ALL {
            stages.run(name, &["build"], || runner.run(selection));
        }
        let trial = slurm::trial(&root);
        let untried = match &trial {
            Ok(Trial::Nowhere(why)) => Some(why.clone()),
            _ if !runner.has_tests(Selection::Slurm)? => Some("there is no test target `slurm`".to_owned()),
            _ => None,
        };
        if untried.is_none() {
            stages.run("real Slurm", &["build"], || match trial? {
                Trial::Given(conf) => runner.run_on(&conf, Selection::Slurm),
                Trial::Own(cluster) => cluster.lend(|conf| runner.run_on(conf, Selection::Slurm)),
                Trial::Nowhere(_) => Ok(()),
            });
        }
        stages.run("documentation", &[], || document(&root, scope));
        let mut left_out = runner.left_out();
        stages.run("judges", &[], || judges::run(&root, self.full, &mut left_out));
        match self.full {
            true => stages.run("demo", &["set-up"], || DEMO.run()),
            false => left_out.push("the demo: `cargo xtask demo` runs it".to_owned()),
        }

        report(&stages, &left_out, runner.summaries());
        say_untested("ON A REAL SLURM", untried.map(|why| format!("{why}\n{SLURM_HINT}")));
        say_untested("IN A BROWSER", browser.err().map(|why| why.to_string()));
        say_untested("BY LATEX", latex.err().map(|why| why.to_string()));
        say_untested("BY OTHER PROGRAMS", packages.err().map(|why| format!("{why}\n{PACKAGES_HINT}")));
        stages.finish()
    }
}

const SLURM_HINT: &str = "hint: see `A Slurm cluster on this machine` in docs/development.md";
const PACKAGES_HINT: &str = "hint: `python3 -m pip` must work and reach a package index; without it exports and bundles \
                             are read by nothing but our own readers";

/// Where everybody sees it: after everything else.
fn say_untested(what: &str, why: Option<String>) {
    if let Some(why) = why {
        println!("\nNOT TESTED {what}: {why}");
    }
}

fn cargo(root: &Path, args: &[&str]) -> Result<()> {
    tool::run("cargo", args, root)
}

fn document(root: &Path, scope: &[&str]) -> Result<()> {
    // There are hardly any examples; naming them is what brings the dependencies of tests in.
    let args = [&["doc", "--no-deps", "--lib", "--examples"], scope].concat();
    tool::run_with("cargo", &args, root, &[("RUSTDOCFLAGS", "-D warnings")])
}

/// The table, what was left out, and the test programs' own words last.
fn report(stages: &Stages, left_out: &[String], summaries: &[String]) {
    println!("\n{}", stages.table());
    if !left_out.is_empty() {
        println!("left out:\n  {}\n", left_out.join("\n  "));
    }
    for line in summaries {
        println!("{line}");
    }
}
