//! What comes back: of which hand-out of this desk it is, and what came back of that before.

use std::collections::BTreeMap;

use super::ask::{CallerId, Failure};
use super::dispense::{HandedOut, TakeBack, fault};
use super::look::field_text;
use super::operations::Operations;
use super::settle::{faulty, unreadable};
use crate::book::Code;
use crate::journal::{Error, Filter, PersonKeyInput, StreamRow};
use crate::settlement::handout::{
    Dispense, Goods, Own, check, may_be_out, of_hand_out, same_document, same_person, subject_of,
    take_back,
};
use crate::settlement::story::Story as _;

/// Take-backs of one hand-out that are looked at; it has no more, or nothing further is taken back.
const TAKE_BACKS_MAX: u32 = 400;
/// Hand-outs and take-backs of one document, or of one person, that are looked through for the one that goods come
/// back of: more than a person has in years. Where there are more the hand-out must be named.
const LIKELY_MAX: usize = 1_000;
/// Of these, asked for at once.
const LIKELY_PAGE: u32 = 100;

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
                Own::OtherUnit(rows) => {
                    let what = format!("is not as hand-out {id} gave the package out");
                    let path = |row: usize| format!("goods.lines[{row}].by_piece");
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

    /// Whether none of these goods may be out already by a hand-out that nobody knows the end of: told twice under
    /// two ids, they would stand twice at a platform that does not look at packages.
    ///
    /// # Errors
    /// `DISPENSE_UNKNOWN`, with the hand-out.
    pub(super) async fn none_in_doubt(&self, goods: &Goods) -> Result<(), Failure> {
        let open = like(goods).into_iter().map(|filter| Filter {
            open_only: true,
            ..filter
        });
        let stuck = like(goods).into_iter().map(|filter| Filter {
            stuck_only: true,
            ..filter
        });
        let in_doubt = |id: &str| {
            let what = format!("hand-out {id} of these goods is in doubt");
            Err(faulty(&[fault(Code::DispenseUnknown, "goods", what)]))
        };
        for filter in open.chain(stuck) {
            let is_of_document = filter.text.is_some();
            let found = pages(filter, |filter| self.parts().journal.list(filter)).await;
            let rows = found.map_err(|error| unreadable(&error))?.ok_or_else(|| {
                let what = format!("{LIKELY_MAX} of this document or person have no end");
                faulty(&[fault(Code::DispenseUnknown, "goods", what)])
            })?;
            for row in rows {
                match self.stored_dispense(&row.stream).await {
                    Ok(story) if story.is_hand_out() && may_be_out(&story, goods) => {
                        return in_doubt(&story.id);
                    }
                    Ok(_) => {}
                    // It may be this very one.
                    Err(_) if is_of_document => return in_doubt(&row.stream),
                    Err(failure) => {
                        tracing::warn!(stream = row.stream, %failure, "a hand-out cannot be read");
                    }
                }
            }
        }
        Ok(())
    }

    /// Hand-outs of the same document, then of the same person, each newest first.
    async fn likely(&self, goods: &Goods) -> Result<Vec<Dispense>, Failure> {
        let mut streams = BTreeMap::new();
        for filter in like(goods) {
            let found = pages(filter, |filter| self.parts().journal.list(filter)).await;
            let rows = found.map_err(|error| unreadable(&error))?.ok_or_else(|| {
                let what = format!(
                    "{LIKELY_MAX} of this document or person: give the hand-out's dispense_id"
                );
                faulty(&[fault(Code::RequestInvalid, "goods", what)])
            })?;
            streams.extend(rows.into_iter().map(|row| (row.first_seq, row.stream)));
        }
        let (mut of_document, mut of_person) = (Vec::new(), Vec::new());
        for stream in streams.into_values().rev() {
            let story = self.stored_dispense(&stream).await?;
            let Some(order) = story.order.as_deref().filter(|_| story.is_hand_out()) else {
                continue;
            };
            if same_document(&order.goods, goods) {
                of_document.push(story);
            } else if same_person(&order.goods, goods) {
                of_person.push(story);
            }
        }
        of_document.extend(of_person);
        Ok(of_document)
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

/// What finds the hand-outs of the same document or person; others may be among them.
fn like(goods: &Goods) -> Vec<Filter> {
    let of_kind = || Filter {
        kind: Some(Dispense::KIND.to_owned()),
        limit: LIKELY_PAGE,
        ..Filter::default()
    };
    let numbers = [("setl_id", &goods.setl_id), ("mdtrt_sn", &goods.mdtrt_sn)].into_iter();
    let mut filters: Vec<Filter> = (numbers.filter(|(_, number)| !number.is_empty()))
        .map(|(field, number)| Filter {
            text: Some(field_text(field, number)),
            ..of_kind()
        })
        .collect();
    if !goods.certno.is_empty() {
        filters.push(Filter {
            person: Some(PersonKeyInput::new(goods.certno.expose())),
            ..of_kind()
        });
    }
    filters
}

/// All that the filter lets through, page by page; nothing when that is more than [`LIKELY_MAX`]: what is left out
/// could be the one that is looked for.
async fn pages<F: Future<Output = Result<Vec<StreamRow>, Error>>>(
    mut filter: Filter,
    list: impl Fn(Filter) -> F,
) -> Result<Option<Vec<StreamRow>>, Error> {
    let mut all: Vec<StreamRow> = Vec::new();
    loop {
        let page = list(filter.clone()).await?;
        let is_last = u32::try_from(page.len()).is_ok_and(|found| found < filter.limit);
        all.extend(page);
        if all.len() > LIKELY_MAX {
            return Ok(None);
        }
        if is_last {
            return Ok(Some(all));
        }
        filter.before_seq = all.last().map(|row| row.first_seq);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(first_seq: i64) -> StreamRow {
        StreamRow {
            stream: format!("D-{first_seq}"),
            kind: Dispense::KIND.to_owned(),
            request_id: None,
            caller: String::new(),
            body_digest: String::new(),
            open: false,
            stuck: false,
            visit: None,
            summary: String::new(),
            first_seq,
            last_seq: first_seq,
            last_stream_seq: 1,
            started_utc_ms: 0,
            changed_utc_ms: 0,
        }
    }

    /// So many, as the journal pages them.
    async fn of(many: i64) -> Option<Vec<i64>> {
        let filter = Filter {
            limit: LIKELY_PAGE,
            ..Filter::default()
        };
        let list = async |filter: Filter| {
            let before = filter.before_seq.unwrap_or(i64::MAX);
            let seqs = (1..=many).rev().filter(|seq| *seq < before);
            let limit = usize::try_from(filter.limit).expect("it is small");
            Ok(seqs.take(limit).map(row).collect())
        };
        let all = pages(filter, list).await.expect("it is read");
        all.map(|all| all.iter().map(|row| row.first_seq).collect())
    }

    #[test]
    fn a_short_number_is_looked_for_whole() {
        let short = field_text("mdtrt_sn", "17");
        let summary = |number: &str| {
            let same_form: serde_json::Value =
                serde_json::from_str(&Dispense::new("D-17").head().summary).expect("it is JSON");
            let mut other = same_form;
            other["mdtrt_sn"] = number.into();
            other["rows"] = 17.into();
            other.to_string()
        };
        assert!(summary("17").contains(&short));
        for other in ["", "170", "2017", "a\"mdtrt_sn\":\"17\""] {
            assert!(!summary(other).contains(&short), "{other}");
            assert!(summary(other).contains(&field_text("mdtrt_sn", other)));
        }
        let bare = Dispense::new("D-17").head().summary;
        assert!(
            bare.contains(&field_text("mdtrt_sn", "")) && bare.contains(&field_text("setl_id", ""))
        );
    }

    #[tokio::test]
    async fn none_drops_out_of_a_long_list_in_silence() {
        let most = i64::try_from(LIKELY_MAX).expect("it is small");
        for many in [0, 1, 99, 100, 101, 250, most] {
            let all: Vec<i64> = (1..=many).rev().collect();
            assert_eq!(of(many).await, Some(all), "{many}");
        }
        assert_eq!(of(most + 1).await, None);
    }
}
