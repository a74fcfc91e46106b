//! What differs between two readings of the files, key by key, as people wrote it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use toml::{Table, Value};

use super::keys::ConfigError;
use super::layers;

/// Characters of a value that are shown.
const SHOWN_CHARS_MAX: usize = 200;
/// Ends of the keys whose values are shown to nobody.
const HIDDEN: [&str; 6] = ["secret", "key", "token", "password", "pin", "dev_safe_info"];
/// What is shown of them.
const HIDDEN_SHOWN: &str = "(hidden)";

/// The keys of a file and the files beside it, dotted, as they are written. Tables in a list are called by their name.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Written {
    keys: BTreeMap<String, String>,
}

impl std::fmt::Debug for Written {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Written({} keys)", self.keys.len())
    }
}

/// One key that differs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// Dotted.
    pub key: String,
    /// As it was; empty: not written.
    pub before: String,
    /// As it is; empty: not written.
    pub after: String,
}

impl Written {
    /// The configuration with its `conf.d`.
    ///
    /// # Errors
    /// A file cannot be read.
    pub fn of_settings(path: &Path) -> Result<Self, ConfigError> {
        Ok(Self::of(layers::all(path)?.0))
    }

    /// A site profile.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn of_profile(path: &Path) -> Result<Self, ConfigError> {
        Ok(Self::of(layers::one(path)?.0))
    }

    fn of(table: Table) -> Self {
        let mut written = Self::default();
        for (key, value) in table {
            written.put(&key, value);
        }
        written
    }

    fn put(&mut self, at: &str, value: Value) {
        match value {
            Value::Table(table) => {
                for (key, value) in table {
                    self.put(&format!("{at}.{key}"), value);
                }
            }
            Value::Array(tables) if !tables.is_empty() && tables.iter().all(Value::is_table) => {
                for (i, table) in tables.into_iter().enumerate() {
                    let name = table.get("name").and_then(Value::as_str);
                    let name = name.map_or_else(|| i.to_string(), str::to_owned);
                    self.put(&format!("{at}.{name}"), table);
                }
            }
            Value::String(_)
            | Value::Integer(_)
            | Value::Float(_)
            | Value::Boolean(_)
            | Value::Datetime(_)
            | Value::Array(_) => drop(self.keys.insert(at.to_owned(), value.to_string())),
        }
    }

    /// This with the keys of an earlier reading where `is_kept` says so.
    #[must_use]
    pub fn keeping(&self, earlier: &Self, is_kept: impl Fn(&str) -> bool) -> Self {
        let ours = self.keys.iter().filter(|(key, _)| !is_kept(key));
        let theirs = earlier.keys.iter().filter(|(key, _)| is_kept(key));
        let keys = ours.chain(theirs);
        Self {
            keys: keys
                .map(|(key, value)| (key.clone(), value.clone()))
                .collect(),
        }
    }

    /// What is written otherwise in a later reading, in the order of the keys, each with this before it.
    #[must_use]
    pub fn against(&self, later: &Self, prefix: &str) -> Vec<Difference> {
        let keys: BTreeSet<&String> = self.keys.keys().chain(later.keys.keys()).collect();
        let differs = |key: &&String| self.keys.get(*key) != later.keys.get(*key);
        let keys = keys.into_iter().filter(differs);
        keys.map(|key| Difference {
            key: format!("{prefix}{key}"),
            before: shown(key, self.keys.get(key)),
            after: shown(key, later.keys.get(key)),
        })
        .collect()
    }
}

fn shown(key: &str, value: Option<&String>) -> String {
    let Some(value) = value else {
        return String::new();
    };
    let last = key.rsplit('.').next().unwrap_or(key);
    if HIDDEN.iter().any(|end| last.ends_with(end)) {
        return HIDDEN_SHOWN.to_owned();
    }
    value.chars().take(SHOWN_CHARS_MAX).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(text: &str) -> Written {
        Written::of(text.parse().unwrap())
    }

    #[test]
    fn keys_that_differ_are_told_and_no_others() {
        let before = written(
            "[desk]\nname = \"一\"\n[times]\nscan_wait_s = 60\n\
             [[device]]\nname = \"a\"\nbaud = 9600\n[[device]]\nname = \"b\"\nbaud = 1\n",
        );
        let after = written(
            "[desk]\nname = \"一\"\n[times]\nscan_wait_s = 30\nrejoin_s = 5\n\
             [[device]]\nname = \"b\"\nbaud = 1\n[[device]]\nname = \"c\"\nbaud = 2\n",
        );
        let told: Vec<_> = before
            .against(&after, "")
            .into_iter()
            .map(|d| (d.key, d.before, d.after))
            .collect();
        let row = |key: &str, before: &str, after: &str| {
            (key.to_owned(), before.to_owned(), after.to_owned())
        };
        assert_eq!(
            told,
            [
                row("device.a.baud", "9600", ""),
                row("device.a.name", "\"a\"", ""),
                row("device.c.baud", "", "2"),
                row("device.c.name", "", "\"c\""),
                row("times.rejoin_s", "", "5"),
                row("times.scan_wait_s", "60", "30"),
            ]
        );
        assert!(before.against(&before, "").is_empty());
    }

    #[test]
    fn a_secret_differs_unseen_and_a_long_value_is_cut() {
        let of = |secret: &str, long: usize| {
            written(&format!(
                "[gateway]\nsecret = \"{secret}\"\nhint = \"{}\"\n",
                "药".repeat(long)
            ))
        };
        let told = of("s1", 300).against(&of("s2", 301), "profile.");
        assert_eq!(
            (
                told[1].key.as_str(),
                told[1].before.as_str(),
                told[1].after.as_str()
            ),
            ("profile.gateway.secret", "(hidden)", "(hidden)")
        );
        assert_eq!(told[0].after.chars().count(), SHOWN_CHARS_MAX);
        assert!(!format!("{:?}", of("s1", 1)).contains("s1"));
    }
}
