//! PURE. Document + profile → the bytes of one job.
//!
//! Every job begins with `ESC @` and leaves nothing behind: what a job before it set does not show.

use super::plan::{self, Piece, Plan};
use crate::device::quirks::Profile;
use crate::document::{Align, Bitmap, Content, Document, Style};

const ESC: u8 = 0x1b;
const FS: u8 = 0x1c;
const GS: u8 = 0x1d;
const LF: u8 = b'\n';

/// `ESC @`: as after power on.
const RESET: [u8; 2] = [ESC, b'@'];
/// `GS a`: report online, error and paper changes without being asked.
pub(super) const REPORT_CHANGES: [u8; 3] = [GS, b'a', 0x0e];
/// `FS &`: bytes from 80h on are Chinese.
const CHINESE_ON: [u8; 2] = [FS, b'&'];
/// `FS .`: they are not any more.
const CHINESE_OFF: [u8; 2] = [FS, b'.'];
/// `GS V 66 0`: to the knife, and leave a corner uncut.
const CUT: [u8; 4] = [GS, b'V', 66, 0];

/// Dots of one raster command, in bytes: one that was cut off is outlasted by what a new link begins with.
const RASTER_BYTES_MAX: usize = 960;

/// A job's bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Encoded {
    /// What goes over the wire, without any question for proof.
    pub bytes: Vec<u8>,
    /// Where no command and no line is open, ascending, the end among them: a question may stand there.
    pub seams: Vec<usize>,
    /// Characters that the printer has no glyph for; nor have we; they are written as `[U+XXXX]`.
    pub unprintable: usize,
}

/// Lays a document out for a printer.
#[must_use]
pub fn encode(document: &Document, profile: &Profile) -> Encoded {
    let plan = plan::plan(document, profile);
    let mut encoder = Encoder::new(profile);
    encoder.begin();
    encoder.plan(&plan);
    encoder.put(&CHINESE_OFF);
    encoder.seam();
    Encoded {
        bytes: encoder.bytes,
        seams: encoder.seams,
        unprintable: plan.unprintable,
    }
}

/// A document laid out, or bytes of the caller's own behind a reset.
#[must_use]
pub fn encode_content(content: &Content, profile: &Profile) -> Encoded {
    let (mark, raw) = match content {
        Content::Document(document) => return encode(document, profile),
        Content::Raw(raw) => (None, raw),
        Content::MarkedRaw { mark, raw } => (Some(mark), raw),
        // Refused by the hub: a receipt printer takes none.
        Content::Pdf(_) => {
            return Encoded {
                bytes: Vec::new(),
                seams: Vec::new(),
                unprintable: 0,
            };
        }
    };
    let mut encoder = Encoder::new(profile);
    encoder.begin();
    let mark = mark.map_or(Plan::default(), |mark| plan::blocks(mark, profile));
    encoder.plan(&mark);
    // What the bytes mean is for them to say: nothing is on but what a reset leaves on.
    encoder.put(&CHINESE_OFF);
    encoder.seam();
    encoder.put(raw);
    encoder.seam();
    Encoded {
        bytes: encoder.bytes,
        seams: encoder.seams,
        unprintable: mark.unprintable,
    }
}

/// How many characters [`encode_content`] writes out for want of a glyph.
pub(in crate::device::printer) fn unprintable(content: &Content, profile: &Profile) -> usize {
    match content {
        Content::Document(document) => plan::plan(document, profile).unprintable,
        Content::MarkedRaw { mark, raw: _ } => plan::blocks(mark, profile).unprintable,
        Content::Raw(_) | Content::Pdf(_) => 0,
    }
}

/// Ends what an earlier job may have left unfinished: the rest of its line is dropped, the paper cut off.
pub(super) fn separation(profile: &Profile) -> Vec<u8> {
    let mut encoder = Encoder::new(profile);
    encoder.put(&RESET);
    encoder.piece(&Piece::Cut);
    encoder.bytes
}

struct Encoder<'a> {
    profile: &'a Profile,
    bytes: Vec<u8>,
    seams: Vec<usize>,
    style: Style,
    align: Align,
}

