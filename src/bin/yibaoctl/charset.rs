//! Character sets of bills and of what is printed: old programs write and read GBK.
//!
//! Wrong bytes are refused with their place; what a set cannot say is printed as its code point.

use encoding_rs::{DecoderResult, EncoderResult, Encoding, GB18030, GBK, UTF_8};

/// What a byte order mark looks like in UTF-8; Windows editors put it there.
const BOM: &[u8] = b"\xef\xbb\xbf";

/// A character set.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Charset {
    /// UTF-8.
    #[default]
    #[value(name = "utf-8", alias = "utf8")]
    Utf8,
    /// GB18030.
    #[value(name = "gb18030")]
    Gb18030,
    /// GBK.
    #[value(name = "gbk")]
    Gbk,
}

/// Bytes that are not of the character set.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("byte {offset} is not {name}; 第 {offset} 字节不是 {name} 编码")]
pub(crate) struct WrongBytes {
    /// Where, from 0.
    pub(crate) offset: usize,
    name: &'static str,
}

/// How a character is written that the set does not have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Missing {
    /// `[U+1F600]`, for people.
    CodePoint,
    /// `\ud83d\ude00`, inside JSON texts.
    JsonEscape,
}

impl Charset {
    fn encoding(self) -> &'static Encoding {
        match self {
            Charset::Utf8 => UTF_8,
            Charset::Gb18030 => GB18030,
            Charset::Gbk => GBK,
        }
    }

    /// Reads text; a UTF-8 byte order mark is passed over.
    pub(crate) fn decode(self, bytes: &[u8]) -> Result<String, WrongBytes> {
        let bytes = match self {
            Charset::Utf8 => bytes.strip_prefix(BOM).unwrap_or(bytes),
            Charset::Gb18030 | Charset::Gbk => bytes,
        };
        let mut decoder = self.encoding().new_decoder_without_bom_handling();
        // Never longer than three bytes of UTF-8 a byte read, so it is done in one go.
        let mut text = String::with_capacity(bytes.len().saturating_mul(3) + 16);
        let (result, read) = decoder.decode_to_string_without_replacement(bytes, &mut text, true);
        match result {
            DecoderResult::InputEmpty => Ok(text),
            DecoderResult::Malformed(length, after) => Err(WrongBytes {
                offset: read.saturating_sub(usize::from(length) + usize::from(after)),
                name: self.encoding().name(),
            }),
            DecoderResult::OutputFull => unreachable!("the text has room for three bytes a byte"),
        }
    }

    /// Writes text.
    pub(crate) fn encode(self, text: &str, missing: Missing) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(text.len() * 2);
        let mut encoder = self.encoding().new_encoder();
        let mut rest = text;
        loop {
            let room = encoder
                .max_buffer_length_from_utf8_without_replacement(rest.len())
                .unwrap_or(usize::MAX);
            bytes.reserve(room);
            let (result, read) =
                encoder.encode_from_utf8_to_vec_without_replacement(rest, &mut bytes, true);
            rest = &rest[read..];
            match result {
                EncoderResult::InputEmpty => return bytes,
                EncoderResult::OutputFull => {}
                EncoderResult::Unmappable(lacking) => {
                    bytes.extend_from_slice(written(lacking, missing).as_bytes());
                }
            }
        }
    }
}

fn written(lacking: char, missing: Missing) -> String {
    match missing {
        Missing::CodePoint => format!("[U+{:04X}]", u32::from(lacking)),
        Missing::JsonEscape => {
            let mut units = [0_u16; 2];
            let units = lacking.encode_utf16(&mut units);
            units.iter().map(|unit| format!("\\u{unit:04x}")).collect()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "医保结算 ¥12.60 缬沙坦胶囊 80mg×7粒\n";

    #[test]
    fn what_is_written_is_read_again() {
        for charset in [Charset::Utf8, Charset::Gb18030, Charset::Gbk] {
            let bytes = charset.encode(TEXT, Missing::CodePoint);
            let read = charset.decode(&bytes).unwrap();
            // GBK has no yen sign of its own.
            let lost = charset == Charset::Gbk && read == TEXT.replace('¥', "[U+00A5]");
            assert!(lost || read == TEXT, "{charset:?}: {read}");
        }
    }

    #[test]
    fn four_byte_characters_live_in_gb18030() {
        let name = "𠮷㐂";
        let bytes = Charset::Gb18030.encode(name, Missing::CodePoint);
        assert_eq!(bytes.len(), 8);
        assert_eq!(Charset::Gb18030.decode(&bytes).unwrap(), name);
    }

    #[test]
    fn what_gbk_lacks_is_escaped() {
        assert_eq!(
            Charset::Gbk.encode("a𠮷b", Missing::CodePoint),
            b"a[U+20BB7]b"
        );
        assert_eq!(
            Charset::Gbk.encode("a𠮷b", Missing::JsonEscape),
            br"a\ud842\udfb7b"
        );
        let json: String =
            serde_json::from_slice(&Charset::Gbk.encode("\"𠮷\"", Missing::JsonEscape)).unwrap();
        assert_eq!(json, "𠮷");
    }

    #[test]
    fn wrong_bytes_are_refused_with_their_place() {
        let offset = |charset: Charset, bytes: &[u8]| charset.decode(bytes).unwrap_err().offset;
        assert_eq!(offset(Charset::Utf8, b"abc\xff"), 3);
        assert_eq!(
            offset(
                Charset::Utf8,
                &Charset::Gbk.encode("x医保", Missing::CodePoint)
            ),
            // D2 BD happens to be one character of UTF-8.
            3
        );
        assert_eq!(offset(Charset::Gb18030, b"\xd2\xbd\xb1\xa3\xff."), 4);
        assert_eq!(offset(Charset::Gbk, b"ab\xd2"), 2);
    }

    #[test]
    fn a_byte_order_mark_is_passed_over() {
        assert_eq!(Charset::Utf8.decode(b"\xef\xbb\xbf{}").unwrap(), "{}");
    }
}
