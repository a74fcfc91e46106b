//! What a bundle tells of each key of the configuration and of a site profile. A key that does not stand here is one that
//! somebody made up: neither it nor what it holds is told.

use super::redact;

/// What is told of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Told {
    /// What a text of the log would tell.
    Text,
    /// The numbers of a USB device or port, which are nobody's.
    Usb,
    /// A usual path, or the usual folder that it lies in.
    Path,
    /// Scheme, host and port of an address.
    Address,
    /// How long it is.
    Length,
}

/// Sections and keys, `*` standing for a transaction, an insurance or a figure; then what is told of a text. Keys that
/// hold numbers and flags are told as they are.
const KEYS: &[(&str, Told, &[&str])] = &[
    ("desk", Told::Length, &["name", "number"]),
    (
        "paths",
        Told::Path,
        &["state_dir", "socket", "site_profile", "site_key"],
    ),
    (
        "device",
        Told::Text,
        &[
            "role",
            "kind",
            "baud",
            "flow",
            "address",
            "model",
            "terminator",
            "gap_ms",
            "length_max",
            "length",
            "reader",
            "queue",
            "interface",
        ],
    ),
    ("device", Told::Usb, &["usb", "port"]),
    ("device", Told::Path, &["path"]),
    ("device", Told::Address, &["uri"]),
    ("device", Told::Length, &["name", "serial_number"]),
    (
        "device.keypad",
        Told::Text,
        &["when", "coding", "digits", "bytes"],
    ),
    ("device.keypad", Told::Length, &["command"]),
    ("code", Told::Text, &["made_of", "length_min", "length_max"]),
    ("code", Told::Length, &["name", "prefix"]),
    (
        "access",
        Told::Length,
        &[
            "admin",
            "cashier",
            "kiosk",
            "doctor",
            "pharmacist",
            "monitor",
            "settle",
            "unnamed_bill",
            "unmasked",
        ],
    ),
    ("json", Told::Length, &["origins"]),
    ("tcp", Told::Text, &["listen", "settle"]),
    (
        "tcp",
        Told::Path,
        &["tls_certificate", "tls_key", "tls_client_ca"],
    ),
    ("tcp.token", Told::Text, &["role", "any_uid"]),
    ("tcp.token", Told::Path, &["file"]),
    ("tcp.token", Told::Length, &["name"]),
    ("tcp.client", Told::Text, &["role"]),
    ("tcp.client", Told::Length, &["name"]),
    ("receipt", Told::Length, &["head", "foot", "mask_names"]),
    ("sheet", Told::Path, &["template_dir"]),
    (
        "sheet",
        Told::Length,
        &["hospital_level", "head", "foot", "mask_names"],
    ),
    ("dbus", Told::Length, &["enabled"]),
    (
        "limits",
        Told::Length,
        &[
            "calls_per_caller",
            "waiting_callers",
            "settlements",
            "bill_once_days",
        ],
    ),
    (
        "times",
        Told::Length,
        &[
            "scan_wait_s",
            "confirm_wait_s",
            "rejoin_s",
            "print_wait_ms",
            "pending_s",
        ],
    ),
    ("log", Told::Text, &["level"]),
    // From here on of a site profile.
    (
        "",
        Told::Text,
        &["sandbox", "mdtrtarea_admvs", "settle_quiet_s"],
    ),
    (
        "",
        Told::Length,
        &["name", "fixmedins_code", "fixmedins_name"],
    ),
    (
        "envelope",
        Told::Text,
        &[
            "recer_sys_code",
            "infver",
            "signtype",
            "extension_field",
            "identity_fields",
            "input_as_text",
        ],
    ),
    ("envelope", Told::Length, &["dev_no", "dev_safe_info"]),
    ("envelope.extra", Told::Length, &["fixmedins_soft_fcty"]),
    ("envelope.recer_sys_code_of", Told::Text, &["*"]),
    ("url", Told::Text, &["style"]),
    ("url", Told::Address, &["base"]),
    ("url", Told::Path, &["ca_path"]),
    ("url.paths", Told::Length, &["*"]),
    (
        "gateway",
        Told::Text,
        &["family", "api_version", "timestamp"],
    ),
    (
        "gateway",
        Told::Length,
        &[
            "paasid",
            "service_id",
            "access_key",
            "api_name",
            "header",
            "secret",
            "refused_status",
            "refused_codes",
        ],
    ),
    ("gateway", Told::Path, &["secret_file"]),
    ("cainfo", Told::Text, &["text", "form"]),
    ("cainfo", Told::Path, &["key_file"]),
    ("cainfo", Told::Length, &["key", "public_key"]),
    ("sign_in", Told::Length, &["wanted", "mac", "ip", "expired"]),
    (
        "transactions",
        Told::Text,
        &[
            "visit_info",
            "pre_settle",
            "settle",
            "psn_setlway",
            "pharmacy",
            "trace_node",
            "reversible",
        ],
    ),
    (
        "voucher",
        Told::Text,
        &[
            "decode",
            "gateway_headers",
            "token_twice",
            "fresh_code",
            "identity_pays",
            "identity_ref_s",
            "shared_account",
        ],
    ),
    ("voucher", Told::Address, &["url"]),
    (
        "voucher",
        Told::Length,
        &["bad_token", "unknown_kind", "expired"],
    ),
    (
        "answers",
        Told::Length,
        &[
            "person_unknown",
            "nothing_to_undo",
            "already_refunded",
            "relay_lost",
        ],
    ),
    ("answers.refusals", Told::Length, &["*"]),
    (
        "enquiry",
        Told::Text,
        &[
            "without_setl_id",
            "pharmacy_by_person",
            "empty_output",
            "other_rows",
        ],
    ),
    ("enquiry", Told::Length, &["nothing"]),
    ("reversal", Told::Text, &["success"]),
    ("reversal", Told::Length, &["reversed", "nothing"]),
    (
        "dispense",
        Told::Length,
        &["enabled", "repeat_is_harmless", "return_is_negative"],
    ),
    (
        "amounts",
        Told::Text,
        &[
            "fund_contains_account",
            "accept_difference_fen",
            "line_tolerance_fen",
            "hifdm_beside_oth",
            "harden",
        ],
    ),
    (
        "lines",
        Told::Length,
        &[
            "lines_max",
            "input_chars_max",
            "split_upload",
            "feedetl_sn_digits",
            "feedetl_sn_len_max",
        ],
    ),
    (
        "reconciliation",
        Told::Text,
        &[
            "balanced",
            "refund_count",
            "refund_flag",
            "optins",
            "upload_bytes",
            "pace_ms",
        ],
    ),
    ("reconciliation", Told::Length, &["download_field"]),
    (
        "year_to_date",
        Told::Text,
        &["enabled", "wait_ms", "cum_ym", "months"],
    ),
    ("year_to_date.codes", Told::Text, &["*"]),
    (
        "timeouts",
        Told::Length,
        &["connect_ms", "voucher_ms", "call_ms", "money_call_ms"],
    ),
];
/// The figures of the sheet, by which codes are listed.
const FIGURES: [&str; 8] = [
    "visits",
    "medfee_sumamt",
    "hifp_pay",
    "hifob_pay",
    "cvlserv_pay",
    "hifmi_pay",
    "acct_pay",
    "maf_pay",
];
/// What is called so at every site.
const USUAL_PATHS: [&str; 13] = [
    "/etc/yibaod",
    "/etc/yibaod/conf.d",
    "/etc/yibaod/credentials",
    "/etc/yibaod/site.toml",
    "/etc/yibaod/tokens",
    "/etc/yibaod/yibaod.toml",
    "/var/lib/yibaod",
    "/var/lib/yibaod/journal",
    "yibaod-gateway",
    "yibaod-site-key",
    "yibaod-sm2",
    "yibaod-tls-key",
    "",
];
/// Below these lies what packages and the system put there.
const SYSTEM_FOLDERS: [&str; 7] = [
    "/dev/", "/lib/", "/proc/", "/run/", "/sys/", "/usr/", "/etc/",
];
/// Of the system's, the folder that a site fills.
const SITE_FOLDER: &str = "/etc/yibaod/";
/// Folders that are named though what lies in them is not; the longest first.
const FOLDERS: [&str; 8] = [
    "/etc/yibaod/",
    "/var/lib/",
    "/home/",
    "/mnt/",
    "/opt/",
    "/root/",
    "/srv/",
    "/tmp/",
];

