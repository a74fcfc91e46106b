//! Every step that takes back or asks after: refused, lost and done, lost and not done, late, never sent, the
//! daemon ended at each edge of it, done twice, and an undo that fails.

use super::stories::check;

#[test]
fn undo_settle() {
    check(
        "2207 differs; 2208 refused",
        "scan ec.query 1101 2201 2203 2204 2206 2207 2208 = UNKNOWN UNDO_FAILED stuck",
    );
    check(
        "2207 differs; 2208 lost done",
        "scan ec.query 1101 2201 2203 2204 2206 2207 2208 … 5203 2205 2202 = REVERSED \
         REVERSED_AMOUNTS_DIFFER",
    );
    check(
        "2207 differs; 2208 lost",
        "scan ec.query 1101 2201 2203 2204 2206 2207 2208 … 5203 2208 2205 2202 = REVERSED \
         REVERSED_AMOUNTS_DIFFER",
    );
    check(
        "2207 differs; 2208 lost late",
        "scan ec.query 1101 2201 2203 2204 2206 2207 2208 … 5203 2205 2202 = REVERSED \
         REVERSED_AMOUNTS_DIFFER",
    );
    check(
        "2207 differs; 2208 not sent",
        "scan ec.query 1101 2201 2203 2204 2206 2207 2208 ×2 2205 2202 = REVERSED \
         REVERSED_AMOUNTS_DIFFER",
    );
    check(
        "2207 differs; 2208 signed out",
        "scan ec.query 1101 2201 2203 2204 2206 2207 2208 ×2 2205 2202 = REVERSED \
         REVERSED_AMOUNTS_DIFFER",
    );
    check(
        "2207 differs; 2208 gateway",
        "scan ec.query 1101 2201 2203 2204 2206 2207 2208 ×2 2205 2202 = REVERSED \
         REVERSED_AMOUNTS_DIFFER",
    );
    check(
        "2207 differs; 2208 killed before",
        "scan ec.query 1101 2201 2203 2204 2206 2207 | 2208 2205 2202 = REVERSED \
         REVERSED_AMOUNTS_DIFFER",
    );
    check(
        "2207 differs; 2208 killed",
        "scan ec.query 1101 2201 2203 2204 2206 2207 2208 | … 5203 2208 2205 2202 = REVERSED \
         REVERSED_AMOUNTS_DIFFER",
    );
    check(
        "2207 differs; 2208 killed done",
        "scan ec.query 1101 2201 2203 2204 2206 2207 2208 | … 5203 2205 2202 = REVERSED \
         REVERSED_AMOUNTS_DIFFER",
    );
    check(
        "2207 differs; 2208 killed late",
        "scan ec.query 1101 2201 2203 2204 2206 2207 2208 | … 5203 2205 2202 = REVERSED \
         REVERSED_AMOUNTS_DIFFER",
    );
    check(
        "2207 differs; 2208 killed after",
        "scan ec.query 1101 2201 2203 2204 2206 2207 2208 | 2205 2202 = REVERSED \
         REVERSED_AMOUNTS_DIFFER",
    );
}

