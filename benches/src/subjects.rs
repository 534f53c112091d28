//! What is compared, one function each; `README.md` says how to read what they print.

use std::fmt::Write;
use std::fs;
use std::path::Path;

use clap::ValueEnum;

use crate::Result;
use crate::cost::{Cost, median};
use crate::grid;
use crate::hyperqueue::Cluster;
use crate::scoring;
use crate::slurm;
use crate::table::Comparison;
use crate::train;
use crate::workbench::{Workbench, forget_project, read, remove};

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Subject {
    Plan,
    Store,
    Start,
    Launch,
    Ingest,
    Report,
    Figures,
    Audit,
    Bootstrap,
    Growth,
    Slurm,
    Train,
    Distance,
    Features,
    Answers,
}

/// Tasks and points a task of the comparison of ingest.
const SERIES: u64 = 1_000;
const POINTS: u64 = 1_000;

impl Subject {
    pub fn compare(self, bench: &Workbench) -> Result<()> {
        match self {
            Self::Plan => plan(bench),
            Self::Store => store(bench),
            Self::Start => start(bench),
            Self::Launch => launch(bench),
            Self::Ingest => ingest(bench),
            Self::Report => report(bench),
            Self::Figures => figures(bench),
            Self::Audit => audit(bench),
            Self::Bootstrap => bootstrap(bench),
            Self::Growth => growth(bench),
            Self::Slurm => slurm::compare(bench),
            Self::Train => train::compare(bench),
            Self::Distance => scoring::distance(bench),
            Self::Features => scoring::features(bench),
            Self::Answers => scoring::answers(bench),
        }
    }
}

fn plan(bench: &Workbench) -> Result<()> {
    let (folder, runs) = (bench.folder("plan")?, bench.largest);
    grid::write_three_stages(&folder.join("grid.toml"), runs)?;
    let count = runs.to_string();
    let mut table = Comparison::new(format!("plan {runs} runs of three stages, writing nothing"), runs);
    table.add("sweep plan --dry-run", bench.cost(&folder, &[&bench.sweep, "plan", "grid.toml", "--dry-run"]))?;
    table.add("bare loop: json and sha256 a run", bench.floor(&folder, &["plan", &count], || Ok(())))?;
    table.add_if_there("Python: dict, json and sha256 a run", bench.peer(&folder, "plan.py", &[&count]));
    table.print();
    Ok(())
}

fn store(bench: &Workbench) -> Result<()> {
    let (folder, runs) = (bench.folder("store")?, bench.largest);
    grid::write_three_stages(&folder.join("grid.toml"), runs)?;
    grid::write_three_stages(&folder.join("small.toml"), 1_000)?;
    let mut table = Comparison::new(format!("plan {runs} runs of three stages and store the plan"), runs);
    let nothing = || forget_project(&folder);
    table.add("sweep plan", bench.cost_after(&folder, &[&bench.sweep, "plan", "grid.toml"], nothing))?;
    // The bare loop writes into the tables as `sweep` makes them.
    let tables = || {
        forget_project(&folder)?;
        read(&folder, &[&bench.sweep, "plan", "small.toml"]).map(drop)
    };
    let floor = bench.floor(&folder, &["store", &runs.to_string(), "results.db"], tables);
    table.add("bare loop: the same rows", floor)?;
    table.print();
    Ok(())
}

fn start(bench: &Workbench) -> Result<()> {
    let folder = bench.folder("start")?;
    grid::write_three_stages(&folder.join("grid.toml"), 1_000)?;
    read(&folder, &[&bench.sweep, "plan", "grid.toml"])?;
    let mut table = Comparison::new("start of a process", 1);
    table.add("sweep --help", bench.quick_cost(&folder, &[&bench.sweep, "--help"]))?;
    table.add("true", bench.quick_cost(&folder, &["true"]))?;
    table.add_if_there("hq --help", bench.quick_cost(&folder, &["hq", "--help"]));
    table.add("sweep status, 1,000 runs", bench.quick_cost(&folder, &[&bench.sweep, "status"]))?;
    table.print();
    Ok(())
}

