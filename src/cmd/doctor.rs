//! `sweep doctor`: looks at everything that a submission will rely on, and leaves nothing behind.

mod job;

use std::fmt::Write as _;
use std::fs::{self, File};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::ExitCode;
use std::time::UNIX_EPOCH;

use clap::Args;
use nix::unistd::{Gid, Group};
use rustix::fs::{statfs, statvfs};

use super::hand_over::{host_name, user_name};
use crate::error::{Context, Kind};
use crate::launch::slurm::{Slurm, settle_seconds};
use crate::project::Project;
use crate::slurm::answer::{self, Config};
use crate::slurm::layout::{Array, Element, Request, Source};
use crate::slurm::profile::Target;
use crate::slurm::{Profile, script};
use crate::text::{bytes, grouped, visible};
use crate::{Result, clock, settings, ui};

#[derive(Debug, Args)]
pub struct DoctorArgs {
    /// Profile that is checked, as for `sweep submit`
    #[arg(long, visible_alias = "profile", value_name = "NAME")]
    to: Option<String>,
    /// Send a test job with the profile's options as well, wait for it up to three minutes, and tell what its node sees
    #[arg(long)]
    job: bool,
}

/// Seconds that clocks may differ by.
const SKEW: f64 = 5.0;
/// Room below which a submission would soon stop.
const LITTLE: u64 = 10 << 30;
const FEW: u64 = 100_000;
/// Names of file systems by their numbers, and whether many machines share them.
const SYSTEMS: [(i64, &str, bool); 9] = [
    (0x6969, "NFS", true),
    (0x0BD0_0BD0, "Lustre", true),
    (0x4750_4653, "GPFS", true),
    (0x1983_0326, "BeeGFS", true),
    (0x00C3_6400, "Ceph", true),
    (0xEF53, "ext4", false),
    (0x5846_5342, "XFS", false),
    (0x9123_683E, "Btrfs", false),
    (0x0102_1994, "tmpfs", false),
];

/// What was found, line by line.
#[derive(Debug, Default)]
struct Findings {
    text: String,
    problems: usize,
}

impl Findings {
    fn good(&mut self, line: &str) {
        // Writing to a `String` cannot fail.
        let _ = writeln!(self.text, "  ok  {}", visible(line));
    }

    fn bad(&mut self, line: &str, advice: &str) {
        self.problems += 1;
        let _ = writeln!(self.text, "  !!  {}\n      {advice}", visible(line));
    }

    fn check(&mut self, good: bool, line: &str, advice: &str) {
        if good { self.good(line) } else { self.bad(line, advice) }
    }
}

impl DoctorArgs {
    /// Look and tell.
    ///
    /// # Errors
    /// There is no project, its configuration has mistakes, or something was found that will go wrong.
    pub fn run(self) -> Result<ExitCode> {
        let project = Project::require(Path::new("."))?;
        let target = settings::load(&project)?.choose(self.to.as_deref(), &host_name())?;
        let mut found = Findings::default();
        let runs = match &target {
            Target::Slurm(profile) => profile.runs.clone(),
            Target::Local => None,
        };
        let tasks = project.tasks_folder();
        let runs = runs.unwrap_or_else(|| existing(&tasks).to_owned());
        folder(&mut found, "store", project.root());
        folder(&mut found, "runs", existing(&runs));
        match &target {
            Target::Local => found.good("tasks run on this machine: no profile names this host"),
            Target::Slurm(profile) => slurm(&mut found, profile, existing(&runs), self.job)?,
        }
        ui::print_all(&found.text)?;
        Ok(if found.problems == 0 { ExitCode::SUCCESS } else { Kind::General.exit_code() })
    }
}

/// The nearest folder upwards that is there.
fn existing(path: &Path) -> &Path {
    path.ancestors().find(|path| path.is_dir()).unwrap_or(Path::new("/"))
}

fn system(path: &Path) -> Option<(&'static str, bool)> {
    #[expect(clippy::useless_conversion, reason = "the type differs between architectures")]
    let number = i64::from(statfs(path).ok()?.f_type);
    SYSTEMS.iter().find(|(known, _, _)| *known == number).map(|&(_, name, shared)| (name, shared))
}

fn shared(path: &Path) -> Option<bool> {
    system(path).map(|(_, shared)| shared)
}

fn folder(found: &mut Findings, what: &str, path: &Path) {
    let name = system(path).map_or("an unknown file system", |(name, _)| name);
    found.good(&format!("{what}: `{}` on {name}", path.display()));
    if let Ok(metadata) = fs::metadata(path) {
        found.good(&format!("{what}: the folder can be read by {}", readers(&metadata)));
    }
    if let Ok(room) = statvfs(path) {
        let free = room.f_bavail.saturating_mul(room.f_frsize);
        let line = format!("{what}: {} free", bytes(free));
        found.check(free >= LITTLE, &line, "`sweep gc` shows what can be deleted");
        if room.f_files > 0 {
            let line = format!("{what}: {} inodes free", grouped(usize::try_from(room.f_favail).unwrap_or(usize::MAX)));
            found.check(room.f_favail >= FEW, &line, "a task makes about ten files: ask for a larger quota");
        }
    }
    match skew(path) {
        Ok(skew) => found.check(
            skew.abs() <= SKEW,
            &format!("{what}: its clock and this machine's differ by {skew:.1} s"),
            "leases are read by the file server's clock; have the machine's clock set",
        ),
        Err(error) => found.bad(&format!("{what}: {error}"), "tasks could not write there either"),
    }
}

