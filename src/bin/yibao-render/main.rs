//! yibao-render: turns templates into PDF for the daemon, over frames on standard input and output.
//!
//! A template is a program: it may run for ever or want all memory. So it runs here, within limits that this process
//! sets for itself, and the daemon ends it at a deadline. It keeps nothing: it may be killed and started again at any
//! moment. It opens no socket, writes no file, and reads fonts and the directory of templates only.
//!
//! ```text
//! standard input ─► listen (thread) ─► main: typeset ─► standard output
//!                                       │
//!                     world: templates, values, fonts ─► typst ─► glyphs: does each have one? ─► PDF
//! ```

mod fault;
mod fonts;
mod glyphs;
mod marks;
#[path = "../../document/typeset.rs"]
#[allow(
    dead_code,
    unreachable_pub,
    reason = "the daemon uses it too, and other parts of it"
)]
mod typeset;
mod typesetter;
mod world;

use std::io::{self, Read as _, Write as _};
use std::process::ExitCode;
use std::sync::mpsc;

use rustix::process::{Resource, Rlimit, setrlimit};

use typeset::{Ask, PREFIX_BYTES, Told, VERSION};
use typesetter::Typesetter;

/// Address space: fonts are large and read whole, a long sheet has many pages.
const MEMORY_BYTES_MAX: u64 = 1_024 * 1_024 * 1_024;
/// Files open at once: a font, a template.
const FILES_MAX: u64 = 64;
/// Questions that may wait; the daemon asks one at a time.
const ASKED_MAX: usize = 2;
/// Stack of the thread that typesets: templates may nest deeply.
const STACK_BYTES: usize = 64 * 1_024 * 1_024;

fn main() -> ExitCode {
    if std::env::args_os().len() > 1 {
        println!("yibao-render {}", env!("CARGO_PKG_VERSION"));
        println!("Typesets papers for yibaod, which starts it by itself. It takes no arguments.");
        return ExitCode::SUCCESS;
    }
    // What a panic has to say may repeat what stands on a sheet: only where it happened is told.
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string);
        eprintln!("yibao-render: panic at {}", place.unwrap_or_default());
        std::process::abort();
    }));
    if let Err(error) = limit() {
        eprintln!("yibao-render: no limits: {error}");
        return ExitCode::FAILURE;
    }
    let (asked, inbox) = mpsc::sync_channel(ASKED_MAX);
    std::thread::spawn(move || listen(&asked));
    let typesetting = std::thread::Builder::new()
        .stack_size(STACK_BYTES)
        .spawn(move || serve(&inbox));
    match typesetting.map(std::thread::JoinHandle::join) {
        Ok(Ok(Ok(()))) => ExitCode::SUCCESS,
        Ok(Ok(Err(_)) | Err(_)) | Err(_) => ExitCode::FAILURE,
    }
}

/// What a template can take from the machine; a dump of this process would hold what stands on sheets.
fn limit() -> io::Result<()> {
    // Where memory is short, this process goes before the daemon. Nothing depends on it where /proc is not there.
    if let Err(error) = std::fs::write("/proc/self/oom_score_adj", "1000") {
        eprintln!("yibao-render: oom_score_adj: {error}");
    }
    let most = |most| Rlimit {
        current: Some(most),
        maximum: Some(most),
    };
    setrlimit(Resource::As, most(MEMORY_BYTES_MAX))?;
    setrlimit(Resource::Core, most(0))?;
    setrlimit(Resource::Nofile, most(FILES_MAX))?;
    Ok(())
}

/// Ends the process when the daemon is gone, also while a template runs for ever.
fn listen(asked: &mpsc::SyncSender<(Ask, Vec<u8>)>) {
    let mut input = io::stdin().lock();
    loop {
        let mut prefix = [0; PREFIX_BYTES];
        if input.read_exact(&mut prefix).is_err() {
            std::process::exit(0);
        }
        match take(&mut input, prefix) {
            Ok(ask) => {
                if asked.send(ask).is_err() {
                    return;
                }
            }
            Err(error) => {
                eprintln!("yibao-render: {error}");
                std::process::exit(2);
            }
        }
    }
}

fn take(input: &mut impl io::Read, prefix: [u8; PREFIX_BYTES]) -> Result<(Ask, Vec<u8>), String> {
    let (head_bytes, body_bytes) = typeset::announced(prefix)?;
    let mut part = |bytes| {
        let mut part = vec![0; bytes];
        let read = input.read_exact(&mut part);
        read.map(|()| part).map_err(|error| error.to_string())
    };
    let (head, body) = (part(head_bytes)?, part(body_bytes)?);
    Ok((typeset::head(&head)?, body))
}

fn serve(inbox: &mpsc::Receiver<(Ask, Vec<u8>)>) -> io::Result<()> {
    tell(&Told::Hello { version: VERSION }, &[])?;
    let mut typesetter = Typesetter::new();
    while let Ok((ask, values)) = inbox.recv() {
        let id = ask.id;
        match typesetter.typeset(&ask, values) {
            Ok(sheet) => {
                let pages = sheet.pages;
                tell(&Told::Done { id, pages }, &sheet.bytes)?;
            }
            Err(fault) => tell(&Told::Failed { id, fault }, &[])?,
        }
    }
    Ok(())
}

fn tell(told: &Told, body: &[u8]) -> io::Result<()> {
    let whole = typeset::frame(told, body).map_err(io::Error::other)?;
    let mut output = io::stdout().lock();
    output.write_all(&whole)?;
    output.flush()
}
