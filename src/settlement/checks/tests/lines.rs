//! The split of 2101: whose lines, what amounts, and what is only noted.

use crate::book::Code;
use crate::settlement::amounts::Amounts;
use crate::settlement::bill::Fen;
use crate::settlement::call::LineSplit;
use crate::settlement::checks::lines::split;
use crate::settlement::tests::sample;

/// Two lines of 60.00 and 40.00; the first has a part of each kind.
fn right() -> (Vec<LineSplit>, Amounts) {
    let line = |feedetl_sn: &str, parts: [i64; 4]| LineSplit {
        feedetl_sn: feedetl_sn.to_owned(),
        chrgitm_lv: "02".to_owned(),
        det_item_fee_sumamt: Fen(parts.iter().sum()),
        fulamt_ownpay_amt: Fen(parts[0]),
        overlmt_amt: Fen(parts[1]),
        preselfpay_amt: Fen(parts[2]),
        inscp_scp_amt: Fen(parts[3]),
    };
    let header = Amounts {
        fulamt_ownpay_amt: Fen(1_000),
        overlmt_selfpay: Fen(500),
        preselfpay_amt: Fen(600),
        inscp_scp_amt: Fen(7_900),
        ..Amounts::default()
    };
    let lines = vec![
        line("F1", [1_000, 500, 600, 3_900]),
        line("F2", [0, 0, 0, 4_000]),
    ];
    (lines, header)
}

fn checked(
    change: impl FnOnce(&mut Vec<LineSplit>, &mut Amounts),
    harden: &[&str],
) -> Result<Vec<String>, Code> {
    let mut order = sample::order();
    order.bills[0].lines = vec![
        sample::line("60", "1", 6_000),
        sample::line("40", "1", 4_000),
    ];
    let (mut lines, mut header) = right();
    change(&mut lines, &mut header);
    let mut rules = sample::rules();
    rules.hardened = harden.iter().map(|name| (*name).to_owned()).collect();
    let numbers = ["F1".to_owned(), "F2".to_owned()];
    split(&order, &numbers, &lines, &header, &rules)
}

#[test]
fn a_split_that_adds_up_holds_in_any_order() {
    assert_eq!(checked(|_, _| (), &["E8"]), Ok(Vec::new()));
    assert_eq!(checked(|lines, _| lines.reverse(), &["E8"]), Ok(Vec::new()));
    // A site that does not split at all is not asked to.
    assert_eq!(checked(|lines, _| lines.clear(), &["E8"]), Ok(Vec::new()));
}

#[test]
fn a_line_with_another_amount_or_no_split_is_refused() {
    let imbalanced = Err(Code::AmountsImbalanced);
    let other = |lines: &mut Vec<LineSplit>, _: &mut Amounts| {
        lines[0].det_item_fee_sumamt = Fen(6_001);
        lines[1].det_item_fee_sumamt = Fen(3_999);
    };
    assert_eq!(checked(other, &[]), imbalanced);
    assert_eq!(checked(|lines, _| drop(lines.pop()), &[]), imbalanced);
    let stranger = |lines: &mut Vec<LineSplit>, _: &mut Amounts| {
        lines[1].feedetl_sn = "F3".to_owned();
    };
    assert_eq!(checked(stranger, &[]), imbalanced);
}

#[test]
fn parts_that_do_not_add_up_are_noted_or_refused_where_hardened() {
    type Spoil = fn(&mut Vec<LineSplit>, &mut Amounts);
    let spoilt: [Spoil; 6] = [
        |lines, _| lines[1].inscp_scp_amt.0 -= 1,
        |lines, _| lines[0].overlmt_amt.0 += 1,
        |_, header| header.fulamt_ownpay_amt.0 += 1,
        |_, header| header.overlmt_selfpay.0 += 1,
        |_, header| header.preselfpay_amt.0 += 1,
        |_, header| header.inscp_scp_amt.0 += 1,
    ];
    for spoil in spoilt {
        assert_eq!(checked(spoil, &["E5", "E9"]), Ok(vec!["E8".to_owned()]));
        assert_eq!(checked(spoil, &["E8"]), Err(Code::AmountsImbalanced));
    }
}
