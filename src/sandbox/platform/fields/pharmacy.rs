//! 2101 to 2103.

use super::dictionary::{
    ACCOUNT_USED, CERT_TYPE, INSUTYPE, MED_TYPE, PERSON_CERT, TCM_WAY, YES_NO,
};
use super::{Field, Need, Node, list, moment, node, number, rows, text};

pub(super) fn nodes(infno: &str) -> Option<&'static [Node]> {
    match infno {
        "2101" => Some(TRIAL),
        "2102" => Some(SETTLE),
        "2103" => Some(REFUND),
        _ => None,
    }
}

const PSN_NO: Field = text("psn_no", "人员编号", 30).must();
const CERT: Field = text("mdtrt_cert_type", "就诊凭证类型", 3)
    .must()
    .of(CERT_TYPE);
const CERT_NO: Field = text("mdtrt_cert_no", "就诊凭证编号", 50).must();
const CARD_SN: Field = text("card_sn", "卡识别码", 32).when(Need::WithCard);
const H_CERT: Field = text("psn_cert_type", "证件类型", 3)
    .when(Need::Hunan)
    .of(PERSON_CERT);
const H_CERTNO: Field = text("certno", "证件号码", 20).when(Need::Hunan);
const H_TYPE: Field = text("psn_type", "人员类别", 6).when(Need::Hunan);
const H_NAME: Field = text("psn_name", "人员姓名", 20).when(Need::Hunan);
const BEGIN: Field = moment("begntime", "开始时间").must();
const TOTAL: Field = number("medfee_sumamt", "医疗费总额", 16, 2).must();
const INSU: Field = text("insutype", "险种类型", 6).must().of(INSUTYPE);
const DISEASE: Field = text("dise_codg", "病种编码", 30);
const DISEASE_NAME: Field = text("dise_name", "病种名称", 500);
const ACCOUNT: Field = text("acct_used_flag", "个人账户使用标志", 1)
    .must()
    .of(ACCOUNT_USED);
const MED: Field = text("med_type", "医疗类别", 6).must().of(MED_TYPE);
const EXTRA: Field = text("exp_content", "字段扩展", 4000);
const EXTRA_2: Field = text("expContent", "字段扩展", 4000);

const SERIAL: Field = text("feedetl_sn", "费用明细流水号", 30).must();
const RX_NO: Field = text("rxno", "处方号", 30);
const RX_FLAG: Field = text("rx_circ_flag", "外购处方标志", 3).must().of(YES_NO);
const FEE_TIME: Field = moment("fee_ocur_time", "费用发生时间").must();
const CODE: Field = text("med_list_codg", "医疗目录编码", 50).must();
const OWN_CODE: Field = text("medins_list_codg", "医药机构目录编码", 150).must();
const AMOUNT: Field = number("det_item_fee_sumamt", "明细项目费用总额", 16, 2).must();
const COUNT: Field = number("cnt", "数量", 16, 4).must();
const PRICE: Field = number("pric", "单价", 16, 6).must();
const DOSE: Field = text("sin_dos_dscr", "单次剂量描述", 200);
const OFTEN: Field = text("used_frqu_dscr", "使用频次描述", 200);
const DAYS: Field = number("prd_days", "周期天数", 4, 2);
const WAY: Field = text("medc_way_dscr", "用药途径描述", 200);
const DOCTOR: Field = text("bilg_dr_codg", "开单医生编码", 30);
const DOCTOR_NAME: Field = text("bilg_dr_name", "开单医师姓名", 50);
const TCM: Field = text("tcmdrug_used_way", "中药使用方式", 6).of(TCM_WAY);

/// Under either spelling; which one this bureau reads is a switch.
const TRACE: &[Field] = &[
    SERIAL,
    text("drug_trac_codg", "药品追溯码", 100).must(),
    text("trdn_flag", "拆零标志", 3).must().of(YES_NO),
];

const TRIAL: &[Node] = &[
    node(
        "druginfo",
        "购药信息",
        &[
            PSN_NO,
            CERT,
            CERT_NO,
            CARD_SN,
            H_CERT,
            H_CERTNO,
            H_TYPE,
            H_NAME,
            BEGIN,
            TOTAL,
            INSU,
            DISEASE,
            DISEASE_NAME,
            ACCOUNT,
            MED,
            EXTRA,
            EXTRA_2,
        ],
    ),
    list(
        "drugdetail",
        "购药明细信息",
        &[
            SERIAL,
            RX_NO,
            RX_FLAG,
            FEE_TIME,
            CODE,
            OWN_CODE,
            AMOUNT,
            COUNT,
            PRICE,
            DOSE,
            OFTEN,
            DAYS,
            WAY,
            DOCTOR,
            DOCTOR_NAME,
            TCM,
            EXTRA,
            EXTRA_2,
        ],
    ),
];

const SETTLE: &[Node] = &[
    node(
        "druginfo",
        "购药信息",
        &[
            PSN_NO,
            CERT,
            CERT_NO,
            CARD_SN,
            H_CERT,
            H_CERTNO,
            H_TYPE,
            H_NAME,
            BEGIN,
            TOTAL,
            text("invono", "发票号", 20),
            INSU,
            DISEASE,
            DISEASE_NAME,
            ACCOUNT,
            MED,
            EXTRA,
            EXTRA_2,
        ],
    ),
    list(
        "drugdetail",
        "购药明细信息",
        &[
            SERIAL,
            RX_NO,
            RX_FLAG,
            FEE_TIME,
            CODE,
            OWN_CODE,
            AMOUNT,
            COUNT,
            PRICE,
            DOSE,
            OFTEN,
            DAYS,
            WAY,
            DOCTOR,
            DOCTOR_NAME,
            TCM,
            rows("durg_trac_info", "追溯码信息", TRACE),
            rows("drug_trac_info", "追溯码信息", TRACE),
            EXTRA,
            EXTRA_2,
        ],
    ),
];

const REFUND: &[Node] = &[node(
    "data",
    "药店结算撤销",
    &[
        text("setl_id", "结算ID", 30).must(),
        text("mdtrt_id", "就诊ID", 30).must(),
        PSN_NO,
        EXTRA,
        EXTRA_2,
    ],
)];
