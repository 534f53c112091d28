//! Profiles: what a site is like and how a group uses it, apart from the question that a sweep asks.
//!
//! `[profile.<name>]` stands in the project's `sweep.toml`, in the user's or in the site's configuration; the nearer file
//! wins key by key. `docs/slurm.md` lists the keys.

use std::path::PathBuf;

use crate::Result;
use crate::error::Error;
use crate::grid::{At, Diagnostics, Fields, Problem, Sources, Span, Table, list, nearest, parse_tree};

/// How jobs of one site are asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Profile {
    pub name: String,
    /// Host names where it is taken without being asked for; `*` and `?` are wildcards.
    pub hosts: Vec<String>,
    pub partition: Option<String>,
    pub account: Option<String>,
    pub qos: Option<String>,
    pub constraint: Option<String>,
    /// Kind of device, like `gpu:a100`; a stage says how many.
    pub gres: Option<String>,
    /// For stages that say nothing themselves.
    pub time_seconds: Option<u64>,
    pub memory_bytes: Option<u64>,
    /// Options of `sbatch`, like `--reservation=x`.
    pub options: Vec<String>,
    /// Lines of shell before the worker starts, like `module load CUDA/12`.
    pub setup: Vec<String>,
    /// Variables that jobs get.
    pub environment: Vec<(String, String)>,
    /// Variables of the submitter that jobs get, by name.
    pub pass: Vec<String>,
    /// Seconds before the time limit at which jobs are asked to save their state.
    pub signal_lead: u64,
    /// Where task folders go.
    pub runs: Option<PathBuf>,
    /// Elements of an array that run at the same time.
    pub throttle: Option<u32>,
    /// Tasks that share an allocation, one after the other.
    pub pack: u32,
    /// Tasks share an allocation until they are expected to take this many seconds.
    pub pack_seconds: Option<u64>,
    /// A private file of `NAME=value` lines that jobs get and nobody records.
    pub secrets: Option<PathBuf>,
    /// Whether Slurm may start a job again after a preemption or a lost node.
    pub requeue: bool,
    /// Elements of an array, where the site's limit cannot be read or is not the whole truth.
    pub largest_array: Option<u32>,
    /// Jobs in the queue at the same time.
    pub most_jobs: Option<u32>,
    /// Seconds after an unclear answer during which a job may still turn up.
    pub settle: Option<u64>,
    /// Seconds that a call of Slurm's programs may take.
    pub patience: Option<u64>,
    /// Seconds for which a worker may be silent before another start takes its place.
    pub lease: u64,
    /// Attempts that may fail with a node within a day before it is left out; 0 for any number.
    pub exclude_after: u32,
}

const KEYS: [&str; 25] = [
    "hosts",
    "partition",
    "account",
    "qos",
    "constraint",
    "gres",
    "time",
    "memory",
    "options",
    "setup",
    "environment",
    "pass",
    "signal_lead",
    "runs",
    "throttle",
    "pack",
    "pack_time",
    "secrets",
    "requeue",
    "largest_array",
    "most_jobs",
    "settle",
    "patience",
    "lease",
    "exclude_after",
];

/// Options that the launcher sets itself, or that would take the answer away from it.
const RESERVED: [&str; 25] = [
    "array",
    "batch",
    "chdir",
    "clusters",
    "comment",
    "dependency",
    "error",
    "export",
    "export-file",
    "get-user-env",
    "help",
    "hold",
    "input",
    "job-name",
    "kill-on-invalid-dep",
    "open-mode",
    "output",
    "parsable",
    "quiet",
    "requeue",
    "no-requeue",
    "signal",
    "test-only",
    "wait",
    "wrap",
];

/// Seconds in which a training saves its state.
const SIGNAL_LEAD: u64 = 120;
/// Seconds for which a network may be down, or a server's cache behind, while a worker lives.
const LEASE: u64 = 600;
/// One failure may be chance.
const EXCLUDE_AFTER: u32 = 2;
const EXCLUDE: &str = "--exclude=";

