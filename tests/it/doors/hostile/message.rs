//! Messages of protobuf, spoilt in their own grammar: what is around the spoilt place is whole, so that it is reached.

use super::dice::{Dice, flip};

/// Bytes of a message that was blown up.
const LENGTH_MAX: usize = 60_000;
/// Messages within messages that are gone into.
const DEPTH_MAX: usize = 6;
/// The wire type of what has a length.
const SIZED: u8 = 2;
/// The first bytes of field 1 as a group, and as something with a length.
const GROUP: u8 = 0x0b;
const GROUP_END: u8 = 0x0c;
const FIRST: u8 = 0x0a;

/// One field: its tag, then its value.
#[derive(Clone, Copy)]
struct Field {
    at: usize,
    /// Of its length, where it has one.
    length_at: usize,
    value_at: usize,
    end: usize,
    wire: u8,
}

/// One fault, at any depth.
pub(super) fn spoil(message: &[u8], dice: &mut Dice) -> Vec<u8> {
    spoil_at(message, dice, 0)
}

fn spoil_at(message: &[u8], dice: &mut Dice, depth: usize) -> Vec<u8> {
    let fields = fields(message).unwrap_or_default();
    let Some(field) = (!fields.is_empty()).then(|| *dice.of(&fields)) else {
        return unlike(message, dice);
    };
    let value = &message[field.value_at..field.end];
    let goes_in = field.wire == SIZED && depth < DEPTH_MAX && !dice.rarely(3);
    if goes_in && self::fields(value).is_some_and(|within| !within.is_empty()) {
        let spoilt = spoil_at(value, dice, depth + 1);
        let length = varint(spoilt.len());
        let before = &message[..field.length_at];
        return [before, &length, &spoilt, &message[field.end..]].concat();
    }
    let mut bytes = message.to_vec();
    match dice.below(8) {
        0 => {
            bytes[field.at] = (bytes[field.at] & !7) | u8::try_from(dice.below(8)).expect("3 bits")
        }
        1 => {
            let length = huge(message.len(), dice);
            let old = field.length_at..field.value_at;
            bytes.splice(old, length).for_each(drop);
        }
        2 => {
            let letters = [0xff, 0xfe, 0xc0, 0x80, 0xed, 0xa0, 0x80];
            for byte in &mut bytes[field.value_at..field.end] {
                *byte = *dice.of(&letters);
            }
        }
        3 => {
            let again = message[field.at..field.end].to_vec();
            while bytes.len() + again.len() < LENGTH_MAX {
                bytes
                    .splice(field.at..field.at, again.iter().copied())
                    .for_each(drop);
            }
        }
        4 => flip(&mut bytes[field.value_at..field.end], dice),
        5 => {
            bytes.drain(field.at..field.value_at);
        }
        6 => return nested(message, dice),
        _ => return unlike(message, dice),
    }
    bytes
}

/// Faults that need no field.
fn unlike(message: &[u8], dice: &mut Dice) -> Vec<u8> {
    let mut bytes = message.to_vec();
    let at = dice.below(bytes.len() + 1);
    match dice.below(4) {
        0 => bytes.truncate(at),
        1 => flip(&mut bytes, dice),
        // A number without an end, and a field of number 0.
        2 => bytes.splice(at..at, [0xff; 12]).for_each(drop),
        _ => bytes.splice(at..at, [0, 0, 0x07, 0xff]).for_each(drop),
    }
    bytes
}

/// The message as deep as it gets: in groups that nobody ends, or in its own first field.
fn nested(message: &[u8], dice: &mut Dice) -> Vec<u8> {
    let depth = 1 + dice.below(LENGTH_MAX / 4);
    if dice.rarely(2) {
        let ends = if dice.rarely(2) { depth } else { 0 };
        return [&vec![GROUP; depth], message, &vec![GROUP_END; ends]].concat();
    }
    let mut bytes = message.to_vec();
    for _ in 0..depth.min(500) {
        let head = [&[FIRST], varint(bytes.len()).as_slice()].concat();
        bytes.splice(0..0, head).for_each(drop);
    }
    bytes
}

/// Its fields; `None`: it is no message.
fn fields(message: &[u8]) -> Option<Vec<Field>> {
    let (mut fields, mut at) = (Vec::new(), 0);
    while at < message.len() {
        let (tag, length_at) = number(message, at)?;
        let wire = u8::try_from(tag & 7).ok()?;
        let (value_at, end) = match wire {
            0 => (length_at, number(message, length_at)?.1),
            1 => (length_at, length_at + 8),
            SIZED => {
                let (length, value_at) = number(message, length_at)?;
                (value_at, value_at.checked_add(length)?)
            }
            5 => (length_at, length_at + 4),
            _ => return None,
        };
        if tag < 8 || end > message.len() {
            return None;
        }
        fields.push(Field {
            at,
            length_at,
            value_at,
            end,
            wire,
        });
        at = end;
    }
    Some(fields)
}

/// The number there, and what is behind it.
fn number(bytes: &[u8], at: usize) -> Option<(usize, usize)> {
    let mut number = 0;
    for (place, byte) in bytes.get(at..)?.iter().enumerate().take(5) {
        number |= usize::from(byte & 0x7f) << (7 * place);
        if byte & 0x80 == 0 {
            return Some((number, at + place + 1));
        }
    }
    None
}

fn varint(mut number: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    loop {
        let low = u8::try_from(number & 0x7f).expect("7 bits");
        number >>= 7;
        if number == 0 {
            bytes.push(low);
            return bytes;
        }
        bytes.push(low | 0x80);
    }
}

/// Lengths that are not so.
fn huge(own: usize, dice: &mut Dice) -> Vec<u8> {
    match dice.below(5) {
        0 => varint(own),
        1 => varint(usize::try_from(u32::MAX).expect("64 bits")),
        2 => varint(usize::try_from(i64::MAX).expect("64 bits")),
        3 => vec![0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01],
        _ => vec![0xff; 11],
    }
}

#[test]
fn a_spoilt_message_is_whole_around_the_fault() {
    use prost::Message as _;
    use yibaod::api::ScanAndPayRequest;
    let whole = super::requests::all();
    let bill = &whole[0].1;
    let (mut read, mut other) = (0, 0);
    for seed in 0..2_000 {
        let spoilt = spoil(bill, &mut Dice(seed));
        assert!(spoilt.len() < 2 * LENGTH_MAX, "seed {seed}");
        match ScanAndPayRequest::decode(spoilt.as_slice()) {
            Ok(_) => read += 1,
            Err(_) => other += 1,
        }
    }
    // Both what is no message and what is one with wrong content must come to the door.
    assert!(read > 200 && other > 200, "{read} can be read, {other} not");
}
