//! PutDocument: documents that come in pieces, and the PDF that a Print means. They lie sealed on disk, not in memory.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use sm3::{Digest as _, Sm3};
use tokio::time::Instant;

use super::ask::{CallerId, Failure};
use super::operations::Operations;
use crate::book::Code;
use crate::document::Pdf;
use crate::document::pdf::PdfLook;
use crate::journal::documents::{Documents, Draft, Kept};
use crate::runner::wall_ms;

/// Longest document.
pub const DOCUMENT_BYTES_MAX: u64 = 32 * 1_024 * 1_024;
/// Documents that are not whole, of one caller and of all.
const PARTS_OF_CALLER_MAX: usize = 8;
const PARTS_MAX: usize = 32;
/// Whole documents of one caller that are not printed yet, and uploads of all that are remembered.
const WHOLE_OF_CALLER_MAX: usize = 64;
const REMEMBERED_MAX: usize = 4_096;
/// What of one caller waits to be printed; all documents together may be four times that.
const BYTES_OF_CALLER_MAX: u64 = 512 * 1_024 * 1_024;
/// Pieces of a document: 32 KiB each are enough for the largest.
const PIECES_MAX: usize = 1_024;
/// A document that came or was made whole is kept in pieces of this.
const OWN_PIECE_BYTES: usize = 1_024 * 1_024;
/// A document that is not whole is dropped so long after its last piece.
const PART_KEPT_S: u64 = 900;
/// A whole one so long after it was put, unless it is printed.
const WHOLE_KEPT_S: u64 = 3_600;

/// A checked PutDocument.
#[derive(Clone, Debug)]
pub struct PutWish {
    /// The caller's id for it.
    pub upload_id: String,
    /// Where the piece begins.
    pub offset: u64,
    /// The piece.
    pub piece: Bytes,
    /// Whether it is the last one.
    pub is_last: bool,
}

/// A document as it is by now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PutTold {
    /// Bytes that were received.
    pub received: u64,
    /// Its pages, when it is whole; 0: it does not say so openly.
    pub whole: Option<u32>,
    /// When it is dropped unless something happens to it.
    pub expires_at_ms: i64,
}

type Key = (String, String);

/// What callers put.
#[derive(Default)]
pub(super) struct Uploads {
    by_id: Mutex<BTreeMap<Key, Slot>>,
}

#[derive(Clone)]
struct Slot {
    /// Whoever adds a piece holds it.
    upload: Arc<tokio::sync::Mutex<Upload>>,
    is_whole: bool,
    /// Jobs that have its file, or are being begun with it.
    jobs: usize,
    bytes: u64,
    until: Instant,
}

struct Upload {
    stage: Stage,
    /// Where each piece began, how long it was, and its digest: a piece may come again.
    pieces: Vec<(u64, usize, [u8; 32])>,
}

enum Stage {
    New,
    Part(Draft, PdfLook),
    Whole(Pdf),
    /// A piece could not be written.
    Broken,
}

impl Uploads {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<Key, Slot>> {
        self.by_id.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The upload of this id; begun when there is none and `may_begin`.
    fn slot(&self, key: &Key, may_begin: bool) -> Result<Slot, Failure> {
        let mut by_id = self.lock();
        if let Some(slot) = by_id.get(key) {
            return Ok(slot.clone());
        }
        if !may_begin {
            return Err(Failure::new(Code::DocumentUnknown, ""));
        }
        let parts = || by_id.iter().filter(|(_, slot)| !slot.is_whole);
        let own = parts().filter(|((caller, _), _)| *caller == key.0).count();
        let unprinted = || by_id.iter().filter(|(_, slot)| slot.jobs == 0);
        let of_caller = || unprinted().filter(|((caller, _), _)| *caller == key.0);
        let kept = of_caller().filter(|(_, slot)| slot.is_whole).count();
        let bytes: u64 = of_caller().map(|(_, slot)| slot.bytes).sum();
        let own_is_much = own >= PARTS_OF_CALLER_MAX
            || kept >= WHOLE_OF_CALLER_MAX
            || bytes >= BYTES_OF_CALLER_MAX;
        if own_is_much || parts().count() >= PARTS_MAX || by_id.len() >= REMEMBERED_MAX {
            let detail = format!(
                "{own} of this caller are not whole, {kept} not printed, {bytes} bytes in all"
            );
            return Err(Failure::new(Code::DocumentsTooMany, detail));
        }
        let upload = Upload {
            stage: Stage::New,
            pieces: Vec::new(),
        };
        let slot = Slot {
            upload: Arc::new(tokio::sync::Mutex::new(upload)),
            is_whole: false,
            jobs: 0,
            bytes: 0,
            until: Instant::now() + Duration::from_secs(PART_KEPT_S),
        };
        by_id.insert(key.clone(), slot.clone());
        Ok(slot)
    }

