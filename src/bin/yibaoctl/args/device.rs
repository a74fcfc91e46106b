//! What can be said of devices and cards.

use clap::Subcommand;

#[derive(Debug, Subcommand)]
pub(crate) enum DeviceCommand {
    /// All devices as they are. 列出全部外设。
    List,
    /// All devices, then each event until Ctrl-C. 持续显示外设变化。
    Watch(DeviceWatch),
    /// Try a scanner: the next code, or each one. 试扫码。
    Scan(DeviceScan),
    /// Try whether devices do their work: a code, a test page, a card; exit code 1 when one does not, 5 when a person
    /// must look or nothing was tried. 试用外设。
    Test(DeviceTestArgs),
    /// What a device and its driver say to each other, without persons; for an admin. 录制外设通信（已脱敏）。
    Record(DeviceRecordArgs),
    /// Look at one device, with evidence; exit code 1 when something is wrong. 检查一台外设并给出依据。
    Health(WhichDevice),
    /// Why a device is found or not, and which model it is taken for. 说明外设为何找到或找不到。
    Why(WhichDevice),
    /// Who holds what. 查看外设占用者。
    Who,
    /// Give a claim back; an admin anybody's. 释放占用，管理员可释放任何人的。
    Release(WhichClaim),
}

#[derive(Debug, clap::Args)]
pub(crate) struct DeviceWatch {
    /// First event wanted, also one that is over: the number behind the last one seen, plus 1. 从此事件号起（可补看已发生的）。
    #[arg(long, value_name = "SEQ", default_value_t = 0)]
    pub(crate) from: u64,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Card {
    /// The reader's role, card or id-card; else the first that reads what is wanted. 读卡器角色。
    #[arg(long, value_name = "ROLE")]
    pub(crate) role: Option<String>,
    /// What may be shown; else any. 接受的证件种类。
    #[arg(long = "medium", value_enum, value_name = "MEDIUM")]
    pub(crate) media: Vec<CardMediumArg>,
    /// Each card until Ctrl-C; nobody else reads one meanwhile. 持续读卡，期间独占。
    #[arg(long)]
    pub(crate) each: bool,
    /// Seconds to wait for a card; with --each, for the reader. 等待秒数（--each 时为等待读卡器的秒数）。
    #[arg(long, value_name = "S", default_value_t = 30, value_parser = clap::value_parser!(u32).range(1..=300))]
    pub(crate) wait_s: u32,
    /// Show names and numbers whole; reading is recorded either way. 完整显示姓名和号码（读卡均留痕）。
    #[arg(long)]
    pub(crate) unmasked: bool,
}

/// A document that can be shown to a reader.
#[derive(Debug, Clone, Copy, clap::ValueEnum)]
pub(crate) enum CardMediumArg {
    /// 社会保障卡.
    SocialCard,
    /// 居民身份证.
    ResidentId,
}

#[derive(Debug, clap::Args)]
pub(crate) struct DeviceScan {
    /// Role of the scanner. 扫码器角色。
    #[arg(value_name = "ROLE", default_value = "scanner")]
    pub(crate) role: String,
    /// Each code until Ctrl-C; nobody else gets one meanwhile. 持续扫码，期间独占。
    #[arg(long)]
    pub(crate) each: bool,
    /// Show codes whole. They are somebody's: not on a shared screen. 完整显示码内容。
    #[arg(long)]
    pub(crate) show: bool,
    /// Longest wait, seconds. 最长等待秒数。
    #[arg(long, value_name = "S", default_value_t = 30, value_parser = clap::value_parser!(u64).range(1..=300))]
    pub(crate) wait_s: u64,
}

#[derive(Debug, clap::Args)]
pub(crate) struct DeviceTestArgs {
    /// Role or name; else every device, one after the other. 角色或名称，省略则逐台试用。
    #[arg(value_name = "DEVICE")]
    pub(crate) device: Option<String>,
    /// Seconds to wait for a code or a card. 等待扫码或放卡的秒数。
    #[arg(long, value_name = "S", default_value_t = 30, value_parser = clap::value_parser!(u32).range(1..=300))]
    pub(crate) wait_s: u32,
}

#[derive(Debug, clap::Args)]
pub(crate) struct DeviceRecordArgs {
    /// Role or name. 角色或名称。
    #[arg(value_name = "DEVICE")]
    pub(crate) device: String,
    /// Write it to this file too, which must not be there yet. 同时写入新文件。
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<std::path::PathBuf>,
    /// How long. 录制秒数。
    #[arg(long, value_name = "S", default_value_t = 60, value_parser = clap::value_parser!(u32).range(1..=3600))]
    pub(crate) seconds: u32,
}

#[derive(Debug, clap::Args)]
pub(crate) struct WhichDevice {
    /// Role or name. 角色或名称。
    #[arg(value_name = "DEVICE")]
    pub(crate) device: String,
}

#[derive(Debug, clap::Args)]
pub(crate) struct WhichClaim {
    /// Role or name of the device, or the claim as `device who` names it. 外设角色、名称或占用编号。
    #[arg(value_name = "DEVICE")]
    pub(crate) what: String,
}
