//! Differences planted among many rows: exactly those are found, in both ways of reconciling.

use proptest::prelude::*;

use super::model::{Model, accepted, carry, held, msgid, row, told};
use crate::book::Code;
use crate::settlement::bill::Fen;
use crate::settlement::reconcile::his::HisRow;
use crate::settlement::reconcile::row::{Row, Standing};

/// What can be planted on a row of each standing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Plant {
    /// Nothing.
    None,
    /// The platform does not have it; of an open or gone one: it does.
    Presence,
    /// The platform's fund is one fen more.
    Fund,
    /// The platform gave it back, or did not.
    Refund,
    /// Another msgid stands there.
    Msgid,
    /// The platform has another row, of this desk or of one that is not in the set.
    Extra(u16),
}

fn plants() -> impl Strategy<Value = Plant> {
    prop_oneof![
        6 => Just(Plant::None),
        1 => Just(Plant::Presence),
        1 => Just(Plant::Fund),
        1 => Just(Plant::Refund),
        1 => Just(Plant::Msgid),
        1 => Just(Plant::Extra(7)),
        1 => Just(Plant::Extra(9)),
    ]
}

fn standings() -> impl Strategy<Value = Standing> {
    prop_oneof![
        6 => Just(Standing::Settled),
        2 => Just(Standing::Refunded),
        1 => Just(Standing::Open),
        1 => Just(Standing::Gone),
    ]
}

struct Case {
    rows: Vec<Row>,
    model: Model,
    expected: Vec<(Code, String)>,
}

/// Rows numbered from 1; each refunded one brings its refund along.
fn case(chosen: &[(Standing, Plant)], whole: bool) -> Case {
    let mut case = Case {
        rows: Vec::new(),
        model: Model::default(),
        expected: Vec::new(),
    };
    for ((standing, plant), n) in chosen.iter().zip(1_u16..) {
        let mine = row(n, *standing);
        case.plant(&mine, *plant, n, whole);
        case.rows.push(mine);
    }
    case.expected.sort();
    case
}

impl Case {
    fn expect(&mut self, code: Code, row: &Row) {
        self.expected.push((code, row.mdtrt_id.clone()));
    }

    fn plant(&mut self, mine: &Row, plant: Plant, n: u16, whole: bool) {
        if let Plant::Extra(desk) = plant {
            self.extra(n, desk, whole);
        }
        match mine.standing {
            Standing::Open | Standing::Gone => self.plant_uncharged(mine, plant, n),
            Standing::Settled | Standing::Refunded | Standing::Refund => {
                self.plant_charged(mine, plant, n, whole);
            }
        }
    }

    fn extra(&mut self, n: u16, desk: u16, whole: bool) {
        let mut other = row(n + 20_000, Standing::Settled);
        other.desk = desk;
        other.msgid = msgid(n + 20_000, desk);
        self.model.held.push(held(&other));
        // One by one only what a journal knows is asked for.
        if whole {
            let code = if desk == 7 {
                Code::NotInJournals
            } else {
                Code::OtherDesk
            };
            self.expect(code, &other);
        }
    }

    fn plant_uncharged(&mut self, mine: &Row, plant: Plant, n: u16) {
        let found = plant == Plant::Presence;
        if found {
            let mut there = held(mine);
            there.there.setl_id = format!("S{n}");
            self.model.held.push(there);
        }
        match (mine.standing, found) {
            (Standing::Open, true) => self.expect(Code::OpenHereFoundThere, mine),
            (Standing::Open, false) => self.expect(Code::OpenHere, mine),
            (_, true) => self.expect(Code::GoneHereStandsThere, mine),
            (_, false) => {}
        }
    }

