//! Whose code we take: the lists of `packaging/deny.toml` against what cargo resolved, so that a plain test run says
//! what `cargo deny check` would say about licences and bans.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

/// The lists of `packaging/deny.toml` that we hold.
pub(super) struct Policy {
    allowed: Vec<String>,
    /// A package, and the licence it alone may have.
    exceptions: Vec<(String, String)>,
    banned: Vec<String>,
    /// A package, and the feature it must not have.
    banned_features: Vec<(String, String)>,
}

/// A package that is part of the build.
pub(super) struct Package {
    pub(super) name: String,
    pub(super) licence: String,
    pub(super) features: Vec<String>,
}

impl Policy {
    /// Reads the lists. An absent list is an error: nothing is allowed or banned by oversight.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let policy: toml::Table = text.parse().map_err(|why| format!("{why}"))?;
        let list = |table: &str, key: &str| {
            policy
                .get(table)
                .and_then(|table| table.get(key))
                .and_then(toml::Value::as_array)
                .cloned()
                .ok_or_else(|| format!("no list {table}.{key}"))
        };
        let text = |value: &toml::Value| value.as_str().unwrap_or_default().to_owned();
        let field = |value: &toml::Value, key: &str| value.get(key).map(text).unwrap_or_default();
        // The first of a list in a field.
        let first_of = |value: &toml::Value, key: &str| {
            value
                .get(key)
                .and_then(|list| list.get(0))
                .map(text)
                .unwrap_or_default()
        };
        Ok(Self {
            allowed: list("licenses", "allow")?.iter().map(text).collect(),
            exceptions: list("licenses", "exceptions")?
                .iter()
                .map(|entry| (field(entry, "crate"), first_of(entry, "allow")))
                .collect(),
            banned: list("bans", "deny")?
                .iter()
                .map(|entry| field(entry, "crate"))
                .collect(),
            banned_features: list("bans", "features")?
                .iter()
                .map(|entry| (field(entry, "crate"), first_of(entry, "deny")))
                .collect(),
        })
    }
}

/// The packages cargo resolved for this machine, ours left out.
pub(super) fn resolved(root: &Path) -> Result<Vec<Package>, String> {
    let output = Command::new(env!("CARGO"))
        .current_dir(root)
        .args([
            "metadata",
            "--format-version=1",
            "--locked",
            "--offline",
            "--all-features",
        ])
        .args(["--filter-platform", "x86_64-unknown-linux-gnu"])
        .output()
        .map_err(|why| format!("cargo metadata did not start: {why}"))?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned());
    }
    let metadata: Value = serde_json::from_slice(&output.stdout).map_err(|why| format!("{why}"))?;
    let ours = &metadata["resolve"]["root"];
    let nodes = metadata["resolve"]["nodes"]
        .as_array()
        .ok_or("no resolved packages")?;
    let packages = metadata["packages"].as_array().ok_or("no packages")?;
    let found = nodes
        .iter()
        .filter(|node| node["id"] != *ours)
        .filter_map(|node| {
            let package = packages
                .iter()
                .find(|package| package["id"] == node["id"])?;
            let features = node["features"].as_array()?;
            Some(Package {
                name: package["name"].as_str()?.to_owned(),
                licence: package["license"].as_str().unwrap_or_default().to_owned(),
                features: features
                    .iter()
                    .filter_map(Value::as_str)
                    .map(str::to_owned)
                    .collect(),
            })
        });
    Ok(found.collect())
}

/// What the policy does not allow.
pub(super) fn check(policy: &Policy, packages: &[Package]) -> Vec<String> {
    let mut findings = Vec::new();
    for package in packages {
        let name = &package.name;
        let may = |licence: &str| {
            policy.allowed.iter().any(|allowed| allowed == licence)
                || policy
                    .exceptions
                    .iter()
                    .any(|(who, what)| who == name && what == licence)
        };
        if !satisfied(&package.licence, &may) {
            findings.push(format!(
                "{name}: licence “{}” is not on our list",
                package.licence
            ));
        }
        if policy.banned.contains(name) {
            findings.push(format!("{name}: banned"));
        }
        for (who, feature) in &policy.banned_features {
            if who == name && package.features.contains(feature) {
                findings.push(format!("{name}: feature {feature} is banned"));
            }
        }
    }
    findings
}

