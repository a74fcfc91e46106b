//! The printer without its wire: receive buffer, interpreter, sensors, faults. Pure; time and
//! bytes come from outside.
//!
//! Bytes are received (real-time commands are answered at once), then worked off one command at a
//! time while there is paper and the cover is closed. What cannot be printed stays in the buffer,
//! and goes on when it can be.

use std::collections::VecDeque;

use super::commands::{self, Command, Inside};
use super::interpreter::{Interpreter, Oddity, Output};
use super::paper::Paper;
use super::profile::{Full, Options};
use super::realtime::{Urgent, Watch};
use super::status::{self, Sensors};

/// Answers waiting for a host that does not read; beyond it they are lost, as in the maker's
/// interface boards.
const OUTBOX_BYTES_MAX: usize = 4_096;
/// Cut papers kept for looking at.
const PAPERS_MAX: usize = 1_000;
/// The host may send.
const XON: u8 = 0x11;
/// The host must not send.
const XOFF: u8 = 0x13;
/// Length of `DLE EOT n` and `DLE ENQ n`.
const URGENT_BYTES: usize = 3;
/// What is answered where a process id is asked for and the printer never had another before.
const NO_ID: [u8; 4] = *b"0000";

/// What the printer does wrong with process ids and status.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Voice {
    /// Answers as it should.
    #[default]
    Honest,
    /// Answers nothing at all.
    Mute,
    /// Answers status, but no process id.
    NoProcessIds,
    /// Answers with the id of the request before.
    StaleProcessIds,
}

/// How many things happened since the start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counters {
    /// Pieces cut off.
    pub papers: u64,
    /// Connections taken.
    pub connections: u64,
    /// Bytes received.
    pub bytes: u64,
    /// Bytes that had no room.
    pub dropped: u64,
    /// Times that it said XOFF.
    pub xoffs: u64,
    /// Drawer kicks.
    pub drawer_kicks: u64,
    /// Process ids asked for and reached in the stream.
    pub process_ids: u64,
    /// Oddities, also those not kept.
    pub oddities: u64,
}

/// See the module docs.
#[derive(Debug)]
pub(super) struct Machine {
    options: Options,
    interpreter: Interpreter,
    watch: Watch,
    buffer: VecDeque<u8>,
    outbox: Vec<u8>,
    papers: VecDeque<Paper>,
    counters: Counters,
    sensors: Sensors,
    told: Option<[u8; 4]>,
    last_id: [u8; 4],
    connected: bool,
    powered: bool,
    times_off: u64,
    voice: Voice,
    paper_left: Option<u64>,
    hang_left: Option<u64>,
    is_hung: bool,
    drop_left: Option<usize>,
    /// It said XOFF.
    is_held: bool,
    bytes_a_second: Option<u32>,
}

impl Machine {
    pub(super) fn new(options: Options) -> Self {
        Self {
            options,
            interpreter: Interpreter::new(options),
            watch: Watch::default(),
            buffer: VecDeque::new(),
            outbox: Vec::new(),
            papers: VecDeque::new(),
            counters: Counters::default(),
            sensors: Sensors::default(),
            told: None,
            last_id: NO_ID,
            connected: false,
            powered: true,
            times_off: 0,
            voice: Voice::default(),
            paper_left: None,
            hang_left: None,
            is_hung: false,
            drop_left: None,
            is_held: false,
            bytes_a_second: None,
        }
    }

    // What the wire needs.

    /// A host connected or went. Answers for one that went are lost.
    pub(super) fn set_connected(&mut self, connected: bool) {
        self.connected = connected;
        self.outbox.clear();
        self.watch = Watch::default();
        self.counters.connections += u64::from(connected);
    }

    /// How many more bytes fit.
    pub(super) fn room(&self) -> usize {
        self.options.buffer_bytes.saturating_sub(self.buffer.len())
    }

    /// How many bytes it takes off a serial line.
    pub(super) fn line_room(&self) -> usize {
        match self.options.full {
            Full::Holds => self.room(),
            Full::SaysXoff | Full::Drops => usize::MAX,
        }
    }

    /// XON or XOFF, if one is due.
    pub(super) fn flow_byte(&mut self) -> Option<u8> {
        let (held, all) = (self.buffer.len(), self.options.buffer_bytes);
        let is_held = if self.is_held {
            held > all / 4
        } else {
            held > all / 2
        };
        let heeds = self.options.full == Full::SaysXoff && self.powered;
        if !heeds || is_held == self.is_held {
            return None;
        }
        self.is_held = is_held;
        self.counters.xoffs += u64::from(is_held);
        Some(if is_held { XOFF } else { XON })
    }