#[test]
fn undo_fees() {
    check(
        "2206 refused; 2205 refused",
        "scan ec.query 1101 2201 2203 2204 2206 2205 = REFUSED PLATFORM_REFUSED stuck",
    );
    check(
        "2206 refused; 2205 lost done",
        "scan ec.query 1101 2201 2203 2204 2206 2205 ×2 2202 = REFUSED PLATFORM_REFUSED",
    );
    check(
        "2206 refused; 2205 lost",
        "scan ec.query 1101 2201 2203 2204 2206 2205 ×2 2202 = REFUSED PLATFORM_REFUSED",
    );
    check(
        "2206 refused; 2205 lost late",
        "scan ec.query 1101 2201 2203 2204 2206 2205 ×2 2202 = REFUSED PLATFORM_REFUSED",
    );
    check(
        "2206 refused; 2205 not sent",
        "scan ec.query 1101 2201 2203 2204 2206 2205 ×2 2202 = REFUSED PLATFORM_REFUSED",
    );
    check(
        "2206 refused; 2205* not sent",
        "scan ec.query 1101 2201 2203 2204 2206 2205 ×6 = REFUSED PLATFORM_REFUSED stuck",
    );
    check(
        "2206 refused; 2205 signed out",
        "scan ec.query 1101 2201 2203 2204 2206 2205 ×2 2202 = REFUSED PLATFORM_REFUSED",
    );
    check(
        "2206 refused; 2205 gateway",
        "scan ec.query 1101 2201 2203 2204 2206 2205 ×2 2202 = REFUSED PLATFORM_REFUSED",
    );
    check(
        "2206 refused; 2205 killed before",
        "scan ec.query 1101 2201 2203 2204 2206 | 2205 2202 = REFUSED PLATFORM_REFUSED",
    );
    check(
        "2206 refused; 2205 killed",
        "scan ec.query 1101 2201 2203 2204 2206 2205 | 2205 2202 = REFUSED PLATFORM_REFUSED",
    );
    check(
        "2206 refused; 2205 killed done",
        "scan ec.query 1101 2201 2203 2204 2206 2205 | 2205 2202 = REFUSED PLATFORM_REFUSED",
    );
    check(
        "2206 refused; 2205 killed late",
        "scan ec.query 1101 2201 2203 2204 2206 2205 | 2205 2202 = REFUSED PLATFORM_REFUSED",
    );
    check(
        "2206 refused; 2205 killed after",
        "scan ec.query 1101 2201 2203 2204 2206 2205 | 2202 = REFUSED PLATFORM_REFUSED",
    );
}

#[test]
fn undo_register() {
    check(
        "2206 refused; 2202 refused",
        "scan ec.query 1101 2201 2203 2204 2206 2205 2202 = REFUSED PLATFORM_REFUSED stuck",
    );
    check(
        "2206 refused; 2202 lost done",
        "scan ec.query 1101 2201 2203 2204 2206 2205 2202 ×2 = REFUSED PLATFORM_REFUSED",
    );
    check(
        "2206 refused; 2202 lost",
        "scan ec.query 1101 2201 2203 2204 2206 2205 2202 ×2 = REFUSED PLATFORM_REFUSED",
    );
    check(
        "2206 refused; 2202 lost late",
        "scan ec.query 1101 2201 2203 2204 2206 2205 2202 ×2 = REFUSED PLATFORM_REFUSED",
    );
    check(
        "2206 refused; 2202 not sent",
        "scan ec.query 1101 2201 2203 2204 2206 2205 2202 ×2 = REFUSED PLATFORM_REFUSED",
    );
    check(
        "2206 refused; 2202* not sent",
        "scan ec.query 1101 2201 2203 2204 2206 2205 2202 ×6 = REFUSED PLATFORM_REFUSED stuck",
    );
    check(
        "2206 refused; 2202 signed out",
        "scan ec.query 1101 2201 2203 2204 2206 2205 2202 ×2 = REFUSED PLATFORM_REFUSED",
    );
    check(
        "2206 refused; 2202 gateway",
        "scan ec.query 1101 2201 2203 2204 2206 2205 2202 ×2 = REFUSED PLATFORM_REFUSED",
    );
    check(
        "2206 refused; 2202 killed before",
        "scan ec.query 1101 2201 2203 2204 2206 2205 | 2202 = REFUSED PLATFORM_REFUSED",
    );
    check(
        "2206 refused; 2202 killed",
        "scan ec.query 1101 2201 2203 2204 2206 2205 2202 | 2202 = REFUSED PLATFORM_REFUSED",
    );
    check(
        "2206 refused; 2202 killed done",
        "scan ec.query 1101 2201 2203 2204 2206 2205 2202 | 2202 = REFUSED PLATFORM_REFUSED",
    );
    check(
        "2206 refused; 2202 killed late",
        "scan ec.query 1101 2201 2203 2204 2206 2205 2202 | 2202 = REFUSED PLATFORM_REFUSED",
    );
    check(
        "2206 refused; 2202 killed after",
        "scan ec.query 1101 2201 2203 2204 2206 2205 2202 | = REFUSED PLATFORM_REFUSED",
    );
}

