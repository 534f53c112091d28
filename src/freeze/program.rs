//! Finding the program of a command, what kind it is, and the shared libraries that come with it.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use crate::error::Context;
use crate::{Error, Result};

/// What belongs to the machine.
const SYSTEM_FOLDERS: [&str; 8] = ["/bin", "/sbin", "/lib", "/lib64", "/usr", "/nix", "/gnu", "/opt"];
/// Programs of this project that lie beside `sweep`.
const SIBLINGS: [&str; 1] = ["vpit"];

/// How a program is treated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Program {
    /// An executable that is kept with its libraries.
    Binary,
    /// A text with an interpreter, which is kept.
    Script,
    /// Part of the system or of an installation, which runs where it is.
    Installed,
}

/// A program that exists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resolved {
    /// Absolute. Links are not resolved: a Python environment is known by the link that it was started through.
    pub path: PathBuf,
    pub kind: Program,
}

/// Find `program` as a shell in the folder `base` would.
///
/// # Errors
/// There is none, or it cannot be executed.
pub fn resolve(program: &str, base: &Path) -> Result<Resolved> {
    if program.contains('{') {
        return Err(Error::usage(format!("the program `{program}` must not depend on a parameter")));
    }
    if program.contains('/') {
        let path = base.join(program);
        let path = fs::canonicalize(&path).map_err(|error| {
            Error::usage(format!("the program `{program}` does not exist in `{}`: {error}", base.display()))
                .hint("a path with `/` is relative to the folder of the sweep file")
        })?;
        return if is_executable(&path) {
            Ok(Resolved { kind: kind_of(&path, true), path })
        } else {
            Err(Error::usage(format!("`{}` is not executable", path.display()))
                .hint(format!("`chmod +x {program}`, or name its interpreter first in the command")))
        };
    }
    let beside = SIBLINGS.contains(&program).then(own_folder).flatten();
    let search = std::env::var_os("PATH").unwrap_or_default();
    let found = beside.into_iter().chain(std::env::split_paths(&search)).map(|folder| folder.join(program));
    let path = found.into_iter().find(|path| path.is_absolute() && is_executable(path)).ok_or_else(|| {
        let error = Error::usage(format!("the program `{program}` does not exist: it is in no folder of PATH"));
        match base.join(program).is_file() {
            true => error.hint(format!("for the file beside the sweep file, write `./{program}`")),
            false => error.hint("write the path of the program, or put its folder into PATH"),
        }
    })?;
    Ok(Resolved { kind: kind_of(&path, false), path })
}

fn own_folder() -> Option<PathBuf> {
    Some(std::env::current_exe().ok()?.parent()?.to_path_buf())
}

fn is_executable(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|metadata| metadata.is_file() && metadata.permissions().mode() & 0o111 != 0)
}

fn kind_of(path: &Path, by_path: bool) -> Program {
    let real = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    if is_system(&real) || is_system(path) || is_installed(path) {
        Program::Installed
    } else if is_elf(path) {
        Program::Binary
    } else if by_path {
        Program::Script
    } else {
        Program::Installed
    }
}

fn is_system(path: &Path) -> bool {
    SYSTEM_FOLDERS.iter().any(|folder| path.starts_with(folder))
}

/// Whether `path` is `<prefix>/bin/<program>` with `<prefix>/lib` beside it.
fn is_installed(path: &Path) -> bool {
    let folder = path.parent().unwrap_or(path);
    folder.file_name().is_some_and(|name| name == "bin") && folder.with_file_name("lib").is_dir()
}

fn is_elf(path: &Path) -> bool {
    let mut magic = [0; 4];
    File::open(path).and_then(|mut file| file.read_exact(&mut magic)).is_ok() && &magic == b"\x7fELF"
}

