//! Tasks that Slurm runs while somebody waits for them: what a rerun needs.
//!
//! Nothing of them is on record before they have ended. Whoever stops waiting takes them out of the queue; whoever is
//! killed leaves jobs that write into folders of their own and change no result.

use std::fs::File;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use hashbrown::HashSet;
use runfile::{Outcome, Verdict, outcome};

use super::ask;
use super::folder::{Folder, keep_worker};
use super::program::{Sent, Slurm};
use super::submit::{Sheet, limits, random_token, settle_seconds};
use crate::error::{Context, Kind};
use crate::id::TaskId;
use crate::launch::local::{Event, Tasks};
use crate::launch::signals::{Interrupt, Watch};
use crate::project::Project;
use crate::slurm::answer::Config;
use crate::slurm::follow::{Place, Submitted, follow};
use crate::slurm::layout::{Array, Item, Need, Source, lay_out};
use crate::slurm::{Profile, script};
use crate::worker::claim::{ATTEMPTS, ClaimFile, last_attempt};
use crate::worker::{Ended, LARGEST_OUTCOME, Running, read_regular};
use crate::{Error, Result, clock};

/// How often folders are looked at.
const TICK: Duration = Duration::from_millis(500);

/// Tasks, and who runs them.
pub struct Errand<'a, T> {
    pub slurm: &'a Slurm,
    pub profile: &'a Profile,
    pub config: &'a Config,
    /// Name of the sweep.
    pub sweep: &'a str,
    pub project: &'a Project,
    pub tasks: &'a T,
    pub items: &'a [Item],
    /// Folder for scripts, manifests and logs.
    pub folder: &'a Path,
    pub claims: &'a ClaimFile,
    /// The user.
    pub me: &'a str,
}

/// What is in the queue, and what is not known yet.
struct Out {
    submitted: Vec<Submitted>,
    /// Tasks that have not ended, by position.
    left: Vec<usize>,
    unsuccessful: HashSet<usize>,
    /// Of `left`: Slurm said at the last look that they will not run any more.
    over: HashSet<usize>,
}

