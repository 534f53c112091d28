//! Starting a job's process through duct, waiting for its end, and ending it: the whole process group, first asked,
//! then killed.

use std::ffi::OsString;
use std::io;
use std::path::PathBuf;
use std::process::ExitStatus;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use hashbrown::HashMap;
use rustix::io::Errno;
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, WaitIdStatus, kill_process, kill_process_group, waitid};

use super::{Cut, orphans};
use crate::clock;

/// A process that is ready to be started.
#[derive(Debug, Clone)]
pub(super) struct Process {
    /// Absolute path of the program, or the name of one in a folder of PATH.
    pub program: OsString,
    pub arguments: Vec<OsString>,
    /// Added to what this process has.
    pub environment: Vec<(OsString, OsString)>,
    pub removed: Vec<OsString>,
    pub folder: PathBuf,
    pub stdout: PathBuf,
    pub stderr: PathBuf,
    pub time_limit: Option<Duration>,
    /// Whether it starts the job's processes elsewhere, and ends when they have ended.
    pub is_starter: bool,
}

/// How a process ended.
#[derive(Debug, Clone, Copy)]
pub(super) struct End {
    pub status: ExitStatus,
    /// Set when it was made to end.
    pub cut: Option<Cut>,
    /// For how long it went on after it was asked to save its state.
    pub saved: Option<Duration>,
}

impl Process {
    /// Start the process in a group of its own, with its output going to files, and wait for its end. What is left of
    /// the group is killed then.
    ///
    /// # Errors
    /// It cannot be started.
    pub fn run(self, running: &Running) -> io::Result<End> {
        let Self { program, arguments, environment, removed, folder, stdout, stderr, time_limit, is_starter } = self;
        let out = folder.clone();
        let handle = duct::cmd(program, arguments)
            .unchecked()
            .stdin_null()
            .stdout_path(stdout)
            .stderr_path(stderr)
            .before_spawn(move |command| {
                use std::os::unix::process::CommandExt;
                for name in &removed {
                    command.env_remove(name);
                }
                command.envs(environment.iter().map(|(name, value)| (name, value)));
                command.current_dir(&folder).process_group(0);
                Ok(())
            })
            .start()?;
        let group = handle.pids().first().and_then(|&pid| Pid::from_raw(pid.cast_signed()));
        let Some(group) = group else { return Err(io::Error::other("the process has no number")) };
        let elsewhere = running.elsewhere.filter(|_| is_starter).map(|signal| Elsewhere { signal, out, killed: false });
        running.add(group, time_limit, elsewhere);
        let ended = wait_for_end(group)?;
        if ended.as_ref().is_some_and(|status| was_asked(status, is_starter)) && !running.was_asked() {
            // Slurm asks all processes of a job at once: whether we are asked as well shows in a moment.
            std::thread::sleep(AFTERMATH);
        }
        if ended.as_ref().is_some_and(|status| status.terminating_signal().is_some()) {
            // What it had started does not notice that it is gone.
            running.kill_elsewhere(group);
        }
        // The ended leader is not reaped yet, so that its number cannot name another group.
        let _ = kill_process_group(group, Signal::KILL);
        let (cut, asked_to_save) = running.remove(group);
        Ok(End {
            status: handle.wait()?.status,
            cut: cut.or(running.was_asked().then_some(Cut::Stopped)),
            saved: asked_to_save.map(|asked| clock::monotonic().saturating_sub(asked)),
        })
    }
}

/// How long after a job's end a question to this process still counts as put to both.
const AFTERMATH: Duration = Duration::from_millis(100);

/// Wait until the process `pid` has ended, and leave it as a zombie.
fn wait_for_end(pid: Pid) -> io::Result<Option<WaitIdStatus>> {
    loop {
        match waitid(WaitId::Pid(pid), WaitIdOptions::EXITED | WaitIdOptions::NOWAIT) {
            Err(Errno::INTR) => {}
            result => return result.map_err(io::Error::from),
        }
    }
}

/// Whether the process may have ended because somebody asked it to; shells say 143 where a program of theirs did, and a
/// starter may say anything.
fn was_asked(status: &WaitIdStatus, is_starter: bool) -> bool {
    let term = Signal::TERM.as_raw();
    let failed = status.exit_status() != Some(0);
    status.terminating_signal() == Some(term) || status.exit_status() == Some(128 + term) || is_starter && failed
}

/// How long a process that was asked to end may take to do so.
#[derive(Debug, Clone, Copy)]
pub struct Grace(pub Duration);

impl Default for Grace {
    fn default() -> Self {
        Self(Duration::from_secs(10))
    }
}

