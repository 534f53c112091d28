//! Where everything that was submitted is, by what Slurm answers.
//!
//! An answer is three-valued: a program that failed says nothing about any job, and what it did not say is never read as
//! "gone". Jobs are known by their names, which are ours alone; an id may be somebody else's from years ago.

use std::collections::BTreeMap;

use hashbrown::HashMap;
use serde::{Deserialize, Serialize};

use super::answer::Seen;
use super::state::{JobState, Phase};
use crate::id::TaskId;

/// A submission of which something is still expected.
#[derive(Debug, Clone, PartialEq)]
pub struct Submitted {
    /// Its name at Slurm.
    pub token: String,
    /// `None` until Slurm has said which job it is.
    pub job: Option<u64>,
    /// The user who submitted.
    pub owner: String,
    /// Whether the array, which was submitted held, was let go.
    pub released: bool,
    /// Seconds since the epoch, UTC, of the intent.
    pub recorded: f64,
    /// Tasks with the element of the array that runs them, in order of the elements.
    pub tasks: Vec<(TaskId, u32)>,
}

/// Why nothing more is expected of an element.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Closing {
    /// It ended, however.
    Over,
    /// Slurm did not accept it.
    Refused,
    /// Slurm does not know it any more, and it left no outcome.
    Lost,
    /// Somebody did not want it any more.
    Withdrawn,
}

impl Closing {
    /// The one spelling, as in the journal and the database.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Over => "over",
            Self::Refused => "refused",
            Self::Lost => "lost",
            Self::Withdrawn => "withdrawn",
        }
    }
}

/// What one of Slurm's programs answered.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Answer {
    /// Everything that it knows.
    Told(Vec<Seen>),
    /// This cluster keeps no such records: it never knows anything.
    Off,
    /// It failed, and why: nothing follows.
    Silent(String),
}

impl Answer {
    /// What it knows of jobs with these names.
    #[must_use]
    pub fn of(self, names: &[&str]) -> Self {
        match self {
            Self::Told(mut lines) => {
                lines.retain(|seen| names.contains(&seen.name.as_str()));
                Self::Told(lines)
            }
            answer @ (Self::Off | Self::Silent(_)) => answer,
        }
    }

    /// What it knows.
    #[must_use]
    pub fn lines(&self) -> &[Seen] {
        match self {
            Self::Told(lines) => lines,
            Self::Off | Self::Silent(_) => &[],
        }
    }

    /// Why nothing can be concluded from what is not said.
    #[must_use]
    pub fn silence(&self) -> Option<&str> {
        match self {
            Self::Silent(why) => Some(why),
            Self::Told(_) | Self::Off => None,
        }
    }
}

/// What both programs answered.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Answers {
    pub queue: Answer,
    pub accounts: Answer,
}

impl Answers {
    /// Why nothing can be concluded from what is not said.
    #[must_use]
    pub fn silence(&self) -> Option<&str> {
        self.queue.silence().or_else(|| self.accounts.silence())
    }
}

/// Where an element of an array is.
#[derive(Debug, Clone, PartialEq)]
pub enum Place {
    Waiting {
        /// Slurm's word.
        reason: String,
    },
    Running {
        nodes: String,
        /// Seconds since the epoch.
        started: Option<u64>,
    },
    /// It will not run again.
    Over(End),
    /// Slurm knows the job, and not this element: it was cancelled before it started.
    Dropped,
    /// Slurm answered and does not know the job.
    Absent,
    /// Nothing can be said, and why.
    Unclear(String),
}

/// How an element ended, in Slurm's words.
#[derive(Debug, Clone, PartialEq)]
pub struct End {
    pub state: JobState,
    /// (exit code, signal), where it is known.
    pub exit: Option<(i32, i32)>,
    pub nodes: String,
    /// Why it had waited.
    pub reason: String,
}

/// A submission and where its elements are.
#[derive(Debug, Clone, PartialEq)]
pub struct Followed<'a> {
    pub submitted: &'a Submitted,
    /// As recorded, or as found by its name.
    pub job: Option<u64>,
    /// Further jobs of the same name: `sbatch` was answered twice.
    pub doubles: Vec<u64>,
    pub places: BTreeMap<u32, Place>,
}

