//! The page that tries a report printer: rulers, Chinese, thin lines and greys on one page of A4.
//!
//! It is drawn, letters too (dots of GNU Unifont), so that what is seen is the printer's doing and not that of fonts
//! that the printing system has or lacks. Everything is in millimetres, from the lower left corner.

use std::fmt::Write as _;

use yibaod::document::font;

/// Millimetres in the PDF's own unit, a 72nd of an inch.
const MM: &str = "2.834646";
/// A4.
const WIDTH_MM: usize = 210;
const HEIGHT_MM: usize = 297;
/// White around the frame.
const MARGIN_MM: usize = 5;
/// Where the rulers begin, and how long they are.
const RULER_MM: usize = 15;
const ACROSS_MM: usize = 180;
const DOWN_MM: usize = 260;
/// Dots of a glyph, each way.
const GLYPH_DOTS: usize = 16;
/// Dots of a narrow one.
const NARROW_DOTS: usize = 8;

/// Lines of text: how high, in millimetres from below; how large a dot is, in hundredths of a millimetre.
const LINES: [(usize, usize, &str); 8] = [
    (250, 45, "打印测试页 yibao test page"),
    (236, 25, "常用字：医疗保障电子凭证 门诊结算 费用清单"),
    (228, 25, "生僻字：镕 喆 堃 祎 㛃 䶮 犇 翀"),
    (220, 25, "符号：￥ € ① ℃ ± × ÷ — …"),
    (
        210,
        25,
        "外框距纸边 5 毫米，四边须完整；标尺每格 1 毫米，请用直尺核对",
    ),
    (
        202,
        25,
        "The frame is 5 mm from each edge; a step of the rulers is 1 mm.",
    ),
    (188, 25, "细线 lines 0.1 0.2 0.5 1.0 mm"),
    (142, 25, "灰阶 greys 10 25 50 75 100 %"),
];
/// Thin lines: how high; how thick, as the PDF writes millimetres.
const THIN: [(usize, &str); 4] = [(182, "0.1"), (176, "0.2"), (170, "0.5"), (164, "1")];
/// Greys: where, and how white.
const GREYS: [(usize, &str); 5] = [
    (30, "0.9"),
    (60, "0.75"),
    (90, "0.5"),
    (120, "0.25"),
    (150, "0"),
];

/// The page as a PDF.
pub(super) fn pdf() -> Vec<u8> {
    let drawn = drawn();
    let objects = [
        "<< /Type /Catalog /Pages 2 0 R >>".to_owned(),
        "<< /Type /Pages /Count 1 /Kids [3 0 R] >>".to_owned(),
        "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595.28 841.89] /Contents 4 0 R /Resources << >> >>"
            .to_owned(),
        format!("<< /Length {} >>\nstream\n{drawn}endstream", drawn.len()),
    ];
    let mut out = "%PDF-1.4\n".to_owned();
    let mut offsets = String::new();
    for (before, object) in objects.iter().enumerate() {
        write_to(&mut offsets, format_args!("{:010} 00000 n \n", out.len()));
        write_to(
            &mut out,
            format_args!("{} 0 obj\n{object}\nendobj\n", before + 1),
        );
    }
    let (size, table) = (objects.len() + 1, out.len());
    write_to(
        &mut out,
        format_args!(
            "xref\n0 {size}\n0000000000 65535 f \n{offsets}trailer << /Size {size} /Root 1 0 R >>\n\
             startxref\n{table}\n%%EOF\n"
        ),
    );
    out.into_bytes()
}

/// The drawing itself.
fn drawn() -> String {
    let mut page = format!("{MM} 0 0 {MM} 0 0 cm\n0.2 w\n");
    let (wide, high) = (WIDTH_MM - 2 * MARGIN_MM, HEIGHT_MM - 2 * MARGIN_MM);
    write_to(
        &mut page,
        format_args!("{MARGIN_MM} {MARGIN_MM} {wide} {high} re S\n"),
    );
    across(&mut page);
    down(&mut page);
    for (high, dot, text) in LINES {
        letters(&mut page, (30, high), dot, text);
    }
    for (high, thick) in THIN {
        write_to(
            &mut page,
            format_args!("{thick} w 30 {high} m 180 {high} l S\n"),
        );
    }
    for (at, white) in GREYS {
        write_to(&mut page, format_args!("{white} g {at} 120 25 18 re f\n"));
    }
    page.push_str("0 g\n");
    page
}

