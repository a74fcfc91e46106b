//! 9001, 9002, 1101, 1162.

use super::dictionary::{BUSINESS_TYPE, CERT_TYPE, PERSON_CERT};
use super::{Need, Node, moment, node, text};

pub(super) fn nodes(infno: &str) -> Option<&'static [Node]> {
    match infno {
        "9001" => Some(SIGN_IN),
        "9002" => Some(SIGN_OUT),
        "1101" => Some(PERSON),
        "1162" => Some(DECODE),
        _ => None,
    }
}

const SIGN_IN: &[Node] = &[node(
    "signIn",
    "签到信息",
    &[
        text("opter_no", "操作员编号", 20).must(),
        text("mac", "签到MAC地址", 20).must(),
        text("ip", "签到IP地址", 20).must(),
    ],
)];

const SIGN_OUT: &[Node] = &[node(
    "signOut",
    "签退信息",
    &[
        text("sign_no", "签到编号", 30).must(),
        text("opter_no", "操作员编号", 20).must(),
    ],
)];

/// `certno` and `psn_name` are sent empty with a code or card, whatever the tables say.
const PERSON: &[Node] = &[node(
    "data",
    "人员信息查询条件",
    &[
        text("mdtrt_cert_type", "就诊凭证类型", 3)
            .must()
            .of(CERT_TYPE),
        text("mdtrt_cert_no", "就诊凭证编号", 50).must(),
        text("card_sn", "卡识别码", 32).when(Need::WithCard),
        moment("begntime", "开始时间"),
        text("psn_cert_type", "人员证件类型", 6)
            .must()
            .of(PERSON_CERT),
        text("certno", "证件号码", 50).when(Need::WithIdNumber),
        text("psn_name", "人员姓名", 50).when(Need::WithIdNumber),
    ],
)];

/// The data of the e-voucher query and three of the terminal.
const DECODE: &[Node] = &[node(
    "data",
    "电子凭证解码条件",
    &[
        text("orgId", "机构ID", 40).must(),
        text("businessType", "用码业务类型", 5)
            .must()
            .of(BUSINESS_TYPE),
        text("operatorId", "操作员", 20).must(),
        text("operatorName", "操作员姓名", 30).must(),
        text("officeId", "医保科室编号", 20).must(),
        text("officeName", "科室名称", 30).must(),
        text("deviceType", "设备类型", 30),
        text("ecQrCode", "码值", 512).must(),
        text("businessInfo", "用码业务信息", 200),
        text("termId", "终端编号", 40),
        text("termIp", "终端IP", 40),
        text("mdtrt_cert_type", "就诊凭证类型", 3).of(CERT_TYPE),
    ],
)];
