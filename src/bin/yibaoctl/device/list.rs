//! `device list` and `device watch`: the peripherals as they are, and what happens to them.

use yibaod::api::watch_devices_response::Update;
use yibaod::api::{
    Device, DeviceEvent, DeviceSnapshot, DeviceState, ListDevicesRequest, WatchDevicesRequest,
};

use crate::connect::Door;
use crate::draw::table::{Column, Table};
use crate::draw::{Paint, clean, time_of_day, words, wrapped};
use crate::exit::Exit;
use crate::json;
use crate::out::Out;
use crate::trouble::Trouble;

/// All devices.
pub(super) async fn list(door: &mut Door, out: &Out) -> Result<Exit, Trouble> {
    let answer = door.devices.list_devices(ListDevicesRequest {}).await;
    let answer = answer.map_err(Trouble::of_status)?.into_inner();
    if out.is_json() {
        out.object(&json::text(&answer));
    } else {
        out.lines(&drawn(&answer.devices, out.paint(), out.width()));
    }
    Ok(Exit::Fine)
}

/// All devices, then each event until Ctrl-C; with a number the events from there on, as far as they are kept.
pub(super) async fn watch(door: &mut Door, from_seq: u64, out: &Out) -> Result<Exit, Trouble> {
    let stream = door
        .devices
        .watch_devices(WatchDevicesRequest { from_seq })
        .await;
    let mut stream = stream.map_err(Trouble::of_status)?.into_inner();
    let mut wanted = from_seq;
    loop {
        let message = tokio::select! {
            message = stream.message() => message.map_err(Trouble::of_status)?,
            _ = tokio::signal::ctrl_c() => return Ok(Exit::Fine),
        };
        let Some(message) = message else {
            return Ok(Exit::Fine);
        };
        match message.update {
            Some(Update::Snapshot(snapshot)) if out.is_json() => {
                out.object(&json::text(&snapshot));
            }
            Some(Update::Event(event)) if out.is_json() => out.object(&json::text(&event)),
            Some(Update::Snapshot(snapshot)) => {
                out.lines(&drawn(&snapshot.devices, out.paint(), out.width()));
                out.lines(missed(wanted, &snapshot).as_slice());
                wanted = snapshot.next_seq;
            }
            Some(Update::Event(event)) => {
                wanted = event.seq.saturating_add(1);
                out.lines(&[line(&event)]);
            }
            None => {}
        }
    }
}

/// What is said of events that are not told any more; `wanted`: the one that should have come next, 0: any.
fn missed(wanted: u64, snapshot: &DeviceSnapshot) -> Option<String> {
    let next = snapshot.next_seq;
    let said = if wanted == 0 || wanted == next {
        return None;
    } else if wanted < snapshot.first_seq {
        // Of another life, or of none: the first number is the time of the start.
        let first = snapshot.first_seq;
        format!(
            "本次启动以来的事件自 #{first} 起；#{wanted} 在此之前，未予保留（或从未有过），从 #{next} 继续  \
             since the daemon started events count from #{first}; #{wanted} is before that and was not kept, if it ever \
             was: #{next} is next"
        )
    } else if wanted < next {
        let (count, last) = (next - wanted, next - 1);
        format!("漏掉 {count} 个事件 events were missed: #{wanted}–#{last}")
    } else {
        format!(
            "没有序号为 #{wanted} 的事件，从 #{next} 继续  there is no event #{wanted} yet: #{next} is next"
        )
    };
    Some(format!("  {said}"))
}

fn line(event: &DeviceEvent) -> String {
    let (zh, en) = words::change(event.change());
    let holder = match event.held_by.as_str() {
        "" => String::new(),
        holder => format!("  ← {}", clean(holder)),
    };
    let count = match event.count {
        0 | 1 => String::new(),
        count => format!(" ×{count}"),
    };
    format!(
        "  {}  {}  {zh} {en}{count}{holder}  #{}",
        time_of_day(&event.at),
        clean(&event.device),
        event.seq
    )
}

