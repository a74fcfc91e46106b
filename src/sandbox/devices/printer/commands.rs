//! Bytes into commands, by the makers' ESC/POS command set.
//!
//! One command at a time, from the front of what was received. Whether a byte is half a Chinese
//! character depends on the mode the printer is in, so the mode comes in as [`Reading`]. What a
//! real printer would not understand comes out as [`Command::Strange`], with the bytes it would
//! swallow: the rest then prints as it stands, as it does on paper. Knows nothing of paper,
//! sensors or connections.

/// Columns of one `ESC *` image; the makers' limit is about the width of the paper.
const BIT_IMAGE_COLUMNS_MAX: usize = 2_047;
/// Tab stops of one `ESC D`.
const TAB_STOPS_MAX: usize = 32;
/// Longest `GS ( k` taken as one command: a full QR symbol is 7 089 digits.
const SYMBOL_BYTES_MAX: usize = 7_200;

const HT: u8 = 0x09;
const LF: u8 = 0x0A;
const CR: u8 = 0x0D;
const DLE: u8 = 0x10;
const ESC: u8 = 0x1B;
const FS: u8 = 0x1C;
const GS: u8 = 0x1D;

/// What the meaning of the next byte depends on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Reading {
    /// Chinese mode (`FS &`).
    pub(super) han: bool,
    /// Four-byte GB18030 is understood.
    pub(super) four_byte: bool,
    /// In the middle of something long.
    pub(super) inside: Inside,
}

/// Long data is taken in pieces, so that a small buffer suffices and paper can end in its middle.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Inside {
    /// The next byte starts a command.
    #[default]
    Nothing,
    /// The next so many bytes are a row of dots of `GS v 0`.
    RasterRow(usize),
    /// So many bytes belong to a command that is not understood.
    Skipped(usize),
}

/// Where `ESC a` puts the lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Align {
    #[default]
    Left,
    Centre,
    Right,
}

/// How the paper was parted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cut {
    /// The piece falls.
    Full,
    /// The piece hangs by a point.
    Partial,
}

/// One of the functions of `GS ( k` with cn = 49 (QR code).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Qr {
    /// Function 165: model 49 or 50.
    Model(u8),
    /// Function 167: dots of a module.
    Module(u8),
    /// Function 169: correction level 48–51 (L, M, Q, H).
    Level(u8),
    /// Function 180.
    Store(Vec<u8>),
    /// Function 181.
    Print,
}

/// How characters look from here on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Style {
    PrintMode(u8),
    HanPrintMode(u8),
    HanQuadruple(bool),
    Size(u8),
    Emphasis(bool),
    Reverse(bool),
    FontB(bool),
    Underline(u8),
    HanUnderline(u8),
    HanMode(bool),
    Language(u8),
    CodeTable(u8),
}

/// Where characters go from here on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Place {
    LineSpacing(Option<u8>),
    LetterSpacing(u8),
    HanSpacing(u8, u8),
    TabStops(Vec<u8>),
    MoveTo(u16),
    MoveBy(i16),
    AlignTo(Align),
    LeftMargin(u16),
    AreaWidth(u16),
}

/// What the printer was told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Command {
    Letter(u8),
    Han([u8; 2]),
    HanLong([u8; 4]),
    /// The first byte of a character that the font has no place for.
    HanStray(u8),
    LineFeed,
    Tab,
    /// Nothing to do here: NUL, CR without automatic line feed, real-time commands (answered when
    /// they arrived).
    Nothing,
    Initialize,
    Style(Style),
    Place(Place),
    FeedLines(u8),
    FeedDots(u8),
    BitImage {
        mode: u8,
        columns: Vec<u8>,
    },
    Raster {
        mode: u8,
        row_bytes: u16,
        rows: u16,
    },
    RasterRow(Vec<u8>),
    Skipped,
    Qr(Qr),
    CutNow(Cut),
    FeedAndCut(Cut, u8),
    Drawer(u8),
    SendStatus(u8),
    AutoStatus(u8),
    SendId(u8),
    ProcessId([u8; 4]),
    /// Accepted and without effect on paper here (peripheral choice, panel buttons, sensors).
    Accepted,
    /// Not understood; `skip` bytes of data still follow and are thrown away.
    Strange {
        what: String,
        skip: usize,
    },
}

/// A command and the bytes it took, or `None`: more bytes are needed.
pub(super) type Parsed = Option<(Command, usize)>;

/// Reads one command from the front of `bytes`.
pub(super) fn parse(bytes: &[u8], reading: Reading) -> Parsed {
    let first = *bytes.first()?;
    match reading.inside {
        Inside::RasterRow(length) => {
            return bytes
                .get(..length)
                .map(|row| (Command::RasterRow(row.to_vec()), length));
        }
        Inside::Skipped(length) => return Some((Command::Skipped, length.min(bytes.len()))),
        Inside::Nothing => {}
    }
    match first {
        0x00 | CR => Some((Command::Nothing, 1)),
        HT => Some((Command::Tab, 1)),
        LF => Some((Command::LineFeed, 1)),
        DLE => parse_dle(bytes),
        ESC => parse_esc(bytes),
        FS => parse_fs(bytes),
        GS => parse_gs(bytes),
        0x01..=0x1F | 0x7F => Some((strange(&bytes[..1], 0), 1)),
        0x81..=0xFE if reading.han => parse_han(bytes, reading.four_byte),
        0x20..=0xFF => Some((Command::Letter(first), 1)),
    }
}

