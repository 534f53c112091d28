//! Bringing together what was submitted, what Slurm says and what lies in task folders, until nothing contradicts.
//!
//! Everything here can be stopped anywhere and repeated: outcomes are published once, facts are journalled before what
//! follows from them.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use hashbrown::HashMap;
use runfile::{FailureReason, Outcome, Verdict, files, outcome};
use serde_json::Map;

use super::{Folder, Slurm, ask};
use crate::error::Context;
use crate::id::TaskId;
use crate::project::Project;
use crate::slurm::follow::{Closing, Followed, Place, Submitted, follow};
use crate::slurm::judge::{Ruling, Trace, rule};
use crate::store::Store;
use crate::text::plural;
use crate::worker::claim::{ATTEMPTS, ClaimFile, Claimed, Holder, SlurmElement, holders_folder};
use crate::worker::{LARGEST_OUTCOME, Manifest, publish, read_regular};
use crate::{Result, clock};

/// What is absent for so many settle times is lost.
const LOST: f64 = 4.0;
/// In the project's state folder.
const MEMORY: &str = "absent.json";

/// What came of it.
#[derive(Debug, Default)]
pub struct Settled {
    /// Where the tasks are that Slurm still has.
    pub places: HashMap<TaskId, Spot>,
    /// Submissions of which nobody knows yet whether they were accepted, and why not.
    pub unclear: Vec<String>,
    /// Why Slurm does not say everything, if it does not.
    pub silence: Option<String>,
    /// What people should know.
    pub notes: Vec<String>,
    /// Jobs that were accepted and are still held.
    pub held: Vec<(String, u64)>,
    /// Attempts that ended without a word of their workers.
    pub declared: usize,
}

/// An element that Slurm has.
#[derive(Debug, Clone, PartialEq)]
pub struct Spot {
    pub token: String,
    pub job: u64,
    pub element: u32,
    pub place: Place,
    /// Whether this user submitted it, and so may cancel it.
    pub mine: bool,
}

/// Since when something is not there, by token or `token/element`; seconds since the epoch.
type Memory = BTreeMap<String, f64>;

struct Settling<'a> {
    store: &'a mut Store,
    slurm: &'a Slurm,
    me: &'a str,
    claims: ClaimFile,
    project: Project,
    /// Seconds after which an answer about something new can be relied on.
    settle: f64,
    now: f64,
    memory: Memory,
    settled: Settled,
}

/// Settle everything that is open.
///
/// # Errors
/// Slurm's programs are not here, or the store or a task folder cannot be written.
pub fn settle(store: &mut Store, slurm: &Slurm, me: &str, settle: f64) -> Result<Settled> {
    let open = store.open_submissions()?;
    if open.is_empty() {
        return Ok(Settled::default());
    }
    let project = store.project().clone();
    let memory_file = project.state_folder().join(MEMORY);
    let answers = ask(slurm, &open, me)?;
    let mut settling = Settling {
        claims: ClaimFile::create(&holders_folder(&project.tasks_folder()), Holder::current()?)?,
        store,
        slurm,
        me,
        project,
        settle,
        now: clock::now(),
        memory: files::read_json(&memory_file).unwrap_or_default(),
        settled: Settled::default(),
    };
    let silent = answers.silence();
    settling.settled.silence = silent.map(str::to_owned);
    for followed in follow(&open, &answers) {
        settling.follow_one(&followed, silent)?;
    }
    let tokens: Vec<&str> = open.iter().map(|submitted| submitted.token.as_str()).collect();
    settling.memory.retain(|key, _| tokens.iter().any(|token| key.starts_with(token)));
    files::write_json(&memory_file, &settling.memory).context(|| "cannot remember what is absent".to_owned())?;
    Ok(settling.settled)
}

