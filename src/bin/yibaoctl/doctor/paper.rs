//! Whether settlement sheets can be made: the program that draws them, and a font that has Chinese.

use std::path::{Path, PathBuf};

use super::{Finding, Machine, Patient};

const RENDER: &str = "yibao-render";
const RENDER_DIRS: [&str; 3] = ["/usr/lib/yibaod", "/usr/libexec/yibaod", "/usr/bin"];
const FONT_DIRS: [&str; 2] = ["/usr/share/fonts", "/usr/local/share/fonts"];
/// Parts of the names of font files that have Chinese.
const CHINESE: [&str; 12] = [
    "cjk",
    "wqy",
    "sourcehan",
    "notosanssc",
    "notoserifsc",
    "uming",
    "ukai",
    "simsun",
    "simhei",
    "fangsong",
    "droidsansfallback",
    "unifont",
];
/// Folders of fonts that are looked into.
const FOLDERS_MAX: usize = 2_000;

pub(super) fn look(patient: &Patient) -> Vec<Finding> {
    let machine = &patient.machine;
    let beside = std::env::current_exe().ok();
    let beside = beside.and_then(|own| Some(own.parent()?.join(RENDER)));
    let installed = RENDER_DIRS.iter().map(|dir| Path::new(dir).join(RENDER));
    let found = beside
        .into_iter()
        .filter(|path| path.exists())
        .chain(installed.filter(|path| machine.exists(path)))
        .next();
    let Some(program) = found else {
        return vec![Finding::unseen(
            "paper.render",
            "没有安装 yibao-render，不能生成结算单 PDF（小票不受影响）",
            "yibao-render is not installed: no settlement sheets as PDF (receipts print all the same)",
        )];
    };
    let shown = program.display().to_string();
    vec![
        Finding::fine("paper.render", shown, "is there"),
        fonts(machine),
    ]
}

fn fonts(machine: &Machine) -> Finding {
    let subject = "paper.fonts";
    let listed = machine.says("fc-list", &[":lang=zh-cn", "family"]);
    let listed = listed.and_then(|said| said.lines().next().map(str::to_owned));
    match listed.or_else(|| by_name(machine)) {
        Some(name) => Finding::fine(subject, format!("有中文字体：{name}"), "have Chinese"),
        None => Finding::bad(
            subject,
            "没有中文字体，结算单无法生成",
            "no font has Chinese: no settlement sheet can be made",
        )
        .so(
            "apt install fonts-noto-cjk（或思源、文泉驿字体）",
            "apt install fonts-noto-cjk",
        ),
    }
}

/// A font file whose name says that it has Chinese.
fn by_name(machine: &Machine) -> Option<String> {
    let mut folders: Vec<PathBuf> = FONT_DIRS.iter().map(|dir| machine.path(dir)).collect();
    let mut looked = 0;
    while let Some(folder) = folders.pop() {
        looked += 1;
        if looked > FOLDERS_MAX {
            return None;
        }
        for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let name = entry.file_name().to_string_lossy().into_owned();
            let plain = name.to_lowercase().replace(['-', '_'], "");
            if CHINESE.iter().any(|part| plain.contains(part)) {
                return Some(name);
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::super::Level;
    use super::*;

    #[test]
    fn a_font_with_chinese_is_found_by_name() {
        let dir = tempfile::tempdir().unwrap();
        let machine = Machine::under(dir.path());
        assert_eq!(fonts(&machine).level, Level::Bad);
        let folder = dir.path().join("usr/share/fonts/opentype/noto");
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join("DejaVuSans.ttf"), "").unwrap();
        assert_eq!(fonts(&machine).level, Level::Bad);
        std::fs::write(folder.join("NotoSansCJK-Regular.ttc"), "").unwrap();
        assert_eq!(fonts(&machine).level, Level::Fine);
    }
}
