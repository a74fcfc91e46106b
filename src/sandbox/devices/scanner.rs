//! A serial code scanner: what it reads appears on a terminal line, ended as scanners are set up
//! to end it.
//!
//! What is read while no client has the line open waits in the line; the next client finds it
//! there. A client that must not take a code read before it was ready has to throw away what it
//! finds.
//!
//! It reads only when told to ([`Scanner::scan`]): the person at the desk is the scenario.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::pty::{LineSettings, Pty};

/// Name of the line in its directory.
const LINK_NAME: &str = "scanner";
/// How long a client may leave the line full before a scan fails.
const WRITE_WAIT_MS_MAX: u64 = 5_000;
/// What the client may have written since it was last asked for.
const HEARD_BYTES_MAX: usize = 4_096;

/// How a scanner ends a code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Terminator {
    /// `0D`: the makers' usual.
    #[default]
    Cr,
    /// `0D 0A`
    CrLf,
    /// `0A`
    Lf,
    /// Nothing: the client must tell by the pause.
    None,
}

impl Terminator {
    /// Its bytes.
    #[must_use]
    pub fn bytes(self) -> &'static [u8] {
        match self {
            Self::Cr => b"\r",
            Self::CrLf => b"\r\n",
            Self::Lf => b"\n",
            Self::None => b"",
        }
    }
}

/// See the module docs. Unplugged when dropped.
#[derive(Debug)]
pub struct Scanner {
    link: PathBuf,
    line: Mutex<Option<Arc<Pty>>>,
    speed: Mutex<Option<u32>>,
}

impl Scanner {
    /// Plugs in a scanner as `scanner` in `dir`. Needs a running tokio runtime.
    ///
    /// # Errors
    /// When no terminal can be had or the link cannot be made.
    pub fn start(dir: &Path) -> io::Result<Self> {
        let link = dir.join(LINK_NAME);
        let line = Mutex::new(Some(Arc::new(Pty::open(&link)?)));
        Ok(Self {
            link,
            line,
            speed: Mutex::new(None),
        })
    }

    /// The name under which clients open it; the same after a replug.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.link
    }

    /// Reads a code: its bytes and the terminator at once.
    ///
    /// # Errors
    /// Unplugged, or the client lets the line fill up.
    pub async fn scan(&self, code: &[u8], terminator: Terminator) -> io::Result<()> {
        self.scan_raw(&[code, terminator.bytes()].concat()).await
    }

    /// Reads a code, byte by byte with `gap` between them.
    ///
    /// # Errors
    /// As [`Scanner::scan`].
    pub async fn scan_slowly(
        &self,
        code: &[u8],
        terminator: Terminator,
        gap: Duration,
    ) -> io::Result<()> {
        for byte in [code, terminator.bytes()].concat() {
            self.scan_raw(&[byte]).await?;
            tokio::time::sleep(gap).await;
        }
        Ok(())
    }

    /// Sends just these bytes. Wrong ones, if the client's speed is not the scanner's.
    ///
    /// # Errors
    /// As [`Scanner::scan`].
    pub async fn scan_raw(&self, bytes: &[u8]) -> io::Result<()> {
        let line = self.line()?;
        let speed = *self.speed.lock().unwrap_or_else(PoisonError::into_inner);
        let garbled = speed.is_some_and(|own| line.settings().is_ok_and(|set| set.speed != own));
        // A wrong speed samples other bits; the same wrong bytes every time are good enough.
        let sent: Vec<u8> = bytes
            .iter()
            .map(|b| if garbled { b.rotate_left(3) | 0x80 } else { *b })
            .collect();
        let wait = Duration::from_millis(WRITE_WAIT_MS_MAX);
        tokio::time::timeout(wait, line.write_all(&sent)).await?
    }

    /// Sets the scanner's own speed; `None` (as at the start): it takes the client's.
    pub fn set_speed(&self, bits_a_second: Option<u32>) {
        *self.speed.lock().unwrap_or_else(PoisonError::into_inner) = bits_a_second;
    }

    /// Pulls the plug: the client reads the end of the line, and the name is gone.
    pub fn unplug(&self) {
        drop(self.slot().take());
    }

    /// Plugs it in again, under the same name. A scanner that was plugged in is pulled first.
    ///
    /// # Errors
    /// When no terminal can be had or the link cannot be made.
    pub fn replug(&self) -> io::Result<()> {
        let mut slot = self.slot();
        drop(slot.take());
        *slot = Some(Arc::new(Pty::open(&self.link)?));
        Ok(())
    }

    /// What the client set on the line.
    ///
    /// # Errors
    /// Unplugged.
    pub fn line_settings(&self) -> io::Result<LineSettings> {
        self.line()?.settings()
    }

    /// What the client wrote to the scanner and was not yet asked for here, at most 4 096 bytes of
    /// it.
    ///
    /// # Errors
    /// Unplugged.
    pub fn heard(&self) -> io::Result<Vec<u8>> {
        let mut bytes = vec![0; HEARD_BYTES_MAX];
        let read = self.line()?.read_now(&mut bytes)?;
        bytes.truncate(read);
        Ok(bytes)
    }

    fn slot(&self) -> std::sync::MutexGuard<'_, Option<Arc<Pty>>> {
        self.line.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn line(&self) -> io::Result<Arc<Pty>> {
        let unplugged = || io::Error::new(io::ErrorKind::NotConnected, "the scanner is unplugged");
        self.slot().clone().ok_or_else(unplugged)
    }
}
