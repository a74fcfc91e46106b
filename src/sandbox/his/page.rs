//! A page of text as dots, as a PDF and as a PNG. The PDF holds the dots themselves: it needs no font at the printer,
//! so it comes out alike everywhere.

use std::io::Write as _;

/// Dots of a page: A5 lying, 150 to the inch.
const WIDTH: usize = 1_240;
const HEIGHT: usize = 874;
/// A5 lying, in points.
const POINTS: (u32, u32) = (595, 420);
/// Where the text begins.
const LEFT: usize = 60;
const TOP: usize = 60;
/// Unifont's 16 rows, drawn twice as large, and a little between the lines.
const SCALE: usize = 2;
const LINE_DOTS: usize = 40;

/// One page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    lines: Vec<String>,
}

impl Page {
    pub(super) fn of(lines: Vec<String>) -> Self {
        Self { lines }
    }

    /// What it says.
    #[must_use]
    pub fn text(&self) -> String {
        self.lines.join("\n")
    }

    /// Rows of dots, the first dot in the highest bit, 1 is white.
    fn rows(&self) -> Vec<u8> {
        let row_bytes = WIDTH.div_ceil(8);
        let mut rows = vec![0xFF_u8; row_bytes * HEIGHT];
        for (number, line) in self.lines.iter().enumerate() {
            let mut left = LEFT;
            for ch in line.chars() {
                let Some(glyph) = unifont::get_glyph(ch) else {
                    continue;
                };
                let wide = glyph.get_width() * SCALE;
                for (x, y) in (0..wide).flat_map(|x| (0..16 * SCALE).map(move |y| (x, y))) {
                    let (right, down) = (left + x, TOP + number * LINE_DOTS + y);
                    let is_ink = glyph.get_pixel(x / SCALE, y / SCALE);
                    if is_ink && right < WIDTH && down < HEIGHT {
                        rows[down * row_bytes + right / 8] &= !(0x80 >> (right % 8));
                    }
                }
                left += wide;
            }
        }
        rows
    }

    /// As a PDF.
    #[must_use]
    pub fn pdf(&self) -> Vec<u8> {
        let dots = miniz_oxide::deflate::compress_to_vec_zlib(&self.rows(), 6);
        let (wide, high) = POINTS;
        let drawing = format!("{wide} 0 0 {high} 0 0 cm /Page Do");
        let objects: [(String, &[u8]); 5] = [
            ("<< /Type /Catalog /Pages 2 0 R >>".to_owned(), b""),
            ("<< /Type /Pages /Count 1 /Kids [3 0 R] >>".to_owned(), b""),
            (
                format!(
                    "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 {wide} {high}] /Contents 4 0 R \
                     /Resources << /XObject << /Page 5 0 R >> >> >>"
                ),
                b"",
            ),
            (
                format!("<< /Length {} >>", drawing.len()),
                drawing.as_bytes(),
            ),
            (
                format!(
                    "<< /Type /XObject /Subtype /Image /Width {WIDTH} /Height {HEIGHT} \
                     /ColorSpace /DeviceGray /BitsPerComponent 1 /Filter /FlateDecode /Length {} >>",
                    dots.len()
                ),
                &dots,
            ),
        ];
        written(&objects).expect("a vector takes all bytes")
    }

    /// As a PNG.
    #[must_use]
    pub fn png(&self) -> Vec<u8> {
        let side = |dots: usize| u32::try_from(dots).expect("a page is small");
        let mut file = Vec::new();
        let mut encoder = png::Encoder::new(&mut file, side(WIDTH), side(HEIGHT));
        encoder.set_color(png::ColorType::Grayscale);
        encoder.set_depth(png::BitDepth::One);
        let mut writer = encoder.write_header().expect("a vector takes all bytes");
        writer
            .write_image_data(&self.rows())
            .expect("the picture has the size it was announced with");
        writer.finish().expect("a vector takes all bytes");
        file
    }
}

fn written(objects: &[(String, &[u8])]) -> std::io::Result<Vec<u8>> {
    let mut out = b"%PDF-1.4\n%\xE2\xE3\xCF\xD3\n".to_vec();
    let mut offsets = Vec::new();
    for (number, (dictionary, stream)) in (1..).zip(objects) {
        offsets.push(out.len());
        write!(out, "{number} 0 obj\n{dictionary}\n")?;
        if !stream.is_empty() {
            out.extend_from_slice(b"stream\n");
            out.extend_from_slice(stream);
            out.extend_from_slice(b"\nendstream\n");
        }
        out.extend_from_slice(b"endobj\n");
    }
    let table = out.len();
    let size = offsets.len() + 1;
    write!(out, "xref\n0 {size}\n0000000000 65535 f \n")?;
    for offset in offsets {
        writeln!(out, "{offset:010} 00000 n ")?;
    }
    let trailer = format!("trailer << /Size {size} /Root 1 0 R >>");
    write!(out, "{trailer}\nstartxref\n{table}\n%%EOF\n")?;
    Ok(out)
}
