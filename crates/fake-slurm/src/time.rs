//! The clock, and times as Slurm writes them.

use std::time::{SystemTime, UNIX_EPOCH};

#[expect(clippy::disallowed_methods, reason = "the clock of the fake cluster is read here alone")]
pub fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

/// Seconds since the epoch where `SLURM_TIME_FORMAT` asks for them, else the ISO form; `never` where there is none.
pub fn show(time: Option<u64>, never: &str) -> String {
    let seconds = std::env::var_os("SLURM_TIME_FORMAT").is_some_and(|format| format == "%s");
    time.map_or_else(|| never.to_owned(), |time| if seconds { time.to_string() } else { iso(time) })
}

fn iso(time: u64) -> String {
    let (days, rest) = (time / 86_400, time % 86_400);
    let (year, month, day) = civil(days);
    format!("{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}", rest / 3600, rest / 60 % 60, rest % 60)
}

/// The date of a day counted from 1970-01-01, by going through years and months.
fn civil(mut days: u64) -> (u64, u64, u64) {
    let is_leap = |year: u64| year.is_multiple_of(4) && !year.is_multiple_of(100) || year.is_multiple_of(400);
    let mut year = 1970;
    while days >= 365 + u64::from(is_leap(year)) {
        days -= 365 + u64::from(is_leap(year));
        year += 1;
    }
    let lengths = [31, 28 + u64::from(is_leap(year)), 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let mut month = 1;
    for length in lengths {
        if days < length {
            break;
        }
        days -= length;
        month += 1;
    }
    (year, month, days + 1)
}

/// `minutes`, `minutes:seconds`, `hours:minutes:seconds`, `days-hours[:minutes[:seconds]]`, in seconds.
pub fn limit(text: &str) -> Option<u64> {
    let numbers = |text: &str| text.split(':').map(|part| part.parse().ok()).collect::<Option<Vec<u64>>>();
    let (hours, minutes, seconds, days) = match text.split_once('-') {
        Some((days, rest)) => match numbers(rest)?[..] {
            [h] => (h, 0, 0, days.parse().ok()?),
            [h, m] => (h, m, 0, days.parse().ok()?),
            [h, m, s] => (h, m, s, days.parse().ok()?),
            _ => return None,
        },
        None => match numbers(text)?[..] {
            [m] => (0, m, 0, 0),
            [m, s] => (0, m, s, 0),
            [h, m, s] => (h, m, s, 0),
            _ => return None,
        },
    };
    Some(((days * 24 + hours) * 60 + minutes) * 60 + seconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_as_slurm_writes_them() {
        assert_eq!(iso(1_795_501_777), "2026-11-24T06:29:37");
        assert_eq!(iso(951_782_400), "2000-02-29T00:00:00");
        assert_eq!(iso(0), "1970-01-01T00:00:00");
    }

    #[test]
    fn limits_are_read_in_every_form() {
        let cases = [("5", 300), ("1:30", 90), ("2:00:00", 7200), ("1-0", 86_400), ("1-2:03", 93_780)];
        for (text, seconds) in cases {
            assert_eq!(limit(text), Some(seconds), "{text}");
        }
        assert_eq!(limit("1h30m"), None);
    }
}
