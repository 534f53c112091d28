//! The local launcher: runs tasks on this machine, as many at a time as it has slots.
//!
//! Each slot is a thread that takes the next task from the board and works on it. One more thread publishes what has
//! ended, in groups: while the disk is busy with one, the next one gathers. The caller's thread gets every published
//! outcome, to store and to show it.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use runfile::{FailureReason, Verdict};
use serde_json::{Map, Value};

use super::board::{Board, Start};
use super::machine;
use super::signals::{Interrupt, Watch};
use crate::worker::claim::{ClaimFile, Holder};
use crate::worker::publish::Publisher;
use crate::worker::{Attempted, Ended, OomKills, Running, StageSpec, TaskSpec, Worker};
use crate::{Error, Result};

/// How often the caller is called when nothing happens.
const TICK: Duration = Duration::from_millis(250);

/// What the launcher needs to know about the tasks, by their position on the board.
pub trait Tasks: Sync {
    /// What the worker is told about `task`.
    fn spec(&self, task: usize) -> TaskSpec;
    /// What all tasks of its stage share.
    fn stage(&self, spec: &TaskSpec) -> Option<&StageSpec>;
}

/// One submission on this machine.
pub struct Local<'a, T> {
    /// Name of the sweep.
    pub sweep: &'a str,
    pub tasks: &'a T,
    /// Folder of all task folders.
    pub folder: PathBuf,
    pub claims: &'a ClaimFile,
    pub running: &'a Running,
    /// Facts about this machine.
    pub provenance: &'a Map<String, Value>,
    /// Number of tasks that run at the same time at most.
    pub jobs: usize,
    /// Whether this machine has devices, so that a task is to see only those that it was given.
    pub hands_out_gpus: bool,
    /// After which failures a task is tried again at once.
    pub retries: fn(FailureReason) -> bool,
}

/// What became of a task, as told to the caller.
#[derive(Debug)]
pub enum Event {
    /// An attempt has begun.
    Started(usize),
    /// An attempt has ended and its outcome is published for good; `retried` if another one follows.
    Ended { task: usize, ended: Ended, retried: bool },
    /// It had succeeded before.
    Done(usize),
    /// Somebody else works on it.
    Held(usize, Holder),
    /// It could not be attempted.
    Unusable(usize, Error),
    /// These need one that did not succeed.
    Blocked(Vec<usize>),
}

/// What the threads share.
struct Shared {
    board: Mutex<Board>,
    changed: Condvar,
    /// Nothing new is to be started.
    halted: AtomicBool,
}

impl Shared {
    fn board(&self) -> MutexGuard<'_, Board> {
        self.board.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Change the board and wake the slots.
    fn change<R>(&self, change: impl FnOnce(&mut Board) -> R) -> R {
        let result = change(&mut self.board());
        self.changed.notify_all();
        result
    }

    fn halt(&self) {
        self.halted.store(true, Ordering::Release);
        self.changed.notify_all();
    }
}

