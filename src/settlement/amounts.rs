//! The amounts of `setlinfo`, by the platform's own names.

use super::bill::Fen;

/// What 2206 previews, 2207 charges and 2208 gives back. Meanings: the platform's 结算信息.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Amounts {
    /// 医疗费总额.
    pub medfee_sumamt: Fen,
    /// 全自费金额.
    pub fulamt_ownpay_amt: Fen,
    /// 超限价自费费用.
    pub overlmt_selfpay: Fen,
    /// 先行自付金额.
    pub preselfpay_amt: Fen,
    /// 符合政策范围金额.
    pub inscp_scp_amt: Fen,
    /// 实际支付起付线.
    pub act_pay_dedc: Fen,
    /// 基本医疗保险统筹基金支出.
    pub hifp_pay: Fen,
    /// 公务员医疗补助资金支出.
    pub cvlserv_pay: Fen,
    /// 企业补充医疗保险基金支出.
    pub hifes_pay: Fen,
    /// 居民大病保险资金支出.
    pub hifmi_pay: Fen,
    /// 职工大额医疗费用补助基金支出.
    pub hifob_pay: Fen,
    /// 医疗救助基金支出.
    pub maf_pay: Fen,
    /// 伤残人员医疗保障基金支出; whether it is inside `oth_pay` differs by site.
    pub hifdm_pay: Fen,
    /// 其他支出.
    pub oth_pay: Fen,
    /// 基金支付总额.
    pub fund_pay_sumamt: Fen,
    /// 个人负担总金额.
    pub psn_part_amt: Fen,
    /// 个人账户支出, with the shared part in it.
    pub acct_pay: Fen,
    /// 个人账户共济支付金额.
    pub acct_mulaid_pay: Fen,
    /// 个人现金支出: what the cashier must still take.
    pub psn_cash_pay: Fen,
    /// 医院负担金额.
    pub hosp_part_amt: Fen,
    /// 余额 of the personal account after this settlement.
    pub balc: Fen,
    /// 结算基金分项信息, in the platform's order.
    pub setldetail: Vec<FundPart>,
}

/// A row of `setldetail`.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct FundPart {
    /// 基金支付类型.
    pub fund_pay_type: String,
    /// 基金支付类型名称, may be empty.
    pub fund_pay_type_name: String,
    /// 基金支付金额.
    pub fund_payamt: Fen,
}
