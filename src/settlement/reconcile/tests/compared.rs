//! Each cause by itself, in both ways of reconciling, and what becomes of questions without an answer.

use super::model::{Model, accepted, carry, held, msgid, row, told};
use crate::book::Code;
use crate::settlement::bill::Fen;
use crate::settlement::reconcile::compare;
use crate::settlement::reconcile::row::{Looked, RefundCount, Row, Standing, StatementRow, Totals};

#[test]
fn every_amount_is_compared_to_the_fen() {
    let mine = row(1, Standing::Settled);
    let agrees = held(&mine).there;
    assert_eq!(
        compare::with_platform(&mine, &Looked::There(agrees.clone())),
        []
    );
    let fields = [
        "medfee_sumamt",
        "fund_pay_sumamt",
        "acct_pay",
        "psn_cash_pay",
    ];
    for (at, field) in fields.into_iter().enumerate() {
        let mut there = agrees.clone();
        let amounts = [
            &mut there.total,
            &mut there.fund,
            &mut there.account,
            &mut there.cash,
        ];
        let amount = amounts.into_iter().nth(at).unwrap();
        amount.0 -= 1;
        let theirs = *amount;
        let differences = compare::with_platform(&mine, &Looked::There(there));
        assert_eq!(differences.len(), 1, "{field}");
        assert_eq!(differences[0].code, Code::AmountDiffers);
        assert_eq!(differences[0].field, field);
        assert_eq!(differences[0].here, Some(Fen(theirs.0 + 1)));
        assert_eq!(differences[0].there, Some(theirs));
    }
}

#[test]
fn every_standing_against_every_answer() {
    use Code::*;
    let is = |standing: Standing, looked: &dyn Fn(&Row) -> Looked| -> Vec<Code> {
        let mine = row(1, standing);
        let differences = compare::with_platform(&mine, &looked(&mine));
        differences
            .into_iter()
            .map(|difference| difference.code)
            .collect()
    };
    let there = |refunded: bool| {
        move |mine: &Row| {
            let mut there = held(mine).there;
            there.refunded = refunded;
            Looked::There(there)
        }
    };
    let (stands, back) = (there(false), there(true));
    let nothing = |_: &Row| Looked::Nothing;
    let unclear = |_: &Row| Looked::Unclear;
    for (standing, expected) in [
        (
            Standing::Settled,
            [
                vec![],
                vec![RefundedThereOnly],
                vec![NotAtPlatform],
                vec![NotCompared],
            ],
        ),
        (
            Standing::Refunded,
            [
                vec![RefundedHereOnly],
                vec![],
                vec![NotAtPlatform],
                vec![NotCompared],
            ],
        ),
        (
            Standing::Refund,
            [vec![], vec![], vec![NotAtPlatform], vec![NotCompared]],
        ),
        (
            Standing::Open,
            [
                vec![OpenHereFoundThere],
                vec![OpenHereFoundThere],
                vec![OpenHere],
                vec![NotCompared],
            ],
        ),
        (
            Standing::Gone,
            [vec![GoneHereStandsThere], vec![], vec![], vec![NotCompared]],
        ),
    ] {
        let got = [
            is(standing, &stands),
            is(standing, &back),
            is(standing, &nothing),
            is(standing, &unclear),
        ];
        assert_eq!(got, expected, "{standing:?}");
    }
}

#[test]
fn a_balanced_hospital_is_asked_once_for_each_group() {
    let rows: Vec<Row> = (1..=9).map(|n| row(n, Standing::Settled)).collect();
    let mut model = Model::of(&rows);
    let table = carry(accepted(&rows, None, true), &mut model);
    assert_eq!(told(&table), []);
    assert_eq!(model.asked.into_iter().collect::<Vec<_>>(), [("3201", 2)]);
    assert_eq!((table.totals.settlements, table.totals.refunds), (9, 0));
    assert_eq!(table.totals.total, Fen(94_500));
    assert!(table.ended_at_ms.is_some());
}

