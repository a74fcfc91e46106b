//! The shipped files, every kind of mistake, layers and secrets.

use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use super::access::{Caller, Role};
use super::profile::{Profile, SecretPlace, UrlStyle};
use super::secrets::Secrets;
use super::settings::Settings;
use super::{ConfigError, devices};

const SANDBOX: &str = include_str!("../../packaging/profiles/sandbox.toml");
const TEMPLATE: &str = include_str!("../../packaging/profiles/template.toml");
const HUNAN: &str = include_str!("../../packaging/profiles/hunan.toml");
const GUANGDONG: &str = include_str!("../../packaging/profiles/guangdong.toml");
const SAMPLE: &str = include_str!("../../packaging/yibaod.toml");

fn keys_of(error: &ConfigError) -> Vec<&str> {
    error.problems.iter().map(|p| p.key.as_str()).collect()
}

/// The template with what a site must fill in.
fn filled() -> String {
    [
        ("name = \"\"", "name = \"s\""),
        ("fixmedins_code = \"\"", "fixmedins_code = \"H43010099901\""),
        ("fixmedins_name = \"\"", "fixmedins_name = \"医院\""),
        ("mdtrtarea_admvs = \"\"", "mdtrtarea_admvs = \"430100\""),
        ("recer_sys_code = \"\"", "recer_sys_code = \"HIS\""),
        ("infver = \"\"", "infver = \"1.0.0\""),
        ("base = \"\"", "base = \"http://10.0.0.1/fsi/api/\""),
        ("5201 = \"\"", "5201 = \"q/visits\""),
        ("url = \"\"", "url = \"http://10.0.0.1/q\""),
    ]
    .into_iter()
    .fold(TEMPLATE.to_owned(), |text, (empty, full)| {
        text.replacen(&format!("\n{empty}"), &format!("\n{full}"), 1)
    })
}

/// A file with every key that is commented out put in.
pub(super) fn uncommented(text: &str) -> String {
    let key = |line: &str| {
        let rest = line.strip_prefix('#')?;
        let first = rest.chars().next()?;
        (first.is_ascii_lowercase() || first.is_ascii_digit() || first == '[')
            .then(|| rest.to_owned())
    };
    let lines: Vec<String> = text
        .lines()
        .map(|l| key(l).unwrap_or(l.to_owned()))
        .collect();
    lines.join("\n")
}

#[test]
fn the_sandbox_profile_is_right_and_worth_no_second_look() {
    let profile = Profile::parse(SANDBOX, "sandbox.toml").unwrap();
    assert_eq!(profile.warnings(), []);
    assert!(!format!("{profile:?}").contains("sandbox-secret"));
    assert_eq!(
        profile.url_of("2207").unwrap(),
        "http://127.0.0.1:17900/fsi/api/outpatientSettleService/saveSettletment"
    );
}

#[test]
fn a_sign_in_that_is_over_is_to_be_known_on_every_call() {
    let mut profile = Profile::parse(SANDBOX, "sandbox.toml").unwrap();
    let unsure = |profile: &Profile| {
        let found = profile.warnings().into_iter();
        let found = found.filter(|(key, _)| key == "sign_in.expired");
        found.map(|(_, what)| what.en).collect::<Vec<_>>()
    };
    // A part of the text is enough: it is looked for in the same answer.
    for refusals in profile.answers.refusals.values_mut() {
        refusals.push("签到".to_owned());
    }
    profile.sign_in.expired = vec!["请先签到".to_owned()];
    assert_eq!(unsure(&profile), Vec::<String>::new());
    profile.sign_in.expired.push("重新登录".to_owned());
    assert_eq!(unsure(&profile).len(), 6);
    (profile.transactions.pharmacy, profile.dispense.enabled) = (false, false);
    let few = unsure(&profile);
    assert_eq!(few.len(), 2, "{few:?}");
    assert!(few[1].contains("重新登录") && few[1].contains("2208"));
    profile.answers.refusals.remove("2208");
    assert_eq!(unsure(&profile).len(), 3);
    profile.sign_in.wanted = false;
    assert_eq!(unsure(&profile).len(), 0);
}

