//! Arrays, limits and code, as a real Slurm has them.

use std::fs;

use runfile::FailureReason;

use crate::site::{Ended, Site};

#[test]
fn an_array_of_two_hundred_tasks_is_one_submission_and_keeps_to_its_throttle() {
    const THROTTLE: usize = 3;
    let levels: Vec<String> = (0..200).map(|level| level.to_string()).collect();
    let sweep = format!("name = \"wide\"\ncommand = [\"./train\", \"{{x}}\"]\n[vary]\nx = [{}]\n", levels.join(", "));
    let Some(site) = Site::real(&sweep) else { return };
    site.profile(&format!("throttle = {THROTTLE}\n"));
    let running = site.path().join("running");
    let body = "mkdir -p R/$1; ls R | wc -l >> R.counts; sleep 0.05; rmdir R/$1; echo '{\"value\": 1}' > scores.json";
    site.script("train", &body.replace('R', &running.to_string_lossy()));
    let _ = site.submit().with(0);
    site.wait_until(|site| site.succeeded() == 200);
    let counts: Vec<usize> = site.read("running.counts").lines().map(|line| line.trim().parse().unwrap()).collect();
    assert_eq!((counts.len(), site.starts(), site.count("done")), (200, 200, 200));
    assert!(counts.iter().all(|&count| count <= THROTTLE), "{counts:?}");
    assert_eq!(site.submissions().len(), 1, "one sbatch makes the whole array");
}

#[test]
fn a_task_over_its_time_and_one_over_its_memory_are_told_apart() {
    const SWEEP: &str = r#"
name = "limits"
command = ["./train", "{x}"]
[resources]
time = "6s"
memory = "100MB"
[vary]
x = ["time", "memory", "neither"]
"#;
    let Some(site) = Site::real(SWEEP) else { return };
    site.script(
        "train",
        "case $1 in time) sleep 1000;; memory) x=$(head -c 300000000 /dev/zero | tr '\\0' x); sleep 1000;; esac\n\
         echo '{\"value\": 1}' > scores.json",
    );
    let _ = site.submit().with(0);
    site.wait_for(|| {
        let _ = site.sweep(&["collect"]).with(0);
        site.count("failed") == 2
    });
    let reasons: Vec<_> = site.attempts().iter().filter_map(|outcome| outcome.reason).collect();
    assert!(
        reasons.contains(&FailureReason::TimeLimit) && reasons.contains(&FailureReason::OutOfMemory),
        "{reasons:?}"
    );
    assert_eq!((site.count("done"), site.starts()), (1, 3));
}

#[test]
fn what_somebody_cancels_at_slurm_is_cancelled_and_comes_back_when_asked() {
    let Some(site) = Site::real("name = \"one\"\ncommand = [\"./train\", \"{x}\"]\n[vary]\nx = [1, 2, 3]\n") else {
        return;
    };
    site.profile("throttle = 1\n");
    let go = site.path().join("go");
    let body = "[ $1 = 1 ] || while [ ! -e GO ]; do sleep 0.1; done\necho '{\"value\": 1}' > scores.json";
    site.script("train", &body.replace("GO", &go.to_string_lossy()));
    let _ = site.submit().with(0);
    // The first has ended, the second runs, the third waits for its turn.
    site.wait_for(|| site.starts() == 2);
    let _ = site.slurm("scancel", &[&site.job()]).with(0);
    site.wait_for(|| {
        let _ = site.sweep(&["collect"]).with(0);
        site.count("cancelled") == 2
    });
    assert_eq!((site.count("done"), site.count("failed")), (1, 0), "{}", site.sweep(&["status"]).out);
    let explained = site.sweep(&["explain", "grid.toml", "x=3"]).with(0).out;
    assert!(explained.contains("cancelled; `sweep retry` takes that back"), "{explained}");
    let _ = site.submit().with(0);
    assert_eq!((site.starts(), site.submissions().len()), (2, 1), "nobody asked for it");
    site.write("go", "");
    let _ = site.sweep(&["retry", "grid.toml", "--to", "test"]).with(0);
    site.wait_until(|site| site.succeeded() == 3);
    assert_eq!((site.starts(), site.count("done"), site.count("tasks")), (4, 3, 3));
}

#[test]
fn a_script_that_is_edited_while_its_task_waits_runs_as_it_was() {
    let Some(site) = Site::real("name = \"one\"\ncommand = [\"./train\", \"{x}\"]\n[vary]\nx = [1, 2]\n") else {
        return;
    };
    site.script("train", "echo '{\"value\": 1}' > scores.json");
    site.submit_and(|| site.script("train", "echo '{\"value\": 2}' > scores.json"));
    site.wait_until(|site| site.succeeded() == 2);
    let scores = site.scores();
    assert!(scores.len() == 2 && scores.values().all(|text| text.contains("\"value\": 1")), "{scores:?}");
}

/// Compile `source` as `name` in the folder of the site.
#[expect(clippy::disallowed_methods, reason = "tests start the programs that they need")]
fn compile(site: &Site, name: &str, source: &str, options: &[&str]) {
    site.write("source.cpp", source);
    let (path, to) = (site.path().join("source.cpp"), site.path().join(name));
    fs::create_dir_all(to.parent().unwrap()).unwrap();
    let mut compiler = std::process::Command::new("c++");
    let _ = Ended::of(compiler.arg(path).arg("-o").arg(to).args(options).output().unwrap()).with(0);
}

/// A library with a function `name` that gives `value`, and as large as `bytes` say.
fn library(site: &Site, to: &str, name: &str, value: u32, bytes: usize) {
    let source =
        format!("char room[{bytes}] = {{1}}; extern \"C\" int {name}() {{ return {value} + room[{}]; }}", bytes - 1);
    compile(site, to, &source, &["-shared", "-fPIC"]);
}

#[test]
fn libraries_that_are_replaced_while_a_task_waits_are_what_they_were() {
    // As large as libtorch's, of which a second name is kept, and as small as those of which a copy is.
    const LARGE: usize = 70 << 20;
    const SMALL: usize = 1 << 10;
    let Some(site) = Site::real("name = \"one\"\ncommand = [\"./train\", \"{x}\"]\n[vary]\nx = [1, 2]\n") else {
        return;
    };
    library(&site, "lib/liblarge.so", "large", 1, LARGE);
    library(&site, "lib/libsmall.so", "small", 2, SMALL);
    let main = r#"#include <fstream>
        extern "C" int large(); extern "C" int small();
        int main() { std::ofstream("scores.json") << "{\"value\": " << 10 * large() + small() << "}"; }"#;
    let lib = site.path().join("lib");
    let lib = lib.to_str().unwrap();
    // What `vpit` is linked with: a search path that comes before LD_LIBRARY_PATH.
    let search = format!("-Wl,--disable-new-dtags,-rpath,{lib}");
    compile(&site, "train", main, &["-L", lib, "-llarge", "-lsmall", &search]);
    site.submit_and(|| {
        library(&site, "new/liblarge.so", "large", 3, LARGE);
        library(&site, "new/libsmall.so", "small", 4, SMALL);
        // As an installer does it, and as a linker.
        fs::rename(site.path().join("new/liblarge.so"), site.path().join("lib/liblarge.so")).unwrap();
        fs::copy(site.path().join("new/libsmall.so"), site.path().join("lib/libsmall.so")).unwrap();
    });
    site.wait_until(|site| site.succeeded() == 2);
    let scores = site.scores();
    assert!(scores.len() == 2 && scores.values().all(|text| text.contains("\"value\": 12")), "{scores:?}");
}
