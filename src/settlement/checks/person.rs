//! The patient shown is the patient billed, and the insurance that pays is in force.

use crate::book::Code;
use crate::person::{IdNo, Name};
use crate::settlement::insurance;
use crate::settlement::known::{Insurance, Person};
use crate::settlement::order::Patient;

/// 参保状态 in force.
const IN_FORCE: &str = "1";

/// Whether the person of the credential is the one the bill names. A bill that names nobody is let through
/// here: whether the caller may send one was decided when the order was taken.
///
/// # Errors
/// [`Code::PersonMismatch`].
pub fn billed(patient: &Patient, certno: &IdNo, name: &Name) -> Result<(), Code> {
    let number_differs = !patient.certno.is_empty() && !patient.certno.same_as(certno);
    // A name is compared only where there is no number: names are written in more than one way.
    let name_differs =
        patient.certno.is_empty() && !patient.name.is_empty() && patient.name != *name;
    if number_differs || name_differs {
        Err(Code::PersonMismatch)
    } else {
        Ok(())
    }
}

/// The row of `insuinfo` that pays: the caller's choice, or the only one in force.
///
/// # Errors
/// [`Code::InsuranceNotInForce`] when none is, [`Code::InsuranceNotOfPerson`] when others than the chosen one are,
/// [`Code::SeveralInsurances`], [`Code::PersonUnknown`] when there is no row.
pub fn choose_insurance(person: &Person, insutype: &str) -> Result<usize, Code> {
    if person.insuinfo.is_empty() {
        return Err(Code::PersonUnknown);
    }
    let in_force: Vec<usize> = person
        .insuinfo
        .iter()
        .enumerate()
        .filter(|(_, row)| is_in_force(row))
        .filter(|(_, row)| insutype.is_empty() || row.insutype == insutype)
        .map(|(index, _)| index)
        .collect();
    match in_force.as_slice() {
        [] if person.insuinfo.iter().any(is_in_force) => Err(Code::InsuranceNotOfPerson),
        [] => Err(Code::InsuranceNotInForce),
        [one] => Ok(*one),
        // The same kind twice in one answer: the platform lists the newest first.
        [first, ..] if !insutype.is_empty() => Ok(*first),
        [_, _, ..] => Err(Code::SeveralInsurances),
    }
}

/// Of nobody who showed what was wanted in time: what was shown before and was none. Empty: nothing was.
#[must_use]
pub fn shown_before(rejection: Option<Code>) -> String {
    rejection.map_or_else(String::new, |code| {
        format!(
            "此前出示的被拒 refused before: {} {}",
            code.id(),
            code.name()
        )
    })
}

/// Whether this row of insurance is in force.
#[must_use]
pub fn is_in_force(row: &Insurance) -> bool {
    row.psn_insu_stas == IN_FORCE
}

/// The kinds of insurance in force, as a list to choose from: `310 职工基本医疗保险, 390 城乡居民基本医疗保险`.
#[must_use]
pub fn insurances_in_force(person: &Person) -> String {
    let in_force = person.insuinfo.iter().filter(|row| is_in_force(row));
    let mut kinds: Vec<&str> = in_force.map(|row| row.insutype.as_str()).collect();
    kinds.sort_unstable();
    kinds.dedup();
    let shown: Vec<String> = kinds.into_iter().map(insurance::shown).collect();
    shown.join(", ")
}