impl<T: Tasks> Errand<'_, T> {
    /// Hand everything over and wait; `each` is told what happens. Returns the signal that ended it early, if one did.
    /// While any duplicate of `lock` is open, no other command writes the store.
    ///
    /// # Errors
    /// Slurm does not accept it or does not answer, a folder cannot be written or read, or `each` fails. What is in the
    /// queue is then cancelled.
    pub fn run(&self, lock: &File, mut each: impl FnMut(Vec<Event>) -> Result<()>) -> Result<Option<Interrupt>> {
        let (running, over, watch) = (Running::default(), AtomicBool::new(false), Watch::new()?);
        std::thread::scope(|scope| {
            let watching = scope.spawn(|| watch.watch(&running, self.claims, &over));
            let mut out = Out::new(self.items.len());
            let asked = running.asked();
            let result = self.hand_over(lock, &mut out).and_then(|()| self.wait(&mut out, &asked, &mut each));
            over.store(true, Ordering::Release);
            let interrupt = watching.join().unwrap_or(None);
            let jobs: Vec<String> = out.submitted.iter().filter_map(|one| Some(one.job?.to_string())).collect();
            if !out.left.is_empty() && !jobs.is_empty() {
                // The first mistake says more than one that follows from it.
                let cancelled = self.slurm.scancel(&jobs);
                return result.and(cancelled).map(|()| interrupt);
            }
            result.map(|()| interrupt)
        })
    }

    fn hand_over(&self, lock: &File, out: &mut Out) -> Result<()> {
        let limits = limits(self.profile, self.config, None, 0);
        let layout = lay_out(self.items, &limits);
        if !layout.left.is_empty() {
            let message = format!("only {} of {} tasks fit into the queue at once", limits.room, self.items.len());
            return Err(Error::usage(message).hint("choose fewer runs: what was done again is not repeated"));
        }
        let worker = keep_worker(self.project)?;
        let mut jobs: Vec<u64> = Vec::new();
        for array in &layout.arrays {
            let token = random_token()?;
            let folder = self.write(&token, array, (&jobs, &worker))?;
            let job = match self.slurm.sbatch(folder.path(), script::FILE, lock)? {
                Sent::Job(job) => job,
                Sent::Refused(_, reason) => {
                    let error = Error::new(Kind::Unavailable, format!("Slurm does not accept the rerun: {reason}"));
                    return Err(error.hint("nothing is lost: run the same command again later"));
                }
            };
            jobs.push(job);
            let tasks = array
                .elements
                .iter()
                .flat_map(|element| element.items.iter().map(|&item| (self.id(item), element.index)));
            out.submitted.push(Submitted {
                token,
                job: Some(job),
                owner: self.me.to_owned(),
                released: true,
                recorded: clock::now(),
                tasks: tasks.collect(),
            });
        }
        self.slurm.release(&jobs)
    }

    fn write(&self, token: &str, array: &Array, (jobs, worker): (&[u64], &Path)) -> Result<Folder> {
        let folder = Folder::within(self.folder, token);
        let job_of = |source: Source| match source {
            Source::Array(number) => jobs.get(number).map_or_else(String::new, u64::to_string),
            Source::Job(job) => job.to_string(),
        };
        let sheet = Sheet {
            sweep: self.sweep,
            profile: self.profile,
            config: self.config,
            tasks: self.tasks,
            holders: self.folder.with_file_name("holders"),
            terms: &|item| (self.items[item].request.time_seconds, 1),
        };
        let script = script::render(self.profile, array, token, job_of);
        folder.write(&script, &sheet.manifest(token, array), worker)?;
        Ok(folder)
    }

    fn id(&self, item: usize) -> TaskId {
        self.tasks.spec(item).task.parse().unwrap_or(TaskId([0; 16]))
    }

    fn wait(&self, out: &mut Out, asked: &AtomicBool, each: &mut impl FnMut(Vec<Event>) -> Result<()>) -> Result<()> {
        let pace = Duration::from_secs(settle_seconds(self.profile, Some(self.config)));
        let mut looked = clock::monotonic();
        while !out.left.is_empty() && !asked.load(Ordering::Acquire) {
            let mut events = Vec::new();
            for task in out.left.clone() {
                if let Some(ended) = self.success(task)? {
                    out.end(task, true);
                    events.push(Event::Ended { task, ended, retried: false });
                }
            }
            if clock::monotonic().saturating_sub(looked) >= pace {
                events.extend(self.look(out)?);
                looked = clock::monotonic();
            }
            each(events)?;
            std::thread::sleep(TICK);
        }
        Ok(())
    }

    /// What Slurm says of those that are left: one that is over, and was at the look before, has left what it ever will.
    fn look(&self, out: &mut Out) -> Result<Vec<Event>> {
        let answers = ask(self.slurm, &out.submitted, self.me)?;
        if answers.silence().is_some() {
            return Ok(Vec::new());
        }
        let ids: Vec<(usize, TaskId)> = out.left.iter().map(|&task| (task, self.id(task))).collect();
        let mut over: Vec<(usize, String)> = Vec::new();
        for followed in follow(&out.submitted, &answers) {
            for (&element, place) in &followed.places {
                let Some(why) = ending(place) else { continue };
                let of_element: Vec<TaskId> = followed.tasks(element).collect();
                over.extend(ids.iter().filter(|(_, id)| of_element.contains(id)).map(|(task, _)| (*task, why.clone())));
            }
        }
        over.sort();
        let before = std::mem::replace(&mut out.over, over.iter().map(|(task, _)| *task).collect());
        let mut events = Vec::new();
        for (task, why) in over.into_iter().filter(|(task, _)| before.contains(task)) {
            let mut needs = self.items[task].needs.iter();
            let is_blocked = needs.any(|need| matches!(need, Need::Item(need) if out.unsuccessful.contains(need)));
            let event = match self.success(task)?.map_or_else(|| self.failure(task), |ended| Ok(Some(ended)))? {
                Some(ended) => {
                    out.end(task, ended.outcome.verdict == Verdict::Succeeded);
                    Event::Ended { task, ended, retried: false }
                }
                None => {
                    out.end(task, false);
                    if is_blocked { Event::Blocked(vec![task]) } else { Event::Unusable(task, Error::general(why)) }
                }
            };
            events.push(event);
        }
        Ok(events)
    }

    /// The published success of a task, if it has one.
    fn success(&self, task: usize) -> Result<Option<Ended>> {
        let folder = self.tasks.spec(task).folder;
        let file = folder.join(outcome::FILE);
        Ok(read(&file)?.map(|outcome| Ended { folder, outcome }))
    }

    /// How the last attempt of a task ended, if it did.
    fn failure(&self, task: usize) -> Result<Option<Ended>> {
        let folder = self.tasks.spec(task).folder;
        let last = last_attempt(&folder).context(|| format!("cannot read the task folder `{}`", folder.display()))?;
        let file = folder.join(ATTEMPTS).join(last.to_string()).join(outcome::FILE);
        Ok(read(&file)?.map(|outcome| Ended { folder, outcome }))
    }
}

/// Why a task will not run any more, in Slurm's words.
fn ending(place: &Place) -> Option<String> {
    match place {
        Place::Waiting { .. } | Place::Running { .. } | Place::Unclear(_) => None,
        Place::Over(end) => Some(format!("its job ended without a word of its worker: Slurm says {}", end.state)),
        Place::Dropped => Some("Slurm dropped its job from the queue".to_owned()),
        Place::Absent => Some("Slurm does not know its job any more".to_owned()),
    }
}

fn read(file: &Path) -> Result<Option<Outcome>> {
    let about = || format!("cannot read the outcome `{}`", file.display());
    match read_regular(file, LARGEST_OUTCOME) {
        Ok(bytes) => Outcome::parse(file, &bytes).context(about).map(Some),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).context(about),
    }
}

impl Out {
    fn new(tasks: usize) -> Self {
        let (submitted, left) = (Vec::new(), (0..tasks).collect());
        Self { submitted, left, unsuccessful: HashSet::new(), over: HashSet::new() }
    }

    fn end(&mut self, task: usize, is_success: bool) {
        self.left.retain(|left| *left != task);
        if !is_success {
            self.unsuccessful.insert(task);
        }
    }
}
