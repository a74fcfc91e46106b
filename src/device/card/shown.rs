//! What a person showed, whatever the medium.

use zeroize::Zeroizing;

use crate::person::{CardNo, IdNo, Name, Particular};

/// What kind of document was shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Medium {
    /// 社会保障卡, read through pcscd.
    SocialCard,
    /// 居民身份证, read by a reader with a security module of the police.
    ResidentId,
}

/// A document that was read. What its medium does not hold is empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShownCard {
    /// What it is.
    pub medium: Medium,
    /// The row of the table of card kinds, by the answer to reset.
    pub kind: &'static str,
    /// 姓名.
    pub name: Name,
    /// 社会保障号码, or 公民身份号码.
    pub certno: IdNo,
    /// 卡号 of a 社保卡.
    pub card_no: CardNo,
    /// 卡识别码 of a 社保卡, 32 hexadecimal digits.
    pub card_sn: CardNo,
    /// 发卡地区行政区划 of a 社保卡, six digits.
    pub region: String,
    /// 规范版本 of a 社保卡, such as `2.00`.
    pub version: String,
    /// First day of validity, `yyyy-MM-dd`.
    pub valid_from: String,
    /// Last day of validity, `yyyy-MM-dd`; `long` for 长期.
    pub valid_until: String,
    /// What only a 居民身份证 holds.
    pub resident: Option<Resident>,
    /// The card's answer to reset. It names the product, not the person.
    pub atr: Vec<u8>,
}

/// What only a 居民身份证 holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resident {
    /// 性别: `1` male, `2` female, `0` and `9` as GB/T 2261.1 has them.
    pub sex: String,
    /// 民族, the two digits of GB/T 3304.
    pub nation: String,
    /// 出生日期, `yyyy-MM-dd`.
    pub birth: Particular,
    /// 住址.
    pub address: Particular,
    /// 签发机关.
    pub issuer: String,
    /// The photo, compressed as it lies in the document (WLT).
    pub photo: Photo,
}

/// A picture of a face. `Debug` shows its length only; wiped when dropped.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Photo(Zeroizing<Vec<u8>>);

impl Photo {
    pub(crate) fn new(bytes: &[u8]) -> Self {
        Self(Zeroizing::new(bytes.to_vec()))
    }

    /// The picture itself.
    #[must_use]
    pub fn expose(&self) -> &[u8] {
        &self.0
    }
}

impl std::fmt::Debug for Photo {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Photo({} bytes)", self.0.len())
    }
}