/// Whether a licence expression can be met. `AND` binds closer than `OR`; the old `/` means `OR`.
fn satisfied(expression: &str, may: &impl Fn(&str) -> bool) -> bool {
    let spaced = expression
        .replace('/', " OR ")
        .replace('(', " ( ")
        .replace(')', " ) ");
    let words: Vec<&str> = spaced.split_whitespace().collect();
    let mut at = 0;
    either(&words, &mut at, may) && at == words.len()
}

fn either(words: &[&str], at: &mut usize, may: &impl Fn(&str) -> bool) -> bool {
    let mut met = both(words, at, may);
    while words.get(*at) == Some(&"OR") {
        *at += 1;
        met |= both(words, at, may);
    }
    met
}

fn both(words: &[&str], at: &mut usize, may: &impl Fn(&str) -> bool) -> bool {
    let mut met = one(words, at, may);
    while words.get(*at) == Some(&"AND") {
        *at += 1;
        met &= one(words, at, may);
    }
    met
}

fn one(words: &[&str], at: &mut usize, may: &impl Fn(&str) -> bool) -> bool {
    let Some(word) = words.get(*at) else {
        return false;
    };
    *at += 1;
    if *word == "(" {
        let met = either(words, at, may);
        *at += 1;
        return met;
    }
    if words.get(*at) == Some(&"WITH") {
        let whole = format!("{word} WITH {}", words.get(*at + 1).unwrap_or(&""));
        *at += 2;
        return may(&whole) || may(word);
    }
    may(word)
}

#[cfg(test)]
mod tests {
    use super::*;

    const POLICY: &str = r#"
        [licenses]
        allow = ["MIT", "Apache-2.0"]
        exceptions = [{ crate = "lent", allow = ["MPL-2.0"] }]
        [bans]
        deny = [{ crate = "openssl-sys" }]
        features = [{ crate = "serde_json", deny = ["arbitrary_precision"] }]
    "#;

    fn findings(name: &str, licence: &str, features: &[&str]) -> usize {
        let policy = Policy::parse(POLICY).expect("a policy");
        let features = features
            .iter()
            .map(|feature| (*feature).to_owned())
            .collect();
        let package = Package {
            name: name.to_owned(),
            licence: licence.to_owned(),
            features,
        };
        check(&policy, &[package]).len()
    }

    #[test]
    fn expressions_are_read_as_written() {
        for met in [
            "MIT",
            "MIT OR GPL-3.0",
            "MIT/GPL-3.0",
            "GPL-3.0 OR (MIT AND Apache-2.0)",
        ] {
            assert_eq!(findings("a", met, &[]), 0, "{met}");
        }
        assert_eq!(findings("a", "Apache-2.0 WITH LLVM-exception", &[]), 0);
        for unmet in [
            "",
            "GPL-3.0",
            "MIT AND GPL-3.0",
            "(MIT OR Apache-2.0) AND GPL-3.0",
            "MIT OR",
        ] {
            assert_eq!(
                findings("a", unmet, &[]),
                usize::from(unmet != "MIT OR"),
                "{unmet}"
            );
        }
    }

    #[test]
    fn an_exception_is_for_its_package_only() {
        assert_eq!(findings("lent", "MPL-2.0", &[]), 0);
        assert_eq!(findings("other", "MPL-2.0", &[]), 1);
    }

    #[test]
    fn bans_are_found() {
        assert_eq!(findings("openssl-sys", "MIT", &[]), 1);
        assert_eq!(findings("serde_json", "MIT", &["arbitrary_precision"]), 1);
        assert_eq!(findings("serde_json", "MIT", &["std"]), 0);
    }

    #[test]
    fn a_policy_without_a_list_is_refused() {
        assert!(Policy::parse("[licenses]\nallow = []").is_err());
    }
}
