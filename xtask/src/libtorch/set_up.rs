//! Puts `.libtorch` together beside its place and renames it into it, so that it is whole or absent.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use super::recipe::{LIBTORCH, PEAK_BYTES, STAMP, WHEELS};
use super::wheel;
use crate::failure::{Failure, Result};
use crate::tool;

/// Make sure that builds find libtorch: the user's own, or else a pinned one in `.libtorch`.
pub fn provide(root: &Path) -> Result<()> {
    let place = root.join(".libtorch");
    if let Some(whose) = users_own(&place)? {
        println!("libtorch: {whose}");
        return Ok(());
    }
    let _lock = lock(root)?;
    if is_ready(&place) {
        println!("libtorch: {LIBTORCH} in {}", place.display());
        return Ok(());
    }
    check_platform()?;
    build(root, &place)?;
    println!("libtorch: {LIBTORCH} made in {}", place.display());
    Ok(())
}

/// What the user's environment names, if anything. `.cargo/config.toml` sets `LIBTORCH` to `place` for every program
/// that cargo starts, so that value is ours.
fn users_own(place: &Path) -> Result<Option<String>> {
    if tool::env("LIBTORCH_USE_PYTORCH").is_some() {
        return Ok(Some("the installed PyTorch, as LIBTORCH_USE_PYTORCH asks".to_owned()));
    }
    let Some(named) = tool::env("LIBTORCH").map(PathBuf::from).filter(|named| named != place) else {
        return Ok(None);
    };
    if named.join("lib/libtorch.so").exists() || tool::env("LIBTORCH_LIB").is_some() {
        return Ok(Some(format!("{}, as LIBTORCH asks", named.display())));
    }
    Err(Failure::new(format!("LIBTORCH names `{}`, which has no lib/libtorch.so", named.display()))
        .hint(format!("name a folder with libtorch {LIBTORCH}, or unset LIBTORCH to have one made here")))
}

/// Two set-ups at once would tread on each other; the second waits and then finds the first one's work.
fn lock(root: &Path) -> Result<File> {
    let path = root.join(".libtorch.lock");
    let held = || {
        let file = File::create(&path)?;
        file.lock()?;
        Ok(file)
    };
    held().map_err(|error| Failure::io("lock", &path, &error))
}

fn is_ready(place: &Path) -> bool {
    fs::read_to_string(place.join("recipe")).is_ok_and(|stamp| stamp == STAMP)
}

fn check_platform() -> Result<()> {
    if cfg!(all(target_os = "linux", target_arch = "x86_64")) {
        return Ok(());
    }
    let (os, arch) = (std::env::consts::OS, std::env::consts::ARCH);
    Err(Failure::new(format!("no libtorch is pinned for {os} on {arch}, only for Linux on x86_64"))
        .hint(format!("install libtorch {LIBTORCH} and set LIBTORCH to its folder")))
}

/// Wheels that an interrupted set-up had downloaded whole are used again; everything else starts anew.
fn build(root: &Path, place: &Path) -> Result<()> {
    let partial = root.join(".libtorch.partial");
    let (wheels, scratch, tree) = (partial.join("wheels"), partial.join("scratch"), partial.join("tree"));
    remove(&scratch)?;
    remove(&tree)?;
    for folder in [&wheels, &scratch, &tree.join("lib")] {
        fs::create_dir_all(folder).map_err(|error| Failure::io("create", folder, &error))?;
    }
    check_space(&partial)?;
    for wheel in &WHEELS {
        println!("libtorch: {}", wheel.requirement);
        wheel::fetch(wheel, &wheels, &scratch)?;
        wheel::extract(wheel, &wheels, &tree)?;
    }
    link_stub(&tree.join("lib"))?;
    // `torch-sys` reads `build-version` and refuses another version than its own.
    write(&tree.join("build-version"), LIBTORCH)?;
    write(&tree.join("recipe"), STAMP)?;
    remove(place)?;
    fs::rename(&tree, place).map_err(|error| Failure::io("rename into place", place, &error))?;
    remove(&partial)
}

fn check_space(folder: &Path) -> Result<()> {
    let Ok(disk) = rustix::fs::statvfs(folder) else { return Ok(()) };
    let free = disk.f_bavail.saturating_mul(disk.f_frsize);
    if free >= PEAK_BYTES {
        return Ok(());
    }
    let megabytes = |bytes: u64| bytes / 1_000_000;
    Err(Failure::new(format!(
        "making libtorch needs {} MB on the disk of `{}`, which has {} MB free",
        megabytes(PEAK_BYTES),
        folder.display(),
        megabytes(free)
    ))
    .hint("free some space, or set LIBTORCH to a libtorch that you have"))
}

/// The wheel's own `libtorch.so` pulls in the CUDA libraries; this one stands for the two of the CPU.
fn link_stub(lib: &Path) -> Result<()> {
    let cc = tool::env("CC").and_then(|cc| cc.into_string().ok()).unwrap_or_else(|| "cc".to_owned());
    let args = ["-shared", "-o", "libtorch.so", "-Wl,--no-as-needed", "-L.", "-ltorch_cpu", "-lc10"];
    let names = ["-Wl,-rpath,$ORIGIN", "-Wl,-soname,libtorch.so"];
    tool::run(&cc, &[&args[..], &names[..]].concat(), lib)
        .map_err(|failure| failure.hint("a C++ compiler is needed: `apt install g++`, or name one in CC"))
}

fn write(path: &Path, text: &str) -> Result<()> {
    fs::write(path, text).map_err(|error| Failure::io("write", path, &error))
}

fn remove(folder: &Path) -> Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(Failure::io("remove", folder, &error)),
        _ => Ok(()),
    }
}
