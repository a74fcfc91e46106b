//! The refund as a story that the runner's one loop carries.

use zeroize::Zeroizing;

use super::event::{Event, Private, VERSION};
use super::state::{End, Phase, Refund};
use super::tell;
use crate::book::Code;
use crate::settlement::rules::Rules;
use crate::settlement::story::{Act, Got, Head, Sent, Story};

/// What stands before the 结算ID in the name of what a refund works on.
pub const SUBJECT: &str = "setl_id:";

impl Story for Refund {
    type Event = Event;

    const KIND: &'static str = "refund";
    const VERSION: u16 = VERSION;

    fn new(id: &str) -> Self {
        Refund::begin(id)
    }

    fn id(&self) -> &str {
        &self.id
    }

    fn next(&self, now_ms: i64, rules: &Rules) -> Act<Event> {
        self.decide(now_ms, rules)
    }

    fn apply(&mut self, event: &Event, at_ms: i64) {
        self.fold(event, at_ms);
    }

    fn is_over(&self) -> bool {
        matches!(self.phase, Phase::Over(_) | Phase::Stuck)
    }

    fn is_answered(&self) -> bool {
        self.is_over()
    }

    fn head(&self) -> Head {
        let request = self.order.as_ref().map(serde_json::to_vec);
        let request = request.and_then(Result::ok).unwrap_or_default();
        let summary = tell::summary(self);
        Head {
            request_id: self.request_id.clone(),
            caller: self.caller.clone(),
            request: Zeroizing::new(request),
            stuck: self.phase == Phase::Stuck,
            subject: Some(format!("{SUBJECT}{}", self.numbers.setl_id)),
            subject_is_shared: false,
            blocks_when_stuck: true,
            person: None,
            summary: serde_json::to_string(&summary).expect("a summary has a JSON form"),
        }
    }

    fn outcome(&self) -> &'static str {
        match self.phase {
            Phase::Over(End::Refunded) => "refunded",
            Phase::Over(End::Refused) => "refused",
            Phase::Stuck => "stuck",
            Phase::Looking(_)
            | Phase::Giving
            | Phase::Finding
            | Phase::Comparing
            | Phase::Given => "open",
        }
    }

    fn intent(sent: Sent) -> Event {
        Event::Intent {
            infno: sent.infno,
            msgid: sent.msgid,
            request: Some(sent.request),
        }
    }

    fn answered(got: Got) -> Event {
        Event::Answered {
            result: got.outcome,
            sign_in_expired: got.sign_in_expired,
            answer: got.answer,
        }
    }

    fn restarted() -> Event {
        Event::Restarted
    }

    fn stuck(_: Code) -> Event {
        Event::Stuck {
            code: Code::RefundStuck,
        }
    }

    fn kind(event: &Event) -> &'static str {
        event.kind()
    }

    fn private(event: &Event) -> Option<Zeroizing<Vec<u8>>> {
        let private = event.private()?;
        let json = serde_json::to_vec(&private).expect("it has text keys only");
        Some(Zeroizing::new(json))
    }

    fn with_private(event: Event, plain: &[u8]) -> Result<Event, serde_json::Error> {
        let private: Private = serde_json::from_slice(plain)?;
        Ok(event.with_private(private))
    }
}
