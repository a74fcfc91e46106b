//! 5201, 5203, 5206, 2601.

use super::dictionary::MED_TYPE;
use super::{Node, moment, node, text};

pub(super) fn nodes(infno: &str) -> Option<&'static [Node]> {
    match infno {
        "5201" => Some(VISITS),
        "5203" => Some(SETTLEMENTS),
        "5206" => Some(CUMULATED),
        "2601" => Some(REVERSE),
        _ => None,
    }
}

const VISITS: &[Node] = &[node(
    "data",
    "查询条件",
    &[
        text("psn_no", "人员编号", 30).must(),
        moment("begntime", "开始时间").must(),
        moment("endtime", "结束时间").must(),
        text("med_type", "医疗类别", 6).must().of(MED_TYPE),
        text("mdtrt_id", "就诊ID", 30),
    ],
)];

/// Whether `setl_id`, and `mdtrt_id` too, may be left out is a switch.
const SETTLEMENTS: &[Node] = &[node(
    "data",
    "查询条件",
    &[
        text("psn_no", "人员编号", 30).must(),
        text("setl_id", "结算ID", 30),
        text("mdtrt_id", "就诊ID", 30),
    ],
)];

const CUMULATED: &[Node] = &[node(
    "data",
    "查询条件",
    &[
        text("psn_no", "人员编号", 30).must(),
        text("cum_ym", "累计年月", 6),
    ],
)];

const REVERSE: &[Node] = &[node(
    "data",
    "冲正信息",
    &[
        text("psn_no", "人员编号", 30).must(),
        text("omsgid", "原发送方报文ID", 30).must(),
        text("oinfno", "原交易编号", 6).must(),
    ],
)];
