//! The door as the configuration wants it, over the real operations.

use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream::{self, BoxStream};

use super::gate::Said;
use super::handle::Handle;
use super::listen::{ListenError, Socket};
use super::serve::Door;
use crate::config::{Settings, secrets};
use crate::document::Document;
use crate::ipc::access::{Accounts, GROUP, Policy, UnknownName};
use crate::ipc::json::Guard;
use crate::ipc::tcp::{Tcp, TcpError, Tokens};
use crate::operation::{
    BatchTold, BatchWish, CallerId, CardWish, Check, ClaimTold, ClaimWish, CodeRead, ConfigChange,
    DeviceInfo, DispenseKey, Dispensed, Failure, HandOut, Identified, JobCancel, JobKey, JobRow,
    JobTold, JobsFilter, ListFilter, Operations, PaperPreview, PrintWish, PutTold, PutWish,
    Reconcile, Reconciled, Recording, RefundKey, ReprintWish, Resolved, ScanWish, SettlementKey,
    SheetTold, SheetWish, ShownCard, Stated, Status, TakeBack, WatchPoint, Watched, Why,
};
use crate::settlement::answer::{Answer, CancelVerdict, Point, Progress, Summary};
use crate::settlement::handout::Dispense;
use crate::settlement::identify::{self, Wish};
use crate::settlement::order::Order;
use crate::settlement::refund;
use crate::settlement::stuck::Item;

