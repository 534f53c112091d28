//! Pictures from files and from the inside of archives: JPEG, PNG and WebP.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Component, Path, PathBuf};

use image::{Rgb, RgbImage};
use tch::Tensor;

use crate::picture;

/// Width of the line around a box, as the released code draws it.
const LINE: i64 = 5;
/// Stands between a file's name and the part of it that is meant, `a.jpg###[x0, y0, x1, y1]`.
const PART: &str = "###";

/// Left, top, right and bottom in pixels, the last two outside.
pub type Area = [i64; 4];

/// One picture as a sample shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Picture {
    pub place: Place,
    pub edit: Edit,
}

/// Where its bytes are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    File(PathBuf),
    Inside { path: PathBuf, offset: u64, length: u64 },
}

/// What is done to it before it is shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Edit {
    Nothing,
    /// Only this area is shown.
    Crop(Area),
    /// Red lines are drawn around these.
    Boxes(Vec<Area>),
}

impl Picture {
    /// The picture that a line names, below `folder`; `###[x0, y0, x1, y1]` behind the name means a part of it.
    ///
    /// # Errors
    /// The name leads out of the folder, or the part is no area.
    pub fn named(folder: &Path, name: &str) -> Result<Self, String> {
        let (name, edit) = match name.split_once(PART) {
            None => (name, Edit::Nothing),
            Some((file, part)) => {
                let area: Vec<f64> = serde_json::from_str(part).map_err(|_| format!("`{part}` is no area"))?;
                (file, Edit::Crop(area_of(&area)?))
            }
        };
        Ok(Self { place: Place::File(inside(folder, name)?), edit })
    }

    /// Levels 0 to 255 of the picture as bytes, `[3, height, width]`.
    ///
    /// # Errors
    /// It cannot be read, is of another format, or is damaged; the message names it.
    pub fn levels(&self) -> Result<Tensor, String> {
        let (path, bytes) = match &self.place {
            Place::File(path) => (path, std::fs::read(path)),
            Place::Inside { path, offset, length } => (path, read_inside(path, *offset, *length)),
        };
        let say = |problem: String| format!("`{}`: {problem}", path.display());
        let picture = picture::decode(&bytes.map_err(|error| say(error.to_string()))?).map_err(say)?;
        let picture = edited(picture, &self.edit).map_err(say)?;
        Ok(picture::levels(&picture))
    }
}

/// The file `name` below `folder`, never beside it.
///
/// # Errors
/// The name is empty, absolute or has `..`.
pub fn inside(folder: &Path, name: &str) -> Result<PathBuf, String> {
    let path = Path::new(name);
    let normal = path.components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir));
    if name.is_empty() || !normal {
        return Err(format!("`{name}` names no file inside the data's folder"));
    }
    Ok(folder.join(path))
}

/// Four numbers as an area.
///
/// # Errors
/// They are none.
pub fn area_of(numbers: &[f64]) -> Result<Area, String> {
    let bounded = |number: f64| if number.abs() < 1e6 { Some(number.round() as i64) } else { None };
    let corners: Option<Vec<i64>> = numbers.iter().map(|&number| bounded(number)).collect();
    let corners: Option<Area> = corners.and_then(|corners| corners.try_into().ok());
    corners
        .filter(|[left, top, right, bottom]| left < right && top < bottom)
        .ok_or_else(|| format!("{numbers:?} is no area: it is left, top, right, bottom"))
}

fn read_inside(path: &Path, offset: u64, length: u64) -> std::io::Result<Vec<u8>> {
    let mut bytes = vec![0; usize::try_from(length).map_err(std::io::Error::other)?];
    File::open(path)?.read_exact_at(&mut bytes, offset)?;
    Ok(bytes)
}

fn edited(picture: RgbImage, edit: &Edit) -> Result<RgbImage, String> {
    match edit {
        Edit::Nothing => Ok(picture),
        Edit::Crop(area) => cropped(&picture, *area),
        Edit::Boxes(boxes) => Ok(boxes.iter().fold(picture, |picture, area| boxed(picture, *area))),
    }
}

