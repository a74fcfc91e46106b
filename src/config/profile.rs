//! A site profile: everything about the insurance platform that differs by province or hospital.
//!
//! Every open question of the reference is a field here. The file is `packaging/profiles/template.toml`,
//! which also says what each key risks.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::keys::{ConfigError, Words};
pub use super::profile_gateway::{
    ApiName, Cainfo, Family, Gateway, SM2_USER_ID, SecretPlace, SignatureForm, SignedText,
    TimestampUnit,
};
pub use super::profile_year::{CumYm, Months, YEAR_FIGURES, YearToDateRules};
use super::{layers, profile_check, profile_read};

/// What a site's platform is like. Checked when it was made by [`Profile::load`] or [`Profile::parse`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Profile {
    /// What the site is called in `status` and in logs.
    pub name: String,
    /// Whether this is a simulated platform: only then may the secret stand in the file.
    pub sandbox: bool,
    /// 定点医药机构编号, 12 characters.
    pub fixmedins_code: String,
    /// 定点医药机构名称.
    pub fixmedins_name: String,
    /// 就医地医保区划, 6 digits.
    pub mdtrtarea_admvs: String,
    /// What goes around each message.
    pub envelope: Envelope,
    /// Where messages go.
    pub url: Url,
    /// What the gateway wants.
    pub gateway: Gateway,
    /// How messages are signed.
    pub cainfo: Cainfo,
    /// 9001.
    pub sign_in: SignIn,
    /// Which variants of transactions are used.
    pub transactions: Transactions,
    /// How a scanned code becomes a person.
    pub voucher: VoucherRules,
    /// What the texts of answers mean.
    pub answers: Answers,
    /// What 5203 says.
    pub enquiry: EnquiryRules,
    /// What 2601 says.
    pub reversal: ReversalRules,
    /// 3505A and 3506A.
    pub dispense: DispenseRules,
    /// How amounts are checked.
    pub amounts: AmountRules,
    /// What 2204 takes.
    pub lines: LineRules,
    /// What 3201, 3202, 9101 and 9102 want.
    pub reconciliation: ReconciliationRules,
    /// 5206 for the settlement sheet.
    pub year_to_date: YearToDateRules,
    /// How long is waited.
    pub timeouts: Timeouts,
    /// After this many seconds without an answer a settling call surely is not in flight any more.
    pub settle_quiet_s: u32,
}

/// What goes around each message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Envelope {
    /// 接收方系统代码.
    pub recer_sys_code: String,
    /// The same where it differs by 险种类型, once the insurance that pays is known.
    pub recer_sys_code_of: BTreeMap<String, String>,
    /// 接口版本号.
    pub infver: String,
    /// 签名类型, may be empty.
    pub signtype: String,
    /// 设备编号, may be empty.
    pub dev_no: String,
    /// 设备安全信息, may be empty.
    pub dev_safe_info: String,
    /// Further fields of the envelope, as text.
    pub extra: BTreeMap<String, String>,
    /// `exp_content` or `expContent`.
    pub extension_field: String,
    /// Whether 2201, 2206, 2207 repeat who the person is (Hunan).
    pub identity_fields: bool,
    /// Whether `input` is JSON text and not an object.
    pub input_as_text: bool,
}

/// Where messages go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Url {
    /// How the address of a transaction is made.
    pub style: UrlStyle,
    /// Up to and without the last slash.
    pub base: String,
    /// The authority that signed the gateway's certificate, PEM; `None`: the system's.
    pub ca_path: Option<PathBuf>,
    /// Paths that differ from the known ones, by transaction number.
    pub paths: BTreeMap<String, String>,
}

/// How the address of a transaction is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UrlStyle {
    /// Base, slash, the transaction's own path.
    Path,
    /// Base, slash, the transaction's number.
    Infno,
    /// The base for all.
    Single,
}

