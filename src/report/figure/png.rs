//! A drawing as PNG, rendered by resvg from its SVG with the font that travels with the program.

use std::io::Write;
use std::sync::{Arc, LazyLock};

use resvg::tiny_skia::{Color, Pixmap, Transform};
use resvg::usvg::{Options, Tree, fontdb};

use super::scene::Drawing;
use super::text;
use crate::error::{Context, Error};

/// An SVG pixel is a 96th of an inch.
const SVG_DPI: f32 = 96.0;
/// Most pixels on one side and in all: 16,384 is what viewers open, and 64 million need 256 MB.
const MOST_PIXELS_SIDE: f32 = 16_384.0;
const MOST_PIXELS: f32 = 64.0e6;
const PIXEL_BYTES: usize = 4;

static FONTS: LazyLock<Arc<fontdb::Database>> = LazyLock::new(|| {
    let mut fonts = fontdb::Database::new();
    fonts.load_font_data(text::FONT.to_vec());
    fonts.set_sans_serif_family("Sweep Sans");
    Arc::new(fonts)
});

impl Drawing {
    /// The figure as a PNG of `dpi` dots an inch (print: 300), fewer when it would exceed 16,384 pixels a side or 64 million in all.
    ///
    /// # Errors
    /// When the SVG cannot be drawn.
    pub fn png(&self, dpi: f32) -> crate::error::Result<Vec<u8>> {
        let options =
            Options { fontdb: Arc::clone(&FONTS), font_family: "Sweep Sans".to_owned(), ..Options::default() };
        let tree = Tree::from_str(&self.svg()?, &options).context(|| "cannot read the figure's SVG".to_owned())?;
        let scale = bounded_scale(&tree, dpi / SVG_DPI);
        let size = tree
            .size()
            .to_int_size()
            .scale_by(scale)
            .ok_or_else(|| Error::general("cannot draw a figure without a size"))?;
        let mut pixels = Pixmap::new(size.width(), size.height())
            .ok_or_else(|| Error::general("the figure is too large for a PNG"))?;
        // The page may end within the last pixels.
        pixels.fill(Color::WHITE);
        resvg::render(&tree, Transform::from_scale(scale, scale), &mut pixels.as_mut());
        encode(&pixels, scale * SVG_DPI).context(|| "cannot encode the figure as PNG".to_owned())
    }
}

/// The ground is opaque, so the pixels need no transparency; the size in print travels with them.
fn encode(pixels: &Pixmap, dpi: f32) -> Result<Vec<u8>, png::EncodingError> {
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, pixels.width(), pixels.height());
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_compression(png::Compression::Balanced);
    encoder.set_pixel_dims(Some(per_metre(dpi)));
    let mut writer = encoder.write_header()?;
    let mut stream = writer.stream_writer()?;
    let row_bytes = pixels.width() as usize * PIXEL_BYTES;
    let mut opaque = vec![0; row_bytes / PIXEL_BYTES * 3];
    for row in pixels.data().chunks_exact(row_bytes) {
        for (to, from) in opaque.chunks_exact_mut(3).zip(row.chunks_exact(PIXEL_BYTES)) {
            to.copy_from_slice(&from[..3]);
        }
        stream.write_all(&opaque)?;
    }
    stream.finish()?;
    writer.finish()?;
    Ok(bytes)
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "dots an inch are few and positive")]
fn per_metre(dpi: f32) -> png::PixelDimensions {
    let dots = (dpi / 0.0254).round() as u32;
    png::PixelDimensions { xppu: dots, yppu: dots, unit: png::Unit::Meter }
}

fn bounded_scale(tree: &Tree, wanted: f32) -> f32 {
    let (width, height) = (tree.size().width(), tree.size().height());
    wanted.min(MOST_PIXELS_SIDE / width.max(height)).min((MOST_PIXELS / (width * height)).sqrt())
}
