//! One line about an element, as `squeue` and `sacct` have it.

use crate::array;
use crate::state::{Element, Start, State, Word};
use crate::time;

/// An element, or several that wait as one, at one of their starts.
pub struct Record<'a> {
    pub state: &'a State,
    pub element: &'a Element,
    pub start: &'a Start,
    /// Numbers of all elements that this stands for.
    pub indices: Vec<u32>,
    /// Whether accounting writes it.
    pub accounting: bool,
}

impl Record<'_> {
    /// `12`, `12_3`, or `12_[4-5%2]` for elements that have not started.
    pub fn id(&self) -> String {
        let Element { job, index, .. } = self.element;
        match (&self.indices[..], index) {
            ([], Some(index)) => format!("{job}_{index}"),
            ([], None) => job.to_string(),
            (indices, _) => {
                let throttle = self.state.of(self.element).throttle;
                let throttle = throttle.map_or_else(String::new, |throttle| format!("%{throttle}"));
                format!("{job}_[{}{throttle}]", array::fold(indices))
            }
        }
    }

    /// Whether this stands for elements of the same array as `element`, which has not started either.
    pub fn folds_with(&self, element: &Element, indices: &[u32]) -> bool {
        !indices.is_empty() && !self.indices.is_empty() && self.element.job == element.job
    }

    /// The value of a field by `sacct`'s name.
    pub fn field(&self, name: &str) -> String {
        let submission = self.state.of(self.element);
        let (code, signal) = self.start.exit;
        let elapsed = self.start.started.map(|from| self.start.ended.unwrap_or_else(time::now).saturating_sub(from));
        match name.to_lowercase().as_str() {
            "jobid" => self.id(),
            "jobidraw" => self.element.own.to_string(),
            "jobname" => submission.name.clone(),
            "comment" => submission.comment.clone(),
            "partition" => submission.partition.clone(),
            "account" => submission.account.clone(),
            "user" => "root".to_owned(),
            "cluster" => "fake".to_owned(),
            "state" => self.state_text(),
            "exitcode" | "derivedexitcode" => format!("{code}:{signal}"),
            "submit" | "eligible" => time::show(Some(self.start.submitted), "Unknown"),
            "start" if self.start.state == Word::Cancelled => time::show(self.start.started, "None"),
            "start" => time::show(self.start.started, "Unknown"),
            "end" => time::show(self.start.ended, "Unknown"),
            "elapsedraw" => elapsed.unwrap_or(0).to_string(),
            "nodelist" if self.start.node.is_empty() => "None assigned".to_owned(),
            "nodelist" => self.start.node.clone(),
            "restarts" => self.element.restarts.to_string(),
            _ => String::new(),
        }
    }

    fn state_text(&self) -> String {
        match self.start.state {
            Word::Cancelled if self.accounting => "CANCELLED by 0".to_owned(),
            state => state.text().to_owned(),
        }
    }
}
