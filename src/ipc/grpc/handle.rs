//! What the gRPC door needs of the operations, so that it can be tried over a real socket without a desk behind it.

use std::time::Duration;

use futures_util::stream::BoxStream;

use crate::operation::{CallerId, DeviceInfo, Failure, ListFilter, SettlementKey, Status, Watched};
use crate::settlement::answer::{Answer, CancelVerdict, Point, Progress, Summary};
use crate::settlement::order::Order;

/// The operations, held by every call. Cheap to clone.
pub trait Handle: Clone + Send + Sync + 'static {
    /// Scans, settles, prints. Answers before the deadline; dropping the future says that the caller went away.
    fn scan_and_pay(
        &self,
        caller: CallerId,
        order: Order,
        deadline: Option<Duration>,
    ) -> impl Future<Output = Result<Answer, Failure>> + Send;

    /// Follows a settlement, also one that does not exist yet.
    fn watch_settlement(
        &self,
        caller: CallerId,
        request_id: String,
    ) -> BoxStream<'static, Progress>;

    /// Confirms what was shown.
    fn confirm(
        &self,
        caller: CallerId,
        request_id: String,
        point: Point,
        shown: String,
    ) -> impl Future<Output = Result<(), Failure>> + Send;

    /// Stops a settlement if that is still possible.
    fn cancel(
        &self,
        caller: CallerId,
        request_id: String,
    ) -> impl Future<Output = Result<(CancelVerdict, Answer), Failure>> + Send;

    /// What is true of a settlement.
    fn get(
        &self,
        caller: CallerId,
        key: SettlementKey,
    ) -> impl Future<Output = Result<Answer, Failure>> + Send;

    /// Settlements, newest first.
    fn list(
        &self,
        caller: CallerId,
        filter: ListFilter,
    ) -> impl Future<Output = Result<Vec<Summary>, Failure>> + Send;

    /// All devices as they are.
    fn devices(&self) -> Vec<DeviceInfo>;

    /// What happens to devices, from an event on; absent: from here on.
    fn watch_devices(&self, from_seq: Option<u64>) -> BoxStream<'static, Watched>;

    /// How the daemon is.
    fn status(&self) -> impl Future<Output = Status> + Send;
}

impl Handle for crate::operation::Operations {
    async fn scan_and_pay(
        &self,
        caller: CallerId,
        order: Order,
        deadline: Option<Duration>,
    ) -> Result<Answer, Failure> {
        self.scan_and_pay(caller, order, deadline).await
    }

    fn watch_settlement(
        &self,
        caller: CallerId,
        request_id: String,
    ) -> BoxStream<'static, Progress> {
        Box::pin(self.watch_settlement(caller, request_id))
    }

    async fn confirm(
        &self,
        caller: CallerId,
        request_id: String,
        point: Point,
        shown: String,
    ) -> Result<(), Failure> {
        self.confirm(caller, request_id, point, shown).await
    }

    async fn cancel(
        &self,
        caller: CallerId,
        request_id: String,
    ) -> Result<(CancelVerdict, Answer), Failure> {
        self.cancel(caller, request_id).await
    }

    async fn get(&self, caller: CallerId, key: SettlementKey) -> Result<Answer, Failure> {
        self.get(caller, key).await
    }

    async fn list(&self, caller: CallerId, filter: ListFilter) -> Result<Vec<Summary>, Failure> {
        self.list(caller, filter).await
    }

    fn devices(&self) -> Vec<DeviceInfo> {
        self.devices()
    }

    fn watch_devices(&self, from_seq: Option<u64>) -> BoxStream<'static, Watched> {
        let watcher = self.watch_devices(from_seq);
        Box::pin(futures_util::stream::unfold(watcher, |mut watcher| async move {
            Some((watcher.next().await, watcher))
        }))
    }

    async fn status(&self) -> Status {
        self.status().await
    }
}
