//! The goods of one sale document, named as transaction 3505A names them.

use crate::person::{IdNo, Name};
use crate::settlement::bill::{Count, Price};

/// The goods of one sale document, to one person.
#[derive(Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Goods {
    /// 医保费用结算类型.
    pub payer: Payer,
    /// 结算ID, empty when not insured.
    pub setl_id: String,
    /// 就医流水号: mdtrt_id when insured, else the hospital's own.
    pub mdtrt_sn: String,
    /// 人员编号, may be empty.
    pub psn_no: String,
    /// 参保地医保区划; empty when there is no 人员编号.
    pub insuplc_admdvs: String,
    /// 险种类型 of the settlement, may be empty.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub insutype: String,
    /// 人员证件类型, may be empty.
    pub psn_cert_type: String,
    /// 证件号码, may be empty.
    #[serde(with = "crate::person::plain")]
    pub certno: IdNo,
    /// 人员姓名, may be empty.
    #[serde(with = "crate::person::plain")]
    pub psn_name: Name,
    /// 开方医师.
    pub prescriber: Prescriber,
    /// 药师.
    pub pharmacist: Pharmacist,
    /// 零售单据号.
    pub rtal_docno: String,
    /// 销售出库单据号, may be empty.
    pub stoout_no: String,
    /// 销售/退货时间, civil +08:00; empty: when it was accepted.
    pub sel_retn_time: String,
    /// 销售/退货经办人姓名: the operator's.
    pub opter_name: String,
    /// At least one.
    pub rows: Vec<Row>,
}

impl std::fmt::Debug for Goods {
    /// Its numbers: the rest names persons, and what they were given.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Goods")
            .field("payer", &self.payer)
            .field("setl_id", &self.setl_id)
            .field("mdtrt_sn", &self.mdtrt_sn)
            .field("rtal_docno", &self.rtal_docno)
            .field("rows", &self.rows.len())
            .finish_non_exhaustive()
    }
}

/// 医保费用结算类型 (`hi_feesetl_type`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Payer {
    /// 0, not the insurance.
    Nobody,
    /// 1, the insurance of this area.
    Local,
    /// 2, the insurance of another area.
    Elsewhere,
}

/// 开方医师.
#[derive(Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Prescriber {
    /// 证件类型, may be empty.
    pub cert_type: String,
    /// 证件号码, may be empty.
    #[serde(with = "crate::person::plain")]
    pub certno: IdNo,
    /// 姓名.
    pub name: String,
    /// 编号; required when insured.
    pub no: String,
}

impl std::fmt::Debug for Prescriber {
    /// The number only.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Prescriber({})", self.no)
    }
}

/// 药师.
#[derive(Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Pharmacist {
    /// 证件类型, may be empty.
    pub cert_type: String,
    /// 证件号码, may be empty.
    #[serde(with = "crate::person::plain")]
    pub certno: IdNo,
    /// 姓名.
    pub name: String,
    /// 执业资格证号.
    pub prac_cert_no: String,
    /// 医保药师编号; required when insured.
    pub no: String,
}

impl std::fmt::Debug for Pharmacist {
    /// The number only.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Pharmacist({})", self.no)
    }
}

/// One row of the sale.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Row {
    /// 医疗目录编码; empty: the caller says that there is none.
    pub med_list_codg: String,
    /// 定点医药机构目录编号.
    pub fixmedins_hilist_id: String,
    /// 定点医药机构目录名称.
    pub fixmedins_hilist_name: String,
    /// 定点医药机构批次流水号.
    pub fixmedins_bchno: String,
    /// 生产批号.
    pub manu_lotnum: String,
    /// 生产日期, `yyyy-MM-dd`.
    pub manu_date: String,
    /// 有效期止, `yyyy-MM-dd`, may be empty.
    pub expy_end: String,
    /// 处方药标志.
    pub is_prescription_drug: bool,
    /// 拆零标志.
    pub by_piece: bool,
    /// 最终成交单价.
    pub finl_trns_pric: Price,
    /// 处方号; required when insured.
    pub rxno: String,
    /// 外购处方标志, `0` or `1`.
    pub rx_circ_flag: String,
    /// 批次号, may be empty.
    pub bchno: String,
    /// 药品条形码; empty: the caller says that there is none.
    pub drug_prod_barc: String,
    /// 货架位, may be empty.
    pub shelf_posi: String,
    /// 销售/退货数量.
    pub sel_retn_cnt: Count,
    /// 备注, may be empty.
    pub memo: String,
    /// 药品追溯码, at least one.
    pub trace_codes: Vec<String>,
}

impl Payer {
    /// Whether an insurance paid.
    #[must_use]
    pub fn is_insured(self) -> bool {
        match self {
            Payer::Nobody => false,
            Payer::Local | Payer::Elsewhere => true,
        }
    }
}
