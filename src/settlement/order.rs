//! The checked request: what the caller asked for, ready to be carried out.
//!
//! A door turns its wire form into an [`Order`]; [`super::checks::order`] says whether it may start.
//! It is stored sealed, whole, with the first event of the stream.

use std::collections::BTreeMap;

use super::bill::Bill;
use crate::person::{IdNo, Name};

/// One scan-and-pay, as asked for.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Order {
    /// 1–64 of `A–Z a–z 0–9 . _ -`, the caller's key for repeating safely.
    pub request_id: String,
    /// What is being paid for.
    pub kind: OrderKind,
    /// Who works the terminal.
    pub operator: Operator,
    /// The office that uses the code (`officeId`, `officeName` of the e-voucher service).
    pub office: Office,
    /// Who is billed.
    pub patient: Patient,
    /// The visit that is settled.
    pub visit: Visit,
    /// At least one; several are merged into one batch.
    pub bills: Vec<Bill>,
    /// 险种类型, empty: the one in force.
    pub insutype: String,
    /// Whether the personal account pays.
    pub account_use: AccountUse,
    /// Which credentials may be shown; at least one.
    pub credentials: Vec<CredentialKind>,
    /// Whether a fresh code is read right before the money call.
    pub fresh_code: bool,
    /// Wait for the PERSON confirmation before the visit is registered.
    pub confirm_person: bool,
    /// Wait for the AMOUNTS confirmation before the money call.
    pub confirm_amounts: bool,
    /// What to print.
    pub print: PrintWish,
    /// How long to wait for a code, milliseconds; 0: as the desk is set.
    pub scan_wait_ms: u32,
    /// Extra fields for `exp_content` of the settling call.
    pub extension: BTreeMap<String, String>,
    /// Of the identification whose person pays without showing anything again; empty: what is shown is read.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub identity_ref: String,
    /// 用码业务类型; empty: that of the kind.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub business_type: String,
}

impl Order {
    /// 用码业务类型 that a code is decoded with.
    #[must_use]
    pub fn business_type(&self) -> &str {
        if self.business_type.is_empty() {
            self.kind.business_type()
        } else {
            &self.business_type
        }
    }
}

/// What is being paid for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum OrderKind {
    /// 挂号: businessType 01101.
    Registration,
    /// 门诊缴费, at a window or kiosk: 01301.
    Outpatient,
    /// 诊间结算, at the doctor's desk: 01301.
    DoctorDesk,
    /// 药店购药: 02121. Settled by 2101 and 2102, without a visit and without an upload before.
    Pharmacy,
}

impl OrderKind {
    /// 用码业务类型.
    #[must_use]
    pub fn business_type(self) -> &'static str {
        match self {
            OrderKind::Registration => "01101",
            OrderKind::Outpatient | OrderKind::DoctorDesk => "01301",
            OrderKind::Pharmacy => "02121",
        }
    }
}

/// Who works the terminal (`opter_type`, `opter`, `opter_name`).
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Operator {
    /// 经办人, at most 20 characters here: the e-voucher service takes no more.
    pub id: String,
    /// 经办人姓名, at most 30 characters.
    pub name: String,
    /// 经办人类别.
    pub kind: OperatorKind,
}

/// 经办人类别 (`opter_type`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum OperatorKind {
    /// 1, a person.
    Staff,
    /// 2, a self-service terminal.
    Kiosk,
    /// 3, a mobile terminal.
    Mobile,
}

/// An office of the hospital.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Office {
    /// 医保科室编号, at most 20 characters.
    pub id: String,
    /// 科室名称, at most 30 characters.
    pub name: String,
}

/// Who is billed. An absent id number with an absent name is a bill that names nobody.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Patient {
    /// 证件号码, empty when the HIS does not know it.
    #[serde(with = "crate::person::plain")]
    pub certno: IdNo,
    /// 姓名, empty when the HIS does not know it.
    #[serde(with = "crate::person::plain")]
    pub name: Name,
    /// The HIS's own number of the patient, empty when none. Printed, not sent.
    pub his_id: String,
}

/// The visit that is settled. Of a pharmacy's order only `med_type` and `begntime` are sent, and the doctor where
/// a line names none.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Visit {
    /// 门诊号, unique in the hospital. Made by the daemon when the caller brings none.
    pub ipt_otp_no: String,
    /// 就诊ID of a visit that is registered already; empty: the daemon registers it.
    pub mdtrt_id: String,
    /// 医疗类别.
    pub med_type: String,
    /// 开始时间, civil +08:00, `yyyy-MM-dd HH:mm:ss`; empty: when the order was accepted.
    pub begntime: String,
    /// 科室编码.
    pub dept_code: String,
    /// 科室名称.
    pub dept_name: String,
    /// 科别, the insurance's dictionary (`A03`).
    pub caty: String,
    /// 医师编码 (national).
    pub atddr_no: String,
    /// 医师姓名.
    pub dr_name: String,
    /// 主要病情描述, empty when none.
    pub main_cond_dscr: String,
    /// At least one, in order of weight.
    pub diagnoses: Vec<Diagnosis>,
}

/// A diagnosis of the visit.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Diagnosis {
    /// 诊断类别: `1` western, `2` Chinese main disease, `3` Chinese main syndrome.
    pub diag_type: String,
    /// 诊断代码.
    pub diag_code: String,
    /// 诊断名称.
    pub diag_name: String,
    /// 诊断时间, civil +08:00; empty: the visit's begin.
    pub diag_time: String,
}

/// 个人账户使用标志 (`acct_used_flag`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum AccountUse {
    /// 0.
    No,
    /// 1.
    Own,
    /// 2, a family member's shared account, where the site has it.
    Shared,
}

/// What a person can show (`mdtrt_cert_type`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum CredentialKind {
    /// 01 医保电子凭证, shown as 医保码.
    EVoucher,
    /// 03 社会保障卡.
    SocialCard,
    /// 02 居民身份证.
    ResidentId,
}

/// What to print.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum PrintWish {
    /// Nothing.
    No,
    /// A receipt; a missing printer never stops the settlement.
    Receipt,
    /// A receipt, and the printer is looked at before anything is registered.
    Required,
}
