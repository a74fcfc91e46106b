//! The error book: code, name, meaning, what to do, state of the money, safe to repeat. One table.
//!
//! Every door, `yibaoctl explain` and the documentation read it. A code is never reused or renumbered.

/// What is known of the money when this error is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MoneyState {
    /// Nothing was charged, or what was charged was given back.
    NotCharged,
    /// The settlement stands.
    Charged,
    /// Not known yet; the daemon is finding out, or a person must.
    Unknown,
    /// The error says nothing about a settlement.
    NotConcerned,
}

/// Whether the same call may be made again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Repeat {
    /// Yes, with the same `request_id`: it joins or repeats the answer.
    SameId,
    /// Yes, after what it asks for was mended, with a new `request_id`.
    NewId,
    /// Ask with the same `request_id`; never start another settlement for this bill before it is resolved.
    AskOnly,
}

macro_rules! codes {
    ($($variant:ident = $id:literal, $name:literal;)*) => {
        /// Everything that can be said to be wrong. The number's first digit names the family.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
        pub enum Code {
            $(
                #[doc = concat!($id, " ", $name)]
                #[serde(rename = $id)]
                $variant,
            )*
        }

        impl Code {
            /// All codes, in the order of their numbers.
            pub const ALL: &'static [Code] = &[$(Code::$variant),*];

            /// The stable number, such as `E2001`.
            #[must_use]
            pub fn id(self) -> &'static str {
                match self { $(Code::$variant => $id,)* }
            }

            /// The stable name, such as `PAYMENT_CODE_SHOWN`.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self { $(Code::$variant => $name,)* }
            }
        }
    };
}

codes! {
    RequestInvalid = "E1001", "REQUEST_INVALID";
    EmptyBill = "E1002", "EMPTY_BILL";
    LineAmountMismatch = "E1003", "LINE_AMOUNT_MISMATCH";
    AmountNotPositive = "E1004", "AMOUNT_NOT_POSITIVE";
    TooManyDecimals = "E1005", "TOO_MANY_DECIMALS";
    SumTooLarge = "E1006", "SUM_TOO_LARGE";
    UnknownField = "E1007", "UNKNOWN_FIELD";
    NationalCodeMissing = "E1008", "NATIONAL_CODE_MISSING";
    BillNamesNobody = "E1009", "BILL_NAMES_NOBODY";
    RequestIdInvalid = "E1010", "REQUEST_ID_INVALID";
    RequestIdOtherBody = "E1011", "REQUEST_ID_OTHER_BODY";
    BillsCannotMerge = "E1012", "BILLS_CANNOT_MERGE";
    TooManyLines = "E1013", "TOO_MANY_LINES";
    VisitBusy = "E1014", "VISIT_BUSY";
    TextTooLong = "E1015", "TEXT_TOO_LONG";

    PaymentCodeShown = "E2001", "PAYMENT_CODE_SHOWN";
    IdNumberShown = "E2002", "ID_NUMBER_SHOWN";
    CodeIncomplete = "E2003", "CODE_INCOMPLETE";
    CodesGlued = "E2004", "CODES_GLUED";
    CodeEncoding = "E2005", "CODE_ENCODING";
    CodeExpired = "E2006", "CODE_EXPIRED";
    CodeUnknownKind = "E2007", "CODE_UNKNOWN_KIND";
    NobodyScanned = "E2008", "NOBODY_SCANNED";
    SameCodeAgain = "E2009", "SAME_CODE_AGAIN";
    OtherPersonShown = "E2010", "OTHER_PERSON_SHOWN";
    PersonMismatch = "E2011", "PERSON_MISMATCH";
    PersonUnknown = "E2012", "PERSON_UNKNOWN";
    InsuranceNotInForce = "E2013", "INSURANCE_NOT_IN_FORCE";
    SeveralInsurances = "E2014", "SEVERAL_INSURANCES";

    ScannerMissing = "E3001", "SCANNER_MISSING";
    ScannerUnplugged = "E3002", "SCANNER_UNPLUGGED";
    ScannerBusy = "E3003", "SCANNER_BUSY";
    PrinterMissing = "E3011", "PRINTER_MISSING";
    PaperOut = "E3012", "PAPER_OUT";
    CoverOpen = "E3013", "COVER_OPEN";
    PrinterError = "E3014", "PRINTER_ERROR";
    PrintNotProven = "E3015", "PRINT_NOT_PROVEN";

    PlatformUnreachable = "E4001", "PLATFORM_UNREACHABLE";
    PlatformNoAnswer = "E4002", "PLATFORM_NO_ANSWER";
    PlatformRefused = "E4003", "PLATFORM_REFUSED";
    GatewayRefused = "E4004", "GATEWAY_REFUSED";
    PlatformUnreadable = "E4005", "PLATFORM_UNREADABLE";
    AmountsImbalanced = "E4006", "AMOUNTS_IMBALANCED";
    SignInFailed = "E4007", "SIGN_IN_FAILED";
    ClockSkew = "E4008", "CLOCK_SKEW";

    SettleRefused = "E5001", "SETTLE_REFUSED";
    SettleUnknown = "E5002", "SETTLE_UNKNOWN";
    ReversedAfterLostAnswer = "E5003", "REVERSED_AFTER_LOST_ANSWER";
    ReversedAmountsDiffer = "E5004", "REVERSED_AMOUNTS_DIFFER";
    Stuck = "E5005", "STUCK";
    UndoFailed = "E5006", "UNDO_FAILED";
    NothingCharged = "E5007", "NOTHING_CHARGED";

    CancelledByCaller = "E6001", "CANCELLED_BY_CALLER";
    CallerGone = "E6002", "CALLER_GONE";
    ConfirmTimeout = "E6003", "CONFIRM_TIMEOUT";
    ConfirmStale = "E6004", "CONFIRM_STALE";
    TooLateSettled = "E6005", "TOO_LATE_SETTLED";
    TooLateBeingSettled = "E6006", "TOO_LATE_BEING_SETTLED";
    Pending = "E6007", "PENDING";
    NotConfirmable = "E6008", "NOT_CONFIRMABLE";

    JournalRefuses = "E7001", "JOURNAL_REFUSES";
    DeskNotAdopted = "E7002", "DESK_NOT_ADOPTED";
    NotFound = "E7003", "NOT_FOUND";
    NotAllowed = "E7004", "NOT_ALLOWED";
    TooManyCalls = "E7005", "TOO_MANY_CALLS";
    ShuttingDown = "E7006", "SHUTTING_DOWN";
    Internal = "E7007", "INTERNAL";
}
