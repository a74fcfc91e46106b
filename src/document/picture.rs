//! PURE. Pictures in black and white: their limits, and dots to PNG.

use super::model::Bitmap;

/// Widest picture, dots: 104 mm of paper.
pub const WIDTH_MAX: u32 = 832;
/// Highest picture, dots.
pub const HEIGHT_MAX: u32 = 4_000;

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

/// White dots of a size that a paper can have.
///
/// # Errors
/// What is wrong with it, in words.
pub fn of_size(width: u32, height: u32) -> Result<Bitmap, String> {
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
