//! A drawing as PDF: the shapes as they are, the text as text in the font that travels with the program.

use std::collections::BTreeMap;
use std::io::Write;
use std::sync::LazyLock;

use flate2::Compression;
use flate2::write::ZlibEncoder;
use pdf_writer::types::{CidFontType, FontFlags, LineCapStyle, LineJoinStyle, SystemInfo, UnicodeCmap};
use pdf_writer::{Content, Filter, Finish, Name, Pdf, Rect as Box, Ref, Str, TextStr};
use skrifa::instance::{LocationRef, Size};
use skrifa::{FontRef, MetadataProvider};

use super::colour::Rgb;
use super::scene::{Anchor, Drawing, Point, Rect, Shape, Text, at};
use super::text;

/// Free space around everything, in points.
const MARGIN: f64 = 4.0;
/// Longest side of a page, in points, that every reader opens (ISO 32000-1, annex C).
const LONGEST_SIDE: f64 = 14_400.0;
/// Distance of the control points of a quarter of a circle from its ends, in radii.
const QUARTER: f64 = 0.552_284_75;

const FONT_NAME: Name = Name(b"SweepSans");
const FONT: Name = Name(b"F0");
const SYSTEM: SystemInfo = SystemInfo { registry: Str(b"Adobe"), ordering: Str(b"Identity"), supplement: 0 };

/// Glyph and width in thousandths of the font size of each character below U+3000.
static GLYPHS: LazyLock<Vec<(u16, f32)>> = LazyLock::new(|| {
    let Ok(font) = FontRef::new(text::FONT) else { return Vec::new() };
    let map = font.charmap();
    let metrics = font.glyph_metrics(Size::new(1000.0), LocationRef::default());
    let glyph = |code: u32| {
        let glyph = map.map(code).unwrap_or_default();
        (u16::try_from(glyph.to_u32()).unwrap_or(0), metrics.advance_width(glyph).unwrap_or(0.0))
    };
    (0..0x3000).map(glyph).collect()
});

pub(super) fn glyph(character: char) -> (u16, f32) {
    GLYPHS.get(character as usize).copied().unwrap_or_default()
}

impl Drawing {
    /// The figure as a PDF of one page, as large as the figure. The same drawing gives the same bytes.
    #[must_use]
    pub fn pdf(&self) -> Vec<u8> {
        let bounds = self.bounds();
        let (width, height) = (bounds.width() + 2.0 * MARGIN, bounds.height() + 2.0 * MARGIN);
        // A page that is too long is made smaller as a whole.
        let scale = (LONGEST_SIDE / width.max(height).max(1.0)).min(1.0);
        let mut painter = Painter::new(at(bounds.left - MARGIN, bounds.top - MARGIN), height, scale);
        self.shapes.iter().for_each(|shape| painter.paint(shape));
        assemble(&self.title, [width * scale, height * scale], painter)
    }
}