impl<'a> Encoder<'a> {
    fn new(profile: &'a Profile) -> Self {
        let bytes = Vec::with_capacity(4_096);
        Self {
            profile,
            bytes,
            seams: Vec::new(),
            style: Style::default(),
            align: Align::Left,
        }
    }

    fn begin(&mut self) {
        self.put(&RESET);
        if self.profile.has_asb {
            self.put(&REPORT_CHANGES);
        }
        self.put(&CHINESE_ON);
    }

    fn plan(&mut self, plan: &Plan) {
        for piece in &plan.pieces {
            self.piece(piece);
            self.seam();
        }
        self.look(Style::default(), Align::Left);
    }

    fn piece(&mut self, piece: &Piece) {
        match piece {
            Piece::Line {
                signs,
                style,
                align,
            } => {
                self.look(*style, *align);
                for sign in signs {
                    self.bytes.extend_from_slice(sign.bytes());
                }
                self.bytes.push(LF);
            }
            Piece::Picture { bitmap, text: _ } => {
                self.look(Style::default(), Align::Left);
                self.raster(bitmap);
            }
            Piece::QrDots { bitmap, data: _ } => {
                self.look(Style::default(), Align::Center);
                self.raster(bitmap);
            }
            Piece::Qr { data, module_dots } => self.qr(data, *module_dots),
            Piece::Feed(lines) => self.put(&[ESC, b'd', *lines]),
            Piece::Cut => {
                self.look(Style::default(), Align::Left);
                if self.profile.lines_before_cut > 0 {
                    self.put(&[ESC, b'd', self.profile.lines_before_cut]);
                }
                if self.profile.has_cut {
                    self.put(&CUT);
                }
            }
            // On for 100 ms, off for 200.
            Piece::Drawer(pin) => self.put(&[ESC, b'p', u8::from(*pin == 2), 50, 100]),
        }
    }

    fn qr(&mut self, data: &str, module_dots: u8) {
        self.look(Style::default(), Align::Center);
        // Model 2, size of a module, error correction M, store, print.
        self.put(&[GS, b'(', b'k', 4, 0, 0x31, 0x41, 0x32, 0]);
        self.put(&[GS, b'(', b'k', 3, 0, 0x31, 0x43, module_dots]);
        self.put(&[GS, b'(', b'k', 3, 0, 0x31, 0x45, 0x31]);
        let stored = u16::try_from(data.len() + 3)
            .unwrap_or(u16::MAX)
            .to_le_bytes();
        self.put(&[GS, b'(', b'k', stored[0], stored[1], 0x31, 0x50, 0x30]);
        self.put(data.as_bytes());
        self.put(&[GS, b'(', b'k', 3, 0, 0x31, 0x51, 0x30]);
    }

    /// `GS v 0`, in bands that the smallest buffer takes. What is white to the right edge in all rows is left out.
    fn raster(&mut self, bitmap: &Bitmap) {
        let rows: Vec<&[u8]> = bitmap.rows.chunks(bitmap.row_bytes().max(1)).collect();
        let black = |row: &&[u8]| {
            row.iter()
                .rposition(|byte| *byte != 0)
                .map_or(0, |at| at + 1)
        };
        let row_bytes = rows.iter().map(black).max().unwrap_or(0).max(1);
        for band in rows.chunks((RASTER_BYTES_MAX / row_bytes).max(1)) {
            let width = u16::try_from(row_bytes).unwrap_or(u16::MAX).to_le_bytes();
            let height = u16::try_from(band.len()).unwrap_or(u16::MAX).to_le_bytes();
            self.put(&[GS, b'v', b'0', 0, width[0], width[1], height[0], height[1]]);
            for row in band {
                self.put(&row[..row_bytes]);
            }
            self.seam();
        }
    }

