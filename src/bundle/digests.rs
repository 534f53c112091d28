//! The list of a bundle's files with their digests, as `b3sum` writes and checks it.

use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};

/// BLAKE3 digests by path below the bundle.
pub type Digests = BTreeMap<PathBuf, blake3::Hash>;

/// Why a text is no list of digests.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    #[error("line {0} is not a digest, two spaces and a path")]
    Line(usize),
    #[error("line {0} names a path that leaves the bundle")]
    Leaves(usize),
    #[error("line {0} names a file that stands in the list already")]
    Twice(usize),
}

/// How a bundle differs from its list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Differences {
    pub missing: Vec<PathBuf>,
    pub extra: Vec<PathBuf>,
    pub altered: Vec<PathBuf>,
}

impl Differences {
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.missing.is_empty() && self.extra.is_empty() && self.altered.is_empty()
    }
}

/// One line a file, by path.
#[must_use]
pub fn write(digests: &Digests) -> String {
    digests.iter().map(|(path, digest)| format!("{}  {}\n", digest.to_hex(), path.display())).collect()
}

/// Read a list that somebody else may have written.
///
/// # Errors
/// A line is malformed, names a file twice, or a path that is absolute or leads upwards.
pub fn parse(text: &str) -> Result<Digests, Malformed> {
    let mut digests = Digests::new();
    for (number, line) in (1..).zip(text.lines()) {
        let (digest, path) = line.split_once("  ").ok_or(Malformed::Line(number))?;
        let digest = blake3::Hash::from_hex(digest).map_err(|_| Malformed::Line(number))?;
        let path = Path::new(path);
        let is_plain = path.components().all(|part| matches!(part, Component::Normal(_)));
        if !is_plain || path.as_os_str().is_empty() {
            return Err(Malformed::Leaves(number));
        }
        if digests.insert(path.to_owned(), digest).is_some() {
            return Err(Malformed::Twice(number));
        }
    }
    Ok(digests)
}

/// How what was `found` differs from what is `listed`.
#[must_use]
pub fn compare(listed: &Digests, found: &Digests) -> Differences {
    let altered = |(path, digest): &(&PathBuf, &blake3::Hash)| found.get(*path).is_some_and(|now| now != *digest);
    Differences {
        missing: listed.keys().filter(|path| !found.contains_key(*path)).cloned().collect(),
        extra: found.keys().filter(|path| !listed.contains_key(*path)).cloned().collect(),
        altered: listed.iter().filter(altered).map(|(path, _)| path.clone()).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digests(files: &[(&str, &str)]) -> Digests {
        files.iter().map(|(path, text)| (path.into(), blake3::hash(text.as_bytes()))).collect()
    }

    #[test]
    fn a_list_reads_back() {
        let list = digests(&[("tasks/a b/out", "1"), ("ä", "")]);
        assert_eq!(parse(&write(&list)).unwrap(), list);
    }

    #[test]
    fn a_path_that_leaves_the_bundle_is_refused() {
        let digest = blake3::hash(b"").to_hex();
        for path in ["../x", "/etc/passwd", "a/../../b", "./a", ""] {
            assert_eq!(parse(&format!("{digest}  {path}\n")), Err(Malformed::Leaves(1)), "{path}");
        }
        assert_eq!(parse(&format!("{digest} a\n")), Err(Malformed::Line(1)));
        assert_eq!(parse("00  a\n"), Err(Malformed::Line(1)));
        assert_eq!(parse(&format!("{digest}  a\n{digest}  a\n")), Err(Malformed::Twice(2)));
    }

    #[test]
    fn every_difference_is_named() {
        let differences = compare(
            &digests(&[("same", "1"), ("gone", "2"), ("other", "3")]),
            &digests(&[("same", "1"), ("new", "2"), ("other", "4")]),
        );
        let paths = |path: &str| vec![PathBuf::from(path)];
        let expected = Differences { missing: paths("gone"), extra: paths("new"), altered: paths("other") };
        assert_eq!(differences, expected);
    }
}