/// The participants take turns, each time in a folder of its own, and nothing is removed before the end: ext4 passes one by
/// one over the files that were removed in the last minutes, which made the same program three times slower.
fn launch(bench: &Workbench) -> Result<()> {
    let tasks = bench.largest.min(10_000);
    let cluster = Cluster::start(&bench.folder("launch")?);
    let (mut sweeps, mut floors, mut peers) = (Vec::new(), Vec::new(), Vec::new());
    for round in 0..bench.times {
        let folder = bench.folder(&format!("launch/sweep-{round}"))?;
        grid::write_one_stage(&folder.join("grid.toml"), tasks, "[\"true\"]")?;
        read(&folder, &[&bench.sweep, "plan", "grid.toml"])?;
        sweeps.push(bench.one_cost(&folder, &[&bench.sweep, "submit", "--jobs", "2"])?);
        verify_succeeded(bench, &folder, tasks)?;
        let folder = bench.folder(&format!("launch/floor-{round}"))?;
        floors.push(bench.one_floor(&folder, &["spawn", &tasks.to_string(), "."])?);
        if let Ok(cluster) = &cluster {
            let folder = bench.folder(&format!("launch/hq-{round}"))?;
            peers.push(cluster.cost(bench, &folder, tasks)?);
        }
    }
    let mut table =
        Comparison::new(format!("{tasks} tasks of `true`, two at a time, each with logs and outcome"), tasks);
    table.add("sweep submit", median(sweeps))?;
    table.add("bare loop: spawn, folder, logs, fsync", median(floors))?;
    table.add_if_there("hq submit --array, one worker of two cores", cluster.and_then(|_| median(peers)));
    table.print();
    Ok(())
}

/// Fail unless all tasks of the sweep's only stage succeeded.
pub fn verify_succeeded(bench: &Workbench, folder: &Path, tasks: u64) -> Result<()> {
    let status: serde_json::Value = serde_json::from_str(&read(folder, &[&bench.sweep, "status", "--json"])?)?;
    if status["stages"][0]["done"] == tasks { Ok(()) } else { Err(format!("not all {tasks} tasks succeeded").into()) }
}

fn ingest(bench: &Workbench) -> Result<()> {
    let folder = bench.folder("ingest")?;
    let points = folder.join("points.jsonl");
    let mut lines = String::new();
    for step in 0..POINTS {
        writeln!(lines, "{{\"step\": {step}, \"loss\": {}}}", 1.0 / (step as f64 + 1.0))?;
    }
    fs::write(&points, lines)?;
    let command = format!("[\"cp\", \"{}\", \"metrics.jsonl\"]", points.display());
    grid::write_one_stage(&folder.join("grid.toml"), SERIES, &command)?;
    read(&folder, &[&bench.sweep, "plan", "grid.toml"])?;
    read(&folder, &[&bench.sweep, "submit", "--jobs", "2"])?;
    let total = SERIES * POINTS;
    let mut table = Comparison::new(format!("ingest {total} points of {SERIES} tasks"), total);
    let rebuilt = || remove(&folder.join("results.db"));
    table.add("sweep db rebuild", bench.cost_after(&folder, &[&bench.sweep, "db", "rebuild"], rebuilt))?;
    let floor = ["ingest", "points.jsonl", &SERIES.to_string(), "results.db"];
    let copied = || read(&folder, &[&bench.sweep, "db", "rebuild"]).map(drop);
    table.add("bare loop into the same tables", bench.floor(&folder, &floor, copied))?;
    table.print();
    Ok(())
}

fn report(bench: &Workbench) -> Result<()> {
    let (folder, runs) = (bench.folder("report")?, bench.largest.min(100_000));
    import(bench, &folder, runs)?;
    let mut table = Comparison::new(format!("report over {runs} runs of {} metrics", grid::METRICS), runs);
    table.add("sweep report", report_cost(bench, &folder))?;
    table.add_if_there("pandas and matplotlib", bench.peer(&folder, "report.py", &["scores.csv", "peer"]));
    table.print();
    Ok(())
}

