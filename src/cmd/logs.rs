//! `sweep logs`: what jobs have written, and what they go on to write.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;

use super::current::{Current, Which};
use super::submit::describe;
use crate::launch::slurm::{Folder, log_of};
use crate::plan::TaskIx;
use crate::project::Project;
use crate::store::Store;
use crate::text::{plural, visible};
use crate::worker::claim::{ATTEMPTS, last_attempt};
use crate::worker::open_regular;
use crate::{Error, Result, ui};

#[derive(Debug, Args)]
pub struct LogsArgs {
    #[command(flatten)]
    which: Which,
    /// Only tasks of this stage
    #[arg(long, value_name = "NAME")]
    stage: Option<String>,
    /// Only tasks whose identity starts so
    #[arg(long, value_name = "DIGITS")]
    task: Option<String>,
    /// Go on showing what is written, until Ctrl-C
    #[arg(long, short)]
    follow: bool,
}

/// More than anybody reads.
const MOST: usize = 20;
/// Of each file, the end.
const TAIL: u64 = 64 << 10;
const PAUSE: Duration = Duration::from_millis(500);

/// One file that is shown.
struct Log {
    title: String,
    path: PathBuf,
    shown: u64,
}

impl LogsArgs {
    /// Find and show.
    ///
    /// # Errors
    /// There is no plan, or the selection has no logs or too many.
    pub fn run(self) -> Result<ExitCode> {
        let project = Project::require(Path::new("."))?;
        let mut store = Store::open(&project)?;
        let current = self.which.load(&mut store)?;
        let mut logs = self.find(&project, &mut store, &current)?;
        let mut last = None;
        loop {
            for (index, log) in logs.iter_mut().enumerate() {
                let text = log.read_on();
                if text.is_empty() {
                    continue;
                }
                if last != Some(index) {
                    ui::print_all(&format!("==> {} <==\n", visible(&log.title)))?;
                    last = Some(index);
                }
                ui::print_all(&visible(&text))?;
            }
            if !self.follow {
                return Ok(ExitCode::SUCCESS);
            }
            std::thread::sleep(PAUSE);
        }
    }

    fn find(&self, project: &Project, store: &mut Store, current: &Current) -> Result<Vec<Log>> {
        let open = store.open_submissions()?;
        let mut logs = Vec::new();
        let mut tasks = 0;
        for (index, task) in (0..).zip(&current.plan.tasks) {
            let (stage, params) = describe(current, TaskIx(index));
            let id = task.id.to_string();
            let is_wanted = self.stage.as_ref().is_none_or(|wanted| *wanted == stage)
                && self.task.as_ref().is_none_or(|start| id.starts_with(start.as_str()));
            if !is_wanted {
                continue;
            }
            let before = logs.len();
            let title = format!("{stage} {params} (task {})", task.id.short(8));
            let folder = project.task_folder(&task.id);
            let number = last_attempt(&folder).unwrap_or(0);
            let attempt = folder.join(ATTEMPTS).join(number.to_string());
            logs.extend(["stdout.log", "stderr.log"].map(|name| Log::new(&title, name, attempt.join(name))));
            for submitted in &open {
                let element = submitted.tasks.iter().find(|(other, _)| *other == task.id).map(|(_, element)| *element);
                let path = element.map(|element| log_of(Folder::of(project, &submitted.token).path(), element));
                logs.extend(path.map(|path| Log::new(&title, "Slurm's log", path)));
            }
            logs.retain(|log| self.follow || log.path.exists());
            tasks += usize::from(logs.len() > before);
        }
        match tasks {
            0 => Err(Error::usage("no log of such a task").hint("`sweep status` shows what has been started")),
            tasks if tasks > MOST => Err(Error::usage(format!("{} have logs", plural(tasks, "task")))
                .hint("choose some by `--where`, `--stage` or `--task`")),
            _ => Ok(logs),
        }
    }
}

impl Log {
    fn new(title: &str, name: &str, path: PathBuf) -> Self {
        Self { title: format!("{title}: {name}"), path, shown: 0 }
    }

    /// What was written since the last look.
    fn read_on(&mut self) -> String {
        let mut read = || -> std::io::Result<Vec<u8>> {
            let mut file: File = open_regular(&self.path)?;
            let length = file.metadata()?.len();
            let start = self.shown.max(length.saturating_sub(TAIL)).min(length);
            file.seek(SeekFrom::Start(start))?;
            let mut bytes = Vec::new();
            file.take(TAIL).read_to_end(&mut bytes)?;
            self.shown = start + bytes.len() as u64;
            Ok(bytes)
        };
        // A file that is not there yet has nothing to show.
        String::from_utf8_lossy(&read().unwrap_or_default()).into_owned()
    }
}
