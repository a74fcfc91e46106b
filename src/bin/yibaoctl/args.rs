//! What can be said on the command line, and what the exit codes mean.

mod care;
mod device;
mod identify;
mod jobs;
mod rights;
mod sheet;

use std::path::PathBuf;

use clap::{Parser, Subcommand};

use crate::charset::Charset;

pub(crate) use care::{BookFormat, Doctor, Explain, Reload, Status, Support};
pub(crate) use device::{
    Card, CardMediumArg, DeviceCommand, DeviceRecordArgs, DeviceScan, DeviceTestArgs,
};
pub(crate) use identify::{CredentialArg, FlowArg, Identify};
pub(crate) use jobs::{PrintFind, PrintList};
pub(crate) use rights::{May, TokenCommand, TokenCreate, TokenList, TokenRemove};
pub(crate) use sheet::SheetArgs;

const EXIT_CODES: &str = "\
Exit codes / 退出码:
  0  settled, or the command did what was asked          已结算；或命令已完成
  1  looked and found something wrong, or failed here     检查发现问题，或本机出错
  2  usage, or the call never started                    用法有误，或调用未曾开始
  3  refused: nothing was charged                        已拒绝，未扣费
  4  cancelled or reversed: nothing is charged           已取消或已冲正，未扣费
  5  unknown or pending: ask again with the same id      结果未知或进行中：请用同一编号查询
  6  the daemon cannot be reached                        无法连接守护进程
  7  too late to cancel: it is settled                   太迟，已结算，不能取消
pay, watch, show and resolve speak of the money. cancel: 0 cancelled, 5 too late (being settled), 7 too late (settled).
identify: 0 identified, 3 refused, 4 nobody or called off, 5 pending.
may: with an operation 0 it may, 3 it may not. token list: 0 all can be used, 1 one cannot.
stuck: 0 nothing waits for a person, 1 something does. refund: 0 given back, 3 refused (nothing given back), 5 unknown.

