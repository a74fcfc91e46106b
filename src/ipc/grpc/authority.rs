//! Mends the `:authority` that most gRPC clients send over a local socket, so that they work as they come.
//!
//! HTTP/2 wants a host there; a local socket has none. gRPC's C core (Python, C++, Ruby, PHP), grpc-java, grpc-swift
//! and older grpc-go, grpcurl among them, put the socket's path there, and the HTTP/2 library behind this door resets
//! such a call before we see it (<https://github.com/grpc/grpc/issues/38142>). Here each `/` and `%` of the value
//! becomes a `-`: in HPACK's Huffman code all three take six bits, so that nothing changes its length and the
//! header table stays true. All other bytes pass untouched; what cannot be understood passes too, for the library
//! behind to judge. HTTP/1 passes as it is. Nobody reads the mended value: who calls is known from the socket.

use std::ops::Range;

/// What every HTTP/2 client sends first: bytes that are no frame.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const PREFACE_LENGTH: usize = PREFACE.len();
const FRAME_HEAD_LENGTH: usize = 9;
/// Longest headers frame that is held until it is whole: HTTP/2's own default limit of a frame.
const HEADERS_LENGTH_MAX: usize = 16_384;
/// Type of the frame that each end sends first.
const SETTINGS: u8 = 4;
/// Type of a frame with headers, and its flags.
const HEADERS: u8 = 1;
const PADDED: u8 = 0x08;
const WITH_PRIORITY: u8 = 0x20;
const PRIORITY_LENGTH: usize = 5;
/// Index of the name `:authority` in HPACK's table, and the name itself.
const AUTHORITY_INDEX: usize = 1;
const AUTHORITY: &[u8] = b":authority";
/// Bytes of an HPACK number after its first: more say nothing that fits a frame.
const NUMBER_LENGTH_MAX: u32 = 3;

/// The bytes of one connection on their way in.
#[derive(Debug, Default)]
pub(super) struct Mender {
    /// Read, and not yet let through: at most a headers frame, or the head of a frame.
    held: Vec<u8>,
    /// Let through, up to `taken` handed on.
    passed: Vec<u8>,
    taken: usize,
    has_preface: bool,
    has_settings: bool,
    /// It is not HTTP/2: all passes.
    is_other: bool,
    /// Bytes of the present frame that pass as they are.
    passing: usize,
}

impl Mender {
    /// Takes bytes as they were read.
    pub(super) fn put(&mut self, bytes: &[u8]) {
        // Nobody looks once more after the last was handed on: else all that ever came would be kept.
        if !self.is_ready() {
            self.passed.clear();
            self.taken = 0;
        }
        self.held.extend_from_slice(bytes);
        while self.step().is_some() {}
    }

    /// The line ended: what is held passes as it is.
    pub(super) fn end(&mut self) {
        self.passed.append(&mut self.held);
    }

    /// What can be handed on, at most so many bytes.
    pub(super) fn take(&mut self, length_max: usize) -> &[u8] {
        let start = self.taken;
        self.taken = self.passed.len().min(start.saturating_add(length_max));
        &self.passed[start..self.taken]
    }

    /// Whether HTTP/2 began: its preface came, and a frame of settings.
    pub(super) fn is_http2(&self) -> bool {
        self.has_settings
    }

    /// Whether something can be handed on.
    pub(super) fn is_ready(&self) -> bool {
        self.taken < self.passed.len()
    }

    /// Lets one piece through; `None` when more bytes are needed to know.
    fn step(&mut self) -> Option<()> {
        if self.passing > 0 {
            let length = self.passing.min(self.held.len());
            self.passing -= length;
            return self.pass(length);
        }
        let mut known = PREFACE.iter().zip(&self.held);
        if !self.has_preface && known.any(|(known, sent)| known != sent) {
            self.is_other = true;
        }
        if self.is_other {
            return self.pass(self.held.len());
        }
        if !self.has_preface {
            self.has_preface = self.held.len() >= PREFACE_LENGTH;
            return self
                .has_preface
                .then(|| self.pass(PREFACE_LENGTH))
                .flatten();
        }
        let &[high, middle, low, kind, flags, ..] = self.held.get(..FRAME_HEAD_LENGTH)? else {
            return None;
        };
        self.has_settings |= kind == SETTINGS;
        let length = usize::from(high) << 16 | usize::from(middle) << 8 | usize::from(low);
        if kind != HEADERS || length > HEADERS_LENGTH_MAX {
            self.passing = length;
            return self.pass(FRAME_HEAD_LENGTH);
        }
        let frame = FRAME_HEAD_LENGTH..FRAME_HEAD_LENGTH + length;
        if let Some(block) = block_of(self.held.get(frame.clone())?, flags) {
            // A block that ends in the middle of a header goes on in the next frame; `:authority` comes first.
            mend_block(&mut self.held[frame.clone()][block]);
        }
        self.pass(frame.end)
    }