/// 9001.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignIn {
    /// Whether the platform wants it.
    pub wanted: bool,
    /// 签到MAC地址; empty: this machine's.
    pub mac: String,
    /// 签到IP地址; empty: this machine's.
    pub ip: String,
    /// Texts that say that the sign-in is over or unknown (`sign_no_expired`). On a money call they count only
    /// where [`Answers::refusals`] of that call has the text too.
    pub expired: Vec<String>,
}

/// Which variants of transactions are used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transactions {
    /// `2203` or `2203A`.
    pub visit_info: String,
    /// `2206` or `2206A`.
    pub pre_settle: String,
    /// `2207` or `2207A`.
    pub settle: String,
    /// 个人结算方式.
    pub psn_setlway: String,
    /// Whether a pharmacy's orders are settled here, by 2101 and 2102.
    pub pharmacy: bool,
    /// What 2102 calls the list of a line's trace codes: `durg_trac_info` or `drug_trac_info`.
    pub trace_node: String,
    /// Numbers that 2601 reverses.
    pub reversible: Vec<String>,
}

/// How a scanned code becomes a person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VoucherRules {
    /// Who decodes it.
    pub decode: Decode,
    /// The address of `localQrCodeQuery`; empty with [`Decode::Transaction`].
    pub url: String,
    /// Whether the gateway's headers go there too.
    pub gateway_headers: bool,
    /// Whether one token is good for several calls. If not, 1101, 2201 and 2206 name the id number and only
    /// the settling call shows the token.
    pub token_twice: bool,
    /// Whether a fresh code is read right before the settling call.
    pub fresh_code: bool,
    /// Whether who was identified may pay without showing anything again.
    pub identity_pays: bool,
    /// How long an identification can be used, seconds.
    pub identity_ref_s: u32,
    /// Whether a family member's account may pay.
    pub shared_account: bool,
    /// Texts that say that a token is too old or used.
    pub bad_token: Vec<String>,
    /// Codes or texts of the voucher service that say: not a 医保码.
    pub unknown_kind: Vec<String>,
    /// Codes or texts of the voucher service that say: the code is too old or used.
    pub expired: Vec<String>,
}

/// Who decodes a scanned code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decode {
    /// The e-voucher service, by `localQrCodeQuery`.
    Http,
    /// The platform, by 1162.
    Transaction,
}

/// What the texts of answers mean: plain parts of the text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answers {
    /// By the number of a money transaction: texts that surely say no. All others leave it unknown.
    pub refusals: BTreeMap<String, Vec<String>>,
    /// 2208: it was given back before.
    pub already_refunded: Vec<String>,
    /// 2202, 2205: there is nothing to undo.
    pub nothing_to_undo: Vec<String>,
    /// 1101: nobody here has this number.
    pub person_unknown: Vec<String>,
    /// Texts that a relay makes out of a lost answer: unknown, on every transaction.
    pub relay_lost: Vec<String>,
}

/// What an answer that is not a plain yes means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reading {
    /// It happened, and was undone.
    Reversed,
    /// Nothing of ours is there.
    Nothing,
    /// It cannot be told.
    Unclear,
}

/// What 5203 says. *Found* is always by content: our msgid, not refunded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EnquiryRules {
    /// Whether it may be asked without a setl_id, by mdtrt_id alone.
    pub without_setl_id: bool,
    /// Whether it may be asked by psn_no alone. A lost 2102 leaves neither a setl_id nor a mdtrt_id.
    pub pharmacy_by_person: bool,
    /// What success without rows means.
    pub empty_output: Reading,
    /// What success with rows that are all of others means.
    pub other_rows: Reading,
    /// Texts of a refusal that say: nothing there.
    pub nothing: Vec<String>,
}

/// What 2601 says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReversalRules {
    /// What success means.
    pub success: Reading,
    /// Texts of a refusal that say: reversed before.
    pub reversed: Vec<String>,
    /// Texts of a refusal that say: nothing there.
    pub nothing: Vec<String>,
}

