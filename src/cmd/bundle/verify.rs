//! `sweep bundle verify`: each file that is missing, extra or altered. Reads, follows no link and writes nothing.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use serde_json::json;

use crate::bundle::DIGESTS;
use crate::bundle::digests::{self, Digests};
use crate::error::{Context, Kind};
use crate::text::{plural, visible};
use crate::worker::{open_regular, read_regular};
use crate::{Error, Result, ui};

/// Which bundle is verified.
#[derive(Debug, clap::Args)]
pub(super) struct VerifyArgs {
    /// Folder of the bundle
    bundle: PathBuf,
    /// Digest of the list of digests, as `sweep bundle` printed it: it vouches for the list itself
    #[arg(long, value_name = "HEX", value_parser = |text: &str| blake3::Hash::from_hex(text))]
    digest: Option<blake3::Hash>,
    /// Print what was found as JSON
    #[arg(long)]
    json: bool,
}

/// Largest list of digests that is read: of some million files.
const LARGEST_LIST: u64 = 256 << 20;

impl VerifyArgs {
    /// Compare every file with the list.
    ///
    /// # Errors
    /// The folder is no bundle, or a file cannot be read.
    pub fn run(&self) -> Result<ExitCode> {
        let (listed, digest) = read_list(&self.bundle)?;
        if self.digest.is_some_and(|expected| expected != digest) {
            let message = format!("`{}` is another list than the one with that digest", DIGESTS);
            return Err(Error::new(Kind::Audit, message).hint("ask whoever made the bundle for it again"));
        }
        let (found, odd) = found(&self.bundle)?;
        let differences = digests::compare(&listed, &found);
        let kinds = [
            ("missing", &differences.missing),
            ("extra", &differences.extra),
            ("altered", &differences.altered),
            ("not a file", &odd),
        ];
        let is_whole = differences.is_empty() && odd.is_empty();
        if self.json {
            let (missing, extra, altered) = (&differences.missing, &differences.extra, &differences.altered);
            let value = json!({
                "schema_version": 1, "whole": is_whole, "files": listed.len(), "digest": digest.to_hex().as_str(),
                "missing": missing, "extra": extra, "altered": altered, "not_files": odd,
            });
            ui::print_all(&format!("{value:#}\n"))?;
        } else {
            let lines = kinds.iter().flat_map(|(what, paths)| paths.iter().map(move |path| (what, path)));
            let text: String = lines
                .map(|(what, path)| format!("{what}: {}\n", visible(&path.display().to_string()).replace('\n', "\\n")))
                .collect();
            let whole = format!("{}, all as listed in {DIGESTS} (digest {digest})\n", plural(listed.len(), "file"));
            ui::print_all(if is_whole { &whole } else { &text })?;
        }
        Ok(if is_whole { ExitCode::SUCCESS } else { Kind::Audit.exit_code() })
    }
}

/// The list of a bundle, and the digest of it.
fn read_list(bundle: &Path) -> Result<(Digests, blake3::Hash)> {
    let path = bundle.join(DIGESTS);
    let bytes = read_regular(&path, LARGEST_LIST).map_err(|error| {
        Error::usage(format!("`{}` is no bundle: cannot read its `{DIGESTS}`: {error}", bundle.display()))
            .hint("name the folder that `sweep bundle` wrote")
    })?;
    let about = || format!("`{}` is no list of digests", path.display());
    let text = str::from_utf8(&bytes).context(about)?;
    Ok((digests::parse(text).context(about)?, blake3::hash(&bytes)))
}

/// A file of the bundle, which must be what the list says.
///
/// # Errors
/// The folder is no bundle, does not list the file, or the file is larger than `limit`, altered or no plain file.
pub fn read_listed(bundle: &Path, name: &str, limit: u64) -> Result<Vec<u8>> {
    let (listed, _) = read_list(bundle)?;
    let path = bundle.join(name);
    let bytes = read_regular(&path, limit).context(|| format!("cannot read `{}`", path.display()))?;
    if listed.get(Path::new(name)) != Some(&blake3::hash(&bytes)) {
        return Err(Error::new(Kind::Audit, format!("`{}` is not what the bundle's list says", path.display()))
            .hint("`sweep bundle verify` names everything that differs"));
    }
    Ok(bytes)
}

/// Digests of the plain files below `bundle` but its list, and what is neither file nor folder.
fn found(bundle: &Path) -> Result<(Digests, Vec<PathBuf>)> {
    let about = |path: &Path| format!("cannot read `{}`", path.display());
    let (mut found, mut odd, mut folders) = (Digests::new(), Vec::new(), vec![PathBuf::new()]);
    while let Some(folder) = folders.pop() {
        let at = bundle.join(&folder);
        for entry in fs::read_dir(&at).context(|| about(&at))? {
            let entry = entry.context(|| about(&at))?;
            let path = folder.join(entry.file_name());
            let kind = entry.file_type().context(|| about(&entry.path()))?;
            if kind.is_dir() {
                folders.push(path);
            } else if !kind.is_file() {
                odd.push(path);
            } else if path != Path::new(DIGESTS) {
                let file = open_regular(&entry.path()).context(|| about(&entry.path()))?;
                let mut hasher = blake3::Hasher::new();
                hasher.update_reader(file).context(|| about(&entry.path()))?;
                found.insert(path, hasher.finalize());
            }
        }
    }
    odd.sort_unstable();
    Ok((found, odd))
}
