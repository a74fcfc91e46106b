//! 2201 to 2208.

use super::dictionary::{
    ACCOUNT_USED, APPROVAL, BIRCTRL_TYPE, CERT_TYPE, DIAG_TYPE, INSUTYPE, MATN_TYPE, MED_TYPE,
    PERSON_CERT, SETTLE_WAY, TCM_WAY, YES_NO,
};
use super::{Field, Need, Node, day, list, moment, node, number, text};

pub(super) fn nodes(infno: &str) -> Option<&'static [Node]> {
    match infno {
        "2201" => Some(REGISTER),
        "2202" => Some(UNREGISTER),
        "2203" => Some(VISIT),
        "2203A" => Some(VISIT_A),
        "2204" => Some(FEES),
        "2205" => Some(FEES_BACK),
        "2206" | "2206A" => Some(TRIAL),
        "2207" | "2207A" => Some(SETTLE),
        "2208" => Some(REFUND),
        _ => None,
    }
}

const PSN_NO: Field = text("psn_no", "人员编号", 30).must();
const MDTRT_ID: Field = text("mdtrt_id", "就诊ID", 30).must();
const BATCH: Field = text("chrg_bchno", "收费批次号", 30).must();
const CERT: Field = text("mdtrt_cert_type", "就诊凭证类型", 3)
    .must()
    .of(CERT_TYPE);
const CERT_NO: Field = text("mdtrt_cert_no", "就诊凭证编号", 50).must();
const CARD_SN: Field = text("card_sn", "卡识别码", 32).when(Need::WithCard);
const MED: Field = text("med_type", "医疗类别", 6).must().of(MED_TYPE);
const INSU: Field = text("insutype", "险种类型", 6).must().of(INSUTYPE);
const TOTAL: Field = number("medfee_sumamt", "医疗费总额", 16, 2).must();
const WAY: Field = text("psn_setlway", "个人结算方式", 6).must().of(SETTLE_WAY);
const ACCOUNT: Field = text("acct_used_flag", "个人账户使用标志", 1)
    .must()
    .of(ACCOUNT_USED);
const EXTRA: Field = text("exp_content", "字段扩展", 4000);
const EXTRA_2: Field = text("expContent", "字段扩展", 4000);
const REFORM: Field = text("pub_hosp_rfom_flag", "公立医院改革标志", 6);
const DISEASE: Field = text("dise_codg", "病种编码", 30);

// Hunan repeats the identity in 2201, 2206 and 2207; other provinces take it and do not ask for it.
const H_CERT: Field = text("psn_cert_type", "证件类型", 3)
    .when(Need::Hunan)
    .of(PERSON_CERT);
const H_CERTNO: Field = text("certno", "证件号码", 20).when(Need::Hunan);
const H_TYPE: Field = text("psn_type", "人员类别", 6).when(Need::Hunan);
const H_NAME: Field = text("psn_name", "人员姓名", 20).when(Need::Hunan);

const REGISTER: &[Node] = &[node(
    "data",
    "挂号信息",
    &[
        PSN_NO,
        INSU,
        moment("begntime", "开始时间").must(),
        CERT,
        CERT_NO,
        CARD_SN,
        H_CERT,
        H_CERTNO,
        H_TYPE,
        H_NAME,
        text("ipt_otp_no", "住院/门诊号", 30).must(),
        text("atddr_no", "医师编码", 30),
        text("dr_name", "医师姓名", 50),
        text("dept_code", "科室编码", 30).must(),
        text("dept_name", "科室名称", 100).must(),
        text("caty", "科别", 10).must(),
        EXTRA,
        EXTRA_2,
    ],
)];

const UNREGISTER: &[Node] = &[node(
    "data",
    "挂号撤销",
    &[
        PSN_NO,
        MDTRT_ID,
        text("ipt_otp_no", "住院/门诊号", 30).must(),
        EXTRA,
        EXTRA_2,
    ],
)];

const DISEASES: Node = list(
    "diseinfo",
    "诊断信息",
    &[
        text("diag_type", "诊断类别", 3).must().of(DIAG_TYPE),
        number("diag_srt_no", "诊断排序号", 2, 0).must(),
        text("diag_code", "诊断代码", 20).must(),
        text("diag_name", "诊断名称", 100).must(),
        text("diag_dept", "诊断科室", 50).must(),
        text("dise_dor_no", "诊断医生编码", 30).must(),
        text("dise_dor_name", "诊断医生姓名", 50).must(),
        moment("diag_time", "诊断时间").must(),
        text("vali_flag", "有效标志", 3).must().of(YES_NO),
        text("maindiag_flag", "主诊断标志", 3).of(YES_NO),
    ],
);

