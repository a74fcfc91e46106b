//! What the daemon and `yibao-render` say to each other: a head in JSON and the bytes behind it. PURE.
//!
//! The renderer is a package of its own and takes this file in by its path, so it names nothing of ours. A frame is
//! the head's length and the body's, four bytes each, highest first, then both. The daemon asks one thing at a time;
//! the answer bears the number of the question.
//!
//! No value of a sheet stands in a head: what goes wrong is told by file, line, column and field names.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// What both sides must have alike.
pub const VERSION: u16 = 1;
/// The template of a settlement sheet, in the directory of templates.
pub const SHEET_TEMPLATE: &str = "settlement.typ";
/// The file that a template reads the values from. It stands beside it for whoever edits the template; what is
/// typeset has its own.
pub const SHEET_VALUES: &str = "sheet.json";
/// Fields that a sheet may have to show, and how: a template that does not read one makes no sheet that bears it.
pub const SHEET_MARKS: [(&str, &str); 3] = [
    ("copy", "补打"),
    ("refunded", "已退费"),
    ("refunding", "退费处理中"),
];
/// Longest head.
pub const HEAD_BYTES_MAX: usize = 65_536;
/// Longest body.
pub const BODY_BYTES_MAX: usize = 33_554_432;
/// What goes before each frame.
pub const PREFIX_BYTES: usize = 8;

/// Whether a text of a template reads this field of the values, `it.field` or `"field"`: not in a comment, not as the
/// beginning of a longer name.
#[must_use]
pub fn reads(text: &str, field: &str) -> bool {
    text.lines().map(without_comment).any(|line| {
        let (dotted, quoted) = (format!(".{field}"), format!("\"{field}\""));
        let goes_on =
            |rest: &str| rest.starts_with(|c: char| c.is_alphanumeric() || "_-".contains(c));
        let mut ends = line
            .match_indices(&dotted)
            .map(|(at, found)| at + found.len());
        line.contains(&quoted) || ends.any(|end| line.get(end..).is_some_and(|it| !goes_on(it)))
    })
}

/// `//` behind a space or at the beginning; in an address it stands behind a colon.
fn without_comment(line: &str) -> &str {
    let mut slashes = line.match_indices("//").map(|(at, _)| at);
    let is_comment = |at: &usize| {
        let before = line.get(..*at).unwrap_or_default();
        before.is_empty() || before.ends_with(char::is_whitespace)
    };
    slashes
        .find(is_comment)
        .map_or(line, |at| line.get(..at).unwrap_or(line))
}

/// What the daemon wants. The values, JSON, are the body.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ask {
    /// The number of the question.
    pub id: u64,
    /// Where the templates lie; empty: the one that is built in.
    pub template_dir: String,
}

/// What the renderer says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "told")]
pub enum Told {
    /// Its first word.
    Hello {
        /// Its [`VERSION`].
        version: u16,
    },
    /// It is done; the body is the PDF.
    Done {
        /// Of which question.
        id: u64,
        /// How many pages it has.
        pages: u32,
    },
    /// It cannot be done.
    Failed {
        /// Of which question.
        id: u64,
        /// Why.
        fault: Fault,
    },
}

/// Why a sheet is not typeset.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "fault")]
pub enum Fault {
    /// The template, or what it needs, is not as it must be.
    Template {
        /// Which file, as the template names it.
        file: String,
        /// Where in it, from 1; 0: nowhere in particular.
        line: u32,
        /// Where in the line, from 1; 0: nowhere in particular.
        column: u32,
        /// What is wrong with it. Empty where the words might repeat a value.
        message: String,
    },
    /// No font of this machine has a Chinese character.
    NoFont,
    /// Characters that no font of this machine has.
    NoGlyph {
        /// The fields of the values that hold them; empty: they stand in the template.
        fields: Vec<String>,
        /// The Unicode blocks that a font is missing of.
        blocks: Vec<String>,
    },
    /// It came out too long.
    TooLong {
        /// How many pages, or bytes, it may have.
        most: String,
    },
}