With --json, stdout carries proto JSON: fields in lowerCamelCase, int64 as text, fields without a value included.
pay, show, status, list, stuck, resolve, refund and identify give exactly one object, a failure too ({\"error\": {…}}); watch, device watch and
device scan --each and card --each give one object a line. Progress goes to stderr.";

/// Speaks to yibaod, the medical-insurance settlement daemon of this desk. 医保结算守护进程命令行工具。
#[derive(Debug, Parser)]
#[command(name = "yibaoctl", version, after_help = EXIT_CODES, max_term_width = 100)]
pub(crate) struct Args {
    /// The daemon's local socket. 守护进程的本地套接字。
    #[arg(
        long,
        global = true,
        env = "YIBAO_SOCKET",
        default_value = "/run/yibaod/yibaod.sock",
        value_name = "PATH"
    )]
    pub(crate) socket: PathBuf,
    /// Print proto JSON for programs. 输出 JSON，供程序使用。
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// Character set of what is read and printed. 输入与输出的字符集。
    #[arg(long, global = true, value_enum, default_value_t = Charset::Utf8)]
    pub(crate) charset: Charset,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// How the desk is doing. 本机运行状况。
    Status(Status),
    /// What the daemon counts, as OpenMetrics text for Prometheus and its kin. 监控指标（OpenMetrics 文本）。
    Metrics,
    /// Scan, settle and print one bill. 扫码结算一张账单。
    Pay(Pay),
    /// Follow a settlement to its end; it need not have begun. 跟踪一笔结算直至结束。
    Watch(Which),
    /// List settlements, newest first. 列出结算，最新在前。
    List(List),
    /// What is true of one settlement. 查看一笔结算。
    Show(Show),
    /// Say yes to what a settlement shows. 确认结算所显示的内容。
    Confirm(Confirm),
    /// Stop a settlement if that is still possible. 尽可能取消一笔结算。
    Cancel(Which),
    /// What only a person can resolve, with all that the person needs. 列出须人工处理的业务及所需事实。
    Stuck,
    /// State what became of something that is stuck; needs the admin right. 人工认定一笔业务的真实结果。
    Resolve(Resolve),
    /// Whether the journals and the platform agree. 与医保平台对账。
    Reconcile(Reconcile),
    /// Give a settled bill back, whole. 整笔退费。
    Refund(Refund),
    /// The devices of the desk. 本机外设。
    #[command(subcommand)]
    Device(DeviceCommand),
    /// Read a card: the one in the reader, or the next one. 读取社保卡或身份证。
    Card(Card),
    /// Say who stands there by what is shown; no money moves. 凭所出示的凭证识别身份，不涉及资金。
    Identify(Identify),
    /// Drugs handed out and taken back. 发药与退药上报。
    #[command(subcommand)]
    Dispense(DispenseCommand),
    /// Print a document, or a test page; see and mend what became of a job. 打印文档或测试页，查看任务。
    Print(PrintArgs),
    /// The settlement sheet, saved or printed. 结算单：存为文件或打印。
    Sheet(SheetArgs),
    /// Read the configuration again; a wrong one changes nothing. 重新读取配置；有误则不作更改。
    Reload(Reload),
    /// Log more or less until the next start. 调整日志级别，直至下次启动。
    Log(Log),
    /// What is not as it should be on this desk, and what to do; also without the daemon. 体检：逐项检查并给出处理办法。
    Doctor(Doctor),
    /// One file for whoever helps from afar, without persons and secrets. 生成脱敏的支持包。
    Support(Support),
    /// What an error code means and what to do. 解释错误编号。
    Explain(Explain),
    /// What a caller may do by the configuration, without the daemon. 某调用方有哪些权限（不经守护进程）。
    May(May),
    /// Tokens of callers over TCP, without the daemon. TCP 调用令牌（不经守护进程）。
    #[command(subcommand)]
    Token(TokenCommand),
    /// The journal on disk, without the daemon. 磁盘上的流水日志（不经守护进程）。
    #[command(subcommand)]
    Journal(JournalCommand),
    /// The site profile, without the daemon. 站点配置（不经守护进程）。
    #[command(subcommand)]
    Profile(ProfileCommand),
    /// Whose journal it is, without the daemon. 流水日志归属（不经守护进程）。
    #[command(subcommand)]
    Desk(DeskCommand),
    /// Write the man pages and shell completions into a folder, for packages. 生成手册页与命令补全。
    #[command(hide = true)]
    Manual(Manual),
}

