//! Who may be billed by whose code, and which insurance pays.

use crate::book::Code;
use crate::person::{IdNo, Name};
use crate::settlement::checks::person::{billed, choose_insurance};
use crate::settlement::order::Patient;
use crate::settlement::tests::sample::{self, OTHER_CERTNO, OUR_CERTNO, insurance};

#[test]
fn the_patient_shown_is_the_patient_billed() {
    let table = [
        // bill's number, bill's name, shown number, shown name, fits
        (OUR_CERTNO, "测试甲", OUR_CERTNO, "测试甲", true),
        (OUR_CERTNO, "", OUR_CERTNO, "测试甲", true),
        // Names are written in more than one way: the number decides.
        (OUR_CERTNO, "测试乙", OUR_CERTNO, "测试甲", true),
        (OTHER_CERTNO, "测试甲", OUR_CERTNO, "测试甲", false),
        (OUR_CERTNO, "测试甲", "", "测试甲", false),
        ("", "测试甲", OUR_CERTNO, "测试甲", true),
        ("", "测试乙", OUR_CERTNO, "测试甲", false),
        ("", "测试甲", OUR_CERTNO, "", false),
        ("", "", OUR_CERTNO, "测试甲", true),
        ("11010119000101100x", "", OTHER_CERTNO, "", true),
    ];
    for (row, (certno, name, shown_certno, shown_name, fits)) in table.into_iter().enumerate() {
        let patient = Patient {
            certno: IdNo::new(certno),
            name: Name::new(name),
            his_id: String::new(),
        };
        let found = billed(&patient, &IdNo::new(shown_certno), &Name::new(shown_name));
        let expected = if fits {
            Ok(())
        } else {
            Err(Code::PersonMismatch)
        };
        assert_eq!(found, expected, "row {row}");
    }
}

#[test]
fn the_insurance_in_force_pays() {
    type Row<'a> = (&'a [(&'a str, &'a str)], &'a str, Result<usize, Code>);
    let table: [Row<'_>; 12] = [
        (&[], "", Err(Code::PersonUnknown)),
        (&[], "310", Err(Code::PersonUnknown)),
        (&[("310", "1")], "", Ok(0)),
        (&[("310", "2")], "", Err(Code::InsuranceNotInForce)),
        (&[("310", "2"), ("390", "1")], "", Ok(1)),
        (
            &[("310", "1"), ("390", "1")],
            "",
            Err(Code::SeveralInsurances),
        ),
        (&[("310", "1"), ("390", "1")], "390", Ok(1)),
        (
            &[("310", "1"), ("390", "2")],
            "390",
            Err(Code::InsuranceNotOfPerson),
        ),
        (&[("310", "2")], "310", Err(Code::InsuranceNotInForce)),
        (&[("310", "1")], "390", Err(Code::InsuranceNotOfPerson)),
        (&[("310", "2"), ("310", "1"), ("310", "1")], "310", Ok(1)),
        (
            &[("310", "1"), ("310", "1")],
            "",
            Err(Code::SeveralInsurances),
        ),
    ];
    for (rows, wanted, expected) in table {
        let insuinfo = rows
            .iter()
            .map(|(kind, stas)| insurance(kind, stas))
            .collect();
        let person = sample::person(OUR_CERTNO, insuinfo);
        assert_eq!(
            choose_insurance(&person, wanted),
            expected,
            "{rows:?} {wanted}"
        );
    }
}
