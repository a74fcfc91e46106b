//! 1101 人员信息获取, and what a person shows in every later transaction.

use super::json::{Node, Object, Unreadable};
use super::request::{Missing, need};
use crate::config::Profile;
use crate::person::{IdNo, Name};
use crate::settlement::call::{Call, Step};
use crate::settlement::known::{Insurance, Known, Person};
use crate::settlement::order::CredentialKind;

/// 就诊凭证类型 of the e-voucher.
pub(super) const BY_VOUCHER: &str = "01";
/// 就诊凭证类型 of the id number.
const BY_ID_NUMBER: &str = "02";
/// 就诊凭证类型 of the 社保卡.
const BY_SOCIAL_CARD: &str = "03";

/// Who is it?
pub(super) fn input(profile: &Profile, call: &Call<'_>) -> Result<Object, Missing> {
    let shown = shown(profile, call)?;
    let voucher = need(call.known.voucher.as_ref(), "nobody showed a code")?;
    // With a token most sites want no name; Hunan marks both required.
    let named = shown.kind != BY_VOUCHER || profile.envelope.identity_fields;
    let (certno, name) = if named {
        (voucher.certno.expose(), voucher.name.expose())
    } else {
        ("", "")
    };
    let data = shown
        .put(Object::new())
        .text("begntime", "")
        .text("psn_cert_type", &voucher.cert_type)
        .text("certno", certno)
        .text("psn_name", name);
    Ok(Object::new().object("data", data))
}

/// What goes into `mdtrt_cert_type`, `mdtrt_cert_no` and `card_sn`.
pub(super) struct Shown<'a> {
    kind: &'static str,
    no: &'a str,
    card_sn: &'a str,
}

impl Shown<'_> {
    /// All three fields.
    pub(super) fn put(&self, object: Object) -> Object {
        object
            .text("mdtrt_cert_type", self.kind)
            .text("mdtrt_cert_no", self.no)
            .text("card_sn", self.card_sn)
    }
}

/// What the person shows for this step. Where a token is good once, only the settling call shows it; a document is
/// shown by every call.
pub(super) fn shown<'a>(profile: &Profile, call: &Call<'a>) -> Result<Shown<'a>, Missing> {
    let voucher = need(call.known.voucher.as_ref(), "nobody showed a code")?;
    let by_token = profile.voucher.token_twice || call.step == Step::Settle;
    let by_id_number = Shown {
        kind: BY_ID_NUMBER,
        no: voucher.certno.expose(),
        card_sn: "",
    };
    Ok(match &voucher.document {
        Some(document) => match document.kind {
            CredentialKind::SocialCard => Shown {
                kind: BY_SOCIAL_CARD,
                no: document.card_no.expose(),
                card_sn: document.card_sn.expose(),
            },
            CredentialKind::ResidentId => by_id_number,
            CredentialKind::EVoucher => return Err(Missing("a code is no document")),
        },
        None if by_token => Shown {
            kind: BY_VOUCHER,
            no: voucher.ec_token.expose(),
            card_sn: "",
        },
        None => by_id_number,
    })
}

/// 人员编号.
pub(super) fn psn_no(known: &Known) -> Result<&str, Missing> {
    need(known.person.as_ref(), "psn_no").map(|person| person.psn_no.as_str())
}

/// The insurance that pays.
pub(super) fn insurance(known: &Known) -> Result<&Insurance, Missing> {
    need(known.insurance.as_ref(), "the insurance that pays")
}

/// Who it is.
pub(super) fn read(output: &Node) -> Result<Person, Unreadable> {
    let base = output.object("baseinfo")?;
    let base = base.ok_or_else(|| Unreadable::at("baseinfo", "is missing"))?;
    let rows = output.rows("insuinfo")?;
    let insuinfo: Result<Vec<Insurance>, Unreadable> = rows.iter().map(insurance_row).collect();
    Ok(Person {
        psn_no: base.short_required("psn_no")?,
        psn_cert_type: base.short("psn_cert_type")?,
        certno: IdNo::new(base.short_required("certno")?),
        psn_name: Name::new(base.name_required("psn_name")?),
        gend: base.short("gend")?,
        age: base.short("age")?,
        insuinfo: insuinfo?,
    })
}

fn insurance_row(row: &Node) -> Result<Insurance, Unreadable> {
    Ok(Insurance {
        insutype: row.short_required("insutype")?,
        psn_type: row.short("psn_type")?,
        psn_insu_stas: row.short("psn_insu_stas")?,
        insuplc_admdvs: row.short("insuplc_admdvs")?,
        balc: row.fen("balc")?,
    })
}
