//! Folders of pictures.

use std::path::{Path, PathBuf};

use tch::Tensor;

use crate::picture;

/// Endings of what is read, and of pictures that the references read too and this reader does not.
const READ: [&str; 4] = ["jpg", "jpeg", "png", "webp"];
const OTHER: [&str; 6] = ["bmp", "gif", "pgm", "ppm", "tif", "tiff"];

/// Why there are no pictures.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("cannot read the folder `{}`", folder.display())]
    Folder { folder: PathBuf, source: std::io::Error },
    #[error("`{}` has no JPEG, PNG or WebP (folders in it are not looked into)", folder.display())]
    Empty { folder: PathBuf },
    #[error("`{}` is a picture of a kind that is not read; save it as PNG, which loses nothing", path.display())]
    Kind { path: PathBuf },
    #[error("`{}` cannot be used: {problem}", path.display())]
    Broken { path: PathBuf, problem: String },
}

/// The pictures in `folder` by name; other files are passed over.
///
/// # Errors
/// The folder cannot be read, has no picture, or has one of a kind that is not read.
pub fn list(folder: &Path) -> Result<Vec<PathBuf>, Error> {
    let fail = |source| Error::Folder { folder: folder.to_owned(), source };
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(fail)? {
        let path = entry.map_err(fail)?.path();
        let ending = path.extension().map(|ending| ending.to_ascii_lowercase());
        match ending.as_ref().and_then(|ending| ending.to_str()) {
            Some(ending) if READ.contains(&ending) => paths.push(path),
            Some(ending) if OTHER.contains(&ending) => return Err(Error::Kind { path }),
            _ => {}
        }
    }
    if paths.is_empty() {
        return Err(Error::Empty { folder: folder.to_owned() });
    }
    paths.sort();
    Ok(paths)
}

/// Levels 0 to 255 of the picture at `path`, `[3, height, width]`, as bytes.
///
/// # Errors
/// It is missing, damaged, cut short, of another format, or too large.
pub fn levels(path: &Path) -> Result<Tensor, Error> {
    let broken = |problem: String| Error::Broken { path: path.to_owned(), problem };
    let bytes = std::fs::read(path).map_err(|error| broken(error.to_string()))?;
    picture::decode(&bytes).map(|picture| picture::levels(&picture)).map_err(broken)
}

#[cfg(test)]
mod tests {
    use image::{DynamicImage, RgbImage};

    use super::*;

    fn stored(folder: &Path, name: &str, picture: &DynamicImage) -> PathBuf {
        let path = folder.join(name);
        picture.save(&path).unwrap();
        path
    }

    fn plain() -> DynamicImage {
        RgbImage::from_fn(40, 30, |x, y| image::Rgb([(5 * x) as u8, (7 * y) as u8, (x * y) as u8])).into()
    }

    #[test]
    fn what_is_cut_short_empty_or_no_picture_is_an_error_with_its_name() {
        let folder = tempfile::tempdir().unwrap();
        let problem = |path: &Path| levels(path).unwrap_err().to_string();
        for name in ["a.jpg", "a.png", "a.webp"] {
            let path = stored(folder.path(), name, &plain());
            assert_eq!(levels(&path).unwrap().size(), [3, 30, 40]);
            let whole = std::fs::read(&path).unwrap();
            // The last bytes of a PNG are no part of its picture.
            for length in [0, 2, 20, whole.len() / 2, whole.len() - 13] {
                std::fs::write(&path, &whole[..length]).unwrap();
                let error = levels(&path).map(|levels| levels.size());
                assert!(error.is_err_and(|error| error.to_string().contains(name)), "{length} of {name}");
            }
        }
        let text = folder.path().join("text.png");
        std::fs::write(&text, "no picture").unwrap();
        assert!(problem(&text).contains("neither JPEG, PNG nor WebP"));
        assert!(problem(&folder.path().join("missing.png")).contains("missing.png"));
    }

    #[test]
    fn a_header_that_asks_for_all_memory_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = stored(folder.path(), "huge.png", &plain());
        let mut bytes = std::fs::read(&path).unwrap();
        bytes[16..24].copy_from_slice(&[0, 1, 0x80, 0, 0, 1, 0x80, 0]);
        std::fs::write(&path, bytes).unwrap();
        assert!(levels(&path).unwrap_err().to_string().contains("huge.png"));
    }

    #[test]
    fn pictures_are_listed_by_name_and_other_kinds_refused() {
        let folder = tempfile::tempdir().unwrap();
        assert!(matches!(list(folder.path()), Err(Error::Empty { .. })));
        for name in ["b.png", "a.JPG", "notes.txt"] {
            std::fs::write(folder.path().join(name), "").unwrap();
        }
        let names = list(folder.path()).unwrap();
        assert!(names.iter().map(|path| path.file_name().unwrap()).eq(["a.JPG", "b.png"]));
        std::fs::write(folder.path().join("c.tiff"), "").unwrap();
        assert!(matches!(list(folder.path()), Err(Error::Kind { .. })));
        assert!(matches!(list(&folder.path().join("nowhere")), Err(Error::Folder { .. })));
    }
}