#[derive(Debug, clap::Args)]
pub(crate) struct Manual {
    /// The folder; man1/ and completions/ are made in it. 目标目录。
    #[arg(value_name = "DIR")]
    pub(crate) dir: PathBuf,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Pay {
    /// A ScanAndPayRequest as proto JSON; - reads stdin. 账单 JSON 文件，- 为标准输入。
    #[arg(value_name = "BILL.json")]
    pub(crate) bill: PathBuf,
    /// The request_id; else the bill's; else a new one is made and shown. 请求编号。
    #[arg(long, value_name = "ID")]
    pub(crate) request_id: Option<String>,
    /// Answer every confirmation with yes, unasked. 对所有确认自动回答“是”。
    #[arg(long, short)]
    pub(crate) yes: bool,
    /// After so many seconds take PENDING as the answer; else the daemon's 150. 最长等待秒数。
    #[arg(long, value_name = "S", value_parser = clap::value_parser!(u64).range(1..=3600))]
    pub(crate) wait_s: Option<u64>,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Log {
    /// How much. 级别。
    #[arg(value_name = "LEVEL", value_parser = ["off", "error", "warn", "info", "debug"])]
    pub(crate) level: String,
    /// Of which part of the program, such as yibaod::device; else of all of it. 程序的部分。
    #[arg(value_name = "PART")]
    pub(crate) part: Option<String>,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Which {
    /// The request_id of the settlement. 请求编号。
    #[arg(value_name = "REQUEST_ID")]
    pub(crate) request_id: String,
}

#[derive(Debug, clap::Args)]
pub(crate) struct List {
    /// Only those that have not ended. 只列未结束的。
    #[arg(long)]
    pub(crate) open: bool,
    /// Only those that only a person can resolve. 只列须人工处理的。
    #[arg(long)]
    pub(crate) stuck: bool,
    /// How many at most. 至多几条。
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=500))]
    pub(crate) limit: u32,
    /// Only those before this page end, as the page before printed it. 上一页给出的游标。
    #[arg(long, value_name = "CURSOR", default_value = "")]
    pub(crate) before: String,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Show {
    /// request_id, id of a settlement or refund, the platform's setl_id or a msgid. 请求编号、结算或退费编号、平台结算 ID 或报文 ID。
    #[arg(value_name = "ID")]
    pub(crate) id: String,
    /// Take ID only as this. Else it is tried as each, in this order. 指定编号种类。
    #[arg(long, value_enum)]
    pub(crate) by: Option<KeyKind>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum KeyKind {
    /// The caller's request_id.
    Request,
    /// The daemon's settlement_id.
    Settlement,
    /// The platform's setl_id.
    Setl,
    /// The msgid of the settling call.
    Msgid,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Confirm {
    /// The request_id of the settlement. 请求编号。
    #[arg(value_name = "REQUEST_ID")]
    pub(crate) request_id: String,
    /// The token of what was shown; else what is shown now is asked about. 所显示内容的令牌。
    #[arg(long, value_name = "TOKEN", requires = "point")]
    pub(crate) shown: Option<String>,
    /// What the token confirms. 令牌对应的确认环节。
    #[arg(long, value_enum, requires = "shown")]
    pub(crate) point: Option<Point>,
    /// Do not ask, just confirm what is shown. 不询问，直接确认。
    #[arg(long, short)]
    pub(crate) yes: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Point {
    /// The person whose code was scanned.
    Person,
    /// The previewed amounts.
    Amounts,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Resolve {
    /// settlement id, request_id, setl_id or msgid. 结算编号、请求编号、平台结算 ID 或报文 ID。
    #[arg(value_name = "ID")]
    pub(crate) id: String,
    /// What is true, as looked up at the platform. 在平台核对到的真实结果。
    #[arg(long = "as", value_enum, value_name = "WHAT")]
    pub(crate) verdict: Stated,
    /// How it is known, at most 200 characters; name no patient. 依据，至多 200 字，请勿写患者姓名。
    #[arg(long, value_name = "TEXT")]
    pub(crate) reason: String,
    /// The platform's setl_id as found. 在平台查到的结算 ID。
    #[arg(long, value_name = "SETL_ID", default_value = "")]
    pub(crate) setl_id: String,
    /// With --as recorded: the rows that the platform has, such as 1,3; all if left out. 平台已记录的行次。
    #[arg(long, value_name = "N,N", value_delimiter = ',')]
    pub(crate) lines: Vec<u32>,
    /// Take ID only as this. Else it is tried as each. 指定编号种类。
    #[arg(long, value_enum)]
    pub(crate) by: Option<KeyKind>,
}

#[derive(Debug, clap::Args)]
#[command(group = clap::ArgGroup::new("which").required(true).multiple(false).args(["id", "setl_id"]))]
pub(crate) struct Refund {
    /// request_id or settlement id of the settlement. 原结算的请求编号或结算编号。
    #[arg(value_name = "ID")]
    pub(crate) id: Option<String>,
    /// The platform's setl_id: another desk's bill, or the journal is lost. 平台结算 ID（其他窗口或日志丢失）。
    #[arg(long, value_name = "SETL_ID", requires_all = ["psn_no", "mdtrt_id"])]
    pub(crate) setl_id: Option<String>,
    /// With --setl-id: the person's number. 人员编号。
    #[arg(
        long,
        value_name = "PSN_NO",
        requires = "setl_id",
        default_value = "",
        hide_default_value = true
    )]
    pub(crate) psn_no: String,
    /// With --setl-id: the visit. 就诊 ID。
    #[arg(
        long,
        value_name = "MDTRT_ID",
        requires = "setl_id",
        default_value = "",
        hide_default_value = true
    )]
    pub(crate) mdtrt_id: String,
    /// With --setl-id: the area of insurance; else this site's own. 参保地医保区划，缺省为本地。
    #[arg(
        long,
        value_name = "AREA",
        requires = "setl_id",
        default_value = "",
        hide_default_value = true
    )]
    pub(crate) insuplc_admdvs: String,
    /// With --setl-id: the insurance type it was settled with. 结算时的险种类型。
    #[arg(
        long,
        value_name = "TYPE",
        requires = "setl_id",
        default_value = "",
        hide_default_value = true
    )]
    pub(crate) insutype: String,
    /// With --setl-id: a pharmacy's settlement. 药店结算。
    #[arg(long, requires = "setl_id")]
    pub(crate) pharmacy: bool,
    /// The request_id of the refund; else a new one is made and shown. 退费的请求编号。
    #[arg(long, value_name = "ID")]
    pub(crate) request_id: Option<String>,
    /// The operator's id at the platform. 经办人编号。
    #[arg(long, value_name = "ID")]
    pub(crate) operator_id: String,
    /// The operator's name. 经办人姓名。
    #[arg(long, value_name = "NAME")]
    pub(crate) operator_name: String,
    /// Why, for the record. 退费原因。
    #[arg(
        long,
        value_name = "TEXT",
        default_value = "",
        hide_default_value = true
    )]
    pub(crate) reason: String,
    /// The whole bill in fen; another total is refused. 总额（分），不一致则拒绝。
    #[arg(
        long,
        value_name = "FEN",
        default_value_t = 0,
        hide_default_value = true
    )]
    pub(crate) amount_fen: i64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Stated {
    /// The insurance charged and the settlement stands. 已结算且成立。
    Settled,
    /// Nothing was charged. 未扣费。
    NotCharged,
    /// What was charged is given back. 已扣费并已退回。
    Reversed,
    /// Of a refund: it is given back. 用于退费：已退费。
    Refunded,
    /// Of a refund: nothing was given back. 用于退费：未退费。
    NotRefunded,
    /// Of a hand-out or take-back: the platform has it, or the rows of --lines. 用于发药退药：平台已记录。
    Recorded,
    /// Of a hand-out or take-back: the platform has no row of it. 用于发药退药：平台未记录。
    NotRecorded,
}

