//! Artifacts that are no longer what they were when their attempt ended.

use super::super::case::Case;
use super::super::facts::{Attempt, FileState, OnDisk};
use super::super::finding::{Finding, Severity};
use super::Rule;
use crate::text::plural;

pub const RULE: Rule =
    Rule { name: "files-changed", what: "files of an attempt no longer match their recorded size or digest", find };

fn find(case: &Case<'_>) -> Vec<Finding> {
    let Some(disk) = &case.facts.disk else { return Vec::new() };
    let mut findings = Vec::new();
    let mut newer = 0;
    for on_disk in &disk.attempts {
        let Some(attempt) = case.facts.attempts.get(on_disk.attempt) else { continue };
        newer += on_disk.files.iter().filter(|(_, state)| *state == FileState::Newer).count();
        findings.extend(changed(case, attempt, on_disk));
    }
    findings.extend((newer > 0).then(|| unread(newer)));
    findings
}

/// What is wrong with the files of one attempt.
fn changed(case: &Case<'_>, attempt: &Attempt, on_disk: &OnDisk) -> Option<Finding> {
    let lines = on_disk.files.iter().filter_map(|(path, state)| line(attempt, path, state));
    let (severities, evidence): (Vec<Severity>, Vec<String>) = lines.unzip();
    let severity = severities.into_iter().max()?;
    Some(Finding {
        rule: RULE.name,
        severity: if attempt.succeeded { severity } else { severity.min(Severity::Warning) },
        subject: format!("{}, attempt {}", case.task_name(&attempt.task), attempt.number),
        message: format!(
            "{} not as recorded when the attempt ended",
            if evidence.len() == 1 { "a file is" } else { "files are" }
        ),
        evidence,
        advice: "put the files back from a copy, or run the task again; a file deleted with `sweep gc` is no finding"
            .to_owned(),
        place: None,
    })
}

fn line(attempt: &Attempt, path: &str, state: &FileState) -> Option<(Severity, String)> {
    let recorded = attempt.artifacts.iter().find(|artifact| artifact.path == path)?;
    let digest = |hash: &blake3::Hash| hash.to_hex().as_str().get(..10).unwrap_or_default().to_owned();
    Some(match state {
        FileState::Newer => return None,
        FileState::Missing => (Severity::Warning, format!("`{path}` is not there")),
        FileState::Unreadable(reason) => (Severity::Warning, format!("`{path}` cannot be read: {reason}")),
        FileState::Size(bytes) => {
            (Severity::Error, format!("`{path}` has {bytes} bytes, {} were recorded", recorded.bytes))
        }
        FileState::Digest(found) => (
            Severity::Error,
            format!("`{path}` has the digest {}, {} was recorded", digest(found), digest(&recorded.digest)),
        ),
    })
}

/// Copied folders look like this, and edited files do.
fn unread(files: usize) -> Finding {
    Finding {
        rule: RULE.name,
        severity: Severity::Note,
        subject: "task folders".to_owned(),
        message: format!(
            "{} have the recorded size and were written after their attempt had ended",
            plural(files, "file")
        ),
        evidence: Vec::new(),
        advice: "`sweep audit --verify all` reads them: a copy keeps its digests, an edit does not".to_owned(),
        place: None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::scene::Scene;
    use super::*;

    #[test]
    fn a_file_of_another_size_or_digest_is_an_error() {
        for (state, words) in [
            (FileState::Size(9), "has 9 bytes, 1000 were recorded"),
            (FileState::Digest(blake3::hash(b"other")), "was recorded"),
        ] {
            let mut scene = Scene::complete();
            scene.on_disk(1, "train").files.push(("model.bin".to_owned(), state));
            let [finding] = &scene.find(&RULE)[..] else { panic!("one finding") };
            assert_eq!(finding.severity, Severity::Error);
            assert!(finding.evidence[0].contains(words), "{finding:?}");
            assert!(finding.subject.contains("`train` of main: data=1k loss=l1"), "{}", finding.subject);
        }
    }

    #[test]
    fn newer_files_that_were_not_read_are_one_note() {
        let mut scene = Scene::complete();
        for cell in [1, 2] {
            scene.on_disk(cell, "train").files.push(("model.bin".to_owned(), FileState::Newer));
        }
        let [finding] = &scene.find(&RULE)[..] else { panic!("one finding") };
        assert_eq!((finding.severity, finding.message.split(' ').next()), (Severity::Note, Some("2")));
    }

    #[test]
    fn untouched_files_are_no_finding() {
        let mut scene = Scene::complete();
        scene.on_disk(1, "train");
        assert_eq!(scene.find(&RULE), []);
    }
}
