//! What can be said of identifications.

#[derive(Debug, clap::Args)]
pub(crate) struct Identify {
    /// What for: it gives the prompt and the business type. 用途，决定提示语和用码业务类型。
    #[arg(long, value_enum, value_name = "FLOW", default_value = "payment")]
    pub(crate) flow: FlowArg,
    /// Another business type, such as 01201. 另行指定的用码业务类型。
    #[arg(long, value_name = "CODE", default_value = "")]
    pub(crate) business_type: String,
    /// What may be shown; else a 医保码. 可出示的凭证。
    #[arg(long = "credential", value_enum, value_name = "KIND")]
    pub(crate) credentials: Vec<CredentialArg>,
    /// The caller's id; else a new one. 请求编号。
    #[arg(long, value_name = "ID")]
    pub(crate) request_id: Option<String>,
    /// Seconds to wait. 等待秒数。
    #[arg(long, value_name = "S", default_value_t = 60, value_parser = clap::value_parser!(u32).range(1..=600))]
    pub(crate) wait_s: u32,
    /// Name and number whole, for who may see them; recorded. 完整姓名和证件号码（须有权限，留痕）。
    #[arg(long)]
    pub(crate) unmasked: bool,
    /// Id of who works the terminal. 经办人编号。
    #[arg(long, value_name = "ID", default_value = "yibaoctl")]
    pub(crate) operator_id: String,
    /// Name of who works the terminal. 经办人姓名。
    #[arg(long, value_name = "NAME", default_value = "yibaoctl")]
    pub(crate) operator_name: String,
    /// Id of the office that uses the code. 用码科室编号。
    #[arg(long, value_name = "ID", default_value = "0")]
    pub(crate) office_id: String,
    /// Name of the office. 科室名称。
    #[arg(long, value_name = "NAME", default_value = "医保办")]
    pub(crate) office_name: String,
}

/// What somebody is identified for.
#[derive(Debug, Clone, Copy, clap::ValueEnum)]
pub(crate) enum FlowArg {
    /// 自助挂号.
    Registration,
    /// 门诊缴费.
    Payment,
    /// 取报告.
    Report,
    /// 诊间.
    Desk,
    /// 取药.
    Pharmacy,
}

/// What can be shown.
#[derive(Debug, Clone, Copy, clap::ValueEnum)]
pub(crate) enum CredentialArg {
    /// 医保码.
    EVoucher,
    /// 社会保障卡.
    SocialCard,
    /// 居民身份证.
    ResidentId,
}
