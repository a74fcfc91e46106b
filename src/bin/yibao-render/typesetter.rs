//! One template with one set of values: typeset, looked at, written out. Keeps typst's memory of the last sheets, so
//! that the next one is quick.

use typst::comemo;
use typst::diag::{SourceDiagnostic, Warned};
use typst::foundations::Smart;
use typst::utils::LazyHash;
use typst::{Library, LibraryExt as _};
use typst_layout::PagedDocument;
use typst_pdf::{PdfOptions, PdfStandard, PdfStandards};

use crate::fault;
use crate::fonts::Fonts;
use crate::glyphs;
use crate::marks;
use crate::typeset::{Ask, BODY_BYTES_MAX, Fault};
use crate::world::Sheet;

/// The values of an invented person: what a template is tried with that failed with others.
const SAMPLE: &[u8] = include_bytes!("../../../packaging/templates/sheet.json");
/// Longest sheet.
const PAGES_MAX: usize = 100;
/// What typst remembers is dropped when so many sheets did not need it.
const REMEMBERED_SHEETS: usize = 8;

/// Typesets one sheet after the other.
pub(crate) struct Typesetter {
    library: LazyHash<Library>,
    /// Looked for when they are needed first, and anew once one was missing.
    fonts: Option<Fonts>,
}

/// A sheet as it leaves.
pub(crate) struct Typeset {
    pub(crate) bytes: Vec<u8>,
    pub(crate) pages: u32,
}

impl Typesetter {
    pub(crate) fn new() -> Self {
        Self {
            library: LazyHash::new(Library::default()),
            fonts: None,
        }
    }

    /// # Errors
    /// Why there is no sheet.
    pub(crate) fn typeset(&mut self, ask: &Ask, values: Vec<u8>) -> Result<Typeset, Fault> {
        let fonts = self.fonts.get_or_insert_with(Fonts::of_this_machine);
        let typeset = typeset(&self.library, fonts, ask, values);
        comemo::evict(REMEMBERED_SHEETS);
        if let Err(Fault::NoFont | Fault::NoGlyph { .. }) = typeset {
            // The one that is missing may be installed meanwhile.
            self.fonts = None;
        }
        typeset
    }
}

fn typeset(
    library: &LazyHash<Library>,
    fonts: &Fonts,
    ask: &Ask,
    values: Vec<u8>,
) -> Result<Typeset, Fault> {
    if !glyphs::has_chinese(fonts.book()) {
        return Err(Fault::NoFont);
    }
    let sheet = Sheet::new(library, fonts, &ask.template_dir, values.clone());
    let document = compiled(&sheet).map_err(|error| {
        let sample = Sheet::new(library, fonts, &ask.template_dir, SAMPLE.to_vec());
        let tried = compiled(&sample).err();
        fault::of(&sheet, &error, tried.as_ref().map(|error| (&sample, error)))
    })?;
    if let Some(fault) = glyphs::missing(&document, &values) {
        return Err(fault);
    }
    if let Some(fault) = marks::unnamed(&sheet, &values) {
        return Err(fault);
    }
    let count = document.pages().len();
    if count > PAGES_MAX {
        let most = format!("{PAGES_MAX} pages");
        return Err(Fault::TooLong { most });
    }
    let bytes = pdf(&document).map_err(|error| fault::of(&sheet, &error, None))?;
    if bytes.len() > BODY_BYTES_MAX {
        let most = format!("{BODY_BYTES_MAX} bytes");
        return Err(Fault::TooLong { most });
    }
    let pages = u32::try_from(count).unwrap_or(u32::MAX);
    Ok(Typeset { bytes, pages })
}

/// The document, or the first error.
fn compiled(sheet: &Sheet) -> Result<PagedDocument, SourceDiagnostic> {
    let Warned { output, .. } = typst::compile::<PagedDocument>(sheet);
    output.map_err(first)
}

fn first(errors: impl IntoIterator<Item = SourceDiagnostic>) -> SourceDiagnostic {
    let detached = typst::syntax::Span::detached();
    let first = errors.into_iter().next();
    first.unwrap_or_else(|| SourceDiagnostic::error(detached, "no error was told"))
}

/// PDF 1.4: what old printers take, and its pages can be counted from outside.
fn pdf(document: &PagedDocument) -> Result<Vec<u8>, SourceDiagnostic> {
    let standards = PdfStandards::new(&[PdfStandard::V_1_4]);
    let options = PdfOptions {
        creator: Smart::Custom(Some("yibao-render".to_owned())),
        standards: standards.expect("a single version contradicts nothing"),
        tagged: false,
        ..PdfOptions::default()
    };
    typst_pdf::pdf(document, &options).map_err(first)
}
