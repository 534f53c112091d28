//! Handing tasks over to Slurm: the intent first, then `sbatch`, then its answer.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::Duration;

use hashbrown::HashMap;

use super::crash::Point;
use super::folder::keep_worker;
use super::program::{Sent, Slurm, sbatch_arguments};
use super::settle::Spot;
use super::{Folder, Settled, ask, settle};
use crate::attempt::{Failures, Ledger};
use crate::error::{Context, Kind};
use crate::id::TaskId;
use crate::launch::local::Tasks;
use crate::launch::prepared::Prepared;
use crate::launch::select::Selected;
use crate::plan::{Revision, expected};
use crate::project::Project;
use crate::slurm::answer::{self, Config, Refusal};
use crate::slurm::follow::{Closing, follow};
use crate::slurm::layout::{Array, Item, Layout, Limits, Need, Request, Source, lay_out};
use crate::slurm::{Profile, script};
use crate::store::{Intent, Store};
use crate::text::visible;
use crate::worker::claim::holders_folder;
use crate::worker::{Manifest, Processes, SlurmTerms, TaskSpec};
use crate::{Error, Result};

/// Elements of an array, where nobody says how many there may be.
const LARGEST_ARRAY: u32 = 1000;
/// Seconds that an unanswered request takes at most, and those until the controller has saved what it accepted.
const MESSAGE_TIMEOUT: u64 = 10;
const SAVING: u64 = 5;
/// How often an array that was not accepted for no clear reason is handed over again.
const TRIES: u32 = 3;

/// What is to be handed over, and to whom.
pub struct Order<'a> {
    pub revision: Revision<'a>,
    pub ledger: &'a Ledger,
    pub selected: &'a Selected,
    /// Where tasks are that Slurm has already.
    pub places: &'a HashMap<TaskId, Spot>,
    pub profile: &'a Profile,
    pub config: &'a Config,
    /// Elements that may be in the queue at the same time.
    pub most_jobs: Option<u32>,
    /// Seconds that tasks of a stage took to save their state.
    pub saving: &'a HashMap<String, f64>,
}

/// Tasks in arrays.
#[derive(Debug)]
pub struct Planned {
    pub layout: Layout,
    /// By item.
    attempts: Vec<u32>,
    times: Vec<Option<u64>>,
}

impl Order<'_> {
    /// Cut the selected tasks into arrays.
    #[must_use]
    pub fn plan(&self) -> Planned {
        let items: Vec<Item> = (0..self.selected.tasks.len()).map(|position| self.item(position)).collect();
        let mut queued: Vec<(u64, u32)> = self.places.values().map(|spot| (spot.job, spot.element)).collect();
        queued.sort_unstable();
        queued.dedup();
        let layout = lay_out(&items, &limits(self.profile, self.config, self.most_jobs, queued.len()));
        Planned {
            layout,
            attempts: self.selected.items.iter().map(|item| item.attempts).collect(),
            times: items.iter().map(|item| item.request.time_seconds).collect(),
        }
    }

    fn item(&self, position: usize) -> Item {
        let Revision { sweep, plan } = self.revision;
        let here = self.selected.tasks[position];
        let task = plan.tasks[here.0 as usize];
        let stage = &sweep.stages[usize::from(task.stage)];
        let failures = self.ledger.get(&task.id).map_or_else(Failures::default, |record| record.failures);
        let resources = stage.retry.grown(&plan.resources(sweep, here), failures);
        let need = |(_, need): (usize, crate::plan::TaskIx)| {
            let id = plan.tasks[need.0 as usize].id;
            if self.ledger.has_succeeded(&id) {
                return None;
            }
            let queued = self.places.get(&id).map(|spot| Need::Element { job: spot.job, index: spot.element });
            queued.or_else(|| self.selected.tasks.binary_search(&need).ok().map(Need::Item))
        };
        Item {
            stage: usize::from(task.stage),
            rank: self.selected.items[position].rank,
            needs: plan.needs(sweep, here).filter_map(need).collect(),
            seconds: expected(sweep, plan, here, &resources)
                .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
                .map(|duration| duration.as_secs()),
            request: Request {
                nodes: resources.nodes,
                gpus: resources.gpus,
                processes: resources.processes,
                threads: stage.threads,
                memory_bytes: resources.memory_bytes,
                time_seconds: resources.time_seconds.or(self.profile.time_seconds),
                lead_seconds: self.lead(&stage.name),
            },
        }
    }

    /// Twice as long as saving a state took: what took that long once may take longer.
    fn lead(&self, stage: &str) -> u64 {
        let seconds = self.saving.get(stage).map(|seconds| 2.0 * seconds);
        seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds.ceil()).ok()).map_or(0, |lead| lead.as_secs())
    }
}

