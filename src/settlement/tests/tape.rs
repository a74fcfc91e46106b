//! Chance as a tape of bytes: the same tape is the same story, and a used-up tape means that all goes well.

/// A tape and how far it was read.
#[derive(Clone, Debug)]
pub(super) struct Tape {
    bytes: Vec<u8>,
    at: usize,
    /// Of 256: how often nothing out of the ordinary happens.
    calm: u8,
    /// Nothing happens until the money call: half of the worlds spend all their trouble behind it.
    held_back: bool,
}

impl Tape {
    /// The first byte says how calm the world is.
    pub(super) fn new(bytes: &[u8]) -> Self {
        let calm = match bytes.first().copied().unwrap_or(0) % 5 {
            0 => 250,
            1 => 235,
            2 => 210,
            3 => 160,
            _ => 60,
        };
        Self {
            bytes: bytes.to_vec(),
            at: 1,
            calm,
            held_back: bytes.first().is_some_and(|byte| *byte >= 128),
        }
    }

    /// Now trouble may come.
    pub(super) fn release(&mut self) {
        self.held_back = false;
    }

    fn byte(&mut self) -> u8 {
        let byte = self.bytes.get(self.at).copied().unwrap_or(0);
        self.at += 1;
        byte
    }

    /// One of so many, each as likely; 0 at the end of the tape.
    pub(super) fn one_of(&mut self, count: u8) -> u8 {
        self.byte() % count
    }

    /// 0 while all goes well, else one of 1 to `troubles`.
    pub(super) fn trouble(&mut self, troubles: u8) -> u8 {
        if self.held_back {
            return 0;
        }
        let byte = self.byte();
        if byte < self.calm {
            0
        } else {
            1 + (byte - self.calm) % troubles
        }
    }

    /// Part of a span, never all of it.
    pub(super) fn part_of(&mut self, span_ms: i64) -> i64 {
        span_ms * i64::from(self.byte()) / 256
    }
}