/// The objects of the file around its one stream of shapes.
fn assemble(title: &str, [width, height]: [f64; 2], painter: Painter) -> Vec<u8> {
    let [catalog, pages, page, content, info, font, cid, descriptor, file, names] =
        [1, 2, 3, 4, 5, 6, 7, 8, 9, 10].map(Ref::new);
    let mut pdf = Pdf::new();
    pdf.catalog(catalog).pages(pages);
    pdf.pages(pages).kids([page]).count(1);
    let title = text::clean(title);
    let mut about = pdf.document_info(info);
    about.producer(TextStr("sweep"));
    if !title.is_empty() {
        about.title(TextStr(&title));
    }
    about.finish();
    let mut sheet = pdf.page(page);
    sheet.parent(pages).media_box(Box::new(0.0, 0.0, single(width), single(height))).contents(content);
    let mut resources = sheet.resources();
    resources.fonts().pair(FONT, font);
    let mut states = resources.ext_g_states();
    for &opacity in painter.opacities.keys() {
        let share = f32::from(opacity) / 100.0;
        states
            .insert(Name(&state_name(opacity)))
            .start::<pdf_writer::writers::ExtGraphicsState>()
            .non_stroking_alpha(share);
    }
    states.finish();
    resources.finish();
    sheet.finish();
    pdf.stream(content, &packed(&painter.content.finish())).filter(Filter::FlateDecode);
    pdf.type0_font(font)
        .base_font(FONT_NAME)
        .encoding_predefined(Name(b"Identity-H"))
        .descendant_font(cid)
        .to_unicode(names);
    let mut face = pdf.cid_font(cid);
    face.subtype(CidFontType::Type2).base_font(FONT_NAME).system_info(SYSTEM).font_descriptor(descriptor);
    face.default_width(0.0).cid_to_gid_map_predefined(Name(b"Identity"));
    let mut widths = face.widths();
    for (&glyph, &(_, width)) in &painter.used {
        widths.consecutive(glyph, [width]);
    }
    widths.finish();
    face.finish();
    pdf.font_descriptor(descriptor)
        .name(FONT_NAME)
        .flags(FontFlags::NON_SYMBOLIC)
        .bbox(Box::new(-500.0, -300.0, 1500.0, 1100.0))
        .italic_angle(0.0)
        .ascent(single(text::ASCENT * 1000.0))
        .descent(single(-text::DESCENT * 1000.0))
        .cap_height(single(text::CAPITAL * 1000.0))
        .stem_v(80.0)
        .font_file2(file);
    pdf.stream(file, &packed(text::FONT))
        .filter(Filter::FlateDecode)
        .pair(Name(b"Length1"), i32::try_from(text::FONT.len()).unwrap_or(i32::MAX));
    let mut map = UnicodeCmap::new(Name(b"SweepSans-Unicode"), SYSTEM);
    painter.used.iter().for_each(|(&glyph, &(character, _))| map.pair(glyph, character));
    pdf.cmap(names, &map.finish());
    pdf.finish()
}

#[expect(clippy::cast_possible_truncation, reason = "a place on a page needs few digits")]
fn single(length: f64) -> f32 {
    ((length * 1000.0).round() / 1000.0) as f32
}

/// Packed as PDF's `FlateDecode` unpacks it.
fn packed(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
    // Writing to memory cannot fail.
    encoder.write_all(bytes).and_then(|()| encoder.finish()).unwrap_or_default()
}

/// The name of an opacity in percent among the page's resources.
fn state_name(opacity: u8) -> Vec<u8> {
    format!("A{opacity}").into_bytes()
}

/// Shapes as PDF's operators.
struct Painter {
    content: Content,
    /// What lies at the upper left corner.
    origin: Point,
    height: f64,
    /// In percent.
    opacities: BTreeMap<u8, ()>,
    /// Character and width of each glyph that is used.
    used: BTreeMap<u16, (char, f32)>,
}

impl Painter {
    fn new(origin: Point, height: f64, scale: f64) -> Self {
        let mut content = Content::new();
        if scale < 1.0 {
            content.transform([single(scale), 0.0, 0.0, single(scale), 0.0, 0.0]);
        }
        content.set_line_cap(LineCapStyle::ButtCap).set_line_join(LineJoinStyle::MiterJoin);
        Self { content, origin, height, opacities: BTreeMap::new(), used: BTreeMap::new() }
    }

    /// PDF counts upwards from the lower left corner.
    fn place(&self, point: Point) -> [f32; 2] {
        [single(point.x - self.origin.x), single(self.height - (point.y - self.origin.y))]
    }

