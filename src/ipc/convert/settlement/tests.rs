//! What is told of settlements, field by field. They know nothing of how one goes.

use super::*;
use crate::settlement::bill::Fen;
use crate::settlement::order::CredentialKind;

#[test]
fn a_settled_answer_says_what_is_to_be_taken() {
    let shown = settlement(answer());
    assert_eq!(shown.money(), wire::Money::Settled);
    assert_eq!(shown.stage(), wire::Stage::Ended);
    let self_pay = shown.self_pay.unwrap();
    assert_eq!(
        (self_pay.amount_fen, self_pay.taken_by()),
        (1_250, wire::TakenBy::Caller)
    );
    let paper = shown.paper.unwrap();
    assert_eq!(paper.state(), wire::PaperState::Printed);
    assert_eq!(
        (paper.proof(), paper.copies),
        (wire::PaperProof::ProcessId, 1)
    );
    let amounts = shown.amounts.unwrap();
    assert_eq!(
        (amounts.medfee_sumamt_fen, amounts.psn_cash_pay_fen),
        (2_500, 1_250)
    );
    assert_eq!(amounts.setldetail[0].fund_payamt_fen, 1_250);
    assert_eq!(shown.accepted_at, "2023-11-15T06:13:20.000+08:00");
    assert_eq!(shown.ended_at, "2023-11-15T06:13:21.000+08:00");
    assert!(shown.error.is_none());
    assert_eq!((shown.setl_id.as_str(), shown.msgid.as_str()), ("S1", "M1"));
}

#[test]
fn each_amount_has_its_own_place() {
    // All different, so that two fields that were mixed up would show.
    let f = |n: i64| Fen(n);
    let ours = Amounts {
        medfee_sumamt: f(1),
        fulamt_ownpay_amt: f(2),
        overlmt_selfpay: f(3),
        preselfpay_amt: f(4),
        inscp_scp_amt: f(5),
        act_pay_dedc: f(6),
        hifp_pay: f(7),
        cvlserv_pay: f(8),
        hifes_pay: f(9),
        hifmi_pay: f(10),
        hifob_pay: f(11),
        maf_pay: f(12),
        hifdm_pay: f(13),
        oth_pay: f(14),
        fund_pay_sumamt: f(15),
        psn_part_amt: f(16),
        acct_pay: f(17),
        acct_mulaid_pay: f(18),
        psn_cash_pay: f(19),
        hosp_part_amt: f(20),
        balc: f(21),
        setldetail: Vec::new(),
    };
    // A second reader, by field numbers: field n of the message holds n, as varint.
    let bytes = prost::Message::encode_to_vec(&amounts(ours.clone()));
    let json = serde_json::to_value(&ours).unwrap();
    let mut expected = Vec::new();
    for number in 1..=21_u8 {
        if number < 16 {
            expected.push(number << 3);
        } else {
            expected.extend([((number << 3) | 0x80), 1]);
        }
        expected.push(number);
    }
    assert_eq!(bytes, expected);
    assert_eq!(json.as_object().unwrap().len(), 22);
}

#[test]
fn what_is_not_settled_asks_for_no_money() {
    for money in [
        Money::Refused,
        Money::Cancelled,
        Money::Reversed,
        Money::Unknown,
        Money::Pending,
    ] {
        let reason = Some(Reason {
            code: Code::Internal,
            text: String::new(),
        });
        let shown = settlement(Answer {
            money,
            reason,
            ..answer()
        });
        assert!(shown.self_pay.is_none(), "{money:?}");
        let error = shown.error.unwrap();
        let may_be_charged = error.money() == wire::ErrorMoney::Unknown;
        assert_eq!(may_be_charged, !money.is_final(), "{money:?}");
    }
}

#[test]
fn paper_tells_apart_no_and_perhaps() {
    for (ours, state, code) in [
        (Paper::NotAsked, wire::PaperState::NotAsked, None),
        (Paper::Queued, wire::PaperState::Queued, None),
        (
            Paper::Printed(Proof::QueuedStatus),
            wire::PaperState::Printed,
            None,
        ),
        (
            Paper::NotPrinted(Code::PaperOut),
            wire::PaperState::NotPrinted,
            Some("E3012"),
        ),
        (
            Paper::Unknown(Code::PrintNotProven),
            wire::PaperState::Unknown,
            Some("E3015"),
        ),
    ] {
        let shown = paper(ours);
        assert_eq!(shown.state(), state);
        assert_eq!(
            shown.reason.as_ref().map(|reason| reason.code.as_str()),
            code
        );
        let is_proven = shown.proof() != wire::PaperProof::Unspecified;
        assert_eq!(is_proven, shown.copies == 1);
    }
}