/// Seconds by which the file server's clock is ahead.
pub(super) fn skew(folder: &Path) -> Result<f64> {
    let about = || format!("cannot write into `{}`", folder.display());
    let file: File = tempfile::tempfile_in(folder).context(about)?;
    let modified = file.metadata().and_then(|metadata| metadata.modified()).context(about)?;
    let written = modified.duration_since(UNIX_EPOCH).map_or(0.0, |since| since.as_secs_f64());
    Ok(written - clock::now())
}

fn slurm(found: &mut Findings, profile: &Profile, runs: &Path, with_job: bool) -> Result<()> {
    if shared(runs) == Some(false) {
        found.bad(
            "runs: the file system is of this machine alone",
            "set `runs` of the profile to a folder that nodes see",
        );
    }
    let slurm = Slurm::here(profile.patience, &profile.pass);
    let config = match slurm.config() {
        Ok(config) => config,
        Err(error) => {
            found.bad(&error.to_string(), "is this a login node, and is the controller up?");
            return Ok(());
        }
    };
    limits(found, profile, &config);
    if let Some(path) = &profile.secrets {
        secrets(found, path);
    }
    let text = script::render(profile, &smallest(), "sweep-doctor", |_: Source| String::new());
    let folder = tempfile::tempdir().context(|| "cannot make a folder for a script".to_owned())?;
    fs::write(folder.path().join(script::FILE), text).context(|| "cannot write a script".to_owned())?;
    match slurm.test(folder.path(), script::FILE)? {
        Ok(words) => found.good(&format!("profile `{}`: {words}", profile.name)),
        Err(words) => {
            found.bad(&format!("profile `{}` would be refused: {words}", profile.name), answer::advice(&words));
            return Ok(());
        }
    }
    if with_job { job::look(found, &slurm, profile, runs) } else { Ok(()) }
}

fn secrets(found: &mut Findings, path: &Path) {
    match fs::metadata(path) {
        Ok(metadata) => found.check(
            metadata.mode() & 0o077 == 0 && metadata.uid() == rustix::process::getuid().as_raw(),
            &format!("secrets: `{}` can be read by {}", path.display(), readers(&metadata)),
            "jobs refuse a file that anybody else can read: `chmod 600` it",
        ),
        Err(error) => found.bad(&format!("secrets: `{}`: {error}", path.display()), "jobs would not start without it"),
    }
}

/// Who may read what has these permissions, access lists aside.
fn readers(metadata: &fs::Metadata) -> String {
    let owner = user_name(&metadata.uid().to_string());
    match (metadata.mode() & 0o040 != 0, metadata.mode() & 0o004 != 0) {
        (_, true) => "everybody".to_owned(),
        (true, false) => {
            let group = Group::from_gid(Gid::from_raw(metadata.gid())).ok().flatten();
            let group = group.map_or_else(|| metadata.gid().to_string(), |group| format!("`{}`", visible(&group.name)));
            format!("{owner} and the group {group}")
        }
        (false, false) => format!("{owner} alone"),
    }
}

fn limits(found: &mut Findings, profile: &Profile, config: &Config) {
    let number = |number: Option<u32>| number.map_or("unknown".to_owned(), |number| number.to_string());
    found.good(&format!("Slurm {} of the cluster `{}`", config.version, config.cluster));
    let (array, jobs) = (number(config.max_array_size), number(config.max_job_count));
    found.good(&format!("arrays of {array} elements, {jobs} jobs in the queue"));
    found.good(&format!("an unclear answer is looked up for {} s", settle_seconds(profile, Some(config))));
    found.check(
        config.accounting == Some(true),
        "accounting is on",
        "it is off: a job that ends without its worker's word is known for a few minutes only; run `sweep collect` often",
    );
    found.check(
        config.kill_wait.is_none_or(|seconds| seconds >= 10),
        &format!("{} s between the question to end and the kill", config.kill_wait.unwrap_or(30)),
        "programs have half of it to save their state: let them save now and then",
    );
    found.check(
        !profile.requeue || config.requeue != Some(false),
        "jobs are requeued after a preemption or a lost node",
        "the site's JobRequeue is off; `sweep submit` submits such tasks again",
    );
}

/// One task that asks for nothing.
fn smallest() -> Array {
    let request = Request { nodes: 1, threads: 1, ..Request::default() };
    Array { stage: 0, request, elements: vec![Element { index: 0, items: vec![0] }], after: Vec::new() }
}
