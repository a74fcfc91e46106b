//! The platform's day, and the rule that a test's story does not run over its midnight.

use std::time::Duration;

use jiff::tz::{TimeZone, offset};
use jiff::{Timestamp, ToSpan, Zoned};

/// What a story needs of one day.
const STORY_S: i64 = 120;

fn now() -> Zoned {
    Timestamp::now().to_zoned(TimeZone::fixed(offset(8)))
}

/// The platform's day.
pub(crate) fn today() -> String {
    now().strftime("%Y-%m-%d").to_string()
}

/// Statements, sign-ins and visits are of one day: a desk that would begin right before midnight begins
/// right behind it.
pub(super) fn wait_for_room_in_the_day() {
    let begins = now();
    let until = begins.saturating_add(STORY_S.seconds());
    if until.date() == begins.date() {
        return;
    }
    let midnight = until.start_of_day().expect("every day begins");
    let left = begins.duration_until(&midnight);
    std::thread::sleep(Duration::try_from(left).expect("midnight is ahead"));
}
