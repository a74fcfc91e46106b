//! Bytes of a scanner's line → codes. Time comes in as a value.
//!
//! A code ends at its terminator; one that breaks off, at a gap, and then it is none. Only without a terminator the gap
//! is the end of a code. Where all codes have one length, what ends with another has lost or won bytes and is none; the
//! next one begins behind that end.
//!
//! The rest of a code must never pass for a code. What follows one that broke off belongs to it up to an end or a long
//! silence, and is told as that: it may be another try that came too soon. The rest of a code whose first byte came
//! before somebody was armed is skipped. What breaks off in a rest is told as broken off again: with a terminator that
//! never comes each code is.
//!
//! ```text
//!          byte             end
//! between ─────► in a code ─────► a code     gap: broken off ─► in the rest
//! in the rest ── end: a rest, or a long silence ─► between     gap after bytes: broken off, still in the rest
//! ```

use std::time::Duration;

use tokio::time::Instant;
use zeroize::{Zeroize as _, Zeroizing};

use crate::config::devices::{Framing, Terminator};

/// After a code broke off its rest is waited for until the line was silent for so long beyond the gap.
const REST_SILENCE_MS: u64 = 1_000;

/// What ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Frame {
    /// A code.
    Code(Zeroizing<Vec<u8>>),
    /// A code longer than the limit, dropped.
    TooLong,
    /// A whole code of so many bytes where all have another number of them, dropped.
    OtherLength(usize),
    /// The beginning of a code whose end did not come, or more of its rest without one, dropped.
    BrokenOff,
    /// What came to its end behind a code that broke off, dropped: its rest, or another try that came soon.
    Rest,
    /// The rest of a code that began before arming, dropped.
    Skipped,
}

/// One line's open code.
pub(super) struct Framer {
    framing: Framing,
    open: Zeroizing<Vec<u8>>,
    /// Bytes of the open code, kept or not.
    length: usize,
    skipping: bool,
    /// A code broke off: what comes belongs to it.
    in_rest: bool,
    /// The scanner said that more of the open code comes.
    goes_on: bool,
    previous: u8,
    last_byte: Option<Instant>,
}

impl Framer {
    pub(super) fn new(framing: Framing) -> Self {
        // A vector that never grows leaves no copies behind.
        let open = Zeroizing::new(Vec::with_capacity(framing.length_max));
        Self {
            framing,
            open,
            length: 0,
            skipping: false,
            in_rest: false,
            goes_on: false,
            previous: 0,
            last_byte: None,
        }
    }

    /// Takes bytes that came `now`; gives the codes that they end.
    pub(super) fn push(&mut self, bytes: &[u8], now: Instant) -> Vec<Frame> {
        let mut frames = Vec::new();
        // Reports that carry no code say nothing of it.
        self.goes_on &= bytes.is_empty();
        for &byte in bytes {
            self.last_byte = Some(now);
            if self.ends(byte) {
                frames.extend(self.close());
            } else {
                self.length += 1;
                let is_kept = !self.skipping && !self.in_rest;
                if self.length <= self.framing.length_max && is_kept {
                    self.open.push(byte);
                }
            }
            self.previous = byte;
        }
        frames
    }

    /// When something ends if no byte comes: the open code, or the wait for the rest of one; `None`: nothing is open.
    pub(super) fn gap_end(&self) -> Option<Instant> {
        let is_open = self.length > 0 || self.skipping;
        let rest_ms = if is_open { 0 } else { REST_SILENCE_MS };
        let silence = Duration::from_millis(u64::from(self.framing.gap_ms) + rest_ms);
        let last = self.last_byte.filter(|_| is_open || self.in_rest);
        last.map(|last| last + silence)
    }

    /// Ends the open code when its gap is over. What should have ended otherwise is no code, and its rest may come.
    pub(super) fn tick(&mut self, now: Instant) -> Option<Frame> {
        self.gap_end().filter(|end| *end <= now)?;
        let is_half = self.goes_on || self.framing.terminator != Terminator::None;
        let was_in_rest = std::mem::take(&mut self.in_rest);
        let frame = self.close()?;
        self.in_rest = is_half;
        match frame {
            Frame::Code(_) | Frame::OtherLength(_) if is_half || was_in_rest => {
                Some(Frame::BrokenOff)
            }
            frame @ (Frame::Code(_)
            | Frame::TooLong
            | Frame::OtherLength(_)
            | Frame::BrokenOff
            | Frame::Rest
            | Frame::Skipped) => Some(frame),
        }
    }

