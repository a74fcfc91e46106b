//! `confirm`: says yes to what a settlement shows, from another terminal than the one that pays.

use std::time::Duration;

use yibaod::api::settlement_event::Shown;
use yibaod::api::{ConfirmPoint, SettlementEvent, WatchSettlementRequest};
use yibaod::book::Code;

use crate::args::{Confirm, Point};
use crate::ask;
use crate::connect::Door;
use crate::draw::{progress, receipt};
use crate::exit::Exit;
use crate::out::Out;
use crate::pay;
use crate::trouble::Trouble;

/// How long the present state may take to come.
const PRESENT_WAIT_MS_MAX: u64 = 5_000;

/// Runs it.
pub(crate) async fn run(door: &mut Door, confirm: &Confirm, out: &Out) -> Result<Exit, Trouble> {
    let request_id = &confirm.request_id;
    if let (Some(shown), Some(point)) = (&confirm.shown, confirm.point) {
        let point = match point {
            Point::Person => ConfirmPoint::Person,
            Point::Amounts => ConfirmPoint::Amounts,
        };
        pay::confirm(door, request_id, point, shown.clone()).await?;
        return Ok(done(out));
    }
    let event = present(door, request_id).await?;
    let Some((point, shown)) = pay::token(&event) else {
        let what =
            "the settlement waits for no confirmation now; 此刻没有等待确认的内容".to_owned();
        return Err(Trouble::told(Code::NotConfirmable, what));
    };
    draw(&event, out);
    if !confirm.yes {
        if !ask::is_possible() {
            let why = "there is no terminal to ask at: give --yes, or --shown and --point";
            return Err(Trouble::Usage(why.to_owned()));
        }
        out.note_raw(pay::question(point));
        if !ask::yes().await {
            return Err(Trouble::Usage("not confirmed; 未确认".to_owned()));
        }
    }
    pay::confirm(door, request_id, point, shown).await?;
    Ok(done(out))
}

async fn present(door: &mut Door, request_id: &str) -> Result<SettlementEvent, Trouble> {
    let request = WatchSettlementRequest {
        request_id: request_id.to_owned(),
    };
    let first = async {
        let stream = door.settlements.watch_settlement(request).await?;
        stream.into_inner().message().await
    };
    let wait = Duration::from_millis(PRESENT_WAIT_MS_MAX);
    match tokio::time::timeout(wait, first).await {
        Ok(Ok(message)) => Ok(message
            .and_then(|message| message.event)
            .unwrap_or_default()),
        Ok(Err(status)) => Err(Trouble::of_status(status)),
        // A watch of what does not exist yet waits for it.
        Err(_) => Err(Trouble::told(Code::NotFound, request_id.to_owned())),
    }
}

fn draw(event: &SettlementEvent, out: &Out) {
    let paint = out.paint_notes();
    match &event.shown {
        Some(Shown::Person(person)) => out.notes(&progress::person(person, paint)),
        Some(Shown::Amounts(amounts)) => {
            let amounts = amounts.amounts.as_ref();
            out.notes(&amounts.map_or_else(Vec::new, |amounts| receipt::amounts(amounts, paint)));
        }
        None => {}
    }
}

fn done(out: &Out) -> Exit {
    match out.is_json() {
        true => out.object("{}"),
        false => out.lines(&["  已确认，结算继续  confirmed, the settlement goes on".to_owned()]),
    }
    Exit::Fine
}
