//! Reports over a real cupsd to a real IPP printer: on paper once, and truly told.

mod batch;
mod cups;
mod killed;
mod pdf;
mod put;
mod queue;
mod recorded;
mod refused;
mod tried;

use yibaod::api::device_service_client::DeviceServiceClient;
use yibaod::api::print_request::Content;
use yibaod::api::{Device, DeviceState, ListDevicesRequest, PrintRequest};

pub(super) use super::{client, job, print, until, until_state, why};
pub(super) use cups::Cups;
pub(super) use pdf::pdf;

use super::ANSWER_WAIT_MS;
use crate::desk::{Desk, Setup, channel, eventually};
pub(super) use yibaod::api::print_service_client::PrintServiceClient as PrintClient;

/// A desk with a print service.
pub(super) async fn desk() -> (Desk, Cups) {
    let cups = Cups::start();
    let desk = Desk::start(setup(&cups)).await;
    (desk, cups)
}

pub(super) fn setup(cups: &Cups) -> Setup {
    Setup {
        config_more: cups.device(),
        ..Setup::default()
    }
}

/// A request whose answer waits for the end.
pub(super) fn report(request_id: &str, pdf: &[u8]) -> PrintRequest {
    PrintRequest {
        request_id: request_id.to_owned(),
        content: Some(Content::Pdf(pdf.to_vec())),
        answer_wait_ms: ANSWER_WAIT_MS,
        ..PrintRequest::default()
    }
}

/// The same, answered when it is on disk.
pub(super) fn hasty(request_id: &str, pdf: &[u8]) -> PrintRequest {
    PrintRequest {
        answer_wait_ms: 0,
        ..report(request_id, pdf)
    }
}

/// The queue as ListDevices has it.
pub(super) async fn device(desk: &Desk) -> Device {
    let channel = channel(&desk.socket()).await.expect("its door is open");
    let listed = DeviceServiceClient::new(channel)
        .list_devices(ListDevicesRequest {})
        .await;
    let devices = listed.expect("a list").into_inner().devices;
    let found = devices.into_iter().find(|device| device.role == "report");
    found.expect("it is configured")
}

pub(super) async fn until_device(desk: &Desk, state: DeviceState) -> Device {
    let seen = eventually(async || Some(device(desk).await).filter(|it| it.state() == state)).await;
    match seen {
        Some(device) => device,
        None => panic!("{:?}", device(desk).await),
    }
}
