//! Writes the text of OpenMetrics 1.0, which Prometheus and its kin read. Numbers are whole or decimal text: there is
//! no float here. It must not know what is measured.

use std::fmt::Write as _;

/// What an HTTP answer with such a text says it is.
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// What kind of numbers a family holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Only grows while the process lives; its samples end in `_total`.
    Counter,
    /// Goes up and down.
    Gauge,
    /// Counts by size; `_bucket`, `_sum`, `_count`.
    Histogram,
    /// Words about the process; its sample ends in `_info` and is 1.
    Info,
    /// One state of several is 1.
    StateSet,
}

impl Kind {
    fn word(self) -> &'static str {
        match self {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
            Kind::Histogram => "histogram",
            Kind::Info => "info",
            Kind::StateSet => "stateset",
        }
    }
}

/// A page being written.
#[derive(Debug, Default)]
pub struct Page {
    text: String,
}

impl Page {
    /// Begins a family: its samples follow. A name that ends in `_seconds` or `_bytes` has that unit.
    pub fn family(&mut self, name: &str, kind: Kind, help: &str) {
        let unit = ["seconds", "bytes"].into_iter();
        let unit = unit.into_iter().find(|unit| {
            name.strip_suffix(unit)
                .is_some_and(|rest| rest.ends_with('_'))
        });
        self.line(format_args!("# TYPE {name} {}", kind.word()));
        if let Some(unit) = unit {
            self.line(format_args!("# UNIT {name} {unit}"));
        }
        self.line(format_args!("# HELP {name} {}", escaped(help)));
    }

    /// One sample; the name has its suffix.
    pub fn sample(&mut self, name: &str, labels: &[(&str, &str)], value: impl std::fmt::Display) {
        self.text.push_str(name);
        for (place, (label, text)) in labels.iter().enumerate() {
            let before = if place == 0 { '{' } else { ',' };
            self.write(format_args!("{before}{label}=\"{}\"", escaped(text)));
        }
        if !labels.is_empty() {
            self.text.push('}');
        }
        self.line(format_args!(" {value}"));
    }

    /// A gauge without labels, whole.
    pub fn gauge(&mut self, name: &str, help: &str, value: impl std::fmt::Display) {
        self.family(name, Kind::Gauge, help);
        self.sample(name, &[], value);
    }

    /// A counter without labels; the name is without `_total`.
    pub fn counter(&mut self, name: &str, help: &str, value: u64) {
        self.family(name, Kind::Counter, help);
        self.sample(&format!("{name}_total"), &[], value);
    }

    /// The whole text.
    #[must_use]
    pub fn end(mut self) -> String {
        self.text.push_str("# EOF\n");
        self.text
    }

    fn write(&mut self, what: std::fmt::Arguments<'_>) {
        self.text
            .write_fmt(what)
            .expect("a text takes what is written");
    }

    fn line(&mut self, what: std::fmt::Arguments<'_>) {
        self.write(what);
        self.text.push('\n');
    }
}

/// Microseconds as decimal seconds: at least one figure behind the point, no zeros at the end.
#[must_use]
pub fn seconds(us: u64) -> String {
    let text = format!("{}.{:06}", us / 1_000_000, us % 1_000_000);
    let short = text.trim_end_matches('0');
    match short.ends_with('.') {
        true => format!("{short}0"),
        false => short.to_owned(),
    }
}

/// Milliseconds of either sign as decimal seconds.
#[must_use]
pub fn seconds_of_ms(ms: i64) -> String {
    let sign = if ms < 0 { "-" } else { "" };
    format!("{sign}{}", seconds(ms.unsigned_abs().saturating_mul(1_000)))
}

fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '\\' => out.push_str("\\\\"),
            '"' => out.push_str("\\\""),
            '\n' => out.push_str("\\n"),
            other => out.push(other),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_are_decimal() {
        for (us, text) in [
            (0, "0.0"),
            (1, "0.000001"),
            (2_500, "0.0025"),
            (1_000_000, "1.0"),
            (61_500_000, "61.5"),
        ] {
            assert_eq!(seconds(us), text);
        }
        assert_eq!(seconds_of_ms(-1_250), "-1.25");
        assert_eq!(seconds_of_ms(i64::MIN), "-18446744073709.551615");
    }

    #[test]
    fn a_page_is_what_the_standard_says() {
        let mut page = Page::default();
        page.counter("a", "what \"is\"\nbroken", 3);
        page.family("b_bytes", Kind::Gauge, "room");
        page.sample("b_bytes", &[("x", "a\\b"), ("y", "\"")], 7);
        let text = "# TYPE a counter\n# HELP a what \\\"is\\\"\\nbroken\na_total 3\n\
            # TYPE b_bytes gauge\n# UNIT b_bytes bytes\n# HELP b_bytes room\n\
            b_bytes{x=\"a\\\\b\",y=\"\\\"\"} 7\n# EOF\n";
        assert_eq!(page.end(), text);
    }
}
