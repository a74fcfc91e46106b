//! A page of OpenMetrics in Prometheus' older text, version 0.0.4, for collectors that know no other.
//!
//! There a family of counters is called as its samples are, and the kinds `info` and `stateset` are gauges.

/// What an HTTP answer with such a text says it is.
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Whether who sends this `Accept` takes the older text and not OpenMetrics. Who says nothing gets OpenMetrics.
#[must_use]
pub fn is_wanted(accept: &str) -> bool {
    let kinds = || {
        let kinds = accept.split(',').map(|kind| kind.split(';'));
        kinds.map(|mut kind| kind.next().unwrap_or_default().trim())
    };
    let takes = |wanted: &str| kinds().any(|kind| kind.eq_ignore_ascii_case(wanted));
    takes("text/plain") && !takes("application/openmetrics-text")
}

/// The same page, as [`openmetrics`](super::openmetrics) writes it, in the older text.
#[must_use]
pub fn of(page: &str) -> String {
    let mut text = String::with_capacity(page.len());
    let mut suffix = "";
    for line in page.lines() {
        let mut words = line.splitn(4, ' ');
        match (words.next(), words.next(), words.next(), words.next()) {
            (Some("#"), Some("EOF"), ..) | (Some("#"), Some("UNIT"), ..) => continue,
            (Some("#"), Some("TYPE"), Some(name), Some(kind)) => {
                suffix = suffix_of(kind);
                let kind = match kind {
                    "info" | "stateset" => "gauge",
                    other => other,
                };
                text.extend(["# TYPE ", name, suffix, " ", kind]);
            }
            (Some("#"), Some("HELP"), Some(name), Some(help)) => {
                // There a quote stands as it is.
                let help = help.replace("\\\"", "\"");
                text.extend(["# HELP ", name, suffix, " ", &help]);
            }
            (..) => text.push_str(line),
        }
        text.push('\n');
    }
    text
}

fn suffix_of(kind: &str) -> &'static str {
    match kind {
        "counter" => "_total",
        "info" => "_info",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::super::openmetrics::{Kind, Page};
    use super::*;

    #[test]
    fn each_family_is_called_as_its_samples_and_of_a_kind_that_is_known() {
        let mut page = Page::default();
        page.counter("a_calls", "Calls, of \"all\".", 3);
        page.gauge("a_size_bytes", "Its size.", 7);
        page.family("a_build", Kind::Info, "What it is.");
        page.sample("a_build_info", &[("version", "1")], 1);
        page.family("a_state", Kind::StateSet, "How it is.");
        page.sample("a_state", &[("a_state", "ready")], 1);
        let told = "# TYPE a_calls_total counter\n# HELP a_calls_total Calls, of \"all\".\na_calls_total 3\n\
            # TYPE a_size_bytes gauge\n# HELP a_size_bytes Its size.\na_size_bytes 7\n\
            # TYPE a_build_info gauge\n# HELP a_build_info What it is.\na_build_info{version=\"1\"} 1\n\
            # TYPE a_state gauge\n# HELP a_state How it is.\na_state{a_state=\"ready\"} 1\n";
        assert_eq!(of(&page.end()), told);
    }

    #[test]
    fn the_older_text_is_for_who_takes_no_other() {
        for (accept, wanted) in [
            ("", false),
            ("*/*", false),
            ("text/plain", true),
            ("text/plain;version=0.0.4;q=0.5,*/*;q=0.1", true),
            (
                "application/openmetrics-text;version=1.0.0;q=0.5,text/plain;q=0.2",
                false,
            ),
        ] {
            assert_eq!(is_wanted(accept), wanted, "{accept}");
        }
    }
}
