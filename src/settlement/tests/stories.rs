//! Stories as short text: this came in, these effects came out.
//!
//! Left: what goes wrong, `;` between. A message is named by its transaction; `2207#2` is the second one, `2208*`
//! each one. Right: what was done in order; `×6` six times over, `|` the daemon began anew, `…` a wait of a second
//! or more; then how it ended.

use super::teller::tell_story;

#[track_caller]
pub(super) fn check(troubles: &str, expected: &str) {
    assert_eq!(tell_story(troubles), expected, "{troubles}");
}

#[test]
fn when_all_goes_well() {
    check("", "scan ec.query 1101 2201 2203 2204 2206 2207 = SETTLED");
    check(
        "registered",
        "scan ec.query 1101 2203 2204 2206 2207 = SETTLED",
    );
    check(
        "confirm; fresh; print",
        "scan ec.query 1101 2201 2203 2204 2206 scan ec.query 2207 printer paper = SETTLED \
         printed",
    );
}

#[test]
fn paper() {
    check(
        "print-required",
        "printer scan ec.query 1101 2201 2203 2204 2206 2207 paper = SETTLED printed",
    );
    check("print-required; printer out", "printer = REFUSED PAPER_OUT");
    check(
        "print; printer out",
        "scan ec.query 1101 2201 2203 2204 2206 2207 printer = SETTLED not printed",
    );
    check(
        "print; paper nothing",
        "scan ec.query 1101 2201 2203 2204 2206 2207 printer paper printer paper = SETTLED \
         printed",
    );
    check(
        "print; paper doubt",
        "scan ec.query 1101 2201 2203 2204 2206 2207 printer paper = SETTLED perhaps printed",
    );
    check(
        "print; paper killed",
        "scan ec.query 1101 2201 2203 2204 2206 2207 printer paper | = SETTLED perhaps printed",
    );
}

#[test]
fn the_wrong_person() {
    check("other-bill", "scan ec.query = REFUSED PERSON_MISMATCH");
    check("ec.query other", "scan ec.query = REFUSED PERSON_MISMATCH");
    check("1101 other", "scan ec.query 1101 = REFUSED PERSON_MISMATCH");
    check(
        "1101 paused",
        "scan ec.query 1101 = REFUSED INSURANCE_NOT_IN_FORCE",
    );
    check(
        "fresh; ec.query#2 other",
        "scan ec.query 1101 2201 2203 2204 2206 scan ec.query scan ec.query 2207 = SETTLED",
    );
    check(
        "unnamed",
        "scan ec.query 1101 2201 2203 2204 2206 2207 = SETTLED",
    );
    check(
        "unnamed; person cancels",
        "scan ec.query 1101 = CANCELLED CANCELLED_BY_CALLER",
    );
}

#[test]
fn what_is_shown_to_the_scanner() {
    check(
        "scan payment",
        "scan ×2 ec.query 1101 2201 2203 2204 2206 2207 = SETTLED",
    );
    check("scan* payment", "scan ×3 = REFUSED PAYMENT_CODE_SHOWN");
    check(
        "scan same",
        "scan ×2 ec.query 1101 2201 2203 2204 2206 2207 = SETTLED",
    );
    check("scan* half", "scan ×3 = REFUSED CODE_INCOMPLETE");
    check("scan nobody", "scan = CANCELLED NOBODY_SCANNED");
    check("scan unplugged", "scan = REFUSED SCANNER_UNPLUGGED");
    check(
        "ec.query expired",
        "scan ec.query scan ec.query 1101 2201 2203 2204 2206 2207 = SETTLED",
    );
    check(
        "ec.query* expired",
        "scan ec.query scan ec.query scan ec.query = REFUSED CODE_EXPIRED",
    );
    check(
        "1101 expired",
        "scan ec.query 1101 scan ec.query 1101 2201 2203 2204 2206 2207 = SETTLED",
    );
    check(
        "2206 expired",
        "scan ec.query 1101 2201 2203 2204 2206 scan ec.query 2206 2207 = SETTLED",
    );
    check(
        "2207 expired",
        "scan ec.query 1101 2201 2203 2204 2206 2207 2205 2202 = REFUSED CODE_EXPIRED",
    );
    check(
        "fresh; scan#2 same",
        "scan ec.query 1101 2201 2203 2204 2206 scan ×2 ec.query 2207 = SETTLED",
    );
    check(
        "fresh; scan#2 nobody",
        "scan ec.query 1101 2201 2203 2204 2206 scan 2205 2202 = CANCELLED NOBODY_SCANNED",
    );
}

#[test]
fn persons_who_cancel_wait_or_go() {
    check(
        "confirm; person waits",
        "scan ec.query 1101 … = CANCELLED CONFIRM_TIMEOUT",
    );
    check(
        "confirm; amounts waits",
        "scan ec.query 1101 2201 2203 2204 2206 … 2205 2202 = CANCELLED CONFIRM_TIMEOUT",
    );
    check(
        "confirm; amounts cancels",
        "scan ec.query 1101 2201 2203 2204 2206 2205 2202 = CANCELLED CANCELLED_BY_CALLER",
    );
    check("scan cancels", "scan = CANCELLED CANCELLED_BY_CALLER");
    check(
        "scan gone",
        "scan ×2 ec.query 1101 2201 2203 2204 2206 2207 = SETTLED",
    );
    check(
        "scan gone; caller* stays away",
        "scan … = CANCELLED CALLER_GONE",
    );
    check(
        "2204 cancelled before",
        "scan ec.query 1101 2201 2203 2202 = CANCELLED CANCELLED_BY_CALLER",
    );
    check(
        "2207 cancelled before",
        "scan ec.query 1101 2201 2203 2204 2206 2205 2202 = CANCELLED CANCELLED_BY_CALLER",
    );
    check(
        "2201 killed done; caller* stays away",
        "scan ec.query 1101 2201 | … 5201 2202 = CANCELLED CALLER_GONE",
    );
    check(
        "2204 killed; caller* stays away",
        "scan ec.query 1101 2201 2203 2204 | … 2205 2202 = CANCELLED CALLER_GONE",
    );
    check(
        "2207 killed; caller* stays away",
        "scan ec.query 1101 2201 2203 2204 2206 2207 | 5203 ×10 2205 2202 = CANCELLED \
         NOTHING_CHARGED",
    );
}