fn strange(bytes: &[u8], skip: usize) -> Command {
    Command::Strange {
        what: hex::encode_upper(bytes),
        skip,
    }
}

fn parse_han(bytes: &[u8], four_byte: bool) -> Parsed {
    let (lead, trail) = (bytes[0], *bytes.get(1)?);
    match trail {
        0x40..=0x7E | 0x80..=0xFE => Some((Command::Han([lead, trail]), 2)),
        0x30..=0x39 if four_byte => {
            let all: [u8; 4] = bytes.get(..4)?.try_into().ok()?;
            let whole = (0x81..=0xFE).contains(&all[2]) && (0x30..=0x39).contains(&all[3]);
            Some(if whole {
                (Command::HanLong(all), 4)
            } else {
                (Command::HanStray(lead), 1)
            })
        }
        _ => Some((Command::HanStray(lead), 1)),
    }
}

/// Real-time commands were answered when they arrived; here they only take their place in the
/// stream.
fn parse_dle(bytes: &[u8]) -> Parsed {
    let length = match (*bytes.get(1)?, *bytes.get(2)?) {
        (0x04, 7 | 8) => 4,
        (0x04 | 0x05, _) => 3,
        (0x14, 8) => 10,
        (0x14, _) => 5,
        _ => return Some((strange(&bytes[..2], 0), 2)),
    };
    bytes.get(..length).map(|_| (Command::Nothing, length))
}

fn place(place: Place, length: usize) -> (Command, usize) {
    (Command::Place(place), length)
}

fn parse_esc(bytes: &[u8]) -> Parsed {
    let kind = *bytes.get(1)?;
    let one = |make: fn(u8) -> Command| bytes.get(2).map(|n| (make(*n), 3));
    let style = |make: fn(u8) -> Style| bytes.get(2).map(|n| (Command::Style(make(*n)), 3));
    let placed = |make: fn(u8) -> Place| bytes.get(2).map(|n| place(make(*n), 3));
    match kind {
        b'@' => Some((Command::Initialize, 2)),
        b'2' => Some(place(Place::LineSpacing(None), 2)),
        b'3' => placed(|n| Place::LineSpacing(Some(n))),
        b'!' => style(Style::PrintMode),
        b'E' | b'G' => style(|n| Style::Emphasis(n & 1 == 1)),
        b'-' => style(Style::Underline),
        b'M' => style(|n| Style::FontB(matches!(n, 1 | 49))),
        b'd' => one(Command::FeedLines),
        b'J' => one(Command::FeedDots),
        b' ' => placed(Place::LetterSpacing),
        b'R' => style(Style::Language),
        b't' => style(Style::CodeTable),
        b'=' => one(|_| Command::Accepted),
        b'a' => {
            let n = *bytes.get(2)?;
            let align = match n {
                0 | 48 => Align::Left,
                1 | 49 => Align::Centre,
                2 | 50 => Align::Right,
                _ => return Some((strange(&bytes[..3], 0), 3)),
            };
            Some(place(Place::AlignTo(align), 3))
        }
        b'c' => match *bytes.get(2)? {
            b'3' | b'4' | b'5' => bytes.get(3).map(|_| (Command::Accepted, 4)),
            _ => Some((strange(&bytes[..3], 0), 3)),
        },
        b'D' => parse_tabs(bytes),
        b'$' => word(bytes, 2).map(|n| place(Place::MoveTo(n), 4)),
        b'\\' => {
            word(bytes, 2).map(|n| place(Place::MoveBy(i16::from_le_bytes(n.to_le_bytes())), 4))
        }
        b'*' => parse_bit_image(bytes),
        b'p' => bytes.get(2..5).map(|data| (Command::Drawer(data[0]), 5)),
        b'i' => Some((Command::CutNow(Cut::Full), 2)),
        b'm' => Some((Command::CutNow(Cut::Partial), 2)),
        _ => Some((strange(&bytes[..2], 0), 2)),
    }
}

fn word(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_le_bytes([*bytes.get(at)?, *bytes.get(at + 1)?]))
}

fn parse_tabs(bytes: &[u8]) -> Parsed {
    let data = bytes.get(2..)?;
    let looked_at = data.get(..=TAB_STOPS_MAX).unwrap_or(data);
    match looked_at.iter().position(|n| *n == 0) {
        Some(end) => Some(place(Place::TabStops(data[..end].to_vec()), end + 3)),
        None if looked_at.len() > TAB_STOPS_MAX => Some((strange(&bytes[..2], TAB_STOPS_MAX), 2)),
        None => None,
    }
}

