//! The printer's mind: commands in, paper and answers out. Pure.
//!
//! Executes one command after another; whoever feeds it decides when (paper, cover, speed).
//! Settings and their limits are the makers'. Nothing is passed over in silence: what this printer
//! does not know, or would ignore, is an [`Oddity`].

mod print;
mod setting;

use super::commands::{Align, Command, Inside, Reading};
use super::line::Line;
use super::paper::{Area, PAPER_DOTS, Paper, Roll};
use super::profile::{Charset, Options};
use super::status::{self, Sensors};
use super::symbol::Symbol;

/// `ESC 2`: a sixth of an inch.
const LINE_SPACING_DOTS: usize = 30;
/// Default tab stops, every eight letters.
const TAB_EVERY_DOTS: usize = 96;
/// Oddities waiting to be fetched; the rest of a garbage stream is like its beginning.
const ODDITIES_MAX: usize = 1_000;

/// What a driver should not have sent to this printer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Oddity {
    /// A command it does not know; the bytes in hex.
    Unknown(String),
    /// A known command with a value, or at a place, where a real printer ignores it.
    Ignored(&'static str),
    /// Chinese bytes that its font has no character for; in hex.
    NoGlyph(String),
}

/// What came out of one command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Output {
    /// Bytes to the host.
    Answer(Vec<u8>),
    /// `GS ( H`: all before it is on paper.
    ProcessId([u8; 4]),
    /// A piece fell.
    Cut(Paper),
    /// The drawer was kicked.
    Drawer,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Face {
    times: (usize, usize),
    underline: usize,
}

const PLAIN: Face = Face {
    times: (1, 1),
    underline: 0,
};

/// All that `ESC @` puts back.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Modes {
    letters: Face,
    han: Face,
    font_b: bool,
    bold: bool,
    reverse: bool,
    area: Area,
    spacing: usize,
    letter_gap: usize,
    han_gaps: (usize, usize),
    tabs: Vec<usize>,
    yuan: bool,
    symbol: Symbol,
    auto_status: u8,
}

impl Modes {
    fn new() -> Self {
        Self {
            letters: PLAIN,
            han: PLAIN,
            font_b: false,
            bold: false,
            reverse: false,
            area: Area {
                left: 0,
                width: PAPER_DOTS,
                align: Align::Left,
            },
            spacing: LINE_SPACING_DOTS,
            letter_gap: 0,
            han_gaps: (0, 0),
            tabs: (1..)
                .map(|n| n * TAB_EVERY_DOTS)
                .take_while(|x| *x < PAPER_DOTS)
                .collect(),
            yuan: false,
            symbol: Symbol::default(),
            auto_status: 0,
        }
    }
}

/// A raster picture of which rows are still to come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Raster {
    rows_left: u16,
    start: usize,
    times: (usize, usize),
}

/// The interpreter and the roll it prints on.
#[derive(Debug)]
pub(super) struct Interpreter {
    options: Options,
    modes: Modes,
    reading: Reading,
    raster: Option<Raster>,
    line: Line,
    roll: Roll,
    waiting_ids: Vec<[u8; 4]>,
    output: Vec<Output>,
    oddities: Vec<Oddity>,
    oddities_seen: u64,
}

impl Interpreter {
    pub(super) fn new(options: Options) -> Self {
        let reading = Reading {
            han: options.han_at_start,
            four_byte: options.charset == Charset::Gb18030,
            inside: Inside::Nothing,
        };
        Self {
            options,
            modes: Modes::new(),
            reading,
            raster: None,
            line: Line::default(),
            roll: Roll::new(options.knife_dots),
            waiting_ids: Vec::new(),
            output: Vec::new(),
            oddities: Vec::new(),
            oddities_seen: 0,
        }
    }

    /// How the next bytes are to be read.
    pub(super) fn reading(&self) -> Reading {
        self.reading
    }

    /// `GS a` bits; 0: off.
    pub(super) fn auto_status(&self) -> u8 {
        self.modes.auto_status
    }

    /// Whether a line is begun and not yet on paper.
    pub(super) fn has_begun_line(&self) -> bool {
        !self.line.is_empty()
    }

    pub(super) fn roll(&self) -> &Roll {
        &self.roll
    }

    /// A used-up roll is torn off and a new one put in.
    pub(super) fn tear(&mut self) {
        self.roll = Roll::new(self.options.knife_dots);
    }

