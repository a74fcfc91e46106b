//! What must hold before an order is taken, before money moves, and after.

pub mod amounts;
pub mod lines;
pub mod order;
pub mod person;

use sm3::{Digest as _, Sm3};

use super::answer::Point;

/// The token of what is shown at this moment of the settlement. It says nothing of the content, which names a
/// person: another showing has another number of events before it.
#[must_use]
pub fn shown_token(settlement_id: &str, point: Point, events: u64) -> String {
    let mut hash = Sm3::new();
    hash.update(settlement_id.as_bytes());
    hash.update(match point {
        Point::Person => b"\0person".as_slice(),
        Point::Amounts => b"\0amounts".as_slice(),
    });
    hash.update(events.to_be_bytes());
    hash.finalize()
        .iter()
        .take(8)
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

#[cfg(test)]
mod tests;
