//! Starting Slurm's programs: one function runs each of them, within a time limit, in an environment of its own.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};

use crate::error::{Context, Kind};
use crate::slurm::answer::{self, Config, Refusal};
use crate::slurm::follow::Answer;
use crate::{Error, Result};

/// `sbatch` itself tries for two minutes to get through to a busy controller.
const PATIENCE: Duration = Duration::from_secs(150);
/// What Slurm's programs need to find their cluster and their user.
const KEPT: [&str; 7] = ["PATH", "HOME", "USER", "LOGNAME", "SHELL", "SLURM_CONF", "TMPDIR"];
/// So that answers look the same everywhere.
const PLAIN: [(&str, &str); 3] = [("SLURM_TIME_FORMAT", "%s"), ("TZ", "UTC"), ("LC_ALL", "C")];

/// Slurm's programs, as found on `PATH`.
#[derive(Debug, Clone)]
pub struct Slurm {
    patience: Duration,
    environment: Vec<(OsString, OsString)>,
    /// Further variables for jobs.
    passed: Vec<(OsString, OsString)>,
}

/// What a program said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Said {
    pub succeeded: bool,
    pub stdout: String,
    pub stderr: String,
}

impl Said {
    /// The line of standard error that says most.
    fn complaint(&self) -> String {
        let lines = || self.stderr.lines().map(str::trim).filter(|line| !line.is_empty());
        let line = lines().rfind(|line| line.contains("error")).or_else(|| lines().next_back());
        line.unwrap_or("it failed without a word").to_owned()
    }
}

/// What came of handing over a script.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sent {
    /// Slurm made this job of it.
    Job(u64),
    /// It was not accepted; or, if that is unclear, it may have been.
    Refused(Refusal, String),
}

impl Slurm {
    /// The programs on this machine; jobs get the variables called `pass` as well.
    #[must_use]
    pub fn here(patience: Option<u64>, pass: &[String]) -> Self {
        let kept = |name: &str| Some((OsString::from(name), std::env::var_os(name)?));
        Self {
            patience: patience.map_or(PATIENCE, Duration::from_secs),
            environment: KEPT.iter().filter_map(|name| kept(name)).collect(),
            passed: pass.iter().filter_map(|name| kept(name)).collect(),
        }
    }

    /// Run one program to its end; `None` if it did not come to one in time, and was killed.
    ///
    /// `lock` becomes its standard input: whoever waits for that lock waits for the program as well, even when this
    /// process has been killed meanwhile.
    fn run<S: AsRef<OsStr>>(&self, program: &str, arguments: &[S], lock: Option<&File>) -> Result<Option<Said>> {
        let about = || format!("cannot run `{program}`");
        let arguments: Vec<&OsStr> = arguments.iter().map(AsRef::as_ref).collect();
        let plain = PLAIN.iter().map(|&(name, value)| (OsString::from(name), OsString::from(value)));
        let sbatch = program == "sbatch";
        let passed = self.passed.iter().filter(|_| sbatch).cloned();
        let command = duct::cmd(program, arguments)
            .full_env(self.environment.iter().cloned().chain(plain).chain(passed))
            .stdout_capture()
            .stderr_capture()
            .unchecked()
            // Ctrl-C is for this process; and what does not answer is ended with all that it started.
            .before_spawn(|command| {
                command.process_group(0);
                Ok(())
            });
        let command = match lock {
            Some(lock) => command.stdin_file(lock.try_clone().context(about)?),
            None => command.stdin_null(),
        };
        let handle = command.start().map_err(|error| match error.kind() {
            std::io::ErrorKind::NotFound => Error::usage(format!("`{program}` is in no folder of PATH"))
                .hint("run this where Slurm's programs are: on a login node"),
            _ => Error::general(format!("cannot run `{program}`: {error}")),
        })?;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        match handle.wait_timeout(self.patience).context(about)? {
            Some(output) => Ok(Some(Said {
                succeeded: output.status.success(),
                stdout: text(&output.stdout),
                stderr: text(&output.stderr),
            })),
            None => {
                end_group(&handle);
                Ok(None)
            }
        }
    }

    /// As [`Slurm::run`], for programs that only tell something.
    fn tell<S: AsRef<OsStr>>(&self, program: &str, arguments: &[S]) -> Result<Said> {
        let said = self.run(program, arguments, None)?;
        match said {
            Some(said) if said.succeeded => Ok(said),
            Some(said) => Err(unavailable(program, &said.complaint())),
            None => Err(unavailable(program, &self.no_answer())),
        }
    }

    fn no_answer(&self) -> String {
        format!("no answer within {} s", self.patience.as_secs())
    }

    /// Hand over the script in `folder`, which becomes the job's folder.
    ///
    /// # Errors
    /// The program does not exist.
    pub fn sbatch(&self, folder: &Path, script: &str, lock: &File) -> Result<Sent> {
        let arguments = sbatch_arguments(folder, script);
        let Some(said) = self.run("sbatch", &arguments, Some(lock))? else {
            return Ok(Sent::Refused(Refusal::Unclear, self.no_answer()));
        };
        if let Some(job) = answer::sbatch(&said.stdout).filter(|_| said.succeeded) {
            return Ok(Sent::Job(job));
        }
        if said.succeeded {
            return Ok(Sent::Refused(Refusal::Unclear, "it said yes and no job's number".to_owned()));
        }
        let (refusal, reason) = answer::refusal(&said.stderr);
        // Killed, or of no words: it may have come far.
        let refusal = if said.stderr.trim().is_empty() { Refusal::Unclear } else { refusal };
        Ok(Sent::Refused(refusal, if reason.is_empty() { said.complaint() } else { reason }))
    }

