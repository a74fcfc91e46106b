//! A desk that plays back what a test gave it.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream::{self, BoxStream};
use tokio::sync::{mpsc, oneshot};

use crate::book::Code;
use crate::document::Document;
use crate::ipc::convert::{device, settlement, status};
use crate::ipc::grpc::handle::Handle;
use crate::operation::{
    BatchTold, BatchWish, CallerId, CardWish, Check, ClaimEnd, ClaimTold, ClaimWish, CodeRead,
    ConfigChange, DeviceEvent, DeviceInfo, DeviceState, DispenseKey, Dispensed, Failure, HandOut,
    Identified, ListFilter, Reconcile, Reconciled, Recording, RefundKey, Resolved, ScanWish,
    SettlementKey, SheetTold, SheetWish, ShownCard, Stated, Status, TakeBack, WatchPoint, Watched,
    What, Why,
};
use crate::operation::{
    JobCancel, JobKey, JobRow, JobTold, JobsFilter, PaperPreview, PrintWish, PutTold, PutWish,
    ReprintOf, ReprintWish,
};
use crate::settlement::answer::{Answer, CancelVerdict, Point, Progress, Stage, Summary};
use crate::settlement::handout::Dispense;
use crate::settlement::identify::{self, Wish};
use crate::settlement::order::Order;
use crate::settlement::refund;
use crate::settlement::stuck::Item;

/// What reached the operations.
pub(in crate::ipc) enum Asked {
    ScanAndPay {
        caller: CallerId,
        order: Box<Order>,
        deadline: Option<Duration>,
    },
    Watch(String),
    Confirm(Point, String),
    Resolve(Stated),
    Refund(Box<refund::Order>),
}

/// Plays back answers.
#[derive(Clone)]
pub(in crate::ipc) struct Desk {
    asked: mpsc::UnboundedSender<Asked>,
    pub(in crate::ipc) fail_with: Option<Failure>,
    /// Scan-and-pay never ends; what is in here is dropped with its future.
    pub(in crate::ipc) hang: Option<Arc<Mutex<Option<oneshot::Sender<()>>>>>,
}

impl Desk {
    pub(in crate::ipc) fn new() -> (Self, mpsc::UnboundedReceiver<Asked>) {
        let (asked, received) = mpsc::unbounded_channel();
        (
            Self {
                asked,
                fail_with: None,
                hang: None,
            },
            received,
        )
    }

    fn answer(&self) -> Result<Answer, Failure> {
        self.fail_with
            .clone()
            .map_or_else(|| Ok(settlement::tests::answer()), Err)
    }
}

/// The job of another caller than whoever asks.
pub(in crate::ipc) const OTHERS: &str = "others";

/// As the operations do: `any` job may be had, or this is one's own.
fn own_or(any: bool, key: &JobKey) -> Result<(), Failure> {
    match *key != JobKey::Id(OTHERS.to_owned()) || any {
        true => Ok(()),
        false => Err(Failure::new(Code::NotAllowed, "it is another caller's job")),
    }
}

type Wait = Option<Duration>;
type Told = Result<Arc<Dispense>, Failure>;

impl Handle for Desk {
    async fn scan_and_pay(
        &self,
        caller: CallerId,
        order: Order,
        deadline: Option<Duration>,
    ) -> Result<Answer, Failure> {
        let order = Box::new(order);
        self.asked
            .send(Asked::ScanAndPay {
                caller,
                order,
                deadline,
            })
            .unwrap();
        if let Some(hang) = &self.hang {
            let _dropped_with_this_future = hang.lock().unwrap().take();
            std::future::pending::<()>().await;
        }
        self.answer()
    }