    /// Takes bytes off the wire. `false`: the connection is to be dropped here.
    pub(super) fn receive(&mut self, bytes: &[u8]) -> bool {
        if !self.powered {
            return true;
        }
        let taken = self.drop_left.unwrap_or(bytes.len()).min(bytes.len());
        for byte in &bytes[..taken] {
            if self.room() > 0 {
                self.buffer.push_back(*byte);
            } else {
                self.counters.dropped += 1;
            }
            if let Some(urgent) = self.watch.byte(*byte) {
                self.answer_at_once(urgent);
            }
        }
        self.counters.bytes += u64::try_from(taken).unwrap_or(u64::MAX);
        if let Some(left) = &mut self.drop_left {
            *left -= taken;
        }
        if self.drop_left == Some(0) {
            self.drop_left = None;
            return false;
        }
        true
    }

    fn answer_at_once(&mut self, urgent: Urgent) {
        // With nothing before it, it is not part of anything: it does not wait, and is not held.
        let alone = self.interpreter.reading().inside == Inside::Nothing;
        if alone && self.buffer.len() == URGENT_BYTES {
            self.buffer.clear();
        }
        match urgent {
            Urgent::Status(n) => {
                let answer = self.sensors().real_time(n);
                self.say(answer.as_slice());
            }
            Urgent::Recover(2) => {
                self.buffer.clear();
                self.interpreter.forget();
            }
            Urgent::Recover(_) | Urgent::Other(_) => {}
        }
    }

