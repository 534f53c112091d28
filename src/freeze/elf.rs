//! Where an executable or a library looks for libraries. What old linkers and some packagers write (`DT_RPATH`) comes
//! before `LD_LIBRARY_PATH`, what today's linkers write (`DT_RUNPATH`) after it: ld.so(8).

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

use object::elf::{DT_NULL, DT_RPATH, DT_RUNPATH, FileHeader64};
use object::read::elf::{Dyn, FileHeader, ProgramHeader};
use object::{Endianness, ReadCache};

/// Bytes of an entry of the dynamic section, the first eight of which are its tag.
const ENTRY: u64 = 16;

/// Make the file at `path`, which nobody else may use yet, look where `LD_LIBRARY_PATH` says before it looks where it was
/// linked. The tag of one entry changes, and nothing else.
///
/// # Errors
/// The file cannot be read or written. One that is no 64-bit ELF file stays as it is.
pub fn let_environment_decide(path: &Path) -> io::Result<()> {
    let Some((offset, tag)) = old_search_path(path)? else { return Ok(()) };
    OpenOptions::new().write(true).open(path)?.write_all_at(&tag, offset)
}

/// Where the file has a search path that the environment cannot override, and the tag of one that it can.
fn old_search_path(path: &Path) -> io::Result<Option<(u64, [u8; 8])>> {
    let cache = ReadCache::new(File::open(path)?);
    Ok(find(&cache).ok().flatten())
}

fn find(file: &ReadCache<File>) -> object::read::Result<Option<(u64, [u8; 8])>> {
    let header = FileHeader64::<Endianness>::parse(file)?;
    let endian = header.endian()?;
    for segment in header.program_headers(endian, file)? {
        let Some(entries) = segment.dynamic(endian, file)? else { continue };
        let tags: Vec<i64> =
            entries.iter().map(|entry| entry.d_tag(endian)).take_while(|tag| *tag != DT_NULL).collect();
        // Where both are there, the old one is ignored already.
        let position = tags.iter().position(|tag| *tag == DT_RPATH).filter(|_| !tags.contains(&DT_RUNPATH));
        let tag = if endian == Endianness::Little { DT_RUNPATH.to_le_bytes() } else { DT_RUNPATH.to_be_bytes() };
        return Ok(position.map(|position| (segment.p_offset(endian) + ENTRY * position as u64, tag)));
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_program_stays_as_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        for bytes in
            [&b""[..], b"#!/bin/sh\n", b"\x7fELF\x02\x01\x01 and no more than that, whatever it was to be ........."]
        {
            std::fs::write(&path, bytes).unwrap();
            let_environment_decide(&path).unwrap();
            assert_eq!(std::fs::read(&path).unwrap(), bytes);
        }
        assert!(let_environment_decide(&folder.path().join("missing")).is_err());
    }
}
