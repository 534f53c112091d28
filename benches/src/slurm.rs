//! What goes through Slurm, on the cluster that `SLURM_CONF` names.

use std::fs;
use std::path::{Path, PathBuf};

use crate::Result;
use crate::cost::{Cost, median};
use crate::grid;
use crate::hyperqueue::Cluster;
use crate::subjects::verify_succeeded;
use crate::table::Comparison;
use crate::workbench::{Workbench, forget_project, read};

/// Tasks of one submission, of a queue that is looked at, and of those that really run.
const SUBMITTED: u64 = 1_000;
const QUEUED: u64 = 10_000;
const RUN: u64 = 2_000;
/// As many single elements are enough to know what one costs.
const SINGLE: u64 = 200;

/// A profile whose jobs start an hour later, so that only the handing over is measured, and which stays below the 10,000
/// that a controller holds by default, those that ended in the last minutes included; one task an element; five hundred.
const PROFILES: &str = "[profile.later]\nmost_jobs = 5000\noptions = [\"--begin=now+1hour\"]\n[profile.single]\n[profile.packed]\npack = 500\n";

/// In shell: wait until the queue of this user is empty.
const UNTIL_EMPTY: &str = "while [ -n \"$(squeue --me --noheader)\" ]; do sleep 0.1; done";

pub fn compare(bench: &Workbench) -> Result<()> {
    if std::env::var_os("SLURM_CONF").is_none_or(|conf| conf.is_empty()) {
        println!("slurm: left out: SLURM_CONF names no cluster; `cargo xtask slurm up` makes one\n");
        return Ok(());
    }
    submit(bench)?;
    status(bench)?;
    run(bench)
}

/// A project with `tasks` tasks of `true`.
fn project(bench: &Workbench, name: &str, tasks: u64) -> Result<PathBuf> {
    let folder = bench.folder(name)?;
    grid::write_one_stage(&folder.join("grid.toml"), tasks, "[\"true\"]")?;
    fs::write(folder.join("sweep.toml"), PROFILES)?;
    Ok(folder)
}

fn submit(bench: &Workbench) -> Result<()> {
    let folder = project(bench, "slurm-submit", SUBMITTED)?;
    let planned = || {
        if folder.join("results.db").exists() {
            read(&folder, &[&bench.sweep, "cancel", "--yes"])?;
        }
        forget_project(&folder)?;
        read(&folder, &[&bench.sweep, "plan", "grid.toml"]).map(drop)
    };
    let mut table = Comparison::new(format!("hand {SUBMITTED} tasks over to Slurm"), SUBMITTED);
    table.add("sweep submit", bench.cost_after(&folder, &[&bench.sweep, "submit", "--to", "later"], planned))?;
    table.print();
    println!("{} sbatch\n", submissions(&folder)?);
    read(&folder, &[&bench.sweep, "cancel", "--yes"]).map(drop)
}

/// As many calls of `sbatch` as there are folders of submissions.
fn submissions(folder: &Path) -> Result<usize> {
    let mut count = 0;
    for store in fs::read_dir(folder.join("runs"))? {
        count += fs::read_dir(store?.path().join("submissions"))?.count();
    }
    Ok(count)
}

fn status(bench: &Workbench) -> Result<()> {
    let folder = project(bench, "slurm-status", QUEUED)?;
    read(&folder, &[&bench.sweep, "plan", "grid.toml"])?;
    read(&folder, &[&bench.sweep, "submit", "--to", "later"])?;
    let mut table = Comparison::new(format!("status of {QUEUED} tasks, half of them in the queue"), QUEUED);
    table.add("sweep status", bench.cost(&folder, &[&bench.sweep, "status", "--fresh"]))?;
    let squeue = ["squeue", "--array", "--noheader", "--states=all", "--me", "--format=%i|%T|%r|%V|%S|%N|%j"];
    table.add("squeue alone", bench.cost(&folder, &squeue))?;
    table.print();
    read(&folder, &[&bench.sweep, "cancel", "--yes"]).map(drop)
}

/// From the submission until the queue is empty; every result is there afterwards.
fn run(bench: &Workbench) -> Result<()> {
    let mut table = Comparison::new(format!("{RUN} tasks of `true` through Slurm, to their end"), RUN);
    table.add("sweep submit, 500 an element", run_all(bench, "packed", RUN))?;
    let folder = bench.folder("slurm-hq")?;
    let cluster = Cluster::start_at_slurm(&folder);
    let cost =
        |cluster: Cluster| median((0..bench.times).map(|_| cluster.cost(bench, &folder, RUN)).collect::<Result<_>>()?);
    table.add_if_there("hq submit --array, allocation by hq", cluster.and_then(cost));
    table.print();
    let mut table = Comparison::new(format!("{SINGLE} of them as elements of their own"), SINGLE);
    table.add("sweep submit, 1 an element", run_all(bench, "single", SINGLE))?;
    table.print();
    Ok(())
}

fn run_all(bench: &Workbench, profile: &str, tasks: u64) -> Result<Cost> {
    let folder = project(bench, &format!("slurm-{profile}"), tasks)?;
    let planned = || {
        forget_project(&folder)?;
        read(&folder, &[&bench.sweep, "plan", "grid.toml"]).map(drop)
    };
    let line = format!("\"$0\" submit --to {profile} && {UNTIL_EMPTY}");
    let cost = bench.cost_after(&folder, &["sh", "-c", &line, &bench.sweep], planned)?;
    read(&folder, &[&bench.sweep, "collect"])?;
    verify_succeeded(bench, &folder, tasks)?;
    Ok(cost)
}
