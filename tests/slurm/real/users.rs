//! Two people and one project.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use assert_cmd::cargo::cargo_bin;

use crate::site::{Ended, Site};

/// Somebody whom every Debian knows, and their group.
const OTHER: [&str; 2] = ["nobody", "nogroup"];

struct Shared {
    site: Site,
}

impl Shared {
    /// A project for a group, and an account for both.
    fn new(count: usize) -> Option<Self> {
        let levels: Vec<String> = (0..count).map(|level| level.to_string()).collect();
        let sweep =
            format!("name = \"one\"\ncommand = [\"./train\", \"{{x}}\"]\n[vary]\nx = [{}]\n", levels.join(", "));
        let shared = Self { site: Site::real(&sweep)? };
        let [user, group] = OTHER;
        // A second time there is nothing new to add.
        let _ = shared.site.slurm("sacctmgr", &["--immediate", "add", "user", user, "account=lab"]);
        // The other one may not reach the folder where the program was built.
        fs::copy(cargo_bin("sweep"), shared.program()).unwrap();
        shared.site.script("train", "sleep 0.5; echo '{\"value\": 1}' > scores.json");
        shared.site.write("starts", "");
        let _ = shared.site.sweep(&["plan", "grid.toml", "--group", group]).with(0);
        for path in ["grid.toml", "sweep.toml", "train", "sweep", "starts"] {
            let path = shared.site.path().join(path);
            let mode = fs::metadata(&path).unwrap().permissions().mode();
            fs::set_permissions(path, fs::Permissions::from_mode(mode | 0o066 | (mode >> 2 & 0o011))).unwrap();
        }
        Some(shared)
    }

    fn program(&self) -> std::path::PathBuf {
        self.site.path().join("sweep")
    }

    fn other_command(&self, arguments: &[&str]) -> std::process::Command {
        let [user, group] = OTHER;
        let (reuid, regid) = (format!("--reuid={user}"), format!("--regid={group}"));
        let program = self.program();
        let words = [&[&reuid, &regid, "--clear-groups", program.to_str().unwrap()], arguments].concat();
        self.site.command(Path::new("setpriv"), &words)
    }

    fn other(&self, arguments: &[&str]) -> Ended {
        Ended::of(self.other_command(arguments).output().unwrap())
    }
}

#[test]
fn two_people_who_submit_one_sweep_at_once_have_every_task_counted_once() {
    const COUNT: usize = 6;
    let Some(shared) = Shared::new(COUNT) else { return };
    let submit = ["submit", "grid.toml", "--to", "test"];
    let mut mine = shared.site.start(&submit);
    let mut theirs = shared.other_command(&submit).spawn().unwrap();
    for ended in [mine.wait().unwrap(), theirs.wait().unwrap()] {
        // Who comes second may be told to wait for who came first.
        assert!([Some(0), Some(75)].contains(&ended.code()), "{ended:?}");
    }
    shared.site.wait_until(|site| site.succeeded() == COUNT);
    let site = &shared.site;
    assert_eq!((site.count("done"), site.starts(), site.attempts().len()), (COUNT as u64, COUNT, COUNT));
    let _ = shared.other(&["collect"]).with(0);
    let _ = shared.other(&submit).with(0);
    assert_eq!(site.starts(), COUNT);
}

#[test]
fn nobody_cancels_what_somebody_else_submitted() {
    let Some(shared) = Shared::new(2) else { return };
    shared.site.script("train", "sleep 1000");
    let _ = shared.site.submit().with(0);
    shared.site.wait_for(|| shared.site.starts() == 2);
    let refused = shared.other(&["cancel", "--yes"]);
    assert_ne!(refused.code, Some(0), "{}{}", refused.out, refused.err);
    assert!(refused.err.contains("root"), "{}", refused.err);
    assert!(shared.site.states().iter().all(|state| state == "RUNNING"));
    let _ = shared.site.sweep(&["cancel", "--yes"]).with(0);
}
