//! A job that does nothing but look: with the profile's options, from the folder of runs, by the program that will work there.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use runfile::files;

use super::{Findings, SKEW, smallest};
use crate::cmd::hand_over::me;
use crate::cmd::look::Sight;
use crate::cmd::queue::in_words;
use crate::error::Context;
use crate::launch::slurm::{Sent, Slurm, ask, log_of};
use crate::slurm::follow::{Place, Submitted, follow};
use crate::slurm::layout::{Array, Request, Source};
use crate::slurm::{Profile, answer, script};
use crate::text::visible;
use crate::{Result, clock};

/// What the node writes.
const SEEN: &str = "seen.json";
/// The job's time limit, and for how long it is waited for.
const LIMIT: u64 = 300;
const PATIENCE: Duration = Duration::from_secs(180);
const PAUSE: Duration = Duration::from_millis(500);
/// Looks at the folder between two questions to Slurm.
const LOOKS: u32 = 20;

/// What became of the job.
enum Became {
    Seen(Sight),
    /// It ended without a word, and the end of its log.
    Ended(String),
    /// It still waits, and why.
    Waits(String),
}

/// A test job in a folder of its own, which is gone with it.
struct Trial<'a> {
    slurm: &'a Slurm,
    folder: tempfile::TempDir,
    token: String,
}

/// Send it, wait for it, tell what it saw.
///
/// # Errors
/// The folder of runs cannot be written, or Slurm does not answer.
pub fn look(found: &mut Findings, slurm: &Slurm, profile: &Profile, runs: &Path) -> Result<()> {
    let folder = tempfile::Builder::new().prefix("sweep-doctor-").tempdir_in(runs);
    let folder = folder.context(|| format!("cannot make a folder in `{}`", runs.display()))?;
    let token = folder.path().file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let trial = Trial { slurm, folder, token };
    trial.write(profile, runs)?;
    let nothing = fs::File::open("/dev/null").context(|| "cannot open `/dev/null`".to_owned())?;
    let job = match slurm.sbatch(trial.folder.path(), script::FILE, &nothing)? {
        Sent::Job(job) => job,
        Sent::Refused(_, words) => {
            found.bad(&format!("a test job is refused: {words}"), answer::advice(&words));
            return Ok(());
        }
    };
    slurm.release(&[job])?;
    let became = trial.wait(job);
    // It may have ended in this moment; one that waits is not wanted any more.
    let cancelled = slurm.scancel(&[job.to_string()]);
    match became? {
        Became::Seen(sight) => tell(found, &sight, profile.gres.is_some()),
        Became::Ended(words) => found.bad(
            &format!("job {job} ended without a word: {words}"),
            "its node does not see the folder of runs, cannot run this program, or a line of `setup` fails there",
        ),
        Became::Waits(reason) => found.bad(
            &format!("job {job} still waits after {} s: {reason}", PATIENCE.as_secs()),
            "it is cancelled; look again when there is room, or choose another partition",
        ),
    }
    cancelled
}

