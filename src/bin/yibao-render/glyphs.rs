//! Whether every character of a sheet has a glyph: what has none would be drawn as a box.

use std::collections::BTreeSet;

use serde_json::Value;
use typst::layout::{Frame, FrameItem};
use typst_layout::PagedDocument;

use crate::typeset::Fault;

/// A character that every Chinese font has.
const CHINESE: char = '医';
/// Fields that are named; more help nobody.
const FIELDS_MAX: usize = 8;

/// Whether any font can draw Chinese.
pub(crate) fn has_chinese(book: &typst::text::FontBook) -> bool {
    let fonts = book.families().flat_map(|(_, fonts)| fonts);
    let mut infos = fonts.filter_map(|font| book.info(font));
    infos.any(draws_chinese)
}

/// Whether this one can.
pub(crate) fn draws_chinese(font: &typst::text::FontInfo) -> bool {
    font.coverage.contains(u32::from(CHINESE))
}

/// The characters without a glyph, by the values that hold them.
pub(crate) fn missing(document: &PagedDocument, values: &[u8]) -> Option<Fault> {
    let mut without = BTreeSet::new();
    for page in document.pages() {
        look(&page.frame, &mut without);
    }
    if without.is_empty() {
        return None;
    }
    let values: Value = serde_json::from_slice(values).unwrap_or_default();
    let mut fields = Vec::new();
    hold(&values, "", &without, &mut fields);
    fields.truncate(FIELDS_MAX);
    let blocks: BTreeSet<&str> = without.iter().map(|c| block(*c)).collect();
    Some(Fault::NoGlyph {
        fields,
        blocks: blocks.into_iter().map(str::to_owned).collect(),
    })
}

fn look(frame: &Frame, without: &mut BTreeSet<char>) {
    for (_, item) in frame.items() {
        match item {
            FrameItem::Group(group) => look(&group.frame, without),
            FrameItem::Text(text) => {
                for glyph in text.glyphs.iter().filter(|glyph| glyph.id == 0) {
                    let drawn = text.text.get(glyph.range()).unwrap_or_default();
                    let visible = |c: &char| !c.is_whitespace() && !c.is_control();
                    without.extend(drawn.chars().filter(visible));
                }
            }
            FrameItem::Shape(..)
            | FrameItem::Image(..)
            | FrameItem::Link(..)
            | FrameItem::Tag(_) => {}
        }
    }
}

/// The paths of the texts that hold one of these, in order.
fn hold(value: &Value, path: &str, sought: &BTreeSet<char>, found: &mut Vec<String>) {
    match value {
        Value::String(text) => {
            if text.chars().any(|c| sought.contains(&c)) {
                found.push(path.to_owned());
            }
        }
        Value::Array(items) => {
            for (place, item) in items.iter().enumerate() {
                hold(item, &format!("{path}[{place}]"), sought, found);
            }
        }
        Value::Object(fields) => {
            for (name, field) in fields {
                let dot = if path.is_empty() { "" } else { "." };
                hold(field, &format!("{path}{dot}{name}"), sought, found);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// The block of a character, which says what font to look for. Not the character: it may be all of a name.
fn block(c: char) -> &'static str {
    match u32::from(c) {
        0x3400..=0x4dbf => "CJK Extension A",
        0x4e00..=0x9fff => "CJK",
        0xe000..=0xf8ff | 0xf_0000..=0x10_ffff => "Private Use",
        0xf900..=0xfaff | 0x2_f800..=0x2_fa1f => "CJK Compatibility",
        0x2_0000..=0x2_a6df => "CJK Extension B",
        0x2_a700..=0x2_b73f => "CJK Extension C",
        0x2_b740..=0x2_b81f => "CJK Extension D",
        0x2_b820..=0x2_ceaf => "CJK Extension E",
        0x2_ceb0..=0x2_ebef => "CJK Extension F",
        0x2_ebf0..=0x2_ee5f => "CJK Extension I",
        0x3_0000..=0x3_134f => "CJK Extension G",
        0x3_1350..=0x3_23af => "CJK Extension H",
        0x3_23b0..=0x3_347f => "CJK Extension J",
        _ => "other",
    }
}
