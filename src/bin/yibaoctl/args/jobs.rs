//! What can be said of lists of print jobs.

#[derive(Debug, clap::Args)]
pub(crate) struct PrintList {
    /// Only those that are not over. 只列未结束的。
    #[arg(long)]
    pub(crate) open: bool,
    /// Also those of other callers, where the caller may. 也列其他调用方的任务（需权限）。
    #[arg(long)]
    pub(crate) all: bool,
    /// Only of the printer with this role. 只列该角色打印机的。
    #[arg(long, value_name = "ROLE", default_value = "")]
    pub(crate) role: String,
    /// How many at most. 至多几条。
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=200))]
    pub(crate) limit: u32,
    /// Only those before this page end, as the page before printed it. 上一页给出的游标。
    #[arg(long, value_name = "CURSOR", default_value = "")]
    pub(crate) before: String,
}

#[derive(Debug, clap::Args)]
pub(crate) struct PrintFind {
    /// The document_id that was given with the PDF. 提交 PDF 时的文档编号。
    #[arg(value_name = "DOCUMENT_ID")]
    pub(crate) document_id: String,
}
