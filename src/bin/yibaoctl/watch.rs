//! `watch`: a settlement from where it stands to its end.

use yibaod::api::WatchSettlementRequest;

use crate::connect::Door;
use crate::exit::Exit;
use crate::json;
use crate::out::Out;
use crate::pay::{Screen, told};
use crate::trouble::Trouble;

/// Runs it. With `--json` an event a line.
pub(crate) async fn run(door: &mut Door, request_id: &str, out: &Out) -> Result<Exit, Trouble> {
    let request = WatchSettlementRequest {
        request_id: request_id.to_owned(),
    };
    let stream = door.settlements.watch_settlement(request).await;
    let mut stream = stream.map_err(Trouble::of_status)?.into_inner();
    let mut screen = Screen::new(out);
    loop {
        let message = tokio::select! {
            message = stream.message() => message.map_err(|status| Trouble::of_pay(status, request_id))?,
            _ = tokio::signal::ctrl_c() => return Ok(Exit::Open),
        };
        let Some(event) = message.map(|message| message.event.unwrap_or_default()) else {
            return Ok(Exit::Open);
        };
        if out.is_json() {
            out.object(&json::text(&event));
        } else {
            screen.event(&event);
        }
        if let Some(settlement) = &event.settlement {
            if !out.is_json() {
                told(settlement, out);
            }
            return Ok(Exit::of_money(settlement.money()));
        }
    }
}