    /// The scanner says that the open code ends here.
    pub(super) fn end(&mut self) -> Option<Frame> {
        self.close()
    }

    /// The scanner says that more of the open code comes.
    pub(super) fn expect_more(&mut self, now: Instant) {
        self.goes_on = true;
        self.last_byte = Some(now);
    }

    /// Something was lost: the open code is none, and what comes up to its end belongs to it.
    pub(super) fn lost(&mut self, now: Instant) {
        self.skipping = true;
        self.last_byte = Some(now);
        self.open.zeroize();
    }

    /// Somebody is armed: the open code began too early.
    pub(super) fn skip_open(&mut self) {
        self.skipping |= self.length > 0;
        self.open.zeroize();
    }

    /// The line went away with a code open.
    pub(super) fn forget(&mut self) {
        self.close();
        self.in_rest = false;
    }

    fn ends(&mut self, byte: u8) -> bool {
        match self.framing.terminator {
            Terminator::Any => byte == b'\r' || byte == b'\n',
            Terminator::Cr => byte == b'\r',
            Terminator::Lf => byte == b'\n',
            Terminator::Tab => byte == b'\t',
            Terminator::None => false,
            Terminator::CrLf => {
                // The first half of the terminator may have been the end of what broke off.
                let is_open = self.length > 0 || self.in_rest;
                let ends = byte == b'\n' && self.previous == b'\r' && is_open;
                if ends {
                    self.length = self.length.saturating_sub(1);
                    self.open.truncate(self.length);
                }
                ends
            }
        }
    }