    /// Takes out what is over.
    fn expired(&self) -> Vec<Slot> {
        let now = Instant::now();
        let mut by_id = self.lock();
        let over: Vec<Key> = by_id
            .iter()
            .filter(|(_, slot)| slot.until <= now)
            .map(|(key, _)| key.clone())
            .collect();
        over.iter().filter_map(|key| by_id.remove(key)).collect()
    }

    fn forget(&self, key: &Key) {
        self.lock().remove(key);
    }

    /// When it is dropped from here on.
    fn touch(&self, key: &Key, bytes: u64, is_whole: bool) -> i64 {
        let kept_s = if is_whole { WHOLE_KEPT_S } else { PART_KEPT_S };
        if let Some(slot) = self.lock().get_mut(key) {
            slot.is_whole = is_whole;
            slot.bytes = bytes;
            slot.until = Instant::now() + Duration::from_secs(kept_s);
        }
        let kept_ms = i64::try_from(kept_s).unwrap_or(0).saturating_mul(1_000);
        wall_ms().saturating_add(kept_ms)
    }

    fn used(&self, key: &Key, by_another: bool) {
        if let Some(slot) = self.lock().get_mut(key) {
            slot.jobs = match by_another {
                true => slot.jobs.saturating_add(1),
                false => slot.jobs.saturating_sub(1),
            };
        }
    }
}

impl Operations {
    /// Takes the next piece of a document. A piece that came already is answered, not taken again.
    ///
    /// # Errors
    /// `DOCUMENT_OFFSET`, `DOCUMENT_TOO_LARGE`, `DOCUMENT_NOT_PDF`, `DOCUMENTS_TOO_MANY`.
    pub async fn put_document(&self, caller: CallerId, wish: PutWish) -> Result<PutTold, Failure> {
        if self.is_stopping() {
            return Err(Failure::new(Code::ShuttingDown, "the daemon is stopping"));
        }
        if let Some(refuses) = self.journal_refuses() {
            return Err(refuses);
        }
        self.sweep_uploads().await;
        let uploads = &self.inner.uploads;
        let key = (caller.id, wish.upload_id.clone());
        let slot = uploads.slot(&key, wish.offset == 0)?;
        let mut upload = slot.upload.lock().await;
        let put = upload.put(&self.parts().documents, wish).await;
        if put.is_err() && matches!(upload.stage, Stage::Broken) {
            uploads.forget(&key);
        }
        let (received, whole) = put?;
        let expires_at_ms = uploads.touch(&key, received, whole.is_some());
        Ok(PutTold {
            received,
            whole,
            expires_at_ms,
        })
    }

    /// The document that was put under this id.
    pub(super) async fn put_before(&self, caller: &str, upload_id: &str) -> Result<Pdf, Failure> {
        self.sweep_uploads().await;
        let key = (caller.to_owned(), upload_id.to_owned());
        let slot = self.inner.uploads.slot(&key, false)?;
        let upload = slot.upload.lock().await;
        let Stage::Whole(pdf) = &upload.stage else {
            return Err(Failure::new(Code::DocumentUnknown, "it is not whole"));
        };
        // From here on its file belongs to a job, unless none is begun.
        self.inner.uploads.used(&key, true);
        Ok(pdf.clone())
    }

