//! The ways that a call can go, and which outside calls belong to each: a new outside call is one row.

use crate::proof::asked::{Asked, Paid};

/// One way.
#[derive(Debug)]
pub(super) struct Way {
    /// Its name in cells.
    pub(super) name: &'static str,
    /// What is asked of the daemon.
    pub(super) asked: Asked,
    /// What makes it go this way.
    pub(super) faults: &'static [&'static str],
    /// Switches of the platform that are on.
    pub(super) switches: &'static [&'static str],
    /// Lines over the site profile.
    pub(super) profile: &'static str,
    /// The daemon is told to stop when the answer is there.
    pub(super) stops: bool,
    /// The call from whose last byte on it is this way and no other; none: from the start of the daemon.
    pub(super) from: Option<(&'static str, usize)>,
    /// The calls that are its own: transaction, and which one of them, the first is 1.
    pub(super) calls: &'static [(&'static str, usize)],
}

impl Way {
    /// Nothing goes wrong but what kills.
    pub(super) fn is_plain(&self) -> bool {
        self.faults.is_empty() && !self.stops
    }

    /// The scanner and the printer are at work in it too.
    pub(super) fn has_devices(&self) -> bool {
        self.asked == Asked::Visit && self.from.is_none()
    }
}

const fn way(
    name: &'static str,
    faults: &'static [&'static str],
    from: (&'static str, usize),
    calls: &'static [(&'static str, usize)],
) -> Way {
    Way {
        name,
        asked: Asked::Visit,
        faults,
        switches: &[],
        profile: "",
        stops: false,
        from: Some(from),
        calls,
    }
}

/// The ways of a settlement: every outside call of one is in at least one of them; the first is the happy one.
pub(super) const WAYS: [Way; 12] = [
    Way {
        name: "well",
        asked: Asked::Visit,
        switches: &[],
        faults: &[],
        profile: "",
        stops: false,
        from: None,
        calls: &[
            ("ec.query", 1),
            ("9001", 1),
            ("1101", 1),
            ("2201", 1),
            ("2203A", 1),
            ("2204", 1),
            ("2206", 1),
            ("2207", 1),
        ],
    },
    Way {
        name: "stopped",
        asked: Asked::Visit,
        switches: &[],
        faults: &[],
        profile: "",
        stops: true,
        from: Some(("2207", 1)),
        calls: &[("9002", 1)],
    },
    way("2201-lost", &["F1@2201"], ("2201", 1), &[("5201", 1)]),
    way(
        "2201-never",
        &["F2@2201"],
        ("2201", 1),
        &[("5201", 1), ("2201", 2)],
    ),
    way(
        "2204-lost",
        &["F1@2204"],
        ("2204", 1),
        &[("2205", 1), ("2204", 2)],
    ),
    way(
        "2206-refused",
        &["F10@2206"],
        ("2206", 1),
        &[("2205", 1), ("2202", 1)],
    ),
    way("2207-lost", &["F1@2207"], ("2207", 1), &[("5203", 1)]),
    way(
        "2207-never",
        &["F2@2207"],
        ("2207", 1),
        &[("5203", 1), ("5203", 2), ("2205", 1), ("2202", 1)],
    ),
    way(
        "2207-signed-out",
        &["F14@2207"],
        ("2207", 1),
        &[("9001", 2), ("2207", 2)],
    ),
    Way {
        name: "2207-reversed",
        asked: Asked::Visit,
        switches: &[],
        faults: &["F1@2207"],
        profile: "[enquiry]\nwithout_setl_id = false\n",
        stops: false,
        from: Some(("2207", 1)),
        calls: &[("2601", 1), ("2205", 1), ("2202", 1)],
    },
    way(
        "2207-differs",
        &["F12@2207"],
        ("2207", 1),
        &[("2208", 1), ("2205", 1), ("2202", 1)],
    ),
    way(
        "2208-lost",
        &["F12@2207", "F1@2208"],
        ("2208", 1),
        &[("5203", 1), ("2205", 1), ("2202", 1)],
    ),
];

/// Another kind of call, whose ways begin where nothing but it talks to the platform.
const fn errand(
    asked: Asked,
    name: &'static str,
    faults: &'static [&'static str],
    from: Option<(&'static str, usize)>,
    calls: &'static [(&'static str, usize)],
) -> Way {
    Way {
        name,
        asked,
        faults,
        switches: &[],
        profile: "",
        stops: false,
        from,
        calls,
    }
}

const REFUND: Asked = Asked::Refund(Paid::Visit);
const REFUND_SALE: Asked = Asked::Refund(Paid::Sale);
/// What the daemon does again after each start, before the first call of an errand.
const SIGNED_IN: Option<(&str, usize)> = Some(("9001", 1));

/// Refunds, sales, hand-outs, reconciliations: every outside call of one is in at least one of them.
pub(super) const ERRANDS: [Way; 16] = [
    errand(REFUND, "refund", &[], None, &[("9001", 1), ("2208", 1)]),
    errand(
        REFUND,
        "refund-lost",
        &["F1@2208"],
        Some(("2208", 1)),
        &[("5203", 1)],
    ),
    errand(
        REFUND,
        "refund-never",
        &["F2@2208"],
        Some(("2208", 1)),
        &[("5203", 1), ("2208", 2)],
    ),
    errand(
        Asked::RefundElsewhere,
        "refund-elsewhere",
        &[],
        SIGNED_IN,
        &[("5203", 1), ("2208", 1)],
    ),
    errand(REFUND_SALE, "refund-sale", &[], SIGNED_IN, &[("2103", 1)]),
    errand(
        REFUND_SALE,
        "refund-sale-lost",
        &["F1@2103"],
        Some(("2103", 1)),
        &[("5203", 1)],
    ),
    errand(
        Asked::Sale,
        "sale",
        &[],
        Some(("1101", 1)),
        &[("2101", 1), ("2102", 1)],
    ),
    Way {
        switches: &["query_by_person"],
        profile: "[enquiry]\npharmacy_by_person = true\n",
        ..errand(
            Asked::Sale,
            "2102-found",
            &["F1@2102"],
            Some(("2102", 1)),
            &[("5203", 1)],
        )
    },
    errand(
        Asked::Sale,
        "2102-reversed",
        &["F1@2102"],
        Some(("2102", 1)),
        &[("2601", 1)],
    ),
    errand(
        Asked::Sale,
        "2102-differs",
        &["F12@2102"],
        Some(("2102", 1)),
        &[("2103", 1)],
    ),
    errand(
        Asked::Sale,
        "2103-lost",
        &["F12@2102", "F1@2103"],
        Some(("2103", 1)),
        &[("5203", 1)],
    ),
    errand(Asked::HandOut, "hand-out", &[], SIGNED_IN, &[("3505A", 1)]),
    Way {
        switches: &["goods_repeat_is_harmless"],
        profile: "[dispense]\nrepeat_is_harmless = true\n",
        ..errand(
            Asked::HandOut,
            "hand-out-again",
            &["F1@3505A"],
            Some(("3505A", 1)),
            &[("3505A", 2)],
        )
    },
    errand(
        Asked::TakeBack,
        "take-back",
        &[],
        SIGNED_IN,
        &[("3506A", 1)],
    ),
    errand(
        Asked::ReconcileAlone,
        "reconcile-desk",
        &[],
        SIGNED_IN,
        &[("5203", 1)],
    ),
    errand(
        Asked::ReconcileAll,
        "reconcile-hospital",
        &[],
        SIGNED_IN,
        &[
            ("3201", 1),
            ("9101", 1),
            ("3202", 1),
            ("9102", 1),
            ("5203", 1),
        ],
    ),
];
