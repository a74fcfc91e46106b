//! Sets of the largest size: what a fold costs. It runs on a thread that carries tasks.

use super::model::{Model, accepted, carry, row};
use crate::book::Code;
use crate::settlement::bill::Fen;
use crate::settlement::reconcile::compare;
use crate::settlement::reconcile::compare_his::with_his;
use crate::settlement::reconcile::his::HisRow;
use crate::settlement::reconcile::row::{Row, Standing, StatementRow};
use crate::settlement::reconcile::{DIFFERENCES_MAX, ROWS_MAX};

/// Ticks of this thread, however busy the machine: 10 ms each. A comparison of each with each takes some thousands
/// without optimisation.
const TICKS_MAX: u64 = 300;

/// What this thread has used by now.
fn ticks() -> u64 {
    let stat = std::fs::read_to_string("/proc/thread-self/stat").unwrap();
    let (_, after_name) = stat.rsplit_once(") ").unwrap();
    let utime = after_name.split(' ').nth(11).unwrap();
    utime.parse().unwrap()
}

fn rows() -> Vec<Row> {
    let count = u16::try_from(ROWS_MAX).unwrap();
    (0..count).map(|n| row(n, Standing::Settled)).collect()
}

fn entry(setl_id: String, mdtrt_id: String) -> HisRow {
    HisRow {
        setl_id,
        mdtrt_id,
        amount: Fen(1),
    }
}

#[test]
fn the_longest_list_of_the_his_is_compared_at_once() {
    let rows = rows();
    let backwards = (0..ROWS_MAX).rev();
    let unknown = (0..ROWS_MAX).map(|n| entry(format!("X{n}"), String::new()));
    for (his, code) in [
        (
            backwards
                .clone()
                .map(|n| entry(format!("S{n}"), String::new()))
                .collect::<Vec<HisRow>>(),
            Code::HisAmountDiffers,
        ),
        (
            backwards
                .map(|n| entry(String::new(), format!("M{n}")))
                .collect(),
            Code::HisAmountDiffers,
        ),
        (unknown.collect(), Code::OnlyInHisList),
    ] {
        let before = ticks();
        let differences = with_his(&rows, &his);
        assert!(ticks() - before < TICKS_MAX, "{} ticks", ticks() - before);
        assert_eq!(differences[0].code, code);
    }
}

#[test]
fn a_table_that_is_full_is_still_found_in_at_once() {
    let rows = rows();
    let unknown: Vec<HisRow> = (0..ROWS_MAX)
        .map(|n| entry(format!("X{n}"), String::new()))
        .collect();
    let before = ticks();
    let table = carry(
        accepted(&rows[..1], Some(unknown), false),
        &mut Model::default(),
    );
    assert!(ticks() - before < TICKS_MAX, "{} ticks", ticks() - before);
    assert_eq!(table.differences.len(), DIFFERENCES_MAX);
    // One row of ours is not in the list, and not at the platform.
    let further = usize::try_from(table.further).unwrap();
    assert_eq!(further, ROWS_MAX + 2 - DIFFERENCES_MAX);
}

#[test]
fn lines_without_numbers_are_placed_at_once() {
    let rows = rows();
    let lines: Vec<StatementRow> = (0..ROWS_MAX)
        .map(|n| StatementRow {
            psn_no: format!("P{n}"),
            mdtrt_id: format!("M{n}"),
            setl_id: String::new(),
            msgid: String::new(),
            stmt_rslt: "1".to_owned(),
            refunded: n % 2 == 0,
            memo: String::new(),
            total: Fen(-1),
            fund: Fen::ZERO,
            account: Fen::ZERO,
        })
        .collect();
    let before = ticks();
    let listed = compare::with_statement(&rows, &lines, &[]);
    assert!(ticks() - before < TICKS_MAX, "{} ticks", ticks() - before);
    assert_eq!(listed.differences.len(), ROWS_MAX);
}
