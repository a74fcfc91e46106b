//! The platform's client against the simulated platform, over real HTTP.

#![expect(clippy::unwrap_used, reason = "a failed step of a test ends it")]

mod check;
mod matrix;
mod shipped;
mod sign_in;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use jiff::tz::{Offset, TimeZone};
use yibaod::book::Code;
use yibaod::config::{Profile, Secrets};
use yibaod::person::ScannedCode;
use yibaod::platform::{Platform, Prepared, Received, Stamp, Stamps};
use yibaod::sandbox::platform as sandbox;
use yibaod::settlement::bill::{Bill, Fen, Line};
use yibaod::settlement::call::{Call, Enquiry, Found, Outcome, Reversal, Step};
use yibaod::settlement::known::{Ids, Known};
use yibaod::settlement::order::{
    AccountUse, CredentialKind, Diagnosis, Office, Operator, OperatorKind, Order, OrderKind,
    Patient, PrintWish, Visit,
};

#[tokio::test]
async fn the_whole_story_is_understood_and_leaves_no_warning() {
    let mut desk = Desk::start(|_| ()).await;
    desk.up_to_settled().await;
    let settled = desk.known.settled.clone().unwrap();
    let preview = desk.known.preview.clone().unwrap();
    assert_eq!(settled.amounts.medfee_sumamt, Fen(4_620));
    assert_eq!(settled.amounts.fund_pay_sumamt, preview.fund_pay_sumamt);
    assert_eq!(Some(settled.medins_setl_id), desk.known.settle_msgid);
    assert!(
        matches!(desk.ask(Step::FindSettlement).await, Found::Enquiry(Enquiry::Found(s)) if s.setl_id == settled.setl_id)
    );
    let Found::Visits(visits) = desk.ask(Step::FindVisit).await else {
        panic!("no visits");
    };
    assert!(
        visits
            .iter()
            .any(|v| v.ipt_otp_no == desk.known.ids.ipt_otp_no)
    );
    let Found::Refunded { amounts, .. } = desk.ask(Step::UndoSettle).await else {
        panic!("no refund");
    };
    assert_eq!(amounts.medfee_sumamt, Fen(-4_620));
    assert_eq!(desk.ask(Step::UndoSettle).await, Found::Nothing);
    let enquiry = desk.ask(Step::FindSettlement).await;
    assert_eq!(enquiry, Found::Enquiry(Enquiry::Refunded));
    desk.platform.sign_out_all().await;
    let warnings = desk.sandbox.ledger(sandbox::Ledger::warnings);
    assert_eq!(warnings, BTreeMap::new());
    let signed_out = desk
        .sandbox
        .ledger(|ledger| ledger.sign_ins().iter().all(|s| s.ended));
    assert!(signed_out);
}

#[tokio::test]
async fn other_site_habits_are_served_too() {
    for (switches, change) in [
        (
            serde_json::json!({"hunan": true}),
            (|p| {
                p.envelope.identity_fields = true;
                p.transactions.visit_info = "2203".to_owned();
            }) as fn(&mut Profile),
        ),
        (serde_json::json!({"token_single_use": true}), |p| {
            p.voucher.token_twice = false;
        }),
        (serde_json::json!({"sign_in_required": false}), |p| {
            p.sign_in.wanted = false;
            p.transactions.pre_settle = "2206A".to_owned();
            p.transactions.settle = "2207A".to_owned();
            p.transactions.reversible = vec!["2207A".to_owned()];
        }),
        (serde_json::json!({"refund_nulls": true}), |p| {
            p.url.style = yibaod::config::profile::UrlStyle::Infno;
        }),
        (serde_json::json!({}), |p| {
            p.url.style = yibaod::config::profile::UrlStyle::Single;
        }),
    ] {
        let mut desk = Desk::start(change).await;
        desk.sandbox.switch(&switches).unwrap();
        desk.up_to_settled().await;
        let settled = desk.known.settled.clone().unwrap().amounts;
        let Found::Refunded { amounts, .. } = desk.ask(Step::UndoSettle).await else {
            panic!("no refund");
        };
        assert_eq!(
            amounts.psn_part_amt.0, -settled.psn_part_amt.0,
            "{switches}"
        );
        assert_eq!(
            amounts.hosp_part_amt.0, -settled.hosp_part_amt.0,
            "{switches}"
        );
    }
}

