//! What an attempt left in its folder: artifacts with their digests, and whether everything promised is there.

use std::fs;
use std::io;
use std::path::{Component, Path, PathBuf};

use runfile::outcome::Artifact;
use runfile::{FailureReason, scores};

use super::end::Judged;
use super::{open_regular, read_regular};

/// Bounds on what is looked at, so that a job gone wild cannot make its worker do the same.
const MOST_FILES: usize = 100_000;
const DEEPEST: usize = 32;
/// Largest file of scores.
pub(crate) const LARGEST_SCORES: u64 = 64 << 20;

/// The files that an attempt left.
#[derive(Debug, Default)]
pub(super) struct Results {
    /// Regular files, by path.
    pub artifacts: Vec<Artifact>,
    /// What was passed over: links, pipes, devices, names that are not UTF-8.
    pub skipped: Vec<String>,
}

/// Digest every regular file below `out`, except in the folder `except`. Links are not followed.
///
/// # Errors
/// A folder or a file cannot be read, or there are more files than [`MOST_FILES`].
pub(super) fn scan(out: &Path, except: Option<&str>) -> io::Result<Results> {
    let mut results = Results::default();
    let mut folders = vec![PathBuf::new()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(out.join(&folder))? {
            let entry = entry?;
            let path = folder.join(entry.file_name());
            if except.is_some_and(|except| path == Path::new(except)) {
                continue;
            }
            let kind = entry.file_type()?;
            if kind.is_dir() && folder.components().count() < DEEPEST {
                folders.push(path);
            } else if kind.is_file() && path.to_str().is_some() {
                results.artifacts.push(digest(out, path)?);
            } else {
                results.skipped.push(path.to_string_lossy().into_owned());
            }
            if results.artifacts.len() + results.skipped.len() > MOST_FILES {
                return Err(io::Error::other(format!("more than {MOST_FILES} files")));
            }
        }
    }
    results.artifacts.sort_unstable_by(|a, b| a.path.cmp(&b.path));
    results.skipped.sort_unstable();
    Ok(results)
}

fn digest(out: &Path, path: PathBuf) -> io::Result<Artifact> {
    let mut hasher = blake3::Hasher::new();
    hasher.update_reader(open_regular(&out.join(&path))?)?;
    Ok(Artifact { path, bytes: hasher.count(), blake3: hasher.finalize().to_hex().to_string() })
}

/// Judge a program that ended well by what it left: everything in `outputs`, and scores that are numbers.
pub(super) fn judge(out: &Path, outputs: &[String], results: &Results) -> Judged {
    if let Some(missing) = outputs.iter().find(|output| !is_there(out, output)) {
        return Judged::failed(FailureReason::MissingOutput, format!("the program left no `{missing}`"));
    }
    if !results.artifacts.iter().any(|artifact| artifact.path == Path::new(scores::FILE)) {
        return Judged::succeeded();
    }
    let unusable = |error: String| Judged::failed(FailureReason::MissingOutput, error);
    let bytes = match read_regular(&out.join(scores::FILE), LARGEST_SCORES) {
        Ok(bytes) => bytes,
        Err(error) => return unusable(format!("cannot read `{}`: {error}", scores::FILE)),
    };
    match scores::parse(Path::new(scores::FILE), &bytes) {
        Err(error) => unusable(error.to_string()),
        Ok(scores) => scores.iter().find(|score| !score.value.is_finite()).map_or_else(Judged::succeeded, |score| {
            Judged::failed(FailureReason::Diverged, format!("{}: the score `{score}` is {}", scores::FILE, score.value))
        }),
    }
}

/// Whether `output` names something below `out` that is no link.
fn is_there(out: &Path, output: &str) -> bool {
    let path = Path::new(output);
    path.components().all(|component| matches!(component, Component::Normal(_)))
        && fs::symlink_metadata(out.join(path)).is_ok_and(|metadata| !metadata.is_symlink())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use runfile::Verdict;

    use super::*;

    fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in files {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        folder
    }

    #[test]
    fn regular_files_are_digested_and_nothing_else() {
        let out = folder(&[("weights/a.bin", "abc"), ("scores.json", "{}")]);
        symlink("/etc/passwd", out.path().join("passwd")).unwrap();
        symlink("/etc", out.path().join("etc")).unwrap();
        let results = scan(out.path(), None).unwrap();
        let paths: Vec<_> = results.artifacts.iter().map(|artifact| artifact.path.to_str().unwrap()).collect();
        assert_eq!(paths, ["scores.json", "weights/a.bin"]);
        assert_eq!(results.artifacts[1].bytes, 3);
        assert_eq!(results.artifacts[1].blake3, blake3::hash(b"abc").to_hex().as_str());
        assert_eq!(results.skipped, ["etc", "passwd"]);
    }

    #[test]
    fn a_folder_that_will_not_stay_is_left_out() {
        let out = folder(&[("checkpoint/state", "large"), ("weights/checkpoint", "")]);
        let results = scan(out.path(), Some("checkpoint")).unwrap();
        assert_eq!(results.artifacts.len(), 1);
        assert_eq!(results.artifacts[0].path, Path::new("weights/checkpoint"));
    }

    #[test]
    fn promises_are_checked() {
        let outputs = ["scores.json".to_owned(), "weights".to_owned()];
        let cases = [
            (vec![("scores.json", "{\"a\": 1}"), ("weights/x", "")], None),
            (vec![("weights/x", "")], Some((FailureReason::MissingOutput, "the program left no `scores.json`"))),
            (
                vec![("scores.json", "{\"a\": 1"), ("weights/x", "")],
                Some((FailureReason::MissingOutput, "scores.json:1:7: the file ends in the middle of an object")),
            ),
            (
                vec![("scores.json", "{\"a\": NaN}"), ("weights/x", "")],
                Some((FailureReason::Diverged, "scores.json: the score `a` is NaN")),
            ),
        ];
        for (files, failure) in cases {
            let out = folder(&files);
            let judged = judge(out.path(), &outputs, &scan(out.path(), None).unwrap());
            let expected = failure.map_or_else(Judged::succeeded, |(reason, message)| Judged::failed(reason, message));
            assert_eq!(judged, expected, "{files:?}");
        }
    }

    #[test]
    fn a_link_keeps_no_promise_and_neither_does_a_way_out() {
        let out = folder(&[]);
        symlink("/etc/passwd", out.path().join("scores.json")).unwrap();
        for output in ["scores.json", "../../etc/passwd", "/etc/passwd"] {
            let judged = judge(out.path(), &[output.to_owned()], &scan(out.path(), None).unwrap());
            assert_eq!(judged.verdict, Verdict::Failed, "{output}");
        }
    }
}