#[test]
fn a_refund_whose_number_was_lost_is_matched_by_its_visit() {
    let original = row(1, Standing::Refunded);
    let nameless = Row {
        mdtrt_id: original.mdtrt_id.clone(),
        setl_id: String::new(),
        msgid: msgid(11, 7),
        ..row(1, Standing::Refund)
    };
    let rows = [original.clone(), nameless.clone()];
    let mut model = Model::of(std::slice::from_ref(&original));
    let mut back = held(&nameless);
    back.there.setl_id = "R1".to_owned();
    back.there.msgid = String::new();
    model.held.push(back);
    // Totals agree: nothing more is asked.
    let table = carry(accepted(&rows, None, true), &mut model.clone());
    assert_eq!(told(&table), []);
    // They do not, for another reason: the refund is still no difference.
    let other = row(4, Standing::Settled);
    model.held.push(held(&other));
    let table = carry(accepted(&rows, None, true), &mut model.clone());
    assert_eq!(told(&table), [(Code::NotInJournals, other.mdtrt_id)]);
    // The centre does not have the refund at all.
    model.held.remove(1);
    model.held[0].there.refunded = false;
    let table = carry(accepted(&rows, None, true), &mut model);
    let codes: Vec<Code> = told(&table).into_iter().map(|(code, _)| code).collect();
    assert_eq!(
        codes,
        [
            Code::NotAtPlatform,
            Code::NotInJournals,
            Code::RefundedHereOnly
        ]
    );
}

#[test]
fn lines_without_numbers_are_those_of_the_person() {
    let mine = row(1, Standing::Settled);
    let line = StatementRow {
        psn_no: mine.psn_no.clone(),
        mdtrt_id: String::new(),
        setl_id: String::new(),
        msgid: String::new(),
        stmt_rslt: "1".to_owned(),
        refunded: false,
        memo: "中心有多笔".to_owned(),
        total: mine.total,
        fund: mine.fund,
        account: mine.account,
    };
    let rows = [mine];
    let listed = compare::with_statement(&rows, std::slice::from_ref(&line), &["0".to_owned()]);
    assert_eq!((listed.ask.len(), listed.differences.len()), (1, 0));
    let stranger = StatementRow {
        total: Fen(1),
        ..line.clone()
    };
    let listed = compare::with_statement(&rows, &[stranger], &["0".to_owned()]);
    assert_eq!(listed.differences[0].code, Code::NotInJournals);
    let listed = compare::with_statement(&rows, &[line], &["1".to_owned()]);
    assert_eq!(
        listed,
        compare::Listed::default(),
        "balanced lines are passed over"
    );
}

#[test]
fn where_5203_says_no_the_line_itself_is_told() {
    let rows: Vec<Row> = (1..=3).map(|n| row(n, Standing::Settled)).collect();
    let mut model = Model::of(&rows);
    model.held[0].there.fund = Fen(1);
    model.held[1].there.refunded = true;
    model.held.remove(2);
    model.refuses_5203 = true;
    let table = carry(accepted(&rows, None, true), &mut model);
    let codes: Vec<Code> = told(&table).into_iter().map(|(code, _)| code).collect();
    // The third is echoed as it was sent: nothing differs in the line, and nobody says why it is listed.
    let expected = [
        Code::RefundedThereOnly,
        Code::AmountDiffers,
        Code::NotCompared,
    ];
    assert_eq!(codes, expected);
}

#[test]
fn a_platform_that_is_down_ends_it_and_says_so() {
    let rows: Vec<Row> = (1..=50).map(|n| row(n, Standing::Settled)).collect();
    for (whole, asked) in [(false, 9), (true, 6)] {
        let mut model = Model::of(&rows);
        model.loses = Some(1);
        let table = carry(accepted(&rows, None, whole), &mut model);
        assert_eq!(table.incomplete, Some(Code::ReconciliationIncomplete));
        assert_eq!(model.asked.values().sum::<usize>(), asked);
        assert!(
            told(&table)
                .iter()
                .all(|(code, _)| *code == Code::NotCompared)
        );
        assert!(table.ended_at_ms.is_some());
    }
}

#[test]
fn refunds_count_as_the_site_counts() {
    let rows = [
        row(1, Standing::Settled),
        row(2, Standing::Refunded),
        row(2, Standing::Refund),
        row(3, Standing::Open),
        row(4, Standing::Gone),
    ];
    let totals = Totals::of(&rows);
    assert_eq!((totals.settlements, totals.refunds), (2, 1));
    assert_eq!(totals.total, rows[0].total);
    let counts = [RefundCount::Add, RefundCount::Skip, RefundCount::Subtract];
    assert_eq!(counts.map(|count| totals.count(count)), [3, 2, 1]);
}

#[test]
fn a_desk_is_read_out_of_a_msgid() {
    assert_eq!(compare::desk_of(&msgid(3, 42)), Some(42));
    for odd in [
        "",
        "H4301009990120260301083021042",
        "H430100999012026030108302104x3",
        "一",
    ] {
        assert_eq!(
            compare::desk_of(odd).filter(|desk| *desk == 42),
            None,
            "{odd}"
        );
    }
}
