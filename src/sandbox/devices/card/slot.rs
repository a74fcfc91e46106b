//! The slot of a virtual reader: `vpcd`, a driver of pcscd, listens on a port; a card is a connection to it.
//!
//! Frames of vpcd are a length of two bytes, the highest first, and so many bytes: one byte is an order (off, on,
//! reset, answer to reset), all else a command for the card. The card is in the reader while it is connected.

use std::io;
use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;

use super::social::SocialCard;

/// Between tries to reach a reader that is not there yet, or not there again.
const REACH_MS: u64 = 10;
/// The order to reset the card.
const ORDER_RESET: u8 = 2;
/// The order that asks for the answer to reset.
const ORDER_ATR: u8 = 4;

/// What goes wrong with a card, at its command of this number (from 1) since it came into the reader.
#[derive(Clone, Debug, Default)]
pub enum Fault {
    /// Nothing.
    #[default]
    None,
    /// It is pulled before it answers.
    PulledAt(u32),
    /// It is pulled before it answers, and this one is in its place at once.
    SwappedAt(u32, Box<SocialCard>),
    /// It answers bytes that mean nothing, from here on.
    GarbageFrom(u32, Vec<u8>),
    /// It says nothing any more.
    MuteFrom(u32),
}

/// A slot of a virtual reader. What lies in it is pulled when it is dropped.
#[derive(Debug)]
pub struct CardSlot {
    port: u16,
    card: Mutex<Option<JoinHandle<()>>>,
    counts: Arc<Mutex<Counts>>,
}

/// What cards had since the last one was put in.
#[derive(Clone, Copy, Debug, Default)]
struct Counts {
    commands: u32,
    resets: u32,
}

impl CardSlot {
    /// The slot whose reader listens on this port of this machine.
    #[must_use]
    pub fn at(port: u16) -> Self {
        Self {
            port,
            card: Mutex::default(),
            counts: Arc::default(),
        }
    }

    /// Puts a card in; one that is there is pulled before. Needs a running tokio runtime.
    pub fn insert(&self, card: SocialCard, fault: Fault) {
        self.pull();
        *self.count() = Counts::default();
        let (port, counts) = (self.port, Arc::clone(&self.counts));
        let lies = tokio::spawn(lie(port, card, fault, counts));
        *self.card.lock().unwrap_or_else(PoisonError::into_inner) = Some(lies);
    }

    /// Pulls the card.
    pub fn pull(&self) {
        let card = self
            .card
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if let Some(card) = card {
            card.abort();
        }
    }

    /// Commands that cards had since the last one was put in.
    #[must_use]
    pub fn commands(&self) -> u32 {
        self.count().commands
    }

    /// How often they were reset while they lay there: what another program was doing with them was lost.
    #[must_use]
    pub fn resets(&self) -> u32 {
        self.count().resets
    }

    fn count(&self) -> std::sync::MutexGuard<'_, Counts> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for CardSlot {
    fn drop(&mut self) {
        self.pull();
    }
}

/// Why a card is not in the reader any more.
enum Left {
    /// It was pulled.
    Pulled,
    /// This one is in its place.
    Swapped(SocialCard),
    /// The reader is gone; the card lies in it still.
    ReaderGone,
}

/// Lies in the reader, also in one that is started anew.
async fn lie(port: u16, card: SocialCard, fault: Fault, counts: Arc<Mutex<Counts>>) {
    let (mut card, mut fault) = (card, fault);
    loop {
        let Ok(mut reader) = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await else {
            tokio::time::sleep(Duration::from_millis(REACH_MS)).await;
            continue;
        };
        let mut inside = Inside {
            card: card.clone(),
            fault: &fault,
            counts: &counts,
            answered: 0,
        };
        match inside.serve(&mut reader).await {
            Ok(Left::Pulled) => return,
            Ok(Left::Swapped(other)) => (card, fault) = (other, Fault::None),
            Ok(Left::ReaderGone) | Err(_) => {
                tokio::time::sleep(Duration::from_millis(REACH_MS)).await;
            }
        }
    }
}

struct Inside<'a> {
    card: SocialCard,
    fault: &'a Fault,
    counts: &'a Mutex<Counts>,
    answered: u32,
}

impl Inside<'_> {
    fn count(&self) -> std::sync::MutexGuard<'_, Counts> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn serve(&mut self, reader: &mut TcpStream) -> io::Result<Left> {
        reader.set_nodelay(true)?;
        loop {
            // Without it the kernel keeps its acknowledgement back for 40 ms at every command.
            rustix::net::sockopt::set_tcp_quickack(&*reader, true)?;
            let Ok(length) = reader.read_u16().await else {
                return Ok(Left::ReaderGone);
            };
            let mut frame = vec![0; usize::from(length)];
            reader.read_exact(&mut frame).await?;
            let answer = match frame.as_slice() {
                [ORDER_ATR] => self.card.atr().to_vec(),
                [order] => {
                    self.count().resets += u32::from(*order == ORDER_RESET);
                    continue;
                }
                command => {
                    self.answered += 1;
                    self.count().commands += 1;
                    match self.fault {
                        Fault::PulledAt(at) if self.answered == *at => return Ok(Left::Pulled),
                        Fault::SwappedAt(at, other) if self.answered == *at => {
                            return Ok(Left::Swapped((**other).clone()));
                        }
                        Fault::MuteFrom(at) if self.answered >= *at => continue,
                        Fault::GarbageFrom(at, bytes) if self.answered >= *at => bytes.clone(),
                        Fault::None
                        | Fault::PulledAt(_)
                        | Fault::SwappedAt(..)
                        | Fault::MuteFrom(_)
                        | Fault::GarbageFrom(..) => self.card.answer(command),
                    }
                }
            };
            reader
                .write_u16(u16::try_from(answer.len()).unwrap_or(0))
                .await?;
            reader.write_all(&answer).await?;
        }
    }
}
