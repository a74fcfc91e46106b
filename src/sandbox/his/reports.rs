//! Laboratory reports: what the laboratory released, as PDFs.

use super::page::Page;

/// One report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// The laboratory's number with its version: a corrected report has another one.
    pub number: String,
    /// Whose.
    pub his_id: String,
    /// What the list shows.
    pub title: &'static str,
    /// When the laboratory released it; `None`: it is not released.
    pub released: Option<String>,
    /// Whether it is on paper.
    pub is_printed: bool,
    lines: Vec<String>,
}

/// Name, value, unit, range of each finding.
const BLOOD: [[&str; 4]; 5] = [
    ["白细胞 WBC", "11.2 ↑", "10^9/L", "3.5-9.5"],
    ["红细胞 RBC", "4.61", "10^12/L", "4.3-5.8"],
    ["血红蛋白 HGB", "142", "g/L", "130-175"],
    ["血小板 PLT", "231", "10^9/L", "125-350"],
    ["C反应蛋白 CRP", "18.4 ↑", "mg/L", "0-10"],
];
const LIPIDS: [[&str; 4]; 4] = [
    ["总胆固醇 TC", "5.02", "mmol/L", "<5.18"],
    ["甘油三酯 TG", "1.31", "mmol/L", "<1.70"],
    ["葡萄糖 GLU", "5.4", "mmol/L", "3.9-6.1"],
    ["肌酐 CREA", "78", "umol/L", "57-111"],
];

impl Report {
    /// The document that the laboratory released.
    #[must_use]
    pub fn page(&self) -> Page {
        Page::of(self.lines.clone())
    }
}

/// Two that are released and one that is not.
pub(super) fn of(his_id: &str, name: &str, number: usize, day: &str) -> Vec<Report> {
    let report = |n: usize, title: &'static str, findings: &[[&str; 4]], is_released: bool| {
        let number = format!("LIS-{}-{:04}.v1", day.replace('-', ""), 10 * number + n);
        let mut lines = vec![
            "虚构市第一人民医院".to_owned(),
            format!("检验报告单    {title}"),
            format!("姓名 {name}    病人号 {his_id}"),
            format!("报告单号 {number}    {day}"),
            "----------------------------------------------------------".to_owned(),
            row(&["项目", "结果", "单位", "参考范围"]),
        ];
        lines.extend(findings.iter().map(row));
        lines.push("----------------------------------------------------------".to_owned());
        lines.push("检验者 简闻笙    审核者 柏闻舟".to_owned());
        lines.push("本报告仅对所检标本负责。虚构数据，仅供演示。".to_owned());
        Report {
            number,
            his_id: his_id.to_owned(),
            title,
            released: is_released.then(|| format!("{day} 10:24")),
            is_printed: false,
            lines,
        }
    };
    vec![
        report(1, "血细胞分析", &BLOOD, true),
        report(2, "生化检查", &LIPIDS, true),
        report(3, "甲状腺功能", &[], false),
    ]
}

fn row(cells: &[&str; 4]) -> String {
    let widths = [20, 12, 12, 12];
    let cells = cells.iter().zip(widths);
    cells
        .map(|(cell, width)| {
            let wide = unicode_width::UnicodeWidthStr::width(*cell);
            format!("{cell}{}", " ".repeat(usize::saturating_sub(width, wide)))
        })
        .collect()
}