/// What bounds arrays where so many elements are `queued`, and `most_jobs` may be.
pub(super) fn limits(profile: &Profile, config: &Config, most_jobs: Option<u32>, queued: usize) -> Limits {
    let Profile { largest_array, pack, pack_seconds, .. } = *profile;
    let smallest = |limits: [Option<u32>; 3]| limits.into_iter().flatten().min();
    let room = smallest([profile.most_jobs, most_jobs, config.max_job_count]);
    Limits {
        largest_array: smallest([largest_array, config.max_array_size, None]).unwrap_or(LARGEST_ARRAY),
        room: room.map_or(usize::MAX, |room| (room as usize).saturating_sub(queued)),
        pack: pack as usize,
        pack_seconds,
    }
}

/// Hands arrays over.
pub struct Submitter<'a> {
    pub store: &'a mut Store,
    pub slurm: &'a Slurm,
    pub profile: &'a Profile,
    pub config: &'a Config,
    pub sweep: &'a str,
    pub prepared: &'a Prepared<'a>,
    /// Identity of each item.
    pub ids: Vec<TaskId>,
    /// The user.
    pub me: &'a str,
}

/// An array on its way.
struct Draft<'a> {
    array: &'a Array,
    planned: &'a Planned,
    /// Jobs of the arrays before it.
    jobs: &'a [u64],
    /// The program that jobs run.
    worker: &'a Path,
}

/// What came of handing arrays over.
#[derive(Debug, Default)]
pub struct Handed {
    /// Job of each array that was accepted.
    pub jobs: Vec<u64>,
    /// Why the others were not.
    pub stopped: Option<Error>,
}

/// Seconds after which Slurm's word about something new can be relied on.
#[must_use]
pub fn settle_seconds(profile: &Profile, config: Option<&Config>) -> u64 {
    let timeout = config.and_then(|config| config.message_timeout).unwrap_or(MESSAGE_TIMEOUT);
    profile.settle.unwrap_or(timeout + SAVING)
}

