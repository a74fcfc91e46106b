//! `device who` and `device release`: who holds what, and taking it away.

use yibaod::api::{Device, ListDevicesRequest, ReleaseClaimRequest};
use yibaod::book::Code;

use crate::connect::Door;
use crate::draw::table::{Column, Table};
use crate::draw::{Paint, clean, time_of_day};
use crate::exit::Exit;
use crate::json;
use crate::out::Out;
use crate::trouble::Trouble;

/// What every claim's name begins with.
const CLAIM: &str = "claim-";

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
        Column::text("最迟", 8),
        Column::text("等候", 4),
    ]);
    for device in devices {
        table.row(vec![
            clean(&device.role),
            clean(&device.held_by),
            clean(&with_program(&device.held_by_caller)),
            clean(&device.held_for),
            time_of_day(&device.held_since).to_owned(),
            time_of_day(&device.held_until).to_owned(),
            device.waiting.to_string(),
        ]);
    }
    let mut lines = table.lines(width, paint);
    // Whole, whatever the table had room for: it is what is typed next.
    lines.extend(devices.iter().map(|device| {
        let (role, held_by) = (clean(&device.role), clean(&device.held_by));
        paint.dim(&format!("  {role}: yibaoctl device release {held_by}"))
    }));
    lines
}

/// A caller, with the name of its program where it has a process of this machine: who has a claim lives, or has lost it.
fn with_program(caller: &str) -> String {
    let pid = caller.rsplit_once(" pid ").map(|(_, pid)| pid);
    let pid = pid.and_then(|pid| pid.parse::<u32>().ok());
    let named = pid.and_then(|pid| std::fs::read_to_string(format!("/proc/{pid}/comm")).ok());
    match named {
        Some(name) => format!("{caller} ({})", name.trim_end()),
        None => caller.to_owned(),
    }
}

/// Gives a claim back: this one, or whatever holds the device of this role or name now.
pub(super) async fn release(door: &mut Door, what: &str, out: &Out) -> Result<Exit, Trouble> {
    let claim_id = match what.starts_with(CLAIM) {
        true => what.to_owned(),
        false => match holder(door, what).await? {
            Some(held_by) => held_by,
            None if out.is_json() => {
                out.object("{}");
                return Ok(Exit::Fine);
            }
            None => {
                let free = format!("  {0}: 无人占用  nobody holds it", clean(what));
                out.lines(&[free]);
                return Ok(Exit::Fine);
            }
        },
    };
    let claim_id = claim_id.as_str();
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

/// Who holds it; `None`: nobody.
async fn holder(door: &mut Door, what: &str) -> Result<Option<String>, Trouble> {
    let answer = door.devices.list_devices(ListDevicesRequest {}).await;
    let devices = answer.map_err(Trouble::of_status)?.into_inner().devices;
    let named: Vec<Device> = (devices.into_iter())
        .filter(|device| device.role == what || device.name == what)
        .collect();
    if named.is_empty() {
        let why = format!("{what}: 没有此角色或名称的外设 no device has this role or name");
        return Err(Trouble::told(Code::DeviceUnknown, why));
    }
    let mut held = named.into_iter().map(|device| device.held_by);
    Ok(held.find(|held_by| !held_by.is_empty()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::draw::columns;

    #[test]
    fn a_caller_has_the_name_of_its_program() {
        let pid = std::process::id();
        let own = std::fs::read_to_string("/proc/self/comm").expect("Linux tells it");
        let told = with_program(&format!("uid:1000 pid {pid}"));
        assert!(told.starts_with(&format!("uid:1000 pid {pid} (")), "{told}");
        assert!(
            told.contains(own.trim_end().get(..4).expect("a name")),
            "{told}"
        );
        for plain in [
            "uid:1000",
            "token:his uid:7",
            "uid:1 bus :1.42",
            "uid:1 pid 99999999",
        ] {
            assert_eq!(with_program(plain), plain);
        }
    }

    #[test]
    fn who_holds_what_fits_a_terminal_of_80_columns() {
        let device = Device {
            role: "scanner-second-desk".into(),
            held_by: "claim-19a2b3c4d5e-1234".into(),
            held_by_caller: "uid:1000 pid 4711".into(),
            held_for: "yibaoctl device scan".into(),
            held_since: "2026-11-22T08:00:00+08:00".into(),
            held_until: "2026-11-22T08:01:00+08:00".into(),
            waiting: 12,
            ..Device::default()
        };
        let lines = drawn(&[device], Paint::new(false), 80);
        assert!(lines.iter().all(|line| columns(line) <= 80), "{lines:#?}");
        let all = lines.join("\n");
        assert!(
            all.contains("08:00:00") && all.contains("08:01:00"),
            "{all}"
        );
        assert!(
            all.contains("device release claim-19a2b3c4d5e-1234"),
            "{all}"
        );
    }
}