/// Why the door cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum DoorError {
    /// The socket is not there.
    #[error(transparent)]
    Listen(#[from] ListenError),
    /// The configuration names somebody who is not on this machine.
    #[error(transparent)]
    Access(#[from] UnknownName),
    /// The accounts of this machine cannot be read.
    #[error("cannot read the accounts of this machine")]
    Accounts(#[source] std::io::Error),
    /// There is no thread that could look at the tokens.
    #[error("cannot follow the files of the tokens")]
    Tokens(#[source] std::io::Error),
    /// Our own descriptors cannot be read.
    #[error("the descriptors for reflection cannot be read")]
    Reflection(#[from] tonic_reflection::server::Error),
    /// The same, for JSON.
    #[error("the descriptors for JSON cannot be read")]
    Descriptors(#[from] prost_reflect::DescriptorError),
    /// There can be no listener for TCP.
    #[error(transparent)]
    Tcp(#[from] TcpError),
}

/// Binds the socket, or takes the one that systemd listens on for us, and the port where one is configured; a port that
/// cannot be had yet is tried again while the door is served. Must be called in a runtime.
///
/// # Errors
/// When another daemon holds the socket, a configured name is unknown, or the system says no.
pub fn open(
    settings: &Settings,
    operations: &Operations,
    passed: Option<OwnedFd>,
) -> Result<Door, DoorError> {
    let accounts = Accounts::read().map_err(DoorError::Accounts)?;
    let said = of(settings, &accounts)?;
    let said = said.followed().map_err(DoorError::Tokens)?;
    let gid = accounts.gid(GROUP);
    let path = &settings.paths.socket;
    let socket = match passed {
        Some(passed) => Socket::adopt(path, passed)?,
        None => Socket::bind(path, gid)?,
    };
    let door = Door::over(socket, said, operations)?;
    let tcp = Tcp::bind(&settings.tcp, secrets::handed_dir().as_deref())?;
    let told = operations.clone();
    let tcp = tcp.map(|tcp| tcp.telling(move |state| told.tcp_is(state)));
    let guard = Guard::new(&settings.json.origins);
    Ok(door.with_http(guard, tcp))
}

/// What the configuration says of who may do what, for [`super::Rights::change`] once it is [`Said::followed`]; all that a
/// door would refuse of it is refused, without opening one.
///
/// # Errors
/// A configured name is unknown, certificates do not fit, or the accounts cannot be read.
pub fn check(settings: &Settings) -> Result<Said, DoorError> {
    let accounts = Accounts::read().map_err(DoorError::Accounts)?;
    let said = of(settings, &accounts)?;
    Tcp::check(&settings.tcp, secrets::handed_dir().as_deref())?;
    Ok(said)
}

fn of(settings: &Settings, accounts: &Accounts) -> Result<Said, DoorError> {
    let policy = policy(settings, accounts)?;
    let tokens = Tokens::new(&settings.tcp.tokens, secrets::handed_dir().as_deref());
    Ok(Said::new(policy, settings.limits.calls_per_caller).with_tokens(tokens))
}

fn policy(settings: &Settings, accounts: &Accounts) -> Result<Policy, DoorError> {
    let owner_uid = rustix::process::geteuid().as_raw();
    let policy = Policy::new(&settings.access, owner_uid, accounts)?;
    let policy = policy.with_tcp(settings.tcp.settle).with_files(accounts);
    policy.map_err(DoorError::Accounts)
}

impl Handle for Operations {
    fn scan_and_pay(
        &self,
        caller: CallerId,
        order: Order,
        deadline: Option<Duration>,
    ) -> impl Future<Output = Result<Answer, Failure>> + Send {
        Operations::scan_and_pay(self, caller, order, deadline)
    }

    fn watch_settlement(
        &self,
        caller: CallerId,
        request_id: String,
    ) -> BoxStream<'static, Progress> {
        Operations::watch_settlement(self, caller, request_id).boxed()
    }

    fn confirm(
        &self,
        caller: CallerId,
        request_id: String,
        point: Point,
        shown: String,
    ) -> impl Future<Output = Result<(), Failure>> + Send {
        Operations::confirm(self, caller, request_id, point, shown)
    }

    fn cancel(
        &self,
        caller: CallerId,
        request_id: String,
        deadline: Option<Duration>,
    ) -> impl Future<Output = Result<(CancelVerdict, Answer), Failure>> + Send {
        Operations::cancel(self, caller, request_id, deadline)
    }

    fn get(
        &self,
        caller: CallerId,
        key: SettlementKey,
    ) -> impl Future<Output = Result<Answer, Failure>> + Send {
        Operations::get(self, caller, key)
    }

    fn list(
        &self,
        caller: CallerId,
        filter: ListFilter,
    ) -> impl Future<Output = Result<Vec<Summary>, Failure>> + Send {
        Operations::list(self, caller, filter)
    }

    fn hand_out(
        &self,
        caller: CallerId,
        wish: HandOut,
        deadline: Option<Duration>,
    ) -> impl Future<Output = Result<Dispensed, Failure>> + Send {
        Operations::hand_out(self, caller, wish, deadline)
    }

    fn take_back(
        &self,
        caller: CallerId,
        wish: TakeBack,
        deadline: Option<Duration>,
    ) -> impl Future<Output = Result<Dispensed, Failure>> + Send {
        Operations::take_back(self, caller, wish, deadline)
    }

    fn dispense(
        &self,
        caller: CallerId,
        key: DispenseKey,
    ) -> impl Future<Output = Result<Arc<Dispense>, Failure>> + Send {
        Operations::dispense(self, caller, key)
    }

    fn stuck(&self, caller: CallerId) -> impl Future<Output = Result<Vec<Item>, Failure>> + Send {
        Operations::stuck(self, caller)
    }

    fn resolve(
        &self,
        caller: CallerId,
        stated: Stated,
    ) -> impl Future<Output = Result<Resolved, Failure>> + Send {
        Operations::resolve(self, caller, stated)
    }

    async fn reconcile(
        &self,
        caller: CallerId,
        wanted: Reconcile,
    ) -> Result<BoxStream<'static, Reconciled>, Failure> {
        Ok(Operations::reconcile(self, caller, wanted).await?.boxed())
    }

    fn refund(
        &self,
        caller: CallerId,
        order: refund::Order,
        deadline: Option<Duration>,
    ) -> impl Future<Output = Result<refund::Answer, Failure>> + Send {
        Operations::refund(self, caller, order, deadline)
    }

    fn get_refund(
        &self,
        caller: CallerId,
        key: RefundKey,
    ) -> impl Future<Output = Result<refund::Answer, Failure>> + Send {
        Operations::get_refund(self, caller, key)
    }

    async fn identify(
        &self,
        caller: CallerId,
        wish: Wish,
        deadline: Option<Duration>,
    ) -> Result<Identified, Failure> {
        Operations::identify(self, caller, wish, deadline).await
    }

    fn watch_identification(
        &self,
        caller: CallerId,
        request_id: String,
    ) -> BoxStream<'static, (identify::Progress, Identified)> {
        Operations::watch_identification(self, caller, request_id).boxed()
    }

    async fn cancel_identify(
        &self,
        caller: CallerId,
        request_id: String,
    ) -> Result<(bool, Identified), Failure> {
        Operations::cancel_identify(self, caller, request_id).await
    }

    async fn read_card(
        &self,
        caller: CallerId,
        wish: CardWish,
        deadline: Option<Duration>,
    ) -> Result<ShownCard, Failure> {
        Operations::read_card(self, caller, wish, deadline).await
    }

    fn devices(&self) -> Vec<DeviceInfo> {
        Operations::devices(self)
    }

    fn scan(
        &self,
        caller: CallerId,
        wish: ScanWish,
    ) -> impl Future<Output = Result<CodeRead, Failure>> + Send {
        Operations::scan(self, caller, wish)
    }

    fn claim(&self, caller: CallerId, wish: ClaimWish) -> BoxStream<'static, ClaimTold> {
        Operations::claim(self, caller, wish).boxed()
    }

    fn renew_claim(
        &self,
        caller: CallerId,
        claim_id: String,
    ) -> impl Future<Output = Result<Duration, Failure>> + Send {
        Operations::renew_claim(self, caller, claim_id)
    }

    fn release_claim(
        &self,
        caller: CallerId,
        claim_id: String,
        any: bool,
    ) -> impl Future<Output = Result<(), Failure>> + Send {
        Operations::release_claim(self, caller, claim_id, any)
    }

    fn check_health(
        &self,
        role_or_name: String,
    ) -> impl Future<Output = Result<(DeviceInfo, Vec<Check>), Failure>> + Send {
        Operations::check_health(self, role_or_name)
    }

    fn explain_device(
        &self,
        role_or_name: String,
    ) -> impl Future<Output = Result<(DeviceInfo, Why), Failure>> + Send {
        Operations::explain_device(self, role_or_name)
    }

    fn record_device(
        &self,
        caller: CallerId,
        role_or_name: String,
        length: Duration,
    ) -> impl Future<Output = Result<Recording, Failure>> + Send {
        Operations::record_device(self, caller, role_or_name, length)
    }

    fn watch_devices(&self, from_seq: Option<u64>) -> (WatchPoint, BoxStream<'static, Watched>) {
        let mut watcher = Operations::watch_devices(self, from_seq);
        let point = watcher.point();
        let next = |mut watcher: crate::operation::Watcher| async move {
            let watched = watcher.next().await;
            Some((watched, watcher))
        };
        (point, stream::unfold(watcher, next).boxed())
    }

    fn print(
        &self,
        caller: CallerId,
        wish: PrintWish,
    ) -> impl Future<Output = Result<JobTold, Failure>> + Send {
        Operations::print(self, caller, wish)
    }

    fn print_batch(
        &self,
        caller: CallerId,
        wish: BatchWish,
    ) -> impl Future<Output = BatchTold> + Send {
        Operations::print_batch(self, caller, wish)
    }

    fn sheet(
        &self,
        caller: CallerId,
        wish: SheetWish,
    ) -> impl Future<Output = Result<SheetTold, Failure>> + Send {
        Operations::sheet(self, caller, wish)
    }

    fn put_document(
        &self,
        caller: CallerId,
        wish: PutWish,
    ) -> impl Future<Output = Result<PutTold, Failure>> + Send {
        Operations::put_document(self, caller, wish)
    }

    fn reprint(
        &self,
        caller: CallerId,
        wish: ReprintWish,
    ) -> impl Future<Output = Result<JobTold, Failure>> + Send {
        Operations::reprint(self, caller, wish)
    }

    fn job(
        &self,
        caller: CallerId,
        key: JobKey,
    ) -> impl Future<Output = Result<JobTold, Failure>> + Send {
        Operations::job(self, caller, key)
    }

    fn jobs(
        &self,
        caller: CallerId,
        filter: JobsFilter,
    ) -> impl Future<Output = Result<Vec<JobRow>, Failure>> + Send {
        Operations::jobs(self, caller, filter)
    }

    async fn watch_job(
        &self,
        caller: CallerId,
        key: JobKey,
    ) -> Result<BoxStream<'static, JobTold>, Failure> {
        Ok(Operations::watch_job(self, caller, key).await?.boxed())
    }

    fn cancel_job(
        &self,
        caller: CallerId,
        key: JobKey,
        any: bool,
    ) -> impl Future<Output = Result<(JobCancel, JobTold), Failure>> + Send {
        Operations::cancel_job(self, caller, key, any)
    }

    fn preview(
        &self,
        role: String,
        document: Document,
    ) -> impl Future<Output = Result<PaperPreview, Failure>> + Send {
        Operations::preview(self, role, document)
    }

    async fn reload(&self, caller: CallerId) -> Result<Vec<ConfigChange>, Failure> {
        Operations::reload(self, &caller).await
    }

    async fn set_log_level(
        &self,
        caller: CallerId,
        level: String,
        target: Option<String>,
    ) -> Result<String, Failure> {
        Operations::set_log_level(self, &caller, &level, target.as_deref()).await
    }

    fn metrics(&self) -> impl Future<Output = String> + Send {
        Operations::metrics(self)
    }

    fn may_settle(&self) -> bool {
        self.refusing().is_none()
    }

    fn status(&self) -> impl Future<Output = Status> + Send {
        Operations::status(self)
    }
}
