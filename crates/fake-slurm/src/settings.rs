//! What kind of site this is: `<folder>/settings`, lines of `Key=Value`; and what the programs that describe sites say.

use std::fs;
use std::io;

use crate::options::{self, Options, Spec};
use crate::place::Place;
use crate::{Answer, Result};

pub struct Settings {
    pub max_array_size: u32,
    /// Jobs that a user may have in the queue; pending ones and elements count.
    pub max_submit_jobs: Option<usize>,
    /// Seconds for which `squeue` knows of a job that has ended.
    pub min_job_age: u64,
    /// Elements that run at a time.
    pub slots: usize,
    /// Seconds of a time limit that pass in a second.
    pub speed: u64,
    pub kill_wait: u64,
    pub partitions: Vec<String>,
    pub accounts: Vec<String>,
}

impl Settings {
    pub fn read(place: &Place) -> Result<Self> {
        let text = match fs::read_to_string(place.path("settings")) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
            other => other?,
        };
        let words = |text: &str| text.split(',').map(str::to_owned).collect();
        let mut settings = Self {
            max_array_size: 1001,
            max_submit_jobs: None,
            min_job_age: 300,
            slots: 6,
            speed: 1,
            kill_wait: 2,
            partitions: words("debug,urgent"),
            accounts: words("lab,limited"),
        };
        for line in text.lines().filter(|line| !line.is_empty()) {
            let (key, value) = line.split_once('=').ok_or_else(|| format!("no setting: `{line}`"))?;
            match key {
                "MaxArraySize" => settings.max_array_size = value.parse()?,
                "MaxSubmitJobs" => settings.max_submit_jobs = Some(value.parse()?),
                "MinJobAge" => settings.min_job_age = value.parse()?,
                "Slots" => settings.slots = value.parse()?,
                "Speed" => settings.speed = value.parse()?,
                "KillWait" => settings.kill_wait = value.parse()?,
                "Partitions" => settings.partitions = words(value),
                "Accounts" => settings.accounts = words(value),
                _ => return Err(format!("no setting: `{line}`").into()),
            }
        }
        Ok(settings)
    }

    /// `scontrol show config`, the lines that matter.
    pub fn show(&self) -> String {
        let lines = [
            ("AccountingStorageType", "accounting_storage/slurmdbd".to_owned()),
            ("ClusterName", "fake".to_owned()),
            ("JobRequeue", "1".to_owned()),
            ("KillWait", format!("{} sec", self.kill_wait)),
            ("MaxArraySize", self.max_array_size.to_string()),
            ("MaxJobCount", "10000".to_owned()),
            ("MessageTimeout", "10 sec".to_owned()),
            ("MinJobAge", format!("{} sec", self.min_job_age)),
            ("SchedulerParameters", "(null)".to_owned()),
            ("SLURM_VERSION", "22.05.8".to_owned()),
        ];
        let lines = lines.iter().map(|(key, value)| format!("{key:<23} = {value}\n"));
        format!("Configuration data as of 2026-01-01T00:00:00\n{}", lines.collect::<String>())
    }
}

const SINFO: [Spec; 6] = [
    options::flag("noheader", Some('h')),
    options::flag("Node", Some('N')),
    options::value("format", Some('o')),
    options::value("partition", Some('p')),
    options::value("nodes", Some('n')),
    options::flag("version", Some('V')),
];

/// One line a partition, in the asked format.
pub fn sinfo(place: &Place, args: &[String]) -> Result<Answer> {
    let options = Options::read(&SINFO, args)?;
    if options.has("version") {
        return Ok(Answer::well("slurm-wlm 22.05.8\n"));
    }
    let settings = Settings::read(place)?;
    let format = options.get("format").unwrap_or("%9P %.5a %.10l %.6D %.6t %N");
    let line = |(position, partition): (usize, &String)| {
        let default = if position == 0 { format!("{partition}*") } else { partition.clone() };
        let known = [
            ("P", default.as_str()),
            ("R", partition),
            ("a", "up"),
            ("l", "infinite"),
            ("D", "3"),
            ("T", "idle"),
            ("t", "idle"),
            ("N", "n[1-3]"),
            ("c", "2"),
            ("m", "8000"),
            ("G", "gpu:2"),
            ("f", "(null)"),
        ];
        fill(format, |letter| known.iter().find(|(known, _)| *known == letter).map(|(_, value)| (*value).to_owned()))
    };
    Ok(Answer::well(settings.partitions.iter().enumerate().map(line).collect::<String>()))
}

/// The line that `format` makes, `%` letters with their widths replaced by what they stand for.
pub fn fill(format: &str, value: impl Fn(&str) -> Option<String>) -> String {
    let (mut line, mut rest) = (String::new(), format);
    while let Some((before, after)) = rest.split_once('%') {
        line.push_str(before);
        let spec = after.trim_start_matches(|c: char| c == '.' || c.is_ascii_digit());
        let letter = spec.get(..1).unwrap_or_default();
        line.push_str(&value(letter).unwrap_or_else(|| "N/A".to_owned()));
        rest = spec.get(1..).unwrap_or_default();
    }
    line + rest + "\n"
}

const SACCTMGR: [Spec; 4] = [
    options::flag("noheader", Some('n')),
    options::flag("parsable2", Some('P')),
    options::flag("parsable", Some('p')),
    options::flag("immediate", Some('i')),
];

/// `show associations` with the limit on submitted jobs; nothing else.
pub fn sacctmgr(place: &Place, args: &[String]) -> Result<Answer> {
    let options = Options::read(&SACCTMGR, args)?;
    let settings = Settings::read(place)?;
    let Some(fields) =
        options.words.iter().find_map(|word| word.to_lowercase().strip_prefix("format=").map(str::to_owned))
    else {
        return Ok(Answer::refused("sacctmgr: the fake knows `show associations format=...` alone\n"));
    };
    let limit = settings.max_submit_jobs.map_or_else(String::new, |limit| limit.to_string());
    let value = |field: &str| match field {
        "cluster" => "fake".to_owned(),
        "account" => settings.accounts.first().cloned().unwrap_or_default(),
        "user" => "root".to_owned(),
        "maxsubmitjobs" | "maxsubmit" => limit.clone(),
        _ => String::new(),
    };
    let line = fields.split(',').map(value).collect::<Vec<_>>().join("|");
    Ok(Answer::well(line + "\n"))
}

#[cfg(test)]
mod tests {
    use super::fill;

    #[test]
    fn letters_of_a_format_are_replaced_whatever_their_width() {
        let value = |letter: &str| (letter == "i").then(|| "12_3".to_owned());
        assert_eq!(fill("%i|%.18i|%100i %x", value), "12_3|12_3|12_3 N/A\n");
    }
}
