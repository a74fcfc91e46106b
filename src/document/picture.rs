//! PURE. Pictures: PNG to dots in black and white, and dots to PNG.

use super::model::Bitmap;

/// Widest picture, dots: 104 mm of paper.
pub const WIDTH_MAX: u32 = 832;
/// Highest picture, dots.
pub const HEIGHT_MAX: u32 = 4_000;
/// Bytes of a PNG.
const PNG_BYTES_MAX: usize = 524_288;
/// Bytes that reading one may take.
const READ_BYTES_MAX: usize = 32 * 1_024 * 1_024;
/// Greys below it are black.
const BLACK_BELOW: u32 = 128;

/// A PNG as dots. What is transparent is white.
///
/// # Errors
/// Why it cannot be read, in words.
pub fn read(bytes: &[u8]) -> Result<Bitmap, String> {
    if bytes.len() > PNG_BYTES_MAX {
        return Err(format!("has more than {PNG_BYTES_MAX} bytes"));
    }
    let limits = png::Limits {
        bytes: READ_BYTES_MAX,
    };
    let mut decoder = png::Decoder::new_with_limits(std::io::Cursor::new(bytes), limits);
    decoder.set_transformations(png::Transformations::EXPAND | png::Transformations::STRIP_16);
    let wrong = |_| "is no PNG that can be read".to_owned();
    let mut reader = decoder.read_info().map_err(wrong)?;
    let (width, height) = (reader.info().width, reader.info().height);
    let mut bitmap = of_size(width, height)?;
    let size = reader.output_buffer_size().unwrap_or(0);
    if size > READ_BYTES_MAX {
        return Err("is no PNG that can be read".to_owned());
    }
    let mut buffer = vec![0; size];
    let info = reader.next_frame(&mut buffer).map_err(wrong)?;
    let samples = info.color_type.samples();
    for (y, row) in buffer.chunks(info.line_size.max(1)).enumerate() {
        for (x, pixel) in row.chunks(samples).enumerate() {
            if is_black(info.color_type, pixel) {
                bitmap.blacken(x, y);
            }
        }
    }
    Ok(bitmap)
}

fn is_black(color: png::ColorType, pixel: &[u8]) -> bool {
    let sample = |at: usize| u32::from(pixel.get(at).copied().unwrap_or(u8::MAX));
    let light = |red: u32, green: u32, blue: u32| (red * 299 + green * 587 + blue * 114) / 1_000;
    let (light, alpha) = match color {
        png::ColorType::Grayscale | png::ColorType::Indexed => (sample(0), 255),
        png::ColorType::GrayscaleAlpha => (sample(0), sample(1)),
        png::ColorType::Rgb => (light(sample(0), sample(1), sample(2)), 255),
        png::ColorType::Rgba => (light(sample(0), sample(1), sample(2)), sample(3)),
    };
    (light * alpha + 255 * (255 - alpha)) / 255 < BLACK_BELOW
}

/// Dots as they were given.
///
/// # Errors
/// What is wrong with them, in words.
pub fn of_rows(width: u32, height: u32, rows: Vec<u8>) -> Result<Bitmap, String> {
    let bitmap = of_size(width, height)?;
    if rows.len() != bitmap.rows.len() {
        return Err(format!("must have {} bytes of rows", bitmap.rows.len()));
    }
    Ok(Bitmap { rows, ..bitmap })
}

fn of_size(width: u32, height: u32) -> Result<Bitmap, String> {
    let wrong = || format!("is 1–{WIDTH_MAX} dots wide and 1–{HEIGHT_MAX} high");
    if !(1..=WIDTH_MAX).contains(&width) || !(1..=HEIGHT_MAX).contains(&height) {
        return Err(wrong());
    }
    let sides = (u16::try_from(width), u16::try_from(height));
    let (Ok(width), Ok(height)) = sides else {
        return Err(wrong());
    };
    Ok(Bitmap::new(width, height))
}

/// A PNG of the dots, a pixel each.
#[must_use]
pub fn png_of(bitmap: &Bitmap) -> Vec<u8> {
    let mut file = Vec::new();
    let mut encoder = png::Encoder::new(&mut file, bitmap.width.into(), bitmap.height.into());
    encoder.set_color(png::ColorType::Grayscale);
    encoder.set_depth(png::BitDepth::One);
    let white_is_one: Vec<u8> = bitmap.rows.iter().map(|byte| !byte).collect();
    let written = encoder.write_header().and_then(|mut writer| {
        writer.write_image_data(&white_is_one)?;
        writer.finish()
    });
    written.expect("a vector takes all bytes of a picture that is as large as it says");
    file
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_reads_back() {
        let mut bitmap = Bitmap::new(13, 5);
        for (x, y) in [(0, 0), (12, 4), (7, 2), (8, 2)] {
            bitmap.blacken(x, y);
        }
        assert_eq!(read(&png_of(&bitmap)).unwrap(), bitmap);
    }

    #[test]
    fn colours_and_what_is_transparent() {
        for (pixel, black) in [
            ([0, 0, 0, 255], true),
            ([0, 0, 0, 0], false),
            ([255, 255, 0, 255], false),
            ([0, 0, 255, 255], true),
            ([0, 0, 0, 100], false),
        ] {
            let mut file = Vec::new();
            let mut encoder = png::Encoder::new(&mut file, 1, 1);
            encoder.set_color(png::ColorType::Rgba);
            let mut writer = encoder.write_header().unwrap();
            writer.write_image_data(&pixel).unwrap();
            writer.finish().unwrap();
            assert_eq!(read(&file).unwrap().dot(0, 0), black, "{pixel:?}");
        }
    }

    #[test]
    fn what_is_no_picture_is_refused() {
        let whole = png_of(&Bitmap::new(9, 9));
        for end in 0..whole.len() - 12 {
            assert!(read(&whole[..end]).is_err(), "{end}");
        }
        assert!(read(&png_of(&Bitmap::new(833, 1))).is_err());
        assert!(of_rows(9, 2, vec![0; 3]).is_err());
        assert_eq!(of_rows(9, 2, vec![0; 4]), Ok(Bitmap::new(9, 2)));
        assert!(of_rows(0, 2, vec![]).is_err());
    }
}
