//! Pictures as Pillow's `convert("RGB")` gives them to the reference implementations: JPEG, PNG and WebP to levels.
//!
//! Alpha is dropped and not blended, grey is repeated, of 16 bits the upper 8 count. Orientation notes of cameras are not
//! followed, as no reference follows them.

use std::io::Cursor;
use std::path::{Path, PathBuf};

use image::{DynamicImage, ImageFormat, ImageReader, RgbImage};
use tch::Tensor;

/// Bytes that decoding one picture may take: a header must not ask for all memory.
const MEMORY: u64 = 1 << 30;
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
    let picture = decode(&bytes).map_err(broken)?;
    let size = [i64::from(picture.height()), i64::from(picture.width()), 3];
    Ok(Tensor::from_slice(picture.as_raw()).view(size).permute([2, 0, 1]).contiguous())
}

fn decode(bytes: &[u8]) -> Result<RgbImage, String> {
    if bytes.is_empty() {
        return Err("the file is empty".to_owned());
    }
    let mut reader = ImageReader::new(Cursor::new(bytes)).with_guessed_format().map_err(|error| error.to_string())?;
    match reader.format() {
        None => return Err("it begins as neither JPEG, PNG nor WebP does".to_owned()),
        Some(ImageFormat::Jpeg) if !is_whole_jpeg(bytes) => {
            return Err("the JPEG ends before its image does".to_owned());
        }
        Some(_) => {}
    }
    let mut limits = image::Limits::default();
    limits.max_alloc = Some(MEMORY);
    reader.limits(limits);
    Ok(rgb(reader.decode().map_err(|error| error.to_string())?))
}

/// Whether the last scan has an end. The decoder fills up with grey what is missing; the references refuse such a file.
fn is_whole_jpeg(bytes: &[u8]) -> bool {
    const SCAN: [u8; 2] = [0xFF, 0xDA];
    const END: [u8; 2] = [0xFF, 0xD9];
    let last = |mark: [u8; 2]| bytes.windows(2).rposition(|pair| pair == mark);
    last(END) > last(SCAN)
}

fn rgb(picture: DynamicImage) -> RgbImage {
    match picture {
        DynamicImage::ImageLuma16(_)
        | DynamicImage::ImageLumaA16(_)
        | DynamicImage::ImageRgb16(_)
        | DynamicImage::ImageRgba16(_) => {
            let wide = picture.into_rgb16();
            RgbImage::from_fn(wide.width(), wide.height(), |x, y| image::Rgb(wide.get_pixel(x, y).0.map(upper)))
        }
        other => other.into_rgb8(),
    }
}

const fn upper(level: u16) -> u8 {
    (level >> 8) as u8
}

#[cfg(test)]
mod tests {
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
