//! A PDF that is passed on as it is: what is remembered of it, and the little that is looked at. PURE.
//!
//! Nothing of it is parsed: that it begins and ends as a PDF does, and how many pages say so openly.

use super::refunding::Said;

/// It begins so.
const HEAD: &[u8] = b"%PDF-";
/// It has this near its end.
const TAIL: &[u8] = b"%%EOF";
/// How near: what writers append behind it is forgiven.
const TAIL_WITHIN_BYTES: usize = 1_024;
/// The longest `/Type   /Page` that is recognised.
const PAGE_BYTES_MAX: usize = 32;

/// A PDF that lies sealed beside the journal.
#[derive(Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Pdf {
    /// The name of its file.
    pub file: String,
    /// What it is sealed with, hex. It stands in the sealed half of the job: who forgets that forgets the file.
    pub key: String,
    /// SM3 of what was sealed, hex.
    pub digest: String,
    /// Its length.
    pub bytes: u64,
    /// Its pages; 0: it does not say so openly.
    pub pages: u32,
    /// Of a sheet of ours: what it says of the refund.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub said: Option<Box<Said>>,
}

impl std::fmt::Debug for Pdf {
    /// Its size only.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Pdf({} bytes)", self.bytes)
    }
}

/// Looks at a PDF piece by piece.
#[derive(Clone, Debug, Default)]
pub struct PdfLook {
    head: Vec<u8>,
    tail: Vec<u8>,
    /// The end of what was looked through: a page may stand across two pieces.
    carry: Vec<u8>,
    pages: u32,
}

impl PdfLook {
    /// Takes the next piece.
    pub fn take(&mut self, piece: &[u8]) {
        let missing = HEAD.len().saturating_sub(self.head.len());
        self.head.extend(piece.iter().take(missing));
        let kept = piece.len().min(TAIL_WITHIN_BYTES);
        self.tail.extend_from_slice(&piece[piece.len() - kept..]);
        let excess = self.tail.len().saturating_sub(TAIL_WITHIN_BYTES);
        self.tail.drain(..excess);
        self.carry.extend_from_slice(piece);
        let decided = self.carry.len().saturating_sub(PAGE_BYTES_MAX);
        self.pages = self.pages.saturating_add(pages_from(&self.carry, decided));
        self.carry.drain(..decided);
    }

    /// Its pages, if it is a PDF.
    #[must_use]
    pub fn end(self) -> Option<u32> {
        let has_tail = self.tail.windows(TAIL.len()).any(|at| at == TAIL);
        let pages = self
            .pages
            .saturating_add(pages_from(&self.carry, self.carry.len()));
        (self.head == HEAD && has_tail).then_some(pages)
    }
}

/// Pages that begin before `end`.
fn pages_from(bytes: &[u8], end: usize) -> u32 {
    let is_page = |at: &usize| {
        let rest = bytes[*at..]
            .strip_prefix(b"/Type")
            .map(<[u8]>::trim_ascii_start);
        let rest = rest.and_then(|rest| rest.strip_prefix(b"/Page"));
        rest.is_some_and(|rest| {
            rest.first()
                .is_none_or(|next| !next.is_ascii_alphanumeric())
        })
    };
    u32::try_from((0..end).filter(is_page).count()).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TWO: &[u8] = b"%PDF-1.4\n<< /Type /Pages /Count 2 >>\n<</Type/Page>>\n<< /Type\n /Page /Parent 1 0 R >>\n%%EOF\n";

    fn look(pdf: &[u8], piece_bytes: usize) -> Option<u32> {
        let mut look = PdfLook::default();
        for piece in pdf.chunks(piece_bytes) {
            look.take(piece);
        }
        look.end()
    }

    #[test]
    fn however_it_is_cut_it_is_the_same_pdf() {
        for piece_bytes in 1..=TWO.len() {
            assert_eq!(look(TWO, piece_bytes), Some(2), "{piece_bytes}");
        }
    }

    #[test]
    fn what_is_no_pdf_or_not_whole_is_told() {
        assert_eq!(look(b"<html>%PDF-1.4 %%EOF", 7), None);
        assert_eq!(look(&TWO[..TWO.len() - 4], 7), None);
        assert_eq!(look(b"", 1), None);
        assert_eq!(look(b"%PDF-1.7 %%EOF", 64), Some(0));
        let long = [b"%PDF-1.4 %%EOF".as_slice(), &[b' '; 2_000]].concat();
        assert_eq!(look(&long, 100), None);
    }
}