#[derive(Debug, Subcommand)]
pub(crate) enum DispenseCommand {
    /// Tell the platform what was handed out (3505A). 上报发出的药品。
    HandOut(GoodsFile),
    /// Tell the platform what came back (3506A). 上报退回的药品。
    TakeBack(GoodsFile),
    /// What is true of a hand-out or take-back. 查看一次发药或退药。
    Show(WhichDispense),
}

#[derive(Debug, clap::Args)]
pub(crate) struct GoodsFile {
    /// A HandOutRequest or TakeBackRequest as proto JSON; - reads stdin. 请求 JSON 文件，- 为标准输入。
    #[arg(value_name = "FILE.json")]
    pub(crate) path: PathBuf,
}

#[derive(Debug, clap::Args)]
pub(crate) struct WhichDispense {
    /// The dispense_id, or the request_id. 发药编号或请求编号。
    #[arg(value_name = "ID")]
    pub(crate) id: String,
}

#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct PrintArgs {
    #[command(subcommand)]
    pub(crate) command: Option<PrintCommand>,
    /// A PrintRequest as proto JSON; - reads stdin. 打印请求 JSON 文件，- 为标准输入。
    #[arg(value_name = "FILE.json")]
    pub(crate) file: Option<PathBuf>,
    /// A page with rulers, looks, Chinese and codes. 打印测试页。
    #[arg(long)]
    pub(crate) test: bool,
    /// A PDF for the report printer, with progress; several are printed in one call. 打印 PDF 报告，可重复给出多份。
    #[arg(long, value_name = "FILE.pdf")]
    pub(crate) pdf: Vec<PathBuf>,
    /// The document's own id, one for each PDF: it is printed once, whoever asks again. 文档编号：同一编号只打印一次。
    #[arg(long, value_name = "ID", requires = "pdf")]
    pub(crate) document_id: Vec<String>,
    /// The request_id, to repeat a call. 请求编号，重复调用时填写。
    #[arg(long, value_name = "ID")]
    pub(crate) request_id: Option<String>,
    /// Role of the printer; else the file's. 打印机角色。
    #[arg(long, value_name = "ROLE")]
    pub(crate) role: Option<String>,
    /// Print nothing; write what the printer would show to this PNG. 不打印，预览存为 PNG。
    #[arg(long, value_name = "FILE.png")]
    pub(crate) preview: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum PrintCommand {
    /// What became of a job. 查看打印任务。
    Show(WhichJob),
    /// List jobs, newest first. 列出打印任务，最新在前。
    List(PrintList),
    /// What became of a document, by its own id. 按文档编号查询。
    Find(PrintFind),
    /// Call a job off before its first byte. 取消打印任务。
    Cancel(WhichJob),
    /// Print a job or a receipt once more, marked. 补打，带“补打”标记。
    Reprint(ReprintArgs),
}

