//! What the transactions are called, for people.

/// Chinese and English name of a transaction or service; empty for one that is not known here.
pub(crate) fn name(infno: &str) -> (&'static str, &'static str) {
    match infno {
        "9001" => ("签到", "sign in"),
        "9002" => ("签退", "sign out"),
        "ec.query" => ("医保码解码", "decode the code"),
        "1101" => ("人员信息", "who is it, how insured"),
        "2201" => ("门诊挂号登记", "register the visit"),
        "2202" => ("撤销挂号", "undo the visit"),
        "2203" | "2203A" => ("上传就诊信息", "visit and diagnoses"),
        "2204" => ("上传费用明细", "fee lines"),
        "2205" => ("撤销费用明细", "undo the fee lines"),
        "2206" | "2206A" => ("预结算", "preview the amounts"),
        "2207" | "2207A" => ("结算扣费", "settle: the money moves"),
        "2208" => ("撤销结算", "refund"),
        "2601" => ("冲正", "reverse a lost call"),
        "5201" => ("就诊查询", "which visits"),
        "5203" => ("结算查询", "was it settled?"),
        "5206" => ("年度累计", "what the year came to"),
        _ => ("", ""),
    }
}
