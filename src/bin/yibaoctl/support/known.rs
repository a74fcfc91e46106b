//! What this machine and its configuration call people and places: logins, hosts, queues, serial numbers. In a bundle
//! each stands by a label, the same wherever it comes, so that a helper still sees that two are one.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::schema;
use crate::doctor::Machine;

/// Shorter ones tell no device from another.
const SERIAL_LENGTH_MIN: usize = 6;
/// A shorter word would hide half of every text.
const WORD_CHARS_MIN: usize = 2;
/// Logins of people begin here and end before whoever is nobody.
const UID_FIRST: u32 = 1_000;
const UID_NOBODY: u32 = 65_534;
/// Keys of the configuration whose texts are addresses, of whatever kind.
const HOST_KEYS: [&str; 6] = ["address", "base", "listen", "queue", "uri", "url"];
/// Words that name nobody, though somebody may be called so.
const OURS: [&str; 9] = [
    "0.0.0.0",
    "127.0.0.1",
    "::1",
    "localhost",
    "root",
    "yibao",
    "yibaoctl",
    "yibaod",
    "user",
];

/// The words, each with its label.
#[derive(Debug, Default)]
pub(super) struct Known {
    labels: BTreeMap<String, String>,
}

impl Known {
    /// Of the accounts, the queues and the USB devices of this machine.
    pub(super) fn of_machine(machine: &Machine) -> Self {
        let mut known = Self::default();
        for line in machine.text("/etc/passwd").unwrap_or_default().lines() {
            let mut fields = line.split(':');
            let (login, uid) = (fields.next(), fields.nth(1));
            let uid = uid.and_then(|uid| uid.parse::<u32>().ok());
            if uid.is_some_and(|uid| (UID_FIRST..UID_NOBODY).contains(&uid)) {
                known.add("user", login.unwrap_or_default());
            }
        }
        // Accounts of a directory are in no file here.
        for name in ["USER", "LOGNAME", "SUDO_USER"] {
            known.add("user", &std::env::var(name).unwrap_or_default());
        }
        for line in machine.text("/etc/group").unwrap_or_default().lines() {
            let members = line.strip_prefix("yibao").and(line.rsplit(':').next());
            for member in members.unwrap_or_default().split(',') {
                known.add("user", member);
            }
        }
        let name = machine.text("/etc/hostname").unwrap_or_default();
        known.add("host", name.trim());
        let queues = machine.says("lpstat", &["-v"]).unwrap_or_default();
        known.add_queues(&queues);
        let devices = std::fs::read_dir(machine.path("/sys/bus/usb/devices"));
        for device in devices.into_iter().flatten().flatten() {
            let serial = std::fs::read_to_string(device.path().join("serial"));
            let serial = serial.unwrap_or_default();
            // A root hub's is its place in the machine, and a short one is the maker's, the same in each.
            let is_hub = device.file_name().to_string_lossy().starts_with("usb");
            if !is_hub && serial.trim().len() >= SERIAL_LENGTH_MIN {
                known.add("serial", serial.trim());
            }
        }
        known
    }

    /// And those of a file of the configuration.
    pub(super) fn add_configuration(&mut self, source: &str) {
        if let Ok(table) = source.parse::<toml::Table>() {
            self.walk("", "", &toml::Value::Table(table));
        }
    }

    /// From `lpstat -v`: `device for NAME: URI`.
    fn add_queues(&mut self, said: &str) {
        for line in said.lines() {
            let named = line.strip_prefix("device for ");
            if let Some((name, uri)) = named.and_then(|named| named.split_once(": ")) {
                self.add("queue", name);
                self.add_address(uri);
            }
        }
    }

    /// A file of the configuration, which is told by the name that it has in the bundle.
    pub(super) fn add_file(&mut self, path: &Path, name: &str) {
        let path = path.to_string_lossy().into_owned();
        self.labels.insert(path, name.to_owned());
    }

    fn walk(&mut self, path: &str, key: &str, value: &toml::Value) {
        match value {
            toml::Value::String(text) if HOST_KEYS.contains(&key) => self.add_address(text),
            toml::Value::String(text) if key == "usb" => {
                self.add("serial", text.splitn(3, ':').nth(2).unwrap_or_default());
            }
            toml::Value::String(text) => {
                if let Some(login) = text.strip_prefix("user:") {
                    self.add("user", login);
                }
                if text.starts_with('/') && schema::told_path(text) != *text {
                    self.add("path", text);
                }
            }
            toml::Value::Array(items) => items.iter().for_each(|item| self.walk(path, key, item)),
            toml::Value::Table(table) => {
                for (key, item) in table {
                    let path = schema::joined(path, key);
                    if schema::of(&path).is_none() && !schema::is_section(&path) {
                        // By the whole of it: alone it may be any word.
                        self.add("key", &path);
                    }
                    self.walk(&path, key, item);
                }
            }
            toml::Value::Integer(_)
            | toml::Value::Float(_)
            | toml::Value::Boolean(_)
            | toml::Value::Datetime(_) => {}
        }
    }

