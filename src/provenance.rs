//! Where results come from: the code's commit, and the machine that runs it. Gathered once a submission.

use std::fs;
use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::text::plural;

/// Variables that say something about a run and nothing about its owner. Everything else stays out of our files.
const RECORDED_VARIABLES: [&str; 14] = [
    "CUDA_VISIBLE_DEVICES",
    "CONDA_DEFAULT_ENV",
    "VIRTUAL_ENV",
    "LANG",
    "LC_ALL",
    "CUBLAS_WORKSPACE_CONFIG",
    "NVIDIA_TF32_OVERRIDE",
    "PYTHONHASHSEED",
    "SLURM_JOB_ID",
    "SLURM_ARRAY_JOB_ID",
    "SLURM_ARRAY_TASK_ID",
    "SLURM_RESTART_COUNT",
    "SLURM_JOB_PARTITION",
    "SLURM_CLUSTER_NAME",
];
/// Where the driver describes its devices, one folder each.
const NVIDIA_DEVICES: &str = "/proc/driver/nvidia/gpus";

/// Facts about this machine.
#[must_use]
pub fn of_machine() -> Map<String, Value> {
    let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
    let cpu = read("/proc/cpuinfo");
    let mut facts = Map::new();
    let mut add = |name: &str, value: &str| {
        if !value.is_empty() {
            facts.insert(name.to_owned(), value.into());
        }
    };
    add("sweep", env!("CARGO_PKG_VERSION"));
    add("host", read("/proc/sys/kernel/hostname").trim());
    add("kernel", read("/proc/sys/kernel/osrelease").trim());
    add("cpu", field(&cpu, "model name"));
    add("cpu_capability", capability(field(&cpu, "flags")));
    add("driver", read("/proc/driver/nvidia/version").lines().next().unwrap_or_default().trim());
    let devices = gpu_models();
    add("device", devices.first().map_or("cpu", String::as_str));
    let environment = recorded_environment();
    facts.insert("devices".to_owned(), devices.into());
    facts.insert("environment".to_owned(), environment.into());
    facts.insert("world_size".to_owned(), 1.into());
    facts
}

/// The recorded ones of this process's variables.
fn recorded_environment() -> Map<String, Value> {
    let value = |name: &str| Some(std::env::var_os(name)?.to_string_lossy().into_owned());
    RECORDED_VARIABLES.iter().filter_map(|&name| Some((name.to_owned(), value(name)?.into()))).collect()
}

/// The models of the NVIDIA devices, in the driver's order.
#[must_use]
pub fn gpu_models() -> Vec<String> {
    let Ok(entries) = fs::read_dir(NVIDIA_DEVICES) else { return Vec::new() };
    let mut folders: Vec<_> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    folders.sort_unstable();
    let model = |folder: &Path| {
        let text = fs::read_to_string(folder.join("information")).unwrap_or_default();
        field(&text, "Model").to_owned()
    };
    folders.iter().map(|folder| model(folder)).collect()
}

/// What the trainer says of the libtorch that it was built against.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LibtorchSeen {
    pub libtorch: String,
    /// Devices that it has computed on.
    pub cuda_devices: usize,
}

impl LibtorchSeen {
    /// What it computes on, in words.
    #[must_use]
    pub fn device(&self) -> String {
        if self.cuda_devices == 0 { "the CPU".to_owned() } else { plural(self.cuda_devices, "CUDA device") }
    }
}

/// Ask the trainer at `vpit` what it computes on here, or learn why it does not start.
///
/// # Errors
/// Its last words.
pub fn of_libtorch(vpit: &Path) -> Result<LibtorchSeen, String> {
    let output = duct::cmd(vpit, ["device"]).stdin_null().stdout_capture().stderr_capture().unchecked().run();
    let output = output.map_err(|error| error.to_string())?;
    if let Ok(seen) = serde_json::from_slice(&output.stdout) {
        return Ok(seen);
    }
    let words = String::from_utf8_lossy(&output.stderr).into_owned();
    Err(words.lines().rfind(|line| !line.trim().is_empty()).unwrap_or("it ended without a word").to_owned())
}

