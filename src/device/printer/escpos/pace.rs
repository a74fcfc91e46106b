//! PURE. A job on a line where nothing stops the bytes on their way: where it waits for the printer, and whether all of
//! it can have arrived.
//!
//! A printer drops what its receive buffer has no room for, as when its paper ended, and what stands behind the gap is
//! answered all the same. So a job stops with a queued question where no command is open, and goes on when that is
//! answered: the buffer is empty then. It is never owed more than half a buffer, so that one stray byte taken for an
//! answer overruns nothing. A job that may have had more on its way is proven by nothing.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

use super::proof::ASK_QUEUED;
use super::status::Reply;
use crate::device::printer::PrinterState;

/// Between two status questions while an answer is waited for.
const POLL_MS: u64 = 500;
/// What such questions may take of the buffer: some printers keep them in it.
const POLL_BYTES_MAX: usize = 512;
const POLL_BYTES: usize = 3;
/// A printer that is well and answers nothing in its turn does not know the question. The rest is sent for the
/// patient's sake, unproven.
const STOP_MS_MAX: u64 = 10_000;

/// How a job is held back.
pub(super) struct Pace {
    /// Offsets in the job, each behind a question.
    stops: VecDeque<usize>,
    waiting: Option<Waiting>,
    /// No byte can have been dropped for lack of room.
    is_kept: bool,
    /// Questions that left.
    pub(super) questions: u32,
    is_lossy: bool,
}

/// At a stop.
struct Waiting {
    /// Since when the printer has all and knows of no trouble.
    calm_since: Option<Instant>,
    /// It answered a status question here.
    is_alive: bool,
    poll_at: Instant,
    polled_bytes: usize,
}

/// What the printer at the end of such a line is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Room {
    /// Its receive buffer, in bytes.
    pub(super) buffer_bytes: usize,
    /// Nothing of an earlier job is in it.
    pub(super) is_empty: bool,
    /// It answers in its turn, and at once how it is.
    pub(super) answers: bool,
}

impl Pace {
    /// A line that holds bytes back by itself.
    pub(super) fn free() -> Self {
        Self {
            stops: VecDeque::new(),
            waiting: None,
            is_kept: true,
            questions: 0,
            is_lossy: false,
        }
    }

    /// Puts the questions into a job.
    pub(super) fn laid(bytes: &[u8], seams: &[usize], room: Room) -> (Vec<u8>, Self) {
        let window = room.buffer_bytes / 2;
        let mut laid = Vec::with_capacity(bytes.len() + bytes.len() / 64);
        let mut pace = Self {
            is_kept: room.is_empty,
            is_lossy: true,
            ..Self::free()
        };
        let (mut from, mut window_at) = (0, 0);
        for seam in seams.iter().copied().chain([bytes.len()]) {
            let unit = &bytes[from..seam];
            from = seam;
            let is_over = laid.len() - window_at + unit.len() > window;
            if is_over && laid.len() > window_at && room.answers {
                laid.extend_from_slice(&ASK_QUEUED);
                window_at = laid.len();
                pace.stops.push_back(window_at);
            }
            laid.extend_from_slice(unit);
            pace.is_kept &= laid.len() - window_at <= window;
        }
        (laid, pace)
    }

    /// How far the job may be sent.
    pub(super) fn until(&self) -> usize {
        self.stops.front().copied().unwrap_or(usize::MAX)
    }

    /// So much of the job left.
    pub(super) fn wrote(&mut self, sent: usize, now: Instant) {
        if sent < self.until() {
            return;
        }
        self.questions += 1;
        self.waiting = Some(Waiting {
            calm_since: None,
            is_alive: false,
            poll_at: now + Duration::from_millis(POLL_MS),
            polled_bytes: 0,
        });
    }

    /// The printer said something before the whole job left.
    pub(super) fn heard(&mut self, reply: Reply) {
        match reply {
            Reply::Queued(_) => match self.waiting.take() {
                Some(_) => drop(self.stops.pop_front()),
                None => self.stray(),
            },
            Reply::RealTime(_) => {
                if let Some(waiting) = &mut self.waiting {
                    waiting.is_alive = true;
                }
            }
            Reply::Process(_) | Reply::Automatic(_) => {}
        }
    }

    /// An answer that nothing waits for: one before it was noise.
    pub(super) fn stray(&mut self) {
        self.is_kept &= !self.is_lossy;
    }

    /// A question for its status was not answered. At a stop the printer may have been off, and have lost what it held.
    pub(super) fn fell_silent(&mut self) {
        if self.waiting.is_some() {
            self.stray();
        }
    }

    /// Time went by at a stop. `true`: the printer may be asked how it is.
    pub(super) fn tick(&mut self, now: Instant, known: PrinterState, unsent: usize) -> bool {
        let Some(waiting) = &mut self.waiting else {
            return false;
        };
        let is_calm = unsent == 0 && known.trouble().is_none();
        waiting.calm_since = waiting.calm_since.filter(|_| is_calm);
        let stop_max = Duration::from_millis(STOP_MS_MAX);
        if is_calm && waiting.is_alive {
            let since = *waiting.calm_since.get_or_insert(now);
            if now.duration_since(since) >= stop_max {
                self.waiting = None;
                self.stops.clear();
                self.is_kept = false;
                return false;
            }
        }
        now >= waiting.poll_at && waiting.polled_bytes < POLL_BYTES_MAX
    }

