//! What a caller is told: the answer, the progress on the way to it, and the row in a list.

use super::amounts::Amounts;
use super::bill::Fen;
use super::order::CredentialKind;
use super::refund;
use super::state::Resolution;
use crate::book::Code;

/// What became of the money. Unknown is a value, not an exception.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Money {
    /// Charged, and it stands.
    Settled,
    /// Not charged: the platform, a check or a device said no.
    Refused,
    /// Not charged: somebody, or the time, ended it before the money call.
    Cancelled,
    /// Charged, or perhaps charged, and surely given back.
    Reversed,
    /// Perhaps charged. Being found out, or on the stuck list.
    Unknown,
    /// Still running.
    Pending,
}

impl Money {
    /// Whether this can still change.
    #[must_use]
    pub fn is_final(self) -> bool {
        match self {
            Money::Settled | Money::Refused | Money::Cancelled | Money::Reversed => true,
            Money::Unknown | Money::Pending => false,
        }
    }
}

/// What became of the paper.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Paper {
    /// None was wanted, or there is nothing to print.
    NotAsked,
    /// It will be printed, or is being printed.
    Queued,
    /// It came out, and this is the evidence.
    Printed(Proof),
    /// It surely did not come out.
    NotPrinted(Code),
    /// It may have come out, whole or in part.
    Unknown(Code),
}

/// The evidence that paper came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Proof {
    /// The printer answered the process id that stood behind the last line.
    ProcessId,
    /// The printer answered a status request that was queued behind the last line.
    QueuedStatus,
    /// The print queue says that it is finished: its word, not the paper's.
    QueueFinished,
}

/// Where a settlement stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// Accepted, or waiting for the scanner's turn.
    Queued,
    /// The scanner waits for a code.
    WaitingScan,
    /// Asking whose code it is.
    Decoding,
    /// Asking who it is (1101).
    Person,
    /// A person must confirm the patient.
    WaitingPerson,
    /// Registering the visit (2201).
    Registering,
    /// Sending the visit and its diagnoses (2203).
    VisitInfo,
    /// Sending the lines (2204).
    Fees,
    /// Asking for the split (2206).
    PreSettling,
    /// A person must confirm the amounts.
    WaitingAmounts,
    /// The scanner waits for a fresh code.
    WaitingFreshScan,
    /// The money call is out (2207).
    Settling,
    /// The money call's answer was lost; finding out.
    FindingOut,
    /// Taking back what was done.
    Undoing,
    /// The receipt is being printed.
    Printing,
    /// The caller went, or the daemon restarted: the same `request_id` may join.
    WaitingCaller,
    /// Only a person can go on.
    Stuck,
    /// Over.
    Ended,
}

/// Why, in the book's word and the platform's own.
#[derive(Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Reason {
    /// The book's code.
    pub code: Code,
    /// What the platform said, empty when it said nothing. It may name a person.
    pub text: String,
}

/// The whole answer. Equal for every repetition once the money is final.
#[derive(Clone, PartialEq, Eq)]
pub struct Answer {
    /// The settlement's own id.
    pub settlement_id: String,
    /// The caller's id.
    pub request_id: String,
    /// What became of the money.
    pub money: Money,
    /// What became of the paper.
    pub paper: Paper,
    /// What a paper that is queued waits for just now, as far as its printer tells.
    pub paper_waits_for: Option<Code>,
    /// Where it stands.
    pub stage: Stage,
    /// Why it is not SETTLED, or what is to be known besides.
    pub reason: Option<Reason>,
    /// Names of the soft checks that did not hold (`E5` … `E9`), and others.
    pub warnings: Vec<String>,
    /// Whether it is on the list of what only a person can resolve.
    pub stuck: bool,
    /// What the caller must still take from the patient; nothing unless SETTLED.
    pub self_pay: Fen,
    /// What was charged; before that what was previewed; absent when neither is known.
    pub amounts: Option<Amounts>,
    /// 人员编号, empty when unknown.
    pub psn_no: String,
    /// 姓名, masked; empty when unknown.
    pub psn_name_masked: String,
    /// 证件号码, masked; empty when unknown.
    pub certno_masked: String,
    /// 门诊号.
    pub ipt_otp_no: String,
    /// 就诊ID, empty when unknown.
    pub mdtrt_id: String,
    /// 收费批次号.
    pub chrg_bchno: String,
    /// The settling call's msgid, empty before its intent.
    pub msgid: String,
    /// 结算ID, empty when unknown.
    pub setl_id: String,
    /// 结算时间, the platform's; empty when unknown.
    pub setl_time: String,
    /// 险种类型, empty when unknown.
    pub insutype: String,
    /// Nobody named it and several were in force: it is what this person was settled with last time.
    pub insutype_is_remembered: bool,
    /// 清算类别, empty when unknown.
    pub clr_type: String,
    /// 清算方式, empty when unknown.
    pub clr_way: String,
    /// 清算经办机构, empty when unknown.
    pub clr_optins: String,
    /// `setlinfo` as received, JSON; empty when there is none. It names the person.
    pub setlinfo: String,
    /// `setldetail` as received, JSON; empty when there is none.
    pub setldetail: String,
    /// When it was accepted, Unix milliseconds.
    pub accepted_at_ms: i64,
    /// When the money became final, Unix milliseconds; absent before.
    pub ended_at_ms: Option<i64>,
    /// What a person stated; absent where the daemon itself knows.
    pub resolved: Option<Resolution>,
    /// The refund of it at this desk, where somebody looks it up; never in the answer of the settlement itself.
    pub refund: Option<refund::Summary>,
}

