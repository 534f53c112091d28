//! What a node does with one start of an element: runs the script, warns and ends it at its limit, says how it ended.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::PathBuf;
use std::process::ExitStatus;
use std::thread;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process, kill_process_group};

use crate::misbehaviour::{self, JobTrouble};
use crate::place::Place;
use crate::settings::Settings;
use crate::state::{State, Word};
use crate::submission::Submission;
use crate::{Answer, Result, time};

const STEP: Duration = Duration::from_millis(20);

/// Start a runner for an element, and say which process it is.
///
/// Whoever called `sbatch` may have given it open files, such as a lock; real jobs inherit none of them. The shell closes
/// what it has, then becomes the runner.
pub fn start(place: &Place, own: u64) -> Result<(i32, u64)> {
    const CLOSE: &str = "for fd in /proc/self/fd/*; do fd=${fd##*/}; [ $fd -gt 2 ] && eval \"exec $fd>&-\"; done; \
                         exec -a fake-slurm \"$@\"";
    let program = std::env::current_exe()?;
    let own = own.to_string();
    let args = [program.as_os_str(), "run".as_ref(), place.folder().as_os_str(), own.as_ref()];
    let line = ["-c".as_ref(), CLOSE.as_ref(), "start".as_ref()].into_iter().chain(args);
    let handle = duct::cmd("/bin/bash", line)
        .dir("/")
        .stdin_null()
        .stdout_null()
        .stderr_file(File::options().append(true).create(true).open(place.path("runners"))?)
        .before_spawn(|command| {
            command.process_group(0);
            Ok(())
        })
        .unchecked()
        .start()?;
    let pid = i32::try_from(*handle.pids().first().ok_or("a process without an id")?)?;
    Ok((pid, started(pid).unwrap_or(0)))
}

/// When the kernel started a process, in ticks; `None` once it is gone, or only waits to be reaped.
fn started(pid: i32) -> Option<u64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name before the bracket may hold spaces.
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    fields.get(19)?.parse().ok().filter(|_| fields.first() != Some(&"Z"))
}

pub fn lives((pid, ticks): (i32, u64)) -> bool {
    started(pid) == Some(ticks)
}

/// How a start ended: Slurm's word, exit code and signal.
type End = (Word, (i32, i32));

pub fn run(place: &Place, own: u64) -> Result<Answer> {
    let settings = Settings::read(place)?;
    let (line, trouble) = {
        let _lock = place.lock()?;
        (Line::of(place, &State::load(place)?, own)?, misbehaviour::of_job(place)?)
    };
    let end = line.run(place, &settings, trouble)?;
    State::change(place, |state| {
        let position = state.elements.iter().position(|element| element.own == own);
        // One that the controller forgot has nobody to report to.
        let Some(position) = position else { return Ok(()) };
        let (word, exit) = end;
        state.end(position, word, exit);
        if trouble == Some(JobTrouble::Requeue) {
            state.elements[position].again(time::now());
        }
        Ok(())
    })?;
    Ok(Answer::well(""))
}

/// All that it takes to run the script.
struct Line {
    own: u64,
    script: PathBuf,
    folder: PathBuf,
    output: PathBuf,
    error: Option<PathBuf>,
    append: bool,
    environment: BTreeMap<String, String>,
    limit: Option<u64>,
    warning: Option<(String, u64)>,
}

impl Line {
    fn of(place: &Place, state: &State, own: u64) -> Result<Self> {
        let element = state.elements.iter().find(|element| element.own == own).ok_or("no such element")?;
        let submission = state.of(element);
        let index = element.index.map_or_else(String::new, |index| index.to_string());
        let name = |pattern: &str| {
            let (job, own) = (element.job.to_string(), own.to_string());
            let parts = [("%A", &job), ("%a", &index), ("%j", &own), ("%x", &submission.name)];
            submission.folder.join(parts.iter().fold(pattern.to_owned(), |text, (from, to)| text.replace(from, to)))
        };
        let saved: Vec<(String, String)> = serde_json::from_slice(&fs::read(place.spool(element.job, "environment"))?)?;
        let mut environment: BTreeMap<String, String> = saved.into_iter().collect();
        let indices: Vec<u32> =
            state.elements.iter().filter(|other| other.job == element.job).filter_map(|other| other.index).collect();
        environment.extend(variables(submission, element, &indices));
        Ok(Self {
            own,
            script: place.spool(element.job, "script"),
            folder: submission.folder.clone(),
            output: name(&submission.output),
            error: submission.error.as_deref().map(name),
            append: submission.append,
            environment,
            limit: submission.limit,
            warning: submission.warning.clone(),
        })
    }