#[test]
fn the_template_lists_every_key_with_its_default() {
    let plain = Profile::parse(&filled(), "t").unwrap();
    assert_eq!(plain.url.base, "http://10.0.0.1/fsi/api");
    assert_eq!(plain.url.style, UrlStyle::Path);
    // Examples, not defaults.
    let mut whole = uncommented(&filled());
    for example in [
        "fixmedins_soft_fcty",
        "340 = ",
        "ca_path",
        "secret",
        "key",
        "2207 = \"out",
    ] {
        let lines: Vec<&str> = whole.lines().filter(|l| !l.starts_with(example)).collect();
        whole = lines.join("\n");
    }
    let mut whole = Profile::parse(&whole, "t").unwrap();
    assert_eq!(whole.answers.refusals.len(), 6);
    whole.answers.refusals.clear();
    assert_eq!(whole.year_to_date.codes.len(), 1);
    whole.year_to_date.codes.clear();
    assert_eq!(whole, plain);
    assert!(!plain.warnings().is_empty());
}

/// The manual and the reader name the same keys, table by table.
#[test]
fn the_template_names_every_key_that_is_read_and_no_other() {
    let manual: toml::Table = uncommented(&filled()).parse().unwrap();
    let mut asked = manual.clone();
    asked.insert("zz".to_owned(), true.into());
    for (_, table) in asked.iter_mut() {
        if let toml::Value::Table(table) = table {
            table.insert("zz".to_owned(), true.into());
        }
    }
    let error = Profile::parse(&asked.to_string(), "t").unwrap_err();
    let mut tables = 0;
    for problem in &error.problems {
        let Some((_, known)) = problem.what.en.split_once("known here: ") else {
            continue;
        };
        let table = match problem.key.rsplit_once('.') {
            Some((table, "zz")) => manual[table].as_table().unwrap(),
            _ => &manual,
        };
        let known: BTreeSet<&str> = known.split(", ").collect();
        let written: BTreeSet<&str> = table.keys().map(String::as_str).collect();
        assert_eq!(written, known, "{}", problem.key);
        tables += 1;
    }
    assert_eq!(tables, 17, "{error}");
}

/// What only the bureau or the hospital knows is blank, and nothing else is wrong.
#[test]
fn the_shipped_profiles_lack_only_their_blanks() {
    for (text, blanks) in [
        (
            HUNAN,
            &[
                "fixmedins_code",
                "fixmedins_name",
                "mdtrtarea_admvs",
                "url.base",
                "voucher.url",
                "gateway.access_key",
            ][..],
        ),
        (
            GUANGDONG,
            &[
                "fixmedins_code",
                "fixmedins_name",
                "mdtrtarea_admvs",
                "envelope.infver",
                "url.base",
                "voucher.url",
                "gateway.paasid",
            ],
        ),
    ] {
        let error = Profile::parse(text, "p").unwrap_err();
        for problem in &error.problems {
            assert!(blanks.contains(&problem.key.as_str()), "{problem}");
        }
        let mut table: toml::Table = text.parse().unwrap();
        for (key, value) in [
            ("fixmedins_code", "H43010099901"),
            ("fixmedins_name", "医院"),
            ("mdtrtarea_admvs", "430100"),
            ("envelope.infver", "1.0.0"),
            ("url.base", "https://10.0.0.1/x"),
            ("voucher.url", "https://10.0.0.1/q"),
            ("gateway.access_key", "ak"),
            ("gateway.paasid", "p"),
        ] {
            if blanks.contains(&key) {
                set(&mut table, key, value.into());
            }
        }
        let profile = Profile::parse(&table.to_string(), "p").unwrap();
        assert!(!profile.sandbox && !profile.warnings().is_empty());
        // Marked where they stand, so that a person finds them.
        for blank in blanks {
            let key = blank.rsplit('.').next().unwrap();
            let line = format!("\n{key} = \"\"\n");
            let at = text.find(&line).unwrap_or_else(|| panic!("{blank}"));
            assert!(
                text[..at].ends_with('.')
                    || text[..at].rsplit('\n').next().unwrap().contains("BLANK"),
                "{blank}"
            );
        }
    }
}

