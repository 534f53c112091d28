//! `sweep serve`: the page of a report, live.

use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener};
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use super::current::{Current, Which};
use super::report;
use crate::attempt::{Failures, Ledger, TaskRecord, TaskState};
use crate::error::Context;
use crate::evidence::Evidence;
use crate::plan::Plan;
use crate::project::Project;
use crate::report::{Selection, page};
use crate::serve::{Site, Snapshot, Token, listen};
use crate::store::Store;
use crate::worker::claim::Observer;
use crate::{Error, Result, clock, ui};

#[derive(Debug, Clone, clap::Args)]
pub struct ServeArgs {
    #[command(flatten)]
    which: Which,
    /// Port; 0 takes a free one
    #[arg(long, default_value_t = 8765)]
    port: u16,
    /// Address to listen at; one that other machines reach needs `--token`
    #[arg(long, value_name = "ADDRESS", default_value_t = IpAddr::V4(Ipv4Addr::LOCALHOST))]
    listen: IpAddr,
    /// Draw a token, and let in only who has it; also keeps out other users of this machine
    #[arg(long)]
    token: bool,
}

/// Between two looks at the store, at least; and at least so many times as long as one takes.
const PAUSE: Duration = Duration::from_secs(2);
const SHARE: u32 = 20;
/// How often it is seen whether anybody has asked.
const TICK: Duration = Duration::from_millis(100);

impl ServeArgs {
    /// Serve until Ctrl-C.
    ///
    /// # Errors
    /// There is no plan, the address is another's, or it is open to others and has no token.
    pub fn run(self) -> Result<ExitCode> {
        if !self.listen.is_loopback() && !self.token {
            return Err(Error::usage(format!(
                "`{}` is reached by other machines, and anybody there could read",
                self.listen
            ))
            .hint("`--token` draws a token and lets in only who has it; or leave `--listen` out and use `ssh -L`"));
        }
        let snapshot = self.look()?;
        let address = SocketAddr::new(self.listen, self.port);
        let listener = TcpListener::bind(address)
            .context(|| format!("cannot listen at {address}"))
            .map_err(|error| error.hint("`--port 0` takes a port that is free"))?;
        let address = listener.local_addr().context(|| "cannot tell the port".to_owned())?;
        let token = self.token.then(Token::draw).transpose()?;
        let query = token.as_ref().map(|token| format!("?token={}", token.text())).unwrap_or_default();
        let site = Arc::new(Site::new(snapshot, token));
        let keeper = Arc::clone(&site);
        let watched = self.clone();
        std::thread::Builder::new()
            .name("store".to_owned())
            .spawn(move || watched.keep_fresh(&keeper))
            .context(|| "cannot start a thread".to_owned())?;
        ui::print_all(&format!("http://{address}/{query}\n"))?;
        ui::note("Ctrl-C ends it");
        match listen(listener, &site)? {}
    }

    /// Look at the store again and again while somebody looks at the page.
    fn keep_fresh(&self, site: &Site) {
        loop {
            std::thread::sleep(TICK);
            if !site.was_asked() {
                continue;
            }
            let before = clock::monotonic();
            match self.look() {
                Ok(snapshot) => site.put(snapshot),
                // A store that is busy or being rebuilt is there again later.
                Err(error) => site.put_trouble(&error.to_string()),
            }
            let took = clock::monotonic().saturating_sub(before);
            std::thread::sleep(PAUSE.max(took * SHARE));
        }
    }

    /// The page as the store has it now; opened anew, since the file may be another one by now.
    fn look(&self) -> Result<Snapshot> {
        let project = Project::require(Path::new("."))?;
        let mut store = Store::open(&project)?;
        let Current { sweep, plan } = self.which.load(&mut store)?;
        let mut ledger = store.ledger(&plan)?;
        mark_running(&project, &plan, &mut ledger);
        let observations = store.observations(&plan)?;
        let curves = report::curves(&mut store, &plan)?;
        let evidence = Evidence { sweep: &sweep, plan: &plan, ledger: &ledger, observations: &observations };
        let versions = report::versions(&project, &sweep);
        // No files lie beside a page that is served.
        let selection = Selection { command: "sweep serve".to_owned(), versions, curves, ..Selection::page_alone() };
        let made = page(&evidence, &selection)?;
        Ok(Snapshot::new(made.html, made.json))
    }
}

/// The store learns of an attempt when it has ended; that one is under way shows in the task's folder.
fn mark_running(project: &Project, plan: &Plan, ledger: &mut Ledger) {
    let Some(observer) = Observer::new(&project.tasks_folder()) else { return };
    for task in &plan.tasks {
        let record = ledger.get(&task.id);
        let is_open = record.is_none_or(|record| !matches!(record.state, TaskState::Succeeded | TaskState::Cancelled));
        let attempts = record.map_or(0, |record| record.attempts);
        if is_open && observer.is_running(&project.task_folder(&task.id), attempts) {
            let unknown = || TaskRecord {
                state: TaskState::Running,
                attempts,
                results: None,
                seconds: None,
                message: String::new(),
                failures: Failures::default(),
            };
            ledger.tasks.entry(task.id).or_insert_with(unknown).state = TaskState::Running;
        }
    }
}