    fn run(&self, place: &Place, settings: &Settings, trouble: Option<JobTrouble>) -> Result<End> {
        let open = |path: &PathBuf| {
            File::options().write(true).create(true).append(self.append).truncate(!self.append).open(path)
        };
        // Slurm ends a job whose output it cannot open so, and says why nowhere but in its own logs.
        let Ok(output) = open(&self.output) else { return Ok((Word::Failed, (1, 0))) };
        let error = self.error.as_ref().map_or_else(|| output.try_clone(), open)?;
        let command = duct::cmd::<_, Vec<String>>(&self.script, Vec::new())
            .dir(&self.folder)
            .full_env(&self.environment)
            .stdin_null()
            .stdout_file(output)
            .stderr_file(error)
            .unchecked()
            .before_spawn(|command| {
                command.process_group(0);
                Ok(())
            });
        // So does a script whose interpreter is not there.
        let Ok(handle) = command.start() else { return Ok((Word::Failed, (127, 0))) };
        let group = i32::try_from(*handle.pids().first().ok_or("a process without an id")?)?;
        State::change(place, |state| {
            let element = state.elements.iter_mut().find(|element| element.own == self.own);
            element.into_iter().for_each(|element| element.group = Some(group));
            Ok(())
        })?;
        let mut watch =
            Watch { group, warned: false, ending: trouble.and_then(JobTrouble::at_start), asked: None, steps: 0 };
        while handle.try_wait()?.is_none() {
            watch.look(place, settings, self)?;
            thread::sleep(STEP);
        }
        let status = handle.try_wait()?.ok_or("it ended and did not end")?.status;
        // Whatever the script left behind ends with it.
        signal(group, Signal::KILL)?;
        Ok(watch.end(status))
    }
}

/// What a runner has done about its script so far.
struct Watch {
    group: i32,
    warned: bool,
    /// What the end will be called, if somebody else than the script decides on it.
    ending: Option<Word>,
    /// The step at which it was asked to end.
    asked: Option<u64>,
    steps: u64,
}

impl Watch {
    fn look(&mut self, place: &Place, settings: &Settings, line: &Line) -> Result<()> {
        self.steps += 1;
        let passed = |steps: u64| steps * u64::try_from(STEP.as_millis()).unwrap_or(1);
        let elapsed = passed(self.steps) * settings.speed / 1000;
        if let (Some(limit), Some((name, lead)), false) = (line.limit, &line.warning, self.warned)
            && elapsed + lead >= limit
        {
            self.warned = true;
            // `B:` is for the script alone, which leads its group.
            to_leader(self.group, named(name).unwrap_or(Signal::USR1))?;
        }
        if self.ending.is_none() {
            self.ending = order(place, line.own)?;
            if line.limit.is_some_and(|limit| elapsed >= limit) {
                self.ending = Some(Word::Timeout);
            }
        }
        match (self.ending, self.asked) {
            (Some(Word::NodeFail | Word::OutOfMemory), _) => signal(self.group, Signal::KILL),
            (Some(_), None) => {
                self.asked = Some(self.steps);
                signal(self.group, Signal::CONT)?;
                signal(self.group, Signal::TERM)
            }
            (Some(_), Some(asked)) if passed(self.steps - asked) >= settings.kill_wait * 1000 => {
                signal(self.group, Signal::KILL)
            }
            _ => Ok(()),
        }
    }