/// What is told of the texts of a key, dotted and without the numbers of tables in lists; `None`: there is no such key.
pub(super) fn of(path: &str) -> Option<Told> {
    let (section, key) = path.rsplit_once('.').unwrap_or(("", path));
    let has = |keys: &[&str]| keys.contains(&key) || (keys.contains(&"*") && is_listed(key));
    let mut rows = KEYS.iter();
    rows.find(|(of, _, keys)| *of == section && has(keys))
        .map(|(_, told, _)| *told)
}

/// Whether keys stand below this one.
pub(super) fn is_section(path: &str) -> bool {
    KEYS.iter().any(|(section, _, _)| {
        let below = section.strip_prefix(path);
        below.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    })
}

/// A transaction such as 3505A, an insurance such as 340, or a figure.
fn is_listed(key: &str) -> bool {
    let number = key.strip_suffix('A').unwrap_or(key);
    let is_number =
        (3..=4).contains(&number.len()) && number.bytes().all(|byte| byte.is_ascii_digit());
    is_number || FIGURES.contains(&key)
}

/// A key as it is told where it stands in a sentence, `device[1].name`: each part that there is no such key for is
/// masked.
pub(super) fn told_key(key: &str) -> String {
    let mut path = String::new();
    let mut told = Vec::new();
    for part in key.split('.') {
        let name = part.split('[').next().unwrap_or_default();
        path = joined(&path, name);
        told.push(match of(&path).is_some() || is_section(&path) {
            true => part.to_owned(),
            false => "***".to_owned(),
        });
    }
    told.join(".")
}

