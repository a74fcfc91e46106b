//! `show`: one settlement or refund, found by whichever id one has at hand.

use yibaod::api::get_settlement_request::Key;
use yibaod::api::{GetRefundRequest, GetSettlementRequest, Settlement, get_refund_request};
use yibaod::book::Code;

use crate::args::{KeyKind, Show};
use crate::connect::Door;
use crate::exit::Exit;
use crate::out::Out;
use crate::pay::told;
use crate::trouble::Trouble;

/// In the order they are tried.
pub(crate) const KINDS: [KeyKind; 4] = [
    KeyKind::Request,
    KeyKind::Settlement,
    KeyKind::Setl,
    KeyKind::Msgid,
];

/// Runs it.
pub(crate) async fn run(door: &mut Door, show: &Show, out: &Out) -> Result<Exit, Trouble> {
    let kinds: &[KeyKind] = match &show.by {
        Some(kind) => std::slice::from_ref(kind),
        None => &KINDS,
    };
    let last = match settlement(door, kinds, &show.id).await? {
        Ok(settlement) => {
            told(&settlement, out);
            return Ok(Exit::of_money(settlement.money()));
        }
        Err(last) => last,
    };
    match refund(door, kinds, &show.id, out).await? {
        Some(exit) => Ok(exit),
        None => Err(unfound(last, kinds.len())),
    }
}

/// The settlement that has this id, by these kinds in their order; inside: that none has it.
async fn settlement(
    door: &mut Door,
    kinds: &[KeyKind],
    id: &str,
) -> Result<Result<Settlement, Trouble>, Trouble> {
    let mut last = Trouble::Usage("no id".to_owned());
    for kind in kinds {
        let request = GetSettlementRequest {
            key: Some(key(*kind, id)),
        };
        match door.settlements.get_settlement(request).await {
            Ok(answer) => return Ok(Ok(answer.into_inner().settlement.unwrap_or_default())),
            Err(status) => last = Trouble::of_status(status),
        }
        if !is_of_another_kind(&last) {
            return Err(last);
        }
    }
    Ok(Err(last))
}

/// Our id of the settlement that has this id, by whichever kind it is unless one is named.
pub(crate) async fn settlement_id(
    door: &mut Door,
    by: Option<KeyKind>,
    id: &str,
) -> Result<String, Trouble> {
    let kinds = by.as_ref().map_or(&KINDS[..], std::slice::from_ref);
    match settlement(door, kinds, id).await? {
        Ok(found) => Ok(found.settlement_id),
        Err(last) => Err(unfound(last, kinds.len())),
    }
}

/// The refund that has this id, by those of these kinds that a refund has too.
async fn refund(
    door: &mut Door,
    kinds: &[KeyKind],
    id: &str,
    out: &Out,
) -> Result<Option<Exit>, Trouble> {
    use get_refund_request::Key;
    for kind in kinds {
        let key = match kind {
            KeyKind::Request => Key::RequestId(id.to_owned()),
            KeyKind::Settlement => Key::RefundId(id.to_owned()),
            KeyKind::Setl => Key::RefundSetlId(id.to_owned()),
            KeyKind::Msgid => continue,
        };
        let request = GetRefundRequest { key: Some(key) };
        match door.settlements.get_refund(request).await {
            Ok(answer) => {
                let refund = answer.into_inner().refund.unwrap_or_default();
                crate::refund::told(&refund, out);
                return Ok(Some(Exit::of_refund(refund.money())));
            }
            Err(status) => {
                let trouble = Trouble::of_status(status);
                if !is_of_another_kind(&trouble) {
                    return Err(trouble);
                }
            }
        }
    }
    Ok(None)
}

/// An id of another form is refused, an unknown one not found: either way the next kind is tried.
pub(crate) fn is_of_another_kind(trouble: &Trouble) -> bool {
    matches!(
        trouble,
        Trouble::Told {
            code: Code::NotFound
                | Code::RequestIdInvalid
                | Code::RequestInvalid
                | Code::TextTooLong,
            ..
        }
    )
}

/// What is said when an id was tried as every kind: what the last kind was told speaks of that kind alone.
pub(crate) fn unfound(last: Trouble, tried: usize) -> Trouble {
    if tried < 2 {
        return last;
    }
    Trouble::told(
        Code::NotFound,
        "not found as request_id, settlement_id, setl_id or msgid".to_owned(),
    )
}

pub(crate) fn key(kind: KeyKind, id: &str) -> Key {
    match kind {
        KeyKind::Request => Key::RequestId(id.to_owned()),
        KeyKind::Settlement => Key::SettlementId(id.to_owned()),
        KeyKind::Setl => Key::SetlId(id.to_owned()),
        KeyKind::Msgid => Key::Msgid(id.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_id_is_not_called_a_setl_id() {
        let told = |what: &str| Trouble::told(Code::NotFound, what.to_owned());
        let all = unfound(told("no settlement has this setl_id"), KINDS.len());
        assert!(all.entry().detail.contains("request_id, settlement_id"));
        let one = unfound(told("no settlement has this setl_id"), 1);
        assert_eq!(one.entry().detail, "no settlement has this setl_id");
    }
}
