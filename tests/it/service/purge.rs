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
    let copy = "etc/yibaod/site.key.2026";
    let mut purged = Purged::prepared(
        &[
            (named, "k"),
            (real, "k"),
            (copy, "k"),
            ("etc/yibaod/conf.d/1.toml", "paths.site_key = 'desk-key'\n"),
            (CONFIG, "paths = { site_key = \"/etc/yibaod/site.key\" }\n"),
            (SECRETS[0], "s"),
        ],
        &[("etc/yibaod/site.key", "vault/key")],
    );
    for _ in 0..2 {
        purged.again();
        for stays in [named, real, copy, "etc/yibaod/site.key"] {
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

/// Purged twice, the key of a journal stays; another secret beside it goes where all lines can be understood.
fn the_key_stays(key: &str, files: &[(&str, &str)], links: &[(&str, &str)], other_goes: bool) {
    let other = Path::new(key).with_file_name("another-secret");
    let other = other.to_str().expect("a path");
    let mut all = vec![(JOURNAL, "j"), (key, "k"), (other, "s")];
    all.extend(files);
    let mut purged = Purged::prepared(&all, links);
    for _ in 0..2 {
        purged.again();
        assert!(purged.has(key) && purged.has(JOURNAL), "{}", purged.said);
        assert!(purged.has("etc/yibaod/credentials/LEFT-BY-PURGE"));
        assert!(!purged.has("etc/yibaod/yibaod.toml"), "{}", purged.said);
        assert_eq!(purged.has(other), !other_goes, "{}", purged.said);
    }
}

#[test]
fn a_key_in_a_folder_behind_a_link_stays() {
    let plain = [(CONFIG, "[desk]\nnumber = 7\n")];
    let links = [("etc/yibaod/credentials", "vault")];
    the_key_stays("etc/yibaod/vault/yibaod-site-key", &plain, &links, true);
}

#[test]
fn a_key_behind_a_link_that_leaves_the_root_stays() {
    // It leads to a folder of this machine, which is not that of the root.
    let named = [(CONFIG, "paths.site_key = '/etc/yibaod/desk/key'\n")];
    let links = [("etc/yibaod/desk", "/etc/yibaod/vault")];
    the_key_stays("etc/yibaod/vault/key", &named, &links, false);
}

#[test]
fn a_key_that_a_drop_in_names_stays_however_it_is_written() {
    let key = "etc/yibaod/credentials/site.cred";
    let place = "etc/systemd/system/yibaod.service.d/key.conf";
    for (line, other_goes) in [
        (
            "LoadCredentialEncrypted = yibaod-site-key:/etc/yibaod/credentials/site.cred",
            true,
        ),
        (
            "LoadCredential=\"yibaod-site-key:/etc/yibaod/credentials/site.cred\" ",
            true,
        ),
        (
            "LoadCredential=\nLoadCredential=yibaod-site-key:/etc/yibaod//credentials/site.cred",
            true,
        ),
        (
            "LoadCredential=yibaod-site-key:%E/yibaod/credentials/site.cred",
            false,
        ),
        (
            "LoadCredential=\\\n yibaod-site-key:/etc/yibaod/credentials/site.cred",
            false,
        ),
        ("LoadCredential=site:/etc/yibaod/credentials", false),
        (
            "ExecStart=/usr/lib/yibaod/yibaod --config /srv/desk.toml",
            false,
        ),
    ] {
        let drop_in = format!("[Service]\n{line}\n");
        let files = [(CONFIG, "[desk]\nnumber = 7\n"), (place, drop_in.as_str())];
        the_key_stays(key, &files, &[], other_goes);
    }
}

#[test]
fn a_key_named_by_where_a_linked_configuration_really_is_stays() {
    let root = [
        (
            "srv/yibaod/yibaod.toml",
            "[paths]\nsite_key = \"/srv/yibaod/site.key\"\n",
        ),
        ("etc/hosts", ""),
    ];
    the_key_stays(
        "srv/yibaod/site.key",
        &root,
        &[("etc/yibaod", "../srv/yibaod")],
        // Whose it is nobody knows there.
        false,
    );
}

/// What a link leads to may be a folder of many programs.
#[test]
fn through_a_link_only_what_is_surely_ours_goes() {
    let theirs = [
        "srv/shared/other.toml",
        "srv/shared/db/password",
        "srv/shared/conf.d/other.toml",
        "srv/shared/credentials/other-key",
    ];
    let ours = [
        "srv/shared/site.toml",
        "srv/shared/credentials/yibaod-gateway",
    ];
    let mut files = vec![
        ("srv/shared/yibaod.toml", "[desk]\nnumber = 7\n"),
        ("etc/hosts", ""),
        (JOURNAL, "j"),
    ];
    files.extend(theirs.map(|path| (path, "[x]\n")));
    files.extend(ours.map(|path| (path, "[x]\n")));
    let mut purged = Purged::prepared(&files, &[("etc/yibaod", "../srv/shared")]);
    std::fs::create_dir(purged.root.path().join("srv/shared/empty")).expect("a folder");
    purged.again();
    for stays in theirs.into_iter().chain(["srv/shared/empty"]) {
        assert!(purged.has(stays), "{stays}: {}", purged.said);
    }
    for goes in ours.into_iter().chain(["srv/shared/yibaod.toml"]) {
        assert!(!purged.has(goes), "{goes}: {}", purged.said);
    }
}

/// The note is written by root in a folder that is the daemon's.
#[test]
fn the_note_is_not_written_through_a_link() {
    let files = [(KEY, "k"), (CONFIG, "[desk]\nnumber = 7\n"), (JOURNAL, "j")];
    let links = [("etc/yibaod/credentials/LEFT-BY-PURGE", "../../planted")];
    let mut purged = Purged::prepared(&files, &links);
    purged.again();
    assert!(!purged.has("etc/planted"), "{}", purged.said);
    assert!(purged.has("etc/yibaod/credentials/LEFT-BY-PURGE"));
}

#[test]
fn a_key_named_with_two_slashes_or_by_a_linked_folder_stays() {
    let named = [(CONFIG, "[paths]\nsite_key = \"/etc/yibaod//site.key\"\n")];
    the_key_stays("etc/yibaod/site.key", &named, &[], true);
    let desk = "srv/conf/desk.toml";
    let linked = [
        (CONFIG, "[desk]\nnumber = 7\n"),
        (desk, "[paths]\nsite_key = \"/etc/yibaod/site.key\"\n"),
    ];
    let links = [("etc/yibaod/conf.d", "../../srv/conf")];
    the_key_stays("etc/yibaod/site.key", &linked, &links, true);
}

#[test]
fn a_line_half_understood_may_name_the_key() {
    for line in [
        "paths = { state_dir = \"/data\", site_key = \"\"\"/etc/yibaod/some.key\"\"\" }",
        "paths = { state_dir = \"/data\", \"site\\u005fkey\" = \"/etc/yibaod/some.key\" }",
        "paths.\"\\u0073ite_\\u006bey\" = \"/etc/yibaod/some.key\"",
    ] {
        the_key_stays("etc/yibaod/some.key", &[(CONFIG, line)], &[], false);
    }
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