    fn pass(&mut self, length: usize) -> Option<()> {
        self.passed.extend(self.held.drain(..length));
        (length > 0).then_some(())
    }
}

/// Where the headers are in the payload of their frame.
fn block_of(payload: &[u8], flags: u8) -> Option<Range<usize>> {
    let (mut start, mut end) = (0, payload.len());
    if flags & PADDED != 0 {
        start = 1;
        end = end.checked_sub(usize::from(*payload.first()?))?;
    }
    if flags & WITH_PRIORITY != 0 {
        start += PRIORITY_LENGTH;
    }
    (start <= end).then_some(start..end)
}

/// Mends each `:authority` of a block of headers; `None` when the block ended early or is none.
fn mend_block(block: &mut [u8]) -> Option<()> {
    let mut at = 0;
    while let Some(&first) = block.get(at) {
        if first & 0x80 != 0 {
            (_, at) = number(block, at, 0x7f)?;
            continue;
        }
        if first & 0xe0 == 0x20 {
            (_, at) = number(block, at, 0x1f)?;
            continue;
        }
        let (index, next) = number(block, at, if first & 0x40 != 0 { 0x3f } else { 0x0f })?;
        at = next;
        let mut is_authority = index == AUTHORITY_INDEX;
        if index == 0 {
            let name = text(block, at)?;
            at = name.range.end;
            is_authority = !name.is_coded && block[name.range] == *AUTHORITY;
        }
        let value = text(block, at)?;
        at = value.range.end;
        if is_authority {
            let bytes = &mut block[value.range];
            if value.is_coded {
                mend_coded(bytes);
            } else {
                mend_plain(bytes);
            }
        }
    }
    Some(())
}

/// An HPACK number whose first byte has these bits of it, and the place after it.
fn number(block: &[u8], mut at: usize, mask: u8) -> Option<(usize, usize)> {
    let mut value = usize::from(*block.get(at)? & mask);
    at += 1;
    if value < usize::from(mask) {
        return Some((value, at));
    }
    for more in 0..NUMBER_LENGTH_MAX {
        let byte = *block.get(at)?;
        at += 1;
        value += usize::from(byte & 0x7f) << (7 * more);
        if byte & 0x80 == 0 {
            return Some((value, at));
        }
    }
    None
}

/// An HPACK text: where its bytes are, and whether they are Huffman code.
struct Text {
    range: Range<usize>,
    is_coded: bool,
}

fn text(block: &[u8], at: usize) -> Option<Text> {
    let is_coded = block.get(at)? & 0x80 != 0;
    let (length, start) = number(block, at, 0x7f)?;
    let range = start..start + length;
    block.get(range.clone())?;
    Some(Text { range, is_coded })
}

fn mend_plain(bytes: &mut [u8]) {
    for byte in bytes {
        if matches!(*byte, b'/' | b'%') {
            *byte = b'-';
        }
    }
}

/// The first 15 bits of a code that is longer than so many bits, for each length that printable characters have.
/// The code is canonical (RFC 7541, appendix B): a code is longer exactly when it is not smaller.
const LONGER: [(usize, u16); 10] = [
    (5, 0x0a << 10),
    (6, 0x2e << 9),
    (7, 0x7c << 8),
    (8, 0xfe << 7),
    (10, 0x3fd << 5),
    (11, 0x7fd << 4),
    (12, 0xffc << 3),
    (13, 0x1ffe << 2),
    (14, 0x3ffe << 1),
    (15, 0x7fff),
];
const PERCENT: u16 = 0x15;
const SLASH: u16 = 0x18;
const DASH: u16 = 0x16;

fn mend_coded(bytes: &mut [u8]) {
    let mut at = 0;
    while at < bytes.len() * 8 {
        let next = bits(bytes, at, 15);
        let Some((length, _)) = LONGER.iter().find(|(_, longer)| next < *longer) else {
            // The padding at the end, or a character that no path of ours has.
            return;
        };
        if *length == 6 && matches!(next >> 9, PERCENT | SLASH) {
            set_bits(bytes, at, 6, DASH);
        }
        at += length;
    }
}