/// Everything that a report has, of a sweep as large as most.
fn figures(bench: &Workbench) -> Result<()> {
    let (folder, runs) = (bench.folder("figures")?, 1_000);
    grid::write_figures(&folder.join("grid.toml"), runs)?;
    import_into(bench, &folder, runs)?;
    let mut table =
        Comparison::new(format!("every kind of figure over {runs} runs of {} metrics", grid::METRICS), runs);
    table.add("sweep report, all formats", report_cost(bench, &folder))?;
    table.add("sweep report, the page alone", bench.cost(&folder, &[&bench.sweep, "report", "--format", "html"]))?;
    table.print();
    let page = fs::metadata(folder.join("reports/bench/index.html"))?.len();
    println!("index.html: {:.2} MB\n", page as f64 / 1e6);
    Ok(())
}

fn audit(bench: &Workbench) -> Result<()> {
    let (folder, runs) = (bench.folder("audit")?, bench.largest.min(100_000));
    let left = folder.join("left");
    fs::create_dir_all(left.join("predictions"))?;
    fs::write(left.join("predictions/answers.jsonl"), "{\"id\": 1, \"prediction\": \"A\"}\n".repeat(100))?;
    fs::write(left.join("scores.json"), "{\"accuracy\": 0.5, \"loss\": 1.25}")?;
    let command = format!("[\"cp\", \"-r\", \"{}/.\", \".\"]", left.display());
    grid::write_one_stage(&folder.join("grid.toml"), runs, &command)?;
    read(&folder, &[&bench.sweep, "plan", "grid.toml"])?;
    read(&folder, &[&bench.sweep, "submit", "--jobs", "2"])?;
    let mut table = Comparison::new(format!("audit of {runs} runs with two files each, by size and time"), runs);
    table.add("sweep audit", bench.cost(&folder, &[&bench.sweep, "audit"]))?;
    table.add_if_there(
        "find: size and time of every file",
        bench.cost(&folder, &["find", "runs", "-printf", "%s %T@\n"]),
    );
    table.print();
    Ok(())
}

fn bootstrap(bench: &Workbench) -> Result<()> {
    let folder = bench.folder("bootstrap")?;
    let size = ["10000", "20", "10000"];
    let mut table = Comparison::new("intervals for 20 x 20 correlations over 10000 runs, 10000 resamples", 10_000);
    table.add("sweep's statistics", bench.own(&folder, &[&["bootstrap"], &size[..]].concat()))?;
    table.add_if_there("numpy", bench.peer(&folder, "bootstrap.py", &size));
    table.print();
    Ok(())
}

fn import(bench: &Workbench, folder: &Path, runs: u64) -> Result<()> {
    grid::write_reports(&folder.join("grid.toml"), runs)?;
    import_into(bench, folder, runs)
}

fn import_into(bench: &Workbench, folder: &Path, runs: u64) -> Result<()> {
    forget_project(folder)?;
    grid::write_scores(&folder.join("scores.csv"), runs)?;
    read(folder, &[&bench.sweep, "plan", "grid.toml"])?;
    read(folder, &[&bench.sweep, "import", "grid.toml"]).map(drop)
}

fn report_cost(bench: &Workbench, folder: &Path) -> Result<Cost> {
    bench.cost(folder, &[&bench.sweep, "report"])
}

/// Each verb with ten times as many runs, again and again: linear growth keeps `each` from rising.
fn growth(bench: &Workbench) -> Result<()> {
    let folder = bench.folder("growth")?;
    let sizes = [1_000, 10_000, 100_000, 1_000_000].into_iter().filter(|&runs| runs <= bench.largest);
    for runs in sizes {
        import(bench, &folder, runs)?;
        let mut table = Comparison::new(format!("growth: {runs} runs"), runs);
        table.add("sweep plan --dry-run", bench.cost(&folder, &[&bench.sweep, "plan", "grid.toml", "--dry-run"]))?;
        table.add("sweep status", bench.cost(&folder, &[&bench.sweep, "status"]))?;
        table.add("sweep report", report_cost(bench, &folder))?;
        table.print();
    }
    Ok(())
}
