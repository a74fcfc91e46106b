//! What typst has to say of a template, without a word of the values.
//!
//! Its messages may repeat what a template computed. So a template that failed is tried once more with the sample of
//! an invented person: what is said then, at the same place, is told. What only the real values bring about is told
//! by its place alone.

use typst::WorldExt as _;
use typst::diag::SourceDiagnostic;
use typst::syntax::Source;
use typst::{World, syntax::DiagSpan};

use crate::typeset::{Fault, SHEET_TEMPLATE};
use crate::world::Sheet;

/// Longest message.
const MESSAGE_LENGTH_MAX: usize = 300;

/// Where it is, and what the sample's error says if that is at the same place.
pub(crate) fn of(
    real: &Sheet,
    error: &SourceDiagnostic,
    sample: Option<(&Sheet, &SourceDiagnostic)>,
) -> Fault {
    let (file, line, column) = place(real, error.span);
    let same = sample.filter(|(sheet, sample)| {
        place(sheet, sample.span) == (file.clone(), line, column)
            && (line > 0 || error.message == sample.message)
    });
    let message = same.map_or_else(String::new, |(_, sample)| {
        let hints = sample.hints.iter().map(|hint| hint.v.as_str());
        let words: Vec<&str> = std::iter::once(sample.message.as_str())
            .chain(hints)
            .collect();
        words.join("; ").chars().take(MESSAGE_LENGTH_MAX).collect()
    });
    Fault::Template {
        file,
        line,
        column,
        message,
    }
}

/// The file, the line and the column, both from 1; 0 where there is none. A file whose name the template computed is
/// not named.
fn place(sheet: &Sheet, span: DiagSpan) -> (String, u32, u32) {
    let found = span.id().and_then(|id| {
        let source: Source = sheet.source(id).ok()?;
        let range = sheet.range(span)?;
        let at = source.lines().byte_to_line_column(range.start)?;
        Some((id.get().vpath().get_without_slash().to_owned(), at))
    });
    let number = |at: usize| u32::try_from(at).unwrap_or(u32::MAX).saturating_add(1);
    match found {
        Some((file, (line, column))) => (file, number(line), number(column)),
        None => (SHEET_TEMPLATE.to_owned(), 0, 0),
    }
}
