//! Replies on disk as they come: an evaluation goes on behind the last whole batch.
//!
//! `checkpoint/evaluation.json` says of what they are; `checkpoint/<benchmark>.<process>.jsonl` has a line a reply. Files only
//! grow, so that whatever a stopped program left is used but for a torn last line.

use std::collections::HashMap;
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

use score::benchmark::Benchmark;
use serde::{Deserialize, Serialize};

/// Why replies could not be kept or used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("cannot use `{}`", path.display())]
    File { path: PathBuf, source: std::io::Error },
    #[error("`{}`, line {line}: {problem}", path.display())]
    Damaged { path: PathBuf, line: usize, problem: String },
    #[error("`{}` has replies of another evaluation: model, data, protocol or batch differ", path.display())]
    Other { path: PathBuf },
    #[error(transparent)]
    Protocol(#[from] runfile::Error),
}

const FACTS: &str = "evaluation.json";

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Facts {
    /// Stands for everything that replies depend on.
    evaluation: String,
}

/// What came of a question.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reply {
    pub id: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prediction: Option<String>,
    /// Why it was not asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub broken: Option<String>,
}

/// Make `own` the folder of the evaluation `evaluation`, with what `earlier` has of it.
///
/// # Errors
/// A folder has replies of another evaluation, or a file cannot be used.
pub fn adopt(own: &Path, earlier: Option<&Path>, evaluation: &str) -> Result<(), Error> {
    let fail = |path: &Path| {
        let path = path.to_owned();
        move |source| Error::File { path, source }
    };
    std::fs::create_dir_all(own).map_err(fail(own))?;
    if is_of(own, evaluation)? {
        return Ok(());
    }
    if let Some(earlier) = earlier.filter(|earlier| *earlier != own)
        && is_of(earlier, evaluation)?
    {
        for entry in std::fs::read_dir(earlier).map_err(fail(earlier))? {
            let path = entry.map_err(fail(earlier))?.path();
            if let Some(name) = path.file_name().filter(|_| path.extension().is_some_and(|ending| ending == "jsonl")) {
                std::fs::copy(&path, own.join(name)).map_err(fail(&path))?;
            }
        }
    }
    Ok(runfile::files::write_json(&own.join(FACTS), &Facts { evaluation: evaluation.to_owned() })?)
}

fn is_of(folder: &Path, evaluation: &str) -> Result<bool, Error> {
    let path = folder.join(FACTS);
    if !path.exists() {
        return Ok(false);
    }
    let facts: Facts = runfile::files::read_json(&path)?;
    if facts.evaluation == evaluation { Ok(true) } else { Err(Error::Other { path: folder.to_owned() }) }
}

/// All replies to a benchmark that `folder` has, by the ids of the questions.
///
/// # Errors
/// A file cannot be read, or a line before its last one is none.
pub fn read(folder: &Path, benchmark: Benchmark) -> Result<HashMap<String, Reply>, Error> {
    let fail = |path: &Path| {
        let path = path.to_owned();
        move |source| Error::File { path, source }
    };
    let mut replies = HashMap::new();
    for entry in std::fs::read_dir(folder).map_err(fail(folder))? {
        let path = entry.map_err(fail(folder))?.path();
        let stem = path.file_stem().and_then(|stem| stem.to_str()).and_then(|stem| stem.rsplit_once('.'));
        if stem.is_none_or(|(name, _)| name != benchmark.name()) {
            continue;
        }
        let text = std::fs::read(&path).map_err(fail(&path))?;
        for (number, line) in (1..).zip(whole(&text).split_inclusive(|&byte| byte == b'\n')) {
            let reply: Reply = serde_json::from_slice(line).map_err(|error| Error::Damaged {
                path: path.clone(),
                line: number,
                problem: error.to_string(),
            })?;
            replies.insert(reply.id.clone(), reply);
        }
    }
    Ok(replies)
}

/// A file without a torn last line.
fn whole(text: &[u8]) -> &[u8] {
    let end = text.iter().rposition(|&byte| byte == b'\n').map_or(0, |last| last + 1);
    &text[..end]
}

/// Keeps the replies of one process to one benchmark.
#[derive(Debug)]
pub struct Writer {
    path: PathBuf,
    file: File,
}

impl Writer {
    /// Go on behind what the file has.
    ///
    /// # Errors
    /// It cannot be used.
    pub fn open(folder: &Path, benchmark: Benchmark, process: u32) -> Result<Self, Error> {
        let path = folder.join(format!("{benchmark}.{process}.jsonl"));
        let open = || {
            let file = OpenOptions::new().create(true).append(true).open(&path)?;
            file.set_len(whole(&std::fs::read(&path)?).len() as u64)?;
            Ok(file)
        };
        match open() {
            Ok(file) => Ok(Self { path, file }),
            Err(source) => Err(Error::File { path, source }),
        }
    }

    /// Keep the replies of a batch.
    ///
    /// # Errors
    /// They cannot be written.
    pub fn push(&mut self, replies: &[Reply]) -> Result<(), Error> {
        let fail = |source| Error::File { path: self.path.clone(), source };
        let mut text = Vec::new();
        for reply in replies {
            serde_json::to_writer(&mut text, reply).map_err(|error| fail(error.into()))?;
            text.push(b'\n');
        }
        self.file.write_all(&text).and_then(|()| self.file.sync_data()).map_err(fail)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reply(id: u32) -> Reply {
        Reply { id: id.to_string(), prediction: Some(format!("reply\n{id}")), broken: None }
    }

    #[test]
    fn replies_survive_a_torn_line_and_a_new_folder() {
        let [first, second] = [(); 2].map(|()| tempfile::tempdir().unwrap());
        adopt(first.path(), None, "a").unwrap();
        Writer::open(first.path(), Benchmark::Mmvp, 0).unwrap().push(&[reply(1), reply(2)]).unwrap();
        Writer::open(first.path(), Benchmark::Seed, 0).unwrap().push(&[reply(9)]).unwrap();
        let path = first.path().join("mmvp.0.jsonl");
        let text = std::fs::read(&path).unwrap();
        std::fs::write(&path, [&text[..], br#"{"id":"3","pred"#].concat()).unwrap();
        adopt(second.path(), Some(first.path()), "a").unwrap();
        Writer::open(second.path(), Benchmark::Mmvp, 0).unwrap().push(&[reply(3)]).unwrap();
        Writer::open(second.path(), Benchmark::Mmvp, 1).unwrap().push(&[reply(4)]).unwrap();
        let replies = read(second.path(), Benchmark::Mmvp).unwrap();
        assert_eq!(replies.len(), 4);
        assert_eq!(replies["3"], reply(3));
        assert_eq!(read(second.path(), Benchmark::Seed).unwrap().len(), 1);
        assert!(matches!(adopt(second.path(), None, "b"), Err(Error::Other { .. })));
        std::fs::write(&path, "{}\n{}\n").unwrap();
        assert!(read(first.path(), Benchmark::Mmvp).unwrap_err().to_string().contains("line 1: missing field"));
    }
}