/// Sets a dotted key.
fn set(table: &mut toml::Table, key: &str, value: toml::Value) {
    match key.split_once('.') {
        None => drop(table.insert(key.to_owned(), value)),
        Some((head, rest)) => {
            let new = || toml::Value::Table(toml::Table::new());
            let inner = table.entry(head.to_owned()).or_insert_with(new);
            set(inner.as_table_mut().unwrap(), rest, value);
        }
    }
}

#[test]
fn every_problem_of_a_profile_is_said_at_once() {
    let text = r#"
        name = ""
        fixmedins_code = 7
        mdtrtarea_admvs = "430100"
        sandboxx = true
        settle_quiet_s = 0
        [envelope]
        recer_sys_code = "HIS"
        extension_field = "expcontent"
        [url]
        style = "paths"
        base = "http://h"
        [voucher]
        url = "http://h"
        token_twise = true
        [answers.refusals]
        2207 = "x"
    "#;
    let error = Profile::parse(text, "site.toml").unwrap_err();
    let mut keys = keys_of(&error);
    keys.sort_unstable();
    assert_eq!(
        keys,
        [
            "answers.refusals.2207",
            "envelope.extension_field",
            "envelope.infver",
            "fixmedins_code",
            "fixmedins_name",
            "name",
            "sandboxx",
            "settle_quiet_s",
            "url.style",
            "voucher.token_twise",
        ]
    );
    let said = error.to_string();
    assert!(
        said.lines().all(|line| line.starts_with("site.toml: ")),
        "{said}"
    );
    assert!(
        said.contains("voucher.token_twise: unknown key; known here: decode, url"),
        "{said}"
    );
}

#[test]
fn what_cannot_work_together_is_found() {
    for (from, to, key) in [
        ("H43010099901", "H4301", "fixmedins_code"),
        ("\"430100\"", "\"43010\"", "mdtrtarea_admvs"),
        (
            "infver = \"1.0.0\"",
            "infver = \"1.0.0.0\"",
            "envelope.infver",
        ),
        ("sandbox = true", "sandbox = false", "gateway.secret"),
        ("settle_quiet_s = 5", "settle_quiet_s = 5 # x", ""),
        ("paasid = \"sandbox_his\"", "", "gateway.paasid"),
        ("family = \"x-tif\"", "", "gateway.paasid"),
        (
            "family = \"x-tif\"\npaasid = \"sandbox_his\"",
            "",
            "gateway.secret",
        ),
        (
            "secret = \"sandbox-secret-of-nobody\"",
            "",
            "gateway.secret_file",
        ),
        ("5201 = \"5201\"", "", "url.paths"),
        ("2102 = \"2102\"", "", "url.paths"),
        ("style = \"path\"", "style = \"single\"", "url.paths"),
        ("base = \"http://", "base = \"ftp://", "url.base"),
        ("base = \"http://", "base = \"http://user@", "url.base"),
    ] {
        changed(from, to, key);
    }
}

#[test]
fn rules_that_cannot_work_are_found() {
    for (from, to, key) in [
        (
            "reversible",
            "psn_setlway = \"0000001\"\nreversible",
            "transactions.psn_setlway",
        ),
        (
            "reversible = [\"2207\"",
            "reversible = [\"2204\"",
            "transactions.reversible",
        ),
        ("\"该结算已退费\"", "\" \"", "answers.already_refunded"),
        ("2208 = [", "2205 = [", "answers.refusals"),
        (
            "[timeouts]",
            "[amounts]\nharden = [\"E7\"]\n[timeouts]",
            "amounts.harden",
        ),
        (
            "[timeouts]",
            "[lines]\nfeedetl_sn_len_max = 14\n[timeouts]",
            "lines.feedetl_sn_len_max",
        ),
        (
            "[timeouts]",
            "[lines]\nsplit_uploads = true\n[timeouts]",
            "lines.split_uploads",
        ),
        (
            "[timeouts]",
            "[amounts]\nharden = [\"E5\", \"E6\", \"E9\"]\n[timeouts]",
            "",
        ),
        (
            "[url]",
            "[envelope.extra]\nmsgid = \"1\"\n[url]",
            "envelope.extra",
        ),
        (
            "connect_ms = 2000",
            "connect_ms = 20000",
            "timeouts.connect_ms",
        ),
    ] {
        changed(from, to, key);
    }
}

