//! How this simulated bureau behaves where provinces differ.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Site habits and policies; every one can be changed while running.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Switches {
    /// Refuse what carries no valid `sign_no` (9001 excepted).
    pub sign_in_required: bool,
    /// Verify the x-tif headers.
    pub check_headers: bool,
    /// A repeated msgid on 2207 is answered with the stored result instead of a refusal.
    pub repeated_msgid_answers_stored: bool,
    /// An ecToken is accepted once.
    pub token_single_use: bool,
    /// Seconds an ecToken lives.
    pub token_age_s: i64,
    /// A 医保码 is decoded once.
    pub code_single_use: bool,
    /// Seconds a 医保码 lives.
    pub code_age_s: i64,
    /// 5203 may be asked without setl_id.
    pub query_without_setl_id: bool,
    /// 5203 may be asked without mdtrt_id.
    pub query_by_person: bool,
    /// How 2102 spells the node of trace codes: `durg_trac_info` or `drug_trac_info`.
    pub trace_node: String,
    /// 3506A wants negative counts.
    pub return_is_negative: bool,
    /// Goods told a second time are answered as the first time, and stand once.
    pub goods_repeat_is_harmless: bool,
    /// 5203 that finds nothing is refused; otherwise it answers 0 with an empty output.
    pub query_empty_refused: bool,
    /// 2601 for an omsgid never seen answers success.
    pub reverse_unknown_succeeds: bool,
    /// 2601 also takes back a 2208.
    pub reverse_refund: bool,
    /// `fund_pay_sumamt` contains the personal account.
    pub fund_includes_account: bool,
    /// 2208 answers null for psn_part_amt and hosp_part_amt.
    pub refund_nulls: bool,
    /// Hunan's own rules: identity fields in 2201/2206/2207, dise_codg in 2203, digits in
    /// feedetl_sn.
    pub hunan: bool,
    /// Further lines may be uploaded for a chrg_bchno that has some.
    pub split_upload: bool,
    /// 2204 answers its lines from the last to the first.
    pub lines_reversed: bool,
    /// 2206 and 2207 need a 2203 before.
    pub visit_info_required: bool,
    /// What 3201 says when it is balanced.
    pub statement_balanced: String,
    /// 9102 gives the bytes of a file as base64 instead of a list of numbers.
    pub files_in_base64: bool,
    /// How far det_item_fee_sumamt may be from price × count.
    pub line_tolerance_fen: i64,
    /// Whose account pays for whom by 家庭共济: the patient's key, then the payer's.
    pub family_accounts: BTreeMap<String, String>,
    /// When set, everything that writes is refused with this text (day cut, night closing).
    pub closed: Option<String>,
    /// Seconds the platform's clock is ahead of the system's.
    pub clock_shift_s: i64,
}

impl Default for Switches {
    fn default() -> Self {
        Self {
            sign_in_required: true,
            check_headers: true,
            repeated_msgid_answers_stored: false,
            token_single_use: false,
            token_age_s: 1800,
            code_single_use: true,
            code_age_s: 60,
            query_without_setl_id: true,
            query_by_person: false,
            trace_node: "durg_trac_info".to_owned(),
            return_is_negative: false,
            goods_repeat_is_harmless: false,
            query_empty_refused: true,
            reverse_unknown_succeeds: false,
            reverse_refund: false,
            fund_includes_account: false,
            refund_nulls: false,
            hunan: false,
            split_upload: false,
            lines_reversed: false,
            visit_info_required: true,
            statement_balanced: "0".to_owned(),
            files_in_base64: false,
            line_tolerance_fen: 0,
            family_accounts: BTreeMap::new(),
            closed: None,
            clock_shift_s: 0,
        }
    }
}

impl Switches {
    /// These with the keys of `change` (a JSON object) laid over.
    ///
    /// # Errors
    /// Text naming the unknown key or wrong type.
    pub fn changed_by(&self, change: &serde_json::Value) -> Result<Self, String> {
        let mut whole = serde_json::to_value(self).map_err(|error| error.to_string())?;
        let (Some(whole_map), Some(change_map)) = (whole.as_object_mut(), change.as_object())
        else {
            return Err("switches are a JSON object".to_owned());
        };
        for (key, value) in change_map {
            whole_map.insert(key.clone(), value.clone());
        }
        serde_json::from_value(whole).map_err(|error| error.to_string())
    }
}
