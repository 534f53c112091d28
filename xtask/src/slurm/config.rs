//! What the daemons read, from what was settled when the cluster was made.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::cluster::Cluster;

/// The nodes; all are this machine.
pub const NODES: [&str; 3] = ["n1", "n2", "n3"];
/// The account of whoever brings the cluster up, and one that may hold four jobs at a time, pending ones included.
pub const ACCOUNTS: [(&str, &str); 2] = [("lab", "MaxSubmitJobs=-1"), ("limited", "MaxSubmitJobs=4")];

/// What a cluster keeps from its first start to its end.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// This machine's short name.
    pub host: String,
    /// Who runs it: root, or else somebody who can run jobs of their own alone.
    pub user: String,
    pub slurmdbd_port: u16,
    pub slurmctld_port: u16,
    pub node_ports: [u16; NODES.len()],
    /// Keys of `slurm.conf` that differ from ours.
    pub set: BTreeMap<String, String>,
}

/// `slurm.conf`, which daemons and clients read.
pub fn slurm_conf(cluster: &Cluster, settings: &Settings) -> String {
    let text = |part| cluster.text(part);
    let Settings { host, user, .. } = settings;
    let keys = [
        ("ClusterName", "dev".to_owned()),
        ("SlurmctldHost", format!("{host}(127.0.0.1)")),
        ("SlurmctldPort", settings.slurmctld_port.to_string()),
        ("SlurmUser", user.clone()),
        ("SlurmdUser", user.clone()),
        // A requeued job waits as long as the credential of its former start is valid, two minutes by default.
        ("AuthInfo", format!("socket={},cred_expire=5", text("munge/socket"))),
        ("AuthType", "auth/munge".to_owned()),
        ("CommunicationParameters", "NoCtldInAddrAny,NoInAddrAny".to_owned()),
        ("MailProg", "/bin/true".to_owned()),
        ("StateSaveLocation", text("state")),
        ("SlurmdSpoolDir", text("spool/%n")),
        ("SlurmctldPidFile", text("run/slurmctld.pid")),
        ("SlurmdPidFile", text("run/%n.pid")),
        ("SlurmctldLogFile", text("log/slurmctld.log")),
        ("SlurmdLogFile", text("log/%n.log")),
        ("ProctrackType", "proctrack/linuxproc".to_owned()),
        ("TaskPlugin", "task/none".to_owned()),
        ("SelectType", "select/cons_tres".to_owned()),
        ("SelectTypeParameters", "CR_Core_Memory".to_owned()),
        ("DefMemPerCPU", "500".to_owned()),
        ("GresTypes", "gpu".to_owned()),
        // The nodes are larger than the machine that they all are.
        ("SlurmdParameters", "config_overrides".to_owned()),
        ("ReturnToService", "2".to_owned()),
        ("SlurmdTimeout", "10".to_owned()),
        ("KillWait", "2".to_owned()),
        ("JobAcctGatherType", "jobacct_gather/linux".to_owned()),
        ("JobAcctGatherFrequency", "task=1".to_owned()),
        ("JobAcctGatherParams", "OverMemoryKill".to_owned()),
        ("PreemptType", "preempt/partition_prio".to_owned()),
        ("PreemptMode", "REQUEUE".to_owned()),
        ("SchedulerParameters", "sched_min_interval=0,bf_interval=1".to_owned()),
        ("AccountingStorageType", "accounting_storage/slurmdbd".to_owned()),
        ("AccountingStorageHost", "localhost".to_owned()),
        ("AccountingStoragePort", settings.slurmdbd_port.to_string()),
        // Not a password: the socket by which to reach munge.
        ("AccountingStoragePass", text("munge/socket")),
        ("AccountingStorageEnforce", "associations,limits,qos".to_owned()),
        ("AccountingStoreFlags", "job_comment,job_script".to_owned()),
    ];
    format!("{}{}", lines(&keys, &settings.set), machines(settings))
}