    /// Takes what is to be sent to the host.
    pub(super) fn take_outbox(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.outbox)
    }

    // What the clockwork needs.

    /// The pace of printing; none: as fast as can be.
    pub(super) fn bytes_a_second(&self) -> Option<u32> {
        self.bytes_a_second
    }

    /// Works off commands until about `bytes_max` bytes are done. Gives the bytes done; 0: nothing
    /// can be done.
    pub(super) fn work(&mut self, bytes_max: usize) -> usize {
        let mut done = 0;
        while done < bytes_max && self.can_print() {
            let reading = self.interpreter.reading();
            let Some((command, length)) = commands::parse(self.buffer.make_contiguous(), reading)
            else {
                break;
            };
            let bytes = u64::try_from(length).unwrap_or(u64::MAX);
            if self.paper_left.is_some_and(|left| bytes > left) {
                self.paper_left = None;
                self.sensors.paper_out = true;
                break;
            }
            if self.hang_left.is_some_and(|left| bytes > left) {
                self.hang_left = None;
                self.is_hung = true;
                break;
            }
            self.paper_left = self.paper_left.map(|left| left - bytes);
            self.hang_left = self.hang_left.map(|left| left - bytes);
            self.buffer.drain(..length);
            done += length;
            self.execute(command, length);
        }
        if self.interpreter.roll().is_used_up() {
            self.sensors.paper_out = true;
        }
        self.tell_change();
        done
    }

    fn can_print(&self) -> bool {
        self.powered
            && !self.is_hung
            && !self.sensors.offline()
            && !self.interpreter.roll().is_used_up()
    }

    fn execute(&mut self, command: Command, length: usize) {
        let sensors = self.sensors();
        if matches!(self.interpreter.reading().inside, Inside::Skipped(_)) {
            self.interpreter.skipped(length);
        } else {
            self.interpreter.execute(command, sensors);
        }
        for output in self.interpreter.take_output() {
            match output {
                Output::Answer(bytes) => self.say(&bytes),
                Output::ProcessId(id) => self.answer_id(id),
                Output::Drawer => self.counters.drawer_kicks += 1,
                Output::Cut(paper) => {
                    self.counters.papers += 1;
                    if self.papers.len() == PAPERS_MAX {
                        self.papers.pop_front();
                    }
                    self.papers.push_back(paper);
                }
            }
        }
    }

    fn answer_id(&mut self, id: [u8; 4]) {
        self.counters.process_ids += 1;
        let before = std::mem::replace(&mut self.last_id, id);
        if !self.options.process_ids {
            return;
        }
        let said = match self.voice {
            Voice::Mute | Voice::NoProcessIds => return,
            Voice::Honest => id,
            Voice::StaleProcessIds => before,
        };
        self.say(&status::process_id(said));
    }

    fn say(&mut self, bytes: &[u8]) {
        let heard = self.connected && self.powered && self.voice != Voice::Mute;
        if heard && self.outbox.len() + bytes.len() <= OUTBOX_BYTES_MAX {
            self.outbox.extend_from_slice(bytes);
        }
    }

    /// Automatic status: sent when it differs from what was last sent.
    fn tell_change(&mut self) {
        let now = (self.interpreter.auto_status() != 0).then(|| self.sensors().automatic());
        if let (Some(now), Some(before)) = (now, self.told)
            && now != before
        {
            self.say(&now);
        }
        self.told = now;
    }

    fn sensors(&self) -> Sensors {
        let holding = !self.buffer.is_empty() || self.interpreter.has_begun_line();
        Sensors {
            holding,
            ..self.sensors
        }
    }

    // What a person, or a fault, does to it.

    pub(super) fn is_powered(&self) -> bool {
        self.powered
    }

    /// How often it was switched off; a connection does not outlive one.
    pub(super) fn times_off(&self) -> u64 {
        self.times_off
    }

    /// Switching off forgets the buffer and the settings, not the paper.
    pub(super) fn power(&mut self, on: bool) {
        self.powered = on;
        if !on {
            self.times_off += 1;
            self.buffer.clear();
            self.outbox.clear();
            self.hang_left = None;
            self.is_hung = false;
            self.told = None;
            self.interpreter.restart();
        }
    }

    pub(super) fn set_voice(&mut self, voice: Voice) {
        self.voice = voice;
    }

    pub(super) fn set_cover(&mut self, open: bool) {
        self.sensors.cover_open = open;
        self.tell_change();
    }

    pub(super) fn set_near_end(&mut self, near: bool) {
        self.sensors.near_end = near;
        self.tell_change();
    }

    /// Paper ends after so many more bytes of the job; a command is not begun that has not enough
    /// left.
    pub(super) fn end_paper_after(&mut self, bytes: u64) {
        self.paper_left = Some(bytes);
        if bytes == 0 {
            self.paper_left = None;
            self.sensors.paper_out = true;
            self.tell_change();
        }
    }

    /// It works nothing off any more after so many more bytes of the job, until its power goes; it says how it is, and
    /// that it is well.
    pub(super) fn hang_after(&mut self, bytes: u64) {
        self.hang_left = Some(bytes);
    }

    pub(super) fn is_hung(&self) -> bool {
        self.is_hung
    }

    /// It says what nobody asked for.
    pub(super) fn stray(&mut self, bytes: &[u8]) {
        self.say(bytes);
    }

    pub(super) fn is_out_of_paper(&self) -> bool {
        self.sensors.paper_out
    }

    /// Whether these bytes wait to be worked off.
    pub(super) fn holds(&self, bytes: &[u8]) -> bool {
        let held: Vec<u8> = self.buffer.iter().copied().collect();
        held.windows(bytes.len().max(1)).any(|it| it == bytes)
    }

    /// A new roll. What was printed last still hangs before it.
    pub(super) fn refill(&mut self) {
        self.sensors.paper_out = false;
        self.sensors.near_end = false;
        self.paper_left = None;
        if self.interpreter.roll().is_used_up() {
            self.interpreter.tear();
        }
        self.tell_change();
    }

    pub(super) fn drop_after(&mut self, bytes: usize) {
        self.drop_left = Some(bytes);
    }

    pub(super) fn set_pace(&mut self, bytes_a_second: Option<u32>) {
        self.bytes_a_second = bytes_a_second;
    }

    // What can be looked at.

    pub(super) fn papers(&self) -> Vec<Paper> {
        self.papers.iter().cloned().collect()
    }

    pub(super) fn hanging(&self) -> Paper {
        self.interpreter.roll().hanging()
    }

    pub(super) fn oddities(&self) -> Vec<Oddity> {
        self.interpreter.oddities().to_vec()
    }

    pub(super) fn counters(&self) -> Counters {
        Counters {
            oddities: self.interpreter.oddities_seen(),
            ..self.counters
        }
    }

    /// Bytes received and not yet worked off.
    pub(super) fn held_bytes(&self) -> usize {
        self.buffer.len()
    }
}
