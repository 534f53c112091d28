//! A judged rerun in words.

use super::judge::{Agreement, Difference, Judged, Measure};
use crate::text::plural;

/// Lines of one kind that are told one by one.
const TOLD: usize = 8;

impl Judged {
    /// What came of it, in one sentence without its subject.
    #[must_use]
    pub fn headline(&self) -> String {
        let (tasks, scores) = (plural(self.tasks, "task"), plural(self.scores, "score"));
        let changed = !self.changes.is_empty();
        match self.agreement {
            Agreement::Bits => format!("agrees to the bit when done again: {tasks}, {scores}"),
            Agreement::Scores => {
                format!("gives the same {scores} to the bit when done again, while {} differ", self.count_of_files())
            }
            Agreement::Tolerance => "differs within the declared tolerance when done again".to_owned(),
            Agreement::Noise => "differs by no more than another seed would when done again".to_owned(),
            Agreement::Drift if changed => "differs when done again, in a changed environment".to_owned(),
            Agreement::Drift => "differs when done again, and nothing recorded of its environment does".to_owned(),
            Agreement::Failed if changed => "fails when done again, in a changed environment".to_owned(),
            Agreement::Failed => "fails when done again".to_owned(),
        }
    }

    fn count_of_files(&self) -> String {
        plural(self.files.len(), "file")
    }

    /// What the headline rests on, one line each: failures, scores, files, environment.
    #[must_use]
    pub fn evidence(&self) -> Vec<String> {
        let mut lines: Vec<String> = Vec::new();
        for (stage, reason, message) in &self.failures {
            let reason = reason.map_or_else(|| "failed".to_owned(), |reason| reason.to_string());
            lines.push(format!("{stage}: {reason}: {message}"));
        }
        let mut differences: Vec<&Difference> = self.differences.iter().collect();
        differences.sort_by_key(|difference| std::cmp::Reverse(difference.agreement));
        tell(&mut lines, differences.into_iter().map(Difference::line), "scores differ");
        // Files of later stages differ because those of the first do.
        let first = self.files.first().map(|(stage, _)| stage);
        let of_first = self.files.iter().filter(|(stage, _)| Some(stage) == first);
        tell(
            &mut lines,
            of_first.map(|(stage, path)| format!("{stage}: `{}` differs", path.display())),
            "files differ",
        );
        lines.extend(
            self.changes.iter().map(|change| format!("{}: {} then, {} now", change.what, change.before, change.now)),
        );
        lines
    }

    /// What to do about it.
    #[must_use]
    pub fn advice(&self) -> &'static str {
        match (self.agreement, self.changes.is_empty()) {
            (Agreement::Bits | Agreement::Tolerance, _) => "nothing to do",
            (Agreement::Scores, _) => "look at the first stage whose files differ if bits are to agree",
            (Agreement::Noise, _) => "declare a `tolerance` of the metric, or make the stage deterministic",
            (Agreement::Drift, false) => {
                "do it again in the environment that it ran in; only then is it known whether the result drifts"
            }
            (Agreement::Drift, true) => {
                "something that is not recorded decides the result: look for unseeded draws, times and races"
            }
            (Agreement::Failed, _) => "its log lies in the folder of the rerun",
        }
    }
}

impl Difference {
    fn line(&self) -> String {
        let parts = [&self.benchmark, &self.split].into_iter().filter(|part| !part.is_empty());
        let of: String = parts.map(|part| format!(" of {part}")).collect();
        let step = self.step.map_or_else(String::new, |step| format!(" at step {step}"));
        let now = self.again.map_or_else(|| "none".to_owned(), |again| again.to_string());
        let measure = match self.measure {
            Measure::Tolerance(tolerance) => format!(", tolerance {tolerance}"),
            Measure::Noise { bound, seeds } => format!(", {seeds} seeds lie up to {bound:.3e} apart"),
            Measure::Nothing => String::new(),
        };
        format!("{}: {}{of}{step}: {} then, {now} now{measure}", self.stage, self.metric, self.before)
    }
}

/// Add the first few of `lines`, and how many more there are.
fn tell(to: &mut Vec<String>, lines: impl Iterator<Item = String>, what: &str) {
    let mut lines = lines.peekable();
    to.extend(lines.by_ref().take(TOLD));
    let more = lines.count();
    if more > 0 {
        to.push(format!("and {more} more {what}"));
    }
}
