//! Calls of gRPC whose message, length, frames or bytes are not what they should be.

use super::dice::{self, Dice};
use super::message;

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// Bytes of one frame, and of all that may be sent before the other end says more.
const FRAME_LENGTH_MAX: usize = 16_384;
const WINDOW: usize = 65_535;
/// Kinds of frames.
const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RESET: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const WINDOW_UPDATE: u8 = 8;
const CONTINUATION: u8 = 9;
/// Flags of them.
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;

/// One frame; its length is told as it is, plus what is wrong with it.
#[derive(Clone)]
struct Frame {
    kind: u8,
    flags: u8,
    stream: u32,
    payload: Vec<u8>,
    length_more: usize,
}

/// What comes on one connection.
pub(super) fn bytes(
    requests: &[(&str, Vec<u8>)],
    bearer: Option<&str>,
    dice: &mut Dice,
) -> Vec<u8> {
    let (path, message) = dice.of(requests);
    let mut message = message.clone();
    match dice.below(5) {
        // The message is spoilt, all around it is whole: most come to be read.
        0..=2 => {
            for _ in 0..=dice.below(3) {
                message = message::spoil(&message, dice);
            }
            message.truncate(WINDOW - 5);
            let prefix = length(message.len(), dice);
            let frames = call(path, bearer, &[&prefix, message.as_slice()].concat());
            written(&frames)
        }
        3 => {
            message.truncate(WINDOW - 5);
            let whole = [&length(message.len(), &mut Dice(1)), message.as_slice()].concat();
            let mut frames = call(path, bearer, &whole);
            for _ in 0..=dice.below(5) {
                frame_fault(&mut frames, dice);
            }
            written(&frames)
        }
        _ => {
            let whole = [&length(message.len(), &mut Dice(1)), message.as_slice()].concat();
            dice::spoil(&written(&call(path, bearer, &whole)), dice)
        }
    }
}

/// A call as a client makes it.
pub(super) fn whole(path: &str, bearer: Option<&str>, message: &[u8]) -> Vec<u8> {
    let prefix = length(message.len(), &mut Dice(1));
    written(&call(path, bearer, &[&prefix, message].concat()))
}

/// Whether the bytes that came back hold the head of an answer to the call.
pub(super) fn is_answered(mut bytes: &[u8]) -> bool {
    while let Some((head, rest)) = bytes.split_at_checked(9) {
        let length = [0, head[0], head[1], head[2]];
        let length = usize::try_from(u32::from_be_bytes(length)).expect("24 bits");
        if head[3] == HEADERS {
            return true;
        }
        bytes = rest.get(length..).unwrap_or_default();
    }
    false
}

/// What stands before a message: mostly what is so.
fn length(length: usize, dice: &mut Dice) -> [u8; 5] {
    let length = u32::try_from(length).expect("a short message");
    let (flag, length) = match dice.below(16) {
        0 => (1, length),
        2 => (0xff, length),
        3 => (0, u32::MAX),
        4 => (0, length + 1),
        5 => (0, length / 2),
        _ => (0, length),
    };
    let [a, b, c, d] = length.to_be_bytes();
    [flag, a, b, c, d]
}

fn call(path: &str, bearer: Option<&str>, body: &[u8]) -> Vec<Frame> {
    let mut frames = vec![frame(SETTINGS, 0, 0, Vec::new())];
    frames.push(frame(HEADERS, END_HEADERS, 1, headers(path, bearer)));
    let mut chunks = body.chunks(FRAME_LENGTH_MAX).peekable();
    while let Some(chunk) = chunks.next() {
        let flags = if chunks.peek().is_none() {
            END_STREAM
        } else {
            0
        };
        frames.push(frame(DATA, flags, 1, chunk.to_vec()));
    }
    frames
}

fn frame(kind: u8, flags: u8, stream: u32, payload: Vec<u8>) -> Frame {
    Frame {
        kind,
        flags,
        stream,
        payload,
        length_more: 0,
    }
}

