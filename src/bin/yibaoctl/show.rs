//! `show`: one settlement, found by whichever id one has at hand.

use yibaod::api::GetSettlementRequest;
use yibaod::api::get_settlement_request::Key;
use yibaod::book::Code;

use crate::args::{KeyKind, Show};
use crate::connect::Door;
use crate::exit::Exit;
use crate::out::Out;
use crate::pay::told;
use crate::trouble::Trouble;

/// In the order they are tried.
const KINDS: [KeyKind; 3] = [KeyKind::Request, KeyKind::Settlement, KeyKind::Setl];

/// Runs it.
pub(crate) async fn run(door: &mut Door, show: &Show, out: &Out) -> Result<Exit, Trouble> {
    let kinds: &[KeyKind] = match &show.by {
        Some(kind) => std::slice::from_ref(kind),
        None => &KINDS,
    };
    let mut last = Trouble::Usage("no id".to_owned());
    for kind in kinds {
        let request = GetSettlementRequest {
            key: Some(key(*kind, &show.id)),
        };
        match door.settlements.get_settlement(request).await {
            Ok(answer) => {
                let settlement = answer.into_inner().settlement.unwrap_or_default();
                told(&settlement, out);
                return Ok(Exit::of_money(settlement.money()));
            }
            Err(status) => last = Trouble::of_status(status),
        }
        // An id of another form is refused, an unknown one not found: either way the next kind is tried.
        let go_on = matches!(
            last,
            Trouble::Told {
                code: Code::NotFound
                    | Code::RequestIdInvalid
                    | Code::RequestInvalid
                    | Code::TextTooLong,
                ..
            }
        );
        if !go_on {
            break;
        }
    }
    Err(last)
}

fn key(kind: KeyKind, id: &str) -> Key {
    match kind {
        KeyKind::Request => Key::RequestId(id.to_owned()),
        KeyKind::Settlement => Key::SettlementId(id.to_owned()),
        KeyKind::Setl => Key::SetlId(id.to_owned()),
    }
}
