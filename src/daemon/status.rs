//! The line of `systemctl status`.

use std::time::Duration;

use crate::operation::{DeviceState, Operations};

/// How often it is looked at.
const LOOK_MS: u64 = 5_000;

/// Until the next look.
pub(super) async fn pause() {
    tokio::time::sleep(Duration::from_millis(LOOK_MS)).await;
}

/// How the daemon is, for a person, in one line: `desk 001 一号窗口: 2 open, 1 stuck; devices 3 of 4`.
pub(super) async fn line(operations: &Operations) -> String {
    let status = operations.status().await;
    let mut line = format!("desk {:03} {}: ", status.desk_number, status.desk_name);
    match &status.refusing {
        Some(failure) => {
            let (id, name) = (failure.code.id(), failure.code.name());
            line.push_str(&format!("takes nothing new ({id} {name}); "));
        }
        None => line.push_str("takes settlements; "),
    }
    line.push_str(&format!("{} open", status.open));
    if status.stuck > 0 {
        line.push_str(&format!(", {} STUCK (yibaoctl stuck)", status.stuck));
    }
    let there = status.devices.iter();
    let there = there
        .filter(|device| device.state == DeviceState::Ready)
        .count();
    line.push_str(&format!("; devices {there} of {}", status.devices.len()));
    line
}