#[test]
fn reverse() {
    check(
        "2207 lost done; 5203* unclear; 2601 refused",
        "scan ec.query 1101 2201 2203 2204 2206 2207 5203 ×10 2601 ×2 2205 2202 = REVERSED \
         REVERSED_AFTER_LOST_ANSWER",
    );
    check(
        "2207 lost done; 5203* unclear; 2601 lost done",
        "scan ec.query 1101 2201 2203 2204 2206 2207 5203 ×10 2601 ×2 2205 2202 = REVERSED \
         REVERSED_AFTER_LOST_ANSWER",
    );
    check(
        "2207 lost done; 5203* unclear; 2601 lost",
        "scan ec.query 1101 2201 2203 2204 2206 2207 5203 ×10 2601 ×2 2205 2202 = REVERSED \
         REVERSED_AFTER_LOST_ANSWER",
    );
    check(
        "2207 lost done; 5203* unclear; 2601 lost late",
        "scan ec.query 1101 2201 2203 2204 2206 2207 5203 ×10 2601 ×2 2205 2202 = REVERSED \
         REVERSED_AFTER_LOST_ANSWER",
    );
    check(
        "2207 lost done; 5203* unclear; 2601 not sent",
        "scan ec.query 1101 2201 2203 2204 2206 2207 5203 ×10 2601 ×2 2205 2202 = REVERSED \
         REVERSED_AFTER_LOST_ANSWER",
    );
    check(
        "2207 lost done; 5203* unclear; 2601 signed out",
        "scan ec.query 1101 2201 2203 2204 2206 2207 5203 ×10 2601 ×2 2205 2202 = REVERSED \
         REVERSED_AFTER_LOST_ANSWER",
    );
    check(
        "2207 lost done; 5203* unclear; 2601 gateway",
        "scan ec.query 1101 2201 2203 2204 2206 2207 5203 ×10 2601 ×2 2205 2202 = REVERSED \
         REVERSED_AFTER_LOST_ANSWER",
    );
    check(
        "2207 lost done; 5203* unclear; 2601 killed before",
        "scan ec.query 1101 2201 2203 2204 2206 2207 5203 ×10 | … 5203 ×6 2601 2205 2202 = \
         REVERSED REVERSED_AFTER_LOST_ANSWER",
    );
    check(
        "2207 lost done; 5203* unclear; 2601 killed",
        "scan ec.query 1101 2201 2203 2204 2206 2207 5203 ×10 2601 | … 5203 2601 2205 2202 = \
         REVERSED REVERSED_AFTER_LOST_ANSWER",
    );
    check(
        "2207 lost done; 5203* unclear; 2601 killed done",
        "scan ec.query 1101 2201 2203 2204 2206 2207 5203 ×10 2601 | … 5203 2601 2205 2202 = \
         REVERSED REVERSED_AFTER_LOST_ANSWER",
    );
    check(
        "2207 lost done; 5203* unclear; 2601 killed late",
        "scan ec.query 1101 2201 2203 2204 2206 2207 5203 ×10 2601 | … 5203 2601 2205 2202 = \
         REVERSED REVERSED_AFTER_LOST_ANSWER",
    );
    check(
        "2207 lost done; 5203* unclear; 2601 killed after",
        "scan ec.query 1101 2201 2203 2204 2206 2207 5203 ×10 2601 | 2205 2202 = REVERSED \
         REVERSED_AFTER_LOST_ANSWER",
    );
}

