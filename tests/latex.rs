//! What `sweep report` writes for papers, compiled by a real LaTeX: the tables, and a macro for every number.
//!
//! Where no `pdflatex` is installed these tests look at nothing; `cargo xtask test` says so at its end.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fmt::Write;
use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use assert_cmd::cargo::cargo_bin;
use tempfile::TempDir;

/// What a paper loads, and nothing else.
const HEAD: &str = "\\documentclass{article}\n\\usepackage{booktabs}\n\\input{macros}\n\\begin{document}\n";

#[expect(clippy::disallowed_methods, reason = "tests start the programs under test")]
fn run(program: &Path, folder: &Path, arguments: &[&str]) -> Output {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut command = Command::new(program);
    command.current_dir(folder).env_clear().env("PATH", path).env("HOME", folder).args(arguments);
    command.output().unwrap()
}

fn is_there() -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let is_there = std::env::split_paths(&path).any(|folder| folder.join("pdflatex").is_file());
    if !is_there {
        eprintln!("NOT TESTED: no pdflatex is installed");
    }
    is_there
}

#[track_caller]
fn sweep(folder: &Path, arguments: &[&str]) {
    let output = run(&cargo_bin("sweep"), folder, arguments);
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
}

/// A project with a report of `file` for papers, in `report/`.
fn report(file: &Path) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    sweep(folder.path(), &["import", file.to_str().unwrap()]);
    sweep(folder.path(), &["report", "--format", "tex,csv", "--out", "report"]);
    folder
}

/// What LaTeX says of a document with `body`, and whether it made a PDF of it.
fn compile(folder: &Path, body: &str) -> (bool, String) {
    let report = folder.join("report");
    fs::write(report.join("paper.tex"), format!("{HEAD}{body}\\end{{document}}\n")).unwrap();
    let words = ["-no-shell-escape", "-interaction=nonstopmode", "-halt-on-error", "paper.tex"];
    let output = run(Path::new("pdflatex"), &report, &words);
    let log = fs::read(report.join("paper.log")).unwrap_or_default();
    (output.status.success(), String::from_utf8_lossy(&log).into_owned())
}

/// A document with every table of the report.
fn tables(folder: &Path) -> String {
    let names = fs::read_dir(folder.join("report")).unwrap().map(|entry| entry.unwrap().file_name());
    let mut names: Vec<String> = names.map(|name| name.into_string().unwrap()).collect();
    names.retain(|name| name.ends_with(".tex") && name != "macros.tex" && name != "paper.tex");
    names.sort();
    assert!(names.len() > 1, "{names:?}");
    names.iter().fold(String::new(), |mut body, name| {
        writeln!(body, "\\input{{{name}}}\\clearpage").unwrap();
        body
    })
}

#[test]
fn the_papers_tables_and_numbers_compile() {
    if !is_there() {
        return;
    }
    let project = report(&Path::new(env!("CARGO_MANIFEST_DIR")).join("sweeps/metamorph.toml"));
    let body = tables(project.path())
        + "\\typeout{READ fid \\sweep{figure-7/vqa=7M/generation=200k/fid}}\n\
           \\typeout{READ rho \\sweep{figure-8/rho/seed-bench/clip-score}}\n\
           \\typeout{READ claim \\sweep{claims/joint-5k}}\n\
           FID is \\sweep{figure-7/vqa=7M/generation=200k/fid}, $\\rho=\\sweep{figure-8/rho/seed-bench/clip-score}$.\n";
    let (made, log) = compile(project.path(), &body);
    assert!(made && !log.contains("Missing character"), "{log}");
    // By an independent reading of the same numbers: the published table, and the report's data.
    let mut lines =
        include_str!("../sweeps/metamorph/table6.csv").lines().map(|line| line.split(',').collect::<Vec<_>>());
    let column = lines.next().unwrap().iter().position(|name| *name == "FID").unwrap();
    let row = lines.find(|row| row.starts_with(&["7M", "200k"])).unwrap();
    let fid = row.get(column).unwrap();
    assert!(log.contains(&format!("READ fid {fid}\n")), "{fid}: {log}");
    assert!(log.contains("READ rho 0.9") && log.contains("READ claim as claimed (descriptive)"), "{log}");
}

#[test]
fn a_number_that_is_gone_stops_the_paper() {
    if !is_there() {
        return;
    }
    let project = report(&Path::new(env!("CARGO_MANIFEST_DIR")).join("sweeps/metamorph.toml"));
    let (made, log) = compile(project.path(), "\\sweep{figure-7/vqa=9M/generation=200k/fid}\n");
    assert!(!made && log.contains("The report has no number `figure-7/vqa=9M/generation=200k/fid'"), "{log}");
}

#[test]
fn every_sign_in_a_name_is_text() {
    if !is_there() {
        return;
    }
    let signs =
        r#"\\ { } $ & # _ % ~ ^ < > | \" ` ' * [ ] ! \\input{/etc/passwd} ≥ ≤ ≠ ≈ × · ± − – … ρ η² σ μ α Δ → ↑ é ß"#;
    let project = tempfile::tempdir().unwrap();
    let text = format!(
        "name = \"signs\"\ntitle = \"{signs}\"\ncommand = [\"t\", \"{{kind}}\"]\n[vary]\nkind = [\"{signs}\", \"plain\"]\n\
         [metrics.accuracy]\nlabel = \"{signs}\"\ndirection = \"maximize\"\n\
         [claims.one]\ntext = \"{signs}\"\ngrid = \"main\"\nby = \"estimate\"\nvalue = {{ metrics = \"accuracy\", above = 1 }}\n\
         [imports.it]\nfile = \"it.csv\"\nsource = \"{signs}\"\ngrid = \"main\"\nfactors = {{ kind = \"kind\" }}\n\
         metrics = {{ accuracy = \"accuracy\" }}\n"
    );
    let cell = signs.replace("\\\\", "\\").replace("\\\"", "\"\"");
    fs::write(project.path().join("grid.toml"), text).unwrap();
    fs::write(project.path().join("it.csv"), format!("kind,accuracy\n\"{cell}\",2\nplain,3\n")).unwrap();
    sweep(project.path(), &["import", "grid.toml"]);
    sweep(project.path(), &["report", "--format", "tex", "--out", "report"]);
    let body = tables(project.path());
    let (made, log) = compile(project.path(), &body);
    assert!(made && !log.contains("Missing character") && !log.contains("root:"), "{log}");
}
