//! The keyed chain over all events: `link = HMAC-SM3(chain key, label ‖ previous link ‖ row)`.
//!
//! Every column but the link goes into the row's encoding, each with a tag and, where it varies,
//! its length, so that no two rows encode alike. Who does not have the site key can neither
//! change a row nor make a new one. What a chain cannot show by itself is that its newest rows
//! are missing as a whole; the index of streams, which carries codes of the same key, shows it
//! unless it was set back with them, and a copy set back as a whole is what the platform's own
//! ledger is compared for.

use hmac::Mac;

use super::key::{HmacSm3, hmac};
use super::seal::length;

/// A link, and what stands before the first one.
pub(super) type Link = [u8; 32];
pub(super) const NO_LINK: Link = [0; 32];

const TAG_NULL: u8 = 0;
const TAG_INTEGER: u8 = 1;
const TAG_BYTES: u8 = 2;

/// The columns of `event` that the link covers. Texts are bytes here: a row that was damaged into
/// invalid UTF-8 must be found, not fail to be read.
#[derive(Debug, Clone, Copy)]
pub(super) struct Row<'a> {
    pub(super) seq: i64,
    pub(super) desk: &'a [u8],
    pub(super) stream: &'a [u8],
    pub(super) stream_seq: i64,
    pub(super) kind: &'a [u8],
    pub(super) version: i64,
    pub(super) at_utc_ms: i64,
    pub(super) caller: &'a [u8],
    pub(super) body: &'a [u8],
    pub(super) sealed: Option<&'a [u8]>,
    pub(super) key_id: Option<i64>,
}

/// The link of a row after another.
pub(super) fn link(chain_key: &[u8; 32], previous: &Link, row: &Row<'_>) -> Link {
    Code::new(chain_key, b"event 1")
        .bytes(previous)
        .integer(row.seq)
        .bytes(row.desk)
        .bytes(row.stream)
        .integer(row.stream_seq)
        .bytes(row.kind)
        .integer(row.version)
        .integer(row.at_utc_ms)
        .bytes(row.caller)
        .bytes(row.body)
        .maybe_bytes(row.sealed)
        .maybe_integer(row.key_id)
        .finish()
}

/// A code over a list of values, unambiguous in their number, kinds and lengths.
pub(super) struct Code(HmacSm3);

impl Code {
    pub(super) fn new(chain_key: &[u8; 32], label: &[u8]) -> Code {
        Code(hmac(chain_key)).bytes(label)
    }

    pub(super) fn integer(mut self, value: i64) -> Code {
        self.0.update(&[TAG_INTEGER]);
        self.0.update(&value.to_be_bytes());
        self
    }

    pub(super) fn bytes(mut self, value: &[u8]) -> Code {
        self.0.update(&[TAG_BYTES]);
        self.0.update(&length(value.len()));
        self.0.update(value);
        self
    }

    pub(super) fn maybe_integer(self, value: Option<i64>) -> Code {
        match value {
            Some(value) => self.integer(value),
            None => self.null(),
        }
    }

    pub(super) fn maybe_bytes(self, value: Option<&[u8]>) -> Code {
        match value {
            Some(value) => self.bytes(value),
            None => self.null(),
        }
    }

    fn null(mut self) -> Code {
        self.0.update(&[TAG_NULL]);
        self
    }

    pub(super) fn finish(self) -> [u8; 32] {
        self.0.finalize().into_bytes().into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row() -> Row<'static> {
        Row {
            seq: 1,
            desk: b"d",
            stream: b"s",
            stream_seq: 1,
            kind: b"k",
            version: 1,
            at_utc_ms: 1,
            caller: b"c",
            body: b"{}",
            sealed: None,
            key_id: None,
        }
    }

    #[test]
    fn every_column_and_every_border_counts() {
        let rows = [
            row(),
            Row { seq: 2, ..row() },
            Row {
                desk: b"e",
                ..row()
            },
            Row {
                desk: b"ds",
                stream: b"",
                ..row()
            },
            Row {
                desk: b"",
                stream: b"ds",
                ..row()
            },
            Row {
                stream_seq: 2,
                ..row()
            },
            Row {
                kind: b"kk",
                ..row()
            },
            Row {
                version: 2,
                ..row()
            },
            Row {
                at_utc_ms: 2,
                ..row()
            },
            Row {
                caller: b"c{}",
                body: b"",
                ..row()
            },
            Row {
                body: b"{ }",
                ..row()
            },
            Row {
                sealed: Some(b""),
                ..row()
            },
            Row {
                key_id: Some(0),
                ..row()
            },
        ];
        let mut links: Vec<Link> = rows
            .iter()
            .map(|row| link(&[9; 32], &NO_LINK, row))
            .collect();
        links.push(link(&[8; 32], &NO_LINK, &row()));
        links.push(link(&[9; 32], &[1; 32], &row()));
        let all = links.len();
        links.sort_unstable();
        links.dedup();
        assert_eq!(links.len(), all);
    }
}
