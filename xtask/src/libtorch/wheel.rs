//! One wheel: fetched by pip, checked by digest, opened as the zip file that it is.

use std::fs::{self, File};
use std::io::{self, BufReader};
use std::path::Path;

use sha2::{Digest, Sha256};
use zip::ZipArchive;
use zip::read::ZipFile;

use super::recipe::Wheel;
use crate::failure::{Failure, Result};
use crate::tool;

/// Download `wheel` into `folder`, unless a whole copy lies there already, and check its digest. What pip does not
/// finish stays in `scratch`.
pub fn fetch(wheel: &Wheel, folder: &Path, scratch: &Path) -> Result<()> {
    let file = folder.join(wheel.file);
    if file.exists() && digest(&file)? == wheel.sha256 {
        return Ok(());
    }
    download(wheel, folder, scratch)?;
    let found = digest(&file)?;
    if found == wheel.sha256 {
        return Ok(());
    }
    fs::remove_file(&file).map_err(|error| Failure::io("remove", &file, &error))?;
    Err(Failure::new(format!("`{}` has the SHA-256 digest {found}, not {} as pinned", wheel.file, wheel.sha256))
        .hint("the index or a mirror serves another file: try again, or set LIBTORCH to a libtorch that you trust"))
}

/// The tags name one file, whatever Python runs pip.
fn download(wheel: &Wheel, folder: &Path, scratch: &Path) -> Result<()> {
    let pip = pip()?;
    let mut args = pip[1..].to_vec();
    args.extend(["download", "--no-deps", "--no-cache-dir", "--disable-pip-version-check", "--only-binary=:all:"]);
    args.extend(["--python-version", "3.11", "--implementation", "cp", "--abi", "cp311"]);
    args.extend(["--platform", wheel.platform, "--dest", ".", wheel.requirement]);
    // pip downloads into the folder for temporary files first, which may be a small disk in memory.
    tool::run_with(pip[0], &args, folder, &[("TMPDIR", &scratch.to_string_lossy())])
        .map_err(|failure| failure.hint("pip's words above say why; set LIBTORCH to use a libtorch that you have"))
}

fn pip() -> Result<&'static [&'static str]> {
    const CANDIDATES: [&[&str]; 3] = [&["python3", "-m", "pip"], &["pip3"], &["pip"]];
    let works = |words: &&&[&str]| tool::works(words[0], &[&words[1..], &["--version"]].concat());
    CANDIDATES.iter().find(works).copied().ok_or_else(|| {
        Failure::new("cannot find pip, which downloads libtorch")
            .hint("`apt install python3-pip`, or set LIBTORCH to a folder that holds libtorch 2.11.0")
    })
}

fn digest(file: &Path) -> Result<String> {
    let read = || {
        let mut hasher = Sha256::new();
        io::copy(&mut File::open(file)?, &mut hasher)?;
        Ok(format!("{:x}", hasher.finalize()))
    };
    read().map_err(|error| Failure::io("read", file, &error))
}

/// Write the wanted members of `wheel`, which lies in `folder`, below `tree`.
pub fn extract(wheel: &Wheel, folder: &Path, tree: &Path) -> Result<()> {
    let path = folder.join(wheel.file);
    let file = File::open(&path).map_err(|error| Failure::io("read", &path, &error))?;
    let broken = |error| Failure::new(format!("cannot open `{}`: {error}", path.display()));
    let mut archive = ZipArchive::new(BufReader::new(file)).map_err(broken)?;
    for index in 0..archive.len() {
        let mut member = archive.by_index(index).map_err(broken)?;
        if let Some(place) = wheel.place_of(member.name()) {
            copy_out(&mut member, &tree.join(place))?;
        }
    }
    Ok(())
}

fn copy_out<R: io::Read>(member: &mut ZipFile<'_, R>, place: &Path) -> Result<()> {
    let mut copy = || {
        fs::create_dir_all(place.parent().unwrap_or(place))?;
        io::copy(member, &mut File::create(place)?)
    };
    copy().map(drop).map_err(|error| Failure::io("write", place, &error))
}