impl Followed<'_> {
    /// The tasks of one element.
    pub fn tasks(&self, element: u32) -> impl Iterator<Item = TaskId> + '_ {
        self.submitted.tasks.iter().filter(move |(_, at)| *at == element).map(|(task, _)| *task)
    }
}

/// Find all submissions in what Slurm answered.
#[must_use]
pub fn follow<'a>(open: &'a [Submitted], answers: &Answers) -> Vec<Followed<'a>> {
    let queue = by_name(answers.queue.lines());
    let accounts = by_name(answers.accounts.lines());
    let follow_one = |submitted: &'a Submitted| {
        let (queue, accounts) = (of(&queue, submitted), of(&accounts, submitted));
        let mut jobs: Vec<u64> = queue.iter().chain(&accounts).map(|seen| seen.id.job).collect();
        jobs.sort_unstable();
        jobs.dedup();
        let job = submitted.job.or(jobs.first().copied());
        let doubles = jobs.into_iter().filter(|other| Some(*other) != job).collect();
        let known = Known { queue: latest(&queue, job), accounts: latest(&accounts, job), answers };
        let places = submitted.tasks.iter().map(|&(_, element)| (element, known.place(element)));
        Followed { submitted, job, doubles, places: places.collect() }
    };
    open.iter().map(follow_one).collect()
}

fn by_name(lines: &[Seen]) -> HashMap<&str, Vec<&Seen>> {
    let mut names: HashMap<&str, Vec<&Seen>> = HashMap::new();
    lines.iter().for_each(|seen| names.entry(seen.name.as_str()).or_default().push(seen));
    names
}

fn of<'a>(lines: &HashMap<&str, Vec<&'a Seen>>, submitted: &Submitted) -> Vec<&'a Seen> {
    lines.get(submitted.token.as_str()).cloned().unwrap_or_default()
}

/// The line that speaks last about each element of `job`: a requeued job has one for each time.
fn latest<'a>(lines: &[&'a Seen], job: Option<u64>) -> BTreeMap<u32, &'a Seen> {
    let mut latest: BTreeMap<u32, &Seen> = BTreeMap::new();
    for &seen in lines.iter().filter(|seen| Some(seen.id.job) == job) {
        for &element in seen.id.elements.iter().flat_map(|elements| &elements.indices) {
            let known = latest.entry(element).or_insert(seen);
            if seen.submitted >= known.submitted {
                *known = seen;
            }
        }
    }
    latest
}

/// What is known about one job.
struct Known<'a> {
    queue: BTreeMap<u32, &'a Seen>,
    accounts: BTreeMap<u32, &'a Seen>,
    answers: &'a Answers,
}

impl Known<'_> {
    fn place(&self, element: u32) -> Place {
        let account = self.accounts.get(&element);
        if let Some(seen) = self.queue.get(&element) {
            return match seen.state.phase() {
                Phase::Waiting => Place::Waiting { reason: seen.reason.clone() },
                Phase::Running => Place::Running { nodes: seen.nodes.clone(), started: seen.started },
                Phase::Over => Place::Over(end(seen, account.and_then(|seen| seen.exit))),
                Phase::Unclear => Place::Unclear(format!("Slurm says `{}`", seen.state)),
            };
        }
        if let Some(why) = self.answers.queue.silence() {
            return Place::Unclear(why.to_owned());
        }
        match account.map(|seen| (seen, seen.state.phase())) {
            Some((seen, Phase::Over)) => Place::Over(end(seen, seen.exit)),
            // The queue has answered and does not have it: accounts lag behind, or were never closed.
            Some((_, Phase::Waiting | Phase::Running)) => Place::Absent,
            Some((seen, Phase::Unclear)) => Place::Unclear(format!("Slurm says `{}`", seen.state)),
            None => match self.answers.accounts.silence() {
                Some(why) => Place::Unclear(why.to_owned()),
                None if self.queue.is_empty() && self.accounts.is_empty() => Place::Absent,
                None => Place::Dropped,
            },
        }
    }
}