/// The process groups that run now, and what is to become of them.
#[derive(Debug, Default)]
pub struct Running {
    state: Mutex<State>,
    grace: Grace,
    /// Set by the signal itself, in no time: a script whose child was ended by the same signal may go on and exit with 0.
    asked: Arc<AtomicBool>,
    /// Sends a signal to the processes that starters have started elsewhere; what comes of it shows in their end.
    elsewhere: Option<fn(Signal)>,
}

#[derive(Debug, Default)]
struct State {
    groups: HashMap<i32, Group>,
    /// Set once everything is to end.
    stopping: bool,
}

#[derive(Debug)]
struct Group {
    pid: Pid,
    /// On the monotonic clock: when the time limit is over, or when the grace is.
    deadline: Option<Duration>,
    cut: Option<Cut>,
    /// On the monotonic clock: when it was first asked to save its state.
    asked_to_save: Option<Duration>,
    /// Set for a starter.
    elsewhere: Option<Elsewhere>,
}

/// How to reach the processes that a starter has started.
#[derive(Debug)]
struct Elsewhere {
    signal: fn(Signal),
    /// The job's folder, by which those on this machine are known.
    out: PathBuf,
    /// Whether the starter was told to kill them.
    killed: bool,
}

impl Group {
    /// Ask the group to end; a stopped process must run to hear it.
    fn ask(&mut self, cut: Cut, grace: Grace) {
        self.cut = Some(cut);
        self.deadline = Some(clock::monotonic() + grace.0);
        if let Some(Elsewhere { signal, .. }) = self.elsewhere {
            // The starter would take the question for an order to kill. Slurm may take long to pass it on.
            std::thread::spawn(move || signal(Signal::TERM));
            return;
        }
        // The group may have ended in this moment.
        let _ = kill_process_group(self.pid, Signal::TERM);
        let _ = kill_process_group(self.pid, Signal::CONT);
    }

    /// A starter gets the time that it takes to have its processes killed.
    fn kill(&mut self, grace: Grace) {
        let signal = match &mut self.elsewhere {
            Some(Elsewhere { killed: killed @ false, .. }) => {
                *killed = true;
                Signal::TERM
            }
            _ => Signal::KILL,
        };
        self.deadline = Some(clock::monotonic() + grace.0);
        let _ = kill_process_group(self.pid, signal);
    }
}

impl Running {
    /// Nothing runs yet.
    #[must_use]
    pub fn new(grace: Grace) -> Self {
        Self { grace, ..Self::default() }
    }

    /// The same, with starters whose processes `signal` reaches.
    #[must_use]
    pub fn with_starters(self, signal: fn(Signal)) -> Self {
        Self { elsewhere: Some(signal), ..self }
    }

