//! Goods that come back by their own fields, beside the hand-outs of this desk.

use super::super::*;
use super::{IdNo, begun, goods, lost, rows, stuck};
use crate::settlement::story::Story as _;

fn recorded(taken: &[bool]) -> Dispense {
    let mut out = begun(What::HandOut, "");
    out.apply(&rows(taken), 2_000);
    out
}

/// The goods of the fixture with these rows, each with these trace codes.
fn coming(lines: &[(usize, &[&str])]) -> Goods {
    let all = goods();
    let rows = lines.iter().map(|(index, codes)| Row {
        trace_codes: codes.iter().map(|code| (*code).to_owned()).collect(),
        ..all.rows[*index].clone()
    });
    Goods {
        rows: rows.collect(),
        ..all.clone()
    }
}

fn places(own: Own) -> Vec<u32> {
    let Own::Lines(lines) = own else {
        panic!("they are of it: {own:?}");
    };
    lines.iter().map(|line| line.line).collect()
}

#[test]
fn a_package_tells_whose_it_is() {
    let out = recorded(&[true, true]);
    let both = coming(&[(1, &["8201"]), (0, &["8102"])]);
    assert_eq!(places(of_hand_out(&out, &both)), [2, 1]);
    let strange = coming(&[(0, &["9999"])]);
    assert_eq!(of_hand_out(&out, &strange), Own::None);
    let mixed = coming(&[(0, &["8101"]), (1, &["9999"])]);
    assert_eq!(of_hand_out(&out, &mixed), Own::ButNot(vec![1]));
    // A row that the platform did not take went nowhere from here.
    let partly = recorded(&[false, true]);
    assert_eq!(of_hand_out(&partly, &coming(&[(0, &["8101"])])), Own::None);
    let nothing = recorded(&[false, false]);
    assert_eq!(of_hand_out(&nothing, &both), Own::None);
}

#[test]
fn what_is_in_doubt_is_said_to_be() {
    let both = coming(&[(0, &["8101"]), (1, &["8201"])]);
    let mut lost_one = begun(What::HandOut, "");
    assert_eq!(of_hand_out(&lost_one, &both), Own::InDoubt);
    lost_one.apply(&lost(), 2_000);
    assert_eq!(of_hand_out(&lost_one, &both), Own::InDoubt);
    assert_eq!(of_hand_out(&stuck(What::HandOut, ""), &both), Own::InDoubt);
    let strange = coming(&[(0, &["9999"])]);
    assert_eq!(of_hand_out(&lost_one, &strange), Own::None);
}

#[test]
fn goods_may_be_out_by_a_hand_out_without_an_end() {
    let both = coming(&[(0, &["8101"]), (1, &["8201"])]);
    let other_sale = |mut goods: Goods| {
        goods.setl_id = "another".to_owned();
        goods.mdtrt_sn = "another".to_owned();
        goods
    };
    let mut lost_one = begun(What::HandOut, "");
    assert!(may_be_out(&lost_one, &both), "it is being told");
    lost_one.apply(&lost(), 2_000);
    assert!(may_be_out(&lost_one, &both));
    assert!(
        may_be_out(&lost_one, &other_sale(both.clone())),
        "a whole package goes out once"
    );
    assert!(!may_be_out(&lost_one, &coming(&[(0, &["9999"])])));
    // A known end says what is out: the platform has it, or nothing.
    assert!(!may_be_out(&recorded(&[true, true]), &both));
    assert!(!may_be_out(&recorded(&[false, false]), &both));
    // Of a package that is given by the piece others get their part.
    let mut order = (*lost_one.order.clone().unwrap()).clone();
    let mut pieces = coming(&[(0, &["8101"])]);
    pieces.rows[0].by_piece = true;
    order.goods.rows[0].by_piece = true;
    lost_one.order = Some(order.into());
    assert!(may_be_out(&lost_one, &pieces));
    assert!(!may_be_out(&lost_one, &other_sale(pieces)));
}

/// As recorded, with the first line given by the piece.
fn opened() -> Dispense {
    let mut out = begun(What::HandOut, "");
    let mut order = (*out.order.clone().unwrap()).clone();
    order.goods.rows[0].by_piece = true;
    out.order = Some(order.into());
    out.apply(&rows(&[true, true]), 2_000);
    out
}

#[test]
fn by_the_piece_the_document_or_the_person_tells_too() {
    let out = opened();
    let mut pieces = coming(&[(0, &["8101"])]);
    pieces.rows[0].by_piece = true;
    let person = pieces.certno.clone();
    for (setl_id, mdtrt_sn, certno, is_of_it) in [
        ("S1", "M9", "", true),
        ("S9", "M1", "", true),
        // Another document, or a mistyped one, of the same person.
        ("S9", "M9", person.expose(), true),
        // The same box, opened for somebody else.
        ("S9", "M9", "", false),
        ("S9", "M9", "110101199003070003", false),
    ] {
        (pieces.setl_id, pieces.mdtrt_sn) = (setl_id.to_owned(), mdtrt_sn.to_owned());
        pieces.certno = IdNo::new(certno);
        let own = of_hand_out(&out, &pieces);
        assert_eq!(own != Own::None, is_of_it, "{setl_id} {mdtrt_sn}");
        assert!(!is_of_it || places(own) == [1]);
    }
    let out = recorded(&[true, true]);
    // A whole package is one thing, whatever is written beside it.
    let mut whole = coming(&[(0, &["8101"])]);
    (whole.setl_id, whole.mdtrt_sn) = ("S9".to_owned(), "M9".to_owned());
    assert_eq!(places(of_hand_out(&out, &whole)), [1]);
}

#[test]
fn pieces_are_not_compared_with_packages() {
    let mut both = coming(&[(1, &["8201"]), (0, &["8101"])]);
    assert_eq!(of_hand_out(&opened(), &both), Own::OtherUnit(vec![1]));
    both.rows[1].by_piece = true;
    assert_eq!(places(of_hand_out(&opened(), &both)), [2, 1]);
    let whole = recorded(&[true, true]);
    assert_eq!(of_hand_out(&whole, &both), Own::OtherUnit(vec![1]));
    // Alone, too: 20 pieces are not 20 boxes.
    both.rows.remove(0);
    assert_eq!(of_hand_out(&whole, &both), Own::OtherUnit(vec![0]));
    // Of a box that went to somebody else whole, and was opened since, nothing is said.
    (both.setl_id, both.mdtrt_sn) = ("S9".to_owned(), "M9".to_owned());
    both.certno = IdNo::new("");
    assert_eq!(of_hand_out(&whole, &both), Own::None);
}

#[test]
fn two_rows_of_one_box_find_a_line_each() {
    let mut out = begun(What::HandOut, "");
    let mut order = (*out.order.clone().unwrap()).clone();
    for row in &mut order.goods.rows {
        row.by_piece = true;
        row.trace_codes = vec!["8101".to_owned()];
    }
    out.order = Some(order.into());
    out.apply(&rows(&[true, true]), 2_000);
    let mut pieces = coming(&[(0, &["8101"]), (1, &["8101"])]);
    pieces.rows.iter_mut().for_each(|row| row.by_piece = true);
    assert_eq!(places(of_hand_out(&out, &pieces)), [1, 2]);
}
