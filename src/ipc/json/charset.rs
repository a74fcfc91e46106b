//! The characters of a body: UTF-8, or the GB18030 of older programs.

use encoding_rs::{DecoderResult, EncoderResult, Encoding, GB18030, GBK};

/// How a body is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Charset {
    /// UTF-8; answered in ASCII with `\u` escapes, which every program can read.
    Utf8,
    /// GB18030, all of Unicode.
    Gb18030,
    /// GBK; characters beyond it are answered as `\u` escapes.
    Gbk,
}

impl Charset {
    /// By its name in `Content-Type`.
    pub(super) fn of(name: &str) -> Option<Self> {
        match name.to_ascii_lowercase().as_str() {
            "utf-8" | "utf8" | "us-ascii" => Some(Charset::Utf8),
            "gb18030" => Some(Charset::Gb18030),
            "gbk" | "gb2312" | "cp936" => Some(Charset::Gbk),
            _ => None,
        }
    }

    /// What stands behind the media type of an answer.
    pub(super) fn suffix(self) -> &'static str {
        match self {
            Charset::Utf8 => "",
            Charset::Gb18030 => "; charset=gb18030",
            Charset::Gbk => "; charset=gbk",
        }
    }

    /// The text of these bytes, or the offset of the first that are wrong.
    pub(super) fn decode(self, bytes: &[u8]) -> Result<String, usize> {
        let encoding = match self {
            Charset::Utf8 => {
                let text = std::str::from_utf8(bytes).map_err(|error| error.valid_up_to())?;
                return Ok(text.to_owned());
            }
            Charset::Gb18030 => GB18030,
            Charset::Gbk => GBK,
        };
        let mut decoder = encoding.new_decoder_without_bom_handling();
        let room = decoder.max_utf8_buffer_length_without_replacement(bytes.len());
        let mut text = String::with_capacity(room.unwrap_or_default());
        let (result, read) = decoder.decode_to_string_without_replacement(bytes, &mut text, true);
        match result {
            DecoderResult::InputEmpty => Ok(text),
            DecoderResult::Malformed(wrong, after) => {
                Err(read.saturating_sub(usize::from(wrong) + usize::from(after)))
            }
            DecoderResult::OutputFull => Err(read),
        }
    }

    /// The bytes of a JSON text.
    pub(super) fn encode(self, json: &str) -> Vec<u8> {
        match self {
            Charset::Utf8 => escaped(json),
            Charset::Gb18030 => encoded(json, GB18030),
            Charset::Gbk => encoded(json, GBK),
        }
    }
}

/// All but ASCII as `\u` escapes. In JSON such characters stand in texts only, where an escape means the same.
fn escaped(json: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(json.len());
    for character in json.chars() {
        push(&mut bytes, character);
    }
    bytes
}

fn push(bytes: &mut Vec<u8>, character: char) {
    let mut units = [0; 2];
    match u8::try_from(character) {
        Ok(byte) if byte.is_ascii() => bytes.push(byte),
        Ok(_) | Err(_) => {
            for unit in character.encode_utf16(&mut units) {
                bytes.extend_from_slice(format!("\\u{unit:04x}").as_bytes());
            }
        }
    }
}

fn encoded(json: &str, encoding: &'static Encoding) -> Vec<u8> {
    let mut encoder = encoding.new_encoder();
    let mut bytes = Vec::with_capacity(json.len() * 2);
    let mut rest = json;
    loop {
        let room = encoder.max_buffer_length_from_utf8_without_replacement(rest.len());
        bytes.reserve(room.unwrap_or(rest.len() * 2));
        let (result, read) =
            encoder.encode_from_utf8_to_vec_without_replacement(rest, &mut bytes, true);
        rest = rest.get(read..).unwrap_or_default();
        match result {
            EncoderResult::InputEmpty => return bytes,
            EncoderResult::OutputFull => {}
            EncoderResult::Unmappable(character) => push(&mut bytes, character),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn old_programs_are_understood_and_answered_in_kind() {
        let gb = b"{\"name\":\"\xd5\xc5\xc8\xfd\"}";
        for charset in [Charset::Gb18030, Charset::Gbk] {
            assert_eq!(charset.decode(gb).unwrap(), "{\"name\":\"张三\"}");
            assert_eq!(charset.encode("{\"name\":\"张三\"}"), gb);
        }
        let rare = "{\"name\":\"\u{20bb7}㙍\"}";
        let back = Charset::Gb18030.encode(rare);
        assert_eq!(Charset::Gb18030.decode(&back).unwrap(), rare);
        assert_eq!(
            Charset::Gbk.encode("\"\u{20bb7}元\""),
            b"\"\\ud842\\udfb7\xd4\xaa\""
        );
        assert_eq!(
            Charset::Utf8.encode("\"张\u{20bb7}\""),
            b"\"\\u5f20\\ud842\\udfb7\""
        );
    }

    #[test]
    fn wrong_bytes_are_refused_where_they_are() {
        assert_eq!(Charset::Utf8.decode(b"\"ab\xff\""), Err(3));
        assert_eq!(Charset::Utf8.decode("\"张\"".as_bytes()).unwrap(), "\"张\"");
        assert_eq!(Charset::Gb18030.decode(b"\"ab\xff\""), Err(3));
        assert_eq!(Charset::Gbk.decode(b"\"\xd5\xc5\xd5\""), Err(3));
        assert_eq!(Charset::Gb18030.decode(b"ab\xd5"), Err(2));
        assert_eq!(Charset::of("GB18030"), Some(Charset::Gb18030));
        assert_eq!(Charset::of("latin1"), None);
    }
}
