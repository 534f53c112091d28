//! Brings a cluster up, step by step, where each step that is done already does nothing: after a crash or an interrupted
//! start the same command goes on.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read};
use std::thread;
use std::time::Duration;

use super::cluster::Cluster;
use super::config::{self, ACCOUNTS, NODES, Settings};
use super::daemon::{self, Daemon};
use super::process::{self, MARK, Role};
use super::{packages, ports};
use crate::failure::{Failure, Result};
use crate::{repo, tool};

/// Slurm's programs that need no path lie here for root alone.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
const STEP: Duration = Duration::from_millis(100);
/// Steps that a daemon may take until it answers: a minute and more.
const PATIENCE: u32 = 600;

pub fn up(cluster: &Cluster, set: &[(String, String)]) -> Result<()> {
    packages::provide()?;
    let _lock = cluster.lock()?;
    let settings = settle(cluster, set.iter().cloned().collect())?;
    let daemons = daemon::all(cluster, &settings);
    let running = process::of(cluster);
    let lives = |daemon: &Daemon| running.iter().any(|process| process.is(daemon.name, daemon.program));
    if !daemons.iter().any(lives) {
        prepare(cluster, &settings)?;
    }
    let mut started = 0;
    for daemon in &daemons {
        if !lives(daemon) {
            start(cluster, daemon)?;
            started += 1;
        }
        wait(cluster, daemon)?;
    }
    open_accounts(cluster, &settings)?;
    let what = if started == 0 { "was up already".to_owned() } else { format!("up, {started} daemons started") };
    println!("slurm: {what}, in {}\n{}", cluster.folder().display(), cluster.export());
    Ok(())
}

/// What was settled before, or else now.
fn settle(cluster: &Cluster, set: BTreeMap<String, String>) -> Result<Settings> {
    if let Some(settings) = cluster.settings()? {
        // Daemons would run on with the old ones.
        if !set.is_empty() && set != settings.set {
            return Err(Failure::new("the cluster was made with other settings")
                .hint("take it down first, or name another folder with `--at`"));
        }
        return Ok(settings);
    }
    let [slurmdbd_port, slurmctld_port, node_ports @ ..] = ports::choose::<{ 2 + NODES.len() }>(cluster.folder())?;
    let word = |program: &str, args: &[&str]| Ok(tool::read(program, args, &repo::root())?.trim().to_owned());
    let (host, user) = (word("hostname", &["-s"])?, word("id", &["-un"])?);
    let settings = Settings { host, user, slurmdbd_port, slurmctld_port, node_ports, set };
    cluster.settle(&settings)?;
    Ok(settings)
}

/// All that the daemons read and write to.
fn prepare(cluster: &Cluster, settings: &Settings) -> Result<()> {
    for part in ["log", "run", "state", "spool", "munge"] {
        cluster.create(part)?;
    }
    if !cluster.path("munge/key").exists() {
        cluster.write("munge/key", random::<1024>()?, 0o600)?;
    }
    // MariaDB's files may be half made when it is interrupted; where they lie, they are whole.
    if !cluster.path("db").exists() {
        make_database(cluster, settings)?;
    }
    cluster.write("slurm.conf", config::slurm_conf(cluster, settings), 0o644)?;
    cluster.write("gres.conf", config::gres_conf(), 0o644)?;
    // slurmdbd insists on this mode.
    cluster.write("slurmdbd.conf", config::slurmdbd_conf(cluster, settings), 0o600)
}

fn random<const N: usize>() -> Result<[u8; N]> {
    let source = std::path::Path::new("/dev/urandom");
    let mut bytes = [0; N];
    let read = File::open(source).and_then(|mut file| file.read_exact(&mut bytes));
    read.map(|()| bytes).map_err(|error| Failure::io("read", source, &error))
}

fn make_database(cluster: &Cluster, settings: &Settings) -> Result<()> {
    let partial = cluster.path("db.partial");
    let mark = cluster.text("database");
    // One that outlived the command that started it would write on.
    process::kill(cluster, |process| process.role == Role::Daemon("database".to_owned()))?;
    match fs::remove_dir_all(&partial) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(Failure::io("remove", &partial, &error)),
        _ => {}
    }
    println!("slurm: making a database");
    let (folder, user) = (format!("--datadir={}", cluster.text("db.partial")), &settings.user);
    let (as_user, root) = (format!("--user={user}"), format!("--auth-root-socket-user={user}"));
    // Whoever the kernel says is this user is let in by the socket, nobody else.
    let args =
        ["--no-defaults", &folder, &as_user, "--auth-root-authentication-method=socket", &root, "--skip-test-db"];
    tool::ask("mariadb-install-db", &args, cluster.folder(), &[(MARK, &mark)])?;
    fs::rename(&partial, cluster.path("db")).map_err(|error| Failure::io("rename", &partial, &error))
}

