//! The site's own codes: what stands on its visit cards and bills. `[[code]]`, a table a kind.

use super::keys::Keys;

/// Kinds one site can name.
const CODES_MAX: usize = 32;
/// Longest code that can be described, characters.
const LENGTH_MAX: i64 = 512;

/// One kind of code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CodePattern {
    /// What callers are told.
    pub name: String,
    /// What it begins with; may be empty.
    pub prefix: String,
    /// Fewest characters, the prefix included.
    pub length_min: usize,
    /// Most characters.
    pub length_max: usize,
    /// What stands behind the prefix.
    pub made_of: MadeOf,
}

/// What a code is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MadeOf {
    /// 0-9.
    Digits,
    /// 0-9, A-Z, a-z.
    Alphanumeric,
    /// Anything that can be seen.
    Any,
}

pub(super) fn codes(keys: &mut Keys) -> Vec<CodePattern> {
    let mut found: Vec<CodePattern> = Vec::new();
    for (at, table) in keys.tables("code") {
        let pattern = pattern(keys.inner(&at, table));
        if found.iter().any(|earlier| earlier.name == pattern.name) {
            keys.problem(&at, format!("the name {:?} is given twice", pattern.name));
        }
        found.push(pattern);
    }
    if found.len() > CODES_MAX {
        keys.problem("code", format!("more than {CODES_MAX} kinds of code"));
    }
    found
}

fn pattern(mut keys: Keys) -> CodePattern {
    let name = keys.text_required("name");
    let prefix = keys.text("prefix", "");
    let length_min: usize = keys.number("length_min", 1, 1..=LENGTH_MAX);
    let length_max: usize = keys.number("length_max", 512, 1..=LENGTH_MAX);
    if length_min > length_max {
        keys.problem("length_min", "is more than length_max");
    }
    // A kind that everything fits would hide all others.
    if prefix.is_empty() && length_min != length_max {
        keys.problem("prefix", "is needed unless length_min equals length_max");
    }
    let made_of = keys.choice(
        "made_of",
        MadeOf::Any,
        &[
            ("digits", MadeOf::Digits),
            ("alphanumeric", MadeOf::Alphanumeric),
            ("any", MadeOf::Any),
        ],
    );
    CodePattern {
        name,
        prefix,
        length_min,
        length_max,
        made_of,
    }
}
