//! The sample files are the manual: whatever key the program looks for stands in them, with words about it.

use std::collections::BTreeSet;

use super::keys::{Keys, Origins, Sink};
use super::tests::uncommented;
use super::{profile_read, settings};

const SAMPLE: &str = include_str!("../../packaging/yibaod.toml");
const TEMPLATE: &str = include_str!("../../packaging/profiles/template.toml");

/// Every key that reading this text looks for, dotted; `[0]` of lists of tables left out.
fn asked(text: &str, read: impl FnOnce(Keys)) -> BTreeSet<String> {
    let sink = Sink::new(Origins::default());
    read(Keys::new(uncommented(text).parse().unwrap(), sink.clone()));
    let asked = sink.asked.take();
    asked
        .into_iter()
        .map(|key| {
            let parts: Vec<&str> = key
                .split('.')
                .map(|part| part.split('[').next().unwrap())
                .collect();
            parts.join(".")
        })
        .collect()
}

/// Every key and section that stands in the text, with `#` before it or not, dotted.
fn written(text: &str) -> BTreeSet<String> {
    let mut section = String::new();
    let mut written = BTreeSet::new();
    for line in uncommented(text).lines() {
        if let Some(header) = line.strip_prefix('[') {
            section = header.trim_matches(['[', ']']).to_owned();
            written.insert(section.clone());
        } else if let Some((key, _)) = line.split_once('=').filter(|_| !line.starts_with('#')) {
            let key = key.trim();
            written.insert(match section.as_str() {
                "" => key.to_owned(),
                section => format!("{section}.{key}"),
            });
        }
    }
    written
}

fn check(text: &str, asked: &BTreeSet<String>) {
    let written = written(text);
    let missing: Vec<&String> = asked.difference(&written).collect();
    assert!(missing.is_empty(), "not in the manual: {missing:?}");
}

#[test]
fn every_key_of_the_configuration_is_in_the_sample() {
    let asked = asked(SAMPLE, |keys| drop(settings::settings(keys)));
    assert!(asked.contains("times.scan_wait_s") && asked.contains("code.made_of"));
    check(SAMPLE, &asked);
}

#[test]
fn every_key_of_a_site_profile_is_in_the_template() {
    let asked = asked(TEMPLATE, |keys| drop(profile_read::top(keys)));
    assert!(asked.contains("envelope.recer_sys_code") && asked.contains("url.paths"));
    check(TEMPLATE, &asked);
}

/// The words above a number say from where to where it goes.
#[test]
fn every_number_has_its_range_in_the_manual() {
    let ranges = |text: &str, read: fn(Keys)| {
        let sink = Sink::new(Origins::default());
        read(Keys::new(uncommented(text).parse().unwrap(), sink.clone()));
        sink.ranges.take()
    };
    let of_desk = ranges(SAMPLE, |keys| drop(settings::settings(keys)));
    let of_site = ranges(TEMPLATE, |keys| drop(profile_read::top(keys)));
    assert!(of_desk.len() >= 9 && of_site.len() >= 12);
    let both = [(SAMPLE, of_desk), (TEMPLATE, of_site)];
    for (text, ranges) in both {
        for (key, range) in ranges {
            let (low, high) = (range.start(), range.end());
            let told = format!("{low}-{high}");
            let stands = text.split("\n\n").any(|paragraph| {
                let is_of = |line: &str| {
                    let line = line.trim_start_matches('#');
                    (line.strip_prefix(key)).is_some_and(|rest| rest.trim_start().starts_with('='))
                };
                paragraph.lines().any(is_of) && paragraph.replace('–', "-").contains(&told)
            });
            assert!(stands, "{key}: {told}");
        }
    }
}

/// A device is read whole, and its keys depend on its kind: they stand in the words above `[[device]]`.
#[test]
fn every_key_and_kind_of_device_is_in_the_sample() {
    let refused = |table: &str| {
        let table: toml::Table = table.parse().unwrap();
        let read = table.try_into::<super::devices::DeviceConfig>();
        read.unwrap_err().message().to_owned()
    };
    let about = SAMPLE.split("[[code]]").next().unwrap();
    let names = |message: &str| -> Vec<String> {
        let expected = message.split("expected").nth(1).unwrap();
        expected
            .split('`')
            .skip(1)
            .step_by(2)
            .map(str::to_owned)
            .collect()
    };
    let keys = names(&refused("no_such_key = 1"));
    let kinds = names(&refused(
        "name = \"a\"\nrole = \"scanner\"\nkind = \"no-such-kind\"",
    ));
    assert!(keys.len() > 10 && kinds.len() > 5, "{keys:?} {kinds:?}");
    let words: BTreeSet<&str> = about
        .split(|c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == '-'))
        .collect();
    for name in keys.iter().chain(&kinds) {
        assert!(words.contains(name.as_str()), "{name} is not in the manual");
    }
}

/// A section or key that says nothing of itself is no manual: words stand above it, or above the lines around it.
#[test]
fn every_paragraph_of_keys_has_words() {
    for (name, text) in [("yibaod.toml", SAMPLE), ("template.toml", TEMPLATE)] {
        for paragraph in text.split("\n\n") {
            let keys = written(paragraph);
            let is_section = paragraph.trim().starts_with('[') && !paragraph.trim().contains('\n');
            let is_words = |line: &str| {
                line.strip_prefix("# ")
                    .is_some_and(|words| words.len() > 10)
            };
            let has_words = paragraph.lines().any(is_words);
            let follows = paragraph.starts_with("#[[");
            assert!(
                keys.is_empty() || is_section || has_words || follows,
                "{name}: no words about {keys:?}"
            );
        }
    }
}
