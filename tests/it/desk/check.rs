//! Money, the platform's ledger and the paper, looked at together.

use std::time::Duration;

use tokio::time::Instant;
use tonic_types::StatusExt as _;
use yibaod::api::daemon_service_client::DaemonServiceClient;
use yibaod::api::{
    GetMetricsRequest, GetStatusRequest, GetStatusResponse, Money, PaperProof, PaperState,
    Settlement,
};
use yibaod::sandbox::devices::printer::Paper;

use super::{Desk, channel};

/// Longest wait for a condition.
const WAIT_S_MAX: u64 = 30;
/// How often it is looked at.
const LOOK_MS: u64 = 10;

/// What a call was told that started nothing.
#[derive(Debug)]
pub(crate) struct Refusal {
    /// The book's name.
    pub(crate) name: String,
    /// What exactly.
    pub(crate) detail: String,
    /// The wrong fields.
    pub(crate) fields: String,
}

/// The book's words in a status.
pub(crate) fn refusal(status: &tonic::Status) -> Refusal {
    let info = status.get_details_error_info();
    let info = info.unwrap_or_else(|| panic!("no ErrorInfo: {status:?}"));
    let field = |key: &str| info.metadata.get(key).cloned().unwrap_or_default();
    Refusal {
        detail: field("detail"),
        fields: field("fields"),
        name: info.reason,
    }
}

/// The name of the error in an answer, empty when there is none.
pub(crate) fn error_name(settlement: &Settlement) -> &str {
    settlement
        .error
        .as_ref()
        .map_or("", |error| error.name.as_str())
}

/// State, proof and reason of the paper of an answer.
pub(crate) fn paper_of(settlement: &Settlement) -> (PaperState, PaperProof, String) {
    let paper = settlement
        .paper
        .as_ref()
        .expect("every answer speaks of paper");
    let reason = paper.reason.as_ref().map(|reason| reason.name.clone());
    (paper.state(), paper.proof(), reason.unwrap_or_default())
}

/// The answer without its paper: what is repeated field for field while the paper goes on.
pub(crate) fn without_paper(settlement: &Settlement) -> Settlement {
    Settlement {
        paper: None,
        stage: 0,
        ..settlement.clone()
    }
}

/// Waits for a condition with a deadline; `None`: it did not come.
pub(crate) async fn eventually<T>(mut is: impl AsyncFnMut() -> Option<T>) -> Option<T> {
    let until = Instant::now() + Duration::from_secs(WAIT_S_MAX);
    while Instant::now() < until {
        if let Some(seen) = is().await {
            return Some(seen);
        }
        tokio::time::sleep(Duration::from_millis(LOOK_MS)).await;
    }
    None
}

impl Desk {
    pub(crate) async fn status(&self) -> GetStatusResponse {
        let channel = channel(&self.socket()).await.expect("its door is open");
        let asked = DaemonServiceClient::new(channel)
            .get_status(GetStatusRequest {})
            .await;
        asked.expect("a status").into_inner()
    }

    /// What monitoring reads.
    pub(crate) async fn metrics(&self) -> String {
        let channel = channel(&self.socket()).await.expect("its door is open");
        let asked = DaemonServiceClient::new(channel)
            .get_metrics(GetMetricsRequest {})
            .await;
        asked.expect("a page").into_inner().text
    }

    /// Waits until the settlement is like this.
    pub(crate) async fn until(
        &self,
        request_id: &str,
        is: impl Fn(&Settlement) -> bool,
    ) -> Settlement {
        let seen = eventually(async || self.get(request_id).await.filter(&is)).await;
        match seen {
            Some(settlement) => settlement,
            None => panic!("never: {:?}", self.get(request_id).await),
        }
    }

    /// Waits for this state of the paper.
    pub(crate) async fn until_paper(&self, request_id: &str, state: PaperState) -> Settlement {
        self.until(request_id, |settlement| paper_of(settlement).0 == state)
            .await
    }

