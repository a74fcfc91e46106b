//! Documents too large for events: each lies sealed in a file of its own beside the journal.
//!
//! A file is a row of pieces: length (4, big endian) ‖ nonce ‖ cipher text ‖ tag, SM4-GCM under a key of the document's
//! own. The key is handed out and kept nowhere here: it belongs into the sealed half of an event, so that a document is
//! forgotten with its event. The associated data binds a piece to its file and its place. A document that was not ended
//! has another name and is swept away at the start.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, BufReader, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use sm3::{Digest as _, Sm3};
use tokio::sync::mpsc;
use tokio::task::spawn_blocking;
use zeroize::Zeroizing;

use super::key::fill_random;
use super::seal::{decrypt, encrypt};

/// A document is kept so long, for a reprint; no job waits for its printer as long.
const KEPT_S: u64 = 3 * 86_400;
/// All documents together; beyond it none is taken.
const ALL_BYTES_MAX: u64 = 2 * 1_024 * 1_024 * 1_024;
/// Longest piece.
pub const PIECE_BYTES_MAX: usize = 2 * 1_024 * 1_024;
/// What sealing adds to a piece.
const SEAL_BYTES: usize = 28;
/// Pieces that are read ahead of a slow printer.
const AHEAD_MAX: usize = 2;
/// The end of the name of a document that is not whole.
const PART: &str = ".part";

/// The folder of documents. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Documents {
    dir: Arc<Path>,
}

/// A document that is being written. Dropped before its end, it is gone.
pub struct Draft {
    dir: Arc<Path>,
    name: String,
    key: Zeroizing<[u8; 16]>,
    file: File,
    pieces: u64,
    digest: Sm3,
    bytes: u64,
    is_whole: bool,
}

/// A document that is on disk.
#[derive(Clone, PartialEq, Eq)]
pub struct Kept {
    /// The name of its file.
    pub file: String,
    /// What it is sealed with, hex.
    pub key: String,
    /// SM3 of what was sealed, hex.
    pub digest: String,
    /// Its length.
    pub bytes: u64,
}

impl Documents {
    /// Opens the folder, makes it where there is none, and sweeps it.
    ///
    /// # Errors
    /// The file system's.
    pub fn open(dir: &Path) -> io::Result<Self> {
        let mut builder = DirBuilder::new();
        builder.recursive(true).mode(0o700).create(dir)?;
        sweep(dir, true)?;
        Ok(Self { dir: dir.into() })
    }

    /// Begins a document.
    ///
    /// # Errors
    /// The file system's; `StorageFull` when too much is kept already.
    pub async fn begin(&self) -> io::Result<Draft> {
        let dir = Arc::clone(&self.dir);
        off_thread(move || {
            if sweep(&dir, false)? > ALL_BYTES_MAX {
                return Err(io::ErrorKind::StorageFull.into());
            }
            Draft::begin(dir)
        })
        .await
    }

    /// The document's bytes, in order, checked. A piece that is not what was sealed ends them with an error.
    #[must_use]
    pub fn read(&self, kept: Kept) -> mpsc::Receiver<io::Result<Bytes>> {
        let (sender, receiver) = mpsc::channel(AHEAD_MAX);
        let dir = Arc::clone(&self.dir);
        spawn_blocking(move || {
            let read = read(&dir, &kept, |piece| sender.blocking_send(Ok(piece)).is_ok());
            if let Err(error) = read {
                // Nobody may be listening any more.
                drop(sender.blocking_send(Err(error)));
            }
        });
        receiver
    }

    /// Whether the document's file is there.
    pub async fn has(&self, file: &str) -> bool {
        let path = self.dir.join(file);
        tokio::fs::try_exists(path).await.unwrap_or(false)
    }

    /// Removes a document that nobody will print.
    pub async fn remove(&self, file: &str) {
        if let Err(error) = tokio::fs::remove_file(self.dir.join(file)).await {
            tracing::debug!(file, %error, "a document is not removed");
        }
    }
}

