//! `sweep watch` on a terminal: `script` of every Debian makes a real one.

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;
use std::process::{Child, ChildStdin, Stdio};

use assert_cmd::cargo::cargo_bin;
use rustix::process::{Pid, Signal, kill_process};

use crate::site::Site;

/// What gives a terminal back: the screen that was there before, and the cursor.
const RESTORED: [&str; 2] = ["\u{1b}[?1049l", "\u{1b}[?25h"];

struct Terminal<'a> {
    site: &'a Site,
    script: Child,
    keys: ChildStdin,
    /// Bytes of the screen that were there before the last key.
    seen: usize,
}

impl<'a> Terminal<'a> {
    /// Where `sweep watch` runs, with a screen of 120 by 30.
    fn watch(site: &'a Site) -> Self {
        let command = format!("stty rows 30 cols 120; echo $$ > pid; exec {} watch", cargo_bin("sweep").display());
        let mut script = site.command(Path::new("script"), &["-qefc", &command, "/dev/null"]);
        let screen = File::create(site.path().join("screen")).unwrap();
        script.env("TERM", "xterm").stdin(Stdio::piped()).stdout(screen).stderr(Stdio::null());
        let mut script = script.spawn().unwrap();
        let keys = script.stdin.take().unwrap();
        Self { site, script, keys, seen: 0 }
    }

    fn screen(&self) -> String {
        String::from_utf8_lossy(&fs::read(self.site.path().join("screen")).unwrap()).into_owned()
    }

    /// Wait until all of these have been drawn since the last key.
    #[track_caller]
    fn wait_for(&self, words: &[&str]) {
        self.site.wait_for(|| {
            let drawn = self.screen().get(self.seen..).unwrap_or_default().to_owned();
            words.iter().all(|word| drawn.contains(word))
        });
    }

    fn press(&mut self, key: &str) {
        self.seen = self.screen().len();
        self.keys.write_all(key.as_bytes()).unwrap();
        self.keys.flush().unwrap();
    }

    fn exit_code(mut self) -> Option<i32> {
        self.script.wait().unwrap().code()
    }
}

/// One task that runs until the file `go` is there, at Slurm.
fn busy() -> Site {
    let site = Site::fake("name = \"one\"\ncommand = [\"./train\", \"{x}\"]\n[vary]\nx = [7]\n");
    let go = site.path().join("go");
    site.script(
        "train",
        &format!(
            "echo '{{\"step\": 1, \"loss\": 2.5}}' > metrics.jsonl; echo warming-up\n\
             while [ ! -e {} ]; do sleep 0.1; done; echo '{{\"value\": 1}}' > scores.json",
            go.display()
        ),
    );
    let _ = site.submit().with(0);
    site.wait_for(|| site.starts() == 1);
    site
}

fn calls(site: &Site, program: &str) -> usize {
    site.read("fake/calls").lines().filter(|line| line.split_whitespace().any(|word| word == program)).count()
}

#[test]
fn one_watches_a_task_down_to_its_log_and_curve() {
    let site = busy();
    let before = ["squeue", "sacct"].map(|program| calls(&site, program));
    let mut terminal = Terminal::watch(&site);
    terminal.wait_for(&["one", "train", "running"]);
    terminal.press("\r");
    terminal.wait_for(&["x=7"]);
    terminal.press("\r");
    terminal.wait_for(&["loss:", "warming-up"]);
    terminal.press("q");
    terminal.wait_for(&RESTORED);
    assert_eq!(terminal.exit_code(), Some(0));
    let after = ["squeue", "sacct"].map(|program| calls(&site, program));
    assert!(after[0] <= before[0] + 1 && after[1] <= before[1] + 1, "{before:?}, then {after:?}");
    site.write("go", "");
}

#[test]
fn who_watches_sees_a_task_end_and_no_other_verb_has_to_take_it_in() {
    let site = busy();
    let mut terminal = Terminal::watch(&site);
    terminal.wait_for(&["running"]);
    site.write("go", "");
    site.wait_for(|| site.succeeded() == 1);
    // A person's wish is granted sooner than in half a minute.
    terminal.press("r");
    site.wait_for(|| site.count("done") == 1);
    terminal.press("q");
    assert_eq!(terminal.exit_code(), Some(0));
}

#[test]
fn a_terminal_is_given_back_when_somebody_ends_the_watch() {
    let site = busy();
    let terminal = Terminal::watch(&site);
    terminal.wait_for(&["running"]);
    let pid = Pid::from_raw(site.read("pid").trim().parse().unwrap()).unwrap();
    kill_process(pid, Signal::TERM).unwrap();
    terminal.wait_for(&RESTORED);
    assert_eq!(terminal.exit_code(), Some(143));
    site.write("go", "");
}

#[test]
fn without_a_terminal_there_is_nothing_to_watch_on() {
    let site = busy();
    let refused = site.sweep(&["watch"]).with(2);
    assert!(refused.err.contains("needs a terminal") && refused.err.contains("`sweep status`"), "{}", refused.err);
    site.write("go", "");
}

#[test]
fn programs_that_ask_again_and_again_ask_slurm_once() {
    let site = busy();
    let before = ["squeue", "sacct"].map(|program| calls(&site, program));
    for _ in 0..5 {
        let status = site.sweep(&["status", "--json"]).with(0);
        assert!(status.out.contains("\"running\": 1"), "{}", status.out);
    }
    let after = ["squeue", "sacct"].map(|program| calls(&site, program));
    assert!(after[0] == before[0] + 1 && after[1] <= before[1] + 1, "{before:?}, then {after:?}");
    let _ = site.sweep(&["status", "--fresh"]).with(0);
    assert_eq!(calls(&site, "squeue"), after[0] + 1);
    site.write("go", "");
}
