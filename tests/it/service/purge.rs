//! `apt purge`: the package's script on a tree of its own, as dpkg runs it for a root that is not this machine's.

use std::path::Path;
use std::process::Command;

/// A machine's files, and what the script said when the package was purged from them.
struct Purged {
    root: tempfile::TempDir,
    said: String,
}

impl Purged {
    fn of(files: &[(&str, &str)]) -> Self {
        let mut purged = Self::prepared(files, &[]);
        purged.again();
        purged
    }

    /// Files and their texts, links and where they lead.
    fn prepared(files: &[(&str, &str)], links: &[(&str, &str)]) -> Self {
        let root = tempfile::tempdir().expect("a folder");
        for (path, text) in files {
            let path = root.path().join(path);
            std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
            std::fs::write(path, text).expect("a file");
        }
        for (path, target) in links {
            std::os::unix::fs::symlink(target, root.path().join(path)).expect("a link");
        }
        let said = String::new();
        Self { root, said }
    }

    fn again(&mut self) {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("packaging/deb/yibaod.postrm");
        let ran = Command::new("sh")
            .arg(script)
            .arg("purge")
            .env("DPKG_ROOT", self.root.path())
            .output()
            .expect("a shell");
        let said = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        assert!(ran.status.success(), "{}", said(&ran.stderr));
        self.said = said(&ran.stdout);
    }

    fn has(&self, path: &str) -> bool {
        self.root.path().join(path).exists()
    }
}

const KEY: &str = "etc/yibaod/credentials/yibaod-site-key";
const CONFIG: &str = "etc/yibaod/yibaod.toml";
const JOURNAL: &str = "var/lib/yibaod/journal/index.db";

#[test]
fn the_key_of_a_journal_elsewhere_stays_however_often_it_is_purged() {
    let mut purged = Purged::of(&[
        (KEY, "k"),
        (CONFIG, "[paths]\nstate_dir = \"/data/yibaod\"\n"),
        ("etc/yibaod/conf.d/more.toml", "[log]\n"),
    ]);
    assert!(purged.has(KEY) && !purged.has(CONFIG) && !purged.has("etc/yibaod/conf.d"));
    assert!(purged.said.contains("/data/yibaod"), "{}", purged.said);
    assert!(purged.said.contains(KEY), "{}", purged.said);
    // The configuration that said so is gone.
    purged.again();
    assert!(purged.has(KEY));
    assert!(purged.said.contains("/data/yibaod"), "{}", purged.said);
}

#[test]
fn whatever_may_be_the_key_of_a_journal_stays() {
    let (own, sealed) = ("etc/yibaod/site.key", "etc/yibaod/credentials/site.cred");
    let drop_ins = "etc/systemd/system/yibaod.service.d";
    let (holds_it, other) = (format!("{drop_ins}/key.conf"), format!("{drop_ins}/x.conf"));
    let purged = Purged::of(&[
        (own, "k"),
        (sealed, "k"),
        (CONFIG, "[paths]\nsite_key = \"/etc/yibaod/site.key\"\n"),
        (JOURNAL, "j"),
        ("var/lib/yibaod/journal/ballast", "b"),
        ("var/lib/yibaod/documents/x", "d"),
        (
            &holds_it,
            "[Service]\nSetCredentialEncrypted=yibaod-site-key: Whxq\n\
             LoadCredentialEncrypted=yibaod-site-key:/etc/yibaod/credentials/site.cred\n",
        ),
        (&other, "[Service]\nWatchdogSec=9\n"),
    ]);
    for stays in [own, sealed, JOURNAL, &holds_it] {
        assert!(purged.has(stays), "{stays}: {}", purged.said);
    }
    for goes in [
        CONFIG,
        &other,
        "var/lib/yibaod/documents",
        "var/lib/yibaod/journal/ballast",
    ] {
        assert!(!purged.has(goes), "{goes}: {}", purged.said);
    }
    assert!(
        purged.said.contains("/etc/yibaod/site.key"),
        "{}",
        purged.said
    );
}

/// What the configuration asks a site for, and what is made for it: none of it is the record of money.
const SECRETS: [&str; 8] = [
    "etc/yibaod/tokens/his",
    "etc/yibaod/tls/desk.pem",
    "etc/yibaod/tls/callers.pem",
    "etc/yibaod/credentials/yibaod-tls-key",
    "etc/yibaod/credentials/yibaod-gateway",
    "etc/yibaod/credentials/yibaod-sm2",
    "etc/yibaod/gateway-ca.pem",
    "etc/yibaod/templates/settlement.typ",
];

#[test]
fn no_secret_but_the_journals_key_stays() {
    let copy = "etc/yibaod/credentials/yibaod-site-key.2026";
    let mut files = vec![
        (KEY, "k"),
        (copy, "k"),
        (JOURNAL, "j"),
        (CONFIG, "[desk]\nnumber = 7\n"),
    ];
    files.extend(SECRETS.map(|path| (path, "s")));
    let purged = Purged::of(&files);
    for goes in SECRETS.into_iter().chain([CONFIG, "etc/yibaod/tls"]) {
        assert!(!purged.has(goes), "{goes}: {}", purged.said);
    }
    for stays in [KEY, copy, JOURNAL] {
        assert!(purged.has(stays), "{stays}: {}", purged.said);
    }
    for told in [KEY, copy] {
        assert!(purged.said.contains(told), "{}", purged.said);
    }
}

#[test]
fn a_key_of_another_name_or_behind_a_link_stays_however_often_it_is_purged() {
    let (named, real) = ("etc/yibaod/credentials/desk-key", "etc/yibaod/vault/key");
    let mut purged = Purged::prepared(
        &[
            (named, "k"),
            (real, "k"),
            ("etc/yibaod/conf.d/1.toml", "paths.site_key = 'desk-key'\n"),
            (CONFIG, "paths = { site_key = \"/etc/yibaod/site.key\" }\n"),
            (SECRETS[0], "s"),
        ],
        &[("etc/yibaod/site.key", "vault/key")],
    );
    for _ in 0..2 {
        purged.again();
        for stays in [named, real, "etc/yibaod/site.key"] {
            assert!(purged.has(stays), "{stays}: {}", purged.said);
        }
        assert!(!purged.has(CONFIG) && !purged.has(SECRETS[0]));
    }
}

#[test]
fn what_nobody_understands_may_name_the_key() {
    let key = "etc/yibaod/some.key";
    let strange = "[paths]\nsite_key = \"\"\"/etc/yibaod/some.key\"\"\"\n";
    let purged = Purged::of(&[(key, "k"), (CONFIG, strange)]);
    assert!(purged.has(key) && !purged.has(CONFIG), "{}", purged.said);
}

#[test]
fn a_journal_deeper_in_the_state_folder_stays() {
    let journal = "var/lib/yibaod/desk-1/journal/index.db";
    let purged = Purged::of(&[
        (KEY, "k"),
        (CONFIG, "[paths]\nstate_dir = \"/var/lib/yibaod/desk-1\"\n"),
        (journal, "j"),
    ]);
    assert!(purged.has(KEY) && purged.has(journal));
}

#[test]
fn where_nothing_was_ever_configured_nothing_stays() {
    let purged = Purged::of(&[(KEY, "k"), ("var/lib/yibaod/crashed/x", "c")]);
    assert!(!purged.has("etc/yibaod") && !purged.has("var/lib/yibaod"));
}
