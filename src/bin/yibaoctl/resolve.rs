//! `resolve`: a person states what became of something that is stuck.

use yibaod::api::resolve_settlement_request::Key;
use yibaod::api::{ResolveSettlementRequest, ResolvedAs};

use crate::args::{KeyKind, Resolve, Stated};
use crate::connect::Door;
use crate::exit::Exit;
use crate::out::Out;
use crate::pay::told;
use crate::show::{KINDS, is_of_another_kind, unfound};
use crate::trouble::Trouble;

/// Runs it.
pub(crate) async fn run(door: &mut Door, resolve: &Resolve, out: &Out) -> Result<Exit, Trouble> {
    let kinds: &[KeyKind] = match &resolve.by {
        Some(kind) => std::slice::from_ref(kind),
        None => &KINDS,
    };
    let mut last = Trouble::Usage("no id".to_owned());
    for kind in kinds {
        let request = ResolveSettlementRequest {
            key: Some(key(*kind, &resolve.id)),
            r#as: word(resolve.verdict).into(),
            reason: resolve.reason.clone(),
            stated_setl_id: resolve.setl_id.clone(),
            recorded_lines: resolve.lines.clone(),
        };
        match door.settlements.resolve_settlement(request).await {
            Ok(answer) => {
                let answer = answer.into_inner();
                if let Some(refund) = &answer.refund {
                    crate::refund::told(refund, out);
                    return Ok(Exit::of_refund(refund.money()));
                }
                if !answer.dispense_id.is_empty() {
                    return crate::dispense::stated(door, &answer.dispense_id, out).await;
                }
                let settlement = answer.settlement.unwrap_or_default();
                told(&settlement, out);
                return Ok(Exit::of_money(settlement.money()));
            }
            Err(status) => last = Trouble::of_status(status),
        }
        if !is_of_another_kind(&last) || is_about_the_statement(&last) {
            return Err(last);
        }
    }
    Err(unfound(last, kinds.len()))
}

/// What is wrong with the reason or the number is wrong whatever the key is.
fn is_about_the_statement(trouble: &Trouble) -> bool {
    let detail = trouble.entry().detail;
    [
        "reason:",
        "stated_setl_id:",
        "recorded_lines:",
        "several callers",
    ]
    .iter()
    .any(|about| detail.starts_with(about))
}

fn key(kind: KeyKind, id: &str) -> Key {
    match kind {
        KeyKind::Request => Key::RequestId(id.to_owned()),
        KeyKind::Settlement => Key::SettlementId(id.to_owned()),
        KeyKind::Setl => Key::SetlId(id.to_owned()),
        KeyKind::Msgid => Key::Msgid(id.to_owned()),
    }
}

fn word(stated: Stated) -> ResolvedAs {
    match stated {
        Stated::Settled => ResolvedAs::Settled,
        Stated::NotCharged => ResolvedAs::NotCharged,
        Stated::Reversed => ResolvedAs::Reversed,
        Stated::Refunded => ResolvedAs::Refunded,
        Stated::NotRefunded => ResolvedAs::NotRefunded,
        Stated::Recorded => ResolvedAs::Recorded,
        Stated::NotRecorded => ResolvedAs::NotRecorded,
    }
}