fn end(seen: &Seen, exit: Option<(i32, i32)>) -> End {
    End { state: seen.state.clone(), exit, nodes: seen.nodes.clone(), reason: seen.reason.clone() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::slurm::answer::{sacct, squeue};

    fn submitted(job: Option<u64>, elements: u32) -> Submitted {
        let tasks = (0..elements).map(|element| (TaskId([element.to_le_bytes()[0]; 16]), element)).collect();
        Submitted { token: "sweep-a".to_owned(), job, owner: String::new(), released: true, recorded: 100.0, tasks }
    }

    fn told(text: &str, read: fn(&str) -> Vec<Seen>) -> Answer {
        Answer::Told(read(text))
    }

    fn places(job: Option<u64>, elements: u32, queue: Answer, accounts: Answer) -> Vec<Place> {
        let open = [submitted(job, elements)];
        let answers = Answers { queue, accounts };
        let followed = follow(&open, &answers);
        followed[0].places.values().cloned().collect()
    }

    #[test]
    fn the_queue_speaks_first_and_accounts_for_the_rest() {
        let queue = told("7_0|RUNNING|None|100|200|n1|sweep-a\n7_1|PENDING|Priority|100|N/A||sweep-a\n", squeue);
        let accounts = told("7_0|PENDING|0:0|100|Unknown||sweep-a\n7_2|FAILED|4:0|100|150|n2|sweep-a\n", sacct);
        let failed = End { state: JobState::Failed, exit: Some((4, 0)), nodes: "n2".to_owned(), reason: String::new() };
        assert_eq!(
            places(Some(7), 4, queue, accounts),
            [
                Place::Running { nodes: "n1".to_owned(), started: Some(200) },
                Place::Waiting { reason: "Priority".to_owned() },
                Place::Over(failed),
                Place::Dropped,
            ]
        );
    }

    #[test]
    fn silence_is_not_absence() {
        let silent = || Answer::Silent("it did not answer".to_owned());
        let nothing = || Answer::Told(Vec::new());
        for places in [places(Some(7), 1, silent(), nothing()), places(Some(7), 1, nothing(), silent())] {
            assert_eq!(places, [Place::Unclear("it did not answer".to_owned())]);
        }
        assert_eq!(places(Some(7), 1, nothing(), nothing()), [Place::Absent]);
        assert_eq!(places(Some(7), 1, nothing(), Answer::Off), [Place::Absent]);
    }

    #[test]
    fn a_recycled_id_of_somebody_else_is_not_ours() {
        let accounts = told("7_0|COMPLETED|0:0|1|2|n9|their-job\n", sacct);
        assert_eq!(places(Some(7), 1, Answer::Told(Vec::new()), accounts), [Place::Absent]);
    }

    #[test]
    fn a_requeued_element_is_where_its_last_line_says() {
        let accounts = told("7_0|NODE_FAIL|0:0|100|150|n1|sweep-a\n7_0|COMPLETED|0:0|300|400|n2|sweep-a\n", sacct);
        let [Place::Over(end)] = &places(Some(7), 1, Answer::Told(Vec::new()), accounts)[..] else { panic!("over") };
        assert_eq!(end.state, JobState::Completed);
        let accounts = told("7_0|NODE_FAIL|0:0|100|150|n1|sweep-a\n", sacct);
        let queue = told("7_0|PENDING|BeginTime|300|N/A||sweep-a\n", squeue);
        let waiting = Place::Waiting { reason: "BeginTime".to_owned() };
        assert_eq!(places(Some(7), 1, queue, accounts), [waiting]);
    }

    #[test]
    fn a_submission_without_an_answer_is_found_by_its_name() {
        let queue =
            told("9_0|PENDING|JobHeldUser|100|N/A||sweep-a\n8_0|PENDING|JobHeldUser|100|N/A||sweep-a\n", squeue);
        let (open, answers) = ([submitted(None, 1)], Answers { queue, accounts: Answer::Off });
        let followed = follow(&open, &answers);
        assert_eq!((followed[0].job, &followed[0].doubles[..]), (Some(8), &[9][..]));
    }

    #[test]
    fn a_job_that_only_accounts_take_for_running_is_absent() {
        let accounts = told("7_0|RUNNING|0:0|100|150|n1|sweep-a\n", sacct);
        assert_eq!(places(Some(7), 1, Answer::Told(Vec::new()), accounts), [Place::Absent]);
    }
}
