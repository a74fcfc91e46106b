//! Arguments of `may` and `token`.

use std::path::PathBuf;

use clap::Subcommand;

#[derive(Debug, clap::Args)]
pub(crate) struct May {
    /// As the configuration names it: uid:N, user:NAME, gid:N, group:NAME (a member of that group and no other),
    /// token:NAME, certificate:NAME; bus: before one of the first four asks of the system bus. 调用方。
    #[arg(value_name = "CALLER")]
    pub(crate) caller: String,
    /// Such as RefundSettlement; left out: all. 操作名；不写则列出全部。
    #[arg(value_name = "OPERATION")]
    pub(crate) operation: Option<String>,
    /// The daemon's configuration. 守护进程的配置文件。
    #[arg(
        long,
        value_name = "FILE",
        default_value = yibaod::config::settings::SETTINGS_PATH
    )]
    pub(crate) config: PathBuf,
}

#[derive(Debug, Subcommand)]
pub(crate) enum TokenCommand {
    /// Make a token for a caller over TCP; it is shown once. 生成 TCP 调用令牌，只显示一次。
    Create(TokenCreate),
    /// The configured tokens and whether they can be used. 列出已配置的令牌及其状态。
    List(TokenList),
    /// Take a token back; it is refused at once. 作废令牌，立即生效。
    Remove(TokenRemove),
}

#[derive(Debug, clap::Args)]
pub(crate) struct TokenCreate {
    /// 1 to 64 of A-Z a-z 0-9 . _ -. 令牌名称。
    #[arg(value_name = "NAME")]
    pub(crate) name: String,
    /// What its holder is to this desk. 角色。
    #[arg(long, value_name = "ROLE")]
    pub(crate) role: String,
    /// Where its file is put. 令牌文件所在目录。
    #[arg(long, value_name = "DIR", default_value = "/etc/yibaod/tokens")]
    pub(crate) dir: PathBuf,
}

#[derive(Debug, clap::Args)]
pub(crate) struct TokenList {
    /// The daemon's configuration. 守护进程的配置文件。
    #[arg(
        long,
        value_name = "FILE",
        default_value = yibaod::config::settings::SETTINGS_PATH
    )]
    pub(crate) config: PathBuf,
}

#[derive(Debug, clap::Args)]
pub(crate) struct TokenRemove {
    /// Its name in the configuration. 令牌名称。
    #[arg(value_name = "NAME")]
    pub(crate) name: String,
    /// The daemon's configuration. 守护进程的配置文件。
    #[arg(
        long,
        value_name = "FILE",
        default_value = yibaod::config::settings::SETTINGS_PATH
    )]
    pub(crate) config: PathBuf,
}