impl Profile {
    /// A profile that leaves everything to the cluster's own defaults.
    #[must_use]
    pub fn plain(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            signal_lead: SIGNAL_LEAD,
            pack: 1,
            requeue: true,
            lease: LEASE,
            exclude_after: EXCLUDE_AFTER,
            ..Self::default()
        }
    }

    /// The same, and never on `nodes`; what is no name of a node is passed over.
    #[must_use]
    pub fn without_nodes(&self, nodes: &[String]) -> Self {
        let is_name = |name: &&String| name.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c));
        let names: Vec<&str> = nodes.iter().filter(is_name).map(String::as_str).collect();
        let mut profile = self.clone();
        if names.is_empty() {
            return profile;
        }
        let names = names.join(",");
        // Of two such options Slurm takes the last.
        match profile.options.iter_mut().rev().find(|option| option.starts_with(EXCLUDE)) {
            Some(option) => *option += &format!(",{names}"),
            None => profile.options.push(format!("{EXCLUDE}{names}")),
        }
        profile
    }

    fn read(name: &str, span: Span, table: &Table, diagnostics: &Diagnostics) -> Self {
        let what = format!("profile `{name}`");
        let fields = Fields::new(&what, span, table, diagnostics).only(&KEYS);
        let word = |key: &str| fields.text(key).and_then(|text| check_word(&fields, key, text));
        let path = |key: &str| fields.text(key).and_then(|text| check_path(&fields, key, text));
        Self {
            name: name.to_owned(),
            hosts: checked(&fields, "hosts", check_pattern),
            partition: word("partition"),
            account: word("account"),
            qos: word("qos"),
            constraint: word("constraint"),
            gres: word("gres"),
            time_seconds: fields.duration("time"),
            memory_bytes: fields.bytes("memory"),
            options: checked(&fields, "options", check_option),
            setup: checked(&fields, "setup", check_line),
            environment: read_environment(&fields),
            pass: checked(&fields, "pass", check_variable),
            signal_lead: fields.duration("signal_lead").unwrap_or(SIGNAL_LEAD),
            runs: path("runs"),
            throttle: fields.whole("throttle", 1..=1_000_000),
            pack: fields.whole("pack", 1..=100_000).unwrap_or(1),
            pack_seconds: fields.duration("pack_time"),
            secrets: path("secrets"),
            requeue: fields.flag("requeue").unwrap_or(true),
            largest_array: fields.whole("largest_array", 1..=4_000_000),
            most_jobs: fields.whole("most_jobs", 1..=4_000_000),
            settle: fields.duration("settle"),
            patience: fields.duration("patience"),
            lease: fields.duration("lease").unwrap_or(LEASE),
            exclude_after: fields.whole("exclude_after", 0..=1000).unwrap_or(EXCLUDE_AFTER),
        }
    }
}

/// Check each text of a list.
fn checked(fields: &Fields<'_>, key: &str, check: fn(&str) -> std::result::Result<(), &'static str>) -> Vec<String> {
    let texts = fields.one_or_more(key);
    for text in &texts {
        if let Err(hint) = check(&text.value) {
            report(fields, key, text, hint);
        }
    }
    texts.into_iter().map(|text| text.value).collect()
}

fn report(fields: &Fields<'_>, key: &str, text: &At<String>, hint: &str) {
    let message = format!("`{}` cannot stand in `{key}` of {}", text.value.escape_debug(), fields.what);
    fields.diagnostics.report(Problem::new(text.span, message).hint(hint));
}

/// A word of an `#SBATCH` line: nothing in it may end the word or the line.
fn check_word(fields: &Fields<'_>, key: &str, text: At<String>) -> Option<String> {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_-.,:+=@/&|*()[]".contains(c);
    if text.value.is_empty() || !text.value.chars().all(plain) {
        report(fields, key, &text, "write letters, digits and `_-.,:+=@/&|*()[]`, without spaces");
        return None;
    }
    Some(text.value)
}

fn check_path(fields: &Fields<'_>, key: &str, text: At<String>) -> Option<PathBuf> {
    let path = PathBuf::from(&text.value);
    if !path.is_absolute() || text.value.chars().any(char::is_control) {
        report(fields, key, &text, "write an absolute path, as compute nodes see it");
        return None;
    }
    Some(path)
}

fn check_pattern(pattern: &str) -> std::result::Result<(), &'static str> {
    glob::Pattern::new(pattern)
        .map(drop)
        .map_err(|_| "write a host's name; `*` stands for any text, `?` for a character")
}

fn fits(pattern: &str, host: &str) -> bool {
    glob::Pattern::new(pattern).is_ok_and(|pattern| pattern.matches(host))
}

fn check_option(option: &str) -> std::result::Result<(), &'static str> {
    let name = option.strip_prefix("--").map(|rest| rest.split('=').next().unwrap_or_default());
    let plain = |c: char| c.is_ascii_graphic() && !"\"'\\#`$".contains(c);
    match name {
        Some(name) if !name.is_empty() && option.chars().all(plain) => {
            if RESERVED.contains(&name) {
                Err("`sweep` sets this option itself")
            } else {
                Ok(())
            }
        }
        _ => Err("write one option with its value, like `--reservation=night`"),
    }
}