    /// No job was begun with a document that was put: it waits on, and counts as its caller's unless another has it.
    pub(super) fn put_for_later(&self, caller: &str, upload_id: &str) {
        let key = (caller.to_owned(), upload_id.to_owned());
        self.inner.uploads.used(&key, false);
    }

    /// The digest of a whole document that was put under this id and is there yet.
    pub(super) async fn digest_of_upload(&self, caller: &str, upload_id: &str) -> Option<String> {
        let key = (caller.to_owned(), upload_id.to_owned());
        let slot = self.inner.uploads.slot(&key, false).ok()?;
        let upload = slot.upload.lock().await;
        match &upload.stage {
            Stage::Whole(pdf) => Some(pdf.digest.clone()),
            Stage::New | Stage::Part(..) | Stage::Broken => None,
        }
    }

    /// A document that came whole.
    pub(super) async fn kept_pdf(&self, bytes: Bytes) -> Result<Pdf, Failure> {
        kept_whole(&self.parts().documents, bytes).await
    }

    async fn sweep_uploads(&self) {
        for slot in self.inner.uploads.expired() {
            let upload = slot.upload.lock().await;
            if let Stage::Whole(pdf) = &upload.stage
                && slot.jobs == 0
            {
                self.parts().documents.remove(&pdf.file).await;
            }
        }
    }
}

/// In pieces: a sheet with pictures is longer than what one piece holds.
async fn kept_whole(documents: &Documents, mut rest: Bytes) -> Result<Pdf, Failure> {
    let mut upload = Upload {
        stage: Stage::New,
        pieces: Vec::new(),
    };
    let mut offset = 0;
    loop {
        let piece = rest.split_to(rest.len().min(OWN_PIECE_BYTES));
        let is_last = rest.is_empty();
        let wish = PutWish {
            upload_id: String::new(),
            offset,
            piece,
            is_last,
        };
        (offset, _) = upload.put(documents, wish).await?;
        if is_last {
            break;
        }
    }
    match upload.stage {
        Stage::Whole(pdf) => Ok(pdf),
        Stage::New | Stage::Part(..) | Stage::Broken => Err(Failure::new(Code::DocumentNotPdf, "")),
    }
}

impl Upload {
    async fn put(
        &mut self,
        documents: &Documents,
        wish: PutWish,
    ) -> Result<(u64, Option<u32>), Failure> {
        let PutWish {
            offset,
            piece,
            is_last,
            ..
        } = wish;
        let received = self.received();
        let length = u64::try_from(piece.len()).unwrap_or(u64::MAX);
        let hashed = piece.clone();
        let digest = tokio::task::spawn_blocking(move || Sm3::digest(&hashed).into()).await;
        let digest: [u8; 32] = digest.map_err(|error| not_kept(&io::Error::other(error)))?;
        let this = (offset, piece.len(), digest);
        if self.pieces.contains(&this) && (offset < received || self.is_whole()) {
            return Ok((received, self.pages()));
        }
        if offset != received || self.is_whole() {
            let detail = format!("{received} bytes were received");
            return Err(Failure::new(Code::DocumentOffset, detail));
        }
        if self.pieces.len() >= PIECES_MAX {
            let detail = format!("it has more than {PIECES_MAX} pieces");
            self.stage = Stage::Broken;
            return Err(Failure::new(Code::DocumentTooLarge, detail));
        }
        if received.saturating_add(length) > DOCUMENT_BYTES_MAX {
            let detail = format!("it has more than {DOCUMENT_BYTES_MAX} bytes");
            self.stage = Stage::Broken;
            return Err(Failure::new(Code::DocumentTooLarge, detail));
        }
        let (draft, mut look) = match std::mem::replace(&mut self.stage, Stage::Broken) {
            Stage::Part(draft, look) => (draft, look),
            Stage::New => {
                let draft = documents.begin().await;
                (draft.map_err(|error| not_kept(&error))?, PdfLook::default())
            }
            Stage::Whole(_) | Stage::Broken => {
                return Err(Failure::new(Code::DocumentUnknown, "it was dropped"));
            }
        };
        look.take(&piece);
        let draft = draft.add(piece).await.map_err(|error| not_kept(&error))?;
        self.pieces.push(this);
        let received = draft.bytes();
        if !is_last {
            self.stage = Stage::Part(draft, look);
            return Ok((received, None));
        }
        let Some(pages) = look.end() else {
            return Err(Failure::new(Code::DocumentNotPdf, ""));
        };
        let kept = draft.finish().await.map_err(|error| not_kept(&error))?;
        self.stage = Stage::Whole(pdf(kept, pages));
        Ok((received, Some(pages)))
    }