#[test]
fn a_queued_paper_says_what_it_waits_for() {
    for (paper, expected) in [
        (Paper::Queued, Some("E3012")),
        (Paper::Printed(Proof::ProcessId), None),
        (Paper::NotAsked, None),
        (Paper::Unknown(Code::PrintNotProven), Some("E3015")),
    ] {
        let shown = settlement(Answer {
            paper,
            paper_waits_for: Some(Code::PaperOut),
            ..answer()
        });
        let reason = shown.paper.unwrap().reason;
        assert_eq!(reason.as_ref().map(|it| it.code.as_str()), expected);
    }
}

#[test]
fn an_event_prompts_and_carries_the_answer_at_the_end_only() {
    let shown = event(progress(Stage::WaitingScan));
    assert_eq!(shown.prompt_zh, "请刷新您的医保电子凭证，对准扫码口。");
    assert_eq!(
        (shown.seq, shown.queue_place, shown.msgid.as_str()),
        (3, 2, "M1")
    );
    assert!(shown.settlement.is_none() && shown.shown.is_none());

    let rejected = Progress {
        rejected_code: Some(Code::PaymentCodeShown),
        queue_place: None,
        ..progress(Stage::WaitingScan)
    };
    let shown = event(rejected);
    let error = shown.error.unwrap();
    assert_eq!((error.code.as_str(), shown.queue_place), ("E2001", 0));
    // It was sent nowhere: nobody is told that it may have been charged.
    assert_eq!(error.money(), wire::ErrorMoney::NotCharged);
    assert_eq!(error.repeat(), wire::Repeat::SameId);

    for stage in [Stage::Ended, Stage::Stuck] {
        assert_eq!(
            event(progress(stage)).settlement.unwrap().settlement_id,
            "stl-1"
        );
    }
}

#[test]
fn what_is_to_be_confirmed_carries_its_token() {
    let person = Shown::Person {
        token: "t1".into(),
        psn_name_masked: "某*".into(),
        certno_masked: "110101********1009".into(),
        insutype: "310".into(),
        balc: Fen(10_000),
    };
    let shown = event(Progress {
        shown: Some(person),
        ..progress(Stage::WaitingPerson)
    });
    let Some(wire::settlement_event::Shown::Person(person)) = shown.shown else {
        panic!("a person")
    };
    assert_eq!((person.shown.as_str(), person.balance_fen), ("t1", 10_000));

    let amounts = Box::new(answer().amounts.unwrap());
    let preview = Shown::Amounts {
        token: "t2".into(),
        amounts,
    };
    let shown = event(Progress {
        shown: Some(preview),
        ..progress(Stage::WaitingAmounts)
    });
    let Some(wire::settlement_event::Shown::Amounts(preview)) = shown.shown else {
        panic!("amounts")
    };
    assert_eq!(
        (
            preview.shown.as_str(),
            preview.amounts.unwrap().psn_cash_pay_fen
        ),
        ("t2", 1_250)
    );
}

#[test]
fn a_list_has_limits_and_pages() {
    let filter = list_filter(wire::ListSettlementsRequest::default()).unwrap();
    assert_eq!(
        filter,
        ListFilter {
            limit: 50,
            ..ListFilter::default()
        }
    );
    let filter = list_filter(wire::ListSettlementsRequest {
        from: "2023-11-15T06:13:20+08:00".into(),
        to: "2023-11-14T23:00:00Z".into(),
        stuck_only: true,
        limit: 500,
        before: "stl-9".into(),
        ..Default::default()
    });
    let filter = filter.unwrap();
    assert_eq!(filter.from_ms, Some(1_700_000_000_000));
    assert_eq!(
        (filter.limit, filter.before.as_deref()),
        (500, Some("stl-9"))
    );
    let failure = list_filter(wire::ListSettlementsRequest {
        from: "yesterday".into(),
        limit: 501,
        ..Default::default()
    });
    assert_eq!(failure.unwrap_err().fields, ["from", "limit"]);

    assert_eq!(page(vec![row("a"), row("b")], 2).next, "b");
    assert_eq!(page(vec![row("a"), row("b")], 3).next, "");
    assert_eq!(page(Vec::new(), 50).next, "");
    assert_eq!(
        page(vec![row("a")], 1).settlements[0]
            .error
            .as_ref()
            .unwrap()
            .code,
        "E5005"
    );
}