    fn watch_settlement(&self, _: CallerId, request_id: String) -> BoxStream<'static, Progress> {
        self.asked.send(Asked::Watch(request_id)).unwrap();
        let stages = [Stage::WaitingScan, Stage::Settling, Stage::Ended];
        stream::iter(stages.map(settlement::tests::progress)).boxed()
    }

    async fn confirm(
        &self,
        _: CallerId,
        _: String,
        point: Point,
        shown: String,
    ) -> Result<(), Failure> {
        self.asked.send(Asked::Confirm(point, shown)).unwrap();
        Ok(())
    }

    async fn cancel(
        &self,
        _: CallerId,
        _: String,
        _: Option<Duration>,
    ) -> Result<(CancelVerdict, Answer), Failure> {
        Ok((CancelVerdict::TooLateSettled, self.answer()?))
    }

    async fn get(&self, _: CallerId, key: SettlementKey) -> Result<Answer, Failure> {
        // What is ordered here is never stored.
        if key == SettlementKey::RequestId("HIS-2024.0001".to_owned()) {
            return Err(Failure::new(Code::NotFound, ""));
        }
        self.answer()
    }

    async fn list(&self, _: CallerId, filter: ListFilter) -> Result<Vec<Summary>, Failure> {
        assert_eq!(filter.limit, 50);
        Ok(Vec::new())
    }

    async fn hand_out(&self, _: CallerId, wish: HandOut, _: Wait) -> Result<Dispensed, Failure> {
        Err(Failure::new(Code::DispenseNotEnabled, wish.request_id))
    }

    async fn take_back(&self, _: CallerId, wish: TakeBack, _: Wait) -> Result<Dispensed, Failure> {
        Err(Failure::new(Code::DispenseNotEnabled, wish.request_id))
    }

    async fn dispense(&self, _: CallerId, _: DispenseKey) -> Told {
        Err(Failure::new(Code::NotFound, ""))
    }

    async fn stuck(&self, _: CallerId) -> Result<Vec<Item>, Failure> {
        Ok(Vec::new())
    }

    async fn resolve(&self, _: CallerId, stated: Stated) -> Result<Resolved, Failure> {
        self.asked.send(Asked::Resolve(stated)).unwrap();
        self.answer().map(Resolved::Settlement)
    }

    async fn refund(
        &self,
        _: CallerId,
        order: refund::Order,
        _: Option<Duration>,
    ) -> Result<refund::Answer, Failure> {
        self.asked.send(Asked::Refund(Box::new(order))).unwrap();
        Err(Failure::new(Code::RefundNotSettled, "it does not stand"))
    }

    async fn get_refund(&self, _: CallerId, key: RefundKey) -> Result<refund::Answer, Failure> {
        Err(Failure::new(Code::NotFound, format!("{key:?}")))
    }

    async fn reconcile(
        &self,
        _caller: CallerId,
        wanted: Reconcile,
    ) -> Result<BoxStream<'static, Reconciled>, Failure> {
        Err(Failure::new(Code::SpanInvalid, wanted.from))
    }

    fn devices(&self) -> Vec<DeviceInfo> {
        vec![device::tests::printer(DeviceState::Ready)]
    }

    fn watch_devices(&self, from_seq: Option<u64>) -> (WatchPoint, BoxStream<'static, Watched>) {
        let seq = from_seq.unwrap_or(1);
        let point = |next_seq, missed| WatchPoint {
            next_seq,
            first_seq: 5,
            missed,
        };
        let event = DeviceEvent {
            seq,
            at_ms: 0,
            device: "slip".into(),
            what: What::PaperOut,
        };
        let lagged = Watched::Lagged(point(99, true));
        let events = stream::iter([Watched::Event(event), lagged]).boxed();
        (point(seq, false), events)
    }

    async fn scan(&self, _: CallerId, wish: ScanWish) -> Result<CodeRead, Failure> {
        Err(Failure::new(Code::NobodyScanned, wish.role))
    }

    fn claim(&self, _: CallerId, wish: ClaimWish) -> BoxStream<'static, ClaimTold> {
        let granted = ClaimTold::Granted {
            claim_id: "claim-1".into(),
            device: wish.role,
            lease: wish.lease,
        };
        let over = ClaimTold::Ended(ClaimEnd::LeaseOver);
        stream::iter([ClaimTold::Waiting(2), granted, over]).boxed()
    }

    async fn renew_claim(&self, _: CallerId, _: String) -> Result<Duration, Failure> {
        Err(Failure::new(Code::ClaimUnknown, ""))
    }

    async fn release_claim(&self, _: CallerId, _: String, any: bool) -> Result<(), Failure> {
        // All claims are another's, of which nobody is told; the owner of the socket is an admin.
        any.then_some(())
            .ok_or_else(|| Failure::new(Code::ClaimUnknown, ""))
    }

    async fn check_health(&self, name: String) -> Result<(DeviceInfo, Vec<Check>), Failure> {
        Err(Failure::new(Code::DeviceUnknown, name))
    }

    async fn explain_device(&self, name: String) -> Result<(DeviceInfo, Why), Failure> {
        Err(Failure::new(Code::DeviceUnknown, name))
    }

    async fn record_device(
        &self,
        _: CallerId,
        name: String,
        _: Duration,
    ) -> Result<Recording, Failure> {
        Err(Failure::new(Code::DeviceUnknown, name))
    }

    async fn read_card(&self, _: CallerId, _: CardWish, _: Wait) -> Result<ShownCard, Failure> {
        Err(Failure::new(Code::CardReaderMissing, "none"))
    }

    async fn identify(&self, _: CallerId, wish: Wish, _: Wait) -> Result<Identified, Failure> {
        Err(Failure::new(Code::NobodyScanned, wish.request_id))
    }

    fn watch_identification(
        &self,
        _: CallerId,
        _: String,
    ) -> BoxStream<'static, (identify::Progress, Identified)> {
        stream::pending().boxed()
    }

    async fn cancel_identify(
        &self,
        _: CallerId,
        request_id: String,
    ) -> Result<(bool, Identified), Failure> {
        Err(Failure::new(Code::NotFound, request_id))
    }

    async fn print(&self, _: CallerId, wish: PrintWish) -> Result<JobTold, Failure> {
        Err(Failure::new(Code::DeviceUnknown, wish.role))
    }

    async fn print_batch(&self, _: CallerId, wish: BatchWish) -> BatchTold {
        let refused = |wish: PrintWish| Err(Failure::new(Code::DeviceUnknown, wish.request_id));
        BatchTold {
            items: wish.wishes.into_iter().map(refused).collect(),
        }
    }

    async fn sheet(&self, _: CallerId, _: SheetWish) -> Result<SheetTold, Failure> {
        Err(Failure::new(Code::RenderMissing, ""))
    }

    async fn put_document(&self, _: CallerId, wish: PutWish) -> Result<PutTold, Failure> {
        Err(Failure::new(Code::DocumentOffset, wish.upload_id))
    }

    async fn reprint(&self, _: CallerId, wish: ReprintWish) -> Result<JobTold, Failure> {
        if let ReprintOf::Job(key) = &wish.of {
            own_or(wish.rights.any, key)?;
        }
        Err(Failure::new(Code::PrintRunning, wish.reason))
    }

    async fn job(&self, _: CallerId, _: JobKey) -> Result<JobTold, Failure> {
        Err(Failure::new(Code::NotFound, ""))
    }

    async fn jobs(&self, _: CallerId, _: JobsFilter) -> Result<Vec<JobRow>, Failure> {
        Ok(Vec::new())
    }

    async fn watch_job(
        &self,
        _: CallerId,
        _: JobKey,
    ) -> Result<BoxStream<'static, JobTold>, Failure> {
        Err(Failure::new(Code::NotFound, ""))
    }

    async fn cancel_job(
        &self,
        _: CallerId,
        key: JobKey,
        any: bool,
    ) -> Result<(JobCancel, JobTold), Failure> {
        own_or(any, &key)?;
        Err(Failure::new(Code::NotFound, ""))
    }

    async fn preview(&self, role: String, _: Document) -> Result<PaperPreview, Failure> {
        Err(Failure::new(Code::DeviceUnknown, role))
    }

    async fn reload(&self, _: CallerId) -> Result<Vec<ConfigChange>, Failure> {
        Err(Failure::new(
            Code::ConfigWrong,
            "yibaod.toml: times.scan_wait_s",
        ))
    }

    async fn set_log_level(
        &self,
        _: CallerId,
        level: String,
        _: Option<String>,
    ) -> Result<String, Failure> {
        Ok(format!("yibaod={level},warn"))
    }

    async fn metrics(&self) -> String {
        "# EOF\n".to_owned()
    }

    fn may_settle(&self) -> bool {
        true
    }

    async fn status(&self) -> Status {
        status::tests::healthy()
    }
}