fn parse_bit_image(bytes: &[u8]) -> Parsed {
    let mode = *bytes.get(2)?;
    let columns = usize::from(word(bytes, 3)?);
    let bytes_a_column = match mode {
        0 | 1 => 1,
        32 | 33 => 3,
        _ => return Some((strange(&bytes[..5], 0), 5)),
    };
    let length = columns * bytes_a_column;
    if columns == 0 || columns > BIT_IMAGE_COLUMNS_MAX {
        return Some((strange(&bytes[..5], length), 5));
    }
    let columns = bytes.get(5..5 + length)?.to_vec();
    Some((Command::BitImage { mode, columns }, 5 + length))
}

fn parse_fs(bytes: &[u8]) -> Parsed {
    let kind = *bytes.get(1)?;
    let style = |make: fn(u8) -> Style| bytes.get(2).map(|n| (Command::Style(make(*n)), 3));
    match kind {
        b'&' => Some((Command::Style(Style::HanMode(true)), 2)),
        b'.' => Some((Command::Style(Style::HanMode(false)), 2)),
        b'!' => style(Style::HanPrintMode),
        b'-' => style(Style::HanUnderline),
        b'W' => style(|n| Style::HanQuadruple(n & 1 == 1)),
        b'S' => bytes
            .get(2..4)
            .map(|data| place(Place::HanSpacing(data[0], data[1]), 4)),
        _ => Some((strange(&bytes[..2], 0), 2)),
    }
}

fn parse_gs(bytes: &[u8]) -> Parsed {
    let kind = *bytes.get(1)?;
    let one = |make: fn(u8) -> Command| bytes.get(2).map(|n| (make(*n), 3));
    let style = |make: fn(u8) -> Style| bytes.get(2).map(|n| (Command::Style(make(*n)), 3));
    match kind {
        b'!' => style(Style::Size),
        b'B' => style(|n| Style::Reverse(n & 1 == 1)),
        b'r' => one(Command::SendStatus),
        b'a' => one(Command::AutoStatus),
        b'I' => one(Command::SendId),
        b'L' => word(bytes, 2).map(|n| place(Place::LeftMargin(n), 4)),
        b'W' => word(bytes, 2).map(|n| place(Place::AreaWidth(n), 4)),
        b'V' => match *bytes.get(2)? {
            0 | 48 => Some((Command::CutNow(Cut::Full), 3)),
            1 | 49 => Some((Command::CutNow(Cut::Partial), 3)),
            65 => bytes
                .get(3)
                .map(|n| (Command::FeedAndCut(Cut::Full, *n), 4)),
            66 => bytes
                .get(3)
                .map(|n| (Command::FeedAndCut(Cut::Partial, *n), 4)),
            _ => Some((strange(&bytes[..3], 0), 3)),
        },
        b'v' => parse_raster(bytes),
        b'(' => parse_gs_long(bytes),
        _ => Some((strange(&bytes[..2], 0), 2)),
    }
}

fn parse_raster(bytes: &[u8]) -> Parsed {
    let head = bytes.get(..8)?;
    let mode = head[3];
    let (row_bytes, rows) = (word(head, 4)?, word(head, 6)?);
    let length = usize::from(row_bytes) * usize::from(rows);
    let known = head[2] == b'0' && matches!(mode, 0..=3 | 48..=51);
    if !known || length == 0 {
        return Some((strange(head, length), 8));
    }
    Some((
        Command::Raster {
            mode: mode & 3,
            row_bytes,
            rows,
        },
        8,
    ))
}

/// `GS ( x pL pH …`: the length is told, so that an unknown one can be passed over whole.
fn parse_gs_long(bytes: &[u8]) -> Parsed {
    let kind = *bytes.get(2)?;
    let length = usize::from(word(bytes, 3)?);
    if !matches!(kind, b'k' | b'H') || length > SYMBOL_BYTES_MAX {
        return Some((strange(&bytes[..5], length), 5));
    }
    let data = bytes.get(5..5 + length)?;
    let command = match kind {
        b'H' => match data {
            [48, 48, id @ ..] if id.iter().all(|byte| (32..=126).contains(byte)) => {
                <[u8; 4]>::try_from(id).ok().map(Command::ProcessId)
            }
            _ => None,
        },
        _ => parse_qr(data).map(Command::Qr),
    };
    let whole = &bytes[..5 + length.min(4)];
    Some((command.unwrap_or_else(|| strange(whole, 0)), 5 + length))
}

fn parse_qr(data: &[u8]) -> Option<Qr> {
    match data {
        [49, 65, model @ (49 | 50), _] => Some(Qr::Model(*model)),
        [49, 67, dots @ 1..=16] => Some(Qr::Module(*dots)),
        [49, 69, level @ 48..=51] => Some(Qr::Level(*level)),
        [49, 80, 48, payload @ ..] if !payload.is_empty() => Some(Qr::Store(payload.to_vec())),
        [49, 81, 48] => Some(Qr::Print),
        _ => None,
    }
}