#[test]
fn small_requests_name_what_they_lack() {
    use wire::get_settlement_request::Key;
    let key_of = |key_given| {
        key(wire::GetSettlementRequest { key: key_given })
            .map_err(|failure| (failure.code, failure.fields))
    };
    assert_eq!(
        key_of(Some(Key::SetlId("S1".into()))),
        Ok(SettlementKey::SetlId("S1".into()))
    );
    assert_eq!(
        key_of(Some(Key::RequestId("r-1".into()))),
        Ok(SettlementKey::RequestId("r-1".into()))
    );
    assert_eq!(
        key_of(None),
        Err((Code::RequestInvalid, vec!["key".into()]))
    );
    assert_eq!(
        key_of(Some(Key::RequestId(String::new()))),
        Err((Code::RequestIdInvalid, vec!["request_id".into()]))
    );
    assert_eq!(
        key_of(Some(Key::SettlementId(String::new()))),
        Err((Code::RequestInvalid, vec!["settlement_id".into()]))
    );

    let confirm = |point: i32, shown: &str| {
        confirmation(wire::ConfirmSettlementRequest {
            request_id: "r-1".into(),
            point,
            shown: shown.into(),
        })
    };
    assert_eq!(
        confirm(2, "t").unwrap(),
        ("r-1".into(), Point::Amounts, "t".into())
    );
    assert_eq!(confirm(0, "").unwrap_err().fields, ["point", "shown"]);
    assert_eq!(confirm(3, "t").unwrap_err().fields, ["point"]);
}

/// A settled answer. The person is invented.
pub(crate) fn answer() -> Answer {
    let part = FundPart {
        fund_pay_type: "310100".into(),
        fund_pay_type_name: String::new(),
        fund_payamt: Fen(1_250),
    };
    Answer {
        settlement_id: "stl-1".into(),
        request_id: "HIS-2024.0001".into(),
        money: Money::Settled,
        paper: Paper::Printed(Proof::ProcessId),
        paper_waits_for: None,
        stage: Stage::Ended,
        reason: None,
        warnings: vec!["E5".into()],
        stuck: false,
        self_pay: Fen(1_250),
        amounts: Some(Amounts {
            medfee_sumamt: Fen(2_500),
            hifp_pay: Fen(1_250),
            fund_pay_sumamt: Fen(1_250),
            psn_part_amt: Fen(1_250),
            psn_cash_pay: Fen(1_250),
            setldetail: vec![part],
            ..Amounts::default()
        }),
        psn_no: "P1".into(),
        psn_name_masked: "某*".into(),
        certno_masked: "110101********1009".into(),
        ipt_otp_no: "O1".into(),
        mdtrt_id: "V1".into(),
        chrg_bchno: "B1".into(),
        msgid: "M1".into(),
        setl_id: "S1".into(),
        setl_time: "2023-11-15 06:13:21".into(),
        insutype: "310".into(),
        insutype_is_remembered: true,
        clr_type: "11".into(),
        clr_way: String::new(),
        clr_optins: String::new(),
        setlinfo: "{}".into(),
        setldetail: "[]".into(),
        accepted_at_ms: 1_700_000_000_000,
        ended_at_ms: Some(1_700_000_001_000),
        resolved: None,
        refund: None,
    }
}

/// A step of that settlement.
pub(crate) fn progress(stage: Stage) -> Progress {
    Progress {
        seq: 3,
        at_ms: 1_700_000_000_500,
        stage,
        queue_place: Some(2),
        asks: vec![CredentialKind::EVoucher],
        rejected_code: None,
        shown: None,
        answer: Answer { stage, ..answer() },
    }
}

fn row(settlement_id: &str) -> Summary {
    Summary {
        settlement_id: settlement_id.into(),
        request_id: "r".into(),
        caller: "uid:1000".into(),
        money: Money::Unknown,
        paper: Paper::NotAsked,
        stage: Stage::Stuck,
        stuck: true,
        code: Some(Code::Stuck),
        total: Fen(2_500),
        self_pay: Fen(0),
        mdtrt_id: String::new(),
        insutype: String::new(),
        setl_id: String::new(),
        msgid: String::new(),
        accepted_at_ms: 0,
        ended_at_ms: None,
        psn_no: "P1".into(),
        operator_id: "0001".into(),
        office_id: "K1".into(),
        bill_marks: Vec::new(),
        refund: None,
    }
}
