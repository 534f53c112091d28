//! `sweep serve`: the page of a report, live.

use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener};
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

use super::current::{Current, Which};
use super::under_way::UnderWay;
use super::{audited, report};
use crate::error::Context;
use crate::evidence::Evidence;
use crate::project::Project;
use crate::report::{Selection, page};
use crate::serve::{Site, Snapshot, Token, listen};
use crate::store::Store;
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
        let mut watch = Watch::new(self.which);
        let snapshot = watch.look()?;
        let address = SocketAddr::new(self.listen, self.port);
        let listener = TcpListener::bind(address)
            .context(|| format!("cannot listen at {address}"))
            .map_err(|error| error.hint("`--port 0` takes a port that is free"))?;
        let address = listener.local_addr().context(|| "cannot tell the port".to_owned())?;
        let token = self.token.then(Token::draw).transpose()?;
        let query = token.as_ref().map(|token| format!("?token={}", token.text())).unwrap_or_default();
        let site = Arc::new(Site::new(snapshot, token));
        let keeper = Arc::clone(&site);
        std::thread::Builder::new()
            .name("store".to_owned())
            .spawn(move || watch.keep_fresh(&keeper))
            .context(|| "cannot start a thread".to_owned())?;
        ui::print_all(&format!("http://{address}/{query}\n"))?;
        ui::note("Ctrl-C ends it");
        match listen(listener, &site)? {}
    }
}

/// Looks at the store, again and again.
#[derive(Debug)]
struct Watch {
    which: Which,
    under_way: UnderWay,
    /// What the last audit found, and when another one is due.
    audit: Option<(Value, Duration)>,
    /// Time that the audit of this look took.
    auditing: Duration,
}

impl Watch {
    fn new(which: Which) -> Self {
        Self { which, under_way: UnderWay::default(), audit: None, auditing: Duration::ZERO }
    }

    /// While somebody looks at the page.
    fn keep_fresh(mut self, site: &Site) {
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
            // The audit has a pace of its own.
            std::thread::sleep(pause(since(before).saturating_sub(std::mem::take(&mut self.auditing))));
        }
    }

    /// The page as the store has it now; opened anew, since the file may be another one by now.
    fn look(&mut self) -> Result<Snapshot> {
        let project = Project::require(Path::new("."))?;
        let mut store = Store::open(&project)?;
        let Current { sweep, plan } = self.which.load(&mut store)?;
        let mut ledger = store.ledger(&plan)?;
        let running = self.under_way.look(&project, &plan, &mut ledger);
        let observations = store.observations(&plan)?;
        let mut curves = report::curves(&mut store, &plan)?;
        curves.extend(running);
        let evidence = Evidence { sweep: &sweep, plan: &plan, ledger: &ledger, observations: &observations };
        let audit = Some(self.audit(&mut store, &evidence)?);
        let versions = report::versions(&project, &sweep);
        // No files lie beside a page that is served.
        let selection =
            Selection { command: "sweep serve".to_owned(), versions, curves, audit, ..Selection::page_alone() };
        let made = page(&evidence, &selection)?;
        Ok(Snapshot::new(made.html, made.json))
    }

    /// What an audit finds. It looks at every file: where that takes long, an earlier one stands in, so that all else
    /// stays fresh.
    fn audit(&mut self, store: &mut Store, evidence: &Evidence<'_>) -> Result<Value> {
        let before = clock::monotonic();
        if let Some((audit, _)) = self.audit.as_ref().filter(|(_, due)| before < *due) {
            return Ok(audit.clone());
        }
        let audit = audited::of_page(store, evidence)?;
        self.auditing = since(before);
        self.audit = Some((audit.clone(), clock::monotonic() + pause(self.auditing)));
        Ok(audit)
    }
}

fn since(before: Duration) -> Duration {
    clock::monotonic().saturating_sub(before)
}

/// How long not to do again what took so long.
fn pause(took: Duration) -> Duration {
    PAUSE.max(took * SHARE)
}
