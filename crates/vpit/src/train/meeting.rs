//! Which processes train together, by the environment in which they were started: Slurm's `srun`, or what torchrun sets.

use tch::Device;

use crate::native::Meeting;

/// Why the environment does not say it.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("the environment variable `{name}` is `{value}`, which is no number")]
    Number { name: &'static str, value: String },
    #[error("the environment variable `{name}` is not set, and `{because}` is")]
    Missing { name: &'static str, because: &'static str },
    #[error("this is process {rank} of {size}")]
    Rank { rank: u32, size: u32 },
}

/// Ports from here on are nobody's by convention, and below those that systems give to clients.
const FIRST_PORT: u32 = 20_000;
const PORTS: u32 = 10_000;

/// Where this process meets the others, by the variables that `get` finds; alone if there are none.
///
/// torchrun's `RANK`, `WORLD_SIZE`, `MASTER_ADDR` and `MASTER_PORT` come before Slurm's. Slurm's count in a step alone: a
/// batch script has them too, and is one process. Where to meet is as `MASTER_ADDR` and `MASTER_PORT` say in a step too,
/// and else on its first node.
///
/// # Errors
/// A variable is missing or no number.
pub fn meeting(get: impl Fn(&'static str) -> Option<String>, patience: u32) -> Result<Meeting, Error> {
    let number = |name: &'static str| -> Result<Option<u32>, Error> {
        let Some(value) = get(name) else { return Ok(None) };
        value.trim().parse().map(Some).map_err(|_| Error::Number { name, value })
    };
    let needed = |name, because| number(name)?.ok_or(Error::Missing { name, because });
    let text = |name, because| get(name).ok_or(Error::Missing { name, because });
    let (rank, size, host, port) = if let Some(size) = number("WORLD_SIZE")? {
        let (host, port) = (text("MASTER_ADDR", "WORLD_SIZE")?, needed("MASTER_PORT", "WORLD_SIZE")?);
        (needed("RANK", "WORLD_SIZE")?, size, host, port)
    } else if let Some(size) = number("SLURM_STEP_NUM_TASKS")? {
        let because = "SLURM_STEP_NUM_TASKS";
        let (job, step) = (needed("SLURM_JOB_ID", because)?, number("SLURM_STEP_ID")?.unwrap_or(0));
        let host = match get("MASTER_ADDR") {
            Some(host) => host,
            None => first_host(&text("SLURM_STEP_NODELIST", because)?),
        };
        // Steps of one job, and jobs that share a node, must not meet at one door.
        let port = FIRST_PORT + job.wrapping_mul(31).wrapping_add(step) % PORTS;
        (needed("SLURM_PROCID", because)?, size, host, number("MASTER_PORT")?.unwrap_or(port))
    } else {
        (0, 1, "127.0.0.1".to_owned(), 0)
    };
    if rank >= size {
        return Err(Error::Rank { rank, size });
    }
    let interface = get("GLOO_SOCKET_IFNAME").unwrap_or_default();
    let port = u16::try_from(port).map_err(|_| Error::Number { name: "MASTER_PORT", value: port.to_string() })?;
    Ok(Meeting { host, port, rank, size, interface, patience })
}

/// The device of this process, of so many that it sees: the processes of a node share them out by their numbers there.
#[must_use]
pub fn device(get: impl Fn(&'static str) -> Option<String>, devices: i64) -> Device {
    let number = |name| get(name)?.trim().parse::<usize>().ok();
    let local = ["LOCAL_RANK", "SLURM_LOCALID"].into_iter().find_map(number).unwrap_or(0);
    match usize::try_from(devices) {
        Ok(devices @ 1..) => Device::Cuda(local % devices),
        Ok(0) | Err(_) => Device::Cpu,
    }
}

/// The first of Slurm's `node[003-006,010],other`: `node003`.
fn first_host(list: &str) -> String {
    let end = list.find(['[', ',']).unwrap_or(list.len());
    let (prefix, rest) = list.split_at(end);
    match rest.strip_prefix('[') {
        Some(ranges) => {
            let end = ranges.find(['-', ',', ']']).unwrap_or(ranges.len());
            let after = ranges.find(']').map_or("", |close| &ranges[close + 1..]);
            let suffix = &after[..after.find(',').unwrap_or(after.len())];
            format!("{prefix}{}{suffix}", &ranges[..end])
        }
        None => prefix.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(variables: &[(&'static str, &str)]) -> Result<Meeting, Error> {
        let get = |name| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned());
        meeting(get, 60)
    }

    #[test]
    fn without_anything_a_process_is_alone() {
        // A batch script's variables, in which nobody started several.
        let meeting = of(&[("SLURM_JOB_ID", "7"), ("SLURM_NTASKS", "4"), ("SLURM_PROCID", "0")]).unwrap();
        assert_eq!((meeting.rank, meeting.size), (0, 1));
    }

    #[test]
    fn srun_says_who_meets_where() {
        let variables = [
            ("SLURM_JOB_ID", "123"),
            ("SLURM_STEP_ID", "2"),
            ("SLURM_STEP_NUM_TASKS", "8"),
            ("SLURM_PROCID", "5"),
            ("SLURM_STEP_NODELIST", "gpu[007-008,011]"),
        ];
        let meeting = of(&variables).unwrap();
        assert_eq!((meeting.rank, meeting.size, meeting.host.as_str()), (5, 8, "gpu007"));
        assert_eq!(u32::from(meeting.port), FIRST_PORT + 123 * 31 + 2);
        let told = [&variables[..], &[("MASTER_ADDR", "head"), ("MASTER_PORT", "29400")]].concat();
        let meeting = of(&told).unwrap();
        assert_eq!((meeting.rank, meeting.host.as_str(), meeting.port), (5, "head", 29_400));
        for (list, host) in [("a", "a"), ("a,b", "a"), ("n[1,3]", "n1"), ("n[01-02]-ib,m3", "n01-ib")] {
            assert_eq!(first_host(list), host);
        }
    }

    #[test]
    fn the_processes_of_a_node_have_a_device_each() {
        let of = |local: &str, devices| device(|name| (name == "SLURM_LOCALID").then(|| local.to_owned()), devices);
        assert_eq!([of("3", 8), of("3", 1), of("9", 8)].map(|device| device), [3, 0, 1].map(Device::Cuda));
        assert_eq!(of("3", 0), Device::Cpu);
        assert_eq!(device(|_| None, 2), Device::Cuda(0));
    }

    #[test]
    fn torchrun_s_variables_count_and_what_is_wrong_with_them_is_said() {
        let all = [("WORLD_SIZE", "2"), ("RANK", "1"), ("MASTER_ADDR", "127.0.0.1"), ("MASTER_PORT", "29500")];
        assert_eq!(of(&all).unwrap().port, 29_500);
        assert!(of(&all[..3]).unwrap_err().to_string().contains("`MASTER_PORT` is not set"));
        assert!(of(&[("WORLD_SIZE", "x")]).unwrap_err().to_string().contains("no number"));
        assert!(of(&[("WORLD_SIZE", "1"), all[1], all[2], all[3]]).unwrap_err().to_string().contains("process 1 of 1"));
    }
}
