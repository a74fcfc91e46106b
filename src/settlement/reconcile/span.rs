//! Days of a reconciliation: those of the platform's setl_time, +08:00.

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::{Offset, TimeZone};

use super::Fault;
use crate::book::Code;

/// Most days of one reconciliation.
pub const DAYS_MAX: i32 = 31;
/// The platform's civil time.
const OFFSET_HOURS: i8 = 8;
/// Characters of `yyyy-MM-dd`.
const DATE_CHARS: usize = 10;
/// A settlement was accepted at most this long before the platform's time of it: confirmations, a lost
/// answer that was found the next day, a clock that is off.
const ACCEPTED_BEFORE_MS: i64 = 2 * 86_400_000;
/// And at most this long after it, by a clock that is off.
const ACCEPTED_AFTER_MS: i64 = 3_600_000;

/// From the first day to the last, both within.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Span {
    from: String,
    to: String,
}

impl Span {
    /// Reads two dates; an empty second one is the first.
    ///
    /// # Errors
    /// No date, the wrong order, too many days.
    pub fn parse(from: &str, to: &str) -> Result<Self, Fault> {
        let to = if to.is_empty() { from } else { to };
        let (first, last) = (date(from)?, date(to)?);
        if last < first {
            let detail = format!("{to} is before {from}");
            return Err(Fault::new(Code::SpanInvalid, detail));
        }
        let days = first.until(last).map_or(i32::MAX, |span| span.get_days());
        if days >= DAYS_MAX {
            let detail = format!("{from} to {to} is more than {DAYS_MAX} days");
            return Err(Fault::new(Code::SpanTooLong, detail));
        }
        Ok(Self {
            from: from.to_owned(),
            to: to.to_owned(),
        })
    }

    /// Whether it has begun and does not reach back before the journal.
    ///
    /// # Errors
    /// In the future, or before the journal's first record.
    pub fn check(&self, now_ms: i64, journal_begun_ms: i64) -> Result<(), Fault> {
        let (today, begun) = (day_of_ms(now_ms), day_of_ms(journal_begun_ms));
        if self.to > today {
            let detail = format!("{} is after today, {today}", self.to);
            return Err(Fault::new(Code::SpanInFuture, detail));
        }
        if self.from < begun {
            let detail = format!("{} is before the journal began, {begun}", self.from);
            return Err(Fault::new(Code::SpanBeforeJournal, detail));
        }
        Ok(())
    }

    /// The first day, `yyyy-MM-dd`.
    #[must_use]
    pub fn from(&self) -> &str {
        &self.from
    }

    /// The last day, `yyyy-MM-dd`.
    #[must_use]
    pub fn to(&self) -> &str {
        &self.to
    }

    /// Whether a civil time, `yyyy-MM-dd HH:mm:ss`, is in it.
    #[must_use]
    pub fn holds(&self, civil: &str) -> bool {
        civil
            .get(..DATE_CHARS)
            .is_some_and(|day| self.from.as_str() <= day && day <= self.to.as_str())
    }

    /// Between which times of acceptance its settlements can stand in a journal, Unix milliseconds.
    #[must_use]
    pub fn accepted_between_ms(&self) -> (i64, i64) {
        (
            start_ms(&self.from).saturating_sub(ACCEPTED_BEFORE_MS),
            start_ms(&self.to).saturating_add(86_400_000 + ACCEPTED_AFTER_MS),
        )
    }

    /// When its first day begins, Unix milliseconds.
    #[must_use]
    pub fn begins_ms(&self) -> i64 {
        start_ms(&self.from)
    }
}

/// Only the one form, so that texts compare as days do.
fn date(text: &str) -> Result<Date, Fault> {
    let wrong = || {
        let shown: String = text.chars().take(20).collect();
        Fault::new(
            Code::SpanInvalid,
            format!("{shown:?} is no date yyyy-MM-dd"),
        )
    };
    let well_formed = text.len() == DATE_CHARS
        && text.bytes().enumerate().all(|(at, byte)| match at {
            4 | 7 => byte == b'-',
            _ => byte.is_ascii_digit(),
        });
    if !well_formed {
        return Err(wrong());
    }
    text.parse().map_err(|_| wrong())
}

fn zone() -> TimeZone {
    TimeZone::fixed(Offset::constant(OFFSET_HOURS))
}

fn start_ms(day: &str) -> i64 {
    let date: Option<Date> = day.parse().ok();
    let start = date.and_then(|date| date.to_zoned(zone()).ok());
    start.map_or(0, |start| start.timestamp().as_millisecond())
}

fn day_of_ms(ms: i64) -> String {
    civil(ms).get(..DATE_CHARS).unwrap_or_default().to_owned()
}

/// `yyyy-MM-dd HH:mm:ss` in +08:00; empty beyond the calendar.
#[must_use]
pub fn civil(ms: i64) -> String {
    let at = Timestamp::from_millisecond(ms).ok();
    at.map_or_else(String::new, |at| {
        at.to_zoned(zone())
            .strftime("%Y-%m-%d %H:%M:%S")
            .to_string()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(from: &str, to: &str) -> Option<Code> {
        Span::parse(from, to).err().map(|fault| fault.code)
    }

    #[test]
    fn days_are_read_in_one_form() {
        assert_eq!(code("2026-03-01", ""), None);
        assert_eq!(code("2026-03-01", "2026-03-31"), None);
        assert_eq!(code("2028-02-29", "2028-02-29"), None);
        for odd in [
            "",
            "2026-3-1",
            "2026-02-30",
            "20260301",
            "2026-03-01 ",
            "2026-03-0x",
            "明天",
            "2026-13-01",
            "+026-03-01",
        ] {
            assert_eq!(code(odd, ""), Some(Code::SpanInvalid), "{odd}");
        }
        assert_eq!(code("2026-03-02", "2026-03-01"), Some(Code::SpanInvalid));
        assert_eq!(code("2026-03-01", "2026-04-01"), Some(Code::SpanTooLong));
        assert_eq!(code("2020-01-01", "2026-01-01"), Some(Code::SpanTooLong));
    }

    #[test]
    fn a_day_is_the_platforms_day() {
        let span = Span::parse("2026-03-01", "2026-03-02").unwrap();
        for inside in ["2026-03-01 00:00:00", "2026-03-02 23:59:59"] {
            assert!(span.holds(inside), "{inside}");
        }
        for outside in ["2026-02-28 23:59:59", "2026-03-03 00:00:00", "", "2026-03"] {
            assert!(!span.holds(outside), "{outside}");
        }
        // 2026-03-01 00:00 +08:00 is 2026-02-28 16:00 UTC.
        assert_eq!(civil(span.begins_ms()), "2026-03-01 00:00:00");
        assert_eq!(span.begins_ms(), 1_772_294_400_000);
    }

    #[test]
    fn the_future_and_the_time_before_the_journal_are_refused() {
        let begun = Span::parse("2026-03-01", "").unwrap().begins_ms() + 1;
        let now = begun + 86_400_000;
        let check = |from: &str, to: &str| {
            let span = Span::parse(from, to).unwrap();
            span.check(now, begun).err().map(|fault| fault.code)
        };
        assert_eq!(check("2026-03-01", "2026-03-02"), None);
        assert_eq!(check("2026-03-02", "2026-03-03"), Some(Code::SpanInFuture));
        assert_eq!(
            check("2026-02-28", "2026-03-01"),
            Some(Code::SpanBeforeJournal)
        );
    }
}
