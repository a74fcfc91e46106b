//! `device why`: why a device is found or not, and why it is treated as it is.

use yibaod::api::{ExplainDeviceRequest, ExplainDeviceResponse, ModelChosenBy};

use super::list::drawn;
use crate::connect::Door;
use crate::draw::table::{Column, Table};
use crate::draw::{Paint, clean, wrapped};
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
        let looked = match (answer.looked_zh.as_str(), answer.looked_en.as_str()) {
            ("", "") => "没有插入同类 USB 设备  nothing of its kind is on USB".to_owned(),
            (zh, en) => format!("{}  {}", clean(zh), clean(en)),
        };
        let looked = wrapped(&looked, width.saturating_sub(4));
        lines.extend(looked.into_iter().map(|line| format!("  {line}")));
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

#[cfg(test)]
mod tests {
    use yibaod::api::Device;

    use super::*;

    #[test]
    fn what_is_not_on_usb_is_not_said_to_be_missing_there() {
        let answer = |looked: &str| ExplainDeviceResponse {
            device: Some(Device::default()),
            looked_zh: looked.to_owned(),
            looked_en: looked.to_owned(),
            ..ExplainDeviceResponse::default()
        };
        let told = |looked| lines(&answer(looked), Paint::new(false), 80).join("\n");
        assert!(told("").contains("nothing of its kind is on USB"));
        let reader = told("pcscd: Reader 1");
        assert!(
            reader.contains("Reader 1") && !reader.contains("USB"),
            "{reader}"
        );
    }
}
