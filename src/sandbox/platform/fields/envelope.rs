//! The common envelope, and the data of the e-voucher query.

use super::dictionary::{BUSINESS_TYPE, OPTER_TYPE};
use super::{Field, Need, Shape, moment, text};

/// README 1.1. `insuplc_admdvs` and `sign_no` are required in some cases, which are not in a table.
pub(super) const ENVELOPE: &[Field] = &[
    text("infno", "交易编号", 6).must(),
    text("msgid", "发送方报文ID", 30).must(),
    text("mdtrtarea_admvs", "就医地医保区划", 6).must(),
    text("insuplc_admdvs", "参保地医保区划", 6),
    text("recer_sys_code", "接收方系统代码", 10).must(),
    text("dev_no", "设备编号", 100),
    text("dev_safe_info", "设备安全信息", 2000),
    text("cainfo", "数字签名信息", 1024),
    text("signtype", "签名类型", 10),
    text("infver", "接口版本号", 6).must(),
    text("opter_type", "经办人类别", 3).must().of(OPTER_TYPE),
    text("opter", "经办人", 30).must(),
    text("opter_name", "经办人姓名", 50).must(),
    moment("inf_time", "交易时间").must(),
    text("fixmedins_code", "定点医药机构编号", 12).must(),
    // The 20 of the text is widely exceeded; other sites say 200.
    text("fixmedins_name", "定点医药机构名称", 200).must(),
    text("sign_no", "交易签到流水号", 30),
    Field {
        name: "input",
        label: "交易输入",
        shape: Shape::Object,
        need: Need::Always,
        codes: &[],
    },
];

/// ecode.md 1.2.
pub(super) const VOUCHER: &[Field] = &[
    text("orgId", "机构ID", 40).must(),
    text("businessType", "用码业务类型", 5)
        .must()
        .of(BUSINESS_TYPE),
    text("businessInfo", "用码业务信息", 200),
    text("operatorId", "操作员", 20).must(),
    text("operatorName", "操作员姓名", 30).must(),
    text("officeId", "医保科室编号", 20).must(),
    text("officeName", "科室名称", 30).must(),
    text("deviceType", "设备类型", 30),
    text("ecQrCode", "码值", 512).must(),
];