#[test]
fn find_visit() {
    check(
        "2201 lost done; 5201 refused",
        "scan ec.query 1101 2201 5201 ×2 2202 = REFUSED PLATFORM_REFUSED",
    );
    check(
        "2201 lost done; 5201 lost done",
        "scan ec.query 1101 2201 5201 ×2 2203 2204 2206 2207 = SETTLED",
    );
    check(
        "2201 lost done; 5201 lost",
        "scan ec.query 1101 2201 5201 ×2 2203 2204 2206 2207 = SETTLED",
    );
    check(
        "2201 lost done; 5201 lost late",
        "scan ec.query 1101 2201 5201 ×2 2203 2204 2206 2207 = SETTLED",
    );
    check(
        "2201 lost done; 5201 not sent",
        "scan ec.query 1101 2201 5201 ×2 2203 2204 2206 2207 = SETTLED",
    );
    check(
        "2201 lost done; 5201* not sent",
        "scan ec.query 1101 2201 5201 ×6 = REFUSED PLATFORM_UNREACHABLE",
    );
    check(
        "2201 lost done; 5201 signed out",
        "scan ec.query 1101 2201 5201 ×2 2203 2204 2206 2207 = SETTLED",
    );
    check(
        "2201 lost done; 5201 gateway",
        "scan ec.query 1101 2201 5201 ×2 2202 = REFUSED GATEWAY_REFUSED",
    );
    check(
        "2201 lost done; 5201 killed before",
        "scan ec.query 1101 2201 | scan ec.query 5201 2203 2204 2206 2207 = SETTLED",
    );
    check(
        "2201 lost done; 5201 killed",
        "scan ec.query 1101 2201 5201 | scan ec.query 5201 2203 2204 2206 2207 = SETTLED",
    );
    check(
        "2201 lost done; 5201 killed done",
        "scan ec.query 1101 2201 5201 | scan ec.query 5201 2203 2204 2206 2207 = SETTLED",
    );
    check(
        "2201 lost done; 5201 killed late",
        "scan ec.query 1101 2201 5201 | scan ec.query 5201 2203 2204 2206 2207 = SETTLED",
    );
    check(
        "2201 lost done; 5201 killed after",
        "scan ec.query 1101 2201 5201 | scan ec.query 2203 2204 2206 2207 = SETTLED",
    );
}

#[test]
fn find_settlement() {
    check(
        "2207 lost done; 5203 refused",
        "scan ec.query 1101 2201 2203 2204 2206 2207 5203 ×2 = SETTLED",
    );
    check(
        "2207 lost done; 5203 lost done",
        "scan ec.query 1101 2201 2203 2204 2206 2207 5203 ×2 = SETTLED",
    );
    check(
        "2207 lost done; 5203 lost",
        "scan ec.query 1101 2201 2203 2204 2206 2207 5203 ×2 = SETTLED",
    );
    check(
        "2207 lost done; 5203 lost late",
        "scan ec.query 1101 2201 2203 2204 2206 2207 5203 ×2 = SETTLED",
    );
    check(
        "2207 lost done; 5203 not sent",
        "scan ec.query 1101 2201 2203 2204 2206 2207 5203 ×2 = SETTLED",
    );
    check(
        "2207 lost done; 5203 signed out",
        "scan ec.query 1101 2201 2203 2204 2206 2207 5203 ×2 = SETTLED",
    );
    check(
        "2207 lost done; 5203 gateway",
        "scan ec.query 1101 2201 2203 2204 2206 2207 5203 ×2 = SETTLED",
    );
    check(
        "2207 lost done; 5203 killed before",
        "scan ec.query 1101 2201 2203 2204 2206 2207 | 5203 = SETTLED",
    );
    check(
        "2207 lost done; 5203 killed",
        "scan ec.query 1101 2201 2203 2204 2206 2207 5203 | … 5203 = SETTLED",
    );
    check(
        "2207 lost done; 5203 killed done",
        "scan ec.query 1101 2201 2203 2204 2206 2207 5203 | … 5203 = SETTLED",
    );
    check(
        "2207 lost done; 5203 killed late",
        "scan ec.query 1101 2201 2203 2204 2206 2207 5203 | … 5203 = SETTLED",
    );
    check(
        "2207 lost done; 5203 killed after",
        "scan ec.query 1101 2201 2203 2204 2206 2207 5203 | = SETTLED",
    );
}
