//! Which request a URL means.

use super::habits::Style;

/// The e-voucher service.
pub(super) const VOUCHER: &str = "/localcfc/api/hsecfc/localQrCodeQuery";
/// The name the e-voucher service has in faults and in the ledger.
pub(super) const VOUCHER_NAME: &str = "ec.query";

/// One URL for all transactions, as seen at several sites.
const SINGLE: [&str; 5] = [
    "/",
    "/fsi/api",
    "/fsi/api/callService",
    "/mss/web/api/fsi/callService",
    "/api/medical/service",
];

/// A path for each transaction under `/fsi/api/`; the misspellings are the real names.
const SERVICES: &[(&str, &str)] = &[
    ("signInSignOutService/signIn", "9001"),
    ("signInSignOutService/signOut", "9002"),
    ("fsiPsnInfoService/queryPsnInfo", "1101"),
    ("hsecfc/localQrCodeQuery", "1162"),
    ("outpatientDocInfoService/outpatientRregistration", "2201"),
    (
        "outpatientDocInfoService/outpatientRegistrationCancel",
        "2202",
    ),
    ("outpatientDocInfoService/outpatientMdtrtinfoUp", "2203"),
    ("outpatientDocInfoService/outpatientMdtrtinfoUpA", "2203A"),
    ("outpatientDocInfoService/outpatientFeeListUp", "2204"),
    ("outpatientDocInfoService/outpatientFeeListUpCancel", "2205"),
    ("outpatientSettleService/preSettletment", "2206"),
    ("outpatientSettleService/preSettletmentA", "2206A"),
    ("outpatientSettleService/saveSettletment", "2207"),
    ("outpatientSettleService/saveSettletmentV2", "2207"),
    ("outpatientSettleService/saveSettletmentA", "2207A"),
    ("outpatientSettleService/cancleSettletment", "2208"),
    ("reverseService/revsMethod", "2601"),
    ("fsiIntegratedQueryService/querySetlInfo", "5203"),
    ("fsiIntegratedQueryService/queryFixmedinsPracPsnSum", "5206"),
    ("ybSettlementStmtService/stmtTotal", "3201"),
    ("ybSettlementStmtService/stmtDetail", "3202"),
    ("fileupload/upload", "9101"),
    ("fileupload/download", "9102"),
];

/// What a path stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Route<'a> {
    /// Control of the sandbox; the rest of the path.
    Control(&'a str),
    /// The e-voucher service.
    Voucher,
    /// The transaction is named in the body only.
    Single,
    /// The transaction this path carries.
    Transaction(&'a str),
    /// Nothing.
    Unknown,
}

/// Reads the path of a request.
pub(super) fn route(target: &str) -> Route<'_> {
    let path = target.split('?').next().unwrap_or_default();
    if let Some(rest) = path.strip_prefix("/sandbox/") {
        return Route::Control(rest);
    }
    if path == VOUCHER {
        return Route::Voucher;
    }
    let path = if path.len() > 1 {
        path.trim_end_matches('/')
    } else {
        path
    };
    if SINGLE.contains(&path) {
        return Route::Single;
    }
    let service = path.strip_prefix("/fsi/api/").unwrap_or_default();
    if let Some((_, infno)) = SERVICES.iter().find(|(known, _)| *known == service) {
        return Route::Transaction(infno);
    }
    let last = path.rsplit('/').next().unwrap_or_default();
    if is_infno(last) {
        Route::Transaction(last)
    } else {
        Route::Unknown
    }
}

/// How the address of a transaction was made; `None` for what is none.
pub(super) fn style(target: &str) -> Option<Style> {
    let path = target.split('?').next().unwrap_or_default();
    match route(target) {
        Route::Single => Some(Style::Single),
        Route::Transaction(infno) if path.ends_with(infno) => Some(Style::Infno),
        Route::Transaction(_) => Some(Style::Path),
        Route::Control(_) | Route::Voucher | Route::Unknown => None,
    }
}

fn is_infno(text: &str) -> bool {
    let digits = text.strip_suffix('A').unwrap_or(text);
    digits.len() == 4 && digits.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_paths() {
        assert_eq!(route("/fsi/api/2207A"), Route::Transaction("2207A"));
        assert_eq!(
            route("/fsi/api/outpatientSettleService/saveSettletmentV2"),
            Route::Transaction("2207")
        );
        assert_eq!(route("/fsi/api/"), Route::Single);
        assert_eq!(route("/sandbox/ledger?x=1"), Route::Control("ledger"));
        assert_eq!(route("/fsi/api/nothing"), Route::Unknown);
        assert_eq!(route(VOUCHER), Route::Voucher);
        assert_eq!(style("/fsi/api/1162"), Some(Style::Infno));
        assert_eq!(style("/fsi/api/hsecfc/localQrCodeQuery"), Some(Style::Path));
        assert_eq!(style("/fsi/api"), Some(Style::Single));
        assert_eq!(style(VOUCHER), None);
    }
}
