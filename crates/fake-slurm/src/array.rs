//! Numbers of elements: `0-9:3,12%2` to numbers, and back as Slurm folds them.

use std::collections::BTreeSet;

/// The numbers and the throttle of `--array`.
pub fn parse(text: &str) -> Option<(Vec<u32>, Option<u32>)> {
    let (list, throttle) = match text.split_once('%') {
        Some((list, most)) => (list, Some(most.parse().ok()?)),
        None => (text, None),
    };
    let mut numbers = BTreeSet::new();
    for part in list.split(',') {
        let (range, step) = part.split_once(':').unwrap_or((part, "1"));
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        let (first, last, step): (u32, u32, usize) = (first.parse().ok()?, last.parse().ok()?, step.parse().ok()?);
        if step == 0 || first > last {
            return None;
        }
        numbers.extend((first..=last).step_by(step));
    }
    Some((numbers.into_iter().collect(), throttle))
}

/// `0-2,5`, as Slurm folds sorted numbers.
pub fn fold(numbers: &[u32]) -> String {
    let mut runs: Vec<(u32, u32)> = Vec::new();
    for &number in numbers {
        match runs.last_mut() {
            Some((_, last)) if *last + 1 == number => *last = number,
            _ => runs.push((number, number)),
        }
    }
    let show = |&(first, last): &(u32, u32)| if first == last { first.to_string() } else { format!("{first}-{last}") };
    runs.iter().map(show).collect::<Vec<_>>().join(",")
}

/// A word for jobs or elements: `12`, `12_3`, `12_[1-3,7]`.
pub fn selector(text: &str) -> Option<(u64, Option<Vec<u32>>)> {
    let Some((job, elements)) = text.split_once('_') else { return Some((text.parse().ok()?, None)) };
    let list = elements.strip_prefix('[').map_or(Some(elements), |rest| rest.strip_suffix(']'))?;
    Some((job.parse().ok()?, Some(parse(list)?.0)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arrays_are_read_and_folded() {
        assert_eq!(parse("0-9:3,12%2"), Some((vec![0, 3, 6, 9, 12], Some(2))));
        assert_eq!(parse("3"), Some((vec![3], None)));
        assert_eq!([parse("0..9"), parse("5-2"), parse("")], [None, None, None]);
        assert_eq!(fold(&[0, 1, 2, 5, 7, 8]), "0-2,5,7-8");
        assert_eq!(selector("12_[1-3,7]"), Some((12, Some(vec![1, 2, 3, 7]))));
        assert_eq!(selector("12"), Some((12, None)));
    }
}
