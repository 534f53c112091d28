//! Holds the tree to `docs/architecture.md`: what may use what, and how large a file may grow.
//!
//! The checks read source text line by line, without tests and comments. They are meant for honest mistakes.

#![expect(clippy::expect_used, reason = "a test fails by panicking")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// Modules of `src/` that do no I/O, read no clock and start no process.
const PURE: [&str; 15] = [
    "attempt", "audit", "bundle", "claim", "evidence", "exchange", "grid", "id", "metric", "parquet", "plan", "report",
    "rerun", "slurm", "stats",
];
/// Modules of `src/` that touch the world.
const EDGES: [&str; 14] = [
    "crate::access",
    "crate::clock",
    "crate::cmd",
    "crate::collect",
    "crate::freeze",
    "crate::inspect",
    "crate::launch",
    "crate::project",
    "crate::provenance",
    "crate::serve",
    "crate::settings",
    "crate::store",
    "crate::ui",
    "crate::worker",
];
/// Other ways to touch the world.
const WORLDLY: [&str; 12] = [
    "duct",
    "rusqlite",
    "rustix",
    "sqlx",
    "std::env",
    "std::fs",
    "std::io::stdin",
    "std::net",
    "std::process",
    "tokio",
    "Instant",
    "SystemTime",
];
const SQL: [&str; 7] =
    ["SELECT ", "INSERT INTO", "INSERT OR", "DELETE FROM", "CREATE TABLE", "PRAGMA ", "BEGIN IMMEDIATE"];
const PRINTING: [&str; 5] = ["println!", "print!", "eprintln!", "eprint!", "dbg!"];
/// A sweep file names the file that it extends, so somebody has to open that one while reading: here, and nowhere else.
const DOOR: &str = "src/grid/load.rs";
const LONGEST_FILE: usize = 500;

#[test]
fn pure_modules_use_no_edge() {
    assert_none(uses_in_pure_modules(&EDGES));
}

#[test]
fn pure_modules_do_not_touch_the_world() {
    let uses = uses_in_pure_modules(&WORLDLY).into_iter();
    assert_none(uses.filter(|place| !(place.starts_with(DOOR) && place.contains("std::fs::File::open"))));
}

#[test]
fn sql_is_in_the_store_alone() {
    only(&["store"], |line| SQL.iter().any(|word| line.contains(word)));
}

#[test]
fn the_database_driver_is_used_by_the_store_alone_and_its_run_time_by_what_waits_for_others() {
    only(&["store"], |line| ["sqlx::", "rusqlite::"].iter().any(|word| names(line, word)));
    only(&["serve", "store"], |line| ["tokio::", "async fn", ".await"].iter().any(|word| names(line, word)));
}

#[test]
fn the_user_interface_alone_prints() {
    only(&["ui"], |line| PRINTING.iter().any(|word| names(line, word)));
}

#[test]
fn programs_are_started_where_jobs_are() {
    // Besides jobs: `freeze` asks the dynamic loader, `provenance` asks git.
    only(&["freeze", "launch", "provenance", "worker"], |line| names(line, "duct::"));
}

#[test]
fn lints_are_expected_with_a_reason_and_never_allowed() {
    nowhere(|line| line.contains("#[allow(") || line.contains("#![allow("));
    nowhere(|line| line.contains("#[expect(") && line.ends_with(")]") && !line.contains("reason ="));
}

/// Both let a misspelt key pass for another one.
#[test]
fn no_serde_type_is_flattened_or_untagged() {
    nowhere(|line| line.contains("serde(") && (names(line, "flatten") || names(line, "untagged")));
}

#[test]
fn files_are_short() {
    let long = everything().into_iter().filter(|source| source.length > LONGEST_FILE);
    assert_none(long.map(|source| format!("{}: {} lines without tests", source.path.display(), source.length)));
}