fn bit(bytes: &[u8], at: usize) -> bool {
    // Behind the end it is all ones, as the padding is.
    bytes
        .get(at / 8)
        .is_none_or(|byte| byte >> (7 - at % 8) & 1 == 1)
}

fn bits(bytes: &[u8], at: usize, count: usize) -> u16 {
    (at..at + count).fold(0, |value, at| value << 1 | u16::from(bit(bytes, at)))
}

fn set_bits(bytes: &mut [u8], at: usize, count: usize, value: u16) {
    for n in 0..count {
        let is_set = value >> (count - 1 - n) & 1 == 1;
        if let Some(byte) = bytes.get_mut((at + n) / 8) {
            let mask = 0x80 >> ((at + n) % 8);
            *byte = if is_set { *byte | mask } else { *byte & !mask };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Python's gRPC 1.85.1 making a call over `/tmp/probe/s.sock`, as recorded: plain text, name spelt out.
    const PYTHON: &str = concat!(
        "505249202a20485454502f322e300d0a0d0a534d0d0a0d0a000024040000000000000200000000000300",
        "000000000400400000000500400000000600004000fe0300000001000004080000000000003f00010000",
        "000401000000000000d901040000000140053a70617468062f612e422f43400a3a617574686f72697479",
        "14746d7025324670726f6265253246732e736f636b8386400c636f6e74656e742d74797065106170706c",
        "69636174696f6e2f677270634002746508747261696c6572734014677270632d6163636570742d656e63",
        "6f64696e67176964656e746974792c206465666c6174652c20677a6970400c677270632d74696d656f75",
        "74023253400a757365722d6167656e7430677270632d707974686f6e2f312e38352e3120677270632d63",
        "2f35382e302e3020286c696e75783b206368747470322900000408000000000100000005000005000100",
        "000001000000000000000408000000000000000005",
    );
    /// grpcurl 1.8.6 asking for reflection over the same socket, as recorded: Huffman code, name by its index.
    const GRPCURL: &str = concat!(
        "505249202a20485454502f322e300d0a0d0a534d0d0a0d0a000000040000000000000000040100000000",
        "000084010400000001838645ad626b2b22f6165a0a4498f52fdc23a2b9c6bee2d9dcb66d2cb4148931ea",
        "63716cee5b36965a0a4498f564aa53ff418c6134d6c5761e32b085d072755f8b1d75d0620d263d4c4d65",
        "647a999acac96d9431dc2bbcbb8a4d65645a63b015da6970ad217bff40027465864d833505b11f40899a",
        "cac8b24d494f6a7f867df71a1356ff00000800000000000100000000033a012a",
    );
    /// All printable characters but the backslash in Huffman code, and the same with `-` for `%` and `/`.
    const PRINTABLE: &str = concat!(
        "53f8fe7febff2afc7fafebfbf9ff7f4b2ec002265a6dc75e7ee7dfffc83feffcffd4376f5fc187163c99",
        "7367d1a756bd9b776fe1c797e73fdffdfff3ffc8bffe8e324859669cdd3ad14d47afb5884dbdfc79f5ef",
        "fff7fcfff7ffbf",
    );
    const PRINTABLE_MENDED: &str = concat!(
        "53f8fe7febff2b7c7fafebfbf9ff7f4b2eb002265a6dc75e7ee7dfffc83feffcffd4376f5fc187163c99",
        "7367d1a756bd9b776fe1c797e73fdffdfff3ffc8bffe8e324859669cdd3ad14d47afb5884dbdfc79f5ef",
        "fff7fcfff7ffbf",
    );

    fn bytes(hex_text: &str) -> Vec<u8> {
        hex::decode(hex_text).unwrap()
    }

    /// A HIS keeps one connection for as long as it runs.
    #[test]
    fn a_long_connection_keeps_nothing_of_what_it_passed() {
        const FRAMES: usize = 10_000;
        // A frame of data with 64 bytes.
        let frame = [&[0, 0, 64, 0, 0, 0, 0, 0, 1][..], &[7; 64]].concat();
        let mut mender = Mender::default();
        mender.put(PREFACE);
        assert_eq!(mender.take(usize::MAX), PREFACE);
        for _ in 0..FRAMES {
            mender.put(&frame);
            assert_eq!(mender.take(usize::MAX), frame);
            assert!(!mender.is_ready());
        }
        let kept = mender.passed.capacity() + mender.held.capacity();
        assert!(kept <= 8 * frame.len(), "{kept} bytes");
    }

    #[test]
    fn http2_began_with_its_settings() {
        let settings = [0, 0, 0, SETTINGS, 0, 0, 0, 0, 0];
        let mut mender = Mender::default();
        mender.put(PREFACE);
        mender.put(&settings[..FRAME_HEAD_LENGTH - 1]);
        assert!(!mender.is_http2());
        mender.put(&settings[FRAME_HEAD_LENGTH - 1..]);
        assert!(mender.is_http2());
        for other in [&b"POST / HTTP/1.1\r\n\r\n"[..], &settings] {
            let mut mender = Mender::default();
            mender.put(other);
            assert!(!mender.is_http2());
        }
    }

    /// What comes out when the bytes come in pieces of this length.
    fn mended(sent: &[u8], piece: usize) -> Vec<u8> {
        let mut mender = Mender::default();
        let mut got = Vec::new();
        for piece in sent.chunks(piece) {
            mender.put(piece);
            while mender.is_ready() {
                got.extend_from_slice(mender.take(7));
            }
        }
        mender.end();
        got.extend_from_slice(mender.take(usize::MAX));
        got
    }

    #[test]
    fn what_clients_sent_is_mended_however_it_is_cut() {
        let python = (
            bytes(PYTHON),
            b"tmp%2Fprobe%2Fs.sock".to_vec(),
            b"tmp-2Fprobe-2Fs.sock".to_vec(),
        );
        let grpcurl = (
            bytes(GRPCURL),
            bytes("6134d6c5761e32b085d07275"),
            bytes("5934d6b5761e32ac85d07275"),
        );
        for (sent, before, after) in [python, grpcurl] {
            let at = sent
                .windows(before.len())
                .position(|part| part == before)
                .unwrap();
            let mut expected = sent.clone();
            expected[at..at + after.len()].copy_from_slice(&after);
            for piece in 1..=sent.len() {
                assert_eq!(mended(&sent, piece), expected, "in pieces of {piece}");
            }
        }
    }

    #[test]
    fn a_line_that_ends_early_passes_as_it_is() {
        let sent = bytes(PYTHON);
        for end in 0..PYTHON.len() / 2 - 20 {
            assert_eq!(mended(&sent[..end], 5).len(), end);
        }
        assert_eq!(mended(&sent[..80], 80), sent[..80]);
    }

    #[test]
    fn http_1_passes_at_once() {
        let sent = b"POST /a HTTP/1.1\r\nHost: x\r\n\r\n{}";
        for piece in 1..=sent.len() {
            assert_eq!(mended(sent, piece), sent);
        }
        let mut mender = Mender::default();
        mender.put(b"G");
        assert_eq!(mender.take(9), b"G", "nothing is held");
    }

    #[test]
    fn every_printable_character_is_stepped_over_rightly() {
        let mut coded = bytes(PRINTABLE);
        mend_coded(&mut coded);
        assert_eq!(hex::encode(coded), PRINTABLE_MENDED);
    }

    #[test]
    fn other_headers_and_frames_pass_as_they_are() {
        let preface = bytes(PYTHON)[..PREFACE_LENGTH].to_vec();
        let frame = |kind: u8, flags: u8, payload: &[u8]| {
            let length = u8::try_from(payload.len()).unwrap();
            [&[0, 0, length, kind, flags, 0, 0, 0, 1], payload].concat()
        };
        let header = b"\x40\x01a\x03b/%";
        for whole in [
            frame(HEADERS, 4, header),
            frame(0, 0, b"\x41\x02/%"),
            frame(HEADERS, 4, b"\x41\x7f"),
            frame(HEADERS, 4 | PADDED, b"\xff\x41\x02/%"),
        ] {
            let sent = [&preface[..], &whole].concat();
            assert_eq!(mended(&sent, 3), sent, "{whole:?}");
        }
        let padded = frame(
            HEADERS,
            4 | PADDED | WITH_PRIORITY,
            b"\x01\0\0\0\0\0\x82\x20\x01\x02/%/",
        );
        let got = mended(&[&preface[..], &padded].concat(), 4);
        assert!(got.ends_with(b"\x01\x02--/"), "the padding stays: {got:?}");
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_are_lost_or_waited_for(sent: Vec<u8>, piece in 1_usize..64) {
            let sent = [&bytes(PYTHON)[..PREFACE_LENGTH], &sent].concat();
            proptest::prop_assert_eq!(mended(&sent, piece).len(), sent.len());
        }
    }
}