#[tokio::test]
async fn a_visit_is_taken_back_last_thing_first() {
    let mut desk = Desk::start(|_| ()).await;
    for step in [
        Step::Decode,
        Step::Person,
        Step::Register,
        Step::VisitInfo,
        Step::Fees,
    ] {
        desk.forward(step).await;
    }
    assert_eq!(desk.ask(Step::UndoFees).await, Found::Nothing);
    assert_eq!(desk.ask(Step::UndoFees).await, Found::Nothing);
    assert_eq!(desk.ask(Step::UndoRegister).await, Found::Nothing);
    let open = desk.sandbox.ledger(|ledger| ledger.visits_open().len());
    assert_eq!(open, 0);
}

#[tokio::test]
async fn a_lost_answer_of_2207_is_unknown_and_found_or_reversed() {
    for (fault, charged) in [
        ("F1@2207", true),
        ("F2@2207", false),
        ("F4@2207", false),
        ("F4@2207:504", true),
        ("F5@2207", true),
        ("F5@2207:1", true),
        ("F13@2207", false),
        ("F21@2207", true),
        ("F22@2207", true),
    ] {
        let mut desk = Desk::start(|_| ()).await;
        desk.up_to_pre_settled().await;
        desk.sandbox.arm(fault).unwrap();
        let received = desk.send(Step::Settle).await;
        let outcome = &received.outcome;
        assert!(
            matches!(outcome, Outcome::Unknown { .. }),
            "{fault} {received:?}"
        );
        let count = desk.sandbox.ledger(|ledger| ledger.received("2207").len());
        assert_eq!(count, 1, "{fault}");
        let enquiry = desk.ask(Step::FindSettlement).await;
        if charged {
            assert!(
                matches!(enquiry, Found::Enquiry(Enquiry::Found(_))),
                "{fault} {enquiry:?}"
            );
            let reversal = desk.ask(Step::Reverse).await;
            assert_eq!(reversal, Found::Reversal(Reversal::Reversed), "{fault}");
        } else {
            assert_eq!(enquiry, Found::Enquiry(Enquiry::NothingThere), "{fault}");
            let reversal = desk.ask(Step::Reverse).await;
            assert_eq!(reversal, Found::Reversal(Reversal::NothingThere), "{fault}");
        }
        let live = desk
            .sandbox
            .ledger(|ledger| ledger.settlements().iter().filter(|s| s.is_live()).count());
        assert_eq!(live, 0, "{fault}");
    }
}

#[tokio::test]
async fn odd_but_whole_answers_are_understood() {
    for fault in ["F6@2207", "F7@2207", "F8@2207", "F17@2207", "F12@2207"] {
        let mut desk = Desk::start(|_| ()).await;
        desk.up_to_pre_settled().await;
        desk.sandbox.arm(fault).unwrap();
        desk.forward(Step::Settle).await;
        assert!(desk.known.settled.is_some(), "{fault}");
        desk.sandbox.arm("F8@2208").unwrap();
        let refund = desk.ask(Step::UndoSettle).await;
        assert!(matches!(refund, Found::Refunded { .. }), "{fault}");
    }
}

#[tokio::test]
async fn refusals_carry_their_code() {
    let refusal = |received: &Received| match received.outcome {
        Outcome::Refused { code, .. } => Some(code),
        Outcome::Done { .. } | Outcome::NotSent { .. } | Outcome::Unknown { .. } => None,
    };
    let mut desk = Desk::start(|_| ()).await;
    for (kind, expected) in [
        (sandbox::CodeKind::Expired, Code::CodeExpired),
        (sandbox::CodeKind::Used, Code::CodeExpired),
        (sandbox::CodeKind::Wechat, Code::CodeUnknownKind),
    ] {
        desk.code = ScannedCode::new(desk.sandbox.code("employee", kind).unwrap());
        let received = desk.send(Step::Decode).await;
        assert_eq!(refusal(&received), Some(expected), "{kind:?}");
    }
    desk.code = ScannedCode::new(desk.sandbox.fresh_code("employee").unwrap());
    desk.sandbox.arm("F10@1101").unwrap();
    desk.forward(Step::Decode).await;
    let received = desk.send(Step::Person).await;
    assert_eq!(refusal(&received), Some(Code::GatewayRefused));
    desk.sandbox.arm("F11@1101").unwrap();
    let received = desk.send(Step::Person).await;
    assert_eq!(refusal(&received), Some(Code::CodeExpired));
    desk.sandbox.arm("F14@1101").unwrap();
    let received = desk.send(Step::Person).await;
    assert!(received.sign_in_expired, "{received:?}");
    desk.forward(Step::Person).await;
}

