//! Goods that come back by their own fields, beside the hand-outs of this desk.

use super::super::*;
use super::{begun, goods, lost, rows, stuck};
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
fn by_the_piece_the_document_tells_too() {
    let out = recorded(&[true, true]);
    let mut pieces = coming(&[(0, &["8101"])]);
    pieces.rows[0].by_piece = true;
    assert_eq!(places(of_hand_out(&out, &pieces)), [1]);
    // The same box, opened for somebody else.
    (pieces.setl_id, pieces.mdtrt_sn) = ("S9".to_owned(), "M9".to_owned());
    assert_eq!(of_hand_out(&out, &pieces), Own::None);
    // A whole package is one thing, whatever is written beside it.
    let mut whole = coming(&[(0, &["8101"])]);
    (whole.setl_id, whole.mdtrt_sn) = ("S9".to_owned(), "M9".to_owned());
    assert_eq!(places(of_hand_out(&out, &whole)), [1]);
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