impl<T: Tasks> Local<'_, T> {
    /// Run everything on `board`; `each` is told what happens, on the caller's thread, and is called now and then when
    /// nothing does. Returns the signal that ended it early, if one did.
    ///
    /// # Errors
    /// `each` fails, or the disk refuses outcomes: what runs is then stopped.
    pub fn run(&self, board: Board, mut each: impl FnMut(Vec<Event>) -> Result<()>) -> Result<Option<Interrupt>> {
        let shared = Shared { board: Mutex::new(board), changed: Condvar::new(), halted: AtomicBool::new(false) };
        let publisher = Publisher::open(&self.folder)?;
        let watch = Watch::new()?;
        let over = AtomicBool::new(false);
        let (ended, to_publish) = channel();
        let (events, told) = channel();
        thread::scope(|scope| {
            let watching = scope.spawn(|| watch.watch(self.running, self.claims, &over));
            for _ in 0..self.jobs.max(1) {
                let (ended, events, shared) = (ended.clone(), events.clone(), &shared);
                scope.spawn(move || self.slot(shared, &ended, &events));
            }
            drop(ended);
            let publishing = scope.spawn({
                let shared = &shared;
                move || {
                    let result = publish_all((shared, self.retries), &publisher, &to_publish, &events);
                    result.inspect_err(|_| self.stop(shared))
                }
            });
            let mut result = Ok(());
            loop {
                let batch = match told.recv_timeout(TICK) {
                    Ok(event) => std::iter::once(event).chain(told.try_iter()).collect(),
                    Err(RecvTimeoutError::Timeout) => Vec::new(),
                    Err(RecvTimeoutError::Disconnected) => break,
                };
                if result.is_ok() {
                    result = each(batch).inspect_err(|_| self.stop(&shared));
                }
            }
            let published = publishing.join().unwrap_or_else(|_| Err(Error::general("the publishing thread panicked")));
            over.store(true, Ordering::Release);
            let interrupt = watching.join().unwrap_or(None);
            result.and(published).map(|()| interrupt)
        })
    }

    fn stop(&self, shared: &Shared) {
        self.running.stop();
        shared.halt();
    }

    /// Work on one task after the other until none is left.
    fn slot(&self, shared: &Shared, ended: &Sender<(usize, Ended)>, events: &Sender<Event>) {
        let oom_kills = OomKills::read();
        let worker = Worker {
            sweep: self.sweep,
            claims: self.claims,
            running: self.running,
            provenance: self.provenance,
            oom_kills: &oom_kills,
        };
        while let Some(start) = self.next(shared) {
            let task = start.task;
            let mut spec = self.tasks.spec(task);
            if self.hands_out_gpus {
                spec.gpus = Some(start.gpus.clone());
            }
            // The caller may have gone; the work is then finished all the same.
            let _ = events.send(Event::Started(task));
            let attempted = match self.tasks.stage(&spec) {
                Some(stage) => worker.attempt(stage, &spec),
                None => Err(Error::general(format!("the submission has no stage {}", spec.stage))),
            };
            shared.change(|board| board.release(start));
            if !has_succeeded(&attempted) && machine::is_full(&self.folder) {
                // Whatever is started now would fail as well, and leave torn logs.
                shared.halt();
            }
            match attempted {
                Ok(Attempted::Ended(end)) => drop(ended.send((task, end))),
                Ok(Attempted::Done) => {
                    shared.change(|board| board.succeed(task));
                    let _ = events.send(Event::Done(task));
                }
                other => self.give_up(shared, task, other, events),
            }
        }
    }

    /// Wait for a task that may start; `None` when there will be none.
    fn next(&self, shared: &Shared) -> Option<Start> {
        let mut board = shared.board();
        loop {
            if self.running.is_stopping() || shared.halted.load(Ordering::Acquire) || board.is_over() {
                shared.changed.notify_all();
                return None;
            }
            if let Some(start) = board.start_next() {
                return Some(start);
            }
            // A signal to stop wakes nobody here, so that the wait has an end of its own.
            let waited = shared.changed.wait_timeout(board, super::PATIENCE);
            board = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// A task that made no attempt.
    fn give_up(&self, shared: &Shared, task: usize, attempted: Result<Attempted>, events: &Sender<Event>) {
        let event = match attempted {
            Ok(Attempted::Held(holder)) => Some(Event::Held(task, holder)),
            Ok(Attempted::Unreadable(path)) => Some(Event::Unusable(task, unreadable_claim(&path))),
            Ok(Attempted::Waiting(stage)) => {
                let message = format!("the results of stage `{stage}`, which it needs, are not there");
                Some(Event::Unusable(task, Error::general(message)))
            }
            Err(error) => Some(Event::Unusable(task, error)),
            Ok(Attempted::Ended(_) | Attempted::Done | Attempted::Stopped) => None,
        };
        let blocked = shared.change(|board| board.give_up(task));
        if let Some(event) = event {
            let _ = events.send(event);
            if !blocked.is_empty() {
                let _ = events.send(Event::Blocked(blocked));
            }
        }
    }
}

fn has_succeeded(attempted: &Result<Attempted>) -> bool {
    matches!(attempted, Ok(Attempted::Ended(ended)) if ended.outcome.verdict == Verdict::Succeeded)
}

fn unreadable_claim(path: &std::path::Path) -> Error {
    Error::general(format!("the claim `{}` cannot be read, so nobody knows whether its holder lives", path.display()))
        .hint("remove the file when you are sure that nothing works on the task any more")
}

/// Publish what has ended until no slot is left, with one flush for all that has gathered meanwhile.
///
/// An event is sent only after the names that publishing made have reached the disk with the next flush: what the
/// database knows can then be found in the task folders, whatever happens.
fn publish_all(
    (shared, retries): (&Shared, fn(FailureReason) -> bool),
    publisher: &Publisher,
    ended: &Receiver<(usize, Ended)>,
    events: &Sender<Event>,
) -> Result<()> {
    let mut named: Vec<Event> = Vec::new();
    loop {
        let mut batch: Vec<(usize, Ended)> = Vec::new();
        if named.is_empty() {
            match ended.recv() {
                Ok(first) => batch.push(first),
                Err(_) => return Ok(()),
            }
        }
        batch.extend(ended.try_iter());
        publisher.flush()?;
        named.drain(..).for_each(|event| drop(events.send(event)));
        for (task, ended) in batch {
            publisher.publish(&ended)?;
            named.extend(settle(shared, task, ended, retries));
        }
    }
}

/// Tell the board how a task ended.
fn settle(shared: &Shared, task: usize, ended: Ended, retries: fn(FailureReason) -> bool) -> Vec<Event> {
    let (retried, blocked) = shared.change(|board| match ended.outcome.verdict {
        Verdict::Succeeded => {
            board.succeed(task);
            (false, Vec::new())
        }
        Verdict::Failed if ended.outcome.reason.is_some_and(retries) && board.retry(task) => (true, Vec::new()),
        Verdict::Failed | Verdict::Cancelled => (false, board.give_up(task)),
    });
    let mut events = vec![Event::Ended { task, ended, retried }];
    if !blocked.is_empty() {
        events.push(Event::Blocked(blocked));
    }
    events
}