/// The profile of the sandbox with this change has a problem at this key, or none at all where it is empty.
fn changed(from: &str, to: &str, key: &str) {
    let text = SANDBOX.replacen(from, to, 1);
    assert_ne!(text, SANDBOX, "{from}");
    let problems = Profile::parse(&text, "s").err();
    let keys = problems.as_ref().map(keys_of).unwrap_or_default();
    let expected: Vec<&str> = [key].into_iter().filter(|key| !key.is_empty()).collect();
    assert!(
        expected.iter().all(|key| keys.contains(key)) && keys.is_empty() == key.is_empty(),
        "{to}: {keys:?}"
    );
}

#[test]
fn the_quiet_time_outlasts_every_call() {
    for (quiet_s, money_call_ms, is_enough) in [
        (100, 120_000, false),
        (99, 60_000, false),
        (100, 60_000, true),
        (130, 120_000, true),
    ] {
        let site = filled()
            .replace(
                "#settle_quiet_s = 180",
                &format!("settle_quiet_s = {quiet_s}"),
            )
            .replace(
                "#money_call_ms = 120000",
                &format!("money_call_ms = {money_call_ms}"),
            );
        let keys = Profile::parse(&site, "t").err().map(|error| {
            keys_of(&error)
                .into_iter()
                .map(str::to_owned)
                .collect::<Vec<_>>()
        });
        let expected = (!is_enough).then(|| vec!["settle_quiet_s".to_owned()]);
        assert_eq!(keys, expected, "{quiet_s} s, {money_call_ms} ms");
    }
}

#[test]
fn broken_toml_names_the_line() {
    let error = Profile::parse("name = \"x\"\n\nbase = = 1\n", "site.toml").unwrap_err();
    assert!(
        error.to_string().starts_with("site.toml: line 3: "),
        "{error}"
    );
}

fn file(dir: &Path, name: &str, text: &str) -> PathBuf {
    let path = dir.join(name);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(&path, text).unwrap();
    path
}

#[test]
fn the_sample_configuration_is_the_defaults() {
    let dir = tempfile::tempdir().unwrap();
    let sample = Settings::load(&file(dir.path(), "a/yibaod.toml", SAMPLE)).unwrap();
    assert_eq!((sample.desk.number, sample.times.scan_wait_s), (1, 60));
    assert_eq!(sample.receipt.foot, ["仅供核对，不作报销凭证"]);
    assert!(sample.receipt.mask_names && sample.devices.is_empty());
    let whole = uncommented(SAMPLE);
    let mut whole = Settings::load(&file(dir.path(), "b/yibaod.toml", &whole)).unwrap();
    assert_eq!((whole.devices.len(), whole.codes.len()), (4, 2));
    assert_eq!((whole.tcp.tokens.len(), whole.access.roles.len()), (1, 2));
    assert!(whole.tcp.listen.is_some() && whole.tcp.tls.is_some() && !whole.tcp.settle);
    whole.devices.clear();
    whole.codes.clear();
    whole.access.roles.clear();
    whole.tcp = sample.tcp.clone();
    assert_eq!(whole, sample);
}

