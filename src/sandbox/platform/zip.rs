//! Files as they travel in 9101 and 9102: bytes in JSON, and one text in a ZIP. Written a second time on purpose.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use miniz_oxide::inflate::decompress_to_vec_with_limit;
use serde_json::{Value, json};

/// Bytes of one file.
const FILE_BYTES_MAX: usize = 8 * 1024 * 1024;
const LOCAL_HEAD_BYTES: usize = 30;

/// Bytes out of a list of numbers or base64; `None` when it is neither.
pub fn bytes_of(value: &Value) -> Option<Vec<u8>> {
    match value {
        Value::Array(numbers) if numbers.len() <= FILE_BYTES_MAX => numbers
            .iter()
            .map(|number| match number.as_i64()? {
                number @ -128..=-1 => u8::try_from(number + 256).ok(),
                number => u8::try_from(number).ok(),
            })
            .collect(),
        Value::String(text) => STANDARD.decode(text).ok(),
        Value::Array(_) | Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => {
            None
        }
    }
}

/// Bytes as this bureau sends them.
pub(super) fn in_json(bytes: &[u8], base64: bool) -> Value {
    if base64 {
        json!(STANDARD.encode(bytes))
    } else {
        json!(bytes)
    }
}

/// The one text in a ZIP, found by its first local header.
pub(super) fn text_in(zip: &[u8]) -> Option<String> {
    let head = zip.get(..LOCAL_HEAD_BYTES)?;
    let word = |at: usize| u16::from_le_bytes([head[at], head[at + 1]]);
    let long = |at: usize| u32::from_le_bytes([head[at], head[at + 1], head[at + 2], head[at + 3]]);
    if !head.starts_with(b"PK\x03\x04") || !zip.windows(4).any(|four| four == b"PK\x05\x06") {
        return None;
    }
    let start = LOCAL_HEAD_BYTES + usize::from(word(26)) + usize::from(word(28));
    let packed = zip.get(start..start + usize::try_from(long(18)).ok()?)?;
    let content = match word(8) {
        0 => packed.to_vec(),
        8 => decompress_to_vec_with_limit(packed, FILE_BYTES_MAX).ok()?,
        _ => return None,
    };
    let whole = usize::try_from(long(22)).ok()? == content.len() && check_sum(&content) == long(14);
    whole.then(|| String::from_utf8(content).ok()).flatten()
}

/// A ZIP that holds this without packing it.
pub(super) fn stored(name: &str, content: &[u8]) -> Vec<u8> {
    with(name, content, content, 0, check_sum(content))
}

/// A ZIP that holds very much in very little.
pub(super) fn bomb(name: &str, megabytes: usize) -> Vec<u8> {
    let content = vec![b'0'; megabytes * 1024 * 1024];
    let packed = miniz_oxide::deflate::compress_to_vec(&content, 1);
    // Nobody comes as far as its check sum.
    with(name, &content, &packed, 8, 0)
}

fn with(name: &str, content: &[u8], packed: &[u8], method: u16, sum: u32) -> Vec<u8> {
    let size = |bytes: &[u8]| u32::try_from(bytes.len()).expect("sandbox files are small");
    let name_bytes = u16::try_from(name.len()).expect("sandbox names are short");
    let mut core = Vec::new();
    core.extend([10, 0, 0, 0]);
    core.extend(method.to_le_bytes());
    core.extend([0, 0, 0x21, 0]);
    core.extend(sum.to_le_bytes());
    core.extend(size(packed).to_le_bytes());
    core.extend(size(content).to_le_bytes());
    core.extend(name_bytes.to_le_bytes());
    core.extend([0, 0]);
    let mut zip = b"PK\x03\x04".to_vec();
    zip.extend(&core);
    zip.extend(name.as_bytes());
    zip.extend(packed);
    let directory = size(&zip);
    zip.extend(b"PK\x01\x02\x0a\x00");
    zip.extend(&core);
    zip.extend([0; 14]);
    zip.extend(name.as_bytes());
    let end = size(&zip);
    zip.extend(b"PK\x05\x06\0\0\0\0\x01\0\x01\0");
    zip.extend((end - directory).to_le_bytes());
    zip.extend(directory.to_le_bytes());
    zip.extend([0, 0]);
    zip
}

fn check_sum(bytes: &[u8]) -> u32 {
    let table = |index: u32| {
        (0..8).fold(index, |value, _| {
            if value & 1 == 1 {
                (value >> 1) ^ 0xEDB8_8320
            } else {
                value >> 1
            }
        })
    };
    !bytes.iter().fold(u32::MAX, |sum, byte| {
        (sum >> 8) ^ table((sum & 0xFF) ^ u32::from(*byte))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_stored_is_read() {
        let zip = stored("a.txt", "一\t二\n".as_bytes());
        assert_eq!(text_in(&zip).as_deref(), Some("一\t二\n"));
        assert_eq!(text_in(&zip[..zip.len() - 10]), Some("一\t二\n".to_owned()));
        assert_eq!(text_in(&zip[..zip.len() / 2]), None);
        let bytes = in_json(&zip, false);
        assert_eq!(bytes_of(&bytes), Some(zip.clone()));
        assert_eq!(bytes_of(&in_json(&zip, true)), Some(zip));
        assert_eq!(bytes_of(&json!([-1, 256])), None);
    }
}
