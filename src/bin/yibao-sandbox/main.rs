//! yibao-sandbox: the far ends of all wires, with the real `yibaod` between them.
//!
//! Starts a simulated insurance platform, a code scanner and a receipt printer, then the daemon that would ship; makes
//! one scan-and-pay through its gRPC door, shows each step and checks the answer against the platform's ledger. Then it
//! stays up to be played with. It knows the daemon by its door, its files and its command line only.

mod args;
mod daemon;
mod desk;
mod draw;
mod files;
mod first;
mod flow;
mod infno;
mod paper;
mod patient;
mod pay;
mod play;
mod programs;
mod script;
mod truth;

use std::process::ExitCode;
use std::sync::Arc;

use clap::Parser as _;

use args::{Act, Args};
use daemon::Daemon;
use desk::Desk;
use draw::Say;
use patient::Patient;
use tonic_types::StatusExt as _;

/// Why the sandbox ended early, in words for people.
type Trouble = Box<dyn std::error::Error + Send + Sync>;

fn main() -> ExitCode {
    let args = Args::parse();
    if args.fault_list {
        print!("{}", yibaod::sandbox::platform::faults::listed());
        return ExitCode::SUCCESS;
    }
    let runtime = match tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("yibao-sandbox: no runtime: {error}");
            return ExitCode::FAILURE;
        }
    };
    let ended = runtime.block_on(run(&args));
    // A thread may still wait for a line of stdin; nobody needs it.
    runtime.shutdown_background();
    match ended {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(trouble) => {
            eprintln!("yibao-sandbox: {}", in_words(&trouble));
            ExitCode::FAILURE
        }
    }
}

/// For people: what a library says of a connection that broke helps nobody.
fn in_words(trouble: &Trouble) -> String {
    match trouble.downcast_ref::<tonic::Status>() {
        Some(status) if status.get_details_error_info().is_none() => format!(
            "与 yibaod 的连接中断，这一步的结果尚不清楚。 The connection to yibaod went away; what became of this step \
             is not known here ({}).",
            status.code().description()
        ),
        Some(_) | None => trouble.to_string(),
    }
}

/// `false`: something was not as it must be.
async fn run(args: &Args) -> Result<bool, Trouble> {
    if let Some(Act::Flow(flow)) = args.act {
        flow.check()?;
    }
    let say = Say::new();
    say.title("yibao-sandbox", "医保结算沙箱");
    let programs = match args.service {
        true => programs::beside()?,
        false => programs::ready(args.no_build, &say).await?,
    };
    let place = files::Place::open(args)?;
    let desk = Arc::new(Desk::start(args, &place).await?);
    files::write(&place, &desk, args)?;
    desk.tell(&say);
    let mut daemon = match args.service {
        true => Daemon::of_systemd(&programs, &place),
        false => Daemon::start(&programs, &place).await?,
    };
    let ended = tokio::select! {
        ended = act(args, &say, &desk, &place, &programs, &mut daemon) => ended,
        signal = stopped() => signal.map(|()| {
            say.line("");
            say.line("  interrupted; ending  正在结束…");
            false
        }),
    };
    daemon.stop().await;
    place.close(&say);
    ended
}

/// What this run is for.
async fn act(
    args: &Args,
    say: &Say,
    desk: &Arc<Desk>,
    place: &files::Place,
    programs: &programs::Programs,
    daemon: &mut Daemon,
) -> Result<bool, Trouble> {
    daemon.served(say).await?;
    daemon.tell(say);
    if let Some(path) = &args.scenario {
        return script::run(path, say, desk, daemon).await;
    }
    for fault in &args.fault {
        desk.platform.arm(fault)?;
        say.line(&say.care(&format!("  fault {fault} is armed  已注入故障")));
    }
    let is_right = match args.act {
        Some(Act::Flow(flow)) => flow::run(flow, args, say, desk, (place, programs)).await?,
        None => first::run(args, say, desk, place).await?,
    };
    if args.once {
        return Ok(is_right);
    }
    let patient = (!args.no_patient).then(|| Patient::start(desk, args, *say));
    play::run(say, desk, place, programs, daemon, args).await?;
    drop(patient);
    Ok(true)
}

/// Ctrl-C or SIGTERM.
async fn stopped() -> Result<(), Trouble> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        _ = terminate.recv() => Ok(()),
        pressed = tokio::signal::ctrl_c() => Ok(pressed?),
    }
}
