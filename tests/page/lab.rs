//! Projects with reports to look at.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use assert_cmd::cargo::cargo_bin;
use tempfile::TempDir;

/// A folder with a project.
pub struct Lab {
    folder: TempDir,
}

impl Lab {
    pub fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    /// The paper's own tables.
    pub fn paper() -> Self {
        let lab = Self::new();
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("sweeps/metamorph.toml");
        lab.sweep(&["import", &file.to_string_lossy()], 0);
        lab
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    pub fn write(&self, name: &str, text: &str) {
        fs::write(self.path().join(name), text).unwrap();
    }

    /// `sweep` in this folder, with nothing of the environment but the path.
    #[expect(clippy::disallowed_methods, reason = "tests start the program under test")]
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(cargo_bin("sweep"));
        let path = std::env::var_os("PATH").unwrap_or_default();
        command.current_dir(self.path()).env_clear().env("PATH", path).args(arguments);
        command
    }

    /// What `sweep` prints; it must end with `code`.
    #[track_caller]
    pub fn sweep(&self, arguments: &[&str], code: i32) -> String {
        self.both(arguments, code).0
    }

    /// What `sweep` says; it must end with `code`.
    #[track_caller]
    pub fn stderr(&self, arguments: &[&str], code: i32) -> String {
        self.both(arguments, code).1
    }

    #[track_caller]
    fn both(&self, arguments: &[&str], code: i32) -> (String, String) {
        let output = self.command(arguments).output().unwrap();
        let [out, err] = [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).unwrap());
        assert_eq!(output.status.code(), Some(code), "{out}\n{err}");
        (out, err)
    }

    /// Some file of that name below the folder of runs.
    pub fn find(&self, name: &str) -> PathBuf {
        let mut folders = vec![self.path().join("runs")];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                } else if path.ends_with(name) {
                    return path;
                }
            }
        }
        panic!("no `{name}`")
    }

    /// The page of a fresh report.
    pub fn page(&self) -> PathBuf {
        self.sweep(&["report", "--format", "html", "--out", "report"], 0);
        self.path().join("report/index.html")
    }
}

/// Two factors, two metrics, two seeds, and a training that fails in one cell and logs a curve in the others.
pub const TRAINED: &str = r#"
name = "trained"
title = "Does width help?"

[defaults]
lr = 0.1
width = 64
seed = 1

[grids.main]
vary = { lr = [0.1, 0.01], width = [64, 128] }
seeds = { values = [1, 2], redraw = ["train.init"] }

[stages.train]
kind = "train"
uses = ["lr", "width", "seed"]
command = ["sh", "train.sh", "{lr}", "{width}", "{seed}"]

[metrics.accuracy]
direction = "maximize"
decimals = 3
[metrics.loss]
direction = "minimize"
decimals = 2

[reports.map]
kind = "heatmap"
grid = "main"
x = "lr"
y = "width"
"#;

/// Scores that say which run they are of: 0.641 is width 128 (half of it is 64), seed 1.
pub const TRAIN: &str = r#"
for step in 0 1 2 3 4 5 6 7 8 9; do echo "{\"step\": $step, \"loss\": $((10 - step))}"; done > metrics.jsonl
if [ "$1 $2" = "0.01 128" ]; then echo "no <b>memory</b> left" >&2; exit 3; fi
echo "{\"accuracy\": 0.$(($2 / 2))$3, \"loss\": 1.$3}" > scores.json
"#;

impl Lab {
    /// [`TRAINED`], trained.
    pub fn trained() -> Self {
        let lab = Self::new();
        lab.write("grid.toml", TRAINED);
        lab.write("train.sh", TRAIN);
        lab.sweep(&["submit", "grid.toml", "--jobs", "2"], 4);
        lab
    }

    /// Ten thousand imported runs of two factors and three metrics.
    pub fn large() -> Self {
        let lab = Self::new();
        let levels = |prefix: &str| (1..=100).map(|i| format!("{prefix}{i}")).collect::<Vec<_>>().join(", ");
        lab.write(
            "grid.toml",
            &format!(
                "name = \"large\"\ncommand = [\"true\", \"{{a}}\", \"{{b}}\"]\n[vary]\na = [{}]\nb = [{}]\n\
                 [metrics.accuracy]\ndirection = \"maximize\"\n[metrics.loss]\ndirection = \"minimize\"\n\
                 [metrics.fid]\ndirection = \"minimize\"\n",
                levels(""),
                levels("")
            ),
        );
        let mut rows = String::from("a,b,accuracy,loss,fid\n");
        for (a, b) in (1..=100).flat_map(|a| (1..=100).map(move |b| (a, b))) {
            rows += &format!(
                "{a},{b},{},{},{}\n",
                f64::from(a * b) / 1e4,
                1.0 / f64::from(a + b),
                (a * 37 + b * 91) % 1000
            );
        }
        lab.write("scores.csv", &rows);
        let factors = ["--factor", "a=a", "--factor", "b=b"];
        let metrics = ["--metric", "accuracy=accuracy", "--metric", "loss=loss", "--metric", "fid=fid"];
        let words = ["import", "scores.csv", "--sweep", "grid.toml", "--grid", "main", "--source", "Ours"];
        lab.sweep(&[&words[..], &factors, &metrics].concat(), 0);
        lab
    }
}
