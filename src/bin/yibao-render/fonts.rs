//! The fonts of this machine: all are known by what they can draw, those that are drawn with are read.
//!
//! Where no font that a text names is there, typst looks for one of its own names, and without any it drops characters
//! that no font has without a word. So one that draws Chinese bears that name too: what it lacks is drawn as a box, and
//! boxes are found.

use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use fontdb::{Database, Source};
use typst::foundations::Bytes;
use typst::text::{Font, FontBook, FontInfo};
use typst::utils::LazyHash;

use crate::glyphs::draws_chinese;

/// The family that typst takes where a text names none that is there.
const LAST_RESORT: &str = "Libertinus Serif";

/// What typst chooses from, and where each lies.
pub(crate) struct Fonts {
    book: LazyHash<FontBook>,
    slots: Vec<Arc<Slot>>,
}

struct Slot {
    path: PathBuf,
    /// In a collection.
    index: u32,
    font: OnceLock<Option<Font>>,
}

impl Fonts {
    /// Those that fontconfig would find.
    pub(crate) fn of_this_machine() -> Self {
        let mut database = Database::new();
        database.load_system_fonts();
        let mut book = FontBook::new();
        let mut slots: Vec<Arc<Slot>> = Vec::new();
        let mut last_resort = None;
        for face in database.faces() {
            let (Source::File(path) | Source::SharedFile(path, _)) = &face.source else {
                continue;
            };
            let Some(Some(info)) = database.with_face_data(face.id, FontInfo::new) else {
                continue;
            };
            let slot = Arc::new(Slot {
                path: path.clone(),
                index: face.index,
                font: OnceLock::new(),
            });
            if last_resort.is_none() && draws_chinese(&info) {
                let named = FontInfo {
                    family: LAST_RESORT.to_owned(),
                    ..info.clone()
                };
                last_resort = Some((named, Arc::clone(&slot)));
            }
            book.push(info);
            slots.push(slot);
        }
        if let Some((named, slot)) = last_resort
            && !book.contains_family(&LAST_RESORT.to_lowercase())
        {
            book.push(named);
            slots.push(slot);
        }
        Self {
            book: LazyHash::new(book),
            slots,
        }
    }

    pub(crate) fn book(&self) -> &LazyHash<FontBook> {
        &self.book
    }

    pub(crate) fn font(&self, place: usize) -> Option<Font> {
        let slot = self.slots.get(place)?;
        let read = || {
            let bytes = std::fs::read(&slot.path).ok()?;
            Font::new(Bytes::new(bytes), slot.index)
        };
        slot.font.get_or_init(read).clone()
    }
}
