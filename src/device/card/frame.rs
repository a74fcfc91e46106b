//! What the daemon and `yibao-card` say to each other. Both sides are built from this file.
//!
//! A frame is its length (four bytes, the highest first) and so many bytes of JSON; the daemon writes [`Ask`] to
//! the program's standard input, the program writes [`Told`] to its standard output. Bytes of cards are hexadecimal
//! text and never in a log: [`Bytes`] shows its length only.
//!
//! ```text
//! program: Hello, then Readers (the state first, then at each change) or Trouble
//! daemon:  Begin ──► Begun ──► Apdu, Pin ──► Reply … ──► End ──► Ended
//!                └─► Failed  └─► Failed: the exclusive use is over
//! ```
//!
//! The program ends when its standard input ends. It must not know what an APDU means.

use std::io::{self, Read, Write};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

/// The version that this file describes. What is only added, and only told to who asks for it, needs no new one: an
/// upgrade replaces the program under a daemon that may go on for long.
pub const VERSION: u32 = 1;
/// Longest frame, in bytes of JSON. A list of readers is the longest there is.
pub const FRAME_BYTES_MAX: usize = 64 * 1024;

/// What the daemon asks of the program. One use of a card at a time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "ask", rename_all = "snake_case", deny_unknown_fields)]
pub enum Ask {
    /// Connect to the card in this reader and keep everybody else away from it.
    Begin {
        /// Comes back in the answer.
        id: u64,
        /// The reader's name, whole.
        reader: String,
    },
    /// Send these bytes to the card.
    Apdu {
        /// Comes back in the answer.
        id: u64,
        /// The command.
        command: Bytes,
    },
    /// Have the reader take the PIN on its keypad and give it to the card. The answer is the card's status word.
    Pin {
        /// Comes back in the answer.
        id: u64,
        /// PIN_VERIFY_STRUCTURE of PC/SC part 10. No PIN is in it.
        entry: Bytes,
    },
    /// Let others have the card.
    End {
        /// Comes back in the answer.
        id: u64,
    },
}

/// What the program tells the daemon.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "told", rename_all = "snake_case", deny_unknown_fields)]
pub enum Told {
    /// It runs.
    Hello {
        /// The version of this file it was built from.
        version: u32,
    },
    /// All readers as they are.
    Readers {
        /// In the order of the card service.
        readers: Vec<Seen>,
    },
    /// The card service cannot be used. It is tried again and again.
    Trouble {
        /// Why.
        fault: Fault,
    },
    /// Nobody else uses the card from here on.
    Begun {
        /// Of [`Ask::Begin`].
        id: u64,
    },
    /// What the card answered, status word and all.
    Reply {
        /// Of [`Ask::Apdu`] or [`Ask::Pin`].
        id: u64,
        /// The answer.
        reply: Bytes,
    },
    /// The exclusive use is over.
    Ended {
        /// Of [`Ask::End`].
        id: u64,
    },
    /// It could not be done; an exclusive use that had begun is over.
    Failed {
        /// Of what was asked.
        id: u64,
        /// Why.
        fault: Fault,
    },
}

impl Told {
    /// The number of what was asked that this answers; none: nobody asked.
    #[must_use]
    pub fn answers(&self) -> Option<u64> {
        match self {
            Told::Hello { .. } | Told::Readers { .. } | Told::Trouble { .. } => None,
            Told::Begun { id }
            | Told::Reply { id, .. }
            | Told::Ended { id }
            | Told::Failed { id, .. } => Some(*id),
        }
    }
}

/// A reader and what is in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Seen {
    /// Its name.
    pub name: String,
    /// How often a card came or went since the card service knows it.
    pub changes: u32,
    /// The card's answer to reset; none: there is no card that can be used.
    pub atr: Option<Bytes>,
    /// There is a card, and it does not answer.
    pub is_mute: bool,
    /// The card service does not know whether there is a card, and that for longer than a moment.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_unknown: bool,
}

/// Why something could not be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fault {
    /// pcscd does not run.
    NoService,
    /// pcscd does not let us in.
    Forbidden,
    /// There is no such reader.
    NoReader,
    /// There is no card in it.
    NoCard,
    /// The card was taken away, or put in anew.
    Removed,
    /// Another program has it for itself.
    Busy,
    /// The card does not answer.
    Mute,
    /// The reader has no keypad that takes a PIN.
    NoKeypad,
    /// What came is no answer.
    Garbled,
}

/// Bytes of a card. `Debug` shows the length only; wiped when dropped.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Bytes(Zeroizing<Vec<u8>>);

impl Bytes {
    /// Takes the bytes.
    #[must_use]
    pub fn new(bytes: impl Into<Vec<u8>>) -> Self {
        Self(Zeroizing::new(bytes.into()))
    }

    /// The bytes themselves.
    #[must_use]
    pub fn expose(&self) -> &[u8] {
        &self.0
    }
}

impl std::fmt::Debug for Bytes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Bytes({})", self.0.len())
    }
}