#[derive(Debug, clap::Args)]
pub(crate) struct WhichJob {
    /// The job_id, or the request_id. 任务编号或请求编号。
    #[arg(value_name = "ID")]
    pub(crate) id: String,
}

#[derive(Debug, clap::Args)]
pub(crate) struct ReprintArgs {
    /// The job_id or request_id of a job; with --settlement any id of a settlement. 任务编号或请求编号。
    #[arg(value_name = "ID")]
    pub(crate) id: String,
    /// ID is a settlement's (request_id, settlement id, setl_id, msgid): print its receipt. 补打该结算的小票。
    #[arg(long)]
    pub(crate) settlement: bool,
    /// The operator's id. 经办人编号。
    #[arg(long, value_name = "ID")]
    pub(crate) operator_id: String,
    /// The operator's name; it stands in the mark. 经办人姓名。
    #[arg(long, value_name = "NAME")]
    pub(crate) operator_name: String,
    /// Why, for the record; name no patient. 补打原因，请勿写患者姓名。
    #[arg(long, value_name = "TEXT")]
    pub(crate) reason: String,
    /// The request_id of the copy; else a new one is made and shown. 补打的请求编号。
    #[arg(long, value_name = "ID")]
    pub(crate) request_id: Option<String>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum JournalCommand {
    /// Look for changed bytes; read-only, also beside a running daemon. 校验流水日志（只读）。
    Verify(Verify),
    /// Write the settlements of some days to a file for another desk's reconciliation; read-only, also beside a
    /// running daemon. 导出若干天的结算流水，供其他窗口全院对账使用（只读）。
    Export(Export),
}

#[derive(Debug, clap::Args)]
pub(crate) struct Export {
    /// The first day, by the platform's setl_time. 首日（按平台结算时间）。
    #[arg(long, value_name = "YYYY-MM-DD")]
    pub(crate) date: String,
    /// The last day; else the first. 末日。
    #[arg(long, value_name = "YYYY-MM-DD", default_value = "")]
    pub(crate) to: String,
    /// Where to; - is stdout. It must not be there yet. 导出文件，- 为标准输出。
    #[arg(long, value_name = "FILE")]
    pub(crate) out: PathBuf,
    /// The daemon's configuration, for what is not given below. 守护进程配置文件。
    #[arg(long, value_name = "FILE", default_value = "/etc/yibaod/yibaod.toml")]
    pub(crate) config: PathBuf,
    /// The state directory that holds the journal. 状态目录。
    #[arg(long, value_name = "DIR")]
    pub(crate) dir: Option<PathBuf>,
    /// The file of the site key. 站点密钥文件。
    #[arg(long, value_name = "FILE")]
    pub(crate) key: Option<PathBuf>,
    /// The hospital's number (fixmedins_code). 定点医药机构编号。
    #[arg(long, value_name = "CODE")]
    pub(crate) fixmedins_code: Option<String>,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Reconcile {
    /// The first day, by the platform's setl_time. 首日（按平台结算时间）。
    #[arg(long, value_name = "YYYY-MM-DD")]
    pub(crate) date: String,
    /// The last day; else the first. 末日。
    #[arg(long, value_name = "YYYY-MM-DD", default_value = "")]
    pub(crate) to: String,
    /// All desks' journals against 3201 and 3202, for administrators. 全院对账，限管理员。
    #[arg(long)]
    pub(crate) whole_hospital: bool,
    /// Numbers of all desks of the hospital. 全院各窗口编号。
    #[arg(long, value_name = "N,N,…", value_delimiter = ',', requires = "whole_hospital",
        value_parser = clap::value_parser!(u32).range(0..=999))]
    pub(crate) desks: Vec<u32>,
    /// What `journal export` wrote at another desk; may be given several times. 其他窗口的导出文件，可多次给出。
    #[arg(long = "export", value_name = "FILE", requires = "whole_hospital")]
    pub(crate) exports: Vec<PathBuf>,
    /// Ask 3201 for these too: insurance/clearing/office, such as 390/11/430100. 另须核对的险种/清算类别/经办机构。
    #[arg(long, value_name = "I/C/O", requires = "whole_hospital")]
    pub(crate) besides: Vec<String>,
    /// The list of the HIS, CSV with a heading or JSON: columns setl_id, mdtrt_id and amount in yuan (45.20).
    /// Refunded bills and their refunds (negative) both stand in it. HIS 结算清单：已退费的结算和退费（负数）各列一行。
    #[arg(long, value_name = "FILE")]
    pub(crate) his: Option<PathBuf>,
    /// The request_id; else a new one is made and shown. 请求编号。
    #[arg(long, value_name = "ID")]
    pub(crate) request_id: Option<String>,
    /// Operator's id in the messages to the platform. 经办人编号。
    #[arg(long, value_name = "ID", default_value = "duizhang")]
    pub(crate) operator: String,
    /// Operator's name in the messages to the platform. 经办人姓名。
    #[arg(long, value_name = "NAME", default_value = "对账")]
    pub(crate) operator_name: String,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Verify {
    /// The state directory that holds the journal. 状态目录。
    pub(crate) dir: PathBuf,
    /// The file of the site key. 站点密钥文件。
    #[arg(long, value_name = "FILE")]
    pub(crate) key: PathBuf,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ProfileCommand {
    /// Say what is wrong with a profile and the secrets it names; read-only. 检查站点配置及其密钥（只读）。
    Check(ProfileCheck),
}

#[derive(Debug, clap::Args)]
pub(crate) struct ProfileCheck {
    /// The profile. 站点配置文件。
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
}

#[derive(Debug, Subcommand)]
pub(crate) enum DeskCommand {
    /// Tie a journal that moved here for good to this machine and desk; the daemon must be stopped.
    /// 将迁移到本机的流水日志认领为本机所有（须先停止守护进程）。
    Adopt(Adopt),
}

#[derive(Debug, clap::Args)]
pub(crate) struct Adopt {
    /// The daemon's configuration, for what is not given below. 守护进程配置文件。
    #[arg(long, value_name = "FILE", default_value = "/etc/yibaod/yibaod.toml")]
    pub(crate) config: PathBuf,
    /// The state directory that holds the journal. 状态目录。
    #[arg(long, value_name = "DIR")]
    pub(crate) dir: Option<PathBuf>,
    /// The file of the site key. 站点密钥文件。
    #[arg(long, value_name = "FILE")]
    pub(crate) key: Option<PathBuf>,
    /// The desk's name. 窗口名称。
    #[arg(long)]
    pub(crate) name: Option<String>,
    /// The desk's number, 000–999. 窗口编号。
    #[arg(long, value_parser = clap::value_parser!(u16).range(0..=999))]
    pub(crate) number: Option<u16>,
    /// Do not ask. 不询问。
    #[arg(long, short)]
    pub(crate) yes: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_well_formed() {
        use clap::CommandFactory as _;
        Args::command().debug_assert();
    }

    #[test]
    fn every_exit_code_is_in_the_help() {
        for exit in crate::exit::Exit::ALL {
            let line = format!("\n  {}  ", exit.code());
            assert!(EXIT_CODES.contains(&line), "{exit:?}");
        }
    }
}