/// A desk at the simulated platform: client, order, and what it has learned.
struct Desk {
    sandbox: sandbox::Platform,
    platform: Platform,
    stamps: Arc<Counted>,
    order: Order,
    known: Known,
    code: ScannedCode,
}

impl Desk {
    async fn start(change: impl FnOnce(&mut Profile)) -> Self {
        Self::start_at(sandbox::Options::default(), change).await
    }

    /// At a platform with habits of its own.
    async fn start_at(options: sandbox::Options, change: impl FnOnce(&mut Profile)) -> Self {
        let sandbox = sandbox::Platform::start(options).await.unwrap();
        let text = include_str!("../../packaging/profiles/sandbox.toml");
        let text = text.replace("127.0.0.1:17900", &sandbox.addr().to_string());
        let mut profile = Profile::parse(&text, "sandbox.toml").unwrap();
        change(&mut profile);
        let secrets = Secrets::load(&profile, None).unwrap();
        let stamps = Arc::new(Counted::default());
        let numbers: Arc<dyn Stamps> = stamps.clone();
        let platform = Platform::new(Arc::new(profile), secrets, numbers).unwrap();
        let code = ScannedCode::new(sandbox.fresh_code("employee").unwrap());
        let accepted = now("%Y-%m-%d %H:%M:%S");
        let known = Known {
            ids: Ids {
                ipt_otp_no: "OP1".to_owned(),
                chrg_bchno: "900001".to_owned(),
                feedetl_sn: vec!["900011".to_owned(), "900012".to_owned()],
                accepted,
            },
            ..Known::default()
        };
        Self {
            sandbox,
            platform,
            stamps,
            order: order(),
            known,
            code,
        }
    }

    async fn up_to_pre_settled(&mut self) {
        for step in [
            Step::Decode,
            Step::Person,
            Step::Register,
            Step::VisitInfo,
            Step::Fees,
            Step::PreSettle,
        ] {
            self.forward(step).await;
        }
    }

    async fn up_to_settled(&mut self) {
        self.up_to_pre_settled().await;
        self.forward(Step::Settle).await;
    }

    async fn prepare(&mut self, step: Step) -> Prepared {
        let stamp = self.stamps.stamp().await.unwrap();
        let call = Call {
            step,
            order: &self.order,
            known: &self.known,
            code: (step == Step::Decode).then_some(&self.code),
        };
        let prepared = self.platform.prepare(call, &stamp).await.unwrap();
        if step == Step::Settle {
            self.known.settle_msgid.clone_from(&prepared.msgid);
            self.known.settle_infno = Some(prepared.infno.clone());
        }
        prepared
    }

    async fn send(&mut self, step: Step) -> Received {
        let prepared = self.prepare(step).await;
        self.platform.send(prepared).await
    }

    /// What becomes of it, sent or not.
    async fn try_send(&mut self, step: Step) -> Outcome {
        let stamp = self.stamps.stamp().await.unwrap();
        let call = Call {
            step,
            order: &self.order,
            known: &self.known,
            code: (step == Step::Decode).then_some(&self.code),
        };
        match self.platform.prepare(call, &stamp).await {
            Ok(prepared) => self.platform.send(prepared).await.outcome,
            Err(outcome) => outcome,
        }
    }

    /// Asks, and the platform says yes.
    async fn ask(&mut self, step: Step) -> Found {
        let received = self.send(step).await;
        let Outcome::Done { found: Some(found) } = received.outcome else {
            panic!("{step:?}: {received:?}");
        };
        found
    }