#[test]
fn a_module_file_holds_docs_and_re_exports() {
    let modules = everything().into_iter().filter(|source| source.path.ends_with("mod.rs"));
    let is_code = |line: &str| ["fn ", "pub fn ", "pub(crate) fn "].iter().any(|word| line.starts_with(word));
    assert_none(modules.flat_map(|source| source.complaints(is_code)));
}

/// From the lock file, so over all platforms and optional features.
#[test]
fn the_orchestrator_never_depends_on_libtorch() {
    let lock = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.lock")).expect("a lock file");
    let lock: toml::Table = lock.parse().expect("the lock file is TOML");
    let mut needs: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for package in lock["package"].as_array().expect("packages") {
        let dependencies = package.get("dependencies").and_then(toml::Value::as_array).into_iter().flatten();
        let dependencies = dependencies.filter_map(|text| text.as_str()?.split(' ').next());
        needs.entry(package["name"].as_str().expect("a name")).or_default().extend(dependencies);
    }
    assert!(reached("vpit", &needs).contains("torch-sys"), "vpit does not, so this check looks at nothing");
    assert!(!reached("sweep", &needs).contains("torch-sys"));
}

#[test]
fn the_checks_see_what_they_look_for() {
    let tree = "crate::{grid::{self, Sweep}, store}";
    assert_eq!(expand(tree), ["crate::grid::self", "crate::grid::Sweep", "crate::store"]);
    let source = Source { path: "src/report/figure/mod.rs".into(), lines: Vec::new(), length: 0 };
    assert_eq!(source.resolve("super::super::store::Store"), "crate::store::Store");
    assert!(names("crate::store::Store", "crate::store") && !names("crate::stored", "crate::store"));
    assert!(names("print!(\"\")", "print!") && !names("println!(\"\")", "print!"));
}

/// One source file without its tests and comments.
struct Source {
    /// From the root of the repository.
    path: PathBuf,
    /// Number and text of each line of code.
    lines: Vec<(usize, String)>,
    /// Lines of code and comment, without tests.
    length: usize,
}

impl Source {
    fn read(root: &Path, path: &Path) -> Self {
        let text = fs::read_to_string(path).expect("source files are UTF-8");
        let lines: Vec<&str> = text.lines().take_while(|line| *line != "#[cfg(test)]").collect();
        let code = lines.iter().enumerate().filter(|(_, line)| !line.trim_start().starts_with("//"));
        Self {
            path: path.strip_prefix(root).expect("below the root").to_owned(),
            lines: code.map(|(index, line)| (index + 1, (*line).to_owned())).collect(),
            length: lines.len(),
        }
    }

    /// Whether this file belongs to one of these modules of `src/`.
    fn is_of(&self, modules: &[&str]) -> bool {
        let first = self.path.strip_prefix("src").ok().and_then(|inside| inside.iter().next()?.to_str());
        first.is_some_and(|name| modules.contains(&name.trim_end_matches(".rs")))
    }

    /// `path:line: the line` for each line that `is_wrong`.
    fn complaints(&self, is_wrong: impl Fn(&str) -> bool) -> Vec<String> {
        let wrong = self.lines.iter().filter(|(_, line)| is_wrong(line));
        wrong.map(|(number, line)| format!("{}:{number}: {}", self.path.display(), line.trim())).collect()
    }

    /// Every path that a `use` names, from the crate's root: in `src/x/y.rs`, of `super::{b, c::d}`, `crate::x::b` and
    /// `crate::x::c::d`.
    fn uses(&self) -> Vec<String> {
        let code: Vec<&str> = self.lines.iter().map(|(_, line)| line.trim()).collect();
        let statements = code.join(" ");
        let trees = statements.split("use ").skip(1).filter_map(|rest| rest.split_once(';'));
        trees.flat_map(|(tree, _)| expand(tree)).map(|path| self.resolve(&path)).collect()
    }

    fn resolve(&self, path: &str) -> String {
        let rest = path.trim_start_matches("super::");
        let climbs = (path.len() - rest.len()) / "super::".len();
        if climbs == 0 {
            return path.to_owned();
        }
        let file = self.path.with_extension("");
        let modules = file.iter().skip(1).filter_map(|name| name.to_str()).filter(|name| *name != "mod");
        let modules: Vec<&str> = modules.collect();
        let parents = &modules[..modules.len().saturating_sub(climbs)];
        [&["crate"], parents, &[rest]].concat().join("::")
    }
}

