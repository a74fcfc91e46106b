//! The doors beside the local socket: `[json]`, `[tcp]`.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::PathBuf;

use toml::Table;

use super::access::{Access, Caller, Role};
use super::keys::Keys;

/// Tokens and certificates of one desk, each.
const NAMED_MAX: usize = 32;
/// Longest name of a token or certificate, characters.
const NAME_LENGTH_MAX: usize = 64;
/// Pages that may call.
const ORIGINS_MAX: usize = 32;

/// JSON over HTTP.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Json {
    /// Origins of pages that may call. Empty: no page may.
    pub origins: Vec<String>,
}

/// Calls over TCP.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tcp {
    /// Absent: no TCP at all.
    pub listen: Option<SocketAddr>,
    /// Whether money and goods may be moved over TCP.
    pub settle: bool,
    /// Who may call on loopback.
    pub tokens: Vec<Token>,
    /// Wanted for anything but loopback.
    pub tls: Option<TlsFiles>,
}

/// One token; its role stands in [`Access`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    /// What its holder is called.
    pub name: String,
    /// An absolute path, or the name of a systemd credential.
    pub file: PathBuf,
    /// Whether it is taken from a socket whose user the kernel does not tell.
    pub any_uid: bool,
}

/// What mutual TLS wants, PEM.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsFiles {
    /// Our certificate and those above it.
    pub certificate: PathBuf,
    /// Its key, 0600: an absolute path, or the name of a systemd credential.
    pub key: PathBuf,
    /// The authority that signed the callers' certificates.
    pub client_ca: PathBuf,
}

pub(super) fn json(mut keys: Keys) -> Json {
    let origins = keys.list("origins", &[]);
    for origin in &origins {
        let host = origin
            .strip_prefix("https://")
            .or_else(|| origin.strip_prefix("http://"));
        let is_origin = host.is_some_and(|host| {
            let is_part =
                |c: char| c.is_ascii_graphic() && !matches!(c, '/' | '?' | '#' | '@' | '*');
            !host.is_empty() && host.chars().all(is_part)
        });
        if !is_origin {
            let en = format!("{origin:?} is no origin, such as https://his.example");
            keys.problem(
                "origins",
                (
                    en,
                    format!("{origin:?} 不是来源，写法如 https://his.example"),
                ),
            );
        }
    }
    if origins.len() > ORIGINS_MAX {
        keys.problem("origins", format!("has more than {ORIGINS_MAX} origins"));
    }
    Json { origins }
}

/// Reads it, and the roles of its tokens and certificates into the others.
pub(super) fn tcp(mut keys: Keys, access: &mut Access) -> Tcp {
    let listen = keys.text_option("listen").and_then(|text| {
        let address: Result<SocketAddr, _> = text.parse();
        if address.is_err() {
            let en = format!("{text:?} is no address and port, such as 127.0.0.1:8610");
            keys.problem(
                "listen",
                (
                    en,
                    format!("{text:?} 不是地址和端口，写法如 127.0.0.1:8610"),
                ),
            );
        }
        address.ok()
    });
    let settle = keys.flag("settle", false);
    let tls = tls(&mut keys);
    let mut names = BTreeSet::new();
    let mut tokens = Vec::new();
    for (at, table) in keys.tables("token") {
        let mut row = keys.inner(&at, table);
        let named = named(&mut row, &mut names);
        let file = row.text_required("file").into();
        let any_uid = row.flag("any_uid", false);
        if let Some((name, role)) = named {
            access.roles.push((role, Caller::Token(name.clone())));
            tokens.push(Token {
                name,
                file,
                any_uid,
            });
        }
    }
    let clients = clients(&mut keys, access);
    if tokens.len() > NAMED_MAX || clients > NAMED_MAX {
        keys.problem("token", format!("more than {NAMED_MAX} callers"));
    }
    if let Some(listen) = listen {
        if !listen.ip().is_loopback() && tls.is_none() {
            let en = "anything but loopback wants tls_certificate, tls_key and tls_client_ca";
            let zh = "监听非本机地址必须配置 tls_certificate、tls_key、tls_client_ca";
            keys.problem("listen", (en.to_owned(), zh.to_owned()));
        }
        if (tls.is_none() && tokens.is_empty()) || (tls.is_some() && clients == 0) {
            let en = "nobody may call: name a [[tcp.token]], or with TLS a [[tcp.client]]";
            let zh = "没有任何调用方：请配置 [[tcp.token]]，使用 TLS 时配置 [[tcp.client]]";
            keys.problem("listen", (en.to_owned(), zh.to_owned()));
        }
    }
    Tcp {
        listen,
        settle,
        tokens,
        tls,
    }
}

fn tls(keys: &mut Keys) -> Option<TlsFiles> {
    let certificate = keys.text_option("tls_certificate");
    let key = keys.text_option("tls_key");
    let client_ca = keys.text_option("tls_client_ca");
    match (certificate, key, client_ca) {
        (Some(certificate), Some(key), Some(client_ca)) => Some(TlsFiles {
            certificate: certificate.into(),
            key: key.into(),
            client_ca: client_ca.into(),
        }),
        (None, None, None) => None,
        (Some(_) | None, Some(_) | None, Some(_) | None) => {
            let en = "tls_certificate, tls_key and tls_client_ca go together";
            let zh = "tls_certificate、tls_key、tls_client_ca 须同时配置";
            keys.problem("tls_certificate", (en.to_owned(), zh.to_owned()));
            None
        }
    }
}