impl std::fmt::Debug for Reason {
    /// The code: the platform's words may name a person.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Reason")
            .field("code", &self.code)
            .finish_non_exhaustive()
    }
}

impl std::fmt::Debug for Answer {
    /// What it says of money and paper, and its numbers: the rest names a person.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Answer")
            .field("settlement_id", &self.settlement_id)
            .field("request_id", &self.request_id)
            .field("money", &self.money)
            .field("paper", &self.paper)
            .field("stage", &self.stage)
            .field("reason", &self.reason)
            .field("stuck", &self.stuck)
            .field("msgid", &self.msgid)
            .field("setl_id", &self.setl_id)
            .finish_non_exhaustive()
    }
}

/// A point at which a person confirms.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Point {
    /// The patient shown is the patient billed.
    Person,
    /// The amounts shown are to be charged.
    Amounts,
}

/// What a person is asked to confirm. The token goes back with the confirmation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Shown {
    /// The patient.
    Person {
        /// Goes back with the confirmation.
        token: String,
        /// 姓名, masked.
        psn_name_masked: String,
        /// 证件号码, masked.
        certno_masked: String,
        /// 险种类型.
        insutype: String,
        /// 余额 of the personal account.
        balc: Fen,
    },
    /// The amounts.
    Amounts {
        /// Goes back with the confirmation.
        token: String,
        /// What 2206 previewed.
        amounts: Box<Amounts>,
    },
}

/// A step on the way, for whoever watches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Grows by one with each; starts at 1 with each watch.
    pub seq: u64,
    /// When, Unix milliseconds.
    pub at_ms: i64,
    /// Where it stands.
    pub stage: Stage,
    /// How many wait for the scanner before this one; absent when it does not queue.
    pub queue_place: Option<usize>,
    /// What may be shown, as the order says it; empty when that is not known.
    pub asks: Vec<CredentialKind>,
    /// What was wrong with the code just shown; the scanner waits for another.
    pub rejected_code: Option<Code>,
    /// What is to be confirmed now.
    pub shown: Option<Shown>,
    /// All that is known by now.
    pub answer: Answer,
}

/// What a cancellation is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CancelVerdict {
    /// It ended without money, or is being taken back before any.
    Cancelled,
    /// Too late: settled.
    TooLateSettled,
    /// Too late: the money call is out.
    TooLateBeingSettled,
}

impl Summary {
    /// With the numbers that an earlier one had and this one has not: the rows that said them are forgotten.
    #[must_use]
    pub fn remembering(mut self, earlier: Option<&Summary>) -> Self {
        let Some(earlier) = earlier else {
            return self;
        };
        for (number, earlier) in [
            (&mut self.psn_no, &earlier.psn_no),
            (&mut self.operator_id, &earlier.operator_id),
            (&mut self.office_id, &earlier.office_id),
            (&mut self.mdtrt_id, &earlier.mdtrt_id),
            (&mut self.setl_id, &earlier.setl_id),
        ] {
            if number.is_empty() {
                number.clone_from(earlier);
            }
        }
        if self.bill_marks.is_empty() {
            self.bill_marks.clone_from(&earlier.bill_marks);
        }
        self
    }
}

/// A row of the list of settlements. It names no person.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Summary {
    /// The settlement's own id.
    pub settlement_id: String,
    /// The caller's id.
    pub request_id: String,
    /// Who asked (`uid:1000`).
    pub caller: String,
    /// What became of the money.
    pub money: Money,
    /// What became of the paper.
    pub paper: Paper,
    /// Where it stands.
    pub stage: Stage,
    /// Whether only a person can go on.
    pub stuck: bool,
    /// Why it is not SETTLED.
    pub code: Option<Code>,
    /// 医疗费总额 of the bill.
    pub total: Fen,
    /// What the caller must still take; nothing unless SETTLED.
    pub self_pay: Fen,
    /// 就诊ID, empty when unknown.
    pub mdtrt_id: String,
    /// 险种类型 that pays, empty before it is chosen.
    #[serde(default)]
    pub insutype: String,
    /// 结算ID, empty when unknown.
    pub setl_id: String,
    /// The settling call's msgid, empty before its intent.
    pub msgid: String,
    /// When it was accepted, Unix milliseconds.
    pub accepted_at_ms: i64,
    /// When the money became final, Unix milliseconds.
    pub ended_at_ms: Option<i64>,
    /// 人员编号: kept here for the day when the rows that say it are forgotten.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub psn_no: String,
    /// 经办人编号, kept for the same.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub operator_id: String,
    /// 科室编号, kept for the same.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub office_id: String,
    /// Marks of the HIS's numbers of its bills, made with the journal's key: one is settled once. Kept for the same.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub bill_marks: Vec<String>,
    /// The refund of it at this desk, looked up for a list.
    #[serde(skip)]
    pub refund: Option<refund::Money>,
}
