//! A piece of paper as a picture: white paper on a grey desk, its edges toothed by the knife. Pure.

use super::paper::{PAPER_DOTS, Paper};

/// Paper beside the print: 80 mm paper, 72 mm print.
const SIDE_DOTS: usize = 32;
/// Desk around the paper.
const DESK_DOTS: usize = 20;
/// Height and half width of a tooth of the knife.
const TOOTH_DOTS: usize = 6;
/// Least paper above the first row: a cut piece may begin with print.
const HEAD_DOTS: usize = 16;

const DESK_GREY: u8 = 0xB4;
const SHADE_GREY: u8 = 0x96;
const PAPER_GREY: u8 = 0xFC;
const INK_GREY: u8 = 0x1E;

/// Draws it as an 8-bit grey PNG.
pub(super) fn draw(paper: &Paper) -> Vec<u8> {
    let sheet = (PAPER_DOTS + 2 * SIDE_DOTS, paper.height() + 2 * HEAD_DOTS);
    let size = (sheet.0 + 2 * DESK_DOTS, sheet.1 + 2 * DESK_DOTS);
    let mut grey = Vec::with_capacity(size.0 * size.1);
    for y in 0..size.1 {
        for x in 0..size.0 {
            grey.push(shade(paper, sheet, x, y));
        }
    }
    encode(size, &grey)
}

fn shade(paper: &Paper, sheet: (usize, usize), x: usize, y: usize) -> u8 {
    let (Some(left), Some(top)) = (x.checked_sub(DESK_DOTS), y.checked_sub(DESK_DOTS)) else {
        return DESK_GREY;
    };
    if !on_sheet(sheet, left, top) {
        let shadow = left >= 3 && top >= 3 && on_sheet(sheet, left - 3, top - 3);
        return if shadow { SHADE_GREY } else { DESK_GREY };
    }
    match (left.checked_sub(SIDE_DOTS), top.checked_sub(HEAD_DOTS)) {
        (Some(x), Some(y)) if paper.dot(x, y) => INK_GREY,
        _ => PAPER_GREY,
    }
}

fn on_sheet(sheet: (usize, usize), x: usize, y: usize) -> bool {
    let phase = x % (2 * TOOTH_DOTS);
    let tooth = phase.min(2 * TOOTH_DOTS - phase);
    x < sheet.0 && y >= tooth && y + TOOTH_DOTS < sheet.1 + tooth
}

fn encode(size: (usize, usize), grey: &[u8]) -> Vec<u8> {
    let side = |dots: usize| u32::try_from(dots).expect("paper is at most 40 000 rows");
    let mut file = Vec::new();
    let mut encoder = png::Encoder::new(&mut file, side(size.0), side(size.1));
    encoder.set_color(png::ColorType::Grayscale);
    encoder.set_depth(png::BitDepth::Eight);
    let mut writer = encoder.write_header().expect("a vector takes all bytes");
    writer
        .write_image_data(grey)
        .expect("the picture has the size it was announced with");
    writer.finish().expect("a vector takes all bytes");
    file
}