impl Draft {
    fn begin(dir: Arc<Path>) -> io::Result<Self> {
        let mut key = Zeroizing::new([0; 16]);
        let mut name = [0; 16];
        fill_random(&mut *key).map_err(io::Error::other)?;
        fill_random(&mut name).map_err(io::Error::other)?;
        let name = hex::encode(name);
        let mut options = OpenOptions::new();
        let options = options.write(true).create_new(true).mode(0o600);
        let file = options.open(part_path(&dir, &name))?;
        Ok(Self {
            dir,
            name,
            key,
            file,
            pieces: 0,
            digest: Sm3::new(),
            bytes: 0,
            is_whole: false,
        })
    }

    /// Its length so far.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Writes the next piece, at most [`PIECE_BYTES_MAX`].
    ///
    /// # Errors
    /// The file system's: the document is gone.
    pub async fn add(mut self, piece: Bytes) -> io::Result<Self> {
        off_thread(move || {
            if piece.len() > PIECE_BYTES_MAX {
                return Err(io::ErrorKind::InvalidInput.into());
            }
            let place = place(&self.name, self.pieces);
            let sealed = encrypt(&self.key, &place, &piece).map_err(io::Error::other)?;
            let length = u32::try_from(sealed.len()).map_err(io::Error::other)?;
            self.file.write_all(&length.to_be_bytes())?;
            self.file.write_all(&sealed)?;
            self.digest.update(&piece);
            self.pieces += 1;
            self.bytes += u64::try_from(piece.len()).map_err(io::Error::other)?;
            Ok(self)
        })
        .await
    }

    /// Ends the document: when this answers, it is on disk.
    ///
    /// # Errors
    /// The file system's: the document is gone.
    pub async fn finish(mut self) -> io::Result<Kept> {
        off_thread(move || {
            self.file.sync_data()?;
            std::fs::rename(part_path(&self.dir, &self.name), self.dir.join(&self.name))?;
            self.is_whole = true;
            File::open(&self.dir)?.sync_all()?;
            Ok(Kept {
                file: self.name.clone(),
                key: hex::encode(*self.key),
                digest: hex::encode(self.digest.clone().finalize()),
                bytes: self.bytes,
            })
        })
        .await
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        if !self.is_whole {
            // What is left behind is swept away at the next start.
            std::fs::remove_file(part_path(&self.dir, &self.name)).ok();
        }
    }
}

async fn off_thread<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    spawn_blocking(work).await.map_err(io::Error::other)?
}

fn part_path(dir: &Path, name: &str) -> PathBuf {
    dir.join(format!("{name}{PART}"))
}

/// What a piece is bound to.
fn place(name: &str, piece: u64) -> Vec<u8> {
    let mut place = b"yibao document 1".to_vec();
    place.extend_from_slice(name.as_bytes());
    place.extend_from_slice(&piece.to_be_bytes());
    place
}

/// Removes what is too old, at the start also what is not whole. Gives the bytes that are left.
fn sweep(dir: &Path, at_start: bool) -> io::Result<u64> {
    let oldest = SystemTime::now().checked_sub(Duration::from_secs(KEPT_S));
    let mut left: u64 = 0;
    for entry in std::fs::read_dir(dir)? {
        let entry = entry?;
        // It may be removed by another task meanwhile.
        let Ok(meta) = entry.metadata() else { continue };
        let is_part = entry.file_name().to_string_lossy().ends_with(PART);
        let is_old = oldest.is_some_and(|oldest| meta.modified().is_ok_and(|at| at < oldest));
        if meta.is_file() && (is_old || at_start && is_part) {
            match std::fs::remove_file(entry.path()) {
                Ok(()) => {}
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                // A report that cannot be removed keeps nobody from settling.
                Err(error) => {
                    tracing::warn!(%error, "a document is not removed");
                    left = left.saturating_add(meta.len());
                }
            }
        } else {
            left = left.saturating_add(meta.len());
        }
    }
    Ok(left)
}

