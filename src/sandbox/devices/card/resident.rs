//! A 居民身份证 reader on a terminal line: it finds, selects and reads the document that lies on it, in the frames
//! that the makers publish. A document that was read is not found again until it was lifted.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::task::JoinHandle;

use super::super::pty::Pty;
use crate::sandbox::persons::Person;

/// Name of the line in its directory.
const LINK_NAME: &str = "id-card";
/// How a frame begins.
const HEAD: [u8; 5] = [0xaa, 0xaa, 0xaa, 0x96, 0x69];
/// Length of every frame that a reader is sent.
const COMMAND_BYTES: usize = 10;
/// Length of the photo.
const PHOTO_BYTES: usize = 1_024;

/// How the reader behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Mood {
    /// As it should.
    #[default]
    Fine,
    /// The check of every answer about a document is wrong.
    WrongCheck,
    /// It sends bytes that are no frame for every answer about a document.
    Garbage,
    /// It sends half of every answer about a document.
    Half,
    /// It says nothing about documents.
    Mute,
    /// It says nothing at all.
    Hung,
    /// The document is lifted between finding and selecting.
    Lifted,
}

#[derive(Default)]
struct Surface {
    document: Option<Vec<u8>>,
    was_read: bool,
    /// So often it cannot be selected yet.
    unsettled: u32,
    mood: Mood,
}

/// See the module docs. Unplugged when dropped.
#[derive(Debug)]
pub struct IdCardReader {
    link: PathBuf,
    surface: Arc<Mutex<Surface>>,
    serving: Mutex<Option<JoinHandle<()>>>,
}

impl std::fmt::Debug for Surface {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Surface({:?})", self.mood)
    }
}

impl IdCardReader {
    /// Plugs in a reader as `id-card` in `dir`. Needs a running tokio runtime.
    ///
    /// # Errors
    /// When no terminal can be had or the link cannot be made.
    pub fn start(dir: &Path) -> io::Result<Self> {
        let reader = Self {
            link: dir.join(LINK_NAME),
            surface: Arc::default(),
            serving: Mutex::default(),
        };
        reader.replug()?;
        Ok(reader)
    }

    /// The name under which clients open it; the same after a replug.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.link
    }

    /// Lays this person's document on it.
    pub fn lay(&self, person: &Person) {
        let mut surface = self.surface();
        surface.document = Some(document(person));
        surface.was_read = false;
        surface.unsettled = 0;
    }

    /// Lays this person's document on it so slowly that it is found but cannot be selected so many times.
    pub fn lay_slowly(&self, person: &Person, selects: u32) {
        let mut surface = self.surface();
        surface.document = Some(document(person));
        surface.was_read = false;
        surface.unsettled = selects;
    }

    /// Lifts the document.
    pub fn lift(&self) {
        self.surface().document = None;
    }

    /// Behaves so from here on.
    pub fn set_mood(&self, mood: Mood) {
        self.surface().mood = mood;
    }

    /// Pulls the plug.
    pub fn unplug(&self) {
        let serving = self
            .serving
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if let Some(serving) = serving {
            serving.abort();
        }
    }

    /// Plugs it in again.
    ///
    /// # Errors
    /// When no terminal can be had or the link cannot be made.
    pub fn replug(&self) -> io::Result<()> {
        self.unplug();
        let line = Pty::open(&self.link)?;
        let serving = tokio::spawn(serve(line, Arc::clone(&self.surface)));
        *self.serving.lock().unwrap_or_else(PoisonError::into_inner) = Some(serving);
        Ok(())
    }

    fn surface(&self) -> MutexGuard<'_, Surface> {
        self.surface.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for IdCardReader {
    fn drop(&mut self) {
        self.unplug();
    }
}