/// 3505A and 3506A.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DispenseRules {
    /// Whether drugs handed out and taken back are told to the platform.
    pub enabled: bool,
    /// Whether telling them twice is as once: then a lost answer is told again.
    pub repeat_is_harmless: bool,
    /// Whether 3506A wants negative counts.
    pub return_is_negative: bool,
}

/// How amounts are checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AmountRules {
    /// Whether `fund_pay_sumamt` contains `acct_pay`.
    pub fund_contains_account: bool,
    /// How far 2207 may be from what was confirmed, fen.
    pub accept_difference_fen: i64,
    /// How far price × count may be from a line's amount, fen.
    pub line_tolerance_fen: i64,
    /// Whether `hifdm_pay` stands beside `oth_pay` in E4; else it is inside it.
    pub hifdm_beside_oth: bool,
    /// Which of E5, E6 and E9 stop a settlement instead of being noted.
    pub harden: Vec<String>,
}

/// What 2204 takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LineRules {
    /// Lines of one upload.
    pub lines_max: u32,
    /// Characters of `input`.
    pub input_chars_max: u32,
    /// Whether a batch that is larger than one upload goes in several, under one chrg_bchno.
    pub split_upload: bool,
    /// Whether feedetl_sn is digits only and not 0.
    pub feedetl_sn_digits: bool,
    /// Characters of feedetl_sn; at least those of the daemon's own numbers, 15.
    pub feedetl_sn_len_max: u32,
}

/// What 3201, 3202, 9101 and 9102 want.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReconciliationRules {
    /// What `stmt_rslt` says when it is balanced.
    pub balanced: Vec<String>,
    /// How refunds count in `fixmedins_setl_cnt`.
    pub refund_count: StatementCount,
    /// `fixmedins_refd_setl_flag` of 3201 and 3202 (Hunan); empty: the field is not sent.
    pub refund_flag: String,
    /// `setl_optins` of settlements for which the platform named no `clr_optins`; empty: mdtrtarea_admvs.
    pub optins: String,
    /// How 9101 takes the bytes of a file.
    pub upload_bytes: FileBytes,
    /// The field of 9102's output that holds the bytes of a file, where they do not come alone.
    pub download_field: String,
    /// The shortest time between two questions, milliseconds.
    pub pace_ms: u32,
}

/// How refunds count in a number of settlements.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StatementCount {
    /// Each is one more.
    Add,
    /// They do not count.
    Skip,
    /// Each is one less.
    Subtract,
}

/// How the bytes of a file travel in JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileBytes {
    /// A list of numbers from 0 to 255.
    Numbers,
    /// A list of numbers from -128 to 127.
    Signed,
    /// Base64.
    Base64,
}

/// How long is waited, milliseconds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// For a connection.
    pub connect_ms: u32,
    /// For the voucher service's whole answer.
    pub voucher_ms: u32,
    /// For the whole answer of a call that moves no money.
    pub call_ms: u32,
    /// For the whole answer of 2207 and 2208, 2102 and 2103.
    pub money_call_ms: u32,
}

impl Profile {
    /// Reads and checks a profile.
    ///
    /// # Errors
    /// Everything that is wrong with it, each with file and key.
    pub fn load(path: &Path) -> Result<Self, ConfigError> {
        let (table, origins) = layers::one(path)?;
        profile_read::profile(table, origins)
    }

    /// Reads and checks the text of a profile; `file` is named in problems.
    ///
    /// # Errors
    /// Everything that is wrong with it, each with file and key.
    pub fn parse(text: &str, file: &str) -> Result<Self, ConfigError> {
        let table = layers::parse(text, file)?;
        let origins = super::keys::Origins {
            main: file.to_owned(),
            ..Default::default()
        };
        profile_read::profile(table, origins)
    }

    /// What cannot work although each key by itself is well formed: key and words, empty when nothing.
    #[must_use]
    pub fn check(&self) -> Vec<(String, Words)> {
        profile_check::check(self)
    }

    /// What works but is worth a person's look.
    #[must_use]
    pub fn warnings(&self) -> Vec<(String, Words)> {
        profile_check::warnings(self)
    }
}