    /// Asks, and learns what it says.
    async fn forward(&mut self, step: Step) {
        match self.ask(step).await {
            Found::Voucher(voucher) => self.known.voucher = Some(voucher),
            Found::Person(person) => {
                self.known.insurance = person.insuinfo.first().cloned();
                self.known.person = Some(person);
            }
            Found::Registered { mdtrt_id } => self.known.mdtrt_id = Some(mdtrt_id),
            Found::Lines(lines) => self.known.lines = lines,
            Found::Preview(amounts) => self.known.preview = Some(amounts),
            Found::DrugPreview { amounts, lines } => {
                self.known.preview = Some(amounts);
                self.known.lines = lines;
            }
            Found::Settled(settled) => self.known.settled = Some(settled),
            Found::Nothing => {}
            Found::Dispensed(_)
            | Found::Refunded { .. }
            | Found::Reversal(_)
            | Found::Visits(_)
            | Found::Enquiry(_)
            | Found::Looked(_)
            | Found::Compared(_)
            | Found::Totals { .. }
            | Found::File { .. }
            | Found::Statement(_)
            | Found::YearToDate(_) => panic!("{step:?} is no step forward"),
        }
    }
}

fn now(format: &str) -> String {
    let zone = TimeZone::fixed(Offset::constant(8));
    jiff::Timestamp::now()
        .to_zoned(zone)
        .strftime(format)
        .to_string()
}

/// Msgids that count up in their last four digits.
#[derive(Default)]
struct Counted(AtomicU32);

#[async_trait::async_trait]
impl Stamps for Counted {
    async fn stamp(&self) -> Result<Stamp, String> {
        let n = self.0.fetch_add(1, Ordering::Relaxed);
        Ok(Stamp {
            msgid: format!("H43010099901{}{n:04}", now("%Y%m%d%H%M%S")),
            inf_time: now("%Y-%m-%d %H:%M:%S"),
        })
    }
}

fn order() -> Order {
    Order {
        request_id: "r1".to_owned(),
        kind: OrderKind::Outpatient,
        operator: Operator {
            id: "0107".to_owned(),
            name: "窗口七号".to_owned(),
            kind: OperatorKind::Staff,
        },
        office: Office {
            id: "0301".to_owned(),
            name: "内科门诊".to_owned(),
        },
        patient: Patient::default(),
        visit: Visit {
            ipt_otp_no: String::new(),
            mdtrt_id: String::new(),
            med_type: "11".to_owned(),
            begntime: String::new(),
            dept_code: "0301".to_owned(),
            dept_name: "内科门诊".to_owned(),
            caty: "A03".to_owned(),
            atddr_no: "D430100099001".to_owned(),
            dr_name: "虞问溪".to_owned(),
            main_cond_dscr: "咽痛三天".to_owned(),
            diagnoses: vec![Diagnosis {
                diag_type: "1".to_owned(),
                diag_code: "J03.900".to_owned(),
                diag_name: "急性扁桃体炎".to_owned(),
                diag_time: String::new(),
            }],
        },
        bills: vec![Bill {
            bill_no: "B0001".to_owned(),
            dise_codg: "M00000".to_owned(),
            dise_name: "普通门诊".to_owned(),
            lines: vec![
                line(sandbox::catalogue::DRUG_A, "M1001", "1.20", 120),
                line(sandbox::catalogue::SELF_PAID, "M1003", "45.00", 4_500),
            ],
        }],
        insutype: String::new(),
        account_use: AccountUse::Own,
        credentials: vec![CredentialKind::EVoucher],
        fresh_code: false,
        confirm_person: false,
        confirm_amounts: false,
        print: PrintWish::No,
        scan_wait_ms: 0,
        extension: BTreeMap::new(),
        identity_ref: String::new(),
        business_type: String::new(),
    }
}

fn line(code: &str, own_code: &str, pric: &str, fen: i64) -> Line {
    Line {
        feedetl_sn: String::new(),
        name: "测试项目".to_owned(),
        med_list_codg: code.to_owned(),
        medins_list_codg: own_code.to_owned(),
        pric: pric.parse().unwrap(),
        cnt: "1".parse().unwrap(),
        det_item_fee_sumamt: Fen(fen),
        fee_ocur_time: String::new(),
        rxno: String::new(),
        rx_circ_flag: "0".to_owned(),
        bilg_dept_codg: String::new(),
        bilg_dept_name: String::new(),
        bilg_dr_codg: String::new(),
        bilg_dr_name: String::new(),
        hosp_appr_flag: "1".to_owned(),
        more: BTreeMap::new(),
        trace_codes: Vec::new(),
    }
}