/// `section.key`.
pub(super) fn joined(section: &str, key: &str) -> String {
    match section {
        "" => key.to_owned(),
        section => format!("{section}.{key}"),
    }
}

/// A path that a site chose: whole where it is a usual one, else the folder alone.
pub(super) fn told_path(path: &str) -> String {
    if USUAL_PATHS.contains(&path) {
        return path.to_owned();
    }
    if SYSTEM_FOLDERS.iter().any(|folder| path.starts_with(folder))
        && !path.starts_with(SITE_FOLDER)
        && !path.contains("..")
    {
        return redact::text(path);
    }
    let folder = FOLDERS.iter().find(|folder| path.starts_with(*folder));
    match (folder, path.starts_with('/')) {
        (Some(folder), _) => format!("{folder}***"),
        (None, true) => "/***".to_owned(),
        (None, false) => format!("*** {}", path.chars().count()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SAMPLE: &str = include_str!("../../../../packaging/yibaod.toml");
    const TEMPLATE: &str = include_str!("../../../../packaging/profiles/template.toml");

    #[test]
    fn every_key_of_the_samples_is_known() {
        let mut count = 0;
        for source in [SAMPLE, TEMPLATE] {
            let mut section = String::new();
            for line in source.lines() {
                let line = match line.strip_prefix('#') {
                    Some(rest) if !rest.starts_with(' ') => rest,
                    Some(_) | None => line,
                };
                if line.starts_with('[') {
                    section = line.trim_matches(['[', ']']).to_owned();
                    assert!(is_section(&section), "{section}");
                } else if let Some((key, _)) = line.split_once(" = ")
                    && !line.starts_with('#')
                {
                    let path = joined(&section, key);
                    assert!(of(&path).is_some(), "{path}");
                    count += 1;
                }
            }
        }
        assert!(count > 100, "{count}");
    }

    #[test]
    fn every_key_of_a_device_is_known() {
        let table: toml::Table = "no_such_key = 1".parse().unwrap();
        let read = table.try_into::<yibaod::config::devices::DeviceConfig>();
        let refused = read.unwrap_err().message().to_owned();
        let expected = refused.split("expected").nth(1).unwrap();
        let keys: Vec<&str> = expected.split('`').skip(1).step_by(2).collect();
        assert!(keys.len() > 10, "{refused}");
        for key in keys {
            let path = joined("device", key);
            assert!(of(&path).is_some() || is_section(&path), "{path}");
        }
    }

    #[test]
    fn keys_that_somebody_made_up_are_masked() {
        for (key, told) in [
            ("receipt.李四光", "receipt.***"),
            ("device[1].name", "device[1].name"),
            ("tcp.token[0].role", "tcp.token[0].role"),
            ("receipt.profile", "receipt.***"),
            ("answers.refusals.2207", "answers.refusals.2207"),
            ("张三丰.李四", "***.***"),
            ("url.paths.13900139000", "url.paths.***"),
        ] {
            assert_eq!(told_key(key), told);
        }
    }

    #[test]
    fn of_a_path_that_a_site_chose_the_folder_is_told() {
        for (path, told) in [
            ("/etc/yibaod/site.toml", "/etc/yibaod/site.toml"),
            ("/etc/yibaod/wangwu.key", "/etc/yibaod/***"),
            ("/srv/wangwu/key-AbCdEfGhIjKl", "/srv/***"),
            (
                "/dev/serial/by-id/usb-Newland-if00",
                "/dev/serial/by-id/usb-Newland-if00",
            ),
            ("/wangwu/key", "/***"),
            ("yibaod-gateway", "yibaod-gateway"),
            ("AbCdEfGhIj", "*** 10"),
        ] {
            assert_eq!(told_path(path), told);
        }
    }
}
