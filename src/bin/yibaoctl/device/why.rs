//! `device why`: why a device is found or not, and why it is treated as it is.

use yibaod::api::{ExplainDeviceRequest, ExplainDeviceResponse, ModelChosenBy};

use super::list::drawn;
use crate::connect::Door;
use crate::draw::table::{Column, Table};
use crate::draw::{Paint, clean};
use crate::exit::Exit;
use crate::json;
use crate::out::Out;
use crate::trouble::Trouble;

/// Runs it.
pub(super) async fn run(door: &mut Door, device: &str, out: &Out) -> Result<Exit, Trouble> {
    let device = device.to_owned();
    let answer = door
        .devices
        .explain_device(ExplainDeviceRequest { device })
        .await;
    let answer = answer.map_err(Trouble::of_status)?.into_inner();
    if out.is_json() {
        out.object(&json::text(&answer));
    } else {
        out.lines(&lines(&answer, out.paint(), out.width()));
    }
    Ok(Exit::Fine)
}

fn lines(answer: &ExplainDeviceResponse, paint: Paint, width: usize) -> Vec<String> {
    let mut lines = drawn(answer.device.as_slice(), paint, width);
    lines.push(String::new());
    if !answer.rule.is_empty() {
        lines.push(format!("  规则 rule: {}", clean(&answer.rule)));
    }
    if !answer.model.is_empty() {
        let (zh, en) = match answer.model_by() {
            ModelChosenBy::Configuration => ("配置指定", "named by the configuration"),
            ModelChosenBy::UsbProduct => ("按 USB 产品编号", "by vendor and product"),
            ModelChosenBy::UsbVendor => ("按 USB 厂商编号", "by vendor"),
            ModelChosenBy::Default | ModelChosenBy::Unspecified => ("通用", "nothing else fits"),
        };
        lines.push(format!(
            "  型号 model: {} ({zh} {en})",
            clean(&answer.model)
        ));
    }
    if answer.candidates.is_empty() {
        lines.push("  没有插入同类 USB 设备  nothing of its kind is on USB".to_owned());
        return lines;
    }
    let mut table = Table::new(vec![
        Column::text("设备文件", 10),
        Column::text("USB", 9),
        Column::text("序列号", 8),
        Column::text("端口", 12),
        Column::text("名称", 8),
        Column::text("符合", 6),
    ]);
    for candidate in &answer.candidates {
        let fits = match (candidate.fits, candidate.misfits.as_slice()) {
            (true, _) => "符合 fits".to_owned(),
            (false, []) => "-".to_owned(),
            (false, misfits) => format!("≠ {}", misfits.join(", ")),
        };
        table.row(vec![
            clean(&candidate.node),
            clean(&candidate.usb),
            clean(&candidate.serial_number),
            clean(&format!("{} if {}", candidate.port, candidate.interface)),
            clean(&candidate.product_name),
            clean(&fits),
        ]);
    }
    lines.extend(table.lines(width, paint));
    lines
}
