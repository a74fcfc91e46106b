//! What comes back: of which hand-out of this desk it is, and what came back of that before.

use std::collections::BTreeMap;

use super::ask::{CallerId, Failure};
use super::dispense::{HandedOut, TakeBack, fault};
use super::operations::Operations;
use super::settle::{faulty, unreadable};
use crate::book::Code;
use crate::journal::{Filter, PersonKeyInput};
use crate::settlement::handout::{
    Dispense, Goods, Own, check, of_hand_out, same_document, subject_of, take_back,
};
use crate::settlement::story::Story as _;

/// Take-backs of one hand-out that are looked at; it has no more, or nothing further is taken back.
const TAKE_BACKS_MAX: u32 = 400;
/// Hand-outs of one document, or of one person, that are compared with goods that come back, newest first.
const HAND_OUTS_MAX: u32 = 100;

/// What a take-back tells.
pub(super) struct ComingBack {
    /// The hand-out of this desk that it is a part of, empty when there is none.
    pub(super) of: String,
    /// The goods as they go to the platform.
    pub(super) goods: Goods,
    /// The place of each row in the hand-out.
    pub(super) places: Vec<u32>,
}

impl Operations {
    /// The hand-out that it is a part of, and the goods as they go to the platform.
    pub(super) async fn coming_back(
        &self,
        caller: &CallerId,
        wish: &TakeBack,
    ) -> Result<ComingBack, Failure> {
        let id = match &wish.of {
            HandedOut::Id(id) => id.clone(),
            HandedOut::RequestId(request_id) => self.dispense_id(caller, request_id).await?,
            HandedOut::Goods(goods) => {
                let mut goods = (**goods).clone();
                self.complete(caller, &mut goods).await?;
                check(&goods, "goods").map_err(|faults| faulty(&faults))?;
                return match self.own_hand_out(&goods).await? {
                    Some((of, places)) => Ok(ComingBack { of, goods, places }),
                    None => Ok(ComingBack {
                        of: String::new(),
                        places: (1..).zip(&goods.rows).map(|(line, _)| line).collect(),
                        goods,
                    }),
                };
            }
        };
        let hand_out = self.stored_dispense(&id).await?;
        let before = self.taken_back_of(&id).await?;
        let goods = take_back(&hand_out, &before, &wish.lines, "lines").map_err(|f| faulty(&f))?;
        let places = wish.lines.iter().map(|returned| returned.line).collect();
        Ok(ComingBack {
            of: id,
            goods,
            places,
        })
    }

    /// The hand-out of this desk that gave these packages out and has them out still, and the places of the rows
    /// in it. None when this desk did not.
    async fn own_hand_out(&self, goods: &Goods) -> Result<Option<(String, Vec<u32>)>, Failure> {
        let mut first = None;
        for hand_out in self.likely(goods).await? {
            let id = &hand_out.id;
            let faults = match of_hand_out(&hand_out, goods) {
                Own::None => continue,
                Own::InDoubt => {
                    let what = format!("hand-out {id} of these packages is in doubt");
                    vec![fault(Code::DispenseUnknown, "goods", what)]
                }
                Own::ButNot(rows) => {
                    let what = format!("is not of hand-out {id}, as others are: apart, please");
                    let path = |row: usize| format!("goods.lines[{row}]");
                    let rows = rows.into_iter().map(path);
                    rows.map(|at| fault(Code::RequestInvalid, at, what.clone()))
                        .collect()
                }
                Own::Lines(lines) => {
                    let before = self.taken_back_of(id).await?;
                    match take_back(&hand_out, &before, &lines, "goods.lines") {
                        Ok(_) => {
                            let places = lines.iter().map(|returned| returned.line).collect();
                            return Ok(Some((hand_out.id, places)));
                        }
                        Err(faults) => faults,
                    }
                }
            };
            // A package may have come back and gone out again: an older hand-out may have it out.
            first.get_or_insert(faults);
        }
        first.map_or(Ok(None), |faults| Err(faulty(&faults)))
    }

    /// Hand-outs of the same document or person, newest first.
    async fn likely(&self, goods: &Goods) -> Result<Vec<Dispense>, Failure> {
        let of_kind = || Filter {
            kind: Some(Dispense::KIND.to_owned()),
            limit: HAND_OUTS_MAX,
            ..Filter::default()
        };
        let numbers = [&goods.setl_id, &goods.mdtrt_sn].into_iter();
        let mut filters: Vec<Filter> = (numbers.filter(|number| !number.is_empty()))
            .map(|number| Filter {
                text: Some(number.clone()),
                ..of_kind()
            })
            .collect();
        if !goods.certno.is_empty() {
            filters.push(Filter {
                person: Some(PersonKeyInput::new(goods.certno.expose())),
                ..of_kind()
            });
        }
        let mut streams = BTreeMap::new();
        for filter in filters {
            let rows = self.parts().journal.list(filter).await;
            let rows = rows.map_err(|error| unreadable(&error))?;
            streams.extend(rows.into_iter().map(|row| (row.first_seq, row.stream)));
        }
        let mut likely = Vec::new();
        for stream in streams.into_values().rev() {
            let story = self.stored_dispense(&stream).await?;
            let is_likely = story.order.as_deref().is_some_and(|order| {
                let certno = &order.goods.certno;
                let same_person = !certno.is_empty() && certno.same_as(&goods.certno);
                same_person || same_document(&order.goods, goods)
            });
            if is_likely && story.is_hand_out() {
                likely.push(story);
            }
        }
        Ok(likely)
    }

    /// What was taken back of a hand-out before, or may have been.
    async fn taken_back_of(&self, hand_out: &str) -> Result<Vec<Dispense>, Failure> {
        let filter = Filter {
            kind: Some(Dispense::KIND.to_owned()),
            visit: Some(subject_of(hand_out)),
            limit: TAKE_BACKS_MAX,
            ..Filter::default()
        };
        let rows = self.parts().journal.list(filter).await;
        let rows = rows.map_err(|error| unreadable(&error))?;
        if u32::try_from(rows.len()).is_ok_and(|found| found >= TAKE_BACKS_MAX) {
            let what = format!("it was taken back {TAKE_BACKS_MAX} times");
            return Err(faulty(&[fault(Code::TakenBackTooMuch, "lines", what)]));
        }
        let mut before = Vec::new();
        for row in rows {
            before.push(self.stored_dispense(&row.stream).await?);
        }
        Ok(before)
    }
}