#[test]
fn amounts_that_differ() {
    check(
        "2206 differs",
        "scan ec.query 1101 2201 2203 2204 2206 2205 2202 = REFUSED AMOUNTS_IMBALANCED",
    );
    check(
        "2207 differs",
        "scan ec.query 1101 2201 2203 2204 2206 2207 2208 2205 2202 = REVERSED \
         REVERSED_AMOUNTS_DIFFER",
    );
    check(
        "2207 differs; 2208 refused",
        "scan ec.query 1101 2201 2203 2204 2206 2207 2208 = UNKNOWN UNDO_FAILED stuck",
    );
    check(
        "2207 differs; 2208* lost",
        "scan ec.query 1101 2201 2203 2204 2206 2207 2208 … 5203 2208 … 5203 2208 … 5203 2208 … \
         5203 2208 … 5203 2208 = UNKNOWN UNDO_FAILED stuck",
    );
    check(
        "2207 differs; 2208 lost; 5203* unclear",
        "scan ec.query 1101 2201 2203 2204 2206 2207 2208 … 5203 ×6 = UNKNOWN UNDO_FAILED stuck",
    );
}

#[test]
fn the_answer_of_the_money_call_lost() {
    check(
        "2207 lost late",
        "scan ec.query 1101 2201 2203 2204 2206 2207 5203 ×7 = SETTLED",
    );
    check(
        "2207 lost done; 5203* unclear",
        "scan ec.query 1101 2201 2203 2204 2206 2207 5203 ×10 2601 2205 2202 = REVERSED \
         REVERSED_AFTER_LOST_ANSWER",
    );
    check(
        "2207 lost late; 5203* unclear",
        "scan ec.query 1101 2201 2203 2204 2206 2207 5203 ×10 2601 2205 2202 = REVERSED \
         REVERSED_AFTER_LOST_ANSWER",
    );
    check(
        "2207 lost; 5203* unclear",
        "scan ec.query 1101 2201 2203 2204 2206 2207 5203 ×10 2601 ×2 2205 2202 = CANCELLED \
         NOTHING_CHARGED",
    );
    check(
        "2207 lost; no-2601",
        "scan ec.query 1101 2201 2203 2204 2206 2207 5203 ×10 2205 2202 = CANCELLED \
         NOTHING_CHARGED",
    );
    check(
        "2207 lost done; no-2601; 5203* unclear",
        "scan ec.query 1101 2201 2203 2204 2206 2207 5203 ×12 = UNKNOWN STUCK stuck",
    );
    check(
        "2207 lost done; 5203* lost; 2601* lost",
        "scan ec.query 1101 2201 2203 2204 2206 2207 5203 ×10 2601 ×4 … 5203 ×2 = UNKNOWN STUCK \
         stuck",
    );
    check(
        "2207 lost done; 5203* unclear; 2601* unclear",
        "scan ec.query 1101 2201 2203 2204 2206 2207 5203 ×10 2601 ×4 5203 ×2 = UNKNOWN STUCK \
         stuck",
    );
}

#[test]
fn a_platform_that_does_not_answer() {
    check(
        "1101* lost",
        "scan ec.query 1101 ×3 = REFUSED PLATFORM_NO_ANSWER",
    );
    check(
        "1101* not sent",
        "scan ec.query 1101 ×3 = REFUSED PLATFORM_UNREACHABLE",
    );
    check(
        "2201* lost",
        "scan ec.query 1101 2201 5201 2201 5201 … 2201 5201 = REFUSED PLATFORM_NO_ANSWER",
    );
    check(
        "2204* lost",
        "scan ec.query 1101 2201 2203 2204 2205 2204 2205 … 2204 2205 2202 = REFUSED \
         PLATFORM_NO_ANSWER",
    );
    check(
        "2204* lost done",
        "scan ec.query 1101 2201 2203 2204 2205 2204 2205 … 2204 2205 2202 = REFUSED \
         PLATFORM_NO_ANSWER",
    );
    check(
        "2206* lost",
        "scan ec.query 1101 2201 2203 2204 2206 ×3 2205 2202 = REFUSED PLATFORM_NO_ANSWER",
    );
    check(
        "2207* not sent",
        "scan ec.query 1101 2201 2203 2204 2206 2207 ×3 2205 2202 = REFUSED \
         PLATFORM_UNREACHABLE",
    );
}

#[test]
fn an_undo_that_fails() {
    check(
        "2206 refused; registered",
        "scan ec.query 1101 2203 2204 2206 2205 = REFUSED PLATFORM_REFUSED",
    );
    check(
        "2206 refused; 2205* lost",
        "scan ec.query 1101 2201 2203 2204 2206 2205 ×6 = REFUSED PLATFORM_REFUSED stuck",
    );
    check(
        "2206 refused; 2205* not sent",
        "scan ec.query 1101 2201 2203 2204 2206 2205 ×6 = REFUSED PLATFORM_REFUSED stuck",
    );
    check(
        "2206 refused; 2202* refused",
        "scan ec.query 1101 2201 2203 2204 2206 2205 2202 = REFUSED PLATFORM_REFUSED stuck",
    );
}