    /// To be set when this process is asked to end.
    #[must_use]
    pub fn asked(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.asked)
    }

    fn was_asked(&self) -> bool {
        self.asked.load(Ordering::Acquire)
    }

    /// Whether [`Running::stop`] was called.
    #[must_use]
    pub fn is_stopping(&self) -> bool {
        self.lock().stopping
    }

    /// Ask everything that runs, and whatever is still started, to end.
    pub fn stop(&self) {
        let mut state = self.lock();
        state.stopping = true;
        state
            .groups
            .values_mut()
            .filter(|group| group.cut.is_none())
            .for_each(|group| group.ask(Cut::Stopped, self.grace));
    }

    /// Kill everything that runs.
    pub fn kill(&self) {
        let mut state = self.lock();
        state.stopping = true;
        for group in state.groups.values_mut() {
            group.cut.get_or_insert(Cut::Stopped);
            group.kill(self.grace);
        }
    }

    /// Pass a signal on to the processes that listen to it. One that does not would be ended by it.
    pub fn forward_to_listeners(&self, signal: Signal) {
        for group in self.lock().groups.values_mut() {
            let elsewhere = group.has_listeners_elsewhere(signal).then_some(group.pid);
            let reached: Vec<Pid> = listeners(group.pid, signal).into_iter().chain(elsewhere).collect();
            if signal == Signal::USR1 && !reached.is_empty() {
                group.asked_to_save.get_or_insert(clock::monotonic());
            }
            for pid in reached {
                // It may have ended in this moment.
                let _ = kill_process(pid, signal);
            }
        }
    }

    /// Ask what has used up its time to end, and kill what has used up its grace. To be called now and then.
    pub fn enforce(&self) {
        let now = clock::monotonic();
        let mut state = self.lock();
        for group in state.groups.values_mut().filter(|group| group.deadline.is_some_and(|deadline| deadline <= now)) {
            if group.cut.is_none() {
                group.ask(Cut::TimeLimit, self.grace);
            } else {
                group.kill(self.grace);
            }
        }
    }

    fn add(&self, pid: Pid, time_limit: Option<Duration>, elsewhere: Option<Elsewhere>) {
        let deadline = time_limit.map(|limit| clock::monotonic() + limit);
        let mut state = self.lock();
        let mut group = Group { pid, deadline, cut: None, asked_to_save: None, elsewhere };
        if state.stopping {
            group.ask(Cut::Stopped, self.grace);
        }
        state.groups.insert(pid.as_raw_nonzero().get(), group);
    }

    /// Kill what a starter that was killed had started.
    fn kill_elsewhere(&self, pid: Pid) {
        let group = pid.as_raw_nonzero().get();
        let signal = self.lock().groups.get(&group).and_then(|group| Some(group.elsewhere.as_ref()?.signal));
        if let Some(signal) = signal {
            signal(Signal::KILL);
        }
    }

    /// Why it was made to end, and when it was asked to save its state.
    fn remove(&self, pid: Pid) -> (Option<Cut>, Option<Duration>) {
        let group = self.lock().groups.remove(&pid.as_raw_nonzero().get());
        group.map_or((None, None), |group| (group.cut, group.asked_to_save))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Group {
    /// Whether one of the processes that a starter has on this machine catches `signal`: they are all alike.
    fn has_listeners_elsewhere(&self, signal: Signal) -> bool {
        let Some(Elsewhere { out, .. }) = &self.elsewhere else { return false };
        let mine = orphans::processes_of(out);
        mine.iter().any(|&pid| !is_in_group(pid, self.pid) && listens(pid, signal))
    }
}

/// The processes of a group that catch `signal`.
fn listeners(group: Pid, signal: Signal) -> Vec<Pid> {
    let Ok(entries) = std::fs::read_dir("/proc") else { return Vec::new() };
    let pids = entries.filter_map(|entry| Pid::from_raw(entry.ok()?.file_name().to_str()?.parse().ok()?));
    pids.filter(|&pid| is_in_group(pid, group) && listens(pid, signal)).collect()
}

fn is_in_group(pid: Pid, group: Pid) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", pid.as_raw_nonzero())).unwrap_or_default();
    // The name in parentheses may hold anything; after it come the state, the parent and the group.
    let its = stat.rsplit_once(')').and_then(|(_, fields)| fields.split_ascii_whitespace().nth(2)?.parse().ok());
    its == Some(group.as_raw_nonzero().get())
}