/// One line a key, ours unless `set` has another value for it; Slurm does not tell capitals from small letters.
fn lines(ours: &[(&str, String)], set: &BTreeMap<String, String>) -> String {
    let theirs = |key: &str| set.keys().any(|other| other.eq_ignore_ascii_case(key));
    let kept = ours.iter().filter(|(key, _)| !theirs(key)).map(|(key, value)| (*key, value));
    let all = kept.chain(set.iter().map(|(key, value)| (key.as_str(), value)));
    all.map(|(key, value)| format!("{key}={value}\n")).collect()
}

/// A job in `urgent` ends jobs in `debug`, which Slurm then starts again.
fn machines(settings: &Settings) -> String {
    let Settings { host, node_ports, .. } = settings;
    let node = |(name, port)| {
        let place = format!("NodeName={name} NodeHostname={host} NodeAddr=127.0.0.1 Port={port}");
        format!("{place} Sockets=2 CoresPerSocket=1 ThreadsPerCore=1 RealMemory=8000 Gres=gpu:2 State=UNKNOWN\n")
    };
    let nodes: String = NODES.iter().zip(node_ports).map(node).collect();
    format!(
        "{nodes}\
         PartitionName=debug Nodes=ALL Default=YES MaxTime=INFINITE State=UP PriorityTier=1\n\
         PartitionName=urgent Nodes=ALL MaxTime=INFINITE State=UP PriorityTier=10 PreemptMode=OFF\n"
    )
}

/// `gres.conf`: two files that every machine has stand for two GPUs; `CUDA_VISIBLE_DEVICES` is set as with real ones.
pub fn gres_conf() -> String {
    format!("NodeName={} Name=gpu File=/dev/null,/dev/zero\n", NODES.join(","))
}

/// `slurmdbd.conf`; slurmdbd finds its database by the environment that it is started with.
pub fn slurmdbd_conf(cluster: &Cluster, settings: &Settings) -> String {
    format!(
        "AuthType=auth/munge\n\
         AuthInfo=socket={}\n\
         DbdHost=localhost\n\
         DbdPort={}\n\
         SlurmUser={user}\n\
         PidFile={}\n\
         LogFile={}\n\
         StorageType=accounting_storage/mysql\n\
         StorageHost=localhost\n\
         StorageUser={user}\n\
         StorageLoc=slurm\n",
        cluster.text("munge/socket"),
        settings.slurmdbd_port,
        cluster.text("run/slurmdbd.pid"),
        cluster.text("log/slurmdbd.log"),
        user = settings.user,
    )
}

#[cfg(test)]
pub fn example() -> Settings {
    Settings {
        host: "box".to_owned(),
        user: "root".to_owned(),
        slurmdbd_port: 20000,
        slurmctld_port: 20001,
        node_ports: [20002, 20003, 20004],
        set: BTreeMap::new(),
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn conf(set: &[(&str, &str)]) -> String {
        let set = set.iter().map(|&(key, value)| (key.to_owned(), value.to_owned())).collect();
        slurm_conf(&Cluster::at(Path::new("/c")).expect("a plain name"), &Settings { set, ..example() })
    }

    #[test]
    fn a_setting_takes_the_place_of_ours_whatever_its_capitals() {
        let text = conf(&[("killwait", "30"), ("MaxArraySize", "11")]);
        assert!(text.contains("\nkillwait=30\n") && text.contains("\nMaxArraySize=11\n"));
        assert!(!text.contains("KillWait"));
        assert!(conf(&[]).contains("\nKillWait=2\n"));
    }

    #[test]
    fn each_node_has_a_port_of_its_own() {
        let text = conf(&[]);
        for (node, port) in NODES.iter().zip(example().node_ports) {
            assert!(
                text.contains(&format!("NodeName={node} NodeHostname=box NodeAddr=127.0.0.1 Port={port} ")),
                "{text}"
            );
        }
    }
}
