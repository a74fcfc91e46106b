//! The ways that a settlement can go, and which outside calls belong to each: a new outside call is one row.

/// One way.
#[derive(Debug)]
pub(super) struct Way {
    /// Its name in cells.
    pub(super) name: &'static str,
    /// What makes it go this way.
    pub(super) faults: &'static [&'static str],
    /// Lines over the site profile.
    pub(super) profile: &'static str,
    /// The daemon is told to stop when the answer is there.
    pub(super) stops: bool,
    /// The call from whose last byte on it is this way and no other; none: from the start of the daemon.
    pub(super) from: Option<(&'static str, usize)>,
    /// The calls that are its own: transaction, and which one of them, the first is 1.
    pub(super) calls: &'static [(&'static str, usize)],
}

const fn way(
    name: &'static str,
    faults: &'static [&'static str],
    from: (&'static str, usize),
    calls: &'static [(&'static str, usize)],
) -> Way {
    Way {
        name,
        faults,
        profile: "",
        stops: false,
        from: Some(from),
        calls,
    }
}

/// Every outside call is in at least one of them; the first is the happy one.
pub(super) const WAYS: [Way; 12] = [
    Way {
        name: "well",
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
