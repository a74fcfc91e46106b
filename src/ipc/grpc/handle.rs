//! What the gRPC door needs of the operations, so that it can be tried over a real socket without a desk behind it.

use std::sync::Arc;
use std::time::Duration;

use futures_util::stream::BoxStream;

use crate::document::Document;
use crate::operation::{
    BatchTold, BatchWish, CallerId, CardWish, Check, ClaimTold, ClaimWish, CodeRead, ConfigChange,
    DeviceInfo, DispenseKey, Dispensed, Failure, HandOut, Identified, JobCancel, JobKey, JobRow,
    JobTold, JobsFilter, ListFilter, PaperPreview, PrintWish, PutTold, PutWish, Reconcile,
    Reconciled, Recording, RefundKey, ReprintWish, Resolved, ScanWish, SettlementKey, SheetTold,
    SheetWish, ShownCard, Stated, Status, TakeBack, WatchPoint, Watched, Why,
};
use crate::settlement::answer::{Answer, CancelVerdict, Point, Progress, Summary};
use crate::settlement::handout::Dispense;
use crate::settlement::identify::{self, Wish};
use crate::settlement::order::Order;
use crate::settlement::refund;
use crate::settlement::stuck::Item;

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

    /// Stops a settlement if that is still possible; the answer comes before the deadline.
    fn cancel(
        &self,
        caller: CallerId,
        request_id: String,
        deadline: Option<Duration>,
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

    /// Tells the platform what was handed out.
    fn hand_out(
        &self,
        caller: CallerId,
        wish: HandOut,
        deadline: Option<Duration>,
    ) -> impl Future<Output = Result<Dispensed, Failure>> + Send;

    /// Tells the platform what came back.
    fn take_back(
        &self,
        caller: CallerId,
        wish: TakeBack,
        deadline: Option<Duration>,
    ) -> impl Future<Output = Result<Dispensed, Failure>> + Send;

    /// What is true of a hand-out or take-back.
    fn dispense(
        &self,
        caller: CallerId,
        key: DispenseKey,
    ) -> impl Future<Output = Result<Arc<Dispense>, Failure>> + Send;

    /// What only a person can resolve, oldest first.
    fn stuck(&self, caller: CallerId) -> impl Future<Output = Result<Vec<Item>, Failure>> + Send;

    /// A person states what became of one of them.
    fn resolve(
        &self,
        caller: CallerId,
        stated: Stated,
    ) -> impl Future<Output = Result<Resolved, Failure>> + Send;

    /// Gives a settled bill back.
    fn refund(
        &self,
        caller: CallerId,
        order: refund::Order,
        deadline: Option<Duration>,
    ) -> impl Future<Output = Result<refund::Answer, Failure>> + Send;

    /// One refund as it is now.
    fn get_refund(
        &self,
        caller: CallerId,
        key: RefundKey,
    ) -> impl Future<Output = Result<refund::Answer, Failure>> + Send;

    /// Whether the journals and the platform agree.
    fn reconcile(
        &self,
        caller: CallerId,
        wanted: Reconcile,
    ) -> impl Future<Output = Result<BoxStream<'static, Reconciled>, Failure>> + Send;

    /// All devices as they are.
    fn devices(&self) -> Vec<DeviceInfo>;

    /// What happens to devices, from an event on; absent: from here on. First where that is.
    fn watch_devices(&self, from_seq: Option<u64>) -> (WatchPoint, BoxStream<'static, Watched>);

    /// The next code. Dropping the future frees the scanner.
    fn scan(
        &self,
        caller: CallerId,
        wish: ScanWish,
    ) -> impl Future<Output = Result<CodeRead, Failure>> + Send;

    /// Holds a scanner until the stream is dropped.
    fn claim(&self, caller: CallerId, wish: ClaimWish) -> BoxStream<'static, ClaimTold>;

    /// The lease of a claim begins anew.
    fn renew_claim(
        &self,
        caller: CallerId,
        claim_id: String,
    ) -> impl Future<Output = Result<Duration, Failure>> + Send;

    /// Ends a claim; `any`: also another caller's.
    fn release_claim(
        &self,
        caller: CallerId,
        claim_id: String,
        any: bool,
    ) -> impl Future<Output = Result<(), Failure>> + Send;

    /// Looks at a device by role or name.
    fn check_health(
        &self,
        role_or_name: String,
    ) -> impl Future<Output = Result<(DeviceInfo, Vec<Check>), Failure>> + Send;

    /// Why a device is as it is.
    fn explain_device(
        &self,
        role_or_name: String,
    ) -> impl Future<Output = Result<(DeviceInfo, Why), Failure>> + Send;

    /// Takes a paper to be printed.
    fn print(
        &self,
        caller: CallerId,
        wish: PrintWish,
    ) -> impl Future<Output = Result<JobTold, Failure>> + Send;

    /// Takes several papers to be printed.
    fn print_batch(
        &self,
        caller: CallerId,
        wish: BatchWish,
    ) -> impl Future<Output = BatchTold> + Send;

    /// Makes a settlement sheet.
    fn sheet(
        &self,
        caller: CallerId,
        wish: SheetWish,
    ) -> impl Future<Output = Result<SheetTold, Failure>> + Send;

    /// Takes a piece of a document.
    fn put_document(
        &self,
        caller: CallerId,
        wish: PutWish,
    ) -> impl Future<Output = Result<PutTold, Failure>> + Send;

    /// Takes a copy to be printed.
    fn reprint(
        &self,
        caller: CallerId,
        wish: ReprintWish,
    ) -> impl Future<Output = Result<JobTold, Failure>> + Send;

    /// One print job as it is now.
    fn job(
        &self,
        caller: CallerId,
        key: JobKey,
    ) -> impl Future<Output = Result<JobTold, Failure>> + Send;

    /// Print jobs, newest first.
    fn jobs(
        &self,
        caller: CallerId,
        filter: JobsFilter,
    ) -> impl Future<Output = Result<Vec<JobRow>, Failure>> + Send;

    /// A print job to its end.
    fn watch_job(
        &self,
        caller: CallerId,
        key: JobKey,
    ) -> impl Future<Output = Result<BoxStream<'static, JobTold>, Failure>> + Send;

    /// Calls a print job off; `any`: also another caller's.
    fn cancel_job(
        &self,
        caller: CallerId,
        key: JobKey,
        any: bool,
    ) -> impl Future<Output = Result<(JobCancel, JobTold), Failure>> + Send;

    /// What the printer of a role would show.
    fn preview(
        &self,
        role: String,
        document: Document,
    ) -> impl Future<Output = Result<PaperPreview, Failure>> + Send;

    /// Records a device until the stream is dropped, for so long at most.
    fn record_device(
        &self,
        caller: CallerId,
        role_or_name: String,
        length: Duration,
    ) -> impl Future<Output = Result<Recording, Failure>> + Send;

    /// Reads a card. Dropping the future frees the reader.
    fn read_card(
        &self,
        caller: CallerId,
        wish: CardWish,
        deadline: Option<Duration>,
    ) -> impl Future<Output = Result<ShownCard, Failure>> + Send;

    /// Says who stands there. Dropping the future frees the devices.
    fn identify(
        &self,
        caller: CallerId,
        wish: Wish,
        deadline: Option<Duration>,
    ) -> impl Future<Output = Result<Identified, Failure>> + Send;

    /// Follows an identification, also one that does not exist yet.
    fn watch_identification(
        &self,
        caller: CallerId,
        request_id: String,
    ) -> BoxStream<'static, (identify::Progress, Identified)>;

    /// Calls an identification off.
    fn cancel_identify(
        &self,
        caller: CallerId,
        request_id: String,
    ) -> impl Future<Output = Result<(bool, Identified), Failure>> + Send;

    /// Reads the configuration again.
    fn reload(
        &self,
        caller: CallerId,
    ) -> impl Future<Output = Result<Vec<ConfigChange>, Failure>> + Send;

    /// Logs more or less; gives the whole filter.
    fn set_log_level(
        &self,
        caller: CallerId,
        level: String,
        target: Option<String>,
    ) -> impl Future<Output = Result<String, Failure>> + Send;

    /// What it counts, as OpenMetrics text.
    fn metrics(&self) -> impl Future<Output = String> + Send;

    /// Whether a new settlement would be taken. Never waits.
    fn may_settle(&self) -> bool;

    /// How the daemon is.
    fn status(&self) -> impl Future<Output = Status> + Send;
}
