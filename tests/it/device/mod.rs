//! `DeviceService` over the shipped daemon: scanners for any caller.

mod claim;
mod prompt;
mod rate;
pub(crate) mod record;
mod replug;
mod scan;
mod watch;
mod who;

use tonic::transport::Channel;
use yibaod::api::device_service_client::DeviceServiceClient;
use yibaod::api::{Device, DeviceState, ListDevicesRequest};

use crate::desk::{Desk, channel, eventually};

pub async fn devices(desk: &Desk) -> DeviceServiceClient<Channel> {
    DeviceServiceClient::new(channel(&desk.socket()).await.expect("its door is open"))
}

/// Who holds the scanner, and what for.
pub async fn holder(desk: &Desk) -> (String, String) {
    let all = devices(desk)
        .await
        .list_devices(ListDevicesRequest {})
        .await;
    let mut all = all.expect("a list").into_inner().devices.into_iter();
    let scanner = all
        .find(|device| device.role == "scanner")
        .expect("a scanner");
    (scanner.held_by, scanner.held_for)
}

/// Waits until somebody holds the scanner.
pub async fn until_held(desk: &Desk) -> (String, String) {
    let held = async || Some(holder(desk).await).filter(|(by, _)| !by.is_empty());
    eventually(held).await.expect("somebody holds the scanner")
}

/// What is told of the device of this role.
pub(crate) async fn device(desk: &Desk, role: &str) -> Device {
    let all = devices(desk)
        .await
        .list_devices(ListDevicesRequest {})
        .await
        .expect("a list");
    let all = all.into_inner().devices;
    all.into_iter()
        .find(|device| device.role == role)
        .expect("it is configured")
}

/// Waits until the device of this role is so.
pub(crate) async fn until_state(desk: &Desk, role: &str, state: DeviceState) -> Device {
    let seen = eventually(async || Some(device(desk, role).await).filter(|d| d.state() == state));
    match seen.await {
        Some(device) => device,
        None => panic!("never {state:?}: {:?}", device(desk, role).await),
    }
}