/// The devices in a table; troubles below it.
pub(crate) fn drawn(devices: &[Device], paint: Paint, width: usize) -> Vec<String> {
    if devices.is_empty() {
        return vec!["  没有配置外设  no devices are configured".to_owned()];
    }
    let mut table = Table::new(vec![
        Column::text("角色", 7),
        Column::text("名称", 6),
        Column::text("状态", 10),
        Column::text("类别", 8),
        Column::text("地址", 12),
        Column::text("占用", 6),
    ]);
    for device in devices {
        let (zh, en) = words::device(device.state());
        let low = if device.paper_low {
            "，纸将用尽"
        } else {
            ""
        };
        let waiting = match device.waiting {
            0 => String::new(),
            waiting => format!(" (+{waiting})"),
        };
        table.row(vec![
            clean(&device.role),
            clean(&device.name),
            format!("{zh} {en}{low}"),
            clean(&device.kind),
            clean(&device.address),
            format!("{}{waiting}", clean(&device.held_by)),
        ]);
    }
    let mut lines = table.lines(width, paint);
    for device in devices {
        let Some(problem) = &device.problem else {
            continue;
        };
        let told = format!(
            "{}: {} {}→ {}",
            device.name, problem.code, problem.meaning_zh, problem.action_zh
        );
        let english = format!("{} → {}", problem.meaning_en, problem.action_en);
        let painted = |line: String| match device.state() == DeviceState::Missing {
            true => format!("  {}", paint.bad(&line)),
            false => format!("  {}", paint.care(&line)),
        };
        for told in [told, english] {
            let told = wrapped(&clean(&told), width.saturating_sub(4));
            lines.extend(told.into_iter().map(painted));
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::draw::columns;

    #[test]
    fn all_kinds_fit_a_terminal_of_80_columns() {
        let kinds = ["keyboard-scanner", "id-card-serial", "ipp-printer"];
        let device = |kind: &&str| Device {
            name: format!("{kind}-of-the-second-desk"),
            role: "scanner-second-desk".into(),
            kind: (*kind).to_owned(),
            state: DeviceState::PaperOut.into(),
            paper_low: true,
            address: "ipp://printer.of-the-second-floor.example:631/ipp/print".into(),
            held_by: "claim-19a2b3c4d5e-1234".into(),
            waiting: 12,
            problem: Some(crate::trouble::of_book(yibaod::book::Code::PaperOut)),
            ..Device::default()
        };
        let devices: Vec<Device> = kinds.iter().map(device).collect();
        let lines = drawn(&devices, Paint::new(false), 80);
        assert!(lines.iter().all(|line| columns(line) <= 80), "{lines:#?}");
        assert!(lines.iter().any(|line| line.contains("keyboard-scan")));
    }

    #[test]
    fn missed_numbers_are_said_and_nothing_else() {
        let at = |next_seq| DeviceSnapshot {
            next_seq,
            first_seq: 1_000,
            ..DeviceSnapshot::default()
        };
        let said = |wanted, next| missed(wanted, &at(next)).unwrap_or_default();
        assert_eq!((said(0, 1_005), said(1_005, 1_005)), Default::default());
        assert!(said(1_002, 1_005).contains("3 个事件 events were missed: #1002–#1004"));
        let before = said(1, 1_005);
        assert!(
            before.contains("count from #1000; #1 is before that"),
            "{before}"
        );
        assert!(before.contains("if it ever was: #1005 is next") && !before.contains("anew"));
        assert!(said(1_006, 1_005).contains("no event #1006 yet"));
    }

    #[test]
    fn a_missing_device_says_what_to_do() {
        let device = Device {
            name: "scanner1".into(),
            role: "scanner".into(),
            kind: "serial-scanner".into(),
            state: DeviceState::Missing.into(),
            address: "/dev/serial/by-id/usb-a-very-long-name-of-a-scanner-if00-port0".into(),
            problem: Some(crate::trouble::of_book(yibaod::book::Code::ScannerMissing)),
            waiting: 2,
            ..Device::default()
        };
        let lines = drawn(&[device], Paint::new(false), 80);
        assert!(lines.iter().all(|line| columns(line) <= 80), "{lines:#?}");
        let all = lines.join("\n");
        assert!(
            all.contains("不在 missing") && all.contains("E3001") && all.contains("(+2)"),
            "{all}"
        );
        let entry = crate::trouble::of_book(yibaod::book::Code::ScannerMissing);
        let plain = lines
            .iter()
            .map(|it| it.trim())
            .collect::<Vec<_>>()
            .join(" ");
        for words in [entry.meaning_en, entry.action_en] {
            assert!(plain.contains(&words), "{words}: {plain}");
        }
    }
}
