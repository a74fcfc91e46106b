//! The far ends of the desk's wires, and a connection to the daemon's door.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use hyper_util::rt::TokioIo;
use rustix::fs::{Mode, OFlags};
use tokio::net::UnixStream;
use tokio::sync::broadcast;
use tonic::transport::{Channel, Endpoint, Uri};
use yibaod::sandbox::devices::Devices;
use yibaod::sandbox::devices::card::IdCardReader;
use yibaod::sandbox::devices::printer::{Options as PrinterOptions, Printer};
use yibaod::sandbox::devices::report::ReportPrinter;
use yibaod::sandbox::devices::scanner::{Scanner, Terminator};
use yibaod::sandbox::http::{Edge, Moment};
use yibaod::sandbox::platform::{CodeKind, Options as PlatformOptions, Platform};

use crate::Trouble;
use crate::args::{Act, Args, By};
use crate::draw::Say;
use crate::files::Place;

/// Moments of the platform that a slow reader may be behind.
const MOMENTS_MAX: usize = 1_024;

/// Platform, scanner, printers, and an id card reader where one is asked for.
pub(crate) struct Desk {
    /// The insurance platform.
    pub(crate) platform: Platform,
    /// Scanner and printer.
    pub(crate) devices: Devices,
    /// The report printer.
    pub(crate) reports: ReportPrinter,
    /// The 居民身份证 reader of a flow whose patient brings one.
    pub(crate) id_cards: Option<IdCardReader>,
    moments: broadcast::Sender<Moment>,
    socket: PathBuf,
    patient: Mutex<PatientState>,
}

/// Who the patient is, and whom he attends to.
#[derive(Default)]
struct PatientState {
    person: String,
    attended: BTreeSet<String>,
}

impl Desk {
    /// Starts all of them.
    pub(crate) async fn start(args: &Args, place: &Place) -> Result<Self, Trouble> {
        let options = PlatformOptions {
            port: args.platform_port,
            ..PlatformOptions::default()
        };
        let platform = Platform::start(options)
            .await
            .map_err(|error| format!("port {}: {error}", args.platform_port))?;
        if platform.person(&args.person).is_none() {
            let known = yibaod::sandbox::persons::everybody();
            let known: Vec<String> = known.into_iter().map(|person| person.key).collect();
            return Err(format!("{}: one of {}", args.person, known.join(", ")).into());
        }
        let (moments, _) = broadcast::channel(MOMENTS_MAX);
        let told = moments.clone();
        platform.on_moment(move |moment| {
            // Nobody may be listening.
            told.send(moment.clone()).ok();
        });
        let devices = Devices {
            scanner: Scanner::start(place.dir())?,
            printer: Printer::start_tcp(PrinterOptions::default())?,
        };
        let patient = PatientState {
            person: args.person.clone(),
            attended: BTreeSet::new(),
        };
        Ok(Self {
            platform,
            devices,
            reports: ReportPrinter::start()?,
            id_cards: reads_id_cards(args)
                .then(|| IdCardReader::start(place.dir()))
                .transpose()?,
            moments,
            socket: place.socket(),
            patient: Mutex::new(patient),
        })
    }

    /// What was started, for people.
    pub(crate) fn tell(&self, say: &Say) {
        let printer = self
            .devices
            .printer
            .addr()
            .map_or_else(String::new, |at| at.to_string());
        say.done(
            "platform",
            "医保平台",
            &format!("http://{}", self.platform.addr()),
        );
        say.done(
            "scanner",
            "扫码器",
            &self.devices.scanner.path().display().to_string(),
        );
        say.done("printer", "小票打印机", &format!("tcp {printer}, ESC/POS"));
        if let Some(reader) = &self.id_cards {
            let path = reader.path().display().to_string();
            say.done("id cards", "身份证阅读器", &path);
        }
    }

    /// What the platform receives and answers from here on.
    pub(crate) fn moments(&self) -> broadcast::Receiver<Moment> {
        self.moments.subscribe()
    }

    /// Who the patient is.
    pub(crate) fn person(&self) -> String {
        self.patient().person.clone()
    }

    /// Another patient from here on.
    pub(crate) fn choose(&self, person: &str) {
        person.clone_into(&mut self.patient().person);
    }

    /// `false`: the patient attends to this settlement already.
    pub(crate) fn attend(&self, request_id: &str) -> bool {
        self.patient().attended.insert(request_id.to_owned())
    }

    /// The patient is done with it.
    pub(crate) fn leave(&self, request_id: &str) {
        self.patient().attended.remove(request_id);
    }

    fn patient(&self) -> MutexGuard<'_, PatientState> {
        self.patient.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A patient shows a code of this kind to the scanner.
    pub(crate) async fn show(&self, person: &str, kind: CodeKind) -> Result<String, Trouble> {
        let code = self
            .platform
            .code(person, kind)
            .ok_or_else(|| format!("nobody is {person}"))?;
        self.devices
            .scanner
            .scan(code.as_bytes(), Terminator::Cr)
            .await?;
        Ok(code)
    }

    /// A line forgets who had it for himself alone when its last user is gone. This one never loses its last user, as
    /// one end stays open here: a daemon under its own user that was killed would find it busy.
    pub(crate) fn free_line(&self) {
        let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC;
        let line = rustix::fs::open(self.devices.scanner.path(), flags, Mode::empty());
        // Unplugged there is nothing to free.
        if let Ok(line) = line {
            rustix::termios::ioctl_tiocnxcl(&line).ok();
        }
    }

    /// Opens the daemon's door.
    pub(crate) async fn door(&self) -> Result<Channel, Trouble> {
        channel(&self.socket).await
    }
}

/// Whether the patient of this run brings a 居民身份证.
fn reads_id_cards(args: &Args) -> bool {
    match args.act {
        Some(Act::Flow(flow)) => flow.by == By::IdCard,
        None => false,
    }
}

/// A connection to the daemon's local socket.
pub(crate) async fn channel(socket: &Path) -> Result<Channel, Trouble> {
    let socket: Arc<Path> = socket.into();
    let connect = tower::service_fn(move |_: Uri| {
        let socket = Arc::clone(&socket);
        async move { UnixStream::connect(&*socket).await.map(TokioIo::new) }
    });
    let endpoint = Endpoint::from_static("http://yibaod.local");
    Ok(endpoint.connect_with_connector(connect).await?)
}

/// Whether an answer has been written.
pub(crate) fn is_answered(moment: &Moment) -> bool {
    moment.edge == Edge::AfterAnswer
}

/// Whether a whole request has arrived.
pub(crate) fn is_received(moment: &Moment) -> bool {
    moment.edge == Edge::LastByte
}
