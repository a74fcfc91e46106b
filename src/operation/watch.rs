//! Following a settlement, also from before it begins.

use futures_util::Stream;
use tokio::sync::watch;

use super::ask::CallerId;
use super::look::Found;
use super::operations::Operations;
use crate::runner::{Handle, View, state_of};
use crate::settlement::answer::{Progress, Stage};
use crate::settlement::state::State;
use crate::settlement::tell;

/// Progress that waits for a slow watcher; a slower one misses steps in between, never the end.
const BACKLOG_MAX: usize = 64;

impl Operations {
    /// What happens to the settlement of this request from here on; ends with it. Waits for one that has
    /// not begun.
    pub fn watch_settlement(
        &self,
        caller: CallerId,
        request_id: String,
    ) -> impl Stream<Item = Progress> + Send + 'static {
        let (sender, receiver) = tokio::sync::mpsc::channel(BACKLOG_MAX);
        let operations = self.clone();
        tokio::spawn(async move {
            tokio::select! {
                () = operations.follow(&caller, &request_id, &sender) => {}
                () = sender.closed() => {}
            }
        });
        tokio_stream::wrappers::ReceiverStream::new(receiver)
    }

    async fn follow(
        &self,
        caller: &CallerId,
        request_id: &str,
        sender: &tokio::sync::mpsc::Sender<Progress>,
    ) {
        let mut arrivals = self.parts().registry.arrivals();
        loop {
            arrivals.borrow_and_update();
            match self.find(caller, request_id).await {
                Ok(Found::Running(handle)) => return follow_running(&handle, sender).await,
                Ok(Found::Stored(settlement_id)) => {
                    if let Some(state) = self.stored(&settlement_id).await {
                        // An error means that nobody listens any more.
                        drop(sender.send(tell::progress(&state, 1, None, false)).await);
                    }
                    return;
                }
                Ok(Found::Nothing) => {}
                Err(failure) => {
                    tracing::warn!(%failure, "a settlement cannot be watched");
                    return;
                }
            }
            if arrivals.changed().await.is_err() {
                return;
            }
        }
    }

    async fn stored(&self, settlement_id: &str) -> Option<State> {
        let stored = self.parts().journal.load(settlement_id).await.ok()?;
        state_of(settlement_id, &stored).ok()
    }
}

async fn follow_running(handle: &Handle, sender: &tokio::sync::mpsc::Sender<Progress>) {
    let mut view: watch::Receiver<View> = handle.view();
    let mut seq = 0;
    let mut told = None;
    loop {
        let now = view.borrow_and_update().clone();
        let progress = tell::progress(&now.state, seq + 1, now.queue_place, now.armed);
        let over = now.state.is_over();
        let news = (key(&progress), now.state.trail.codes_rejected);
        if told.as_ref() != Some(&news) {
            seq += 1;
            told = Some(news);
            if sender.send(progress).await.is_err() {
                return;
            }
        }
        if over || view.changed().await.is_err() {
            return;
        }
    }
}

/// What makes a progress worth telling.
fn key(progress: &Progress) -> (Stage, Option<usize>, u64, String) {
    let answer = &progress.answer;
    let ids = [
        &answer.psn_no,
        &answer.mdtrt_id,
        &answer.msgid,
        &answer.setl_id,
    ];
    let shown = format!("{:?}", progress.rejected_code);
    let paper = format!("{:?}{:?}{shown}", answer.paper, answer.money);
    let known = ids.iter().filter(|id| !id.is_empty()).count();
    (
        progress.stage,
        progress.queue_place,
        u64::try_from(known).unwrap_or(0),
        paper,
    )
}