fn check_line(line: &str) -> std::result::Result<(), &'static str> {
    let is_directive = line.trim_start().starts_with("#SBATCH");
    if line.chars().any(char::is_control) {
        Err("write one line of shell in each text")
    } else if is_directive {
        Err("options of `sbatch` stand in `options`")
    } else {
        Ok(())
    }
}

fn check_variable(name: &str) -> std::result::Result<(), &'static str> {
    let starts_well = name.chars().next().is_some_and(|c| c.is_ascii_alphabetic() || c == '_');
    let plain = name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    if !starts_well || !plain {
        return Err("a variable's name has letters, digits and `_`");
    }
    let ours = ["SWEEP_", "SLURM_", "SBATCH_"].iter().any(|prefix| name.starts_with(prefix));
    if ours { Err("names that start with SWEEP_, SLURM_ or SBATCH_ are taken") } else { Ok(()) }
}

fn read_environment(fields: &Fields<'_>) -> Vec<(String, String)> {
    let pairs = fields.pairs("environment");
    for (name, _) in &pairs {
        if let Err(hint) = check_variable(&name.value) {
            report(fields, "environment", name, hint);
        }
    }
    pairs.into_iter().map(|(name, value)| (name.value, value.value)).collect()
}

/// A configuration file that was found.
#[derive(Debug, Clone)]
pub struct SettingsFile {
    /// As errors show it.
    pub name: String,
    pub text: String,
}

/// All profiles that are known here.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    pub profiles: Vec<Profile>,
}

/// Where tasks are to run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// This machine.
    Local,
    Slurm(Box<Profile>),
}

/// Names that are taken: this machine, and a cluster's own defaults.
const LOCAL: &str = "local";
const SLURM: &str = "slurm";

impl Settings {
    /// Read configuration files, those of the site first and those of the project last.
    ///
    /// # Errors
    /// Every mistake with its file and line.
    pub fn read(files: &[SettingsFile]) -> Result<Self> {
        let (mut sources, diagnostics) = (Sources::default(), Diagnostics::default());
        let mut root = Table::default();
        for file in files {
            let number = sources.add(file.name.clone(), file.text.clone());
            let table = parse_tree(number, &file.text, &diagnostics).unwrap_or_default();
            root.overlay(table);
        }
        let span = Span { file: 0, start: 0, end: 0 };
        let fields = Fields::new("the configuration", span, &root, &diagnostics).only(&["profile"]);
        let profiles = fields.named("profile").into_iter().map(|(entry, table)| {
            if entry.key == LOCAL {
                let problem = Problem::new(entry.key_span, "`local` is this machine and has no profile");
                diagnostics.report(problem.hint("give the profile another name"));
            }
            Profile::read(&entry.key, entry.key_span, table, &diagnostics)
        });
        let settings = Self { profiles: profiles.collect() };
        diagnostics.into_error(&sources).map_or(Ok(settings), Err)
    }

    /// What `wanted` names, or what is meant on `host` if nothing is.
    ///
    /// # Errors
    /// There is no such profile, or two claim the host.
    pub fn choose(&self, wanted: Option<&str>, host: &str) -> Result<Target> {
        let named = |name: &str| self.profiles.iter().find(|profile| profile.name == name).cloned();
        match wanted {
            Some(LOCAL) => Ok(Target::Local),
            Some(name) => match named(name) {
                Some(profile) => Ok(Target::Slurm(Box::new(profile))),
                None if name == SLURM => Ok(Target::Slurm(Box::new(Profile::plain(name)))),
                None => Err(self.unknown(name)),
            },
            None => self.of_host(host),
        }
    }

    fn of_host(&self, host: &str) -> Result<Target> {
        let mut found = self.profiles.iter().filter(|profile| profile.hosts.iter().any(|pattern| fits(pattern, host)));
        match (found.next(), found.next()) {
            (None, _) => Ok(Target::Local),
            (Some(profile), None) => Ok(Target::Slurm(Box::new(profile.clone()))),
            (Some(first), Some(second)) => {
                let message = format!("profiles `{}` and `{}` both name this host, `{host}`", first.name, second.name);
                Err(Error::usage(message).hint("say which one by `--to`"))
            }
        }
    }

