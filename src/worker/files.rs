//! Opening what a job left: never through a link, never blocking, only regular files.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use rustix::fs::{Mode, OFlags};

/// Open the regular file at `path` for reading.
///
/// # Errors
/// It does not exist, cannot be read, or is a link, a pipe, a device or a folder.
pub fn open_regular(path: &Path) -> io::Result<File> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let file = match rustix::fs::open(path, flags, Mode::empty()) {
        Ok(file) => File::from(file),
        Err(rustix::io::Errno::LOOP) => return Err(not_regular("a symbolic link")),
        Err(rustix::io::Errno::NXIO) => return Err(not_regular("a socket or a device")),
        Err(error) => return Err(error.into()),
    };
    let kind = file.metadata()?.file_type();
    if kind.is_file() {
        Ok(file)
    } else {
        Err(not_regular(if kind.is_dir() { "a folder" } else { "a pipe or a device" }))
    }
}

/// Read the regular file at `path`, at most `limit` bytes of it.
///
/// # Errors
/// As for [`open_regular`]; or it is larger than `limit`.
pub fn read_regular(path: &Path, limit: u64) -> io::Result<Vec<u8>> {
    let file = open_regular(path)?;
    let mut bytes = Vec::new();
    file.take(limit + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > limit {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, format!("larger than {limit} bytes")));
    }
    Ok(bytes)
}

fn not_regular(found: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, format!("{found} stands where a file should be"))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn only_a_regular_file_is_opened() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        std::fs::write(path("file"), "text").unwrap();
        std::fs::create_dir(path("folder")).unwrap();
        symlink(path("file"), path("link")).unwrap();
        rustix::fs::mkfifoat(rustix::fs::CWD, path("fifo"), Mode::RWXU).unwrap();
        let socket = std::os::unix::net::UnixListener::bind(path("socket")).unwrap();

        assert_eq!(read_regular(&path("file"), 4).unwrap(), b"text");
        assert_eq!(read_regular(&path("file"), 3).unwrap_err().to_string(), "larger than 3 bytes");
        for (name, found) in [
            ("folder", "a folder"),
            ("link", "a symbolic link"),
            ("fifo", "a pipe or a device"),
            ("socket", "a socket or a device"),
        ] {
            let message = open_regular(&path(name)).unwrap_err().to_string();
            assert_eq!(message, format!("{found} stands where a file should be"), "{name}");
        }
        drop(socket);
    }
}