impl Settling<'_> {
    fn follow_one(&mut self, followed: &Followed<'_>, silent: Option<&str>) -> Result<()> {
        let Submitted { token, job: recorded, released, owner, .. } = followed.submitted;
        let mine = owner == self.me;
        let Some(job) = followed.job else { return self.without_job(followed.submitted, silent) };
        if recorded.is_none() {
            self.store.record_job(token, job)?;
            self.settled.notes.push(format!("found job {job}, whose number an earlier command did not get to see"));
        }
        if mine && !followed.doubles.is_empty() {
            let doubles: Vec<String> = followed.doubles.iter().map(u64::to_string).collect();
            self.settled.notes.push(format!("cancelled {}: the same as job {job}", doubles.join(", ")));
            self.slurm.scancel(&doubles)?;
        }
        // Only who submitted an array may let it go.
        if mine && !released {
            self.settled.held.push((token.clone(), job));
        }
        self.close(followed, job)
    }

    /// Slurm knows no job of this name: after a while that means that there is none.
    fn without_job(&mut self, submitted: &Submitted, silent: Option<&str>) -> Result<()> {
        let Submitted { token, tasks, .. } = submitted;
        let what = format!("a submission of {}", plural(tasks.len(), "task"));
        if let Some(why) = silent {
            self.settled.unclear.push(format!("{what}: {why}"));
        } else if self.absent_for(token) >= self.settle {
            self.store.record_closing(token, &[], Closing::Refused)?;
        } else {
            self.settled.unclear.push(format!("{what}: Slurm does not know it, and may not know it yet"));
        }
        Ok(())
    }

    /// Seconds since `key` was found absent for the first time.
    fn absent_for(&mut self, key: &str) -> f64 {
        self.now - *self.memory.entry(key.to_owned()).or_insert(self.now)
    }

    /// Close the elements that are over; note where the others are.
    fn close(&mut self, followed: &Followed<'_>, job: u64) -> Result<()> {
        let token = &followed.submitted.token;
        let folder = Folder::of(&self.project, token);
        let mut manifest = None;
        let (mut over, mut lost, mut cancelled) = (Vec::new(), Vec::new(), Vec::new());
        for (&element, place) in &followed.places {
            let key = format!("{token}/{element}");
            let is_lost = match place {
                Place::Absent => self.absent_for(&key) >= LOST * self.settle,
                _ => {
                    self.memory.remove(&key);
                    false
                }
            };
            let element = Element { job, token, element, place, folder: &folder, is_lost };
            let mut closing = Some(Closing::Over);
            for task in followed.tasks(element.element) {
                match self.settle_task(&element, task, &mut manifest)? {
                    Ruling::Wait => closing = None,
                    Ruling::Cancelled => cancelled.push(task),
                    Ruling::Lost => closing = closing.map(|_| Closing::Lost),
                    Ruling::Close | Ruling::Declare { .. } => {}
                }
            }
            match closing {
                None => self.keep(&element, followed),
                Some(Closing::Lost) => lost.push(element.element),
                Some(_) => over.push(element.element),
            }
        }
        if !cancelled.is_empty() {
            self.settled.notes.push(format!("{} cancelled at Slurm", plural(cancelled.len(), "task")));
            self.store.record_cancellation(&cancelled)?;
        }
        if !lost.is_empty() {
            self.settled.notes.push(format!("job {job}: Slurm lost {}", plural(lost.len(), "element")));
            self.store.record_closing(token, &lost, Closing::Lost)?;
        }
        if !over.is_empty() {
            self.store.record_closing(token, &over, Closing::Over)?;
        }
        Ok(())
    }

    fn keep(&mut self, element: &Element<'_>, followed: &Followed<'_>) {
        let Element { job, token, element, place, .. } = *element;
        for task in followed.tasks(element) {
            let mine = followed.submitted.owner == self.me;
            let spot = Spot { token: token.to_owned(), job, element, place: place.clone(), mine };
            self.settled.places.insert(task, spot);
        }
    }

    /// Rule on one task, and do what that says.
    fn settle_task(
        &mut self,
        element: &Element<'_>,
        task: TaskId,
        manifest: &mut Option<Option<Manifest>>,
    ) -> Result<Ruling> {
        if matches!(element.place, Place::Waiting { .. } | Place::Running { .. } | Place::Unclear(_)) {
            return Ok(Ruling::Wait);
        }
        let path = self.project.task_folder(&task);
        let (trace, attempt) = self.trace(element, &path)?;
        let manifest = manifest.get_or_insert_with(|| element.folder.manifest().ok()).as_ref();
        let log = match trace {
            Trace::Open { .. } | Trace::Untouched => element.folder.log(element.element),
            Trace::Passed | Trace::Ended { .. } => String::new(),
        };
        let ruling = rule(element.place, trace, &log, element.is_lost, is_ready(manifest, task));
        if let Ruling::Declare { verdict, reason, message } = &ruling {
            let attempt = match (trace, attempt) {
                (Trace::Open { .. }, Some(attempt)) => Some(attempt),
                _ => self.attempt_in_its_place(&path)?,
            };
            if let Some((number, folder)) = attempt {
                let end = DeclaredEnd { task, number, verdict: *verdict, reason: *reason, message };
                self.declare(&folder, &end, element)?;
            }
        }
        Ok(ruling)
    }

    /// What is seen of the task in the folder `path`, and the last attempt if it is this element's.
    fn trace(&self, element: &Element<'_>, path: &Path) -> Result<(Trace, Option<(u32, PathBuf)>)> {
        let about = || format!("cannot look into the task folder `{}`", path.display());
        if path.join(outcome::FILE).exists() {
            return Ok((Trace::Ended { stopped: false }, None));
        }
        let last = self.claims.last(path).context(about)?;
        let Some(last) = last.filter(|last| last.slurm.as_ref().is_some_and(|slurm| element.is(slurm))) else {
            let reached = element.folder.was_reached(element.element);
            return Ok((if reached { Trace::Passed } else { Trace::Untouched }, None));
        };
        let file = last.folder.join(outcome::FILE);
        let trace = match read_regular(&file, LARGEST_OUTCOME).ok().and_then(|bytes| Outcome::parse(&file, &bytes).ok())
        {
            Some(outcome) => Trace::Ended { stopped: outcome.verdict == Verdict::Cancelled },
            None => Trace::Open { fresh: last.fresh },
        };
        Ok((trace, Some((last.number, last.folder))))
    }

    /// An attempt for a task whose worker could not make one; `None` if somebody else does.
    fn attempt_in_its_place(&self, path: &Path) -> Result<Option<(u32, PathBuf)>> {
        Ok(match self.claims.claim(path)? {
            Claimed::Attempt(number) => Some((number, path.join(ATTEMPTS).join(number.to_string()))),
            Claimed::Done | Claimed::Held(_) | Claimed::Unreadable(_) => None,
        })
    }

    fn declare(&mut self, folder: &Path, end: &DeclaredEnd<'_>, element: &Element<'_>) -> Result<()> {
        let claimed = fs::metadata(folder.join("claim")).and_then(|claim| claim.modified());
        let since = claimed.ok().and_then(|at| at.duration_since(std::time::UNIX_EPOCH).ok());
        let mut provenance = Map::new();
        provenance.insert("slurm".to_owned(), format!("{}_{}", element.job, element.element).into());
        provenance.insert("declared".to_owned(), true.into());
        if let Place::Over(end) = element.place {
            provenance.insert("nodes".to_owned(), end.nodes.clone().into());
        }
        let outcome = Outcome {
            protocol: runfile::PROTOCOL,
            task: end.task.to_string(),
            attempt: end.number,
            verdict: end.verdict,
            reason: end.reason,
            message: end.message.to_owned(),
            exit_code: None,
            signal: None,
            started: since.map_or(self.now, |since| since.as_secs_f64()).min(self.now),
            ended: self.now,
            artifacts: Vec::new(),
            provenance,
        };
        self.settled.declared += usize::from(publish::declare(folder, &outcome)?);
        Ok(())
    }
}

/// One element of an array whose submission is being settled.
struct Element<'a> {
    job: u64,
    token: &'a str,
    element: u32,
    place: &'a Place,
    folder: &'a Folder,
    is_lost: bool,
}

impl Element<'_> {
    fn is(&self, other: &SlurmElement) -> bool {
        (self.job, self.token, self.element) == (other.job, other.token.as_str(), other.element)
    }
}

/// An outcome that its worker could not publish.
struct DeclaredEnd<'a> {
    task: TaskId,
    number: u32,
    verdict: Verdict,
    reason: Option<FailureReason>,
    message: &'a str,
}

/// Whether everything that `task` needs has succeeded.
fn is_ready(manifest: Option<&Manifest>, task: TaskId) -> bool {
    let id = task.to_string();
    let spec = manifest.and_then(|manifest| manifest.tasks.iter().find(|spec| spec.task == id));
    spec.is_some_and(|spec| spec.needs.iter().all(|need| need.folder.join(outcome::FILE).exists()))
}
