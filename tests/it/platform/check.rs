//! `yibaoctl profile check`, `yibaod --check` and a start find the same wrong; nothing is begun with a wrong profile.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output};
use std::sync::Arc;

use serde_json::Value;
use unicode_width::UnicodeWidthStr as _;
use yibaod::sandbox::platform::{Options, Platform};

use crate::desk::{Desk, Setup};

const SANDBOX: &str = include_str!("../../../packaging/profiles/sandbox.toml");
const HUNAN: &str = include_str!("../../../packaging/profiles/hunan.toml");
const PRIVATE: &str = "ifcolTP02be5SG07U6kzQvIYyk4y4UCu16QTYGtmhh4=";
/// The same as Java writes it: a zero before it.
const JAVA: &str = "AIn3KJUz9Nm3uUhtO1OpM0LyGMpOMuFArtekE2BrZoYe";
/// Another key's other half.
const PUBLIC_OTHER: &str =
    "RUU54rM+BCqm8mtQGM9yyQse/4CyvfhRmQYrZWVBrZ+WQDsO5AnNSTGPncb/8/5dhJ8RULbIx2Mcm6K7rRF93w==";

fn ctl(file: &Path, more: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_yibaoctl"))
        .args(["profile", "check"])
        .arg(file)
        .args(more)
        .env_remove("CREDENTIALS_DIRECTORY")
        .output()
        .expect("the program starts")
}

fn checked(profile: &str) -> (bool, Value) {
    let dir = tempfile::tempdir().expect("a folder");
    let file = dir.path().join("site.toml");
    std::fs::write(&file, profile).expect("its folder");
    let output = ctl(&file, &["--json"]);
    let object: Value = serde_json::from_slice(&output.stdout).expect("one JSON object");
    assert_eq!(object["isRight"], output.status.success());
    (output.status.success(), object)
}

/// Keys and codes of what is wrong; each is said in both languages.
fn wrong(object: &Value) -> Vec<(String, String)> {
    let errors = object["errors"].as_array().expect("a list");
    let both = |error: &Value| {
        for word in ["zh", "en"] {
            assert_ne!(error[word], "", "{error}");
        }
        let text = |key: &str| error[key].as_str().unwrap_or_default().to_owned();
        (text("key"), text("name"))
    };
    errors.iter().map(both).collect()
}

#[test]
fn a_right_profile_is_right() {
    let (right, object) = checked(SANDBOX);
    assert!(right, "{object}");
    assert_eq!(object["name"], "sandbox");
    assert_eq!(
        (wrong(&object), &object["warnings"]),
        (vec![], &Value::Array(vec![]))
    );
}

#[test]
fn everything_wrong_is_said_in_eighty_columns() {
    let dir = tempfile::tempdir().expect("a folder");
    let file = dir.path().join("hunan.toml");
    std::fs::write(&file, format!("{HUNAN}\n[timeout]\ncall_ms = 1\n")).expect("its folder");
    let output = ctl(&file, &[]);
    assert_eq!(output.status.code(), Some(1));
    let shown = String::from_utf8(output.stdout).expect("UTF-8");
    for line in shown.lines() {
        assert!(line.width() <= 80, "{} columns: {line}", line.width());
    }
    for word in [
        "错误",
        "fixmedins_code",
        "url.base",
        "timeout",
        "must not be empty",
        "不能为空",
        "没有这个键",
    ] {
        assert!(shown.contains(word), "no {word} in\n{shown}");
    }
}