    fn end(&self, status: ExitStatus) -> End {
        let exit = (status.code().unwrap_or(0), status.signal().unwrap_or(0));
        let own = if status.success() { Word::Completed } else { Word::Failed };
        (self.ending.unwrap_or(own), exit)
    }
}

/// What somebody else has decided about the element since it started.
fn order(place: &Place, own: u64) -> Result<Option<Word>> {
    let path = place.spool(own, "order");
    match fs::read_to_string(&path) {
        Ok(text) => {
            fs::remove_file(&path)?;
            Ok(serde_json::from_str(&text)?)
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Tell the runner of an element how it is to end.
pub fn give_order(place: &Place, own: u64, end: Word) -> Result<()> {
    place.write(&place.spool(own, "order"), &serde_json::to_vec(&end)?)
}

/// To all processes of a script; it may be gone by now.
pub fn signal(group: i32, signal: Signal) -> Result<()> {
    let Some(pid) = Pid::from_raw(group) else { return Ok(()) };
    match kill_process_group(pid, signal) {
        Err(rustix::io::Errno::SRCH) => Ok(()),
        other => Ok(other?),
    }
}

fn to_leader(group: i32, signal: Signal) -> Result<()> {
    let Some(pid) = Pid::from_raw(group) else { return Ok(()) };
    match kill_process(pid, signal) {
        Err(rustix::io::Errno::SRCH) => Ok(()),
        other => Ok(other?),
    }
}

pub fn named(name: &str) -> Option<Signal> {
    match name.trim_start_matches("SIG") {
        "USR1" | "10" => Some(Signal::USR1),
        "USR2" | "12" => Some(Signal::USR2),
        "TERM" | "15" => Some(Signal::TERM),
        "INT" | "2" => Some(Signal::INT),
        "KILL" | "9" => Some(Signal::KILL),
        "CONT" | "18" => Some(Signal::CONT),
        "STOP" | "19" => Some(Signal::STOP),
        _ => None,
    }
}

/// What Slurm adds to the environment.
fn variables(submission: &Submission, element: &crate::state::Element, indices: &[u32]) -> Vec<(String, String)> {
    let node = &element.start.node;
    let mut all = vec![
        ("SLURM_JOB_ID", element.own.to_string()),
        ("SLURM_JOBID", element.own.to_string()),
        ("SLURM_JOB_NAME", submission.name.clone()),
        ("SLURM_JOB_PARTITION", submission.partition.clone()),
        ("SLURM_JOB_ACCOUNT", submission.account.clone()),
        ("SLURM_JOB_NODELIST", node.clone()),
        ("SLURM_NODELIST", node.clone()),
        ("SLURMD_NODENAME", node.clone()),
        ("SLURM_JOB_NUM_NODES", "1".to_owned()),
        ("SLURM_NNODES", "1".to_owned()),
        ("SLURM_CPUS_PER_TASK", submission.cpus.to_string()),
        ("SLURM_CPUS_ON_NODE", submission.cpus.to_string()),
        ("SLURM_CLUSTER_NAME", "fake".to_owned()),
        ("SLURM_SUBMIT_DIR", submission.folder.to_string_lossy().into_owned()),
        ("SLURM_PROCID", "0".to_owned()),
        ("SLURM_LOCALID", "0".to_owned()),
    ];
    if let (Some(index), Some(first), Some(last)) = (element.index, indices.first(), indices.last()) {
        all.extend([
            ("SLURM_ARRAY_JOB_ID", element.job.to_string()),
            ("SLURM_ARRAY_TASK_ID", index.to_string()),
            ("SLURM_ARRAY_TASK_COUNT", indices.len().to_string()),
            ("SLURM_ARRAY_TASK_MIN", first.to_string()),
            ("SLURM_ARRAY_TASK_MAX", last.to_string()),
        ]);
    }
    if element.restarts > 0 {
        all.push(("SLURM_RESTART_COUNT", element.restarts.to_string()));
    }
    if submission.gpus > 0 {
        let devices: Vec<String> = (0..submission.gpus).map(|device| device.to_string()).collect();
        all.push(("CUDA_VISIBLE_DEVICES", devices.join(",")));
    }
    all.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}