/// The shared libraries outside the system's folders that the executable at `path` loads, and all others that lie beside
/// one of them: some are opened by name only once the program runs.
///
/// # Errors
/// The dynamic loader cannot be asked, or does not find a library.
pub fn libraries(path: &Path) -> Result<Vec<PathBuf>> {
    let output = duct::cmd("ldd", [path])
        .env("LC_ALL", "C")
        .stdin_null()
        .stdout_capture()
        .stderr_capture()
        .unchecked()
        .run()
        .context(|| format!("cannot ask `ldd` for the libraries of `{}`", path.display()))?;
    let text = String::from_utf8_lossy(&output.stdout);
    let (mut folders, mut missing) = (BTreeSet::new(), Vec::new());
    for line in text.lines() {
        match library(line) {
            Some(Library::At(library)) if !is_system(&library) => {
                folders.extend(library.parent().map(Path::to_path_buf))
            }
            Some(Library::Missing(name)) => missing.push(name),
            Some(Library::At(_)) | None => {}
        }
    }
    if !missing.is_empty() {
        let message = format!("`{}` does not find its libraries: {}", path.display(), missing.join(", "));
        return Err(Error::general(message).hint("set LD_LIBRARY_PATH, or build it with an rpath"));
    }
    let mut libraries = Vec::new();
    for folder in folders {
        let entries = fs::read_dir(&folder).context(|| format!("cannot read `{}`", folder.display()))?;
        for entry in entries {
            let path = entry.context(|| format!("cannot read `{}`", folder.display()))?.path();
            if is_library(&path) {
                libraries.push(path);
            }
        }
    }
    Ok(libraries)
}

#[derive(Debug, PartialEq)]
enum Library {
    At(PathBuf),
    Missing(String),
}

/// One line of `ldd`: `libc10.so => /opt/lib/libc10.so (0x00007f...)`, or `... => not found`.
fn library(line: &str) -> Option<Library> {
    let (name, target) = line.split_once("=>")?;
    let target = target.trim();
    if target == "not found" {
        return Some(Library::Missing(name.trim().to_owned()));
    }
    let path = target.rsplit_once(" (0x").map_or(target, |(path, _)| path);
    path.starts_with('/').then(|| Library::At(path.into()))
}

/// Whether `path` is a file called `lib*.so` or `lib*.so.<version>`.
fn is_library(path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    name.starts_with("lib") && (name.ends_with(".so") || name.contains(".so.")) && path.is_file()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_ldd_are_read() {
        let at = |path: &str| Some(Library::At(path.into()));
        assert_eq!(library("\tlibc10.so => /a b/libc10.so (0x00007f0011223344)"), at("/a b/libc10.so"));
        assert_eq!(library("\tlibgone.so => not found"), Some(Library::Missing("libgone.so".to_owned())));
        for line in
            ["\tlinux-vdso.so.1 (0x00007ffd0d5f6000)", "\tstatically linked", "\t/lib64/ld-linux-x86-64.so.2 (0x0)"]
        {
            assert_eq!(library(line), None, "{line}");
        }
    }

    #[test]
    fn this_test_is_a_binary_and_the_shell_is_installed() {
        let me = std::env::current_exe().unwrap();
        assert_eq!(resolve(me.to_str().unwrap(), Path::new("/")).unwrap().kind, Program::Binary);
        assert_eq!(libraries(&me).unwrap(), [] as [PathBuf; 0], "only system libraries");
        let shell = resolve("sh", Path::new("/")).unwrap();
        assert!(shell.path.is_absolute() && shell.kind == Program::Installed);
    }

    #[test]
    fn a_program_of_an_environment_is_installed() {
        let prefix = tempfile::tempdir().unwrap();
        for folder in ["bin", "lib"] {
            fs::create_dir(prefix.path().join(folder)).unwrap();
        }
        let program = prefix.path().join("bin/python3");
        fs::copy(std::env::current_exe().unwrap(), &program).unwrap();
        assert_eq!(resolve("./bin/python3", prefix.path()).unwrap().kind, Program::Installed);
        fs::remove_dir(prefix.path().join("lib")).unwrap();
        assert_eq!(resolve("./bin/python3", prefix.path()).unwrap().kind, Program::Binary);
    }

    #[test]
    fn a_program_that_is_not_there_is_named_with_a_hint() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("no-such-program"), "").unwrap();
        let error = resolve("no-such-program", folder.path()).unwrap_err();
        assert_eq!(error.message(), "the program `no-such-program` does not exist: it is in no folder of PATH");
        assert_eq!(error.hints(), ["for the file beside the sweep file, write `./no-such-program`"]);
        let error = resolve("./no-such-program", folder.path()).unwrap_err();
        assert!(error.message().ends_with("is not executable"), "{error}");
        assert!(resolve("./nothing", folder.path()).is_err());
        assert!(resolve("{lr}", folder.path()).is_err());
    }
}