    fn unknown(&self, name: &str) -> Error {
        let mut known: Vec<&str> = self.profiles.iter().map(|profile| profile.name.as_str()).collect();
        known.extend([LOCAL, SLURM]);
        let hint = match nearest(name, &known) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("known are {}; `[profile.<name>]` in `sweep.toml` makes another", list(&known)),
        };
        Error::usage(format!("there is no profile `{}`", name.escape_debug())).hint(hint)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(texts: &[&str]) -> Result<Settings> {
        let files: Vec<_> = texts
            .iter()
            .zip(["site.toml", "user.toml", "sweep.toml"])
            .map(|(text, name)| SettingsFile { name: name.to_owned(), text: (*text).to_owned() })
            .collect();
        Settings::read(&files)
    }

    fn error(text: &str) -> (String, Vec<String>) {
        let error = settings(&[text]).unwrap_err();
        (error.message().to_owned(), error.hints().to_vec())
    }

    #[test]
    fn nearer_files_win_key_by_key() {
        let site = "[profile.juwels]\npartition = \"batch\"\naccount = \"none\"\nhosts = [\"jwlogin*\"]\n";
        let project = "[profile.juwels]\naccount = \"ab12\"\nthrottle = 20\n";
        let settings = settings(&[site, "", project]).unwrap();
        let Target::Slurm(profile) = settings.choose(None, "jwlogin03").unwrap() else { panic!("a profile") };
        let expected = Profile {
            partition: Some("batch".to_owned()),
            account: Some("ab12".to_owned()),
            throttle: Some(20),
            hosts: vec!["jwlogin*".to_owned()],
            ..Profile::plain("juwels")
        };
        assert_eq!(*profile, expected);
        assert_eq!(settings.choose(None, "laptop").unwrap(), Target::Local);
        assert_eq!(settings.choose(Some("local"), "jwlogin03").unwrap(), Target::Local);
    }

    #[test]
    fn slurm_alone_means_the_clusters_defaults() {
        assert_eq!(
            Settings::default().choose(Some("slurm"), "x").unwrap(),
            Target::Slurm(Box::new(Profile::plain("slurm")))
        );
        let error = settings(&["[profile.juwels]\n"]).unwrap().choose(Some("jewels"), "x").unwrap_err();
        assert_eq!(
            (error.message(), error.hints()),
            ("there is no profile `jewels`", &["did you mean `juwels`?".to_owned()][..])
        );
    }

    #[test]
    fn a_mistake_is_shown_with_its_line_and_the_nearest_key() {
        let (message, hints) = error("[profile.a]\npartition = \"x\"\nacount = \"y\"\n");
        assert_eq!(message, "site.toml:3:1: unknown key `acount` in profile `a`");
        assert_eq!(hints, ["did you mean `account`?"]);
    }

    #[test]
    fn nothing_that_could_leave_its_line_gets_into_a_script() {
        for (line, what) in [
            ("partition = \"a b\"", "`a b` cannot stand in `partition`"),
            ("account = \"x\\n#SBATCH --uid=0\"", "cannot stand in `account`"),
            ("setup = [\"a\\nb\"]", "cannot stand in `setup`"),
            ("setup = [\"#SBATCH --x\"]", "cannot stand in `setup`"),
            ("options = [\"-p x\"]", "cannot stand in `options`"),
            ("options = [\"--array=1\"]", "cannot stand in `options`"),
            ("options = [\"--x=$(y)\"]", "cannot stand in `options`"),
            ("environment = { \"A B\" = \"c\" }", "cannot stand in `environment`"),
            ("pass = [\"SLURM_CONF\"]", "cannot stand in `pass`"),
            ("runs = \"scratch\"", "cannot stand in `runs`"),
        ] {
            let (message, _) = error(&format!("[profile.a]\n{line}\n"));
            assert!(message.contains(what), "{line}: {message}");
        }
    }

    #[test]
    fn nodes_that_are_left_out_join_those_that_the_profile_leaves_out() {
        let nodes = ["n1", "n-2.x", "n3 --wrap", ""].map(str::to_owned);
        let plain = Profile::plain("x");
        assert_eq!(plain.without_nodes(&nodes[..2]).options, ["--exclude=n1,n-2.x"]);
        let own = Profile { options: vec!["--exclude=a".to_owned(), "--x".to_owned()], ..plain.clone() };
        assert_eq!(own.without_nodes(&nodes[1..3]).options, ["--exclude=a,n-2.x", "--x"]);
        assert_eq!(plain.without_nodes(&[]), plain);
    }

    #[test]
    fn two_profiles_for_one_host_need_a_word() {
        let settings = settings(&["[profile.a]\nhosts = \"x*\"\n[profile.b]\nhosts = [\"*y\"]\n"]).unwrap();
        assert!(settings.choose(None, "xy").is_err());
        assert!(settings.choose(Some("a"), "xy").is_ok());
    }
}
