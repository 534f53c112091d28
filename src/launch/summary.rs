//! What came of a submission, for a person. Pure.

use std::fmt::Write;
use std::path::PathBuf;

use runfile::FailureReason;

use crate::text::plural;

/// Failures that are told one by one; the rest is counted.
const TOLD: usize = 10;

/// A task that failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    pub stage: String,
    /// The parameters of the task, `lr=0.1 width=64`.
    pub params: String,
    pub reason: FailureReason,
    /// The program's last words.
    pub message: String,
    /// Folder of the attempt, or of the task if there was none.
    pub folder: PathBuf,
}

/// Everything that a submission did and left.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Summary {
    /// Tasks that had succeeded before.
    pub before: usize,
    pub succeeded: usize,
    /// Tasks that were handed over to a scheduler.
    pub submitted: usize,
    pub failed: Vec<Failure>,
    /// Tasks that failed before and were not tried again.
    pub failed_before: usize,
    /// Tasks that need one that failed.
    pub blocked: usize,
    pub cancelled: usize,
    /// Tasks that a scheduler has in hand, and those that need them.
    pub queued: usize,
    /// Tasks that other processes work on: who they are.
    pub held: Vec<String>,
    /// Tasks that could not be attempted: why not.
    pub unusable: Vec<String>,
    /// Tasks that were to be started and were not, because something ended the submission.
    pub left: usize,
    /// Attempts that failed and were followed by another one.
    pub retried: usize,
    /// Mistakes in scores and series, with their place.
    pub problems: Vec<String>,
}

impl Summary {
    /// Whether every task of the plan that nobody cancelled has succeeded.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        !self.has_failures() && self.left == 0 && self.queued == 0 && self.held.is_empty()
    }

    /// Whether tasks failed, now or before.
    #[must_use]
    pub fn has_failures(&self) -> bool {
        !self.failed.is_empty() || self.failed_before > 0 || !self.unusable.is_empty()
    }

    /// As text, with a newline at its end.
    #[must_use]
    pub fn text(&self) -> String {
        let mut out = self.headline() + "\n";
        self.write_failures(&mut out);
        write_list(&mut out, "not attempted", &self.unusable);
        write_list(&mut out, "under way elsewhere", &self.held);
        write_list(&mut out, "not taken as the protocol says", &self.problems);
        if self.failed_before > 0 {
            let _ =
                writeln!(out, "{} failed before: `sweep submit --retry-failed` tries again", tasks(self.failed_before));
        } else if !self.failed.is_empty() {
            let _ = writeln!(out, "`sweep submit --retry-failed` tries again what failed");
        }
        if self.left > 0 {
            let _ = writeln!(out, "{} left: the same command goes on from here", tasks(self.left));
        }
        out
    }

    /// `54 tasks: 38 succeeded, 12 before, 2 failed, 2 blocked`.
    #[must_use]
    pub fn headline(&self) -> String {
        let parts = [
            (self.succeeded, "succeeded"),
            (self.submitted, "submitted"),
            (self.before, "had succeeded before"),
            (self.failed.len(), "failed"),
            (self.failed_before, "had failed before"),
            (self.unusable.len(), "not attempted"),
            (self.blocked, "blocked by those"),
            (self.held.len(), "under way elsewhere"),
            (self.queued, "submitted before"),
            (self.cancelled, "cancelled"),
            (self.left, "left"),
        ];
        let total = parts.iter().map(|(count, _)| count).sum();
        let said: Vec<String> =
            parts.iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!("{count} {what}")).collect();
        let retried =
            if self.retried > 0 { format!(" ({} more)", plural(self.retried, "attempt")) } else { String::new() };
        match said.is_empty() {
            true => "nothing to do: the plan has no tasks".to_owned(),
            false => format!("{}: {}{retried}", tasks(total), said.join(", ")),
        }
    }

    fn write_failures(&self, out: &mut String) {
        for failure in self.failed.iter().take(TOLD) {
            let Failure { stage, params, reason, message, folder } = failure;
            let space = if params.is_empty() { "" } else { " " };
            let _ = writeln!(out, "failed ({reason}): {stage}{space}{}", printable(params));
            let _ = writeln!(out, "  {}", printable(message));
            let _ = writeln!(out, "  {}", printable(&folder.to_string_lossy()));
        }
        if self.failed.len() > TOLD {
            let _ = writeln!(out, "and {} more failed", self.failed.len() - TOLD);
        }
    }
}

fn write_list(out: &mut String, what: &str, lines: &[String]) {
    for line in lines.iter().take(TOLD) {
        let _ = writeln!(out, "{what}: {}", printable(line));
    }
    if lines.len() > TOLD {
        let _ = writeln!(out, "and {} more {what}", lines.len() - TOLD);
    }
}

fn tasks(count: usize) -> String {
    plural(count, "task")
}

/// What a program wrote, shown and not obeyed: control characters, and those that turn the direction of text, are
/// spelled out.
#[must_use]
pub fn printable(text: &str) -> String {
    let turns = |c: char| matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_control() || turns(c) {
            out.extend(c.escape_default());
        } else {
            out.push(c);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failure(message: &str) -> Failure {
        Failure {
            stage: "train".to_owned(),
            params: "lr=0.1".to_owned(),
            reason: FailureReason::ExitCode,
            message: message.to_owned(),
            folder: "runs/ab/attempts/1".into(),
        }
    }

    #[test]
    fn a_good_end_is_one_line() {
        let summary = Summary { before: 1, succeeded: 5, ..Summary::default() };
        assert_eq!(summary.text(), "6 tasks: 5 succeeded, 1 had succeeded before\n");
        assert!(summary.is_complete());
    }

    #[test]
    fn failures_say_where_to_look_and_what_to_do() {
        let summary =
            Summary { succeeded: 1, failed: vec![failure("exited with code 3: oh")], blocked: 2, ..Summary::default() };
        let expected = "4 tasks: 1 succeeded, 1 failed, 2 blocked by those\n\
            failed (exit-code): train lr=0.1\n  exited with code 3: oh\n  runs/ab/attempts/1\n\
            `sweep submit --retry-failed` tries again what failed\n";
        assert_eq!(summary.text(), expected);
        assert!(!summary.is_complete());
    }

    #[test]
    fn a_thousand_failures_fit_on_a_screen() {
        let summary = Summary { failed: vec![failure("oh"); 1000], ..Summary::default() };
        assert!(summary.text().lines().count() < 40);
        assert!(summary.text().contains("and 990 more failed"));
    }

    #[test]
    fn a_log_cannot_command_the_terminal() {
        let text = Summary { failed: vec![failure("\x1b]0;owned\x07\u{202e}")], ..Summary::default() }.text();
        assert!(text.contains("\\u{1b}]0;owned\\u{7}\\u{202e}"), "{text}");
        assert!(!text.contains('\x1b'));
    }
}
