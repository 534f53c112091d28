//! What one call of `sbatch` asks for.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::options::Options;
use crate::settings::Settings;
use crate::{array, time};

/// What all elements of it have in common.
#[derive(Serialize, Deserialize)]
pub struct Submission {
    pub name: String,
    pub comment: String,
    pub partition: String,
    pub account: String,
    pub folder: PathBuf,
    /// Patterns of file names.
    pub output: String,
    pub error: Option<String>,
    pub append: bool,
    pub requeue: bool,
    pub throttle: Option<u32>,
    pub after: Vec<After>,
    pub kill_on_invalid_dependency: bool,
    /// Seconds.
    pub limit: Option<u64>,
    /// The signal to send, and the seconds before the limit.
    pub warning: Option<(String, u64)>,
    pub cpus: u32,
    pub gpus: u32,
}

#[derive(Serialize, Deserialize)]
pub struct After {
    pub kind: Kind,
    pub job: u64,
    pub index: Option<u32>,
}

#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Kind {
    Ok,
    NotOk,
    Any,
    Corresponding,
}

/// Read what the options ask for, or say what Slurm would.
pub fn read(options: &Options, settings: &Settings, script: &str) -> Result<Submission, &'static str> {
    let text = |name: &str, otherwise: &str| options.get(name).unwrap_or(otherwise).to_owned();
    let among = |name: &str, known: &[String], refusal| {
        let word = text(name, known.first().map_or("", String::as_str));
        if known.contains(&word) { Ok(word) } else { Err(refusal) }
    };
    let (_, throttle) = match options.get("array") {
        Some(list) => array::parse(list).ok_or("Invalid job array specification")?,
        None => (Vec::new(), None),
    };
    let pattern = if options.has("array") { "slurm-%A_%a.out" } else { "slurm-%j.out" };
    let folder = options.get("chdir").map(PathBuf::from).or_else(|| std::env::current_dir().ok()).unwrap_or_default();
    Ok(Submission {
        name: text("job-name", script),
        comment: text("comment", ""),
        partition: among("partition", &settings.partitions, "Invalid partition name specified")?,
        account: among("account", &settings.accounts, "Invalid account or account/partition combination specified")?,
        folder,
        output: text("output", pattern),
        error: options.get("error").map(str::to_owned),
        append: options.get("open-mode") == Some("append"),
        requeue: options.has("requeue") || !options.has("no-requeue"),
        throttle,
        after: options.get("dependency").map_or(Ok(Vec::new()), after)?,
        kill_on_invalid_dependency: options.get("kill-on-invalid-dep") == Some("yes"),
        limit: options.get("time").map(|text| time::limit(text).ok_or("Invalid --time specification")).transpose()?,
        warning: options.get("signal").and_then(warning),
        cpus: options.get("cpus-per-task").and_then(|text| text.parse().ok()).unwrap_or(1),
        gpus: options.get("gres").and_then(|gres| gres.rsplit(':').next()?.parse().ok()).unwrap_or(0),
    })
}

/// `afterok:1_2:3,aftercorr:4`.
pub fn after(text: &str) -> Result<Vec<After>, &'static str> {
    const REFUSAL: &str = "Job dependency problem";
    let mut all = Vec::new();
    for clause in text.split(',').filter(|clause| !clause.is_empty()) {
        let (kind, jobs) = clause.split_once(':').ok_or(REFUSAL)?;
        let kind = match kind {
            "afterok" => Kind::Ok,
            "afternotok" => Kind::NotOk,
            "afterany" => Kind::Any,
            "aftercorr" => Kind::Corresponding,
            _ => return Err(REFUSAL),
        };
        for job in jobs.split(':') {
            let (job, indices) = array::selector(job).ok_or(REFUSAL)?;
            match indices {
                None => all.push(After { kind, job, index: None }),
                Some(indices) => all.extend(indices.into_iter().map(|index| After { kind, job, index: Some(index) })),
            }
        }
    }
    Ok(all)
}

/// `B:USR1@120`.
fn warning(text: &str) -> Option<(String, u64)> {
    let (signal, lead) = text.trim_start_matches("B:").trim_start_matches("R:").split_once('@').unwrap_or((text, "60"));
    Some((signal.trim_start_matches("SIG").to_owned(), lead.parse().ok()?))
}