/// The paths that the tree of one `use` stands for.
fn expand(tree: &str) -> Vec<String> {
    let Some((prefix, rest)) = tree.split_once('{') else { return vec![tree.trim().to_owned()] };
    let inner = rest.trim_end().strip_suffix('}').unwrap_or(rest);
    let mut depth = 0;
    let branches = inner.split(|c| {
        depth += i32::from(c == '{') - i32::from(c == '}');
        c == ',' && depth == 0
    });
    let branches = branches.filter(|branch| !branch.trim().is_empty());
    branches.flat_map(expand).map(|path| format!("{}{path}", prefix.trim())).collect()
}

/// Whether `text` has `path` as whole words.
fn names(text: &str, path: &str) -> bool {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    text.match_indices(path).any(|(at, _)| {
        let (before, after) = (text[..at].chars().next_back(), text[at + path.len()..].chars().next());
        let goes_on = path.ends_with(is_word) && after.is_some_and(is_word);
        !before.is_some_and(is_word) && !goes_on
    })
}

/// The Rust files below these folders of the repository; files that hold nothing but tests are left out.
fn sources(folders: &[&str]) -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = Vec::new();
    let mut todo: Vec<PathBuf> = folders.iter().map(|folder| root.join(folder)).collect();
    while let Some(folder) = todo.pop() {
        for entry in fs::read_dir(&folder).into_iter().flatten() {
            let path = entry.expect("a readable folder").path();
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            if path.is_dir() && !["target", "tests"].contains(&name) {
                todo.push(path);
            } else if name.ends_with(".rs") && name != "tests.rs" {
                found.push(Source::read(root, &path));
            }
        }
    }
    assert!(!found.is_empty(), "no sources below {folders:?}");
    found
}

fn everything() -> Vec<Source> {
    sources(&["src", "crates", "xtask", "benches"])
}

fn uses_in_pure_modules(forbidden: &[&str]) -> Vec<String> {
    let is_wrong = |text: &str| forbidden.iter().any(|path| names(text, path));
    let mut wrong = Vec::new();
    for source in sources(&["src"]).iter().filter(|source| source.is_of(&PURE)) {
        let uses = source.uses().into_iter().filter(|path| is_wrong(path));
        wrong.extend(uses.map(|path| format!("{}: use {path}", source.path.display())));
        wrong.extend(source.complaints(|line| is_wrong(line) && !line.contains("use ")));
    }
    wrong
}

/// Fails with every line of `src/` outside the `owners` that `is_wrong`.
#[track_caller]
fn only(owners: &[&str], is_wrong: impl Fn(&str) -> bool) {
    let others = sources(&["src"]).into_iter().filter(|source| !source.is_of(owners));
    assert_none(others.flat_map(|source| source.complaints(&is_wrong)));
}

/// Fails with every line of the repository that `is_wrong`.
#[track_caller]
fn nowhere(is_wrong: impl Fn(&str) -> bool) {
    assert_none(everything().iter().flat_map(|source| source.complaints(&is_wrong)));
}

#[track_caller]
fn assert_none(complaints: impl IntoIterator<Item = String>) {
    let complaints: Vec<String> = complaints.into_iter().collect();
    assert!(complaints.is_empty(), "{} places:\n{}", complaints.len(), complaints.join("\n"));
}

/// The packages that `name` depends on, directly or not.
fn reached<'a>(name: &str, needs: &BTreeMap<&'a str, BTreeSet<&'a str>>) -> BTreeSet<&'a str> {
    let mut found = BTreeSet::new();
    let mut todo: Vec<&str> = needs[name].iter().copied().collect();
    while let Some(next) = todo.pop() {
        if found.insert(next) {
            todo.extend(&needs[next]);
        }
    }
    found
}