/// From, to, and the key that is then wrong.
type Change = (&'static str, &'static str, &'static str);

const GATEWAYS: [Change; 4] = [
    ("family = \"x-tif\"", "family = \"csb\"", "gateway.paasid"),
    (
        "paasid = \"sandbox_his\"",
        "paasid = \"sandbox_his\"\nheader = \"apikey\"",
        "gateway.header",
    ),
    (
        "family = \"x-tif\"\npaasid = \"sandbox_his\"",
        "family = \"csb\"",
        "gateway.access_key",
    ),
    (
        "family = \"x-tif\"\npaasid = \"sandbox_his\"",
        "family = \"static-key\"\nheader = \"Host\"",
        "gateway.header",
    ),
];

const RULES: [Change; 10] = [
    (
        "[voucher]\n",
        "[voucher]\ndecode = \"1162\"\n",
        "voucher.url",
    ),
    ("[voucher]\nurl", "[voucher]\n#url", "voucher.url"),
    (
        "[transactions]",
        "[cainfo]\ntext = \"input\"\n[transactions]",
        "cainfo.key_file",
    ),
    (
        "[transactions]",
        "[cainfo]\nkey = \"x\"\n[transactions]",
        "cainfo.key",
    ),
    (
        "signtype = \"SM2\"",
        "signtype = \"SM3\"\n[cainfo]\ntext = \"input\"\nkey = \"x\"",
        "envelope.signtype",
    ),
    (
        "signtype = \"SM2\"",
        "signtype = \"SM2\"\nrecer_sys_code_of = { 31 = \"X\" }",
        "envelope.recer_sys_code_of",
    ),
    (
        "nothing = [\"未找到原交易\"]",
        "nothing = [\"未找到原交易\"]\nreversed = [\"未找到原交易\"]",
        "reversal.nothing",
    ),
    (
        "relay_lost = [\"报文ID重复\"]",
        "relay_lost = [\"无效token\"]",
        "answers.refusals",
    ),
    (
        "[url]\n",
        "[url]\nca_path = \"/nowhere/ca.pem\"\n",
        "url.ca_path",
    ),
    ("name = \"sandbox\"", "name = 7", "name"),
];

#[test]
fn contradictions_and_missing_keys_have_their_names() {
    for (from, to, key) in GATEWAYS.into_iter().chain(RULES) {
        let text = SANDBOX.replacen(from, to, 1);
        assert_ne!(text, SANDBOX, "{from}");
        let (right, object) = checked(&text);
        let wrong = wrong(&object);
        assert!(
            !right && wrong.contains(&(key.to_owned(), "PROFILE_WRONG".to_owned())),
            "{key}: {wrong:?}"
        );
    }
}

#[test]
fn a_signing_key_that_cannot_sign_is_found() {
    let with = |key: &str, public_key: &str| {
        let cainfo = format!(
            "[cainfo]\ntext = \"input\"\nkey = \"{key}\"\npublic_key = \"{public_key}\"\n\n[transactions]"
        );
        checked(&SANDBOX.replacen("[transactions]", &cainfo, 1))
    };
    for (key, public_key, said) in [
        (PRIVATE, "", ""),
        (JAVA, "", ""),
        // 31 and 33 bytes, no Base64, nought, above the order of the curve.
        (
            "ifcolTP02be5SG07U6kzQvIYyk4y4UCu16QTYGtmhg==",
            "",
            "32 bytes",
        ),
        (
            "AYn3KJUz9Nm3uUhtO1OpM0LyGMpOMuFArtekE2BrZoYe",
            "",
            "32 bytes",
        ),
        ("not Base64!", "", "Base64"),
        (
            "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
            "",
            "out of range",
        ),
        (
            "//////////////////////////////////////////8=",
            "",
            "out of range",
        ),
        (PRIVATE, PUBLIC_OTHER, "does not belong"),
        (PRIVATE, "AAAA", "65 or 64 bytes"),
        (PRIVATE, &"A".repeat(86), "65 or 64 bytes"),
        (PRIVATE, &format!("{}==", "A".repeat(86)), "no point"),
    ] {
        let (right, object) = with(key, public_key);
        let errors = wrong(&object);
        assert_eq!(right, said.is_empty(), "{said}: {object}");
        assert!(
            errors.iter().all(|(_, name)| name == "SECRET_WRONG"),
            "{errors:?}"
        );
        assert!(object.to_string().contains(said), "{said}: {object}");
        assert!(
            errors.iter().all(|(key, _)| key.starts_with("cainfo.")),
            "{errors:?}"
        );
        assert!(
            !object.to_string().contains(&key[..8]),
            "a key is never said back"
        );
    }
}

#[test]
fn secrets_are_looked_at_where_they_can_be() {
    let dir = tempfile::tempdir().expect("a folder");
    let secret = dir.path().join("secret");
    std::fs::write(&secret, "s3cret\n").expect("its folder");
    let mode = |mode| std::fs::set_permissions(&secret, PermissionsExt::from_mode(mode));
    let at = |place: &str| {
        checked(&SANDBOX.replacen(
            "secret = \"sandbox-secret-of-nobody\"",
            &format!("secret_file = \"{place}\""),
            1,
        ))
    };
    let path = secret.display().to_string();
    mode(0o644).expect("its mode");
    let (right, object) = at(&path);
    assert!(
        !right && object["errors"][0]["name"] == "SECRET_WRONG",
        "{object}"
    );
    mode(0o600).expect("its mode");
    assert!(at(&path).0);
    assert!(!at("/nowhere/secret").0);
    // A credential of the service is not here, and is no error.
    let (right, object) = at("yibaod-gateway");
    assert!(
        right && object["unseen"][0]["file"] == "yibaod-gateway",
        "{object}"
    );
}

/// A daemon with this profile and configuration neither checks well nor begins anything.
async fn refused(setup: Setup, said: &str) {
    let platform = Platform::start(Options::default())
        .await
        .expect("a free port");
    let mut desk = Desk::prepare(Arc::new(platform), setup);
    let check = Command::new(env!("CARGO_BIN_EXE_yibaod"))
        .args(["--check", "--config"])
        .arg(desk.config())
        .output()
        .expect("the program starts");
    let errors = String::from_utf8_lossy(&check.stderr).into_owned();
    assert!(
        !check.status.success() && errors.contains(said),
        "{said}: {errors}"
    );
    assert!(!desk.try_start_daemon_under(&[]).await, "{said}: it serves");
    assert!(desk.log().contains(said), "{said}: {}", desk.log());
    assert!(!desk.socket().exists());
    let begun = std::fs::read_dir(desk.state_dir())
        .expect("its folder")
        .count();
    assert_eq!(begun, 0, "{said}: something was begun");
    let asked = desk.platform.ledger(|ledger| ledger.received_count());
    assert_eq!(asked, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_profile_never_starts_half_a_daemon() {
    let more = |text: &str| Setup {
        profile_more: text.to_owned(),
        ..Setup::default()
    };
    for (setup, said) in [
        (more("[gateway]\nfamily = \"csb\"\n"), "gateway.paasid"),
        (more("[url]\nca_path = \"/nowhere/ca.pem\"\n"), "url.ca_path"),
        (more("[cainfo]\ntext = \"input\"\nkey = \"AAAA\"\n"), "32 bytes"),
        (more("[voucher]\nurll = \"x\"\n"), "voucher.urll"),
        (
            Setup {
                no_printer: true,
                config_more: "[[device]]\nname = \"a\"\nrole = \"reciept\"\nkind = \"escpos-tcp\"\naddress = \"h:1\"\n".to_owned(),
                ..Setup::default()
            },
            "role \"reciept\" is no job",
        ),
        (
            Setup {
                no_printer: true,
                config_more: "[[device]]\nname = \"a\"\nrole = \"scanner\"\nkind = \"escpos-tcp\"\naddress = \"h:1\"\n".to_owned(),
                ..Setup::default()
            },
            "role \"scanner\" is no job",
        ),
    ] {
        refused(setup, said).await;
    }
}
