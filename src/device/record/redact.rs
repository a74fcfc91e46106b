//! Takes the persons out of what was heard, in order, before anybody has it.

use std::collections::VecDeque;

use tokio::time::Instant;
use zeroize::Zeroizing;

use super::{Raw, Said, Way};
use crate::book::Code;

/// Bytes of one way that may wait to become whole; more are blank.
const KEPT_BYTES_MAX: usize = 16 * 1_024;

/// Knows where the persons are in what one family of devices says.
pub(crate) enum Shape {
    /// Bytes may be split anywhere.
    Stream(Box<dyn Stream>),
    /// Each read is a message.
    Messages(Box<dyn Messages>),
}

/// The shape of a stream of bytes.
pub(crate) trait Stream: Send {
    /// The first unit of what goes this way, as long as what it stands for; `None`: it is not whole yet.
    fn first(&mut self, way: Way, raw: &[u8]) -> Option<Vec<u8>>;

    /// What is left when nothing more comes: nothing is known of half a unit.
    fn rest(&mut self, _way: Way, raw: &[u8]) -> Vec<u8> {
        vec![0; raw.len()]
    }

    /// The line was opened anew.
    fn begin(&mut self) {}
}

/// The shape of messages.
pub(crate) trait Messages: Send {
    /// A message; it may change its length.
    fn message(&mut self, way: Way, raw: &[u8]) -> Vec<u8>;

    /// What must be known of the line.
    fn about(&mut self, raw: &[u8]) -> Vec<u8>;
}

/// One thing that may be told to anybody.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Told {
    Opened,
    Closed,
    Failed(Code),
    About(Vec<u8>),
    Bytes(Way, Vec<u8>),
}

/// What was heard and is not told yet.
struct Kept {
    at: Instant,
    what: Waiting,
}

enum Waiting {
    /// It has no persons in it, or none any more.
    Told(Told),
    /// Bytes; the first of them are redacted.
    Bytes { way: Way, raw: Raw, told: Vec<u8> },
}

/// See the module docs.
pub(crate) struct Redactor {
    shape: Shape,
    kept: VecDeque<Kept>,
}

impl Redactor {
    pub(crate) fn new(shape: Shape) -> Self {
        Self {
            shape,
            kept: VecDeque::new(),
        }
    }

    /// Takes what was heard; gives what may be told by now.
    pub(crate) fn take(&mut self, at: Instant, said: Said) -> Vec<(Instant, Told)> {
        let told = match said {
            Said::Opened => {
                self.close();
                if let Shape::Stream(stream) = &mut self.shape {
                    stream.begin();
                }
                Told::Opened
            }
            Said::Closed => {
                self.close();
                Told::Closed
            }
            Said::Failed(code) => Told::Failed(code),
            Said::About(raw) => Told::About(match &mut self.shape {
                Shape::Stream(_) => Vec::new(),
                Shape::Messages(messages) => messages.about(&raw),
            }),
            Said::Bytes(way, raw) => return self.bytes(at, way, raw),
        };
        let what = Waiting::Told(told);
        self.kept.push_back(Kept { at, what });
        self.whole()
    }

    /// Nothing more comes: all that was heard.
    pub(crate) fn rest(&mut self) -> Vec<(Instant, Told)> {
        self.close();
        self.whole()
    }

    fn bytes(&mut self, at: Instant, way: Way, raw: Raw) -> Vec<(Instant, Told)> {
        let what = match &mut self.shape {
            Shape::Messages(messages) => {
                Waiting::Told(Told::Bytes(way, messages.message(way, &raw)))
            }
            Shape::Stream(_) => Waiting::Bytes {
                way,
                told: Vec::with_capacity(raw.len()),
                raw,
            },
        };
        self.kept.push_back(Kept { at, what });
        self.advance(way);
        self.whole()
    }

    /// Redacts what is whole.
    fn advance(&mut self, way: Way) {
        let raw = self.raw(way);
        let mut at = 0;
        if let Shape::Stream(stream) = &mut self.shape {
            let mut hidden = Vec::with_capacity(raw.len());
            while let Some(unit) = raw.get(at..).and_then(|left| stream.first(way, left)) {
                if unit.is_empty() {
                    break;
                }
                at += unit.len();
                hidden.extend(unit);
            }
            if raw.len() - at > KEPT_BYTES_MAX {
                hidden.extend(stream.rest(way, &raw[at..]));
            }
            self.put(way, &hidden);
        }
    }

    fn close(&mut self) {
        for way in [Way::FromDevice, Way::ToDevice] {
            let raw = self.raw(way);
            if let Shape::Stream(stream) = &mut self.shape
                && !raw.is_empty()
            {
                let hidden = stream.rest(way, &raw);
                self.put(way, &hidden);
            }
        }
    }

    /// What goes this way and is not redacted.
    fn raw(&self, wanted: Way) -> Raw {
        let mut all = Zeroizing::new(Vec::new());
        for kept in &self.kept {
            if let Waiting::Bytes { way, raw, told } = &kept.what
                && *way == wanted
            {
                all.extend_from_slice(&raw[told.len()..]);
            }
        }
        all
    }

    /// These stand for the first ones that are not redacted.
    fn put(&mut self, wanted: Way, mut hidden: &[u8]) {
        for kept in &mut self.kept {
            if let Waiting::Bytes { way, raw, told } = &mut kept.what
                && *way == wanted
            {
                let count = hidden.len().min(raw.len() - told.len());
                let (now, later) = hidden.split_at(count);
                told.extend_from_slice(now);
                hidden = later;
            }
        }
    }

    /// Gives away what stands at the front and is redacted whole.
    fn whole(&mut self) -> Vec<(Instant, Told)> {
        let mut all = Vec::new();
        while let Some(kept) = self.kept.pop_front() {
            match kept.what {
                Waiting::Told(told) => all.push((kept.at, told)),
                Waiting::Bytes { way, raw, told } if raw.len() == told.len() => {
                    all.push((kept.at, Told::Bytes(way, told)));
                }
                what @ Waiting::Bytes { .. } => {
                    self.kept.push_front(Kept { at: kept.at, what });
                    break;
                }
            }
        }
        all
    }
}
