//! `sweep audit`: what a sceptical reviewer would say of what is stored.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::ValueEnum;

use super::audited::{Audited, Closeness, audit, baseline, relative};
use super::current::{Current, Which};
use super::rerun::RerunArgs;
use crate::audit::render::{self, Audit};
use crate::audit::{Baseline, Finding, Judged, RULES, Severity, Wanted};
use crate::claim::{self, Conclusion};
use crate::error::{Context, Error, Kind, Result};
use crate::evidence::Evidence;
use crate::grid::Sweep;
use crate::inspect::{Selection, parse_verify};
use crate::project::Project;
use crate::store::Store;
use crate::text::plural;
use crate::ui;

#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  sweep audit
  sweep audit --verify all --fail-on warning
  sweep audit --out audit.md --out audit.sarif
  sweep audit --accept 3f2a90b1c4d5e6f7 --reason 'printed so in the paper'
  sweep audit --rerun 5%
  sweep audit --against ../other-group/results.db")]
pub struct Args {
    #[command(flatten)]
    which: Which,
    /// Only the rule of this name; may be given several times
    #[arg(long, value_name = "RULE")]
    rule: Vec<String>,
    /// Digest files anew: `all`, or a share such as `sample:1%`; interrupted, the same command goes on
    #[arg(long, value_name = "WHICH", value_parser = parse_verify)]
    verify: Option<Wanted>,
    /// Chooses the sample: another number, other files
    #[arg(long, value_name = "NUMBER", default_value_t = 0, requires = "verify")]
    verify_seed: u64,
    /// Compare with the results of another store: its `results.db`
    #[arg(long, value_name = "FILE")]
    against: Option<PathBuf>,
    #[command(flatten)]
    rerun: RerunArgs,
    /// The least severity that ends in exit code 6
    #[arg(long, value_name = "SEVERITY", default_value = "error")]
    fail_on: FailOn,
    /// File of accepted findings [default: audit-baseline.toml in the project's folder, if it is there]
    #[arg(long, value_name = "FILE")]
    baseline: Option<PathBuf>,
    /// Accept a finding, by its fingerprint, or `all` open ones: they go into the baseline with the reason
    #[arg(long, value_name = "FINGERPRINT", requires = "reason")]
    accept: Vec<String>,
    /// Why a finding is accepted
    #[arg(long, value_name = "TEXT", requires = "accept")]
    reason: Option<String>,
    /// Write a file as well, by its ending: `.md`, `.json` or `.sarif`; may be given several times
    #[arg(long, value_name = "FILE")]
    out: Vec<PathBuf>,
    /// Print one JSON value
    #[arg(long)]
    json: bool,
}

/// When an audit fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum FailOn {
    Error,
    Warning,
    Note,
    Never,
}

impl FailOn {
    fn covers(self, severity: Severity) -> bool {
        match self {
            Self::Error => severity >= Severity::Error,
            Self::Warning => severity >= Severity::Warning,
            Self::Note => severity >= Severity::Note,
            Self::Never => false,
        }
    }
}

impl Args {
    /// Look, judge, print.
    ///
    /// # Errors
    /// Nothing is planned, the store or a file cannot be read, or a file cannot be written. Findings are no error: they
    /// decide the exit code.
    pub fn run(self) -> Result<ExitCode> {
        self.check()?;
        let project = Project::require(Path::new("."))?;
        let mut store = Store::open(&project)?;
        let current = self.which.load(&mut store)?;
        if let Some(share) = self.rerun.rerun
            && let Some(interrupt) = self.rerun.execute(share, &project, &current)?
        {
            return Ok(ExitCode::from(interrupt.exit_code()));
        }
        let (conclusions, Audited { findings, coverage }) = self.look(&mut store, &current)?;
        let may_be_missing = self.baseline.is_none() || !self.accept.is_empty();
        let (path, baseline) = baseline(&project, self.baseline.as_deref(), may_be_missing)?;
        let mut judged = baseline.judge(findings);
        if !self.accept.is_empty() {
            judged = self.accept(&path, &baseline, judged)?;
        }
        self.show(&project, &current.sweep, (&conclusions, &coverage), &judged)?;
        let fails = judged.open.iter().any(|finding| self.fail_on.covers(finding.severity));
        Ok(if fails { Kind::Audit.exit_code() } else { ExitCode::SUCCESS })
    }

    /// What can be known to be wrong before anything is read.
    fn check(&self) -> Result<()> {
        let known: Vec<&str> = RULES.iter().map(|rule| rule.name).collect();
        if let Some(unknown) = self.rule.iter().find(|name| !known.contains(&name.as_str())) {
            return Err(Error::usage(format!("there is no rule `{}`", unknown.escape_debug()))
                .hint(format!("the rules are {}", known.join(", "))));
        }
        match self.out.iter().find(|path| Format::of(path).is_none()) {
            Some(path) => Err(Error::usage(format!("cannot tell what `{}` is to be", path.display()))
                .hint("let it end in `.md`, `.json` or `.sarif`")),
            None => Ok(()),
        }
    }

