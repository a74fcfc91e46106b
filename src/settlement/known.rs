//! The facts that a settlement has gathered, in the order it gathers them.

use super::amounts::Amounts;
use super::call::{LineSplit, Settled};
use super::order::CredentialKind;
use crate::person::{CardNo, EcToken, IdNo, Name};

/// All facts by now. What is absent was not learned yet.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Known {
    /// Numbers made for this settlement when it was accepted.
    pub ids: Ids,
    /// Whose code was read last. Gone after a restart: a code read before it is never used.
    pub voucher: Option<Voucher>,
    /// Who it is.
    pub person: Option<Person>,
    /// The insurance that pays.
    pub insurance: Option<Insurance>,
    /// 就诊ID, the caller's or our 2201's; a pharmacy's is made by 2102.
    pub mdtrt_id: Option<String>,
    /// 2204's split of the lines that are there, in the order of the bills, or 2101's; empty before.
    pub lines: Vec<LineSplit>,
    /// What 2206 previewed.
    pub preview: Option<Amounts>,
    /// The msgid of the settling call, once its intent is recorded.
    pub settle_msgid: Option<String>,
    /// The transaction number of the settling call as it was sent: `2207`, `2207A` or `2102`.
    pub settle_infno: Option<String>,
    /// What was charged.
    pub settled: Option<Settled>,
}

/// Numbers that the daemon made, or took from the caller.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Ids {
    /// 门诊号.
    pub ipt_otp_no: String,
    /// 收费批次号.
    pub chrg_bchno: String,
    /// 费用明细流水号, one per line in the order of the bills.
    pub feedetl_sn: Vec<String>,
    /// When the order was accepted, civil +08:00, `yyyy-MM-dd HH:mm:ss`.
    pub accepted: String,
}

/// What the e-voucher service says of a code.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Voucher {
    /// 令牌, goes into `mdtrt_cert_no`.
    #[serde(with = "crate::person::plain")]
    pub ec_token: EcToken,
    /// 证件号码.
    #[serde(with = "crate::person::plain")]
    pub certno: IdNo,
    /// 姓名.
    #[serde(with = "crate::person::plain")]
    pub name: Name,
    /// 证件类型 (`01` = 居民身份证).
    pub cert_type: String,
    /// 参保地区划; may be empty.
    pub insu_org: String,
    /// The document that was shown in place of a code; there is no token then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub document: Option<Document>,
}

/// A document that was shown in place of a code.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Document {
    /// What it is; never a code.
    pub kind: CredentialKind,
    /// 卡号 of a 社保卡, else empty.
    #[serde(with = "crate::person::plain")]
    pub card_no: CardNo,
    /// 卡识别码 of a 社保卡, else empty.
    #[serde(with = "crate::person::plain")]
    pub card_sn: CardNo,
}

/// What 1101 says.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Person {
    /// 人员编号.
    pub psn_no: String,
    /// 人员证件类型.
    pub psn_cert_type: String,
    /// 证件号码.
    #[serde(with = "crate::person::plain")]
    pub certno: IdNo,
    /// 人员姓名.
    #[serde(with = "crate::person::plain")]
    pub psn_name: Name,
    /// 性别.
    pub gend: String,
    /// 年龄, as received; may be empty.
    pub age: String,
    /// All insured rows, in the platform's order.
    pub insuinfo: Vec<Insurance>,
}

/// A row of `insuinfo`.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Insurance {
    /// 险种类型.
    pub insutype: String,
    /// 人员类别.
    pub psn_type: String,
    /// 人员参保状态: `1` is in force.
    pub psn_insu_stas: String,
    /// 参保地医保区划.
    pub insuplc_admdvs: String,
    /// 余额 of the personal account.
    pub balc: super::bill::Fen,
}