impl Submitter<'_> {
    /// Hand over every array, then let all of them go.
    ///
    /// # Errors
    /// The store or the runs folder cannot be written, or Slurm's programs are not here. What Slurm did not accept is in
    /// the result.
    pub fn hand_over(&mut self, planned: &Planned, held: &[(String, u64)]) -> Result<Handed> {
        let worker = keep_worker(self.store.project())?;
        let mut handed = Handed::default();
        let mut held = held.to_vec();
        for array in &planned.layout.arrays {
            match self.hand_over_one(&Draft { array, planned, jobs: &handed.jobs, worker: &worker })? {
                Ok((token, job)) => {
                    held.push((token, job));
                    handed.jobs.push(job);
                    Point::BetweenArrays.pass();
                }
                Err(stopped) => {
                    handed.stopped = Some(stopped);
                    break;
                }
            }
        }
        self.release(&held)?;
        Ok(handed)
    }

    /// Let held arrays go, once all their jobs are on record.
    ///
    /// # Errors
    /// Slurm does not answer, or the store cannot be written.
    pub fn release(&mut self, held: &[(String, u64)]) -> Result<()> {
        if held.is_empty() {
            return Ok(());
        }
        let (tokens, jobs): (Vec<&str>, Vec<u64>) = held.iter().map(|(token, job)| (token.as_str(), *job)).unzip();
        Point::BeforeRelease.pass();
        self.slurm.release(&jobs)?;
        Point::AfterRelease.pass();
        self.store.record_release(&tokens)
    }

    /// Hand over one array; again, with a new name, where it turns out that it was not accepted for no clear reason.
    fn hand_over_one(&mut self, draft: &Draft<'_>) -> Result<std::result::Result<(String, u64), Error>> {
        let mut why = String::new();
        for _ in 0..TRIES {
            let token = random_token()?;
            let folder = self.write(&token, draft)?;
            Point::BeforeIntent.pass();
            self.intend(&token, draft.array)?;
            Point::BeforeSbatch.pass();
            let lock = self.store.duplicate_lock()?;
            let sent = self.slurm.sbatch(folder.path(), script::FILE, &lock);
            drop(lock);
            match sent? {
                Sent::Job(job) => {
                    Point::BeforeCommit.pass();
                    self.store.record_job(&token, job)?;
                    return Ok(Ok((token, job)));
                }
                Sent::Refused(Refusal::Unclear, reason) => {
                    if let Some(job) = self.find(&token, &reason)? {
                        self.store.record_job(&token, job)?;
                        return Ok(Ok((token, job)));
                    }
                    self.store.record_closing(&token, &[], Closing::Refused)?;
                    why = reason;
                }
                Sent::Refused(refusal, reason) => {
                    self.store.record_closing(&token, &[], Closing::Refused)?;
                    return Ok(Err(refused(refusal, &reason, &folder)));
                }
            }
        }
        let error = Error::new(Kind::Unavailable, format!("Slurm does not accept a submission: {why}"));
        Ok(Err(error.hint("nothing is lost: run the same command again later")))
    }

    /// Look for a job whose `sbatch` gave no clear answer, twice, with the time between that Slurm takes to be sure.
    fn find(&mut self, token: &str, reason: &str) -> Result<Option<u64>> {
        let pause = Duration::from_secs(settle_seconds(self.profile, Some(self.config)));
        for look in 0..2 {
            if look > 0 {
                std::thread::sleep(pause);
            }
            let open: Vec<_> =
                self.store.open_submissions()?.into_iter().filter(|submitted| submitted.token == token).collect();
            let answers = ask(self.slurm, &open, self.me)?;
            if let Some(job) = follow(&open, &answers).first().and_then(|followed| followed.job) {
                return Ok(Some(job));
            }
            if let Some(why) = answers.silence() {
                let message = format!("nobody knows yet whether Slurm accepted a submission: {reason}");
                let hint = "it is on record: the next `sweep submit` looks for it before it submits anything again";
                return Err(Error::new(Kind::Unavailable, format!("{message} ({why})")).hint(hint));
            }
        }
        Ok(None)
    }

    fn intend(&mut self, token: &str, array: &Array) -> Result<()> {
        let of_element = |element: &crate::slurm::layout::Element| {
            let index = element.index;
            element.items.iter().map(move |&item| (item, index)).collect::<Vec<_>>()
        };
        let tasks: Vec<(TaskId, u32)> =
            array.elements.iter().flat_map(of_element).map(|(item, index)| (self.ids[item], index)).collect();
        self.store.record_intent(&Intent { token, launcher: "slurm", owner: self.me, tasks: &tasks })
    }

    fn write(&self, token: &str, draft: &Draft<'_>) -> Result<Folder> {
        let Draft { array, planned, jobs, worker } = *draft;
        let folder = Folder::of(self.store.project(), token);
        let job_of = |source: Source| match source {
            Source::Array(number) => jobs.get(number).map_or_else(String::new, u64::to_string),
            Source::Job(job) => job.to_string(),
        };
        let script = script::render(self.profile, array, token, job_of);
        let sheet = Sheet {
            sweep: self.sweep,
            profile: self.profile,
            config: self.config,
            tasks: self.prepared,
            holders: holders_folder(&self.store.project().tasks_folder()),
            terms: &|item| (planned.times[item], planned.attempts[item]),
        };
        folder.write(&script, &sheet.manifest(token, array), worker)?;
        Ok(folder)
    }

    /// Slurm's verdict on each array, without its dependencies.
    ///
    /// # Errors
    /// A folder cannot be written, or Slurm's programs are not here.
    pub fn test(&self, planned: &Planned) -> Result<Vec<std::result::Result<String, String>>> {
        let worker = PathBuf::from("/nonexistent");
        let one = |array: &Array| {
            let array = Array { after: Vec::new(), ..array.clone() };
            let token = random_token()?;
            let folder = self.write(&token, &Draft { array: &array, planned, jobs: &[], worker: &worker })?;
            let verdict = self.slurm.test(folder.path(), script::FILE);
            // It was written for this question alone.
            std::fs::remove_dir_all(folder.path()).context(|| "cannot remove a tried script".to_owned())?;
            verdict
        };
        planned.layout.arrays.iter().map(one).collect()
    }
}

/// What the manifests of arrays have in common.
pub(super) struct Sheet<'a, T> {
    /// Name of the sweep.
    pub sweep: &'a str,
    pub profile: &'a Profile,
    pub config: &'a Config,
    pub tasks: &'a T,
    /// Folder for the files that say who works on tasks.
    pub holders: PathBuf,
    /// Time limit of each item in seconds, and how often it may be tried.
    pub terms: &'a dyn Fn(usize) -> (Option<u64>, u32),
}