    /// Sends what differs from the look so far.
    fn look(&mut self, style: Style, align: Align) {
        if align != self.align {
            let at = match align {
                Align::Left => 0,
                Align::Center => 1,
                Align::Right => 2,
            };
            self.put(&[ESC, b'a', at]);
        }
        if style.bold != self.style.bold {
            self.put(&[ESC, b'E', u8::from(style.bold)]);
        }
        if (style.wide, style.high) != (self.style.wide, self.style.high) {
            self.put(&[GS, b'!', u8::from(style.wide) << 4 | u8::from(style.high)]);
        }
        if style.underline != self.style.underline {
            // One command for Latin characters, one for Chinese.
            self.put(&[ESC, b'-', u8::from(style.underline)]);
            self.put(&[FS, b'-', u8::from(style.underline)]);
        }
        (self.style, self.align) = (style, align);
    }

    /// Nothing is open here.
    fn seam(&mut self) {
        self.seams.push(self.bytes.len());
    }

    fn put(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device::printer::escpos::plan::QR_BYTES_MAX;
    use crate::device::printer::escpos::raster;
    use crate::device::quirks::profile;
    use crate::document::{Block, Cell, Rule};

    #[test]
    fn golden_bytes_of_a_small_receipt() {
        let wide = Style {
            wide: true,
            high: true,
            bold: true,
            ..Style::default()
        };
        let cell = |text: &str, share, align| Cell {
            text: text.into(),
            share,
            align,
        };
        let blocks = vec![
            Block::Text {
                text: "收费票据".into(),
                style: wide,
                align: Align::Center,
            },
            Block::Rule(Rule::Thin),
            Block::Columns {
                cells: vec![cell("合计", 1, Align::Left), cell("¥4.52", 1, Align::Right)],
                style: Style::default(),
            },
            Block::Qr {
                data: "A1".into(),
                module_dots: 9,
            },
            Block::Cut,
        ];
        let document = Document {
            title: "receipt".into(),
            blocks,
        };
        let encoded = encode(&document, profile("gb18030-58").unwrap());
        let expected = [
            "1b40 1d610e 1c26",
            "1b6101 1b4501 1d2111 cad5b7d1c6b1bedd 0a",
            &format!("1b6100 1b4500 1d2100 {} 0a", "2d".repeat(32)),
            &format!("bacfbcc6 {} a3a4342e3532 0a", "20".repeat(22)),
            "1b6101 1d286b0400314132 00 1d286b0300314308 1d286b0300314531",
            "1d286b050031 5030 4131 1d286b0300315130",
            "1b6100 1b6404 1c2e",
        ];
        assert_eq!(
            hex::encode(&encoded.bytes),
            expected.join("").replace(' ', "")
        );
        assert_eq!(encoded.unprintable, 0);
    }

    #[test]
    fn what_cannot_be_drawn_is_written_out() {
        let long = "x".repeat(QR_BYTES_MAX + 1);
        let blocks = vec![Block::Qr {
            data: long.clone(),
            module_dots: 4,
        }];
        let encoded = encode(
            &Document {
                title: String::new(),
                blocks,
            },
            profile("gbk-80").unwrap(),
        );
        let written: Vec<u8> = encoded.bytes.into_iter().filter(|b| *b == b'x').collect();
        assert_eq!(written.len(), long.len());
    }

    /// A printer that does not know the command would print the content as letters.
    #[test]
    fn the_plainest_printer_is_sent_qr_codes_as_dots_and_two_bytes_at_most() {
        let blocks = vec![
            Block::Qr {
                data: "A1".into(),
                module_dots: 4,
            },
            Block::Text {
                text: "王㛃".into(),
                style: Style::default(),
                align: Align::Left,
            },
        ];
        let document = Document {
            title: String::new(),
            blocks,
        };
        for name in ["generic-80", "generic-58", "mute-80"] {
            let encoded = encode(&document, profile(name).unwrap());
            let has = |what: &[u8]| encoded.bytes.windows(what.len()).any(|it| it == what);
            assert!(!has(&[GS, b'(', b'k']), "{name}");
            // One picture for the code and one for the line.
            let pictures = encoded
                .bytes
                .windows(3)
                .filter(|it| it == &[GS, b'v', b'0']);
            assert!(pictures.count() >= 2, "{name}");
            assert!(!has(&[0x82, 0x30, 0xb7, 0x31]) && encoded.unprintable == 0);
        }
    }

    /// What stands on a settlement's receipt, in the time that it is waited for.
    #[test]
    fn a_qr_code_as_dots_brings_no_white_over_a_slow_line() {
        const DATA: &str = "530000202611230000000000000123";
        let profile = profile("generic-80").unwrap();
        let text = |text: &str| Block::Text {
            text: text.into(),
            style: Style::default(),
            align: Align::Left,
        };
        let qr = Block::Qr {
            data: DATA.into(),
            module_dots: 5,
        };
        let encoded = |blocks| {
            let document = Document {
                title: String::new(),
                blocks,
            };
            encode(&document, profile).bytes
        };
        let bytes = encoded(vec![text("a"), qr, text("b")]);
        let bitmap = raster::qr(DATA, 5).unwrap();
        let white = encoded(vec![text("a"), Block::Image(bitmap), text("b")]);
        // 105 rows of 21 modules: 14 bytes each, 43 with the white before them.
        let (dots, with_white) = (105 * 14, 105 * 43);
        assert!((dots..dots + 50).contains(&bytes.len()), "{}", bytes.len());
        assert!((with_white..with_white + 100).contains(&white.len()));
        // Where the preview shows it: 14 bytes in the middle of 72.
        let blocks = [Block::Qr {
            data: DATA.into(),
            module_dots: 5,
        }];
        let plan = plan::blocks(&blocks, profile);
        let [Piece::QrDots { bitmap, .. }] = &plan.pieces[..] else {
            panic!("{plan:?}");
        };
        let shown = raster::centered(bitmap, profile.dots());
        let first = (0..576).find(|x| shown.dot(*x, 0));
        assert_eq!((bitmap.width, first), (14 * 8, Some((576 - 14 * 8) / 2)));
        // Between the letters of the lines before and behind: in the middle, and back.
        let shown = [
            &[b'a', LF, ESC, b'a', 1, GS, b'v', b'0', 0, 14, 0][..],
            &[ESC, b'a', 0, b'b', LF],
        ];
        for part in shown {
            assert!(bytes.windows(part.len()).any(|it| it == part), "{part:?}");
        }
    }

    /// A rare character in a short line costs the width of the line, not of the paper.
    #[test]
    fn white_to_the_right_edge_is_not_sent() {
        let picture = |width, black: &[(usize, usize)]| {
            let mut bitmap = Bitmap::new(width, 3);
            for (x, y) in black {
                bitmap.blacken(*x, *y);
            }
            let mut encoder = Encoder::new(profile("generic-80").unwrap());
            encoder.raster(&bitmap);
            encoder.bytes
        };
        let head = |bytes| [GS, b'v', b'0', 0, bytes, 0, 3, 0];
        let rows = [0, 0, 0x80, 0x40, 0, 0];
        assert_eq!(
            picture(576, &[(0, 1), (9, 1)]),
            [&head(2)[..], &rows].concat()
        );
        assert_eq!(picture(576, &[]), [&head(1)[..], &[0; 3]].concat());
        assert_eq!(picture(16, &[(15, 2)]).len(), 8 + 6);
    }

    #[test]
    fn a_forty_line_receipt_is_quick() {
        let cell = |text: &str, share, align| Cell {
            text: text.into(),
            share,
            align,
        };
        let row = Block::Columns {
            cells: vec![
                cell("阿莫西林胶囊0.25g", 3, Align::Left),
                cell("2", 1, Align::Right),
                cell("12.50", 2, Align::Right),
            ],
            style: Style::default(),
        };
        let mut blocks = vec![row; 40];
        blocks.push(Block::Qr {
            data: "1".repeat(60),
            module_dots: 4,
        });
        let document = Document {
            title: "receipt".into(),
            blocks,
        };
        let profile = profile("gb18030-80").unwrap();
        let best = (0..20)
            .map(|_| {
                let start = std::time::Instant::now();
                assert!(encode(&document, profile).bytes.len() > 1_000);
                start.elapsed()
            })
            .min()
            .unwrap();
        // Ten times the goal of 200 µs, unoptimised.
        assert!(best < std::time::Duration::from_millis(2), "{best:?}");
    }
}
