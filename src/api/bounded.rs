//! The codec of all methods: protobuf, of which a short message cannot make a large one in memory.
//!
//! Two bytes on the wire are an empty line of a bill, and hundreds in memory. So what could be a message in a message
//! is counted before anything is made of it, without knowing the schema: whatever has a length counts, and whatever
//! reads like a message is looked into. Too many is refused; too few is impossible.

use std::marker::PhantomData;

use bytes::Buf as _;
use prost::Message;
use tonic::Status;
use tonic::codec::{Codec, DecodeBuf, Decoder};
use tonic_prost::ProstCodec;

/// Fields with a length in one message: texts, bytes, messages. A bill of a thousand lines has some twenty thousand.
pub const FIELDS_MAX: u32 = 131_072;
/// How deep our messages stand in one another, and more.
const DEPTH_MAX: u32 = 8;
/// A tag is its field's number above these bits of its kind.
const KIND_BITS: u64 = 0b111;
/// Bytes of a number at most.
const NUMBER_LENGTH_MAX: usize = 10;

/// Protobuf with an end to what a message may unfold to.
#[derive(Debug)]
pub struct Bounded<T, U>(PhantomData<(T, U)>);

impl<T, U> Default for Bounded<T, U> {
    fn default() -> Self {
        Self(PhantomData)
    }
}

impl<T, U> Codec for Bounded<T, U>
where
    T: Message + Send + 'static,
    U: Message + Default + Send + 'static,
{
    type Encode = T;
    type Decode = U;
    type Encoder = <ProstCodec<T, U> as Codec>::Encoder;
    type Decoder = Counting<<ProstCodec<T, U> as Codec>::Decoder>;

    fn encoder(&mut self) -> Self::Encoder {
        ProstCodec::<T, U>::default().encoder()
    }

    fn decoder(&mut self) -> Self::Decoder {
        Counting(ProstCodec::<T, U>::default().decoder())
    }
}

/// Counts, then decodes.
#[derive(Debug)]
pub struct Counting<D>(D);

impl<D: Decoder<Error = Status>> Decoder for Counting<D> {
    type Item = D::Item;
    type Error = Status;

    fn decode(&mut self, src: &mut DecodeBuf<'_>) -> Result<Option<Self::Item>, Status> {
        // A message lies in one piece, as it was read.
        let mut left = FIELDS_MAX;
        let length = src.remaining().min(src.chunk().len());
        if !fits(&src.chunk()[..length], &mut left, DEPTH_MAX) {
            let detail = format!("a message has at most {FIELDS_MAX} fields");
            return Err(Status::out_of_range(detail));
        }
        self.0.decode(src)
    }
}

/// Whether what could be made of these bytes stays within `left`. What reads like no message ends there: so does its
/// decoding.
fn fits(mut bytes: &[u8], left: &mut u32, depth: u32) -> bool {
    while !bytes.is_empty() {
        let Some(tag) = number(&mut bytes) else {
            return true;
        };
        let length = match tag & KIND_BITS {
            0 => match number(&mut bytes) {
                Some(_) => continue,
                None => return true,
            },
            1 => 8,
            2 => match number(&mut bytes).map(usize::try_from) {
                Some(Ok(length)) => length,
                Some(Err(_)) | None => return true,
            },
            5 => 4,
            _ => return true,
        };
        let Some((inner, rest)) = bytes.split_at_checked(length) else {
            return true;
        };
        bytes = rest;
        if tag & KIND_BITS != 2 {
            continue;
        }
        let Some(fewer) = left.checked_sub(1) else {
            return false;
        };
        *left = fewer;
        if depth > 0 && !fits(inner, left, depth - 1) {
            return false;
        }
    }
    true
}

/// A number as protobuf writes it: seven bits a byte, the lowest first.
fn number(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0_u64;
    for index in 0..NUMBER_LENGTH_MAX {
        let (&byte, rest) = bytes.split_first()?;
        *bytes = rest;
        value |= u64::from(byte & 0x7f).checked_shl(u32::try_from(index * 7).ok()?)?;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::super::{Bill, Line, ScanAndPayRequest, TraceCode};
    use super::*;

    fn is_taken(message: &ScanAndPayRequest) -> bool {
        let mut left = FIELDS_MAX;
        fits(&message.encode_to_vec(), &mut left, DEPTH_MAX)
    }

    fn with_lines(count: usize, line: &Line) -> ScanAndPayRequest {
        let bill = Bill {
            lines: vec![line.clone(); count],
            ..Bill::default()
        };
        ScanAndPayRequest {
            bills: vec![bill],
            ..ScanAndPayRequest::default()
        }
    }

    #[test]
    fn empty_lines_without_end_are_refused_before_they_are_made() {
        let most = usize::try_from(FIELDS_MAX).unwrap();
        assert!(is_taken(&with_lines(most - 1, &Line::default())));
        assert!(!is_taken(&with_lines(most, &Line::default())));
    }

    #[test]
    fn a_full_bill_is_below() {
        let code = TraceCode {
            drug_trac_codg: "83000000000000000001".to_owned(),
            ..TraceCode::default()
        };
        let line = Line {
            trace_codes: vec![code; 60],
            ..Line::default()
        };
        assert!(is_taken(&with_lines(1_000, &line)));
    }

    #[test]
    fn what_is_no_message_is_left_to_the_decoder() {
        for bytes in [
            &[0xff; 40][..],
            &[0x0a, 0x7f, 1],
            &[0x0b],
            &[0x08],
            &[0x0d, 1, 2],
        ] {
            assert!(fits(bytes, &mut 10, DEPTH_MAX), "{bytes:?}");
        }
        let mut rest: &[u8] = &[0xac, 0x02, 9];
        assert_eq!((number(&mut rest), rest), (Some(300), &[9][..]));
    }
}