fn read(dir: &Path, kept: &Kept, mut give: impl FnMut(Bytes) -> bool) -> io::Result<()> {
    let bad = |what: &str| io::Error::new(io::ErrorKind::InvalidData, what.to_owned());
    let mut key = Zeroizing::new([0_u8; 16]);
    hex::decode_to_slice(&kept.key, &mut *key).map_err(io::Error::other)?;
    let mut file = BufReader::new(File::open(dir.join(&kept.file))?);
    let (mut bytes, mut digest) = (0_u64, Sm3::new());
    for piece in 0.. {
        if bytes >= kept.bytes {
            break;
        }
        let mut length = [0; 4];
        file.read_exact(&mut length)?;
        let length = usize::try_from(u32::from_be_bytes(length)).map_err(io::Error::other)?;
        if length > PIECE_BYTES_MAX + SEAL_BYTES {
            return Err(bad("a piece is too long"));
        }
        let mut sealed = vec![0; length];
        file.read_exact(&mut sealed)?;
        let plain = decrypt(&key, &place(&kept.file, piece), &sealed);
        let plain = plain.ok_or_else(|| bad("a piece was changed"))?;
        digest.update(&*plain);
        bytes += u64::try_from(plain.len()).map_err(io::Error::other)?;
        // Before the last piece goes: what was changed shall not be printed whole.
        let is_last = bytes >= kept.bytes;
        if is_last && hex::encode(digest.clone().finalize()) != kept.digest {
            return Err(bad("it is another document"));
        }
        if !give(Bytes::copy_from_slice(&plain)) {
            break;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn whole(documents: &Documents, kept: &Kept) -> io::Result<Vec<u8>> {
        let mut pieces = documents.read(kept.clone());
        let mut all = Vec::new();
        while let Some(piece) = pieces.recv().await {
            all.extend_from_slice(&piece?);
        }
        Ok(all)
    }

    async fn kept(documents: &Documents, pieces: &[&'static [u8]]) -> Kept {
        let mut draft = documents.begin().await.unwrap();
        for piece in pieces {
            draft = draft.add(Bytes::from_static(piece)).await.unwrap();
        }
        draft.finish().await.unwrap()
    }

    #[tokio::test]
    async fn a_document_comes_back_as_it_was_and_lies_sealed() {
        let dir = tempfile::tempdir().unwrap();
        let documents = Documents::open(dir.path()).unwrap();
        let kept = kept(&documents, &[b"%PDF-1.4 \xe5\xbc\xa0", b"", b"%%EOF"]).await;
        assert_eq!(
            whole(&documents, &kept).await.unwrap(),
            b"%PDF-1.4 \xe5\xbc\xa0%%EOF"
        );
        assert!(documents.has(&kept.file).await);
        let stored = std::fs::read(dir.path().join(&kept.file)).unwrap();
        assert!(!stored.windows(4).any(|at| at == b"%PDF"));
        documents.remove(&kept.file).await;
        assert!(!documents.has(&kept.file).await);
    }

    #[tokio::test]
    async fn any_changed_or_lost_byte_is_told() {
        let dir = tempfile::tempdir().unwrap();
        let documents = Documents::open(dir.path()).unwrap();
        let kept = kept(&documents, &[b"one", b"two"]).await;
        let path = dir.path().join(&kept.file);
        let stored = std::fs::read(&path).unwrap();
        for at in 0..stored.len() {
            let mut changed = stored.clone();
            changed[at] ^= 1;
            std::fs::write(&path, &changed).unwrap();
            assert!(whole(&documents, &kept).await.is_err(), "byte {at}");
            std::fs::write(&path, &stored[..at]).unwrap();
            assert!(whole(&documents, &kept).await.is_err(), "cut at {at}");
        }
    }

    #[tokio::test]
    async fn what_was_not_ended_is_swept_away() {
        let dir = tempfile::tempdir().unwrap();
        let documents = Documents::open(dir.path()).unwrap();
        let kept = kept(&documents, &[b"whole"]).await;
        let draft = documents.begin().await.unwrap();
        let files = || std::fs::read_dir(dir.path()).unwrap().count();
        assert_eq!(files(), 2);
        drop(draft);
        assert_eq!(files(), 1);
        std::fs::write(dir.path().join("left.part"), b"x").unwrap();
        let documents = Documents::open(dir.path()).unwrap();
        assert_eq!(files(), 1);
        assert_eq!(whole(&documents, &kept).await.unwrap(), b"whole");
        let old = SystemTime::now() - Duration::from_secs(KEPT_S + 60);
        let file = File::options()
            .write(true)
            .open(dir.path().join(&kept.file))
            .unwrap();
        file.set_modified(old).unwrap();
        drop(documents.begin().await.unwrap());
        assert_eq!(files(), 0);
    }
}
