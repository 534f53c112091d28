//! Pictures with captions in a tar file, as webdataset has them: files that share the name up to its first dot belong
//! together, `000017.jpg` and `000017.txt` (or `000017.json` with a `caption`).

use std::fs::File;
use std::path::{Component, Path};

use super::Error;

/// A picture and its caption as they lie in the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pair {
    pub picture: Span,
    pub caption: Span,
    pub json: bool,
}

/// Bytes of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    pub offset: u64,
    pub length: u64,
}

/// What is known of a sample while the file is read.
#[derive(Default)]
struct Open {
    key: String,
    picture: Option<Span>,
    caption: Option<(Span, bool)>,
}

impl Open {
    fn close(self) -> Result<Pair, String> {
        match (self.picture, self.caption) {
            (Some(picture), Some((caption, json))) => Ok(Pair { picture, caption, json }),
            (None, _) => Err(format!("`{}` has no picture", self.key)),
            (_, None) => Err(format!("`{}` has no caption", self.key)),
        }
    }
}

/// The samples of the archive at `path`; of those that are none, what is wrong.
///
/// # Errors
/// The file cannot be read, is no tar, or holds a path that leads out of it.
pub fn pairs(path: &Path) -> Result<Vec<Result<Pair, String>>, Error> {
    let read = |source| Error::Read { path: path.to_owned(), source };
    let file = File::open(path).map_err(read)?;
    let end = file.metadata().map_err(read)?.len();
    let mut archive = tar::Archive::new(file);
    let bad = |problem: String| Error::Archive { path: path.to_owned(), problem };
    let (mut pairs, mut open): (Vec<Result<Pair, String>>, Option<Open>) = (Vec::new(), None);
    let entries = archive.entries_with_seek().map_err(|error| bad(error.to_string()))?;
    for entry in entries {
        let entry = entry.map_err(|error| bad(error.to_string()))?;
        if !entry.header().entry_type().is_file() {
            continue;
        }
        let name = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
        if !Path::new(&name).components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir)) {
            return Err(bad(format!("it holds `{name}`, which leads out of it")));
        }
        let span = Span { offset: entry.raw_file_position(), length: entry.size() };
        if span.offset.saturating_add(span.length) > end {
            return Err(bad(format!("it ends in the middle of `{name}`")));
        }
        let (key, ending) = cut(&name);
        if open.as_ref().is_some_and(|open| open.key != key) {
            pairs.extend(open.take().map(Open::close));
        }
        let sample = open.get_or_insert_with(|| Open { key: key.to_owned(), ..Open::default() });
        match ending {
            "jpg" | "jpeg" | "png" | "webp" => sample.picture = Some(span),
            "txt" => sample.caption = Some((span, false)),
            // Where both are there, the plain text is the caption.
            "json" if sample.caption.is_none() => sample.caption = Some((span, true)),
            _ => {}
        }
    }
    pairs.extend(open.map(Open::close));
    Ok(pairs)
}

/// A name up to the first dot behind its folders, and what follows.
fn cut(name: &str) -> (&str, &str) {
    let file = name.rfind('/').map_or(0, |slash| slash + 1);
    match name[file..].find('.') {
        Some(dot) => (&name[..file + dot], &name[file + dot + 1..]),
        None => (name, ""),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn archive(entries: &[(&str, &str)]) -> tempfile::NamedTempFile {
        let file = tempfile::NamedTempFile::new().unwrap();
        let mut builder = tar::Builder::new(file.reopen().unwrap());
        for (name, text) in entries {
            let mut header = tar::Header::new_ustar();
            header.as_mut_bytes()[..name.len()].copy_from_slice(name.as_bytes());
            header.set_size(text.len() as u64);
            header.set_cksum();
            builder.append(&header, text.as_bytes()).unwrap();
        }
        builder.finish().unwrap();
        file
    }

    #[test]
    fn files_of_one_name_are_one_sample_and_lie_where_they_are_said_to() {
        let entries =
            [("a/1.jpg", "JPEG"), ("a/1.txt", "a cat"), ("a/2.json", "{}"), ("a/2.png", "PNG"), ("a/3.txt", "alone")];
        let file = archive(&entries);
        let found = pairs(file.path()).unwrap();
        let bytes = std::fs::read(file.path()).unwrap();
        let at = |span: Span| std::str::from_utf8(&bytes[span.offset as usize..][..span.length as usize]).unwrap();
        let texts: Vec<_> =
            found.iter().flatten().map(|pair| (at(pair.picture), at(pair.caption), pair.json)).collect();
        assert_eq!(texts, [("JPEG", "a cat", false), ("PNG", "{}", true)]);
        assert_eq!(found[2], Err("`a/3` has no picture".to_owned()));
    }

    #[test]
    fn a_path_that_leads_out_and_a_file_that_is_no_archive_are_refused_by_name() {
        let message = pairs(archive(&[("../evil.jpg", "x")]).path()).unwrap_err().to_string();
        assert!(message.contains("`../evil.jpg`, which leads out"), "{message}");
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "x".repeat(2000)).unwrap();
        let message = pairs(file.path()).unwrap_err().to_string();
        assert!(message.contains(&file.path().display().to_string()), "{message}");
        let whole = archive(&[("1.jpg", &"x".repeat(4000)), ("1.txt", "b")]);
        std::fs::OpenOptions::new().write(true).open(whole.path()).unwrap().set_len(3000).unwrap();
        assert!(pairs(whole.path()).unwrap_err().to_string().contains("in the middle of `1.jpg`"));
    }
}
