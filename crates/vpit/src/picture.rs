//! Pictures as Pillow's `convert("RGB")` gives them to the reference implementations: JPEG, PNG and WebP to levels.
//!
//! Alpha is dropped and not blended, grey is repeated, of 16 bits the upper 8 count. Orientation notes of cameras are not
//! followed, as no reference follows them.

use std::io::Cursor;

use image::{DynamicImage, ImageFormat, ImageReader, RgbImage};
use tch::Tensor;

/// Bytes that decoding one picture may take: a header must not ask for all memory.
const MEMORY: u64 = 1 << 30;

/// Levels 0 to 255 as bytes, `[3, height, width]`.
pub fn levels(picture: &RgbImage) -> Tensor {
    let size = [i64::from(picture.height()), i64::from(picture.width()), 3];
    Tensor::from_slice(picture.as_raw()).view(size).permute([2, 0, 1]).contiguous()
}

/// The picture that a file's bytes are.
///
/// # Errors
/// They are damaged, cut short, of another format, or would be too large; the message says which.
pub fn decode(bytes: &[u8]) -> Result<RgbImage, String> {
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