impl Serialize for Bytes {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&Zeroizing::new(hex::encode(self.expose())))
    }
}

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = Zeroizing::new(String::deserialize(from)?);
        // The decoder's own message would show a character of the text.
        let bytes = hex::decode(text.as_bytes());
        bytes
            .map(Self::new)
            .map_err(|_| serde::de::Error::custom("not hexadecimal"))
    }
}

/// A whole frame, ready to be written.
///
/// # Errors
/// It is longer than [`FRAME_BYTES_MAX`].
pub fn encode<T: Serialize>(message: &T) -> io::Result<Zeroizing<Vec<u8>>> {
    let body = Zeroizing::new(serde_json::to_vec(message)?);
    let length = length_of(&body)?;
    let mut frame = Zeroizing::new(Vec::with_capacity(4 + body.len()));
    frame.extend_from_slice(&length.to_be_bytes());
    frame.extend_from_slice(&body);
    Ok(frame)
}

/// What the body of a frame says.
///
/// # Errors
/// It is no message. The error names no content.
pub fn decode<T: DeserializeOwned>(body: &[u8]) -> io::Result<T> {
    serde_json::from_slice(body).map_err(|error| {
        let at = error.column();
        io::Error::new(
            io::ErrorKind::InvalidData,
            format!("no message, at byte {at}"),
        )
    })
}

/// The length that a frame's head announces.
///
/// # Errors
/// It is longer than [`FRAME_BYTES_MAX`].
pub fn announced(head: [u8; 4]) -> io::Result<usize> {
    usize::try_from(u32::from_be_bytes(head))
        .ok()
        .filter(|length| *length <= FRAME_BYTES_MAX)
        .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "a frame too long"))
}

fn length_of(body: &[u8]) -> io::Result<u32> {
    u32::try_from(body.len())
        .ok()
        .filter(|_| body.len() <= FRAME_BYTES_MAX)
        .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "a frame too long"))
}

/// Writes one message; for the side without a runtime.
///
/// # Errors
/// Those of the pipe.
pub fn write<T: Serialize>(to: &mut impl Write, message: &T) -> io::Result<()> {
    to.write_all(&encode(message)?)?;
    to.flush()
}

/// Reads one message; `None`: the other side is gone.
///
/// # Errors
/// Those of the pipe, and what is no message.
pub fn read<T: DeserializeOwned>(from: &mut impl Read) -> io::Result<Option<T>> {
    let mut head = [0; 4];
    match from.read_exact(&mut head) {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        read => read?,
    }
    let mut body = Zeroizing::new(vec![0; announced(head)?]);
    from.read_exact(&mut body)?;
    decode(&body).map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_again() {
        let reply = Told::Reply {
            id: 7,
            reply: Bytes::new([0x90, 0x00]),
        };
        let ask = Ask::Begin {
            id: 8,
            reader: "读卡器 00 00".into(),
        };
        let mut pipe = Vec::new();
        write(&mut pipe, &reply).unwrap();
        write(&mut pipe, &ask).unwrap();
        let mut pipe = pipe.as_slice();
        assert_eq!(read::<Told>(&mut pipe).unwrap(), Some(reply));
        assert_eq!(read::<Ask>(&mut pipe).unwrap(), Some(ask));
        assert_eq!(read::<Ask>(&mut pipe).unwrap(), None);
    }

    #[test]
    fn the_encoding_is_a_promise_between_versions() {
        let text = |message: &Told| serde_json::to_string(message).unwrap();
        let seen = Seen {
            name: "r".into(),
            changes: 3,
            atr: Some(Bytes::new([0x3b])),
            is_mute: false,
            is_unknown: false,
        };
        assert_eq!(
            text(&Told::Readers {
                readers: vec![seen]
            }),
            r#"{"told":"readers","readers":[{"name":"r","changes":3,"atr":"3b","is_mute":false}]}"#
        );
        let failed = Told::Failed {
            id: 1,
            fault: Fault::NoService,
        };
        assert_eq!(
            text(&failed),
            r#"{"told":"failed","id":1,"fault":"no_service"}"#
        );
        let ask = Ask::Apdu {
            id: 2,
            command: Bytes::new([0, 0xb2]),
        };
        let ask = serde_json::to_string(&ask).unwrap();
        assert_eq!(ask, r#"{"ask":"apdu","id":2,"command":"00b2"}"#);
    }

    #[test]
    fn nonsense_is_refused_and_shows_nothing() {
        let secret = br#"{"told":"reply","id":1,"reply":"geheim"}"#;
        let error = decode::<Told>(secret).unwrap_err().to_string();
        assert!(!error.contains("geheim"), "{error}");
        assert_eq!(format!("{:?}", Bytes::new([1, 2, 3])), "Bytes(3)");
        assert!(announced([0, 1, 0, 1]).is_err());
        assert_eq!(announced([0, 1, 0, 0]).unwrap(), FRAME_BYTES_MAX);
        let torn = [0, 0, 0, 9, b'{'];
        assert!(read::<Told>(&mut torn.as_slice()).is_err());
    }
}