async fn serve(line: Pty, surface: Arc<Mutex<Surface>>) {
    let mut heard = Vec::new();
    let mut chunk = [0; 64];
    while let Ok(count) = line.read(&mut chunk).await {
        heard.extend_from_slice(&chunk[..count]);
        while let Some(at) = heard.windows(HEAD.len()).position(|bytes| bytes == HEAD) {
            if heard.len() < at + COMMAND_BYTES {
                break;
            }
            let command: Vec<u8> = heard.drain(..at + COMMAND_BYTES).skip(at).collect();
            let answer = answer(
                &mut surface.lock().unwrap_or_else(PoisonError::into_inner),
                &command,
            );
            if line.write_all(&answer).await.is_err() {
                return;
            }
        }
    }
}

fn answer(surface: &mut Surface, command: &[u8]) -> Vec<u8> {
    if surface.mood == Mood::Hung {
        return Vec::new();
    }
    let check = command[5..].iter().fold(0, |sum, byte| sum ^ byte);
    let body: &[u8] = match (check, &command[5..9]) {
        (0, [0, 3, 0x11, 0xff]) => return framed(&[0, 0, 0x90]),
        (0, [0, 3, 0x20, 0x01]) if surface.document.is_some() && !surface.was_read => {
            &[0, 0, 0x9f, 0, 0, 0, 0]
        }
        (0, [0, 3, 0x20, 0x01]) => return framed(&[0, 0, 0x80]),
        (0, [0, 3, 0x20, 0x02]) => {
            if surface.mood == Mood::Lifted {
                surface.document = None;
            }
            let is_settled = surface.unsettled == 0;
            surface.unsettled = surface.unsettled.saturating_sub(1);
            match surface.document {
                Some(_) if is_settled => &[0, 0, 0x90, 0, 0, 0, 0, 0, 0, 0, 0],
                Some(_) | None => &[0, 0, 0x81],
            }
        }
        (0, [0, 3, 0x30, 0x01]) => match &surface.document {
            Some(document) => {
                surface.was_read = true;
                document
            }
            None => &[0, 0, 0x41],
        },
        (0, _) => &[0, 0, 0x21],
        (_, _) => &[0, 0, 0x10],
    };
    let mut whole = framed(body);
    match surface.mood {
        Mood::Fine | Mood::Lifted => whole,
        Mood::WrongCheck => {
            if let Some(check) = whole.last_mut() {
                *check ^= 0x5a;
            }
            whole
        }
        Mood::Garbage => vec![0xa5; 40],
        Mood::Half => {
            whole.truncate(whole.len() / 2);
            whole
        }
        Mood::Mute | Mood::Hung => Vec::new(),
    }
}

fn framed(body: &[u8]) -> Vec<u8> {
    let length = u16::try_from(body.len() + 1)
        .unwrap_or(u16::MAX)
        .to_be_bytes();
    let check = length.iter().chain(body).fold(0, |sum, byte| sum ^ byte);
    [HEAD.as_slice(), &length, body, &[check]].concat()
}

/// The answer that gives text and photo of this person's document.
fn document(person: &Person) -> Vec<u8> {
    let mut text = Vec::new();
    let mut field = |value: &str, bytes: usize| {
        let end = text.len() + bytes;
        text.extend(value.encode_utf16().flat_map(u16::to_le_bytes));
        while text.len() < end {
            text.extend([0x20, 0x00]);
        }
    };
    field(&person.name, 30);
    field(person.gend, 2);
    field("01", 4);
    field(&person.born.replace('-', ""), 16);
    field("虚构省虚构市虚构路1号", 70);
    field(&person.idno, 36);
    field("虚构市公安局", 30);
    field("20190601", 16);
    field("20390601", 16);
    field("", 36);
    let photo: Vec<u8> = b"WLf~".iter().copied().cycle().take(PHOTO_BYTES).collect();
    [
        &[0, 0, 0x90, 0x01, 0x00, 0x04, 0x00],
        text.as_slice(),
        &photo,
    ]
    .concat()
}
