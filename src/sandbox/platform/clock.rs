//! The platform's clock: the system's, moved by a switch, always told in +08:00.

use jiff::civil::DateTime;
use jiff::tz::{self, TimeZone};
use jiff::{SignedDuration, Timestamp};

/// The moment the platform believes it is, `shift_s` seconds off the system's.
#[must_use]
pub fn now(shift_s: i64) -> Timestamp {
    let system = Timestamp::now();
    system
        .checked_add(SignedDuration::from_secs(shift_s))
        .unwrap_or(system)
}

/// `yyyy-MM-dd HH:mm:ss`.
#[must_use]
pub fn spaced(at: Timestamp) -> String {
    told(at, "%Y-%m-%d %H:%M:%S")
}

/// `yyyy-MM-dd`.
#[must_use]
pub fn day(at: Timestamp) -> String {
    told(at, "%Y-%m-%d")
}

/// `HH:mm`.
#[must_use]
pub fn minute(at: Timestamp) -> String {
    told(at, "%H:%M")
}

/// `yyyyMMddHHmmss`.
#[must_use]
pub fn compact(at: Timestamp) -> String {
    told(at, "%Y%m%d%H%M%S")
}

/// `yyyyMMddHHmmssSSS`.
#[must_use]
pub fn compact_ms(at: Timestamp) -> String {
    told(at, "%Y%m%d%H%M%S%3f")
}

/// As the `Date` header of HTTP, the one place where GMT is used.
#[must_use]
pub fn http_date(at: Timestamp) -> String {
    at.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string()
}

/// Reads `yyyy-MM-dd HH:mm:ss` of +08:00, exactly 19 characters.
#[must_use]
pub fn parse_spaced(text: &str) -> Option<Timestamp> {
    if text.len() != 19 {
        return None;
    }
    read(text, "%Y-%m-%d %H:%M:%S")
}

/// Reads `yyyyMMddHHmmss` of +08:00.
#[must_use]
pub fn parse_compact(text: &str) -> Option<Timestamp> {
    if text.len() != 14 {
        return None;
    }
    read(text, "%Y%m%d%H%M%S")
}

/// Reads a `yyyy-MM-dd` date; only its validity is of interest.
#[must_use]
pub fn is_day(text: &str) -> bool {
    text.len() == 10 && jiff::civil::Date::strptime("%Y-%m-%d", text).is_ok()
}

fn told(at: Timestamp, format: &str) -> String {
    at.to_zoned(zone()).strftime(format).to_string()
}

fn read(text: &str, format: &str) -> Option<Timestamp> {
    let civil = DateTime::strptime(format, text).ok()?;
    Some(civil.to_zoned(zone()).ok()?.timestamp())
}

fn zone() -> TimeZone {
    TimeZone::fixed(tz::offset(8))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_china_time() {
        let at: Timestamp = "2025-01-01T16:30:05.123Z".parse().unwrap();
        assert_eq!(spaced(at), "2025-01-02 00:30:05");
        assert_eq!(compact_ms(at), "20250102003005123");
        assert_eq!(http_date(at), "Wed, 01 Jan 2025 16:30:05 GMT");
        assert_eq!(
            parse_spaced("2025-01-02 00:30:05").map(spaced).as_deref(),
            Some("2025-01-02 00:30:05")
        );
        assert_eq!(
            parse_compact("20250102003005").map(compact).as_deref(),
            Some("20250102003005")
        );
        assert_eq!(parse_spaced("2025-02-30 00:00:00"), None);
        assert!(is_day("2025-01-02") && !is_day("2025-13-02"));
    }
}
