//! 3505A and 3506A. Of 3506A no table is published: it has that of 3505A here.

use super::dictionary::{PERSON_CERT, YES_NO};
use super::{Field, Node, day, list, moment, number, rows, text};

pub(super) fn nodes(infno: &str) -> Option<&'static [Node]> {
    matches!(infno, "3505A" | "3506A").then_some(GOODS)
}

const TRACE: &[Field] = &[text("drug_trac_codg", "药品追溯码", 30).must()];

const GOODS: &[Node] = &[list(
    "selinfoDetail",
    "商品销售信息",
    &[
        text("med_list_codg", "医疗目录编码", 50).must(),
        text("fixmedins_hilist_id", "定点医药机构目录编号", 30).must(),
        text("fixmedins_hilist_name", "定点医药机构目录名称", 200).must(),
        text("fixmedins_bchno", "定点医药机构批次流水号", 30).must(),
        text("prsc_dr_cert_type", "开方医师证件类型", 6).of(PERSON_CERT),
        text("prsc_dr_certno", "开方医师证件号码", 50),
        text("prsc_dr_name", "开方医师姓名", 50).must(),
        text("phar_cert_type", "药师证件类型", 6).of(PERSON_CERT),
        text("phar_certno", "药师证件号码", 50),
        text("phar_name", "药师姓名", 50).must(),
        text("phar_prac_cert_no", "药师执业资格证号", 50).must(),
        text("hi_feesetl_type", "医保费用结算类型", 6).of(&["0", "1", "2"]),
        text("setl_id", "结算ID", 30),
        text("mdtrt_sn", "就医流水号", 30).must(),
        text("psn_no", "人员编号", 30),
        text("psn_cert_type", "人员证件类型", 6).of(PERSON_CERT),
        text("certno", "证件号码", 50),
        text("psn_name", "人员姓名", 50),
        text("manu_lotnum", "生产批号", 30).must(),
        day("manu_date", "生产日期").must(),
        day("expy_end", "有效期止"),
        text("rx_flag", "处方药标志", 3).must().of(YES_NO),
        text("trdn_flag", "拆零标志", 3).must().of(YES_NO),
        number("finl_trns_pric", "最终成交单价", 16, 6).must(),
        text("rxno", "处方号", 40),
        text("rx_circ_flag", "外购处方标志", 3).of(YES_NO),
        text("rtal_docno", "零售单据号", 40).must(),
        text("stoout_no", "销售出库单据号", 40),
        text("bchno", "批次号", 30),
        text("drug_prod_barc", "药品条形码", 500).must(),
        text("shelf_posi", "货架位", 20),
        number("sel_retn_cnt", "销售/退货数量", 16, 4).must(),
        moment("sel_retn_time", "销售/退货时间").must(),
        text("sel_retn_opter_name", "销售/退货经办人姓名", 50).must(),
        text("memo", "备注", 500),
        text("prsc_dr_no", "开方医师编号", 50),
        text("phar_no", "医保药师编号", 50),
        text("MDTRT_SETL_TYPE", "就诊结算类型", 6).of(&["1", "2"]),
        rows("drugtracinfo", "溯源码节点信息", TRACE).must(),
    ],
)];
