//! A list of stages that run one after the other, each timed, so that a failure in one hides none of the others.

use std::time::{Duration, Instant};

use crate::failure::{Failure, Result};

/// The stages so far and what each came to.
pub struct Stages {
    started: Instant,
    done: Vec<Stage>,
}

struct Stage {
    name: &'static str,
    took: Duration,
    end: End,
}

enum End {
    Passed,
    Failed(Failure),
    /// Not run, since the named stage did not pass.
    NeedsFirst(&'static str),
}

impl Stages {
    pub fn start() -> Self {
        Self { started: now(), done: Vec::new() }
    }

    /// Run `work` as the stage `name`, unless one of the stages that it `needs` did not pass.
    pub fn run(&mut self, name: &'static str, needs: &[&'static str], work: impl FnOnce() -> Result<()>) {
        println!("\n=== {name}");
        let started = now();
        let end = match needs.iter().find(|needed| !self.passed(needed)) {
            Some(needed) => End::NeedsFirst(needed),
            None => work().map_or_else(End::Failed, |()| End::Passed),
        };
        if let End::Failed(failure) = &end {
            println!("{name}: {failure}");
        }
        self.done.push(Stage { name, took: started.elapsed(), end });
    }

    pub fn passed(&self, name: &str) -> bool {
        self.done.iter().any(|stage| stage.name == name && matches!(stage.end, End::Passed))
    }

    /// The minutes by stage, as a table.
    pub fn table(&self) -> String {
        let row =
            |name: &str, took: Duration, end: &str| format!("{name:<24}{:>8.1}  {end}\n", took.as_secs_f64() / 60.0);
        let mut table = format!("{:<24}{:>8}  result\n", "stage", "minutes");
        for stage in &self.done {
            table += &match &stage.end {
                End::Passed => row(stage.name, stage.took, "passed"),
                End::Failed(_) => row(stage.name, stage.took, "FAILED"),
                End::NeedsFirst(needed) => row(stage.name, stage.took, &format!("not run: needs `{needed}`")),
            };
        }
        table + &row("all", self.started.elapsed(), "")
    }

    /// Fail with the list of stages that did not pass, if any.
    pub fn finish(&self) -> Result<()> {
        let missed: Vec<String> = self.done.iter().filter_map(Stage::complaint).collect();
        if missed.is_empty() { Ok(()) } else { Err(Failure::new(format!("not passed:\n{}", missed.join("\n")))) }
    }
}

impl Stage {
    fn complaint(&self) -> Option<String> {
        match &self.end {
            End::Passed => None,
            End::Failed(failure) => Some(format!("  {}: {failure}", self.name)),
            End::NeedsFirst(needed) => Some(format!("  {}: not run, since `{needed}` did not pass", self.name)),
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "the stages' clock is read here alone, and only shown")]
fn now() -> Instant {
    Instant::now()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stages_run_on_after_a_failure_except_those_that_need_it() {
        let mut stages = Stages::start();
        stages.run("build", &[], || Err(Failure::new("no compiler")));
        stages.run("test", &["build"], || panic!("needs the build"));
        stages.run("format", &[], || Ok(()));
        let failure = stages.finish().expect_err("two stages did not pass").to_string();
        assert_eq!(failure, "not passed:\n  build: no compiler\n  test: not run, since `build` did not pass");
        assert!(stages.passed("format"));
    }
}
