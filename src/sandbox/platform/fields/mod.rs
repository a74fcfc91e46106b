//! What every transaction must carry: one row a field, one table a transaction, one check for all.

mod check;
mod dictionary;
mod envelope;
mod goods;
mod outpatient;
mod pharmacy;
mod query;
mod sign;
mod statement;

pub use check::{Finding, check_envelope, check_input, check_voucher};

/// The shape of a value.
#[derive(Clone, Copy, Debug)]
pub enum Shape {
    /// Text of at most so many characters.
    Text(usize),
    /// A number of so many digits in all, so many of them behind the point.
    Number(usize, usize),
    /// `yyyy-MM-dd HH:mm:ss`.
    Moment,
    /// `yyyy-MM-dd`.
    Day,
    /// A JSON object.
    Object,
    /// The bytes of a file: a list of numbers from -128 to 255, or base64.
    Bytes,
    /// A list of rows with these fields.
    Rows(&'static [Field]),
}

/// When a field may not be empty.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// May be left out.
    Free,
    /// Always required.
    Always,
    /// Required by Hunan's rules only.
    Hunan,
    /// Required when mdtrt_cert_type of the same node is 02.
    WithIdNumber,
    /// Required when mdtrt_cert_type of the same node is 03.
    WithCard,
}

/// One field.
#[derive(Clone, Copy, Debug)]
pub struct Field {
    /// On the wire.
    pub name: &'static str,
    /// In messages.
    pub label: &'static str,
    /// The shape of its value.
    pub shape: Shape,
    /// When it may not be empty.
    pub need: Need,
    /// Codes it may have; a longer code under a listed one is a province's own.
    pub codes: &'static [&'static str],
}

/// One node of `input`.
#[derive(Clone, Copy, Debug)]
pub struct Node {
    /// On the wire.
    pub name: &'static str,
    /// In messages.
    pub label: &'static str,
    /// A list of one or more rows.
    pub list: bool,
    /// Its fields.
    pub fields: &'static [Field],
}

/// The nodes of a transaction; `None` for one that the platform does not know.
#[must_use]
pub fn nodes(infno: &str) -> Option<&'static [Node]> {
    sign::nodes(infno)
        .or_else(|| outpatient::nodes(infno))
        .or_else(|| pharmacy::nodes(infno))
        .or_else(|| query::nodes(infno))
        .or_else(|| statement::nodes(infno))
        .or_else(|| goods::nodes(infno))
}

impl Field {
    /// The same, always required.
    const fn must(mut self) -> Self {
        self.need = Need::Always;
        self
    }

    /// The same, required in this case.
    const fn when(mut self, need: Need) -> Self {
        self.need = need;
        self
    }

    /// The same with a dictionary.
    const fn of(mut self, codes: &'static [&'static str]) -> Self {
        self.codes = codes;
        self
    }
}

const fn text(name: &'static str, label: &'static str, length: usize) -> Field {
    Field {
        name,
        label,
        shape: Shape::Text(length),
        need: Need::Free,
        codes: &[],
    }
}

const fn number(name: &'static str, label: &'static str, digits: usize, decimals: usize) -> Field {
    Field {
        name,
        label,
        shape: Shape::Number(digits, decimals),
        need: Need::Free,
        codes: &[],
    }
}

const fn rows(name: &'static str, label: &'static str, fields: &'static [Field]) -> Field {
    Field {
        name,
        label,
        shape: Shape::Rows(fields),
        need: Need::Free,
        codes: &[],
    }
}

const fn moment(name: &'static str, label: &'static str) -> Field {
    Field {
        name,
        label,
        shape: Shape::Moment,
        need: Need::Free,
        codes: &[],
    }
}

const fn day(name: &'static str, label: &'static str) -> Field {
    Field {
        name,
        label,
        shape: Shape::Day,
        need: Need::Free,
        codes: &[],
    }
}

const fn node(name: &'static str, label: &'static str, fields: &'static [Field]) -> Node {
    Node {
        name,
        label,
        list: false,
        fields,
    }
}

const fn list(name: &'static str, label: &'static str, fields: &'static [Field]) -> Node {
    Node {
        name,
        label,
        list: true,
        fields,
    }
}