    fn close(&mut self) -> Option<Frame> {
        let (length, skipping) = (self.length, self.skipping);
        let capacity = self.framing.length_max;
        let open = std::mem::replace(&mut self.open, Zeroizing::new(Vec::with_capacity(capacity)));
        self.length = 0;
        self.skipping = false;
        self.goes_on = false;
        let was_in_rest = std::mem::take(&mut self.in_rest);
        match (skipping, length) {
            (true, _) => Some(Frame::Skipped),
            // A terminator alone: the second half of CR LF, or a scanner's prefix.
            (false, 0) => None,
            (false, _) if was_in_rest => Some(Frame::Rest),
            (false, length) if length > capacity => Some(Frame::TooLong),
            (false, length) if self.framing.length.is_some_and(|only| length != only) => {
                Some(Frame::OtherLength(length))
            }
            (false, _) => Some(Frame::Code(open)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GAP_MS: u64 = 60;
    /// One more than any code may have.
    const CODE_BYTES: usize = 513;

    /// Of a code that lost or won bytes nothing is delivered, and the next one is whole.
    #[test]
    fn one_of_another_length_is_told_and_the_next_one_is_whole() {
        let gap = Duration::from_millis(GAP_MS);
        for terminator in [Terminator::None, Terminator::Cr] {
            let mut framer = Framer::new(Framing {
                terminator,
                length: Some(4),
                ..Framing::default()
            });
            let mut now = Instant::now();
            let mut said = Vec::new();
            for wire in ["1234", "567", "89ab", "cdefg", "hijk"] {
                let is_ended = terminator == Terminator::Cr;
                let end = if is_ended { "\r" } else { "" };
                said.extend(framer.push(format!("{wire}{end}").as_bytes(), now));
                now += gap;
                said.extend(framer.tick(now));
            }
            let codes = [
                code("1234"),
                Frame::OtherLength(3),
                code("89ab"),
                Frame::OtherLength(5),
                code("hijk"),
            ];
            assert_eq!(said, codes, "{terminator:?}");
            // Two without a pause between: which bytes are missing nobody knows.
            said = framer.push(b"1234567", now);
            said.extend(framer.tick(now + gap));
            let is_broken_off = terminator == Terminator::Cr;
            let end = if is_broken_off {
                Frame::BrokenOff
            } else {
                Frame::OtherLength(7)
            };
            assert_eq!(said, [end]);
            // Longer than any code.
            let long = [b'x'; CODE_BYTES];
            said = framer.push(&long, now);
            said.extend(framer.tick(now + gap));
            assert_eq!(said, [Frame::TooLong]);
        }
    }

    #[test]
    fn terminators() {
        for (terminator, wire, codes) in [
            (Terminator::Any, "a\rb\nc\r\nd", &["a", "b", "c"][..]),
            (Terminator::Any, "\r\n\r\n", &[]),
            (Terminator::Cr, "a\rb\nc\r", &["a", "b\nc"]),
            (Terminator::Lf, "a\rb\nc", &["a\rb"]),
            (Terminator::CrLf, "a\rb\nc\r\nd\r\n", &["a\rb\nc", "d"]),
            (Terminator::Tab, "a\rb\tc\t", &["a\rb", "c"]),
            (Terminator::None, "a\rb\n", &[]),
        ] {
            for chunk in 1..=wire.len() {
                let mut framer = Framer::new(Framing {
                    terminator,
                    ..Framing::default()
                });
                let now = Instant::now();
                let frames: Vec<Frame> = wire
                    .as_bytes()
                    .chunks(chunk)
                    .flat_map(|c| framer.push(c, now))
                    .collect();
                assert_eq!(
                    frames,
                    codes.iter().map(|c| code(c)).collect::<Vec<_>>(),
                    "{wire:?}"
                );
            }
        }
    }

    #[test]
    fn a_gap_ends_a_code_that_has_no_terminator() {
        let mut framer = Framer::new(Framing {
            terminator: Terminator::None,
            ..Framing::default()
        });
        let start = Instant::now();
        assert_eq!(framer.gap_end(), None);
        assert_eq!(framer.push(b"half", start), []);
        assert_eq!(framer.push(b" a code", start + ms(GAP_MS - 1)), []);
        assert_eq!(framer.tick(start + ms(GAP_MS)), None);
        assert_eq!(framer.gap_end(), Some(start + ms(2 * GAP_MS - 1)));
        assert_eq!(
            framer.tick(start + ms(2 * GAP_MS - 1)),
            Some(code("half a code"))
        );
        assert_eq!(framer.gap_end(), None);
    }

    #[test]
    fn what_breaks_off_before_its_terminator_is_no_code() {
        for terminator in [
            Terminator::Any,
            Terminator::Cr,
            Terminator::Lf,
            Terminator::CrLf,
            Terminator::Tab,
        ] {
            let mut framer = Framer::new(Framing {
                terminator,
                ..Framing::default()
            });
            let end = end_of(terminator);
            let mut now = Instant::now();
            for rest in [&b"12345678"[..], b""] {
                assert_eq!(framer.push(b"JZ98", now), []);
                now += ms(GAP_MS);
                assert_eq!(framer.tick(now), Some(Frame::BrokenOff));
                // Not even when somebody else is armed meanwhile.
                framer.skip_open();
                now += ms(REST_SILENCE_MS - 1);
                assert_eq!(framer.tick(now), None);
                let told = framer.push(&[rest, end].concat(), now);
                let skipped = (!rest.is_empty()).then_some(Frame::Rest);
                assert_eq!(told, Vec::from_iter(skipped), "{terminator:?}");
                let whole = framer.push(&[&b"whole"[..], end].concat(), now);
                assert_eq!(whole, [code("whole")], "{terminator:?}");
            }
        }
    }

    #[test]
    fn after_a_long_silence_what_broke_off_has_no_rest() {
        let mut framer = Framer::new(Framing::default());
        let now = Instant::now();
        assert_eq!(framer.push(b"2812", now), []);
        assert_eq!(framer.tick(now + ms(GAP_MS)), Some(Frame::BrokenOff));
        let over = now + ms(GAP_MS + REST_SILENCE_MS);
        assert_eq!(framer.gap_end(), Some(over));
        assert_eq!(framer.tick(over), None);
        assert_eq!(framer.gap_end(), None);
        assert_eq!(framer.push(b"whole\r", over), [code("whole")]);
        // Nor behind a cable that was pulled.
        assert_eq!(framer.push(b"2812", over), []);
        assert_eq!(framer.tick(over + ms(GAP_MS)), Some(Frame::BrokenOff));
        framer.forget();
        assert_eq!(framer.push(b"whole\r", over), [code("whole")]);
    }

    /// However fast codes come.
    #[test]
    fn a_terminator_that_never_comes_is_told_of_each_code() {
        let mut framer = Framer::new(Framing {
            terminator: Terminator::Tab,
            ..Framing::default()
        });
        let mut now = Instant::now();
        for _ in 0..20 {
            assert_eq!(framer.push(b"28124240\r", now), []);
            now += ms(GAP_MS);
            assert_eq!(framer.tick(now), Some(Frame::BrokenOff));
            framer.skip_open();
            now += ms(200);
        }
    }

    #[test]
    fn both_halves_of_a_terminator_end_what_broke_off_between_them() {
        let mut framer = Framer::new(Framing {
            terminator: Terminator::CrLf,
            ..Framing::default()
        });
        let now = Instant::now();
        assert_eq!(framer.push(b"2812\r", now), []);
        assert_eq!(framer.tick(now + ms(GAP_MS)), Some(Frame::BrokenOff));
        let next = framer.push(b"\nwhole\r\n", now + ms(2 * GAP_MS));
        assert_eq!(next, [code("whole")]);
    }

    #[test]
    fn what_began_before_arming_is_skipped_to_its_end() {
        let mut framer = Framer::new(Framing::default());
        let now = Instant::now();
        assert_eq!(framer.push(b"early", now), []);
        framer.skip_open();
        assert_eq!(
            framer.push(b" rest\rnext\r", now),
            [Frame::Skipped, code("next")]
        );
        assert_eq!(framer.push(b"early", now), []);
        framer.skip_open();
        assert_eq!(framer.tick(now + ms(GAP_MS)), Some(Frame::Skipped));
        framer.skip_open();
        let late = now + ms(GAP_MS + REST_SILENCE_MS - 1);
        assert_eq!(
            framer.push(b"rest\rcode\r", late),
            [Frame::Rest, code("code")]
        );
        // Where a silence is the only end that there is, nothing comes behind it.
        let mut framer = Framer::new(Framing {
            terminator: Terminator::None,
            ..Framing::default()
        });
        assert_eq!(framer.push(b"early", now), []);
        framer.skip_open();
        assert_eq!(framer.tick(now + ms(GAP_MS)), Some(Frame::Skipped));
        assert_eq!(framer.push(b"code", now), []);
        assert_eq!(framer.tick(now + ms(GAP_MS)), Some(code("code")));
    }

    #[test]
    fn a_code_that_was_to_go_on_and_did_not_is_none() {
        let framing = Framing {
            terminator: Terminator::None,
            ..Framing::default()
        };
        let mut framer = Framer::new(framing);
        let now = Instant::now();
        assert_eq!(framer.push(b"first half\r", now), []);
        framer.expect_more(now);
        assert_eq!(framer.push(b", second", now + ms(1)), []);
        assert_eq!(framer.end(), Some(code("first half\r, second")));
        assert_eq!(framer.push(b"first half", now), []);
        framer.expect_more(now);
        assert_eq!(framer.push(b"", now + ms(1)), []);
        assert_eq!(framer.tick(now + ms(GAP_MS)), Some(Frame::BrokenOff));
        assert_eq!(framer.push(b"second half", now), []);
        assert_eq!(framer.end(), Some(Frame::Rest));
        assert_eq!(framer.push(b"next", now), []);
        assert_eq!(framer.end(), Some(code("next")));
        assert_eq!(framer.end(), None);
    }

    #[test]
    fn a_loss_spoils_the_open_code_only() {
        let mut framer = Framer::new(Framing::default());
        let now = Instant::now();
        assert_eq!(framer.push(b"good\rspoilt", now), [code("good")]);
        framer.lost(now);
        assert_eq!(
            framer.push(b" rest\rgood\r", now),
            [Frame::Skipped, code("good")]
        );
        framer.lost(now);
        assert_eq!(framer.tick(now + ms(GAP_MS)), Some(Frame::Skipped));
    }

    #[test]
    fn a_code_has_a_length() {
        let framing = Framing {
            length_max: 4,
            ..Framing::default()
        };
        let mut framer = Framer::new(framing);
        let now = Instant::now();
        assert_eq!(
            framer.push(b"1234\r12345\r1\r", now),
            [code("1234"), Frame::TooLong, code("1")]
        );
    }

    fn end_of(terminator: Terminator) -> &'static [u8] {
        match terminator {
            Terminator::Any | Terminator::Cr => b"\r",
            Terminator::Lf => b"\n",
            Terminator::CrLf => b"\r\n",
            Terminator::Tab => b"\t",
            Terminator::None => b"",
        }
    }

    fn code(text: &str) -> Frame {
        Frame::Code(Zeroizing::new(text.as_bytes().to_vec()))
    }

    fn ms(count: u64) -> Duration {
        Duration::from_millis(count)
    }
}