    fn paint(&mut self, shape: &Shape) {
        match shape {
            Shape::Rect { area, fill } => self.rect(*area, *fill),
            Shape::Path { points, width, colour } => {
                let [r, g, b] = parts(*colour);
                self.content.set_stroke_rgb(r, g, b).set_line_width(single(*width));
                self.outline(points);
                self.content.stroke();
            }
            Shape::Polygon { points, fill, opacity } => {
                self.translucent(*fill, *opacity, |painter| painter.outline(points))
            }
            Shape::Disc { centre, radius, fill, opacity } => {
                self.translucent(*fill, *opacity, |painter| painter.circle(*centre, *radius));
            }
            Shape::Ring { centre, radius, width, colour } => {
                let [r, g, b] = parts(*colour);
                self.content.set_stroke_rgb(r, g, b).set_line_width(single(*width));
                self.circle(*centre, *radius);
                self.content.stroke();
            }
            Shape::Text(text) => self.text(text),
        }
    }

    fn rect(&mut self, area: Rect, fill: Rgb) {
        let [r, g, b] = parts(fill);
        let [x, y] = self.place(at(area.left, area.bottom));
        self.content.set_fill_rgb(r, g, b).rect(x, y, single(area.width()), single(area.height())).fill_nonzero();
    }

    fn translucent(&mut self, fill: Rgb, opacity: f64, outline: impl FnOnce(&mut Self)) {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to percent")]
        let percent = (opacity * 100.0).round().clamp(0.0, 100.0) as u8;
        let [r, g, b] = parts(fill);
        self.opacities.insert(percent, ());
        self.content.save_state().set_parameters(Name(&state_name(percent))).set_fill_rgb(r, g, b);
        outline(self);
        self.content.fill_nonzero().restore_state();
    }

    fn outline(&mut self, points: &[Point]) {
        let [first, rest @ ..] = points else { return };
        let [x, y] = self.place(*first);
        self.content.move_to(x, y);
        for point in rest {
            let [x, y] = self.place(*point);
            self.content.line_to(x, y);
        }
    }

    fn circle(&mut self, centre: Point, radius: f64) {
        let k = radius * QUARTER;
        let start = self.place(at(centre.x + radius, centre.y));
        self.content.move_to(start[0], start[1]);
        // From the right over the top, as (end, direction in which it is left, direction in which the next is reached).
        for [(ax, ay), (bx, by), (x, y)] in [
            [(radius, -k), (k, -radius), (0.0, -radius)],
            [(-k, -radius), (-radius, -k), (-radius, 0.0)],
            [(-radius, k), (-k, radius), (0.0, radius)],
            [(k, radius), (radius, k), (radius, 0.0)],
        ] {
            let [a, b, end] = [(ax, ay), (bx, by), (x, y)].map(|(x, y)| self.place(at(centre.x + x, centre.y + y)));
            self.content.cubic_to(a[0], a[1], b[0], b[1], end[0], end[1]);
        }
        self.content.close_path();
    }

    fn text(&mut self, text: &Text) {
        let mut glyphs = Vec::new();
        let mut advance = 0.0;
        for character in text.content.chars() {
            let (glyph, width) = glyph(character);
            self.used.entry(glyph).or_insert((character, width));
            glyphs.extend(glyph.to_be_bytes());
            advance += f64::from(width) / 1000.0 * text.size;
        }
        let before = match text.anchor {
            Anchor::Start => 0.0,
            Anchor::Middle => advance / 2.0,
            Anchor::End => advance,
        };
        let [r, g, b] = parts(text.colour);
        let start =
            if text.upward { at(text.place.x, text.place.y + before) } else { at(text.place.x - before, text.place.y) };
        let [x, y] = self.place(start);
        let turn = if text.upward { [0.0, 1.0, -1.0, 0.0] } else { [1.0, 0.0, 0.0, 1.0] };
        self.content.set_fill_rgb(r, g, b).begin_text().set_font(FONT, single(text.size));
        self.content.set_text_matrix([turn[0], turn[1], turn[2], turn[3], x, y]).show(Str(&glyphs)).end_text();
    }
}

/// Red, green and blue from 0 to 1.
fn parts(colour: Rgb) -> [f32; 3] {
    [colour.0, colour.1, colour.2].map(|part| f32::from(part) / 255.0)
}
