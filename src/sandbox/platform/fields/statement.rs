//! 3201, 3202, 9101, 9102.

use super::dictionary::INSUTYPE;
use super::{Field, Need, Node, Shape, day, node, number, text};

pub(super) fn nodes(infno: &str) -> Option<&'static [Node]> {
    match infno {
        "3201" => Some(TOTALS),
        "3202" => Some(DETAILS),
        "9101" => Some(UPLOAD),
        "9102" => Some(DOWNLOAD),
        _ => None,
    }
}

const TOTALS: &[Node] = &[node(
    "data",
    "对总账信息",
    &[
        text("insutype", "险种", 6).must().of(INSUTYPE),
        text("clr_type", "清算类别", 6).must(),
        text("setl_optins", "结算经办机构", 6).must(),
        day("stmt_begndate", "对账开始日期").must(),
        day("stmt_enddate", "对账结束日期").must(),
        number("medfee_sumamt", "医疗费总额", 16, 2).must(),
        number("fund_pay_sumamt", "基金支付总额", 16, 2).must(),
        number("acct_pay", "个人账户支付金额", 16, 2).must(),
        number("fixmedins_setl_cnt", "定点医药机构结算笔数", 10, 0).must(),
        text("refd_setl_flag", "退费结算标志", 6),
        text("fixmedins_refd_setl_flag", "定点医药机构退费结算标志", 6).when(Need::Hunan),
    ],
)];

const DETAILS: &[Node] = &[node(
    "data",
    "对明细账信息",
    &[
        text("setl_optins", "结算经办机构", 6).must(),
        text("file_qury_no", "文件查询号", 30).must(),
        day("stmt_begndate", "对账开始日期").must(),
        day("stmt_enddate", "对账结束日期").must(),
        number("medfee_sumamt", "医疗费总额", 16, 2).must(),
        number("fund_pay_sumamt", "基金支付总额", 16, 2).must(),
        number("cash_payamt", "现金支付金额", 16, 2).must(),
        number("fixmedins_setl_cnt", "定点医药机构结算笔数", 10, 0).must(),
        text("clr_type", "清算类别", 6).must(),
        text("refd_setl_flag", "退费结算标志", 3),
        text("fixmedins_refd_setl_flag", "定点医药机构退费结算标志", 6).when(Need::Hunan),
    ],
)];

const UPLOAD: &[Node] = &[node(
    "fsUploadIn",
    "文件上传",
    &[
        Field {
            name: "in",
            label: "文件数据",
            shape: Shape::Bytes,
            need: Need::Always,
            codes: &[],
        },
        text("filename", "文件名", 200).must(),
        text("fixmedins_code", "医药机构编号", 30).must(),
    ],
)];

const DOWNLOAD: &[Node] = &[node(
    "fsDownloadIn",
    "文件下载",
    &[
        text("file_qury_no", "文件查询号", 30).must(),
        text("filename", "文件名", 200).must(),
        text("fixmedins_code", "医药机构编号", 30).must(),
    ],
)];