fn listens(pid: Pid, signal: Signal) -> bool {
    let status = std::fs::read_to_string(format!("/proc/{}/status", pid.as_raw_nonzero())).unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigCgt:")).map_or("", str::trim);
    u64::from_str_radix(mask, 16).is_ok_and(|mask| mask >> (signal.as_raw() - 1) & 1 == 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::process::ExitStatusExt;
    use std::path::Path;

    fn shell(script: &str, folder: &Path) -> Process {
        Process {
            program: "/bin/sh".into(),
            arguments: vec!["-c".into(), script.into()],
            environment: vec![("GREETING".into(), "hello $(touch canary)".into())],
            removed: vec!["PATH_TO_NOWHERE".into()],
            folder: folder.to_owned(),
            stdout: folder.join("stdout.log"),
            stderr: folder.join("stderr.log"),
            time_limit: None,
            is_starter: false,
        }
    }

    /// Run `script`; once it has made the file `ready`, do `act` until it has ended.
    fn run_and(script: &str, grace: Duration, act: impl Fn(&Running)) -> End {
        run_in(Running::new(Grace(grace)), script, act)
    }

    /// The same, as one of those that `running` has; if it knows starters, the script is one.
    fn run_in(running: Running, script: &str, act: impl Fn(&Running)) -> End {
        let folder = tempfile::tempdir().unwrap();
        let is_starter = running.elsewhere.is_some();
        let running = Arc::new(running);
        let process = Process { is_starter, ..shell(script, folder.path()) };
        let job = std::thread::spawn({
            let running = Arc::clone(&running);
            move || process.run(&running).unwrap()
        });
        while !folder.path().join("ready").exists() {
            std::thread::yield_now();
        }
        while !job.is_finished() {
            act(&running);
            std::thread::sleep(Duration::from_millis(1));
        }
        job.join().unwrap()
    }

    #[test]
    fn output_goes_to_files_and_variables_are_not_interpreted() {
        let folder = tempfile::tempdir().unwrap();
        let script = r#"printf '%s' "$GREETING"; pwd >&2; exit 3"#;
        let end = shell(script, folder.path()).run(&Running::default()).unwrap();
        let read = |name| std::fs::read_to_string(folder.path().join(name)).unwrap();
        assert_eq!((end.status.code(), end.cut), (Some(3), None));
        assert_eq!(read("stdout.log"), "hello $(touch canary)");
        assert_eq!(read("stderr.log").trim(), std::fs::canonicalize(folder.path()).unwrap().to_str().unwrap());
        assert!(!folder.path().join("canary").exists());
    }

    #[test]
    fn a_stopped_job_is_asked_first() {
        let script = "trap 'exit 7' TERM; touch ready; while :; do sleep 0.01; done";
        let end = run_and(script, Duration::from_secs(1000), Running::stop);
        assert_eq!((end.status.code(), end.cut), (Some(7), Some(Cut::Stopped)));
    }

    #[test]
    fn a_job_that_ignores_the_question_is_killed_after_its_grace() {
        let script = "trap '' TERM; touch ready; while :; do sleep 0.01; done";
        let end = run_and(script, Duration::ZERO, |running| {
            running.stop();
            running.enforce();
        });
        assert_eq!((end.status.signal(), end.cut), (Some(9), Some(Cut::Stopped)));
    }

    #[test]
    fn a_job_that_uses_up_its_time_is_ended() {
        let folder = tempfile::tempdir().unwrap();
        let running = Running::default();
        let process =
            Process { time_limit: Some(Duration::ZERO), ..shell("while :; do sleep 0.01; done", folder.path()) };
        let end = std::thread::scope(|scope| {
            let job = scope.spawn(|| process.run(&running).unwrap());
            while !job.is_finished() {
                running.enforce();
                std::thread::yield_now();
            }
            job.join().unwrap()
        });
        assert_eq!((end.status.signal(), end.cut), (Some(15), Some(Cut::TimeLimit)));
    }

    #[test]
    fn a_wish_to_save_reaches_those_who_listen_and_ends_nobody() {
        let listens = "trap 'exit 85' USR1; touch ready; while :; do sleep 0.01; done";
        let end = run_and(listens, Duration::ZERO, |running| running.forward_to_listeners(Signal::USR1));
        assert_eq!((end.status.code(), end.cut, end.saved.is_some()), (Some(85), None, true));
        let deaf = "touch ready; sleep 0.2";
        let end = run_and(deaf, Duration::ZERO, |running| running.forward_to_listeners(Signal::USR1));
        assert_eq!((end.status.code(), end.cut), (Some(0), None));
    }

    static SENT: Mutex<Vec<i32>> = Mutex::new(Vec::new());

    #[test]
    fn a_starter_is_told_to_kill_only_when_its_processes_had_their_time_and_never_outlived_by_them() {
        let starters =
            || Running::new(Grace(Duration::ZERO)).with_starters(|signal| SENT.lock().unwrap().push(signal.as_raw()));
        let sent = || SENT.lock().unwrap().clone();
        let script = "trap 'exit 137' TERM; touch ready; while :; do sleep 0.01; done";
        let told = std::cell::Cell::new(false);
        let end = run_in(starters(), script, |running| {
            running.stop();
            // A second time would be one too many for a shell that has not yet heard the first.
            if !sent().is_empty() && !told.replace(true) {
                running.enforce();
            }
        });
        assert_eq!((end.status.code(), end.cut, sent()), (Some(137), Some(Cut::Stopped), vec![15]));
        run_in(starters(), "touch ready; kill -9 $$", |_| ());
        assert_eq!(sent(), [15, 9]);
    }

    #[test]
    fn what_a_job_leaves_in_its_group_ends_with_it() {
        let folder = tempfile::tempdir().unwrap();
        let end = shell("sleep 1000 & echo $! > child", folder.path()).run(&Running::default()).unwrap();
        assert!(end.status.success());
        let child = std::fs::read_to_string(folder.path().join("child")).unwrap();
        let stat = format!("/proc/{}/stat", child.trim());
        // Killed at once; init or we reap it a moment later.
        while std::fs::read_to_string(&stat).is_ok_and(|stat| !stat.contains(") Z ")) {
            std::thread::yield_now();
        }
    }

    #[test]
    fn a_program_that_does_not_exist_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let process = Process { program: "/no/such/program".into(), ..shell("", folder.path()) };
        assert_eq!(process.run(&Running::default()).unwrap_err().kind(), io::ErrorKind::NotFound);
    }
}
