//! Runs Slurm's programs and keeps every word of the answer, with a table of what was asked when.

use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use crate::failure::{Failure, Result};
use crate::slurm::cluster::Cluster;
use crate::slurm::config::Settings;
use crate::tool;

const STEP: Duration = Duration::from_millis(100);
/// Steps that a job may take to get into a state: three minutes.
const PATIENCE: u32 = 1800;

/// Slurm is asked as `sweep` asks it.
const ASKED: [(&str, &str); 3] = [("LC_ALL", "C"), ("TZ", "UTC"), ("SLURM_TIME_FORMAT", "%s")];

pub struct Recorder<'a> {
    pub cluster: &'a Cluster,
    /// Where jobs run, and write.
    work: PathBuf,
    /// Text of this machine, and what stands for it in the fixtures.
    renamed: [(String, &'static str); 3],
    /// Name, contents.
    files: Vec<(String, String)>,
    table: String,
}

impl<'a> Recorder<'a> {
    pub fn new(cluster: &'a Cluster, settings: &Settings) -> Result<Self> {
        let work = cluster.create("run/work")?;
        let renamed = [
            (work.to_string_lossy().into_owned(), "/home/user"),
            (cluster.text(""), "/srv/slurm/"),
            (settings.host.clone(), "login"),
        ];
        Ok(Self { cluster, work, renamed, files: Vec::new(), table: String::new() })
    }

    /// Ask, and keep the answer as `<name>.out` and, where it said something there, `<name>.err`.
    pub fn keep(&mut self, name: &str, when: &str, words: &[&str]) -> Result<()> {
        let answer = self.ask(words)?;
        for (kind, text) in [("out", &answer.out), ("err", &answer.err)] {
            if kind == "out" || !text.is_empty() {
                self.files.push((format!("{name}.{kind}"), self.rename(text)));
            }
        }
        let line = self.rename(&words.iter().map(|word| quote(word)).collect::<Vec<_>>().join(" "));
        // A bar would end the table's cell.
        let line = line.replace('|', "\\|");
        let code = answer.code.map_or("by a signal".to_owned(), |code| code.to_string());
        // Writing to a `String` cannot fail.
        let _ = writeln!(self.table, "| `{name}` | {when} | `{line}` | {code} |");
        println!("recorded {name}");
        Ok(())
    }

    pub fn ask(&self, words: &[&str]) -> Result<tool::Answer> {
        let (client, conf) = self.cluster.client();
        let [program, args @ ..] = words else { return Err(Failure::new("no program to ask")) };
        let env = [&ASKED[..], &[(client, &conf)]].concat();
        tool::answer(program, args, &self.work, &env)
    }

    /// The id of the job that these words submit.
    pub fn submit(&self, words: &[&str]) -> Result<String> {
        let answer = self.ask(&[&["sbatch", "--parsable"], words].concat())?;
        let id = answer.out.trim().to_owned();
        if id.is_empty() { Err(Failure::new("sbatch refused a job").because(&answer.err)) } else { Ok(id) }
    }

    /// Wait until every line that `squeue` has for these jobs says one of these states.
    pub fn until(&self, jobs: &str, states: &[&str]) -> Result<()> {
        let mut said = String::new();
        for _ in 0..PATIENCE {
            let asked = ["squeue", "--noheader", "--array", "--states=all", "--format=%T", "--jobs", jobs];
            said = self.ask(&asked)?.out;
            if !said.is_empty() && said.lines().all(|state| states.contains(&state)) {
                return Ok(());
            }
            thread::sleep(STEP);
        }
        Err(Failure::new(format!("job {jobs} never came to be {}, but is {said}", states.join(" or "))))
    }

    /// Wait until the node is in this state.
    pub fn until_node(&self, node: &str, state: &str) -> Result<()> {
        for _ in 0..PATIENCE {
            if crate::slurm::daemon::node_state(self.cluster, node)? == state {
                return Ok(());
            }
            thread::sleep(STEP);
        }
        Err(Failure::new(format!("node {node} never came to be {state}")))
    }

    /// Wait until accounting knows a time of each of these jobs; it is seconds late, and names none of them at first.
    pub fn until_accounted(&self, jobs: &str, time: &str) -> Result<()> {
        let format = format!("--format={time},JobName,JobID");
        for _ in 0..PATIENCE {
            let said = self.ask(&["sacct", "--noheader", "--parsable2", "--allocations", &format, "--jobs", jobs])?.out;
            let told = said.lines().all(|line| !line.starts_with("Unknown|") && !line.contains("|allocation|"));
            let is_there = |job: &str| said.lines().any(|line| line.contains(&format!("|{job}")));
            if told && jobs.split(',').all(is_there) {
                return Ok(());
            }
            thread::sleep(STEP);
        }
        Err(Failure::new(format!("accounting never heard of the {time} of job {jobs}")))
    }

    /// Write everything below `folder`, in place of what was there.
    pub fn write(&self, folder: &Path, version: &str) -> Result<()> {
        let files = self.files.iter().map(|(name, text)| (name.as_str(), text.clone()));
        let all = files.chain([("README.md", self.readme(version))]);
        drop(fs::remove_dir_all(folder));
        fs::create_dir_all(folder).map_err(|error| Failure::io("create", folder, &error))?;
        for (name, text) in all {
            let path = folder.join(name);
            fs::write(&path, text).map_err(|error| Failure::io("write", &path, &error))?;
        }
        Ok(())
    }

    fn readme(&self, version: &str) -> String {
        format!(
            "# What {version} says\n\n\
             Recorded by `cargo xtask slurm record` on the cluster that docs/development.md describes. Each line is one\n\
             question; `<name>.out` is the whole answer, `<name>.err` what went to standard error, if anything did. The\n\
             environment had `LC_ALL=C`, `TZ=UTC` and `SLURM_TIME_FORMAT=%s`. Only the machine's name and folders were\n\
             replaced: by `login`, `/srv/slurm` and `/home/user`.\n\n\
             | files | when | question | exit code |\n|---|---|---|---|\n{}",
            self.table
        )
    }

    fn rename(&self, text: &str) -> String {
        self.renamed.iter().fold(text.to_owned(), |text, (from, to)| replace_words(&text, from, to))
    }
}

/// Replace `from` where it does not stand within a word.
fn replace_words(text: &str, from: &str, to: &str) -> String {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    let (mut out, mut rest) = (String::new(), text);
    while let Some(at) = rest.find(from) {
        let (before, after) = (&rest[..at], &rest[at + from.len()..]);
        let inside = before.ends_with(is_word) || from.ends_with(is_word) && after.starts_with(is_word);
        out.push_str(before);
        out.push_str(if inside { from } else { to });
        rest = after;
    }
    out + rest
}

/// As one would type it.
fn quote(word: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || "-_=./,:%@[]".contains(c);
    if word.chars().all(plain) { word.to_owned() } else { format!("'{word}'") }
}

#[cfg(test)]
mod tests {
    use super::replace_words;

    #[test]
    fn names_are_replaced_as_words_alone() {
        assert_eq!(replace_words("vm vms KVM=vm(127) xvm", "vm", "login"), "login vms KVM=login(127) xvm");
        assert_eq!(replace_words("/a/b/c /a/bc", "/a/b/", "/s/"), "/s/c /a/bc");
    }
}