/// A POST of gRPC that waits for its answer for a tenth of a second, in HPACK without Huffman.
fn headers(path: &str, bearer: Option<&str>) -> Vec<u8> {
    let text = |text: &str| {
        let length = u8::try_from(text.len()).expect("a short text");
        assert!(length < 127, "a length of one byte");
        [&[length], text.as_bytes()].concat()
    };
    let mut headers = [
        b"\x83\x86\x44".to_vec(),
        text(&format!("/yibao.v1.{path}")),
        b"\x41".to_vec(),
        text("localhost"),
        b"\x5f".to_vec(),
        text("application/grpc"),
        b"\x40\x02te".to_vec(),
        text("trailers"),
        b"\x40\x0cgrpc-timeout".to_vec(),
        text("100m"),
    ]
    .concat();
    if let Some(bearer) = bearer {
        headers.extend([0x40]);
        headers.extend(text("authorization"));
        headers.extend(text(&format!("Bearer {bearer}")));
    }
    headers
}

fn written(frames: &[Frame]) -> Vec<u8> {
    let mut bytes = PREFACE.to_vec();
    for frame in frames {
        let length = frame.payload.len().wrapping_add(frame.length_more);
        let length = u32::try_from(length & 0x00ff_ffff).expect("24 bits");
        bytes.extend(&length.to_be_bytes()[1..]);
        bytes.extend([frame.kind, frame.flags]);
        bytes.extend(frame.stream.to_be_bytes());
        bytes.extend(&frame.payload);
    }
    bytes
}

fn frame_fault(frames: &mut Vec<Frame>, dice: &mut Dice) {
    let at = dice.below(frames.len());
    match dice.below(9) {
        0 => frames[at].kind = dice.byte() % 13,
        1 => frames[at].flags ^= 1 << dice.below(8),
        2 => frames[at].stream = u32::try_from(dice.below(1 << 31)).expect("31 bits"),
        3 => frames[at].length_more = dice.below(1 << 24),
        4 => frames[at].payload = dice::spoil(&frames[at].payload, dice),
        5 => frames.remove(at).payload.clear(),
        6 => {
            let again = frames[at].clone();
            frames.insert(dice.below(frames.len() + 1), again);
        }
        7 => {
            let odd = frame(
                dice.byte() % 13,
                dice.byte(),
                1,
                vec![dice.byte(); dice.below(64)],
            );
            frames.insert(at, odd);
        }
        _ => {
            let many = flood(frames, dice);
            frames.splice(at..at, many).for_each(drop);
        }
    }
    if frames.is_empty() {
        frames.push(frame(PING, 0, 0, vec![0; 8]));
    }
}

/// Many of a kind: what costs the sender little and might cost the other end much.
fn flood(frames: &[Frame], dice: &mut Dice) -> Vec<Frame> {
    let many = 1 + dice.below(2_000);
    let numbers = [0, 1, 0x7fff_ffff, 0x8000_0000, u32::MAX];
    let head = frames.iter().find(|frame| frame.kind == HEADERS);
    let head = head.map_or(Vec::new(), |frame| frame.payload.clone());
    match dice.below(8) {
        0 => vec![frame(PING, 0, 0, vec![7; 8]); many],
        1 => vec![frame(SETTINGS, 0, 0, Vec::new()); many],
        2 => vec![frame(DATA, 0, 1, Vec::new()); many],
        3 => {
            let more = dice.of(&numbers).to_be_bytes().to_vec();
            let stream = u32::try_from(dice.below(2)).expect("0 or 1");
            vec![frame(WINDOW_UPDATE, 0, stream, more); 1 + many / 100]
        }
        4 => {
            let value = dice.of(&numbers).to_be_bytes();
            let id = [0, 1 + dice.byte() % 8];
            vec![frame(SETTINGS, 0, 0, [&id[..], &value].concat())]
        }
        // Calls that are taken back at once.
        5 => {
            let streams = (0..many.min(500)).map(|n| 3 + 2 * u32::try_from(n).expect("small"));
            let calls = streams.flat_map(|stream| {
                let open = frame(HEADERS, END_HEADERS, stream, head.clone());
                [open, frame(RESET, 0, stream, vec![0, 0, 0, 8])]
            });
            calls.collect()
        }
        // Headers that never end.
        6 => {
            let mut all = vec![frame(HEADERS, 0, 3, head)];
            let more = [b"\x40\x01x\x7f".to_vec(), vec![b'x'; 127]].concat();
            all.extend(vec![frame(CONTINUATION, 0, 3, more); many]);
            all
        }
        // One long header, told again and again by its number.
        _ => {
            let mut bomb = b"\x40\x01x\x7f\x81\x1e".to_vec();
            bomb.extend([b'x'; 4_000]);
            bomb.extend(vec![0xbe; 12_000]);
            vec![frame(HEADERS, END_HEADERS | END_STREAM, 3, bomb)]
        }
    }
}
