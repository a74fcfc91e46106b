//! Rows of which a number, the group or sound amounts are missing, and calls that were surely refused.

use super::model::{Model, accepted, carry, held, msgid, row, told};
use crate::book::Code;
use crate::settlement::bill::Fen;
use crate::settlement::reconcile::his::HisRow;
use crate::settlement::reconcile::row::{Looked, Row, Standing};
use crate::settlement::reconcile::{compare, compare_his};

fn codes(rows: &[Row], whole: bool, model: &Model) -> Vec<Code> {
    let table = carry(accepted(rows, None, whole), &mut model.clone());
    told(&table).into_iter().map(|(code, _)| code).collect()
}

/// Totals do not balance for the sake of another row: the statement is asked for.
fn with_a_stranger(model: &Model) -> Model {
    let mut model = model.clone();
    model.held.push(held(&row(4, Standing::Settled)));
    model
}

/// A refunded settlement whose refund's answer was lost, and the platform that has both.
fn lost() -> ([Row; 2], Model) {
    let original = row(1, Standing::Refunded);
    let nameless = Row {
        setl_id: String::new(),
        refund_of: original.setl_id.clone(),
        msgid: msgid(11, 7),
        ..row(1, Standing::Refund)
    };
    let mut model = Model::of(&[original.clone(), nameless.clone()]);
    model.held[1].there.setl_id = "R1".to_owned();
    ([original, nameless], model)
}

#[test]
fn a_refund_whose_answer_was_lost_agrees_by_its_msgid() {
    let (rows, model) = lost();
    for refuses_5203 in [false, true] {
        let mut model = with_a_stranger(&model);
        model.refuses_5203 = refuses_5203;
        assert_eq!(codes(&rows, true, &model), [Code::NotInJournals]);
        model.held[1].there.fund.0 += 1;
        assert_eq!(
            codes(&rows, true, &model),
            [Code::NotInJournals, Code::AmountDiffers]
        );
    }
    // A second refund of the same amount is none of ours, whichever of the two is listed first.
    let mut second = model.held[1].clone();
    second.there.setl_id = "R2".to_owned();
    second.there.msgid = String::new();
    for place in [1, 2] {
        let mut model = model.clone();
        model.held.insert(place, second.clone());
        assert_eq!(codes(&rows, true, &model), [Code::NotInJournals]);
    }
}

#[test]
fn totals_that_nothing_accounts_for_are_told() {
    let told = |rows: &[Row], model: &Model, unbalanced: &[&'static str]| {
        let mut model = model.clone();
        model.unbalanced = unbalanced.to_vec();
        let table = carry(accepted(rows, None, true), &mut model);
        let differences = table.differences.into_iter();
        differences
            .map(|told| (told.code, told.note))
            .collect::<Vec<_>>()
    };
    let differ = |insutype: &str| (Code::TotalsDiffer, format!("{insutype}/11/430100"));
    // The only line agrees with a refund whose number is not known here: that is in both totals.
    let (rows, model) = lost();
    assert_eq!(told(&rows, &model, &["310"]), [differ("310")]);
    // The statement of another insurance of the same clearing was asked for, and lists something of that one only.
    let rows = [
        row(1, Standing::Settled),
        row(2, Standing::Settled),
        row(3, Standing::Settled),
    ];
    let mut model = Model::of(&rows);
    model.held[0].there.fund.0 += 1;
    let amount = (Code::AmountDiffers, String::new());
    assert_eq!(
        told(&rows, &model, &["390"]),
        [amount.clone(), differ("390")]
    );
    model.held[2].there.fund.0 += 1;
    assert_eq!(told(&rows, &model, &["390"]), [amount.clone(), amount]);
    // A line of no journal is of one insurance, nobody says of which.
    let model = with_a_stranger(&Model::of(&rows));
    let stranger = (Code::NotInJournals, String::new());
    assert_eq!(told(&rows, &model, &[]), std::slice::from_ref(&stranger));
    assert_eq!(
        told(&rows, &model, &["390"]),
        [stranger, differ("310"), differ("390")]
    );
}

