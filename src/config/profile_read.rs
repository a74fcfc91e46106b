//! Reads a site profile from its table. The defaults stand here and nowhere else.

use toml::Table;

use super::keys::{ConfigError, Keys, Origins, Sink};
use super::profile::{
    AmountRules, Answers, Decode, DispenseRules, EnquiryRules, Envelope, FileBytes, LineRules,
    Profile, Reading, ReconciliationRules, ReversalRules, SignIn, StatementCount, Timeouts,
    Transactions, Url, UrlStyle, VoucherRules,
};
use super::profile_gateway::{cainfo, gateway};
use super::profile_year::year_to_date;

/// A wait longer than this is a mistake in the file.
const WAIT_MS_MAX: i64 = 600_000;
/// The shortest time after which a settling call may count as no longer in flight, seconds.
const QUIET_S_MIN: i64 = 1;
/// A day.
const QUIET_S_MAX: i64 = 86_400;

/// Reads and checks.
pub(super) fn profile(table: Table, origins: Origins) -> Result<Profile, ConfigError> {
    let sink = Sink::new(origins);
    let profile = top(Keys::new(table, sink.clone()));
    // Checks speak of values; where a value could not be read they would only repeat that.
    let profile = sink.finish(profile)?;
    for (key, what) in profile.check() {
        sink.problem(&key, what);
    }
    sink.finish(profile)
}

pub(super) fn top(mut keys: Keys) -> Profile {
    Profile {
        name: keys.text_required("name"),
        sandbox: keys.flag("sandbox", false),
        fixmedins_code: keys.text_required("fixmedins_code"),
        fixmedins_name: keys.text_required("fixmedins_name"),
        mdtrtarea_admvs: keys.text_required("mdtrtarea_admvs"),
        envelope: envelope(keys.sub("envelope")),
        url: url(keys.sub("url")),
        gateway: gateway(keys.sub("gateway")),
        cainfo: cainfo(keys.sub("cainfo")),
        sign_in: sign_in(keys.sub("sign_in")),
        transactions: transactions(keys.sub("transactions")),
        voucher: voucher(keys.sub("voucher")),
        answers: answers(keys.sub("answers")),
        enquiry: enquiry(keys.sub("enquiry")),
        reversal: reversal(keys.sub("reversal")),
        dispense: dispense(keys.sub("dispense")),
        amounts: amounts(keys.sub("amounts")),
        lines: lines(keys.sub("lines")),
        reconciliation: reconciliation(keys.sub("reconciliation")),
        year_to_date: year_to_date(keys.sub("year_to_date")),
        timeouts: timeouts(keys.sub("timeouts")),
        settle_quiet_s: keys.number("settle_quiet_s", 180, QUIET_S_MIN..=QUIET_S_MAX),
    }
}

fn envelope(mut keys: Keys) -> Envelope {
    let names = [("exp_content", "exp_content"), ("expContent", "expContent")];
    Envelope {
        recer_sys_code: keys.text_required("recer_sys_code"),
        recer_sys_code_of: keys.map("recer_sys_code_of"),
        infver: keys.text_required("infver"),
        signtype: keys.text("signtype", ""),
        dev_no: keys.text("dev_no", ""),
        dev_safe_info: keys.text("dev_safe_info", ""),
        extra: keys.map("extra"),
        extension_field: keys
            .choice("extension_field", "exp_content", &names)
            .to_owned(),
        identity_fields: keys.flag("identity_fields", false),
        input_as_text: keys.flag("input_as_text", false),
    }
}

fn url(mut keys: Keys) -> Url {
    let styles = [
        ("path", UrlStyle::Path),
        ("infno", UrlStyle::Infno),
        ("single", UrlStyle::Single),
    ];
    Url {
        style: keys.choice("style", UrlStyle::Path, &styles),
        base: keys.text_required("base").trim_end_matches('/').to_owned(),
        ca_path: keys.text_option("ca_path").map(Into::into),
        paths: keys.map("paths"),
    }
}

fn sign_in(mut keys: Keys) -> SignIn {
    SignIn {
        wanted: keys.flag("wanted", false),
        mac: keys.text("mac", ""),
        ip: keys.text("ip", ""),
        expired: keys.list("expired", &[]),
    }
}

fn transactions(mut keys: Keys) -> Transactions {
    let visit = [("2203", "2203"), ("2203A", "2203A")];
    let pre_settle = [("2206", "2206"), ("2206A", "2206A")];
    let settle = [("2207", "2207"), ("2207A", "2207A")];
    let trace = ["durg_trac_info", "drug_trac_info"].map(|name| (name, name));
    Transactions {
        visit_info: keys.choice("visit_info", "2203A", &visit).to_owned(),
        pre_settle: keys.choice("pre_settle", "2206", &pre_settle).to_owned(),
        settle: keys.choice("settle", "2207", &settle).to_owned(),
        psn_setlway: keys.text("psn_setlway", "01"),
        pharmacy: keys.flag("pharmacy", false),
        trace_node: keys
            .choice("trace_node", "durg_trac_info", &trace)
            .to_owned(),
        reversible: keys.list("reversible", &[]),
    }
}

