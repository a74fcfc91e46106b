//! What the staff's screen says of an error.

use crate::api::ErrorEntry;

/// All of it, for the staff.
pub(super) fn for_staff(error: &ErrorEntry) -> String {
    let detail = match error.detail.is_empty() {
        true => String::new(),
        false => format!("（{}）", error.detail),
    };
    let ErrorEntry {
        code,
        name,
        meaning_zh,
        action_zh,
        ..
    } = error;
    format!("{code} {name} {meaning_zh}{detail} {action_zh}")
}
