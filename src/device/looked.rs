//! What was looked for, and what is there, of devices that are not looked for on USB. In the words of people.

use std::time::Duration;

use super::board::{DeviceInfo, DeviceState};
use crate::config::devices::Kind;

/// A sentence in Chinese and in English.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Looked {
    /// In Chinese.
    pub zh: String,
    /// In English.
    pub en: String,
}

/// `readers`: what the card service lists, where that is known. Empty for what is looked for on USB.
pub(super) fn of(kind: &Kind, info: &DeviceInfo, readers: Option<&[String]>) -> Looked {
    match kind {
        Kind::PcscReader { reader } => in_pcscd(reader.as_deref(), readers),
        Kind::EscPosTcp { address } => {
            let place = (
                format!("按网络地址 {address} 查找"),
                format!("looked for at {address} on the network"),
            );
            at(place, info.state)
        }
        Kind::Queue(queue) => {
            let shown = queue.shown();
            let place = if queue.is_cups {
                (
                    format!("按 CUPS 队列 {shown} 查找"),
                    format!("looked for as the CUPS queue {shown}"),
                )
            } else {
                (
                    format!("按 IPP 地址 {shown} 查找"),
                    format!("looked for at {shown} by IPP"),
                )
            };
            at(place, info.state)
        }
        Kind::SerialScanner { .. }
        | Kind::HidScanner { .. }
        | Kind::KeyboardScanner { .. }
        | Kind::EscPosSerial { .. }
        | Kind::EscPosUsb { .. }
        | Kind::IdCardSerial { .. }
        | Kind::IdCardUsb { .. } => Looked::default(),
    }
}

/// Nothing was seen: the kernel's list did not come.
pub(super) fn unseen(after: Duration) -> Looked {
    let ms = after.as_millis();
    Looked {
        zh: format!("{ms} 毫秒内系统未给出设备列表，无法查找"),
        en: format!("this machine's list of devices did not come within {ms} ms"),
    }
}

fn in_pcscd(wanted: Option<&str>, readers: Option<&[String]>) -> Looked {
    let (zh, en) = match wanted {
        Some(part) => (
            format!("在 pcscd 的读卡器中查找名称含“{part}”的一个"),
            format!("looked for among the readers of pcscd: the one with {part:?} in its name"),
        ),
        None => (
            "取 pcscd 唯一的读卡器".to_owned(),
            "looked for among the readers of pcscd: the only one".to_owned(),
        ),
    };
    let (there_zh, there_en) = match readers {
        None => (
            "pcscd 的列表未知（未运行或不可用）".to_owned(),
            "what it lists is not known: it does not run, or cannot be asked".to_owned(),
        ),
        Some([]) => ("pcscd 没有读卡器".to_owned(), "it lists none".to_owned()),
        Some(names) => {
            let names = names.join(", ");
            (format!("pcscd 现有：{names}"), format!("it lists: {names}"))
        }
    };
    Looked {
        zh: format!("{zh}；{there_zh}"),
        en: format!("{en}; {there_en}"),
    }
}

fn at((zh, en): (String, String), state: DeviceState) -> Looked {
    let (there_zh, there_en) = match state {
        DeviceState::Missing => ("没有应答", "it does not answer"),
        DeviceState::Closed => (
            "空闲时不连接，尚未查看",
            "not looked at while there is nothing to do",
        ),
        DeviceState::Ready
        | DeviceState::Busy
        | DeviceState::PaperOut
        | DeviceState::CoverOpen
        | DeviceState::Fault => ("已应答", "it answers"),
    };
    Looked {
        zh: format!("{zh}；{there_zh}"),
        en: format!("{en}; {there_en}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reader_of_pcscd_is_looked_for_by_its_name() {
        let two = ["Reader A 00 00".to_owned(), "Reader B 00 00".to_owned()];
        let listed = in_pcscd(Some("Reader B"), Some(&two));
        assert_eq!(
            listed.en,
            "looked for among the readers of pcscd: the one with \"Reader B\" in its name; it lists: Reader A 00 00, \
             Reader B 00 00"
        );
        assert!(
            listed
                .zh
                .ends_with("pcscd 现有：Reader A 00 00, Reader B 00 00")
        );
        assert!(in_pcscd(None, Some(&[])).en.ends_with("it lists none"));
        assert!(in_pcscd(None, None).en.contains("not known"));
    }

    #[test]
    fn an_idle_printer_on_the_network_is_not_called_missing() {
        let place = || ("按".to_owned(), "looked for at 192.0.2.7:9100".to_owned());
        let idle = at(place(), DeviceState::Closed);
        assert!(idle.en.ends_with("nothing to do"), "{idle:?}");
        let away = at(place(), DeviceState::Missing);
        assert!(away.en.ends_with("does not answer"), "{away:?}");
    }
}