fn voucher(mut keys: Keys) -> VoucherRules {
    let decoders = [("http", Decode::Http), ("1162", Decode::Transaction)];
    VoucherRules {
        decode: keys.choice("decode", Decode::Http, &decoders),
        url: keys.text("url", ""),
        gateway_headers: keys.flag("gateway_headers", false),
        token_twice: keys.flag("token_twice", false),
        fresh_code: keys.flag("fresh_code", false),
        identity_pays: keys.flag("identity_pays", false),
        identity_ref_s: keys.number("identity_ref_s", 120, 5..=600),
        shared_account: keys.flag("shared_account", false),
        bad_token: keys.list("bad_token", &[]),
        unknown_kind: keys.list("unknown_kind", &["500159"]),
        expired: keys.list("expired", &[]),
    }
}

fn answers(mut keys: Keys) -> Answers {
    Answers {
        refusals: keys.map_of_lists("refusals"),
        already_refunded: keys.list("already_refunded", &[]),
        nothing_to_undo: keys.list("nothing_to_undo", &[]),
        person_unknown: keys.list("person_unknown", &[]),
        relay_lost: keys.list("relay_lost", &[]),
    }
}

fn enquiry(mut keys: Keys) -> EnquiryRules {
    let readings = [("unclear", Reading::Unclear), ("nothing", Reading::Nothing)];
    EnquiryRules {
        without_setl_id: keys.flag("without_setl_id", false),
        pharmacy_by_person: keys.flag("pharmacy_by_person", false),
        empty_output: keys.choice("empty_output", Reading::Unclear, &readings),
        other_rows: keys.choice("other_rows", Reading::Unclear, &readings),
        nothing: keys.list("nothing", &[]),
    }
}

fn reversal(mut keys: Keys) -> ReversalRules {
    let readings = [
        ("unclear", Reading::Unclear),
        ("reversed", Reading::Reversed),
    ];
    ReversalRules {
        success: keys.choice("success", Reading::Unclear, &readings),
        reversed: keys.list("reversed", &[]),
        nothing: keys.list("nothing", &[]),
    }
}

fn dispense(mut keys: Keys) -> DispenseRules {
    DispenseRules {
        enabled: keys.flag("enabled", false),
        repeat_is_harmless: keys.flag("repeat_is_harmless", false),
        return_is_negative: keys.flag("return_is_negative", false),
    }
}

fn amounts(mut keys: Keys) -> AmountRules {
    AmountRules {
        fund_contains_account: keys.flag("fund_contains_account", false),
        accept_difference_fen: keys.number("accept_difference_fen", 0, 0..=10_000),
        line_tolerance_fen: keys.number("line_tolerance_fen", 0, 0..=100),
        hifdm_beside_oth: keys.flag("hifdm_beside_oth", false),
        harden: keys.list("harden", &[]),
    }
}

fn lines(mut keys: Keys) -> LineRules {
    LineRules {
        lines_max: keys.number("lines_max", 100, 1..=10_000),
        input_chars_max: keys.number("input_chars_max", 40_000, 1_000..=1_000_000),
        split_upload: keys.flag("split_upload", false),
        feedetl_sn_digits: keys.flag("feedetl_sn_digits", false),
        feedetl_sn_len_max: keys.number("feedetl_sn_len_max", 30, 1..=30),
    }
}

fn reconciliation(mut keys: Keys) -> ReconciliationRules {
    let counts = [
        ("add", StatementCount::Add),
        ("skip", StatementCount::Skip),
        ("subtract", StatementCount::Subtract),
    ];
    let bytes = [
        ("numbers", FileBytes::Numbers),
        ("signed", FileBytes::Signed),
        ("base64", FileBytes::Base64),
    ];
    ReconciliationRules {
        balanced: keys.list("balanced", &["0"]),
        refund_count: keys.choice("refund_count", StatementCount::Add, &counts),
        refund_flag: keys.text("refund_flag", ""),
        optins: keys.text("optins", ""),
        upload_bytes: keys.choice("upload_bytes", FileBytes::Numbers, &bytes),
        download_field: keys.text("download_field", "in"),
        pace_ms: keys.number("pace_ms", 200, 0..=60_000),
    }
}

fn timeouts(mut keys: Keys) -> Timeouts {
    Timeouts {
        connect_ms: keys.number("connect_ms", 10_000, 100..=WAIT_MS_MAX),
        voucher_ms: keys.number("voucher_ms", 15_000, 100..=WAIT_MS_MAX),
        call_ms: keys.number("call_ms", 60_000, 100..=WAIT_MS_MAX),
        money_call_ms: keys.number("money_call_ms", 120_000, 100..=WAIT_MS_MAX),
    }
}