fn clients(keys: &mut Keys, access: &mut Access) -> usize {
    let mut names = BTreeSet::new();
    let rows: Vec<(String, Table)> = keys.tables("client");
    for (at, table) in rows {
        let mut row = keys.inner(&at, table);
        if let Some((name, role)) = named(&mut row, &mut names) {
            access.roles.push((role, Caller::Certificate(name)));
        }
    }
    names.len()
}

/// The name and role of a caller.
fn named(row: &mut Keys, names: &mut BTreeSet<String>) -> Option<(String, Role)> {
    let name = row.text_required("name");
    let role = row.text_required("role");
    if name.is_empty() || role.is_empty() {
        return None;
    }
    if !is_name(&name) {
        let en = format!("must be 1 to {NAME_LENGTH_MAX} of A-Z a-z 0-9 . _ -");
        row.problem(
            "name",
            (en, format!("须为 1–{NAME_LENGTH_MAX} 个 A-Z a-z 0-9 . _ -")),
        );
        return None;
    }
    if !names.insert(name.clone()) {
        row.problem(
            "name",
            (format!("{name} is given twice"), format!("{name} 重复")),
        );
        return None;
    }
    let known = Role::of(&role);
    if known.is_none() {
        let roles = Role::ALL.map(Role::word).join(", ");
        let en = format!("{role:?} is none of {roles}");
        row.problem(
            "role",
            (en, format!("{role:?} 不是可用的值，可用：{roles}")),
        );
    }
    known.map(|role| (name, role))
}

/// Whether a token or certificate may be called so.
#[must_use]
pub fn is_name(name: &str) -> bool {
    let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    (1..=NAME_LENGTH_MAX).contains(&name.len()) && name.chars().all(is_part)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Settings;

    const DESK: &str = "[desk]\nname = \"a\"\nnumber = 0\n";
    const TOKEN: &str = "[[tcp.token]]\nname = \"his\"\nrole = \"kiosk\"\nfile = \"his\"\n";
    const CLIENT: &str = "[[tcp.client]]\nname = \"room-7\"\nrole = \"doctor\"\n";
    const TLS: &str = "tls_certificate = \"/c\"\ntls_key = \"/k\"\ntls_client_ca = \"/a\"\n";

    /// The settings, or the keys that are wrong.
    fn load(text: &str) -> Result<Settings, Vec<String>> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("y.toml");
        std::fs::write(&path, format!("{DESK}{text}")).unwrap();
        let keys =
            |error: crate::config::ConfigError| error.problems.into_iter().map(|p| p.key).collect();
        Settings::load(&path).map_err(keys)
    }

    #[test]
    fn a_port_has_callers_with_roles() {
        let text = format!("[tcp]\nlisten = \"127.0.0.1:8610\"\n{TOKEN}{CLIENT}");
        let settings = load(&text).unwrap();
        assert_eq!(settings.tcp.listen.unwrap().port(), 8610);
        assert_eq!(
            settings.access.roles,
            [
                (Role::Kiosk, Caller::Token("his".into())),
                (Role::Doctor, Caller::Certificate("room-7".into())),
            ]
        );
        assert!(!settings.tcp.settle && !settings.tcp.tokens[0].any_uid);
        let text = format!("[tcp]\nlisten = \"192.0.2.1:8610\"\n{TLS}{CLIENT}");
        assert!(load(&text).unwrap().tcp.tls.is_some());
        assert_eq!(load("").unwrap().tcp, Tcp::default());
    }

    #[test]
    fn what_would_let_the_wrong_in_is_an_error() {
        let page = "[json]\norigins = [\"https://his.example:8443\"]\n";
        assert_eq!(load(page).unwrap().json.origins.len(), 1);
        for (text, key) in [
            (
                format!("[tcp]\nlisten = \"0.0.0.0:1\"\n{TOKEN}"),
                "tcp.listen",
            ),
            ("[tcp]\nlisten = \"127.0.0.1:1\"\n".to_owned(), "tcp.listen"),
            (
                format!("[tcp]\nlisten = \"127.0.0.1:1\"\n{TLS}{TOKEN}"),
                "tcp.listen",
            ),
            (format!("[tcp]\nlisten = \"here\"\n{TOKEN}"), "tcp.listen"),
            (
                "[tcp]\ntls_key = \"/k\"\n".to_owned(),
                "tcp.tls_certificate",
            ),
            (TOKEN.replace("kiosk", "king"), "tcp.token[0].role"),
            (
                TOKEN.replace("\"his\"\nrole", "\"a b\"\nrole"),
                "tcp.token[0].name",
            ),
            (format!("{TOKEN}{TOKEN}"), "tcp.token[1].name"),
            ("[json]\norigins = [\"*\"]\n".to_owned(), "json.origins"),
            (
                "[json]\norigins = [\"https://a/b\"]\n".to_owned(),
                "json.origins",
            ),
        ] {
            assert_eq!(load(&text).unwrap_err(), [key], "{text}");
        }
    }
}
