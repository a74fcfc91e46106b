//! 3505A 商品销售 and 3506A 商品销售退货, with the trace codes of the packages.
//!
//! Of 3506A no field table is published: it is written as 3505A is, and the profile says whether its counts are
//! negative. Nor is the name of the list in the answer: it is looked for under the names in [`ANSWER_LISTS`].

use super::json::{Node, Object, Unreadable};
use crate::config::Profile;
use crate::settlement::handout::{Goods, Payer, Row, RowResult};

/// What 3505A takes where goods have no national code.
const NO_NATIONAL_CODE: &str = "NMLC999";
/// What 3505A takes where goods have no bar code.
const NO_BAR_CODE: &str = "NDPB999";
/// Under which the rows come back.
const ANSWER_LISTS: [&str; 3] = ["selinfoDetail", "result", "data"];
/// retRslt of a row that was taken.
const TAKEN: &str = "1";
/// Characters of msgRslt that go on.
const MESSAGE_CHARS_MAX: usize = 200;

/// All rows.
pub(super) fn input(profile: &Profile, goods: &Goods, is_return: bool) -> Object {
    let sign = if is_return && profile.dispense.return_is_negative {
        "-"
    } else {
        ""
    };
    let rows = goods.rows.iter().map(|row| written(goods, row, sign));
    Object::new().list("selinfoDetail", rows.collect())
}

fn written(goods: &Goods, row: &Row, sign: &str) -> Object {
    let or = |text: &str, default: &str| if text.is_empty() { default } else { text }.to_owned();
    let flag = |on: bool| if on { "1" } else { "0" };
    let (doctor, pharmacist) = (&goods.prescriber, &goods.pharmacist);
    let object = Object::new()
        .text("med_list_codg", &or(&row.med_list_codg, NO_NATIONAL_CODE))
        .text("fixmedins_hilist_id", &row.fixmedins_hilist_id)
        .text("fixmedins_hilist_name", &row.fixmedins_hilist_name)
        .text("fixmedins_bchno", &row.fixmedins_bchno)
        .text("prsc_dr_cert_type", &doctor.cert_type)
        .text("prsc_dr_certno", doctor.certno.expose())
        .text("prsc_dr_name", &doctor.name)
        .text("phar_cert_type", &pharmacist.cert_type)
        .text("phar_certno", pharmacist.certno.expose())
        .text("phar_name", &pharmacist.name)
        .text("phar_prac_cert_no", &pharmacist.prac_cert_no)
        .text("hi_feesetl_type", hi_feesetl_type(goods.payer))
        .text("setl_id", &goods.setl_id)
        .text("mdtrt_sn", &goods.mdtrt_sn)
        .text("psn_no", &goods.psn_no)
        .text("psn_cert_type", &goods.psn_cert_type)
        .text("certno", goods.certno.expose())
        .text("psn_name", goods.psn_name.expose())
        .text("manu_lotnum", &row.manu_lotnum)
        .text("manu_date", &row.manu_date)
        .text("expy_end", &row.expy_end)
        .text("rx_flag", flag(row.is_prescription_drug))
        .text("trdn_flag", flag(row.by_piece))
        .number("finl_trns_pric", row.finl_trns_pric)
        .text("rxno", &row.rxno);
    let codes = row.trace_codes.iter();
    let codes = codes.map(|code| Object::new().text("drug_trac_codg", code));
    object
        .text("rx_circ_flag", &or(&row.rx_circ_flag, "0"))
        .text("rtal_docno", &goods.rtal_docno)
        .text("stoout_no", &goods.stoout_no)
        .text("bchno", &row.bchno)
        .text("drug_prod_barc", &or(&row.drug_prod_barc, NO_BAR_CODE))
        .text("shelf_posi", &row.shelf_posi)
        .number("sel_retn_cnt", format!("{sign}{}", row.sel_retn_cnt))
        .text("sel_retn_time", &goods.sel_retn_time)
        .text("sel_retn_opter_name", &goods.opter_name)
        .text("memo", &row.memo)
        .text("prsc_dr_no", &doctor.no)
        .text("phar_no", &pharmacist.no)
        .text(
            "MDTRT_SETL_TYPE",
            if goods.payer.is_insured() { "1" } else { "2" },
        )
        .list("drugtracinfo", codes.collect())
}

fn hi_feesetl_type(payer: Payer) -> &'static str {
    match payer {
        Payer::Nobody => "0",
        Payer::Local => "1",
        Payer::Elsewhere => "2",
    }
}

/// What became of each row. Each row sent must be there, in its order.
pub(super) fn read(output: &Node, goods: &Goods) -> Result<Vec<RowResult>, Unreadable> {
    let mut rows = Vec::new();
    for name in ANSWER_LISTS {
        if rows.is_empty() {
            rows = output.rows(name)?;
        }
    }
    if rows.len() != goods.rows.len() {
        return Err(Unreadable::at("output", "does not have the rows sent"));
    }
    let each = rows.iter().zip(&goods.rows);
    each.map(|(row, sent)| {
        super::visit::same(row, "fixmedins_bchno", &sent.fixmedins_bchno)?;
        super::visit::same(row, "fixmedins_hilist_id", &sent.fixmedins_hilist_id)?;
        let message = row.text("msgRslt")?;
        Ok(RowResult {
            is_taken: row.short_required("retRslt")? == TAKEN,
            medins_prod_sel_no: row.short("medins_prod_sel_no")?,
            message: message.chars().take(MESSAGE_CHARS_MAX).collect(),
        })
    })
    .collect()
}
