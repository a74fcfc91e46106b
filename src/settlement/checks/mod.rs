//! What must hold before an order is taken, before money moves, and after.

pub mod amounts;
pub mod order;
pub mod person;

use sm3::{Digest as _, Sm3};

use super::answer::Point;

/// The token of what is shown: it changes when the content does.
#[must_use]
pub fn shown_token(settlement_id: &str, point: Point, content: &[&str]) -> String {
    let mut hash = Sm3::new();
    hash.update(settlement_id.as_bytes());
    hash.update(match point {
        Point::Person => b"\0person".as_slice(),
        Point::Amounts => b"\0amounts".as_slice(),
    });
    for part in content {
        hash.update(b"\0");
        hash.update(part.as_bytes());
    }
    hash.finalize()
        .iter()
        .take(8)
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

#[cfg(test)]
mod tests;
