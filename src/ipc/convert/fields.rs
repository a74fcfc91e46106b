//! Reads the fields of a request and gathers what is wrong with them, all of it, each by its wire path.
//!
//! What is said of a field never holds its value: a name or an id number may stand in it.

use std::collections::BTreeMap;
use std::str::FromStr;

use super::time::is_civil;
use crate::book::Code;
use crate::operation::Failure;
use crate::settlement::bill::{FEN_MAX, Fen, NumberError};

/// Problems that are reported by name; more are only counted.
const PROBLEMS_MAX: usize = 20;

/// What is wrong so far.
#[derive(Default)]
pub(super) struct Fields {
    problems: Vec<Problem>,
    more: usize,
}

struct Problem {
    code: Code,
    path: String,
    why: String,
}

impl Fields {
    /// Notes a problem.
    pub(super) fn wrong(&mut self, code: Code, path: impl Into<String>, why: impl Into<String>) {
        if self.problems.len() < PROBLEMS_MAX {
            self.problems.push(Problem {
                code,
                path: path.into(),
                why: why.into(),
            });
        } else {
            self.more += 1;
        }
    }

    /// The value if nothing was wrong. The first problem gives the code.
    pub(super) fn finish<T>(self, value: T) -> Result<T, Failure> {
        let Some(first) = self.problems.first() else {
            return Ok(value);
        };
        let code = first.code;
        let mut said: Vec<String> = self
            .problems
            .iter()
            .map(|p| format!("{}: {}", p.path, p.why))
            .collect();
        if self.more > 0 {
            said.push(format!("and {} more", self.more));
        }
        let fields = self.problems.into_iter().map(|p| p.path).collect();
        Err(Failure {
            code,
            detail: said.join("; "),
            fields,
        })
    }

    /// A text that must be there.
    pub(super) fn required(&mut self, path: &str, text: String, length_max: usize) -> String {
        self.required_or(Code::RequestInvalid, path, text, length_max)
    }

    /// A text that must be there; without it, this code.
    pub(super) fn required_or(
        &mut self,
        code: Code,
        path: &str,
        text: String,
        length_max: usize,
    ) -> String {
        let text = self.optional(path, text, length_max);
        if text.is_empty() {
            self.wrong(code, path, "is required");
        }
        text
    }

    /// A text of one line that may be empty. Blanks around it, as fixed-width columns have them, are taken off.
    pub(super) fn optional(&mut self, path: &str, text: String, length_max: usize) -> String {
        if text.trim().chars().any(char::is_control) {
            self.wrong(Code::RequestInvalid, path, "has control characters");
        }
        self.within(path, &text, length_max)
    }

    /// A text that may be empty and may have several lines.
    pub(super) fn prose(&mut self, path: &str, text: &str, length_max: usize) -> String {
        if text
            .chars()
            .any(|c| c.is_control() && !matches!(c, '\n' | '\r' | '\t'))
        {
            self.wrong(Code::RequestInvalid, path, "has control characters");
        }
        self.within(path, text, length_max)
    }

    /// A text that is one of a few; empty: the first of them.
    pub(super) fn one_of(&mut self, path: &str, text: String, known: &[&str]) -> String {
        let text = text.trim();
        if text.is_empty() {
            return known.first().copied().unwrap_or_default().to_owned();
        }
        if !known.contains(&text) {
            self.wrong(
                Code::RequestInvalid,
                path,
                format!("must be one of {}", known.join(", ")),
            );
        }
        text.to_owned()
    }

    /// Civil time that may be empty.
    pub(super) fn civil(&mut self, path: &str, text: String) -> String {
        let text = text.trim();
        if !text.is_empty() && !is_civil(text) {
            self.wrong(Code::RequestInvalid, path, "must be yyyy-MM-dd HH:mm:ss");
        }
        text.to_owned()
    }

    /// A number that must be there and greater than zero; absent when it is not.
    pub(super) fn number<T>(
        &mut self,
        path: &str,
        text: &str,
        is_positive: fn(T) -> bool,
    ) -> Option<T>
    where
        T: FromStr<Err = NumberError> + Copy,
    {
        let text = text.trim();
        if text.is_empty() {
            self.wrong(Code::RequestInvalid, path, "is required");
            return None;
        }
        match text.parse::<T>() {
            Ok(number) if is_positive(number) => return Some(number),
            Ok(_) => self.wrong(Code::AmountNotPositive, path, "must be greater than zero"),
            Err(error) => {
                let code = match error {
                    NumberError::Malformed => Code::RequestInvalid,
                    NumberError::TooManyDecimals { .. } => Code::TooManyDecimals,
                    NumberError::TooLarge => Code::SumTooLarge,
                };
                self.wrong(code, path, error.to_string());
            }
        }
        None
    }

    /// Fen that must be greater than zero and fit the platform's field.
    pub(super) fn fen(&mut self, path: &str, fen: i64) -> Fen {
        if fen <= 0 {
            self.wrong(Code::AmountNotPositive, path, "must be greater than zero");
        } else if fen > FEN_MAX {
            self.wrong(Code::SumTooLarge, path, NumberError::TooLarge.to_string());
        }
        Fen(fen)
    }

    /// A value of an enum that must be known. Unspecified is known to nobody: give `on_unspecified` for a default.
    pub(super) fn known<W, T>(
        &mut self,
        path: &str,
        wire: i32,
        on_unspecified: Option<T>,
        read: fn(W) -> Option<T>,
    ) -> Option<T>
    where
        W: TryFrom<i32>,
    {
        let Ok(value) = W::try_from(wire) else {
            self.wrong(Code::RequestInvalid, path, format!("has no value {wire}"));
            return None;
        };
        let read = read(value).or(on_unspecified);
        if read.is_none() {
            self.wrong(Code::RequestInvalid, path, "is required");
        }
        read
    }

    /// Names and values of the platform's further fields. Names are words; values may have lines.
    pub(super) fn map(
        &mut self,
        path: &str,
        entries: impl IntoIterator<Item = (String, String)>,
        value_length_max: usize,
        is_known: impl Fn(&str) -> bool,
    ) -> BTreeMap<String, String> {
        let entries: BTreeMap<String, String> = entries.into_iter().collect();
        for (name, value) in &entries {
            if is_word(name) && is_known(name) {
                self.prose(&format!("{path}.{name}"), value, value_length_max);
            } else {
                let shown = if is_word(name) { name.as_str() } else { "?" };
                self.wrong(
                    Code::UnknownField,
                    format!("{path}.{shown}"),
                    "is not known",
                );
            }
        }
        entries
    }

    fn within(&mut self, path: &str, text: &str, length_max: usize) -> String {
        let text = text.trim();
        if text.chars().count() > length_max {
            self.wrong(
                Code::TextTooLong,
                path,
                format!("is longer than {length_max}"),
            );
        }
        text.to_owned()
    }
}

/// Whether a text can be the name of a field: 1–50 of letters, digits and `_`.
fn is_word(text: &str) -> bool {
    (1..=50).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}