/// A frame.
///
/// # Errors
/// It is too long, or is no JSON.
pub fn frame<H: Serialize>(head: &H, body: &[u8]) -> Result<Vec<u8>, String> {
    let head = serde_json::to_vec(head).map_err(|error| error.to_string())?;
    let prefix = [
        length(head.len(), HEAD_BYTES_MAX)?,
        length(body.len(), BODY_BYTES_MAX)?,
    ];
    let mut whole = Vec::with_capacity(PREFIX_BYTES + head.len() + body.len());
    whole.extend(prefix.into_iter().flatten());
    whole.extend_from_slice(&head);
    whole.extend_from_slice(body);
    Ok(whole)
}

fn length(bytes: usize, most: usize) -> Result<[u8; 4], String> {
    match u32::try_from(bytes) {
        Ok(length) if bytes <= most => Ok(length.to_be_bytes()),
        Ok(_) | Err(_) => Err(format!("{bytes} bytes are more than {most}")),
    }
}

/// The lengths of a head and of the body behind it.
///
/// # Errors
/// They are too long: this is no frame.
pub fn announced(prefix: [u8; PREFIX_BYTES]) -> Result<(usize, usize), String> {
    let [a, b, c, d, e, f, g, h] = prefix;
    let length = |bytes, most| {
        let length = usize::try_from(u32::from_be_bytes(bytes)).unwrap_or(usize::MAX);
        match length <= most {
            true => Ok(length),
            false => Err(format!("{length} bytes are announced; {most} are the most")),
        }
    };
    let (head, body) = ([a, b, c, d], [e, f, g, h]);
    Ok((length(head, HEAD_BYTES_MAX)?, length(body, BODY_BYTES_MAX)?))
}

/// A head.
///
/// # Errors
/// It is none. The bytes are not repeated.
pub fn head<H: DeserializeOwned>(bytes: &[u8]) -> Result<H, String> {
    serde_json::from_slice(bytes).map_err(|error| {
        let (line, column) = (error.line(), error.column());
        format!("no message of ours (line {line}, column {column})")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_comes_back_as_it_was() {
        let told = Told::Failed {
            id: 7,
            fault: Fault::NoGlyph {
                fields: vec!["patient.name".to_owned()],
                blocks: vec!["CJK Extension B".to_owned()],
            },
        };
        let whole = frame(&told, b"body").unwrap();
        let (prefix, rest) = whole.split_at(PREFIX_BYTES);
        let (head_bytes, body_bytes) = announced(prefix.try_into().unwrap()).unwrap();
        assert_eq!(rest.len(), head_bytes + body_bytes);
        assert_eq!(head::<Told>(&rest[..head_bytes]).unwrap(), told);
        assert_eq!(&rest[head_bytes..], b"body");
    }

    #[test]
    fn a_field_that_is_only_named_is_not_read() {
        for (text, is_read) in [
            ("#if sheet.copy != none [补打]", true),
            ("#if sheet.at(\"copy\", default: none) != none [补打]", true),
            ("见 https://example.test/a #sheet.copy", true),
            ("#sheet.copy", true),
            ("// sheet.copy", false),
            ("院内格式 // 补打见 sheet.copy", false),
            ("#sheet.copyright #sheet.copy-count #sheet.copy_at", false),
            ("copy this folder", false),
        ] {
            assert_eq!(reads(text, "copy"), is_read, "{text}");
        }
    }

    #[test]
    fn what_is_too_long_or_no_message_is_told_without_its_bytes() {
        assert!(announced([0xff; 8]).is_err());
        assert!(frame(&"a".repeat(HEAD_BYTES_MAX), &[]).is_err());
        let error = head::<Told>(br#"{"told":"zhang san"}"#).unwrap_err();
        assert!(!error.contains("zhang"), "{error}");
    }
}