    /// What the claims came to and what the rules find.
    fn look(&self, store: &mut Store, current: &Current) -> Result<(Vec<Conclusion>, Audited)> {
        let Current { sweep, plan } = current;
        let ledger = store.ledger(plan)?;
        let observations = store.observations(plan)?;
        let evidence = Evidence { sweep, plan, ledger: &ledger, observations: &observations };
        let is_asked = |rule: &str| self.rule.is_empty() || self.rule.iter().any(|name| name == rule);
        // Who asks for one rule wants to know nothing else.
        let conclusions = if self.rule.is_empty() { claim::judge(&evidence) } else { Vec::new() };
        let verify = self.verify.map(|wanted| Selection { wanted, seed: self.verify_seed });
        let closeness = Closeness::new(verify, self.against.as_deref());
        let mut audited = audit(store, &evidence, closeness)?;
        audited.findings.retain(|finding| is_asked(finding.rule));
        Ok((conclusions, audited))
    }

    /// Write what is accepted from now on.
    fn accept(&self, path: &Path, baseline: &Baseline, mut judged: Judged) -> Result<Judged> {
        let all = self.accept.iter().any(|fingerprint| fingerprint == "all");
        let is_meant = |finding: &Finding| all || self.accept.contains(&finding.fingerprint());
        let open: Vec<String> = judged.open.iter().map(Finding::fingerprint).collect();
        let unknown = self.accept.iter().find(|fingerprint| *fingerprint != "all" && !open.contains(fingerprint));
        if let Some(unknown) = unknown {
            return Err(Error::usage(format!("no open finding has the fingerprint `{}`", unknown.escape_debug()))
                .hint("`sweep audit` prints it below each finding"));
        }
        let reason = self.reason.as_deref().unwrap_or_default();
        let (meant, open): (Vec<Finding>, Vec<Finding>) = judged.open.into_iter().partition(is_meant);
        let text = baseline.with(&meant, reason, &judged.stale).to_text()?;
        write(path, &text)?;
        ui::note(&format!("{} accepted in `{}`", plural(meant.len(), "finding"), path.display()));
        judged.accepted.extend(meant.into_iter().map(|finding| (finding, reason.to_owned())));
        Ok(Judged { open, accepted: judged.accepted, stale: Vec::new() })
    }

    fn show(
        &self,
        project: &Project,
        sweep: &Sweep,
        (conclusions, coverage): (&[Conclusion], &[String]),
        judged: &Judged,
    ) -> Result<()> {
        let file = relative(&sweep.path, project).display().to_string();
        let versions = [format!("sweep {}, {file} (digest {})", env!("CARGO_PKG_VERSION"), sweep.digest.short(12))];
        let command = self.command(&file);
        let audit = Audit {
            sweep: &sweep.name,
            file: &file,
            command: &command,
            versions: &versions,
            coverage,
            conclusions,
            judged,
        };
        for path in &self.out {
            let text = match Format::of(path) {
                Some(Format::Json) => format!("{:#}\n", render::json(&audit)),
                Some(Format::Sarif) => format!("{:#}\n", render::sarif(&audit)),
                Some(Format::Markdown) | None => render::markdown(&audit),
            };
            write(path, &text)?;
        }
        let text = if self.json { format!("{:#}\n", render::json(&audit)) } else { render::text(&audit) };
        ui::print_all(&text)?;
        for stale in &judged.stale {
            ui::note(&format!(
                "accepted and not found any more: {} ({})",
                stale.subject.escape_debug(),
                stale.fingerprint
            ));
        }
        Ok(())
    }

    /// The command, as the first line of a document has it. Where the results go changes nothing in it.
    fn command(&self, file: &str) -> String {
        let sweep = self.which.file().map(|_| file.to_owned()).or_else(|| self.which.sweep.clone());
        let grids = self.which.grid.iter().map(|grid| format!("--grid {grid}"));
        let filter = self.which.filter.iter().map(|filter| format!("--where '{filter}'"));
        let rules = self.rule.iter().map(|rule| format!("--rule {rule}"));
        let words = sweep.into_iter().chain(grids).chain(filter).chain(rules);
        std::iter::once("sweep audit".to_owned()).chain(words).collect::<Vec<_>>().join(" ")
    }
}

/// What a file is to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Format {
    Markdown,
    Json,
    Sarif,
}

impl Format {
    fn of(path: &Path) -> Option<Self> {
        match path.extension()?.to_str()? {
            "md" => Some(Self::Markdown),
            "json" => Some(Self::Json),
            "sarif" => Some(Self::Sarif),
            _ => None,
        }
    }
}

/// The file appears whole or not at all.
fn write(path: &Path, text: &str) -> Result<()> {
    runfile::files::write_bytes(path, text.as_bytes()).context(|| format!("cannot write `{}`", path.display()))
}