    /// The host of an address with or without a scheme; of a queue its name, of a USB device its serial number too.
    fn add_address(&mut self, text: &str) {
        let (scheme, rest) = text.split_once("://").unwrap_or(("", text));
        let serial = text.split_once("serial=").map_or("", |(_, serial)| serial);
        self.add("serial", serial.split('&').next().unwrap_or_default());
        let rest = rest.split(['?', '#']).next().unwrap_or_default();
        let (place, path) = rest.split_once('/').unwrap_or((rest, ""));
        if let Some(("printers" | "classes", queue)) = path.split_once('/') {
            self.add("queue", queue);
        }
        if scheme == "usb" || rest.starts_with('/') {
            return;
        }
        let place = place.rsplit('@').next().unwrap_or_default();
        let port = place.rsplit_once(':');
        let host = match port {
            Some((host, port)) if port.bytes().all(|b| b.is_ascii_digit()) => host,
            Some(_) | None => place,
        };
        let is_bare_word = scheme.is_empty() && port.is_none() && !host.contains('.');
        let label = if is_bare_word { "queue" } else { "host" };
        self.add(label, host.trim_matches(['[', ']']));
    }

    fn add(&mut self, label: &str, word: &str) {
        if word.chars().count() < WORD_CHARS_MIN || OURS.contains(&word) {
            return;
        }
        let number = self.labels.len() + 1;
        let label = || format!("<{label} {number}>");
        self.labels.entry(word.to_owned()).or_insert_with(label);
    }

    /// A text with each of these words, where it stands alone, replaced by its label.
    pub(super) fn hidden(&self, text: &str) -> String {
        let mut words: Vec<(&String, &String)> = self.labels.iter().collect();
        // What is part of another word is looked for after it.
        words.sort_by_key(|(word, _)| std::cmp::Reverse(word.len()));
        let mut text = text.to_owned();
        for (word, label) in words {
            text = replaced(&text, word, label);
        }
        text
    }
}

fn replaced(text: &str, word: &str, label: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(word) {
        let (before, found) = rest.split_at(at);
        let after = &found[word.len()..];
        let last = before.chars().next_back().or(out.chars().next_back());
        let next = after.chars().next();
        let joins = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric() || c == '_');
        out.push_str(before);
        out.push_str(if joins(last) || joins(next) {
            word
        } else {
            label
        });
        rest = after;
    }
    out.push_str(rest);
    out
}

/// The machine's own words and those of these files of the configuration, which have names in the bundle.
pub(super) fn of(machine: &Machine, files: &[(PathBuf, String)]) -> Known {
    let mut known = Known::of_machine(machine);
    for (path, name) in files {
        if !path.ends_with(Path::new(name).file_name().unwrap_or_default()) {
            known.add_file(path, name);
        }
        if let Some(source) = machine.text(path) {
            known.add_configuration(&source);
        }
    }
    known
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_hidden_where_it_stands_alone_and_by_the_same_label() {
        let mut known = Known::default();
        known.add("user", "wang");
        known.add("host", "fsi.example");
        let told = known.hidden("wang: https://fsi.example:8443/x, wangs, /home/wang/y");
        let user = &known.labels["wang"];
        let host = &known.labels["fsi.example"];
        assert_eq!(
            told,
            format!("{user}: https://{host}:8443/x, wangs, /home/{user}/y")
        );
    }

    #[test]
    fn files_paths_and_keys_that_a_site_named_are_found() {
        let mut known = Known::default();
        known.add_file(
            Path::new("/etc/yibaod/conf.d/wangwu.toml"),
            "configuration/2.toml",
        );
        known.add_configuration(
            "wangwu = 1\n[receipt]\nport = \"x\"\n[sheet]\ntemplate_dir = \"/srv/wang wu/t\"\n",
        );
        let told = known.hidden(
            "/etc/yibaod/conf.d/wangwu.toml receipt.port: no such key; the port, wangwu: /srv/wang wu/t/x.typ",
        );
        let label = |word: &str| known.labels[word].clone();
        assert_eq!(
            told,
            format!(
                "configuration/2.toml {}: no such key; the port, {}: {}/x.typ",
                label("receipt.port"),
                label("wangwu"),
                label("/srv/wang wu/t")
            )
        );
    }

    #[test]
    fn addresses_queues_and_serial_numbers_are_found_in_what_names_them() {
        let mut known = Known::default();
        known.add_configuration(
            "[url]\nbase = \"https://u:p@fsi.example:8443/csb\"\n[access]\nadmin = [\"user:wang\"]\n\
             [tcp]\nlisten = \"127.0.0.1:8610\"\n[[device]]\naddress = \"10.0.0.9:9100\"\n\
             [[device]]\nusb = \"04b8:0e15:J5XX12\"\n[[device]]\nqueue = \"office\"\n\
             [[device]]\nqueue = \"ipp://cups.example/printers/ward3\"\n",
        );
        known.add_queues("device for slip: usb://EPSON/TM-T88V?serial=K9&x=1\n");
        let words: Vec<&str> = known.labels.keys().map(String::as_str).collect();
        assert_eq!(
            words,
            [
                "10.0.0.9",
                "J5XX12",
                "K9",
                "cups.example",
                "fsi.example",
                "office",
                "slip",
                "wang",
                "ward3",
            ]
        );
    }
}
