//! What a device is found to be when somebody asks about it.

use super::Hub;
use crate::device::board::DeviceInfo;
use crate::device::event::now_ms;
use crate::device::find::{self, Why};
use crate::device::health::{self, Check};
use crate::device::looked;
use crate::device::owned::{Device, Family};

impl Hub {
    /// Looks at the device with this role or name; six seconds at most. `None`: there is none.
    pub async fn check(&self, role_or_name: &str) -> Option<(DeviceInfo, Vec<Check>)> {
        let device = self.find(|it| it.is(role_or_name))?;
        let (mut checks, answer) = tokio::join!(self.on_this_machine(&device), answer_of(&device));
        let info = device.info();
        checks.push(if device.board.is_held_before() {
            health::of_change(&device.board.still_used())
        } else {
            health::of_line(&info)
        });
        checks.extend(answer);
        checks.extend(health::of_losses(&info));
        checks.extend(health::of_last_error(&info, now_ms()));
        Some((info, checks))
    }

    /// What can be seen of it without asking it.
    async fn on_this_machine(&self, device: &Device) -> Vec<Check> {
        let Some((at, class)) = find::place(&device.board.config().kind) else {
            return Vec::new();
        };
        let (at, missing) = (at.clone(), device.missing());
        let is_ours = device.board.is_open() || device.board.is_held_before();
        let look = move || match find::find(&at, class, missing) {
            Ok(path) => health::of_path(&path, is_ours),
            Err(error) => health::of_search(&error),
        };
        let looked = self.inner.local.look(look).await;
        looked.unwrap_or_else(|silent| health::of_no_look(silent.after))
    }

    /// Why the device with this role or name is found or not, and which row of the quirks table it uses; two seconds
    /// at most.
    pub async fn why(&self, role_or_name: &str) -> Option<(DeviceInfo, Why)> {
        let device = self.find(|it| it.is(role_or_name))?;
        let config = device.board.config().clone();
        let look = move || Why::of(&config);
        let looked = self.inner.local.look(look).await;
        let (config, info) = (device.board.config(), device.info());
        let why = match looked {
            Ok(why) => {
                let readers = device.board.readers();
                let looked = looked::of(&config.kind, &info, readers.as_deref());
                Why { looked, ..why }
            }
            Err(silent) => Why {
                looked: looked::unseen(silent.after),
                ..Why::without_candidates(config)
            },
        };
        Some((info, why))
    }
}

/// What a device says when it is asked; what cannot be asked says nothing.
async fn answer_of(device: &Device) -> Vec<Check> {
    let began = std::time::Instant::now();
    match &device.family {
        Family::Printer(printer) => printer.health().await,
        Family::Queue(queue) => health::of_answer(&queue.look().await, began),
        Family::Card(reader) => vec![health::of_reader(&reader.look().await)],
        Family::Scanner(_) => Vec::new(),
    }
}