fn cropped(picture: &RgbImage, [left, top, right, bottom]: Area) -> Result<RgbImage, String> {
    let clamp = |place: i64, end: u32| place.clamp(0, i64::from(end)) as u32;
    let (width, height) = picture.dimensions();
    let (left, right, top, bottom) =
        (clamp(left, width), clamp(right, width), clamp(top, height), clamp(bottom, height));
    if left >= right || top >= bottom {
        return Err(format!("the area to be shown is outside its {width} x {height} pixels"));
    }
    Ok(image::imageops::crop_imm(picture, left, top, right - left, bottom - top).to_image())
}

fn boxed(mut picture: RgbImage, [left, top, right, bottom]: Area) -> RgbImage {
    for (x, y, pixel) in picture.enumerate_pixels_mut() {
        let (x, y) = (i64::from(x), i64::from(y));
        // The far sides belong to the box, as where the released code draws.
        let depth = (x - left).min(right - x).min(y - top).min(bottom - y);
        if (0..LINE).contains(&depth) {
            *pixel = Rgb([255, 0, 0]);
        }
    }
    picture
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grey(width: u32, height: u32) -> RgbImage {
        RgbImage::from_fn(width, height, |x, y| Rgb([(10 * y + x) as u8; 3]))
    }

    fn stored(folder: &Path, name: &str) -> PathBuf {
        let path = folder.join(name);
        grey(6, 4).save(&path).unwrap();
        path
    }

    #[test]
    fn each_format_is_read_into_rows_of_levels() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["a.png", "a.webp", "a.jpg"] {
            stored(folder.path(), name);
            let levels = Picture::named(folder.path(), name).unwrap().levels().unwrap();
            assert_eq!(levels.size(), [3, 4, 6]);
            assert!((levels.double_value(&[1, 2, 3]) - 23.0).abs() < 4.0, "{name}");
        }
    }

    #[test]
    fn a_part_of_a_picture_is_cut_out_and_boxes_are_drawn_red() {
        let folder = tempfile::tempdir().unwrap();
        stored(folder.path(), "a.png");
        let part = Picture::named(folder.path(), "a.png###[2, 1, 5, 9]").unwrap().levels().unwrap();
        assert_eq!((part.size(), part.double_value(&[0, 0, 0])), (vec![3, 3, 3], 12.0));
        let drawn = boxed(grey(20, 20), [2, 2, 17, 17]);
        assert_eq!((drawn.get_pixel(2, 9).0, drawn.get_pixel(17, 9).0), ([255, 0, 0], [255, 0, 0]));
        assert_eq!((drawn.get_pixel(7, 9).0, drawn.get_pixel(1, 9).0), ([97; 3], [91; 3]));
    }

    #[test]
    fn what_is_wrong_with_a_picture_is_said_with_its_name() {
        let folder = tempfile::tempdir().unwrap();
        let problem = |name: &str| Picture::named(folder.path(), name).unwrap().levels().unwrap_err();
        assert!(problem("missing.jpg").contains("missing.jpg"));
        std::fs::write(folder.path().join("text.jpg"), "no picture").unwrap();
        assert!(problem("text.jpg").contains("neither JPEG, PNG nor WebP"));
        let whole = std::fs::read(stored(folder.path(), "a.png")).unwrap();
        std::fs::write(folder.path().join("cut.png"), &whole[..whole.len() / 2]).unwrap();
        assert!(problem("cut.png").contains("cut.png"));
        for name in ["../a.png", "/a.png", "", "a/../../b.png"] {
            assert!(Picture::named(folder.path(), name).is_err(), "{name}");
        }
        assert!(Picture::named(folder.path(), "a.png###[3, 0, 1, 9]").unwrap_err().contains("no area"));
    }
}