/// The ruler along the upper edge; its numbers are centimetres.
fn across(page: &mut String) {
    let top = HEIGHT_MM - RULER_MM;
    for mm in 0..=ACROSS_MM {
        let at = RULER_MM + mm;
        write_to(
            page,
            format_args!("{at} {top} m {at} {} l S\n", top - tick(mm)),
        );
        if mm % 10 == 0 && mm > 0 {
            letters(page, (at - 1, top - 10), 15, &(mm / 10).to_string());
        }
    }
}

/// The ruler along the left edge.
fn down(page: &mut String) {
    for mm in 0..=DOWN_MM {
        let at = HEIGHT_MM - RULER_MM - mm;
        write_to(
            page,
            format_args!("{RULER_MM} {at} m {} {at} l S\n", RULER_MM + tick(mm)),
        );
        if mm % 10 == 0 && mm > 0 {
            letters(page, (RULER_MM + 6, at - 1), 15, &(mm / 10).to_string());
        }
    }
}

/// How long the mark of a millimetre is.
fn tick(mm: usize) -> usize {
    match (mm % 10, mm % 5) {
        (0, _) => 5,
        (_, 0) => 4,
        (_, _) => 2,
    }
}

/// Letters from there on, drawn dot by dot.
fn letters(page: &mut String, (left, bottom): (usize, usize), dot_hundredths: usize, text: &str) {
    write_to(
        page,
        format_args!("q 0.{dot_hundredths:02} 0 0 0.{dot_hundredths:02} {left} {bottom} cm\n"),
    );
    let mut column = 0;
    for letter in text.chars() {
        let Some(glyph) = font::glyph(letter) else {
            continue;
        };
        let width = if glyph.is_wide() {
            GLYPH_DOTS
        } else {
            NARROW_DOTS
        };
        for row in 0..GLYPH_DOTS {
            for at in (0..width).filter(|at| glyph.dot(*at, row)) {
                write_to(
                    page,
                    format_args!("{} {} 1 1 re\n", column + at, GLYPH_DOTS - 1 - row),
                );
            }
        }
        column += width;
        page.push_str("f\n");
    }
    page.push_str("Q\n");
}

fn write_to(text: &mut String, what: std::fmt::Arguments<'_>) {
    text.write_fmt(what).expect("a string takes everything");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_letter_of_the_page_has_dots() {
        for (_, _, text) in LINES {
            let missing: Vec<char> = text.chars().filter(|c| font::glyph(*c).is_none()).collect();
            assert!(missing.is_empty(), "{text}: {missing:?}");
        }
    }

    #[test]
    fn nothing_is_drawn_beyond_the_frame() {
        for (_, dot, text) in LINES {
            let dots: usize = text
                .chars()
                .filter_map(font::glyph)
                .map(|glyph| {
                    if glyph.is_wide() {
                        GLYPH_DOTS
                    } else {
                        NARROW_DOTS
                    }
                })
                .sum();
            assert!(30 + dots * dot / 100 < WIDTH_MM - MARGIN_MM, "{text}");
        }
        const { assert!(RULER_MM + ACROSS_MM < WIDTH_MM - MARGIN_MM) };
        const { assert!(RULER_MM + DOWN_MM < HEIGHT_MM - MARGIN_MM) };
    }

    #[test]
    fn its_table_says_where_the_objects_are() {
        let pdf = String::from_utf8(pdf()).unwrap();
        assert!(pdf.is_ascii() && pdf.starts_with("%PDF-1.4\n") && pdf.ends_with("%%EOF\n"));
        let table: usize = pdf.lines().rev().nth(1).unwrap().parse().unwrap();
        let rows = pdf[table..].lines().skip(3).take(4);
        for (before, row) in rows.enumerate() {
            let offset: usize = row[..10].parse().unwrap();
            assert!(
                pdf[offset..].starts_with(&format!("{} 0 obj\n", before + 1)),
                "{row}"
            );
        }
        let stream = pdf.split("stream\n").nth(1).unwrap();
        let length = pdf
            .split("/Length ")
            .nth(1)
            .unwrap()
            .split(' ')
            .next()
            .unwrap();
        assert_eq!(stream.trim_end_matches("end").len().to_string(), length);
    }
}