/// A settlement that a person stated: nobody answered under what it is cleared.
fn stated(n: u16, standing: Standing) -> Row {
    Row {
        clr_type: String::new(),
        ..row(n, standing)
    }
}

#[test]
fn a_stated_settlement_is_compared_by_its_number() {
    let back = Row {
        setl_id: "R5".to_owned(),
        refund_of: "S5".to_owned(),
        ..stated(5, Standing::Refund)
    };
    let rows = [
        row(1, Standing::Settled),
        stated(2, Standing::Settled),
        stated(5, Standing::Refunded),
        back.clone(),
    ];
    let placed = rows.clone().map(|row| Row {
        clr_type: "11".to_owned(),
        ..row
    });
    let model = Model::of(&placed);
    for refuses_5203 in [false, true] {
        let mut model = model.clone();
        model.refuses_5203 = refuses_5203;
        assert_eq!(codes(&rows, true, &model), [], "5203: {refuses_5203}");
        let mut alone = model.clone();
        alone.held = vec![model.held[1].clone()];
        assert_eq!(codes(&rows[1..2], true, &alone), []);
        let mut other = model.clone();
        other.held[1].there.account.0 += 1;
        assert_eq!(codes(&rows, true, &other), [Code::AmountDiffers]);
        model.held.remove(3);
        model.held.remove(1);
        let missing = [Code::NotAtPlatform, Code::NotAtPlatform];
        assert_eq!(codes(&rows, true, &model), missing, "5203: {refuses_5203}");
    }
    let mut down = model;
    down.loses = Some(1);
    assert!(
        codes(&rows, true, &down)
            .iter()
            .all(|code| *code == Code::NotCompared)
    );
}

#[test]
fn a_set_recorded_without_those_questions_is_told_as_it_was_carried() {
    let mut event = accepted(&[stated(2, Standing::Settled)], None, true);
    let crate::settlement::reconcile::story::Event::Accepted { plan, .. } = &mut event else {
        panic!("it is accepted");
    };
    plan.as_mut().unwrap().asks_unplaced = false;
    let mut model = Model::default();
    let table = carry(event, &mut model);
    assert_eq!(told(&table), [(Code::NotCompared, "M2".to_owned())]);
    assert_eq!(model.asked.into_keys().collect::<Vec<_>>(), ["3201"]);
}

#[test]
fn a_call_that_was_sent_anew_is_no_difference() {
    let settled = row(1, Standing::Settled);
    let refused = Row {
        standing: Standing::Gone,
        setl_id: String::new(),
        msgid: msgid(11, 7),
        ..settled.clone()
    };
    let mut model = Model::of(std::slice::from_ref(&settled));
    model.unclear_of_others = true;
    let rows = [refused.clone(), settled.clone()];
    assert_eq!(codes(&rows, false, &model), []);
    // Of one that was not sent anew the answer says too little.
    let alone = Row {
        settlement_id: "id-9".to_owned(),
        ..refused.clone()
    };
    assert_eq!(codes(&[alone, settled], false, &model), [Code::NotCompared]);
    // It stands there after all.
    let mut charged = held(&refused);
    charged.there.setl_id = "S11".to_owned();
    model.held.push(charged);
    assert_eq!(codes(&rows, false, &model), [Code::GoneHereStandsThere]);
}

