//! The address of each transaction. The misspellings are the platform's real path names.

use super::profile::{Profile, UrlStyle};

/// Known paths; a profile may name others. 5201 has no published path.
const PATHS: &[(&str, &str)] = &[
    ("9001", "signInSignOutService/signIn"),
    ("9002", "signInSignOutService/signOut"),
    ("1101", "fsiPsnInfoService/queryPsnInfo"),
    ("1162", "hsecfc/localQrCodeQuery"),
    ("2201", "outpatientDocInfoService/outpatientRregistration"),
    (
        "2202",
        "outpatientDocInfoService/outpatientRegistrationCancel",
    ),
    ("2203", "outpatientDocInfoService/outpatientMdtrtinfoUp"),
    ("2203A", "outpatientDocInfoService/outpatientMdtrtinfoUpA"),
    ("2204", "outpatientDocInfoService/outpatientFeeListUp"),
    ("2205", "outpatientDocInfoService/outpatientFeeListUpCancel"),
    ("2206", "outpatientSettleService/preSettletment"),
    ("2206A", "outpatientSettleService/preSettletmentA"),
    ("2207", "outpatientSettleService/saveSettletment"),
    ("2207A", "outpatientSettleService/saveSettletmentA"),
    ("2208", "outpatientSettleService/cancleSettletment"),
    ("2601", "reverseService/revsMethod"),
    ("3201", "ybSettlementStmtService/stmtTotal"),
    ("3202", "ybSettlementStmtService/stmtDetail"),
    ("5203", "fsiIntegratedQueryService/querySetlInfo"),
    ("5206", "fsiIntegratedQueryService/queryFixmedinsPracPsnSum"),
    ("9101", "fileupload/upload"),
    ("9102", "fileupload/download"),
];

impl Profile {
    /// Where this transaction goes, or `None` when no path of it is known.
    #[must_use]
    pub fn url_of(&self, infno: &str) -> Option<String> {
        let base = &self.url.base;
        match self.url.style {
            UrlStyle::Single => Some(base.clone()),
            UrlStyle::Infno => Some(format!("{base}/{infno}")),
            UrlStyle::Path => {
                let own = self.url.paths.get(infno).map(String::as_str);
                let own = own.filter(|path| !path.is_empty());
                let known = || PATHS.iter().find(|(no, _)| *no == infno).map(|(_, p)| *p);
                let path = own.or_else(known)?.trim_start_matches('/');
                Some(format!("{base}/{path}"))
            }
        }
    }
}