    fn plant_charged(&mut self, mine: &Row, plant: Plant, n: u16, whole: bool) {
        let refund = (mine.standing == Standing::Refunded).then(|| Row {
            mdtrt_id: mine.mdtrt_id.clone(),
            psn_no: mine.psn_no.clone(),
            setl_id: format!("R{n}"),
            msgid: msgid(n + 10_000, 7),
            refund_of: mine.setl_id.clone(),
            insutype: mine.insutype.clone(),
            ..row(n, Standing::Refund)
        });
        let mut there = held(mine);
        let mut keeps_refund = true;
        match plant {
            Plant::None | Plant::Extra(_) => {}
            Plant::Presence => {
                self.expect(Code::NotAtPlatform, mine);
                self.push_refund(refund, true);
                return;
            }
            Plant::Fund => {
                there.there.fund = Fen(there.there.fund.0 + 1);
                self.expect(Code::AmountDiffers, mine);
            }
            Plant::Refund if mine.standing == Standing::Refunded => {
                there.there.refunded = false;
                keeps_refund = false;
                self.expect(Code::RefundedHereOnly, mine);
                self.expect(Code::NotAtPlatform, mine);
            }
            Plant::Refund => {
                there.there.refunded = true;
                self.expect(Code::RefundedThereOnly, mine);
                let mut back = held(&row(n, Standing::Refund));
                back.there.setl_id = format!("R{n}");
                back.there.msgid = msgid(n + 10_000, 9);
                self.model.held.push(back);
            }
            // Totals do not show it.
            Plant::Msgid if whole => {}
            Plant::Msgid => {
                there.there.msgid = msgid(n + 30_000, 7);
                self.expect(Code::MsgidDiffers, mine);
            }
        }
        self.model.held.push(there);
        self.push_refund(refund, keeps_refund);
    }

    fn push_refund(&mut self, refund: Option<Row>, at_platform: bool) {
        let Some(refund) = refund else {
            return;
        };
        if at_platform {
            self.model.held.push(held(&refund));
        }
        self.rows.push(refund);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn exactly_what_was_planted_is_found(
        chosen in prop::collection::vec((standings(), plants()), 0..60),
        whole in any::<bool>(),
        loses in prop::option::of(3_usize..9),
    ) {
        let Case { rows, mut model, expected } = case(&chosen, whole);
        // A lost answer now and then changes nothing: the question is asked again.
        model.loses = loses;
        let table = carry(accepted(&rows, None, whole), &mut model);
        prop_assert_eq!(told(&table), expected);
        prop_assert_eq!(table.incomplete, None);
        prop_assert_eq!(table.further, 0);
    }

    #[test]
    fn exactly_what_differs_from_the_his_is_found(
        chosen in prop::collection::vec((standings(), 0_u8..6, any::<bool>()), 0..60),
    ) {
        let plain: Vec<(Standing, Plant)> =
            chosen.iter().map(|(standing, ..)| (*standing, Plant::None)).collect();
        let Case { rows, mut model, .. } = case(&plain, false);
        let mut his = Vec::new();
        let mut expected = Vec::new();
        for (at, row) in rows.iter().enumerate() {
            let (_, plant, by_number) = chosen[at % chosen.len()];
            if row.standing == Standing::Open {
                expected.push((Code::OpenHere, row.mdtrt_id.clone()));
            }
            if !row.standing.counts() {
                continue;
            }
            if plant == 0 {
                expected.push((Code::NotInHisList, row.mdtrt_id.clone()));
                continue;
            }
            let off = i64::from(plant == 1);
            if plant == 1 {
                expected.push((Code::HisAmountDiffers, row.mdtrt_id.clone()));
            }
            his.push(HisRow {
                setl_id: if by_number { row.setl_id.clone() } else { String::new() },
                mdtrt_id: row.mdtrt_id.clone(),
                amount: Fen(row.total.0 + off),
            });
            if plant == 2 {
                let other = format!("X{at}");
                his.push(HisRow { setl_id: other.clone(), mdtrt_id: other.clone(), amount: Fen(1) });
                expected.push((Code::OnlyInHisList, other));
            }
        }
        expected.sort();
        let table = carry(accepted(&rows, Some(his), false), &mut model);
        prop_assert_eq!(told(&table), expected);
    }
}
