//! Whether settlement sheets can be made: the program that draws them, and a font that has Chinese.

use std::path::{Path, PathBuf};

use yibaod::document::typeset::{SHEET_MARKS, SHEET_TEMPLATE, reads};

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
        let finding = Finding::unseen(
            "paper.render",
            "没有安装 yibao-render，不能生成结算单 PDF（小票不受影响）",
            "yibao-render is not installed: no settlement sheets as PDF (receipts print all the same)",
        );
        return vec![finding.so(
            "需要结算单时安装 yibaod-render 软件包",
            "Where sheets are wanted install the package yibaod-render",
        )];
    };
    let shown = program.display().to_string();
    let mut findings = vec![
        Finding::fine("paper.render", shown, "is there"),
        fonts(machine),
    ];
    let settings = patient.settings.as_ref().ok();
    let dir = settings.and_then(|settings| settings.sheet.template_dir.as_deref());
    findings.extend(dir.map(|dir| template(machine, dir)));
    findings
}

/// The site's own template: whether it is there, and knows the marks that a sheet may have to bear.
fn template(machine: &Machine, dir: &Path) -> Finding {
    let subject = "paper.template";
    let path = machine.path(dir).join(SHEET_TEMPLATE);
    let shown = path.display();
    let Ok(text) = std::fs::read_to_string(&path) else {
        return Finding::bad(
            subject,
            format!("读不到结算单模板 {shown}"),
            format!("{shown} cannot be read: no settlement sheet can be made"),
        )
        .so(
            "把 /usr/share/yibaod/templates 复制到该目录，或去掉 [sheet] template_dir",
            "copy /usr/share/yibaod/templates there, or take template_dir out of [sheet]",
        );
    };
    let text = format!("{text}\n{}", beside(&path));
    let unread: Vec<&str> = (SHEET_MARKS.iter().map(|(field, _)| *field))
        .filter(|field| !reads(&text, field))
        .collect();
    if unread.is_empty() {
        return Finding::fine(subject, shown.to_string(), "knows every mark");
    }
    let unread = unread.join("、");
    Finding::care(
        subject,
        format!("模板 {shown} 没有取用 {unread}：须印这些标记的结算单不能生成"),
        format!(
            "{shown} does not read {unread}: sheets that have to bear these marks are not made"
        ),
    )
    .so(
        "参照 /usr/share/yibaod/templates/settlement.typ 补上",
        "add them as in /usr/share/yibaod/templates/settlement.typ",
    )
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

/// What else lies in the template's folder and may be imported by it.
fn beside(template: &Path) -> String {
    let folder = template.parent().map(std::fs::read_dir);
    let entries = folder.into_iter().flatten().flatten().flatten();
    let others = entries.map(|entry| entry.path()).filter(|path| {
        path != template && path.extension().is_some_and(|it| it == "typ") && path.is_file()
    });
    others
        .filter_map(|path| std::fs::read_to_string(path).ok())
        .collect()
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
    fn a_template_of_before_a_mark_is_told() {
        let dir = tempfile::tempdir().unwrap();
        let machine = Machine::under(dir.path());
        let templates = Path::new("/etc/yibaod/templates");
        assert_eq!(template(&machine, templates).level, Level::Bad);
        let folder = dir.path().join("etc/yibaod/templates");
        std::fs::create_dir_all(&folder).unwrap();
        let file = folder.join("settlement.typ");
        std::fs::write(&file, "#sheet.copy #sheet.refunded").unwrap();
        assert_eq!(template(&machine, templates).level, Level::Care);
        let built_in = include_str!("../../../../packaging/templates/settlement.typ");
        std::fs::write(&file, built_in).unwrap();
        assert_eq!(template(&machine, templates).level, Level::Fine);
    }

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