#[test]
fn parts_that_made_no_total_are_not_compared_once_given_back() {
    let sound = row(1, Standing::Refunded);
    let broken = Row {
        fund: Fen(sound.fund.0 + sound.account.0),
        parts_are_broken: true,
        ..sound.clone()
    };
    let back = Row {
        setl_id: "R1".to_owned(),
        ..row(1, Standing::Refund)
    };
    let model = Model::of(&[sound.clone(), back.clone()]);
    for whole in [false, true] {
        assert_eq!(codes(&[broken.clone(), back.clone()], whole, &model), []);
    }
    let there = |row: &Row| Looked::There(held(row).there);
    let less = Row {
        total: Fen(1),
        ..sound.clone()
    };
    let told = compare::with_platform(&broken, &there(&less));
    assert_eq!(told.len(), 1);
    assert_eq!(told[0].field, "medfee_sumamt");
    // What stands is compared in every part.
    let stands = Row {
        standing: Standing::Settled,
        ..broken
    };
    let there = there(&Row {
        standing: Standing::Settled,
        ..sound
    });
    assert_eq!(
        compare::with_platform(&stands, &there)[0].field,
        "fund_pay_sumamt"
    );
}

/// Three amounts that do not make up the fourth, and are sound: the account inside the fund, a hospital's share.
#[test]
fn sound_parts_are_compared_once_given_back_however_they_divide() {
    let inside = |row: Row| Row {
        fund: Fen(row.fund.0 + row.account.0),
        ..row
    };
    let shared = |row: Row| Row {
        fund: Fen(row.fund.0 - row.account.0 / 2),
        ..row
    };
    let divided: [&dyn Fn(Row) -> Row; 2] = [&inside, &shared];
    for divide in divided {
        let rows = [
            divide(row(1, Standing::Refunded)),
            Row {
                setl_id: "R1".to_owned(),
                ..divide(row(1, Standing::Refund))
            },
        ];
        let model = Model::of(&rows);
        for (whole, refuses_5203) in [(false, false), (true, false), (true, true)] {
            assert_eq!(codes(&rows, whole, &model), []);
            for at in [0, 1] {
                let mut model = model.clone();
                model.refuses_5203 = refuses_5203;
                model.held[at].there.fund.0 += 1;
                assert_eq!(codes(&rows, whole, &model), [Code::AmountDiffers]);
            }
        }
    }
}

#[test]
fn a_set_recorded_without_marks_is_carried_by_its_amounts() {
    let row = Row {
        fund: Fen(1),
        ..row(1, Standing::Refunded)
    };
    let model = Model::of(&[self::row(1, Standing::Refunded)]);
    for (marks, expected) in [(true, vec![Code::AmountDiffers]), (false, vec![])] {
        let mut event = accepted(std::slice::from_ref(&row), None, false);
        let crate::settlement::reconcile::story::Event::Accepted { plan, .. } = &mut event else {
            panic!("it is accepted");
        };
        plan.as_mut().unwrap().marks_broken_parts = marks;
        let table = carry(event, &mut model.clone());
        let codes: Vec<Code> = told(&table).into_iter().map(|(code, _)| code).collect();
        assert_eq!(codes, expected, "{marks}");
    }
}

#[test]
fn what_the_his_lists_twice_is_said_to_be_twice() {
    let rows = [row(1, Standing::Settled), row(2, Standing::Settled)];
    let entry = |setl_id: &str, mdtrt_id: &str, amount: Fen| HisRow {
        setl_id: setl_id.to_owned(),
        mdtrt_id: mdtrt_id.to_owned(),
        amount,
    };
    let one = entry("S1", "", rows[0].total);
    let two = entry("", "M2", rows[1].total);
    let his = [one.clone(), two.clone(), one, two, entry("X", "", Fen(1))];
    let told: Vec<Code> = compare_his::with_his(&rows, &his)
        .into_iter()
        .map(|told| told.code)
        .collect();
    assert_eq!(
        told,
        [
            Code::HisListsTwice,
            Code::HisListsTwice,
            Code::OnlyInHisList
        ]
    );
    let negative = entry("S1", "", Fen(-1));
    let told = compare_his::with_his(&rows[..1], &[entry("S1", "", rows[0].total), negative]);
    assert_eq!(
        told[0].code,
        Code::OnlyInHisList,
        "a refund that no journal has"
    );
}