/// The value of the first line `name : value`.
fn field<'a>(text: &'a str, name: &str) -> &'a str {
    text.lines()
        .filter_map(|line| line.split_once(':'))
        .find(|(key, _)| key.trim() == name)
        .map_or("", |(_, value)| value.trim())
}

/// The widest vector instructions that numerical libraries choose by; other instructions, other bits.
fn capability(flags: &str) -> &'static str {
    let has = |wanted: &str| flags.split_ascii_whitespace().any(|flag| flag == wanted);
    match () {
        () if has("avx512f") && has("avx512dq") && has("avx512bw") && has("avx512vl") => "AVX512",
        () if has("avx2") && has("fma") => "AVX2",
        () => "DEFAULT",
    }
}

/// The commit of the code in `folder`, and whether files differ from it; empty outside a repository or without git.
#[must_use]
pub fn of_code(folder: &Path) -> Map<String, Value> {
    let mut facts = Map::new();
    let Some(commit) = git(folder, &["rev-parse", "HEAD"]) else { return facts };
    facts.insert("commit".to_owned(), commit.trim().into());
    if let Some(status) = git(folder, &["status", "--porcelain=v1", "--untracked-files=no"]) {
        facts.insert("dirty".to_owned(), (!status.is_empty()).into());
    }
    if facts.get("dirty") == Some(&Value::Bool(true))
        && let Some(difference) = git(folder, &["diff", "--no-ext-diff", "--no-textconv", "--binary", "HEAD"])
    {
        facts.insert("diff".to_owned(), blake3::hash(difference.as_bytes()).to_hex().as_str().into());
    }
    facts
}

/// What git says, if it is there and has something to say. The repository's own hooks and monitors are not started.
fn git(folder: &Path, arguments: &[&str]) -> Option<String> {
    let guarded = ["-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null", "--no-optional-locks"];
    duct::cmd("git", guarded.iter().chain(arguments))
        .dir(folder)
        .env("LC_ALL", "C")
        .stdin_null()
        .stderr_null()
        .read()
        .ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_capability_is_what_numerical_libraries_choose_by() {
        assert_eq!(capability("fpu avx2 fma"), "AVX2");
        assert_eq!(capability("avx avx2 fma avx512f avx512dq avx512bw avx512vl"), "AVX512");
        assert_eq!(capability("avx2 avx512f"), "DEFAULT");
    }

    #[test]
    fn secrets_are_not_recorded() {
        let facts = of_machine();
        let recorded = facts["environment"].as_object().unwrap();
        assert!(recorded.keys().all(|name| RECORDED_VARIABLES.contains(&name.as_str())));
        assert!(facts["host"].is_string() && facts["cpu_capability"].is_string());
    }

    #[test]
    fn a_change_makes_the_code_dirty() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(of_code(folder.path()), Map::new(), "no repository");
        let git = |arguments: &[&str]| duct::cmd("git", arguments).dir(folder.path()).stdout_null().run().unwrap();
        git(&["init", "--quiet"]);
        fs::write(folder.path().join("train.py"), "1").unwrap();
        git(&["add", "."]);
        git(&["-c", "user.name=a", "-c", "user.email=a@example.org", "commit", "--quiet", "-m", "first"]);
        let clean = of_code(folder.path());
        assert_eq!((clean["commit"].as_str().unwrap().len(), &clean["dirty"]), (40, &Value::Bool(false)));
        fs::write(folder.path().join("train.py"), "2").unwrap();
        let dirty = of_code(folder.path());
        assert_eq!((&dirty["commit"], &dirty["dirty"]), (&clean["commit"], &Value::Bool(true)));
        assert!(dirty["diff"].is_string());
    }
}