impl<T: Tasks> Sheet<'_, T> {
    /// What the workers of `array` are told.
    pub fn manifest(&self, token: &str, array: &Array) -> Manifest {
        let mut tasks: Vec<TaskSpec> = Vec::new();
        let mut elements = std::collections::BTreeMap::new();
        let mut stage = None;
        for element in &array.elements {
            let first = tasks.len();
            for &item in &element.items {
                let mut spec = self.tasks.spec(item);
                stage = stage.or_else(|| self.tasks.stage(&spec).cloned());
                spec.stage = 0;
                (spec.time_seconds, spec.attempts) = (self.terms)(item);
                spec.processes = script::processes(&array.request).map(|(count, starter)| Processes { count, starter });
                tasks.push(spec);
            }
            elements.insert(element.index, (first..tasks.len()).collect());
        }
        let stages = stage.into_iter().map(|mut stage| {
            stage.environment.extend(self.profile.environment.iter().cloned());
            stage
        });
        Manifest {
            protocol: runfile::PROTOCOL,
            sweep: self.sweep.to_owned(),
            holders: self.holders.clone(),
            stages: stages.collect(),
            tasks,
            slurm: Some(SlurmTerms {
                token: token.to_owned(),
                elements,
                time_seconds: array.request.time_seconds,
                grace_seconds: self.config.kill_wait.unwrap_or(30) / 2,
                lease_seconds: self.profile.lease,
                requeue: self.profile.requeue,
                secrets: self.profile.secrets.clone(),
            }),
        }
    }
}

/// What each array would be handed over as: its script, and how `sbatch` would be called.
#[must_use]
pub fn show(project: &Project, profile: &Profile, layout: &Layout) -> String {
    let token = "sweep-<token>";
    let folder = Folder::of(project, token);
    let job_of = |source: Source| match source {
        Source::Array(number) => format!("<job of array {}>", number + 1),
        Source::Job(job) => job.to_string(),
    };
    let arguments = sbatch_arguments(folder.path(), script::FILE);
    let line: Vec<String> = arguments.iter().map(|argument| visible(&argument.to_string_lossy())).collect();
    let mut text = String::new();
    for (number, array) in (1..).zip(&layout.arrays) {
        text += &format!("# array {number}\n{}\n", script::render(profile, array, token, job_of));
        text += &format!("# is handed over by\nsbatch {}\n\n", line.join(" "));
    }
    text
}

fn refused(refusal: Refusal, reason: &str, folder: &Folder) -> Error {
    match refusal {
        Refusal::Later => Error::new(Kind::Incomplete, format!("Slurm takes no more for now: {reason}")).hint(
            "run the same command again when some jobs have ended; `most_jobs` of the profile keeps below a limit",
        ),
        Refusal::Wrong | Refusal::Unclear => {
            Error::usage(format!("Slurm refuses `{}`: {reason}", folder.path().join(script::FILE).display()))
                .hint(answer::advice(reason))
        }
    }
}

/// A name that nobody else has: `sweep-` and 16 hexadecimal digits.
pub(super) fn random_token() -> Result<String> {
    let mut bytes = [0; 8];
    File::open("/dev/urandom")
        .and_then(|mut random| random.read_exact(&mut bytes))
        .context(|| "cannot draw a name for a submission".to_owned())?;
    Ok(format!("sweep-{:016x}", u64::from_le_bytes(bytes)))
}

/// Settle, and wait for what Slurm cannot say yet, until it is known of every submission whether it was accepted.
///
/// # Errors
/// Slurm does not say; the store cannot be written.
pub fn settle_all(store: &mut Store, slurm: &Slurm, me: &str, seconds: u64) -> Result<Settled> {
    for look in 0..3 {
        let settled = settle(store, slurm, me, Duration::from_secs(seconds).as_secs_f64())?;
        match settled.unclear.first() {
            None => return Ok(settled),
            Some(unclear) if settled.silence.is_some() || look == 2 => {
                let message = format!("nobody knows yet whether Slurm accepted {unclear}");
                let hint = "it is on record, and nothing is submitted twice: run the same command again later";
                return Err(Error::new(Kind::Unavailable, message).hint(hint));
            }
            Some(_) => std::thread::sleep(Duration::from_secs(seconds)),
        }
    }
    Ok(Settled::default())
}
