//! What can be said of settlement sheets.

use std::path::PathBuf;

use super::KeyKind;

#[derive(Debug, clap::Args)]
pub(crate) struct SheetArgs {
    /// request_id, settlement id, the platform's setl_id or a msgid. 请求编号、结算编号、平台结算 ID 或报文 ID。
    #[arg(value_name = "ID")]
    pub(crate) id: String,
    /// Take ID only as this. Else it is tried as each, in this order. 指定编号种类。
    #[arg(long, value_enum)]
    pub(crate) by: Option<KeyKind>,
    /// Save it as PDF. 存为 PDF。
    #[arg(long, value_name = "FILE.pdf", required_unless_present = "print")]
    pub(crate) pdf: Option<PathBuf>,
    /// Print it, once: see print reprint for a copy. 打印一份；补打请用 print reprint。
    #[arg(long)]
    pub(crate) print: bool,
    /// For A5 paper across; else A4 upright. A5 横向，缺省 A4 纵向。
    #[arg(long)]
    pub(crate) a5: bool,
    /// Role of the printer; else report. 打印机角色，缺省 report。
    #[arg(long, value_name = "ROLE", default_value = "", requires = "print")]
    pub(crate) role: String,
    /// The request_id of the print; else a new one is made and shown. 打印的请求编号。
    #[arg(long, value_name = "ID", requires = "print")]
    pub(crate) request_id: Option<String>,
}
