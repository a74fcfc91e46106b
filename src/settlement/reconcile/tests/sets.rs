//! Exports and the set that is made of them.

use std::collections::BTreeSet;

use super::model::row;
use crate::book::Code;
use crate::settlement::reconcile::export::Export;
use crate::settlement::reconcile::row::{Row, Standing};
use crate::settlement::reconcile::span::Span;
use crate::settlement::reconcile::{ROWS_MAX, gather};

fn export(desk: u16) -> Export {
    let rows = Standing::ALL.into_iter().zip(1..);
    Export {
        fixmedins_code: "H43010099901".to_owned(),
        desk,
        span: Span::parse("2026-03-01", "2026-03-02").unwrap(),
        forgotten: 2,
        rows: rows
            .map(|(standing, n)| Row {
                desk,
                ..row(n, standing)
            })
            .collect(),
    }
}

#[test]
fn an_export_comes_back_as_it_was() {
    let export = export(12);
    let text = export.text();
    assert_eq!(Export::parse(&text).unwrap(), export);
    assert_eq!(Export::parse(&text.replace('\n', "\r\n")).unwrap(), export);
    let empty = Export {
        rows: Vec::new(),
        ..export
    };
    assert_eq!(Export::parse(&empty.text()).unwrap(), empty);
}

#[test]
fn broken_parts_have_a_column_where_there_are_some() {
    let plain = export(12);
    let mut marked = plain.clone();
    marked.rows[1].parts_are_broken = true;
    let text = marked.text();
    assert_eq!(Export::parse(&text).unwrap(), marked);
    assert!(text.contains("\tpsn_cash_pay\tparts\n"), "{text}");
    // The form that every version reads.
    assert!(plain.text().contains("\tpsn_cash_pay\n"));
}

#[test]
fn a_cut_or_changed_export_is_noticed_at_every_byte() {
    let mut export = export(12);
    export.rows[2].parts_are_broken = true;
    let text = export.text();
    assert!(text.is_ascii());
    for end in 0..text.len() - 1 {
        let fault = Export::parse(&text[..end]).unwrap_err();
        assert_eq!(fault.code, Code::ExportDamaged, "cut at {end}");
    }
    for at in 0..text.len() - 1 {
        let mut bytes = text.clone().into_bytes();
        bytes[at] ^= 1;
        let Ok(changed) = String::from_utf8(bytes) else {
            continue;
        };
        assert!(Export::parse(&changed).is_err(), "changed at {at}");
    }
    // A whole line lost, two lines swapped.
    let lines: Vec<&str> = text.lines().collect();
    let mut lost = lines.clone();
    lost.remove(8);
    let mut swapped = lines.clone();
    swapped.swap(8, 9);
    for lines in [lost, swapped] {
        assert!(Export::parse(&lines.join("\n")).is_err());
    }
}

#[test]
fn the_set_is_the_one_that_was_named() {
    let span = Span::parse("2026-03-01", "2026-03-02").unwrap();
    let check = |desks: &[u16], exports: &[Export]| {
        let desks: BTreeSet<u16> = desks.iter().copied().collect();
        let named = gather::Named {
            fixmedins_code: "H43010099901",
            desk: 7,
            span: &span,
            desks: &desks,
        };
        gather::check(&named, exports).err().map(|fault| fault.code)
    };
    assert_eq!(check(&[7, 8, 9], &[export(9), export(8)]), None);
    assert_eq!(check(&[7], &[]), None);
    assert_eq!(
        check(&[7, 8, 9], &[export(8)]),
        Some(Code::ExportDeskMissing)
    );
    assert_eq!(
        check(&[7, 8], &[export(8), export(8)]),
        Some(Code::ExportDeskTwice)
    );
    assert_eq!(
        check(&[7, 8], &[export(7), export(8)]),
        Some(Code::ExportDeskTwice)
    );
    assert_eq!(
        check(&[7, 8], &[export(8), export(9)]),
        Some(Code::ExportDeskNotNamed)
    );
    let of_others = Export {
        fixmedins_code: "H43010099902".to_owned(),
        ..export(8)
    };
    assert_eq!(
        check(&[7, 8], &[of_others]),
        Some(Code::ExportOtherHospital)
    );
    let of_other_days = Export {
        span: Span::parse("2026-03-01", "").unwrap(),
        ..export(8)
    };
    assert_eq!(
        check(&[7, 8], &[of_other_days]),
        Some(Code::ExportOtherSpan)
    );
}

#[test]
fn a_refund_at_another_desk_counts_for_the_original() {
    let original = row(1, Standing::Settled);
    let refund = Row {
        desk: 8,
        setl_id: "R1".to_owned(),
        refund_of: original.setl_id.clone(),
        clr_optins: String::new(),
        ..row(1, Standing::Refund)
    };
    let rows = gather::merge([vec![refund], vec![original]], "430199").unwrap();
    assert_eq!(rows[0].standing, Standing::Refunded);
    assert_eq!((rows[0].desk, rows[1].desk), (7, 8));
    assert_eq!(
        rows[1].clr_optins, "430199",
        "an office for the platform that named none"
    );
    assert_eq!(gather::groups(&rows, &[]).len(), 2);
    let many = vec![row(1, Standing::Settled); ROWS_MAX + 1];
    assert_eq!(
        gather::merge([many], "").unwrap_err().code,
        Code::TooManySettlements
    );
}
