//! The table: calls, and faults of the wire. A further call is a row of [`CALLS`].

use super::{CALL_MS, QUIET_S};
use crate::proof::asked::{Asked, Paid};

/// Longer than any time-out: an answer that comes then is late.
const LATE_MS: u32 = CALL_MS + 400;
/// How long nothing listens: the first try meets it, a later one does not.
const SHUT_MS: u32 = 800;
const BY_PERSON: &str = "[enquiry]\npharmacy_by_person = true\n";
const NO_ENQUIRY: &str = "[enquiry]\nwithout_setl_id = false\n";

/// A call, and what makes the daemon come to it.
pub(super) struct Row {
    /// 交易编号, or `ec.query`.
    pub(super) infno: &'static str,
    /// The call before it: what befalls connections is armed at its answer.
    pub(super) before: &'static str,
    /// Faults that lead there.
    pub(super) arranged: &'static [&'static str],
    pub(super) profile: &'static str,
    /// The quiet time lies between the call before and this one.
    pub(super) after_quiet: bool,
    /// What comes to it.
    pub(super) asked: Asked,
}

pub(super) const CALLS: [Row; 29] = [
    plain("ec.query", "now"),
    plain("9001", "ec.query"),
    plain("1101", "9001"),
    plain("2201", "1101"),
    plain("2203A", "2201"),
    plain("2204", "2203A"),
    plain("2206", "2204"),
    plain("2207", "2206"),
    after("5203", "2207", &["F1@2207"]),
    Row {
        profile: NO_ENQUIRY,
        after_quiet: true,
        ..after("2601", "2207", &["F1@2207"])
    },
    after("2208", "2207", &["F12@2207"]),
    // What became of the refund is asked by the same transaction as what became of the charge.
    Row {
        after_quiet: true,
        ..after("5203", "2208", &["F12@2207", "F1@2208"])
    },
    after("2205", "2206", &["F21@2206"]),
    after("2202", "2205", &["F21@2206"]),
    after("5201", "2201", &["F1@2201"]),
    sale_to("2101", "1101", &[]),
    sale_to("2102", "2101", &[]),
    sale_to("2103", "2102", &["F12@2102"]),
    errand(Asked::Refund(Paid::Visit), "2208", "9001"),
    Row {
        arranged: &["F1@2208"],
        after_quiet: true,
        ..errand(Asked::Refund(Paid::Visit), "5203", "2208")
    },
    errand(Asked::RefundElsewhere, "5203", "9001"),
    errand(Asked::Refund(Paid::Sale), "2103", "9001"),
    errand(Asked::HandOut, "3505A", "9001"),
    errand(Asked::TakeBack, "3506A", "9001"),
    errand(Asked::ReconcileAlone, "5203", "9001"),
    errand(Asked::ReconcileAll, "3201", "9001"),
    errand(Asked::ReconcileAll, "9101", "3201"),
    errand(Asked::ReconcileAll, "3202", "9101"),
    errand(Asked::ReconcileAll, "9102", "3202"),
];

/// A call of another stream than a settlement; the daemon signs in again before it.
const fn errand(asked: Asked, infno: &'static str, before: &'static str) -> Row {
    Row {
        asked,
        ..plain(infno, before)
    }
}

/// A pharmacy's sale at a site where a lost one may be asked for by the person.
const fn sale_to(
    infno: &'static str,
    before: &'static str,
    arranged: &'static [&'static str],
) -> Row {
    Row {
        profile: BY_PERSON,
        asked: Asked::Sale,
        ..after(infno, before, arranged)
    }
}

impl Row {
    /// The cell of this row under this column.
    pub(super) fn named(&self, column: &Column) -> String {
        let what = match self.asked {
            Asked::Visit | Asked::Sale => "",
            Asked::Refund(_) => "refund: ",
            Asked::RefundElsewhere => "refund elsewhere: ",
            Asked::HandOut => "hand-out: ",
            Asked::TakeBack => "take-back: ",
            Asked::ReconcileAlone => "reconcile desk: ",
            Asked::ReconcileAll => "reconcile hospital: ",
        };
        let (infno, before) = (self.infno, self.before);
        format!("{what}{infno} after {before} × {}", column.name)
    }
}

const fn plain(infno: &'static str, before: &'static str) -> Row {
    after(infno, before, &[])
}

const fn after(
    infno: &'static str,
    before: &'static str,
    arranged: &'static [&'static str],
) -> Row {
    Row {
        infno,
        before,
        arranged,
        profile: "",
        after_quiet: false,
        asked: Asked::Visit,
    }
}

/// A fault of the wire.
pub(super) struct Column {
    pub(super) name: &'static str,
    /// The sandbox's name for it.
    pub(super) fault: &'static str,
    pub(super) value: Option<u32>,
    /// Armed at the call before, for the connections that come next.
    pub(super) at_connection: bool,
    /// Needs a gateway that speaks TLS.
    pub(super) tls: bool,
}

pub(super) const FAULTS: [Column; 20] = [
    Column {
        value: Some(SHUT_MS),
        ..connection("refused", "N1")
    },
    connection("dropped before anything is read", "N2"),
    call("cut after part of the request", "N3", None),
    call("lost, nothing is done", "F2", None),
    call("done, reset before the answer", "N4", None),
    call("done, closed without an answer", "F1", None),
    call("half an answer, reset", "N5", None),
    call("half an answer, as if whole", "F5", None),
    call("garbage with 200, done", "N6", None),
    call("garbage with 200, not done", "N6", Some(0)),
    call("HTML 502, not done", "N7", None),
    call("HTML 504, done", "N7", Some(504)),
    call("answer after the deadline", "N8", Some(LATE_MS)),
    call("done after the deadline", "F20", Some(LATE_MS)),
    call("delivered twice", "N9", None),
    call("delivered twice, the second answers", "N9", Some(2)),
    call("answer of another msgid", "N10", None),
    call("a byte at a time, in time", "N11", Some(0)),
    call("a byte at a time, too late", "N11", Some(20)),
    call("clock skew refused", "N14", None),
];

pub(super) const TLS_FAULTS: [Column; 2] = [
    Column {
        tls: true,
        ..connection("TLS handshake broken", "N12")
    },
    Column {
        tls: true,
        ..connection("TLS certificate of a stranger", "N13")
    },
];

const fn call(name: &'static str, fault: &'static str, value: Option<u32>) -> Column {
    Column {
        name,
        fault,
        value,
        at_connection: false,
        tls: false,
    }
}

const fn connection(name: &'static str, fault: &'static str) -> Column {
    Column {
        at_connection: true,
        ..call(name, fault, None)
    }
}

/// The fault as the sandbox arms it.
pub(super) fn armed(row: &Row, column: &Column) -> String {
    let target = if column.at_connection {
        row.before
    } else {
        row.infno
    };
    let value = match column.value {
        Some(value) if column.at_connection && row.after_quiet => Some(value + QUIET_S * 1_000),
        value => value,
    };
    match value {
        Some(value) => format!("{}@{target}:{value}", column.fault),
        None => format!("{}@{target}", column.fault),
    }
}