    /// What came out since the last time.
    pub(super) fn take_output(&mut self) -> Vec<Output> {
        std::mem::take(&mut self.output)
    }

    pub(super) fn oddities(&self) -> &[Oddity] {
        &self.oddities
    }

    /// All oddities since the start, also those beyond the ones kept.
    pub(super) fn oddities_seen(&self) -> u64 {
        self.oddities_seen
    }

    /// Power off and on: buffers and settings are gone, the paper stays where it is.
    pub(super) fn restart(&mut self) {
        self.forget();
        self.initialize();
    }

    /// What was begun and is not on paper is thrown away.
    pub(super) fn forget(&mut self) {
        self.line = Line::default();
        self.reading.inside = Inside::Nothing;
        self.raster = None;
        self.waiting_ids.clear();
    }

    fn initialize(&mut self) {
        self.modes = Modes::new();
        self.line = Line::default();
        self.reading.han = self.options.han_at_start;
    }

    fn odd(&mut self, oddity: Oddity) {
        self.oddities_seen += 1;
        if self.oddities.len() < ODDITIES_MAX {
            self.oddities.push(oddity);
        }
    }

    /// Does what a command says.
    pub(super) fn execute(&mut self, command: Command, sensors: Sensors) {
        match command {
            Command::Letter(byte) => self.letter(byte),
            Command::Han(bytes) => self.han(&bytes),
            Command::HanLong(bytes) => self.han(&bytes),
            Command::HanStray(lead) => {
                self.odd(Oddity::NoGlyph(hex::encode_upper([lead])));
                self.put_letter(' ');
            }
            Command::LineFeed => self.print_line(),
            Command::Tab => self.tab(),
            Command::Nothing | Command::Accepted => {}
            Command::Skipped => self.reading.inside = Inside::Nothing,
            Command::Initialize => self.initialize(),
            Command::FeedLines(n) => self.feed_lines(usize::from(n)),
            Command::FeedDots(n) => self.print_and_feed(usize::from(n)),
            Command::BitImage { mode, columns } => self.bit_image(mode, &columns),
            Command::Raster {
                mode,
                row_bytes,
                rows,
            } => self.raster(mode, row_bytes, rows),
            Command::RasterRow(row) => self.raster_row(&row),
            Command::Qr(qr) => self.symbol(qr),
            Command::CutNow(how) => self.cut(how, None),
            Command::FeedAndCut(how, n) => self.cut(how, Some(usize::from(n))),
            Command::Drawer(pin) => match pin {
                0 | 1 | 48 | 49 => self.output.push(Output::Drawer),
                _ => self.odd(Oddity::Ignored("ESC p pin")),
            },
            Command::SendStatus(n) => self.answer(sensors.queued(n).map(|byte| vec![byte]), "GS r"),
            Command::AutoStatus(n) => {
                self.modes.auto_status = n;
                if n != 0 {
                    self.output
                        .push(Output::Answer(sensors.automatic().to_vec()));
                }
            }
            Command::SendId(n) => self.answer(status::identity(n), "GS I"),
            Command::ProcessId(id) => {
                self.waiting_ids.push(id);
                self.answer_ids();
            }
            Command::Strange { what, skip } => {
                self.odd(Oddity::Unknown(what));
                if skip > 0 {
                    self.reading.inside = Inside::Skipped(skip);
                }
            }
            Command::Style(style) => self.set_style(style),
            Command::Place(place) => self.set_place(place),
        }
    }

    /// Data of an unknown command was passed over.
    pub(super) fn skipped(&mut self, bytes: usize) {
        if let Inside::Skipped(left) = self.reading.inside {
            let left = left.saturating_sub(bytes);
            self.reading.inside = if left == 0 {
                Inside::Nothing
            } else {
                Inside::Skipped(left)
            };
        }
    }

    fn answer(&mut self, bytes: Option<Vec<u8>>, command: &'static str) {
        match bytes {
            Some(bytes) => self.output.push(Output::Answer(bytes)),
            None => self.odd(Oddity::Ignored(command)),
        }
    }

    /// A process id is answered when what came before it is on paper, so not while a line is begun.
    fn answer_ids(&mut self) {
        if self.line.is_empty() {
            self.output
                .extend(self.waiting_ids.drain(..).map(Output::ProcessId));
        }
    }
}