    /// Slurm's verdict on a script, without handing it over: its words, or why it would be refused.
    ///
    /// # Errors
    /// The program does not exist.
    pub fn test(&self, folder: &Path, script: &str) -> Result<std::result::Result<String, String>> {
        let mut arguments = sbatch_arguments(folder, script);
        arguments.insert(0, "--test-only".into());
        Ok(match self.run("sbatch", &arguments, None)? {
            Some(said) if said.succeeded => Ok(answer::prediction(&format!("{}{}", said.stdout, said.stderr))),
            Some(said) => Err(answer::refusal(&said.stderr).1),
            None => Err(self.no_answer()),
        })
    }

    /// Everything in the queue; only what `owner` submitted, if one is given.
    ///
    /// # Errors
    /// The program does not exist.
    pub fn squeue(&self, owner: Option<&str>) -> Result<Answer> {
        let mut arguments = vec!["--array".to_owned(), "--noheader".to_owned(), "--states=all".to_owned()];
        arguments.push(format!("--format={}", answer::SQUEUE_FORMAT));
        arguments.extend(owner.map(|owner| format!("--user={owner}")));
        Ok(match self.run("squeue", &arguments, None)? {
            Some(said) if said.succeeded => Answer::Told(answer::squeue(&said.stdout)),
            Some(said) => Answer::Silent(format!("squeue: {}", said.complaint())),
            None => Answer::Silent(format!("squeue: {}", self.no_answer())),
        })
    }

    /// What accounts say about jobs called one of `names`, submitted after `since` (seconds since the epoch).
    ///
    /// # Errors
    /// The program does not exist.
    pub fn sacct(&self, names: &[&str], since: i64) -> Result<Answer> {
        let since = jiff::Timestamp::from_second(since).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
        let arguments = [
            "--allocations".to_owned(),
            "--allusers".to_owned(),
            "--duplicates".to_owned(),
            "--parsable2".to_owned(),
            "--noheader".to_owned(),
            // A fixed day: the default is since midnight.
            format!("--starttime={}", since.strftime("%Y-%m-%dT%H:%M:%S")),
            format!("--name={}", names.join(",")),
            format!("--format={}", answer::SACCT_FORMAT),
        ];
        Ok(match self.run("sacct", &arguments, None)? {
            Some(said) if answer::accounting_is_off(&said.stderr) => Answer::Off,
            Some(said) if said.succeeded => Answer::Told(answer::sacct(&said.stdout)),
            Some(said) => Answer::Silent(format!("sacct: {}", said.complaint())),
            None => Answer::Silent(format!("sacct: {}", self.no_answer())),
        })
    }

    /// Limits and times of the cluster.
    ///
    /// # Errors
    /// It does not answer.
    pub fn config(&self) -> Result<Config> {
        Ok(answer::config(&self.tell("scontrol", &["show", "config"])?.stdout))
    }

    /// How many jobs `user` may have in the queue; `None` where nobody says.
    #[must_use]
    pub fn submit_limit(&self, user: &str) -> Option<u32> {
        let arguments = [
            "--noheader".to_owned(),
            "--parsable2".to_owned(),
            "show".to_owned(),
            "associations".to_owned(),
            format!("user={user}"),
            "format=MaxSubmitJobs,GrpSubmitJobs".to_owned(),
        ];
        answer::submit_limit(&self.tell("sacctmgr", &arguments).ok()?.stdout)
    }

    /// Let held jobs go.
    ///
    /// # Errors
    /// Slurm refuses or does not answer.
    pub fn release(&self, jobs: &[u64]) -> Result<()> {
        let jobs: Vec<String> = jobs.iter().map(u64::to_string).collect();
        self.tell("scontrol", &["release".to_owned(), jobs.join(",")]).map(drop)
    }

    /// Cancel jobs and elements of jobs: `123`, `123_4`. One that has ended is no mistake.
    ///
    /// # Errors
    /// Slurm refuses or does not answer.
    pub fn scancel(&self, jobs: &[String]) -> Result<()> {
        jobs.chunks(500).try_for_each(|jobs| self.tell("scancel", jobs).map(drop))
    }

    /// Send a signal to the steps of a job, and not to its script.
    ///
    /// # Errors
    /// Slurm refuses or does not answer.
    pub fn signal_steps(&self, job: u64, signal: Signal) -> Result<()> {
        let arguments = [format!("--signal={}", signal.as_raw()), job.to_string()];
        self.tell("scancel", &arguments).map(drop)
    }

    /// Have this job, which is running, started again from its script.
    ///
    /// # Errors
    /// Slurm refuses or does not answer.
    pub fn requeue(&self, job: &str) -> Result<()> {
        self.tell("scontrol", &["requeue", job]).map(drop)
    }
}

/// Kill a program that does not answer, and what it started.
fn end_group(handle: &duct::Handle) {
    let groups = handle.pids().into_iter().filter_map(|pid| Pid::from_raw(pid.cast_signed()));
    for group in groups {
        // It may have ended in this moment.
        let _ = kill_process_group(group, Signal::KILL);
    }
}

/// What `sbatch` is called with.
pub(super) fn sbatch_arguments(folder: &Path, script: &str) -> Vec<OsString> {
    let mut chdir = OsString::from("--chdir=");
    chdir.push(folder);
    vec!["--parsable".into(), "--hold".into(), chdir, folder.join(script).into_os_string()]
}

fn unavailable(program: &str, why: &str) -> Error {
    Error::new(Kind::Unavailable, format!("Slurm does not do what it was asked: {program}: {why}"))
        .hint("nothing is lost: run the same command again later")
}
