//! Points in time on the wire: RFC 3339 with +08:00.

use jiff::Timestamp;
use jiff::tz::{Offset, TimeZone};

/// Hours from UTC to the civil time of the insurance platform.
const OFFSET_HOURS: i8 = 8;

/// Milliseconds of the civil clock as RFC 3339 with +08:00; empty beyond the calendar.
pub(super) fn rfc3339(at_ms: i64) -> String {
    let zone = TimeZone::fixed(Offset::constant(OFFSET_HOURS));
    Timestamp::from_millisecond(at_ms).map_or_else(
        |_| String::new(),
        |at| {
            at.to_zoned(zone)
                .strftime("%Y-%m-%dT%H:%M:%S%.3f%:z")
                .to_string()
        },
    )
}

/// The same for a point that may be absent: then empty.
pub(super) fn rfc3339_or_empty(at_ms: Option<i64>) -> String {
    at_ms.map(rfc3339).unwrap_or_default()
}

/// Reads RFC 3339; an offset is required.
pub(super) fn parse_rfc3339(text: &str) -> Option<i64> {
    text.parse::<Timestamp>()
        .ok()
        .map(Timestamp::as_millisecond)
}

/// Whether a text is civil time as the platform writes it, `yyyy-MM-dd HH:mm:ss`.
pub(super) fn is_civil(text: &str) -> bool {
    const FORM_LENGTH: usize = "yyyy-MM-dd HH:mm:ss".len();
    text.len() == FORM_LENGTH && jiff::civil::DateTime::strptime("%Y-%m-%d %H:%M:%S", text).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn points_in_time_go_out_and_come_back() {
        let text = rfc3339(1_700_000_000_123);
        assert_eq!(text, "2023-11-15T06:13:20.123+08:00");
        assert_eq!(parse_rfc3339(&text), Some(1_700_000_000_123));
        assert_eq!(
            parse_rfc3339("2023-11-14T22:13:20Z"),
            Some(1_700_000_000_000)
        );
        assert_eq!(parse_rfc3339("2023-11-14 22:13:20"), None);
        assert_eq!(parse_rfc3339(""), None);
        assert_eq!(rfc3339(i64::MAX), "");
        assert_eq!(rfc3339_or_empty(None), "");
    }

    #[test]
    fn civil_time_has_one_form() {
        assert!(is_civil("2024-02-29 08:05:09"));
        for text in [
            "2023-02-29 08:05:09",
            "2024-2-29 8:05:09",
            "2024-02-29T08:05:09",
            "",
            "2024-02-29 08:05:09 ",
        ] {
            assert!(!is_civil(text), "{text:?}");
        }
    }
}
