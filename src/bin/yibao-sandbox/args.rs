//! What can be said on the command line.

use std::path::PathBuf;

use clap::{Parser, Subcommand};
use yibaod::sandbox::platform::faults::Fault;

use crate::Trouble;

/// A simulated insurance platform, scanner and printer around the real yibaod. Nothing here is real money.
/// 模拟的医保平台、扫码器与打印机，中间是真正的 yibaod。
#[derive(Debug, Parser)]
#[command(name = "yibao-sandbox", version, max_term_width = 100)]
pub(crate) struct Args {
    #[command(subcommand)]
    pub(crate) act: Option<Act>,
    /// End after the first scan-and-pay or flow; 0 only when it ended as it should (a payment: settled, printed, and the
    /// ledger agrees). 只跑一笔或一个流程。
    #[arg(long, global = true)]
    pub(crate) once: bool,
    /// Carry out the lines of a file, then end; 0 only when all it expects came true. 执行脚本文件。
    #[arg(long, value_name = "FILE", conflicts_with = "once")]
    pub(crate) scenario: Option<PathBuf>,
    /// Print every fault that can be armed, then end. 列出全部故障。
    #[arg(long)]
    pub(crate) fault_list: bool,
    /// Start no daemon: the far ends of the installed service, whose configuration is written to /etc/yibaod (or
    /// --dir) for as long as this runs. A desk that has one of its own is left alone. 供已安装的服务试用，不另行启动守护进程。
    #[arg(long, global = true)]
    pub(crate) service: bool,
    /// Keep the files here: the desk goes on with its journal. The platform's books begin anew with each start, so that
    /// what was settled before is unknown there. 状态目录；模拟平台的账本每次启动重新开始。
    #[arg(long, global = true, value_name = "DIR")]
    pub(crate) dir: Option<PathBuf>,
    /// Leave the temporary files when it ends. 结束后保留文件。
    #[arg(long, global = true)]
    pub(crate) keep: bool,
    /// After the first settlement nobody shows a code by himself: type `scan`. 不自动出示医保码。
    #[arg(long, global = true, conflicts_with = "once")]
    pub(crate) no_patient: bool,
    /// Arm this fault before the first settlement or flow; may be given again; --fault-list names all. 先注入故障，再演示。
    #[arg(long, global = true, value_name = "FAULT", value_parser = fault)]
    pub(crate) fault: Vec<String>,
    /// Who the patient is, by the sandbox's names. 患者。
    #[arg(long, global = true, value_name = "PERSON", default_value = "employee")]
    pub(crate) person: String,
    /// Take the programs as they lie beside the sandbox, also when cargo runs it. 不重新编译。
    #[arg(long, global = true)]
    pub(crate) no_build: bool,
    /// How long the patient looks for the phone, milliseconds. 出示医保码前的等待。
    #[arg(long, global = true, value_name = "MS", default_value_t = 700, value_parser = clap::value_parser!(u64).range(0..=60_000))]
    pub(crate) patient_delay_ms: u64,
    /// After so many seconds a lost settling call counts as no longer under way. 结算静默期。
    #[arg(long, value_name = "S", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=3_600))]
    pub(crate) settle_quiet_s: u32,
    /// Port of the platform on 127.0.0.1; 0: a free one. 平台端口。
    #[arg(long, value_name = "PORT", default_value_t = 0)]
    pub(crate) platform_port: u16,
}

/// What is done first, instead of one scan-and-pay.
#[derive(Clone, Copy, Debug, Subcommand)]
pub(crate) enum Act {
    /// Acts one of a hospital's five flows step by step. 逐步演示医院的五个流程之一。
    ///
    /// 1 kiosk registration 自助挂号, 2 kiosk payment 门诊缴费, 3 report printing 检验报告打印,
    /// 4 settlement at the doctor's desk 诊间结算, 5 pharmacy pick-up 取药
    Flow(Flow),
}

/// Which flow, and how.
#[derive(Clone, Copy, Debug, clap::Args)]
pub(crate) struct Flow {
    /// Which, 1 to 5. 流程编号。
    #[arg(value_parser = clap::value_parser!(u8).range(1..=5))]
    pub(crate) number: u8,
    /// Flow 1: for a later day instead of today. 流程一：预约挂号（缺省为当日挂号）。
    #[arg(long)]
    pub(crate) appointment: bool,
    /// Flows 4 and 5: by what the patient says who he is. 流程四、五：凭证种类（医保码或居民身份证）。
    #[arg(long, value_enum, value_name = "KIND", default_value_t = By::Code)]
    pub(crate) by: By,
}

/// A kind of credential that the sandbox's patients bring.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum By {
    /// 医保码.
    Code,
    /// 居民身份证.
    IdCard,
}

impl Flow {
    /// A choice that the flow has not is refused: it would be acted otherwise than asked for.
    pub(crate) fn check(self) -> Result<(), Trouble> {
        if self.appointment && self.number != 1 {
            return Err("--appointment is a choice of flow 1  仅流程一可选".into());
        }
        if self.by != By::Code && self.number < 4 {
            return Err("--by is a choice of flows 4 and 5  仅流程四、五可选".into());
        }
        Ok(())
    }
}

/// Told before anything is started.
fn fault(text: &str) -> Result<String, String> {
    Fault::parse(text)?;
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_well_formed() {
        use clap::CommandFactory as _;
        Args::command().debug_assert();
    }
}
