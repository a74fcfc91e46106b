//! yibao-card: talks to pcscd for the daemon, over frames on standard input and output.
//!
//! It alone links libpcsclite, so that a daemon starts where that is missing, and so that a call that hangs in it
//! is ended by ending this process. It keeps nothing: it may be killed and started again at any moment. What it
//! says and hears stands in `yibaod::device::card::frame`.
//!
//! ```text
//! standard input ─► listen (thread) ─► use_cards (main) ─┐
//!                        pcscd ◄─► watch (thread) ───────┴─► Voice ─► standard output
//! ```

mod fault;
mod keypad;
mod uses;
mod voice;
mod watch;

use std::process::ExitCode;
use std::sync::Arc;
use std::sync::mpsc;

use yibaod::device::card::frame::{self, Ask, Told, VERSION};

use voice::Voice;

/// Things asked that may wait; the daemon asks one at a time.
const ASKED_MAX: usize = 8;

fn main() -> ExitCode {
    if std::env::args_os().len() > 1 {
        println!("yibao-card {}", env!("CARGO_PKG_VERSION"));
        println!("Talks to pcscd for yibaod, which starts it by itself. It takes no arguments.");
        return ExitCode::SUCCESS;
    }
    // A thread that dies would leave a program that answers half of what it is asked.
    let report = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        report(panic);
        std::process::abort();
    }));
    let voice = Arc::new(Voice::new());
    voice.tell(&Told::Hello { version: VERSION });
    let (asked, inbox) = mpsc::sync_channel(ASKED_MAX);
    std::thread::spawn(move || listen(&asked));
    let watcher = Arc::clone(&voice);
    std::thread::spawn(move || watch::watch(&watcher));
    uses::use_cards(&inbox, &voice);
    ExitCode::SUCCESS
}

/// Ends the process when the daemon is gone, whatever hangs elsewhere.
fn listen(asked: &mpsc::SyncSender<Ask>) {
    let mut input = std::io::stdin().lock();
    loop {
        match frame::read::<Ask>(&mut input) {
            Ok(Some(ask)) => {
                if asked.send(ask).is_err() {
                    return;
                }
            }
            Ok(None) => std::process::exit(0),
            Err(error) => {
                eprintln!("yibao-card: {error}");
                std::process::exit(2);
            }
        }
    }
}
