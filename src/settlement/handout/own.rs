//! Whether goods that come back by their own fields were handed out here. A package tells: its trace code, and the
//! document or person where one package is given to several by the piece. Pieces are not packages: what went out as
//! the one does not come back as the other, for their counts cannot be compared.

use super::check::Returned;
use super::goods::{Goods, Row};
use super::state::{Dispense, Ending, Phase};

/// How goods stand to a hand-out of this desk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Own {
    /// None of them is of it.
    None,
    /// They are these lines of it.
    Lines(Vec<Returned>),
    /// Some are; the rows at these places are not.
    ButNot(Vec<usize>),
    /// The rows at these places are of it, whole where it was given by the piece, or the other way round.
    OtherUnit(Vec<usize>),
    /// Some are, and nobody knows yet whether the platform has that hand-out.
    InDoubt,
}

/// Finds these goods in a hand-out.
#[must_use]
pub fn of_hand_out(hand_out: &Dispense, goods: &Goods) -> Own {
    let Some(order) = hand_out.order.as_deref() else {
        return Own::None;
    };
    let in_doubt = match hand_out.phase {
        Phase::Ended(Ending::Refused) => return Own::None,
        Phase::Ended(Ending::Recorded) => false,
        Phase::Telling | Phase::InDoubt | Phase::Stuck => true,
    };
    let linked = same_document(&order.goods, goods) || same_person(&order.goods, goods);
    let mut lines: Vec<Returned> = Vec::new();
    let (mut others, mut other_unit) = (Vec::new(), Vec::new());
    for (place, row) in goods.rows.iter().enumerate() {
        let handed = (1..).zip(&order.goods.rows).filter(|(line, handed)| {
            let index = usize::try_from(*line - 1).unwrap_or(usize::MAX);
            let is_there = in_doubt || hand_out.rows.get(index).is_some_and(|row| row.is_taken);
            is_there && same_package(handed, row, linked)
        });
        let (same, other): (Vec<_>, Vec<_>) =
            handed.partition(|(_, handed)| handed.by_piece == row.by_piece);
        let found: Vec<u32> = same.into_iter().map(|(line, _)| line).collect();
        let is_free = |line: &&u32| lines.iter().all(|other| other.line != **line);
        match found.iter().find(is_free).or(found.first()) {
            Some(line) => lines.push(Returned {
                line: *line,
                sel_retn_cnt: row.sel_retn_cnt,
                trace_codes: row.trace_codes.clone(),
                memo: row.memo.clone(),
            }),
            None if other.is_empty() => others.push(place),
            None => other_unit.push(place),
        }
    }
    if lines.is_empty() && other_unit.is_empty() {
        Own::None
    } else if in_doubt {
        Own::InDoubt
    } else if !other_unit.is_empty() {
        Own::OtherUnit(other_unit)
    } else if others.is_empty() {
        Own::Lines(lines)
    } else {
        Own::ButNot(others)
    }
}

/// Whether goods of this hand-out are among these, and nobody knows yet if it is recorded. Packages that are given by
/// the piece go out more than once: only those of the same sale count.
#[must_use]
pub fn may_be_out(hand_out: &Dispense, goods: &Goods) -> bool {
    let order = hand_out.order.as_deref();
    if order.is_some_and(|order| same_document(&order.goods, goods)) {
        return of_hand_out(hand_out, goods) == Own::InDoubt;
    }
    let rows = goods.rows.iter().filter(|row| !row.by_piece);
    let whole = Goods {
        rows: rows.cloned().collect(),
        ..goods.clone()
    };
    of_hand_out(hand_out, &whole) == Own::InDoubt
}

/// Whether two tell of one sale.
#[must_use]
pub fn same_document(one: &Goods, other: &Goods) -> bool {
    let same = |one: &str, other: &str| !one.is_empty() && one == other;
    same(&one.setl_id, &other.setl_id) || same(&one.mdtrt_sn, &other.mdtrt_sn)
}

/// Whether two are of one person. Who is not named is nobody's same.
#[must_use]
pub fn same_person(one: &Goods, other: &Goods) -> bool {
    !one.certno.is_empty() && one.certno.same_as(&other.certno)
}

/// `linked`: by document or person.
fn same_package(handed: &Row, row: &Row, linked: bool) -> bool {
    let whole = !handed.by_piece && !row.by_piece;
    let shared = |code: &String| handed.trace_codes.contains(code);
    (whole || linked) && row.trace_codes.iter().any(shared)
}
