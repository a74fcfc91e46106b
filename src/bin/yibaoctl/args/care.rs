//! What looks after a desk: its state, a check-up, a bundle for helpers, the book.

use std::path::PathBuf;

#[derive(Debug, clap::Args)]
pub(crate) struct Status {
    /// One line for Nagios, Icinga, Zabbix; exit code 0 OK, 1 WARNING, 2 CRITICAL, 3 UNKNOWN. 供监控系统调用，一行结果。
    #[arg(long)]
    pub(crate) check: bool,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Reload {
    /// Knock at the socket of the daemon that reads this configuration: in a service that which it has, else that which
    /// the file names. 使用读取此配置文件的守护进程的套接字。
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Doctor {
    /// The daemon's configuration. 守护进程配置文件。
    #[arg(long, value_name = "FILE", default_value = "/etc/yibaod/yibaod.toml")]
    pub(crate) config: PathBuf,
    /// Mend what is safe, saying each: modes of files, udev, pcscd.socket, our own socket; as root. 自动修复安全的项目（须管理员）。
    #[arg(long)]
    pub(crate) fix: bool,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Support {
    /// The daemon's configuration. 守护进程配置文件。
    #[arg(long, value_name = "FILE", default_value = "/etc/yibaod/yibaod.toml")]
    pub(crate) config: PathBuf,
    /// Where to; else yibaod-TIME.tar.gz here. It must not be there yet. 输出文件。
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
    /// Add a file of `device record`; may be given several times. 附上设备录制文件，可多次给出。
    #[arg(long, value_name = "FILE")]
    pub(crate) recording: Vec<PathBuf>,
    /// Do not ask. 不询问。
    #[arg(long, short)]
    pub(crate) yes: bool,
}

/// How the whole book is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum BookFormat {
    /// A line or two a code.
    Table,
    /// A page in Markdown.
    Markdown,
    /// A page in HTML that needs nothing else.
    Html,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Explain {
    /// Number or name, such as E2001 or PAPER_OUT. 编号或名称。
    #[arg(
        value_name = "CODE",
        required_unless_present = "all",
        conflicts_with = "all"
    )]
    pub(crate) code: Option<String>,
    /// The whole book. 全部错误。
    #[arg(long)]
    pub(crate) all: bool,
    /// With --all: as a table, or as a page to keep. 与 --all 同用：表格或可保存的网页。
    #[arg(long, value_enum, default_value_t = BookFormat::Table, requires = "all")]
    pub(crate) format: BookFormat,
}