    fn received(&self) -> u64 {
        match &self.stage {
            Stage::New | Stage::Broken => 0,
            Stage::Part(draft, _) => draft.bytes(),
            Stage::Whole(pdf) => pdf.bytes,
        }
    }

    fn is_whole(&self) -> bool {
        self.pages().is_some()
    }

    fn pages(&self) -> Option<u32> {
        match &self.stage {
            Stage::Whole(pdf) => Some(pdf.pages),
            Stage::New | Stage::Part(..) | Stage::Broken => None,
        }
    }
}

fn pdf(kept: Kept, pages: u32) -> Pdf {
    Pdf {
        file: kept.file,
        key: kept.key,
        digest: kept.digest,
        bytes: kept.bytes,
        pages,
        said: None,
    }
}

fn not_kept(error: &io::Error) -> Failure {
    if error.kind() == io::ErrorKind::StorageFull {
        return Failure::new(Code::DocumentsTooMany, "too much is kept");
    }
    Failure::new(Code::JournalRefuses, format!("the document: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::documents::PIECE_BYTES_MAX;

    /// A PDF of this length, no part of it like another.
    fn pdf_of(bytes: usize) -> Bytes {
        let (head, tail) = (b"%PDF-1.4\n".as_slice(), b"%%EOF\n".as_slice());
        let filling = (0..).flat_map(|number: u32| number.to_be_bytes());
        let filling = filling.take(bytes - head.len() - tail.len());
        head.iter()
            .copied()
            .chain(filling)
            .chain(tail.iter().copied())
            .collect()
    }

    #[tokio::test]
    async fn a_document_longer_than_a_piece_is_kept_whole() {
        let dir = tempfile::tempdir().unwrap();
        let documents = Documents::open(dir.path()).unwrap();
        for bytes in [
            64,
            OWN_PIECE_BYTES,
            OWN_PIECE_BYTES + 1,
            PIECE_BYTES_MAX + 1,
            5 * OWN_PIECE_BYTES,
        ] {
            let whole = pdf_of(bytes);
            let pdf = kept_whole(&documents, whole.clone()).await.unwrap();
            assert_eq!(pdf.digest, hex::encode(Sm3::digest(&whole)));
            let mut pieces = documents.read(Kept {
                file: pdf.file,
                key: pdf.key,
                digest: pdf.digest,
                bytes: pdf.bytes,
            });
            let mut read = Vec::new();
            while let Some(piece) = pieces.recv().await {
                read.extend_from_slice(&piece.unwrap());
            }
            assert!(read == whole, "{bytes} bytes come back as they were");
        }
        let none = kept_whole(&documents, Bytes::from_static(b"no PDF")).await;
        assert_eq!(none.unwrap_err().code, Code::DocumentNotPdf);
        let none = kept_whole(&documents, Bytes::new()).await;
        assert_eq!(none.unwrap_err().code, Code::DocumentNotPdf);
        let long = pdf_of(usize::try_from(DOCUMENT_BYTES_MAX).unwrap() + 1);
        let long = kept_whole(&documents, long).await;
        assert_eq!(long.unwrap_err().code, Code::DocumentTooLarge);
    }
}
