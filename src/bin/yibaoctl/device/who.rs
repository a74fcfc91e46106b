//! `device who` and `device release`: who holds what, and taking it away.

use yibaod::api::{Device, ListDevicesRequest, ReleaseClaimRequest};

use crate::connect::Door;
use crate::draw::table::{Column, Table};
use crate::draw::{Paint, clean, time_of_day};
use crate::exit::Exit;
use crate::json;
use crate::out::Out;
use crate::trouble::Trouble;

/// Devices that somebody holds.
pub(super) async fn run(door: &mut Door, out: &Out) -> Result<Exit, Trouble> {
    let answer = door.devices.list_devices(ListDevicesRequest {}).await;
    let mut answer = answer.map_err(Trouble::of_status)?.into_inner();
    answer.devices.retain(|device| !device.held_by.is_empty());
    if out.is_json() {
        out.object(&json::text(&answer));
    } else {
        out.lines(&drawn(&answer.devices, out.paint(), out.width()));
    }
    Ok(Exit::Fine)
}

fn drawn(devices: &[Device], paint: Paint, width: usize) -> Vec<String> {
    if devices.is_empty() {
        return vec!["  没有设备被占用  nobody holds a device".to_owned()];
    }
    let mut table = Table::new(vec![
        Column::text("角色", 7),
        Column::text("占用者", 10),
        Column::text("调用方", 10),
        Column::text("用途", 10),
        Column::text("自", 8),
        Column::text("等候", 4),
    ]);
    for device in devices {
        table.row(vec![
            clean(&device.role),
            clean(&device.held_by),
            clean(&device.held_by_caller),
            clean(&device.held_for),
            time_of_day(&device.held_since).to_owned(),
            device.waiting.to_string(),
        ]);
    }
    table.lines(width, paint)
}

/// Gives a claim back.
pub(super) async fn release(door: &mut Door, claim_id: &str, out: &Out) -> Result<Exit, Trouble> {
    let request = ReleaseClaimRequest {
        claim_id: claim_id.to_owned(),
    };
    let released = door.devices.release_claim(request).await;
    released.map_err(Trouble::of_status)?;
    if out.is_json() {
        out.object("{}");
    } else {
        out.lines(&[format!("  已释放 {0}  {0} is given back", clean(claim_id))]);
    }
    Ok(Exit::Fine)
}