    /// Waits until the money is told to stand.
    pub(crate) async fn until_settled(&self, request_id: &str) -> Settlement {
        let seen = eventually(async || {
            self.get(request_id)
                .await
                .filter(|seen| seen.money() == Money::Settled)
        });
        seen.await.expect("it settles")
    }

    /// Waits until nothing runs any more: from here on nothing is sent to anybody.
    pub(crate) async fn until_idle(&self) {
        let idle = async || (self.status().await.open_settlements == 0).then_some(());
        assert!(
            eventually(idle).await.is_some(),
            "it still runs: {:?}",
            self.status().await
        );
    }

    /// All papers that came out, when nothing can be printed any more.
    pub(crate) async fn papers_in_the_end(&self) -> Vec<Paper> {
        self.until_idle().await;
        let until = Instant::now() + Duration::from_secs(WAIT_S_MAX);
        let done = self
            .printer
            .wait_until(until, |printer| printer.held_bytes() == 0)
            .await;
        assert!(
            done,
            "the printer holds {} bytes",
            self.printer.held_bytes()
        );
        self.printer.papers()
    }

    /// Exactly this was charged, by exactly one settling call.
    pub(crate) fn assert_charged_once(&self, settlement: &Settlement) {
        assert_eq!(settlement.money(), Money::Settled, "{settlement:?}");
        let (charges, sent) = self.platform.ledger(|ledger| {
            (
                ledger.charges_of(&settlement.psn_no),
                [ledger.received("2207"), ledger.received("2102")].concat(),
            )
        });
        let ours: Vec<_> = sent
            .iter()
            .filter(|received| received.msgid == settlement.msgid)
            .collect();
        assert_eq!(ours.len(), 1, "{sent:?}");
        let charges: Vec<_> = charges
            .iter()
            .filter(|row| row.medins_setl_id == settlement.msgid)
            .collect();
        assert_eq!(charges.len(), 1, "{charges:?}");
        assert!(charges[0].is_live());
        assert_eq!(charges[0].setl_id, settlement.setl_id);
        let amounts = settlement
            .amounts
            .as_ref()
            .expect("a settled answer has amounts");
        assert_eq!(
            charges[0].amounts.total.to_string(),
            yuan(amounts.medfee_sumamt_fen)
        );
        assert_eq!(
            charges[0].amounts.cash.to_string(),
            yuan(amounts.psn_cash_pay_fen)
        );
        let self_pay = settlement
            .self_pay
            .as_ref()
            .expect("a settled answer has it");
        assert_eq!(self_pay.amount_fen, amounts.psn_cash_pay_fen);
        let duplicates = self
            .platform
            .ledger(yibaod::sandbox::platform::Ledger::duplicates);
        assert_eq!(duplicates.msgids, Vec::<String>::new());
    }

    /// Nothing is charged, no visit is open, no line is there.
    pub(crate) fn assert_nothing_charged(&self) {
        let (live, visits, lines) = self.platform.ledger(|ledger| {
            let live = ledger
                .settlements()
                .iter()
                .filter(|row| row.is_live())
                .count();
            (live, ledger.visits_open().len(), ledger.lines_open().len())
        });
        assert_eq!(
            (live, visits, lines),
            (0, 0, 0),
            "settlements, open visits, open lines"
        );
    }

    /// How often this transaction came in.
    pub(crate) fn received(&self, infno: &str) -> usize {
        self.platform.ledger(|ledger| ledger.received(infno).len())
    }

    /// Waits until this transaction came in so often.
    pub(crate) async fn until_received(&self, infno: &str, count: usize) {
        let seen = eventually(async || (self.received(infno) >= count).then_some(())).await;
        assert!(
            seen.is_some(),
            "{infno} came {} times",
            self.received(infno)
        );
    }
}

fn yuan(fen: i64) -> String {
    format!("{}.{:02}", fen / 100, fen % 100)
}
