//! Drawing on the small grey canvas.

use super::mnist::Glyph;

/// Width and height of a scene in pixels.
pub const SIDE: usize = 32;

/// A centre on the canvas: column and row, in pixels from the top left.
pub type Point = (i64, i64);

/// [`SIDE`] x [`SIDE`] grey pixels, row-major, 0 = black. What is drawn outside is cut off.
pub struct Canvas {
    pixels: Vec<u8>,
}

impl Canvas {
    pub fn black() -> Self {
        Self { pixels: vec![0; SIDE * SIDE] }
    }

    /// Draws `glyph` centred on `at`. Where ink meets ink the brighter stays, so overlaps add no light.
    pub fn stamp(&mut self, glyph: &Glyph, at: Point) {
        let (left, top) = (at.0 - glyph.width as i64 / 2, at.1 - glyph.height as i64 / 2);
        for (index, &ink) in glyph.ink.iter().enumerate() {
            self.lighten(left + (index % glyph.width) as i64, top + (index / glyph.width) as i64, ink);
        }
    }

    /// Fills the rectangle from `from` up to and without `to`.
    pub fn fill(&mut self, from: Point, to: Point, grey: u8) {
        for y in from.1..to.1 {
            for x in from.0..to.0 {
                self.lighten(x, y, grey);
            }
        }
    }

    /// Draws a border one pixel wide inside the rectangle from `from` up to and without `to`.
    pub fn frame(&mut self, from: Point, to: Point, grey: u8) {
        self.fill(from, (to.0, from.1 + 1), grey);
        self.fill((from.0, to.1 - 1), to, grey);
        self.fill(from, (from.0 + 1, to.1), grey);
        self.fill((to.0 - 1, from.1), to, grey);
    }

    pub fn into_pixels(self) -> Vec<u8> {
        self.pixels
    }

    fn lighten(&mut self, x: i64, y: i64, grey: u8) {
        let side = SIDE as i64;
        if (0..side).contains(&x) && (0..side).contains(&y) {
            let pixel = &mut self.pixels[(y * side + x) as usize];
            *pixel = grey.max(*pixel);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_lies_outside_is_cut_off() {
        let mut canvas = Canvas::black();
        canvas.stamp(&Glyph { width: 2, height: 2, ink: vec![9; 4] }, (0, 0));
        canvas.fill((30, 31), (40, 40), 7);
        let pixels = canvas.into_pixels();
        assert_eq!((pixels[0], pixels[1]), (9, 0));
        assert_eq!(pixels.iter().filter(|&&grey| grey == 7).count(), 2);
    }

    #[test]
    fn the_brighter_ink_stays() {
        let mut canvas = Canvas::black();
        canvas.fill((4, 4), (6, 6), 200);
        canvas.frame((4, 4), (6, 6), 90);
        assert_eq!(canvas.into_pixels().iter().filter(|&&grey| grey == 200).count(), 4);
    }
}
