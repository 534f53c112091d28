//! Which files of a folder are a benchmark's, and whether they are what their publisher says.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use sha2::{Digest, Sha256};

use super::benchmark::{Published, Table};
use super::table::Form;
use crate::data::picture::inside;

/// Digests as `sha256sum` writes them, a line a file. Hugging Face shows each file's, as do `git lfs ls-files -l`.
pub const SUMS: &str = "SHA256SUMS";
/// Folders within folders that are looked through.
const DEPTH: usize = 4;

/// The tables of a benchmark in its folder, in the order of their names: its Parquet files, else its other ones.
///
/// # Errors
/// A folder cannot be read. There may be none.
pub fn tables(root: &Path, published: &Published) -> std::io::Result<Vec<(Form, Arc<Path>)>> {
    let mut files = Vec::new();
    if root.is_dir() {
        list(root, DEPTH, &mut files)?;
    }
    files.sort_unstable();
    let mut parquet: Vec<&PathBuf> = files.iter().filter(|path| is_of_split(root, path, published.split)).collect();
    if let Some(config) = published.config {
        let is_of_config = |path: &&PathBuf| folders(root, path).any(|folder| folder == config);
        if parquet.iter().any(is_of_config) {
            parquet.retain(is_of_config);
        }
    }
    if !parquet.is_empty() {
        return Ok(parquet.into_iter().map(|path| (Form::Parquet, path.as_path().into())).collect());
    }
    let named = |table: &Table| {
        let found = files.iter().filter(|path| path.strip_prefix(root).is_ok_and(|path| fits(table.name, path)));
        found.map(|path| (table.form, path.as_path().into())).collect::<Vec<(Form, Arc<Path>)>>()
    };
    Ok(published.tables.iter().map(named).find(|found| !found.is_empty()).unwrap_or_default())
}

fn list(folder: &Path, depth: usize, files: &mut Vec<PathBuf>) -> std::io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        match path.is_dir() {
            // Pictures and frames are named by the tables, and too many to be listed.
            true if depth > 0 && !holds_pictures(&path) => list(&path, depth - 1, files)?,
            true => {}
            false => files.push(path),
        }
    }
    Ok(())
}

fn holds_pictures(folder: &Path) -> bool {
    let name = folder.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    name.starts_with('.') || ["video", "MMVP Images"].contains(&name)
}

/// The names of the folders between `root` and a file.
fn folders<'a>(root: &Path, path: &'a Path) -> impl Iterator<Item = &'a str> {
    let below = path.strip_prefix(root).ok().and_then(Path::parent).unwrap_or_else(|| Path::new(""));
    below.components().filter_map(|part| part.as_os_str().to_str())
}

/// Whether it is a Parquet file of the split: `test-00000-of-00002.parquet`, `test.parquet`, `test/0000.parquet`.
fn is_of_split(root: &Path, path: &Path, split: &str) -> bool {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let Some(stem) = name.strip_suffix(".parquet") else { return false };
    let is_named = stem.strip_prefix(split).is_some_and(|rest| rest.is_empty() || rest.starts_with('-'));
    is_named || folders(root, path).last() == Some(split)
}

/// Whether a path is the name, of which `*` stands for any text.
fn fits(name: &str, path: &Path) -> bool {
    let Some(path) = path.to_str() else { return false };
    match name.split_once('*') {
        None => path == name,
        Some((before, after)) => {
            let middle = path.strip_prefix(before).and_then(|rest| rest.strip_suffix(after));
            middle.is_some_and(|middle| !middle.contains('/'))
        }
    }
}

/// Compare the files of a folder with its `SHA256SUMS`, if it has one; how many were compared.
///
/// # Errors
/// A file is missing or another one, or the list is none; the message says which.
pub fn compare(root: &Path) -> Result<usize, String> {
    let list = root.join(SUMS);
    if !list.exists() {
        return Ok(0);
    }
    let say = |problem: String| format!("`{}`: {problem}", list.display());
    let text = std::fs::read_to_string(&list).map_err(|error| say(error.to_string()))?;
    let expected = sums(&text).map_err(say)?;
    for (name, expected) in &expected {
        let path = inside(root, name).map_err(say)?;
        let found = digest(&path).map_err(|error| format!("`{}`: {error}", path.display()))?;
        if found != *expected {
            return Err(format!(
                "`{}` is another file than was published: its SHA-256 is {found}, and {SUMS} says {expected}",
                path.display()
            ));
        }
    }
    Ok(expected.len())
}

/// Names with their digests.
fn sums(text: &str) -> Result<BTreeMap<&str, String>, String> {
    let lines = (1..).zip(text.lines()).filter(|(_, line)| !line.trim().is_empty());
    let sum = |(number, line)| sum(line).ok_or_else(|| format!("line {number} is no SHA-256 with the name of a file"));
    lines.map(sum).collect()
}

fn sum(line: &str) -> Option<(&str, String)> {
    let (digest, name) = line.split_once(char::is_whitespace)?;
    let is_digest = digest.len() == 64 && digest.bytes().all(|byte| byte.is_ascii_hexdigit());
    let name = name.trim_start();
    // A star says that the file was read as bytes.
    is_digest.then(|| (name.strip_prefix('*').unwrap_or(name), digest.to_lowercase()))
}

fn digest(path: &Path) -> std::io::Result<String> {
    let (mut file, mut hasher, mut buffer) = (File::open(path)?, Sha256::new(), vec![0; 1 << 20]);
    loop {
        let count = file.read(&mut buffer)?;
        if count == 0 {
            return Ok(hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect());
        }
        hasher.update(&buffer[..count]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_files_of_a_split_are_found_in_each_layout() {
        let root = Path::new("/b");
        let is = |path: &str| is_of_split(root, &root.join(path), "test");
        for path in ["data/test-00000-of-00002.parquet", "test.parquet", "default/test/0043.parquet"] {
            assert!(is(path), "{path}");
        }
        for path in ["data/testing-0.parquet", "dev-0.parquet", "test.tsv", "test/x/0.parquet", "train/0.parquet"] {
            assert!(!is(path), "{path}");
        }
        assert!(fits("json/*.json", Path::new("json/a.json")) && fits("*.tsv", Path::new("mmbench.tsv")));
        assert!(!fits("json/*.json", Path::new("json/a/b.json")) && !fits("Q.csv", Path::new("x/Q.csv")));
    }

    #[test]
    fn files_are_compared_with_what_was_published() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(compare(folder.path()), Ok(0));
        std::fs::write(folder.path().join("a.txt"), "abc").unwrap();
        let digest = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        let list = |text: String| std::fs::write(folder.path().join(SUMS), text).unwrap();
        list(format!("{digest}  a.txt\n"));
        assert_eq!(compare(folder.path()), Ok(1));
        let problem = |text: String| {
            list(text);
            compare(folder.path()).unwrap_err()
        };
        assert!(problem(format!("{}  a.txt\n", digest.replace('b', "c"))).contains("another file than was published"));
        assert!(problem(format!("{digest} *b.txt\n")).contains("b.txt"));
        assert!(problem("abc  a.txt\n".to_owned()).contains("line 1 is no SHA-256"));
        assert!(problem(format!("{digest}  ../a.txt\n")).contains("inside"));
    }
}