    /// It is asked.
    pub(super) fn polled(&mut self, now: Instant) {
        if let Some(waiting) = &mut self.waiting {
            waiting.poll_at = now + Duration::from_millis(POLL_MS);
            waiting.polled_bytes += POLL_BYTES;
        }
    }

    /// Whether an answer behind the job speaks for the whole of it.
    pub(super) fn is_kept(&self) -> bool {
        self.is_kept
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROOM: Room = Room {
        buffer_bytes: 200,
        is_empty: true,
        answers: true,
    };
    const FINE: PrinterState = PrinterState {
        online: true,
        paper: crate::device::Paper::Ok,
        cover_open: false,
        error: false,
        queue: None,
    };

    /// A job of lines of forty bytes.
    fn job(lines: usize) -> (Vec<u8>, Vec<usize>) {
        let bytes = vec![b'x'; 40 * lines];
        (bytes, (1..=lines).map(|line| 40 * line).collect())
    }

    #[test]
    fn a_job_stops_before_half_a_buffer_is_full_and_only_at_seams() {
        let (bytes, seams) = job(7);
        let (laid, pace) = Pace::laid(&bytes, &seams, ROOM);
        assert_eq!(pace.stops, [83, 166, 249]);
        assert!(pace.is_kept());
        for stop in &pace.stops {
            assert_eq!(laid[stop - 3..*stop], ASK_QUEUED);
        }
        let rest: Vec<u8> = laid.into_iter().filter(|byte| *byte == b'x').collect();
        assert_eq!(rest, bytes);
        // One that fits has none.
        let (bytes, seams) = job(2);
        let (laid, pace) = Pace::laid(&bytes, &seams, ROOM);
        assert!(laid == bytes && pace.stops.is_empty() && pace.is_kept());
    }

    #[test]
    fn what_may_be_more_than_the_buffer_holds_is_not_proven() {
        let (bytes, seams) = job(7);
        let answers = false;
        let (laid, pace) = Pace::laid(&bytes, &seams, Room { answers, ..ROOM });
        assert!(laid == bytes && !pace.is_kept());
        // Bytes of a caller's own, in which nothing may stand.
        assert!(!Pace::laid(&bytes, &[bytes.len()], ROOM).1.is_kept());
        let is_empty = false;
        let (bytes, seams) = job(1);
        let (_, pace) = Pace::laid(&bytes, &seams, Room { is_empty, ..ROOM });
        assert!(!pace.is_kept());
    }

    #[test]
    fn it_goes_on_with_the_answer_and_a_second_answer_is_noise() {
        let now = Instant::now();
        let (bytes, seams) = job(5);
        let (_, mut pace) = Pace::laid(&bytes, &seams, ROOM);
        pace.wrote(82, now);
        assert!(pace.waiting.is_none());
        pace.wrote(83, now);
        assert_eq!(pace.until(), 83);
        pace.heard(Reply::RealTime(0x12));
        assert_eq!(pace.until(), 83);
        pace.heard(Reply::Queued(0));
        assert_eq!((pace.until(), pace.is_kept()), (166, true));
        pace.heard(Reply::Queued(0));
        assert_eq!((pace.until(), pace.is_kept()), (166, false));
    }

    #[test]
    fn a_printer_in_trouble_is_waited_for_and_one_that_does_not_know_the_question_is_not() {
        let began = Instant::now();
        let after = |ms| began + Duration::from_millis(ms);
        let (bytes, seams) = job(5);
        let (_, mut pace) = Pace::laid(&bytes, &seams, ROOM);
        pace.wrote(83, began);
        assert!(!pace.tick(after(POLL_MS - 1), FINE, 0));
        // One that says nothing at all is gone: the rest would come out without its beginning.
        for second in 1..100 {
            pace.tick(after(1_000 * second), FINE, 0);
        }
        assert_eq!(pace.until(), 83);
        let mut asked = 0;
        for tick in 0..1_000 {
            if pace.tick(after(100_000 + POLL_MS * tick), FINE, 0) {
                pace.polled(after(100_000 + POLL_MS * tick));
                asked += POLL_BYTES;
            }
        }
        assert!((POLL_BYTES_MAX..POLL_BYTES_MAX + POLL_BYTES).contains(&asked));
        pace.heard(Reply::RealTime(0x12));
        let out = PrinterState {
            paper: crate::device::Paper::Out,
            ..FINE
        };
        pace.tick(after(700_000), out, 0);
        pace.tick(after(800_000), out, 0);
        pace.tick(after(800_001), FINE, 0);
        assert_eq!(pace.until(), 83);
        pace.tick(after(800_001 + STOP_MS_MAX), FINE, 0);
        assert_eq!((pace.until(), pace.is_kept()), (usize::MAX, false));
    }
}
