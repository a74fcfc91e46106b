//! `device`: the peripherals of the desk.

mod health;
mod list;
mod page;
mod record;
mod scan;
mod test;
mod who;
mod why;

use crate::args::DeviceCommand;
use crate::connect::Door;
use crate::exit::Exit;
use crate::out::Out;
use crate::trouble::Trouble;

pub(crate) use list::drawn;

/// Runs one of its commands.
pub(crate) async fn run(
    door: &mut Door,
    command: &DeviceCommand,
    out: &Out,
) -> Result<Exit, Trouble> {
    match command {
        DeviceCommand::List => list::list(door, out).await,
        DeviceCommand::Watch(wanted) => list::watch(door, wanted.from, out).await,
        DeviceCommand::Scan(wanted) => scan::run(door, wanted, out).await,
        DeviceCommand::Health(which) => health::run(door, &which.device, out).await,
        DeviceCommand::Why(which) => why::run(door, &which.device, out).await,
        DeviceCommand::Record(wanted) => record::run(door, wanted, out).await,
        DeviceCommand::Test(wanted) => test::run(door, wanted, out).await,
        DeviceCommand::Who => who::run(door, out).await,
        DeviceCommand::Release(which) => who::release(door, &which.what, out).await,
    }
}