impl Trial<'_> {
    fn write(&self, profile: &Profile, runs: &Path) -> Result<()> {
        let about = || "cannot write a test job".to_owned();
        let folder = self.folder.path();
        let program = std::env::current_exe().context(about)?;
        let copy = folder.join(script::WORKER);
        fs::copy(&program, &copy).context(about)?;
        fs::set_permissions(&copy, fs::Permissions::from_mode(0o700)).context(about)?;
        let gpus = u32::from(profile.gres.is_some());
        let request = Request { gpus, time_seconds: Some(LIMIT), ..smallest().request };
        let array = Array { request, ..smallest() };
        let text = script::render(profile, &array, &self.token, |_: Source| String::new());
        let work = format!("exec ./{} worker {}\n", script::WORKER, script::MANIFEST);
        // Paths are handed over by the environment of the shell, which does not look into them.
        let look = format!("exec ./{} look {SEEN} \"$(cat runs)\" $([ ! -e vpit ] || echo ./vpit)\n", script::WORKER);
        let write = |name: &str, bytes: &[u8]| {
            let mut file = fs::File::create(folder.join(name))?;
            file.write_all(bytes)
        };
        write(script::FILE, text.replace(&work, &look).as_bytes()).context(about)?;
        write("runs", runs.as_os_str().as_encoded_bytes()).context(about)?;
        let vpit: PathBuf = program.with_file_name("vpit");
        if vpit.is_file() {
            std::os::unix::fs::symlink(vpit, folder.join("vpit")).context(about)?;
        }
        Ok(())
    }

    fn wait(&self, job: u64) -> Result<Became> {
        let begun = clock::monotonic();
        let mut last = String::new();
        for look in 0.. {
            if let Ok(sight) = files::read_json(&self.folder.path().join(SEEN)) {
                return Ok(Became::Seen(sight));
            }
            if look % LOOKS == LOOKS - 1 {
                match self.place(job)? {
                    Place::Over(end) => return Ok(Became::Ended(self.last_words(&end.state.to_string()))),
                    Place::Dropped => return Ok(Became::Ended(self.last_words("cancelled"))),
                    place => last = in_words(&place),
                }
            }
            if clock::monotonic().saturating_sub(begun) > PATIENCE {
                break;
            }
            std::thread::sleep(PAUSE);
        }
        Ok(Became::Waits(last))
    }

    fn place(&self, job: u64) -> Result<Place> {
        let open = [Submitted {
            token: self.token.clone(),
            job: Some(job),
            owner: me(),
            released: true,
            recorded: clock::now(),
            tasks: vec![(crate::id::TaskId([0; 16]), 0)],
        }];
        let answers = ask(self.slurm, &open, &me())?;
        let place = follow(&open, &answers).first().and_then(|followed| followed.places.get(&0).cloned());
        Ok(place.unwrap_or(Place::Absent))
    }

    fn last_words(&self, state: &str) -> String {
        let log = fs::read_to_string(log_of(self.folder.path(), 0)).unwrap_or_default();
        let line = log.lines().map(str::trim).rfind(|line| !line.is_empty()).unwrap_or("its log is empty");
        format!("{state}: {}", visible(line))
    }
}

fn tell(found: &mut Findings, sight: &Sight, wants_gpus: bool) {
    let node = format!("node `{}`", visible(&sight.host));
    match &sight.skew {
        Ok(skew) => found.check(
            skew.abs() <= SKEW,
            &format!("{node}: sees the folder of runs and writes there; its clock and the file server's differ by {skew:.1} s"),
            "leases are read by the file server's clock; have the node's clock set",
        ),
        Err(words) => {
            found.bad(&format!("{node}: {words}"), "set `runs` of the profile to a folder that nodes see, and may write");
        }
    }
    let user = me();
    found.check(
        sight.user == user,
        &format!("{node}: jobs run as user {}", visible(&sight.user)),
        "numbers of users differ between this machine and the node: files of one are unreadable on the other",
    );
    let devices = match sight.devices.as_slice() {
        [] => "no NVIDIA device".to_owned(),
        models => models.join(", "),
    };
    found.check(
        !(wants_gpus && sight.devices.is_empty()),
        &format!("{node}: {}", visible(&devices)),
        "the profile asks for devices by `gres`: is it one of NVIDIA's, and does the node have its driver?",
    );
    match &sight.libtorch {
        None => {}
        Some(Ok(seen)) => found.check(
            seen.cuda_devices > 0 || sight.devices.is_empty(),
            &format!("{node}: `vpit` computes with libtorch {} on {}", seen.libtorch, seen.device()),
            "the node has devices that this libtorch does not reach: build `vpit` against one with CUDA for its driver",
        ),
        Some(Err(words)) => found.bad(
            &format!("{node}: `vpit` does not start: {}", visible(words)),
            "build it on a machine like the node, against a libtorch that the node sees",
        ),
    }
}