const VISIT: &[Node] = &[
    node(
        "mdtrtinfo",
        "就诊信息",
        &[
            MDTRT_ID,
            PSN_NO,
            MED,
            moment("begntime", "开始时间").must(),
            text("main_cond_dscr", "主要病情描述", 1000),
            text("dise_type_code", "病种类型代码", 30),
            text("dise_codg", "病种编码", 30).when(Need::Hunan),
            text("dise_name", "病种名称", 500).when(Need::Hunan),
            text("birctrl_type", "计划生育手术类别", 6).of(BIRCTRL_TYPE),
            day("birctrl_matn_date", "计划生育手术或生育日期"),
            EXTRA,
            EXTRA_2,
        ],
    ),
    DISEASES,
];

const VISIT_A: &[Node] = &[
    node(
        "mdtrtinfo",
        "就诊信息",
        &[
            MDTRT_ID,
            PSN_NO,
            MED,
            moment("begntime", "开始时间").must(),
            text("main_cond_dscr", "主要病情描述", 1000),
            text("dise_type_code", "病种类型代码", 30),
            text("dise_codg", "病种编码", 30).when(Need::Hunan),
            text("dise_name", "病种名称", 500).when(Need::Hunan),
            text("birctrl_type", "计划生育手术类别", 6).of(BIRCTRL_TYPE),
            day("birctrl_matn_date", "计划生育手术或生育日期"),
            text("matn_type", "生育类别", 6).of(MATN_TYPE),
            number("geso_val", "孕周数", 2, 0),
            EXTRA,
            EXTRA_2,
        ],
    ),
    DISEASES,
];

const FEES: &[Node] = &[list(
    "feedetail",
    "费用明细",
    &[
        text("feedetl_sn", "费用明细流水号", 30).must(),
        MDTRT_ID,
        PSN_NO,
        BATCH,
        DISEASE,
        text("rxno", "处方号", 30),
        text("rx_circ_flag", "外购处方标志", 3).must().of(YES_NO),
        moment("fee_ocur_time", "费用发生时间").must(),
        text("med_list_codg", "医疗目录编码", 50).must(),
        text("medins_list_codg", "医药机构目录编码", 150).must(),
        number("det_item_fee_sumamt", "明细项目费用总额", 16, 2).must(),
        number("cnt", "数量", 16, 4).must(),
        number("pric", "单价", 16, 6).must(),
        text("sin_dos_dscr", "单次剂量描述", 200),
        text("used_frqu_dscr", "使用频次描述", 200),
        number("prd_days", "周期天数", 4, 2),
        text("medc_way_dscr", "用药途径描述", 200),
        text("bilg_dept_codg", "开单科室编码", 30).must(),
        text("bilg_dept_name", "开单科室名称", 100).must(),
        text("bilg_dr_codg", "开单医生编码", 30).must(),
        text("bilg_dr_name", "开单医师姓名", 50).must(),
        text("acord_dept_codg", "受单科室编码", 30),
        text("acord_dept_name", "受单科室名称", 100),
        text("orders_dr_code", "受单医生编码", 30),
        text("orders_dr_name", "受单医生姓名", 50),
        text("hosp_appr_flag", "医院审批标志", 3)
            .must()
            .of(APPROVAL),
        text("tcmdrug_used_way", "中药使用方式", 6).of(TCM_WAY),
        text("etip_flag", "外检标志", 3).of(YES_NO),
        text("etip_hosp_code", "外检医院编码", 30),
        text("dscg_tkdrug_flag", "出院带药标志", 3).of(YES_NO),
        text("matn_fee_flag", "生育费用标志", 6).of(YES_NO),
        text("memo", "备注", 1000),
        text("comb_no", "组套编码", 3),
        EXTRA,
        EXTRA_2,
    ],
)];

const FEES_BACK: &[Node] = &[node(
    "data",
    "费用撤销",
    &[MDTRT_ID, BATCH, PSN_NO, EXTRA, EXTRA_2],
)];

const TRIAL: &[Node] = &[node(
    "data",
    "预结算信息",
    &[
        PSN_NO, CERT, CERT_NO, CARD_SN, H_CERT, H_CERTNO, H_TYPE, H_NAME, MED, TOTAL, WAY,
        MDTRT_ID, BATCH, ACCOUNT, INSU, EXTRA, EXTRA_2, REFORM,
    ],
)];

const SETTLE: &[Node] = &[node(
    "data",
    "结算信息",
    &[
        PSN_NO,
        CERT,
        CERT_NO,
        CARD_SN,
        H_CERT,
        H_CERTNO,
        MED,
        TOTAL,
        WAY,
        MDTRT_ID,
        BATCH,
        INSU,
        ACCOUNT,
        text("invono", "发票号", 20),
        number("fulamt_ownpay_amt", "全自费金额", 16, 2).must(),
        number("overlmt_selfpay", "超限价金额", 16, 2).must(),
        number("preselfpay_amt", "先行自付金额", 16, 2).must(),
        number("inscp_scp_amt", "符合政策范围金额", 16, 2).must(),
        EXTRA,
        EXTRA_2,
        REFORM,
    ],
)];

const REFUND: &[Node] = &[node(
    "data",
    "结算撤销",
    &[
        text("setl_id", "结算ID", 30).must(),
        MDTRT_ID,
        PSN_NO,
        EXTRA,
        EXTRA_2,
    ],
)];
