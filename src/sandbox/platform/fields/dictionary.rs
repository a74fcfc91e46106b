//! National code values of the fields a client sends.

pub(super) const CERT_TYPE: &[&str] = &["01", "02", "03", "04"];
pub(super) const PERSON_CERT: &[&str] = &[
    "01", "02", "03", "04", "05", "06", "07", "08", "09", "10", "11", "12", "13", "14", "15", "16",
    "17", "90", "99",
];
pub(super) const INSUTYPE: &[&str] = &[
    "310", "320", "330", "340", "350", "360", "370", "380", "390", "391", "392", "399", "410",
    "510",
];
pub(super) const MED_TYPE: &[&str] = &[
    "11", "12", "13", "14", "15", "16", "18", "19", "21", "22", "23", "24", "25", "26", "27", "28",
    "41", "51", "52", "53", "71", "99",
];
pub(super) const SETTLE_WAY: &[&str] = &["01", "02"];
pub(super) const ACCOUNT_USED: &[&str] = &["0", "1", "2"];
pub(super) const YES_NO: &[&str] = &["0", "1"];
pub(super) const APPROVAL: &[&str] = &["0", "1", "2"];
pub(super) const DIAG_TYPE: &[&str] = &["1", "2", "3"];
pub(super) const TCM_WAY: &[&str] = &["1", "2"];
pub(super) const MATN_TYPE: &[&str] = &["1", "2", "3", "4", "5", "6", "7", "9"];
pub(super) const BIRCTRL_TYPE: &[&str] = &["1", "2", "3", "4", "5", "6", "7", "8", "9"];
pub(super) const OPTER_TYPE: &[&str] = &["1", "2", "3"];
pub(super) const BUSINESS_TYPE: &[&str] = &[
    "01101", "01102", "01103", "01104", "01201", "01202", "01203", "01204", "01301", "01302",
    "01303", "01304", "01305", "02121", "02122", "03131", "03132", "05101",
];
