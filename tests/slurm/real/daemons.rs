//! Slurm's own daemons stand still, or are not there.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use rustix::process::Signal;

use crate::cluster::Cluster;
use crate::site::Site;

const THREE: &str = "name = \"one\"\ncommand = [\"./train\", \"{x}\"]\n[vary]\nx = [1, 2, 3]\n";
/// No cluster's controller or accounting works any more.
const UNAVAILABLE: i32 = 75;

fn three(patience: &str) -> Option<(Site, Cluster)> {
    let (site, cluster) = Site::alone(THREE)?;
    site.profile(&format!("throttle = 2\n{patience}"));
    site.script("train", "echo '{\"value\": 1}' > scores.json");
    Some((site, cluster))
}

/// Goes on to the end, with every task started and counted once.
fn ends_well(site: &Site) {
    site.wait_for(|| site.submit().code == Some(0));
    site.wait_until(|site| site.succeeded() == 3);
    assert_eq!((site.starts(), site.count("done"), site.count("failed")), (3, 3, 0));
}

#[test]
fn a_controller_that_stands_still_while_it_is_handed_a_script_has_it_once() {
    let Some((site, cluster)) = three("") else { return };
    // Between our decision and the call, as a person's luck has it.
    let wrapper =
        "#!/bin/sh\ntouch reached; while [ ! -e stopped ]; do sleep 0.05; done; exec /usr/bin/sbatch \"$@\"\n";
    let wrapper = wrapper.replace("reached", &site.path().join("reached").to_string_lossy());
    site.write("fake/bin/sbatch", &wrapper.replace("stopped", &site.path().join("stopped").to_string_lossy()));
    fs::set_permissions(site.path().join("fake/bin/sbatch"), fs::Permissions::from_mode(0o755)).unwrap();
    let mut submission = site.start(&["submit", "grid.toml", "--to", "test"]);
    site.wait_for(|| site.path().join("reached").exists());
    cluster.signal_daemon("slurmctld", "slurmctld", Signal::STOP);
    site.write("stopped", "");
    let ended = submission.wait().unwrap();
    cluster.signal_daemon("slurmctld", "slurmctld", Signal::CONT);
    assert_eq!(ended.code(), Some(UNAVAILABLE));
    fs::remove_file(site.path().join("fake/bin/sbatch")).unwrap();
    ends_well(&site);
}

#[test]
fn a_controller_that_stands_still_makes_nothing_fail() {
    let Some((site, cluster)) = three("") else { return };
    let _ = site.submit().with(0);
    cluster.signal_daemon("slurmctld", "slurmctld", Signal::STOP);
    let status = site.sweep(&["status"]).with(0);
    let refused = site.submit();
    cluster.signal_daemon("slurmctld", "slurmctld", Signal::CONT);
    assert!(status.out.contains("Slurm does not say everything"), "{}", status.out);
    assert_eq!(refused.code, Some(UNAVAILABLE), "{}", refused.err);
    ends_well(&site);
}

#[test]
fn without_accounting_the_queue_and_the_folders_say_enough() {
    let Some((site, cluster)) = three("") else { return };
    cluster.signal_daemon("slurmdbd", "slurmdbd", Signal::KILL);
    ends_well(&site);
    cluster.mend();
}