#[test]
fn later_files_win_devices_add_up_and_problems_name_their_file() {
    let dir = tempfile::tempdir().unwrap();
    let main = file(
        dir.path(),
        "yibaod.toml",
        "[desk]\nname = \"a\"\nnumber = 1\n[times]\nrejoin_s = 3\n",
    );
    let printer = |role: &str| {
        format!(
            "[[device]]\nname = \"{role}\"\nrole = \"{role}\"\nkind = \"escpos-tcp\"\naddress = \"h:9100\"\n"
        )
    };
    file(
        dir.path(),
        "conf.d/10-desk.toml",
        &format!("[desk]\nnumber = 7\n{}", printer("receipt")),
    );
    file(dir.path(), "conf.d/20-more.toml", &printer("report"));
    file(dir.path(), "conf.d/notes.txt", "not = [toml");
    let settings = Settings::load(&main).unwrap();
    assert_eq!(
        (settings.desk.name.as_str(), settings.desk.number),
        ("a", 7)
    );
    assert_eq!(settings.times.rejoin_s, 3);
    assert_eq!(settings.devices.len(), 2);
    assert!(matches!(
        settings.devices[0].kind,
        devices::Kind::EscPosTcp { .. }
    ));

    file(
        dir.path(),
        "conf.d/30-wrong.toml",
        "[times]\nscan_wait = 5\n[desk]\nnumber = 1000\n",
    );
    file(
        dir.path(),
        "conf.d/40-wrong.toml",
        &printer("scanner").replace("address", "adress"),
    );
    let error = Settings::load(&main).unwrap_err();
    let at: Vec<(String, &str)> = error
        .problems
        .iter()
        .map(|p| {
            (
                p.file.rsplit('/').next().unwrap().to_owned(),
                p.key.as_str(),
            )
        })
        .collect();
    for expected in [
        ("30-wrong.toml", "times.scan_wait"),
        ("30-wrong.toml", "desk.number"),
        ("40-wrong.toml", "device[2]"),
    ] {
        assert!(
            at.iter().any(|(f, k)| (f.as_str(), *k) == expected),
            "{expected:?} {at:?}"
        );
    }
}

#[test]
fn a_desk_must_say_its_number() {
    let dir = tempfile::tempdir().unwrap();
    let error = Settings::load(&file(dir.path(), "y.toml", "[desk]\nname = \"a\"\n")).unwrap_err();
    assert_eq!(keys_of(&error), ["desk.number"]);
    let missing = Settings::load(&dir.path().join("none.toml")).unwrap_err();
    assert!(
        missing.to_string().contains("none.toml: cannot be read"),
        "{missing}"
    );
}

#[test]
fn callers_are_named_by_kind() {
    let dir = tempfile::tempdir().unwrap();
    let text = "[desk]\nname = \"a\"\nnumber = 0\n[access]\nsettle = [\"group:yibao\", \"uid:0\"]\n\
                kiosk = [\"token:hall\", \"certificate:hall.example\"]\n";
    let settings = Settings::load(&file(dir.path(), "y.toml", text)).unwrap();
    let expected = [
        (Role::Kiosk, Caller::Token("hall".to_owned())),
        (Role::Kiosk, Caller::Certificate("hall.example".to_owned())),
        (Role::Cashier, Caller::Group("yibao".to_owned())),
        (Role::Cashier, Caller::Uid(0)),
    ];
    assert_eq!(settings.access.roles, expected);
    let wrong = text.replace("uid:0", "root");
    let error = Settings::load(&file(dir.path(), "z.toml", &wrong)).unwrap_err();
    assert_eq!(keys_of(&error), ["access.settle"]);
}

#[test]
fn a_secret_that_others_can_read_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let path = file(dir.path(), "secret", "s3cret\n");
    let mut profile = Profile::parse(SANDBOX, "s").unwrap();
    let mode = |mode| {
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
    };
    profile.gateway.secret = SecretPlace::File(path.clone());
    mode(0o640);
    let error = Secrets::load(&profile, None).unwrap_err();
    assert!(error.to_string().contains("chmod 0600"), "{error}");
    mode(0o600);
    profile.gateway.secret = SecretPlace::File("secret".into());
    let secrets = Secrets::load(&profile, Some(dir.path())).unwrap();
    assert_eq!(secrets.gateway.as_str(), "s3cret");
    assert!(!format!("{secrets:?}").contains("s3cret"));
    assert!(Secrets::load(&profile, None).is_err());
    profile.gateway.secret = SecretPlace::File(path.clone());
    assert_eq!(
        Secrets::load(&profile, None).unwrap().gateway.as_str(),
        "s3cret"
    );
    file(dir.path(), "secret", "\n");
    assert!(Secrets::load(&profile, None).is_err());
}
