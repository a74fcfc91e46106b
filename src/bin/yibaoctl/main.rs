//! yibaoctl: the operator's and developer's command line.
//!
//! A gRPC client of the daemon on its local socket. `explain`, `may`, `token`, `profile check`, `journal verify`, `journal export` and
//! `desk adopt` work without the daemon, through the library. It must not know settlements, platform or devices beyond
//! what the doors tell.

mod args;
mod ask;
mod book_page;
mod card;
mod charset;
mod check;
mod confirm;
mod connect;
mod device;
mod dispense;
mod doctor;
mod draw;
mod exit;
mod explain;
mod export;
mod identify;
mod json;
mod list;
mod local;
mod manual;
mod may;
mod metrics;
mod out;
mod pay;
mod print;
mod profile;
mod reconcile;
mod refund;
mod renewal;
mod resolve;
mod sheet;
mod show;
mod status;
mod steward;
mod stuck;
mod support;
mod token;
mod trouble;
mod watch;

use std::process::ExitCode;

use clap::Parser as _;

use args::{Args, Command, DeskCommand, JournalCommand, ProfileCommand};
use connect::Door;
use exit::Exit;
use out::Out;
use trouble::Trouble;

fn main() -> ExitCode {
    let args = Args::parse();
    let mut out = Out::new(args.charset, args.json);
    let runtime = match tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("yibaoctl: no runtime: {error}");
            return Exit::Failed.into();
        }
    };
    if let Command::Status(status) = &args.command
        && status.check
    {
        return runtime.block_on(check::run(&args.socket, &out));
    }
    let ended = runtime.block_on(run(&args, &mut out));
    // A thread that reads the terminal may still wait for a line; nobody needs its answer.
    runtime.shutdown_background();
    match ended {
        Ok(exit) => exit.into(),
        Err(trouble) => {
            out.trouble(&trouble);
            trouble.exit().into()
        }
    }
}

async fn run(args: &Args, out: &mut Out) -> Result<Exit, Trouble> {
    let door = || Door::open(&args.socket);
    match &args.command {
        Command::Status(_) => status::run(&mut door().await?, out).await,
        Command::Metrics => metrics::run(&mut door().await?, out).await,
        Command::Pay(pay) => pay::run(&args.socket, pay, out).await,
        Command::Watch(which) => watch::run(&mut door().await?, &which.request_id, out).await,
        Command::List(list) => list::run(&mut door().await?, list, out).await,
        Command::Show(show) => show::run(&mut door().await?, show, out).await,
        Command::Confirm(confirm) => confirm::run(&mut door().await?, confirm, out).await,
        Command::Cancel(which) => {
            let mut door = door().await?;
            let exit = pay::cancel(&mut door, &which.request_id, out).await?;
            Ok(exit)
        }
        Command::Stuck => stuck::run(&mut door().await?, out).await,
        Command::Resolve(resolve) => resolve::run(&mut door().await?, resolve, out).await,
        Command::Reconcile(wanted) => reconcile::run(&mut door().await?, wanted, out).await,
        Command::Refund(refund) => refund::run(&mut door().await?, refund, out).await,
        Command::Identify(wanted) => identify::run(&mut door().await?, wanted, out).await,
        Command::Card(wanted) => card::run(&mut door().await?, wanted, out).await,
        Command::Device(command) => device::run(&mut door().await?, command, out).await,
        Command::Dispense(command) => dispense::run(&mut door().await?, command, out).await,
        Command::Print(args) => print::run(&mut door().await?, args, out).await,
        Command::Sheet(args) => sheet::run(&mut door().await?, args, out).await,
        Command::Reload(reload) => steward::reload(&args.socket, reload, out).await,
        Command::Log(log) => steward::log(&mut door().await?, log, out).await,
        Command::Doctor(wanted) => doctor::run(&args.socket, wanted, out).await,
        Command::Support(wanted) => support::run(&args.socket, wanted, out).await,
        Command::Explain(explain) => explain::run(explain, out),
        Command::May(wanted) => may::run(wanted, out),
        Command::Token(command) => token::run(command, out),
        Command::Journal(JournalCommand::Verify(verify)) => local::verify(verify, out),
        Command::Journal(JournalCommand::Export(export)) => export::run(export, out),
        Command::Profile(ProfileCommand::Check(check)) => Ok(profile::check(check, out)),
        Command::Desk(DeskCommand::Adopt(adopt)) => local::adopt(adopt, out),
        Command::Manual(wanted) => manual::write(wanted),
    }
}
