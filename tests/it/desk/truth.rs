//! Whether the answer and the platform's own ledger agree.

use std::time::Duration;

use tokio::time::Instant;
use yibaod::api::get_settlement_request::Key;
use yibaod::api::{GetSettlementRequest, Money, Settlement};

use super::Desk;

/// Longest time for a settlement to come to its end after a crash.
const END_S_MAX: u64 = 60;
/// How often it is asked.
const ASK_MS: u64 = 50;

impl Desk {
    /// The settlement as it is now; `None`: the desk never heard of it.
    pub async fn get(&self, request_id: &str) -> Option<Settlement> {
        match self.try_get(request_id).await {
            Ok(settlement) => settlement,
            Err(status) => panic!("{status}"),
        }
    }

    /// [`Desk::get`] of a daemon that may end at any moment.
    pub async fn try_get(&self, request_id: &str) -> Result<Option<Settlement>, tonic::Status> {
        let key = Key::RequestId(request_id.to_owned());
        let request = GetSettlementRequest { key: Some(key) };
        match self.try_settlements().await?.get_settlement(request).await {
            Ok(answer) => Ok(answer.into_inner().settlement),
            Err(status) if status.code() == tonic::Code::NotFound => Ok(None),
            Err(status) => Err(status),
        }
    }

    /// Waits until the money is final, or only a person can go on.
    pub async fn ended(&self, request_id: &str) -> Option<Settlement> {
        let until = Instant::now() + Duration::from_secs(END_S_MAX);
        loop {
            let settlement = self.get(request_id).await?;
            let is_final = !matches!(settlement.money(), Money::Pending | Money::Unknown);
            if is_final || settlement.stuck {
                return Some(settlement);
            }
            assert!(Instant::now() < until, "no end: {settlement:?}");
            tokio::time::sleep(Duration::from_millis(ASK_MS)).await;
        }
    }

    /// The end of this settlement, checked against the platform's ledger: what it says is what is there,
    /// nothing was charged twice, no number was used twice, and nothing of its own is left open unless it
    /// settled.
    pub async fn truth(&self, request_id: &str) -> Option<Settlement> {
        let ended = self.ended(request_id).await;
        let standing: Vec<String> = self.platform.ledger(|ledger| {
            let rows = ledger.settlements();
            rows.iter()
                .filter(|row| row.is_live())
                .map(|row| row.medins_setl_id.clone())
                .collect()
        });
        let duplicates = self
            .platform
            .ledger(yibaod::sandbox::platform::Ledger::duplicates);
        assert_eq!(duplicates.msgids.len(), 0, "{duplicates:?}");
        assert_eq!(
            duplicates.batches.len() + duplicates.lines.len(),
            0,
            "{duplicates:?}"
        );
        let Some(settlement) = ended else {
            assert_eq!(standing, Vec::<String>::new(), "charged by nobody");
            return None;
        };
        match settlement.money() {
            Money::Settled => {
                let ours = standing
                    .iter()
                    .filter(|msgid| **msgid == settlement.msgid)
                    .count();
                assert_eq!(
                    ours, 1,
                    "SETTLED, the ledger has {standing:?}: {settlement:?}"
                );
            }
            Money::Refused | Money::Cancelled | Money::Reversed => {
                assert!(!standing.contains(&settlement.msgid), "{settlement:?}");
                let open = self.platform.ledger(|ledger| {
                    let visits = ledger.visits_open();
                    visits
                        .iter()
                        .any(|visit| visit.mdtrt_id == settlement.mdtrt_id)
                });
                assert!(
                    !open || settlement.stuck,
                    "its visit is left open: {settlement:?}"
                );
            }
            Money::Unknown => assert!(settlement.stuck, "{settlement:?}"),
            Money::Pending | Money::Unspecified => panic!("no end: {settlement:?}"),
        }
        Some(settlement)
    }
}