fn start(cluster: &Cluster, daemon: &Daemon) -> Result<()> {
    if let Some(port) = daemon.port.filter(|&port| !ports::is_free(port)) {
        return Err(Failure::new(format!("cannot start {}: another program uses its port {port}", daemon.name))
            .hint("end that program; or `cargo xtask slurm down`, then `up` finds free ports"));
    }
    let home = tool::env("HOME").and_then(|home| home.into_string().ok()).unwrap_or_else(|| "/".to_owned());
    let (client, conf) = cluster.client();
    let mark = cluster.text(daemon.name);
    // Nothing of ours, such as cargo's library path, goes on into jobs.
    let mut env = vec![("PATH", PATH), ("HOME", &home), (client, &conf), (MARK, &mark)];
    env.extend(daemon.env.as_ref().map(|(name, value)| (*name, value.as_str())));
    tool::start_daemon(daemon.program, &daemon.args, &env, &output(cluster, daemon))
}

/// What it says before it opens its own log.
fn output(cluster: &Cluster, daemon: &Daemon) -> std::path::PathBuf {
    cluster.path(&format!("log/{}.out", daemon.name))
}

/// Wait until it answers; one that ended never will.
fn wait(cluster: &Cluster, daemon: &Daemon) -> Result<()> {
    let (mut missed, mut patience) = (0, PATIENCE);
    while let Err(failure) = daemon.answers(cluster) {
        // It shows nothing while it turns from `setsid` into itself.
        let lives = process::of(cluster).iter().any(|process| process.is(daemon.name, daemon.program));
        missed = if lives { 0 } else { missed + 1 };
        patience -= 1;
        if missed == 5 {
            return Err(complain(cluster, daemon, "ended at once"));
        } else if patience == 0 {
            return Err(complain(cluster, daemon, &format!("runs but does not answer ({failure})")));
        }
        if NODES.contains(&daemon.name) {
            resume(cluster, daemon.name);
        }
        thread::sleep(STEP);
    }
    Ok(())
}

/// Take a node into service again that somebody drained, or that Slurm gave up. Where that fails, waiting tells.
fn resume(cluster: &Cluster, node: &str) {
    let state = daemon::node_state(cluster, node).unwrap_or_default();
    if ["drain", "down", "inval"].iter().any(|word| state.starts_with(word)) {
        let node = format!("NodeName={node}");
        drop(daemon::ask(cluster, "scontrol", &["update", &node, "State=RESUME"]));
    }
}

fn complain(cluster: &Cluster, daemon: &Daemon, what: &str) -> Failure {
    let output = output(cluster, daemon);
    let said = fs::read(&output).unwrap_or_default();
    let said = String::from_utf8_lossy(&said);
    let last: Vec<&str> = said.lines().rev().take(5).collect();
    let last: String = last.iter().rev().map(|line| format!("\n  {line}")).collect();
    Failure::new(format!("{} {what}; its last words in `{}`:{last}", daemon.name, output.display()))
        .hint("`cargo xtask slurm up` tries again from here; `down`, then `up` starts afresh")
}

/// Slurm lets nobody submit who has no account.
fn open_accounts(cluster: &Cluster, settings: &Settings) -> Result<()> {
    let user = &settings.user;
    let list = ["--noheader", "--parsable2", "list", "associations", "format=account,user"];
    let there = daemon::ask(cluster, "sacctmgr", &list)?;
    for (account, limit) in ACCOUNTS {
        let has = |user: &str| there.lines().any(|line| line == format!("{account}|{user}"));
        if !has("") {
            daemon::ask(cluster, "sacctmgr", &["--immediate", "add", "account", account, limit])?;
        }
        if !has(user) {
            let (account, first) = (format!("account={account}"), format!("defaultaccount={}", ACCOUNTS[0].0));
            daemon::ask(cluster, "sacctmgr", &["--immediate", "add", "user", user, &account, &first])?;
        }
    }
    Ok(())
}
