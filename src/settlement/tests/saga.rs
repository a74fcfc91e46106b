//! Every step of the table: refused, lost and done, lost and not done, late, never sent, the daemon ended at each
//! edge of it, done twice, and its undo failing.

use super::stories::check;

#[test]
fn decode() {
    check(
        "ec.query refused",
        "scan ec.query scan ec.query 1101 2201 2203 2204 2206 2207 = SETTLED",
    );
    check(
        "ec.query lost done",
        "scan ec.query scan ec.query 1101 2201 2203 2204 2206 2207 = SETTLED",
    );
    check(
        "ec.query lost",
        "scan ec.query scan ec.query 1101 2201 2203 2204 2206 2207 = SETTLED",
    );
    check(
        "ec.query lost late",
        "scan ec.query scan ec.query 1101 2201 2203 2204 2206 2207 = SETTLED",
    );
    check(
        "ec.query not sent",
        "scan ec.query ×2 1101 2201 2203 2204 2206 2207 = SETTLED",
    );
    check(
        "ec.query* not sent",
        "scan ec.query ×3 = REFUSED PLATFORM_UNREACHABLE",
    );
    check(
        "ec.query signed out",
        "scan ec.query scan ec.query 1101 2201 2203 2204 2206 2207 = SETTLED",
    );
    check(
        "ec.query gateway",
        "scan ec.query = REFUSED GATEWAY_REFUSED",
    );
    check(
        "ec.query killed before",
        "scan | scan ec.query 1101 2201 2203 2204 2206 2207 = SETTLED",
    );
    check(
        "ec.query killed",
        "scan ec.query | scan ec.query 1101 2201 2203 2204 2206 2207 = SETTLED",
    );
    check(
        "ec.query killed done",
        "scan ec.query | scan ec.query 1101 2201 2203 2204 2206 2207 = SETTLED",
    );
    check(
        "ec.query killed late",
        "scan ec.query | scan ec.query 1101 2201 2203 2204 2206 2207 = SETTLED",
    );
    check(
        "ec.query killed after",
        "scan ec.query | scan ec.query 1101 2201 2203 2204 2206 2207 = SETTLED",
    );
}

#[test]
fn person() {
    check(
        "1101 refused",
        "scan ec.query 1101 = REFUSED PLATFORM_REFUSED",
    );
    check(
        "1101 lost done",
        "scan ec.query 1101 ×2 2201 2203 2204 2206 2207 = SETTLED",
    );
    check(
        "1101 lost",
        "scan ec.query 1101 ×2 2201 2203 2204 2206 2207 = SETTLED",
    );
    check(
        "1101 lost late",
        "scan ec.query 1101 ×2 2201 2203 2204 2206 2207 = SETTLED",
    );
    check(
        "1101 not sent",
        "scan ec.query 1101 ×2 2201 2203 2204 2206 2207 = SETTLED",
    );
    check(
        "1101* not sent",
        "scan ec.query 1101 ×3 = REFUSED PLATFORM_UNREACHABLE",
    );
    check(
        "1101 signed out",
        "scan ec.query 1101 ×2 2201 2203 2204 2206 2207 = SETTLED",
    );
    check(
        "1101 gateway",
        "scan ec.query 1101 = REFUSED GATEWAY_REFUSED",
    );
    check(
        "1101 killed before",
        "scan ec.query | scan ec.query 1101 2201 2203 2204 2206 2207 = SETTLED",
    );
    check(
        "1101 killed",
        "scan ec.query 1101 | scan ec.query 1101 2201 2203 2204 2206 2207 = SETTLED",
    );
    check(
        "1101 killed done",
        "scan ec.query 1101 | scan ec.query 1101 2201 2203 2204 2206 2207 = SETTLED",
    );
    check(
        "1101 killed late",
        "scan ec.query 1101 | scan ec.query 1101 2201 2203 2204 2206 2207 = SETTLED",
    );
    check(
        "1101 killed after",
        "scan ec.query 1101 | scan ec.query 2201 2203 2204 2206 2207 = SETTLED",
    );
}

#[test]
fn register() {
    check(
        "2201 refused",
        "scan ec.query 1101 2201 = REFUSED PLATFORM_REFUSED",
    );
    check(
        "2201 lost done",
        "scan ec.query 1101 2201 5201 2203 2204 2206 2207 = SETTLED",
    );
    check(
        "2201 lost",
        "scan ec.query 1101 2201 5201 2201 2203 2204 2206 2207 = SETTLED",
    );
    check(
        "2201 lost late",
        "scan ec.query 1101 2201 5201 2201 2203 2204 2206 2207 = SETTLED",
    );
    check(
        "2201 not sent",
        "scan ec.query 1101 2201 ×2 2203 2204 2206 2207 = SETTLED",
    );
    check(
        "2201* not sent",
        "scan ec.query 1101 2201 ×3 = REFUSED PLATFORM_UNREACHABLE",
    );
    check(
        "2201 signed out",
        "scan ec.query 1101 2201 ×2 2203 2204 2206 2207 = SETTLED",
    );
    check(
        "2201 gateway",
        "scan ec.query 1101 2201 = REFUSED GATEWAY_REFUSED",
    );
    check(
        "2201 killed before",
        "scan ec.query 1101 | scan ec.query 2201 2203 2204 2206 2207 = SETTLED",
    );
    check(
        "2201 killed",
        "scan ec.query 1101 2201 | scan ec.query 5201 2201 2203 2204 2206 2207 = SETTLED",
    );
    check(
        "2201 killed done",
        "scan ec.query 1101 2201 | scan ec.query 5201 2203 2204 2206 2207 = SETTLED",
    );
    check(
        "2201 killed late",
        "scan ec.query 1101 2201 | scan ec.query 5201 2201 2203 2204 2206 2207 = SETTLED",
    );
    check(
        "2201 killed after",
        "scan ec.query 1101 2201 | scan ec.query 2203 2204 2206 2207 = SETTLED",
    );
}

#[test]
fn visit_info() {
    check(
        "2203 refused",
        "scan ec.query 1101 2201 2203 2202 = REFUSED PLATFORM_REFUSED",
    );
    check(
        "2203 lost done",
        "scan ec.query 1101 2201 2203 ×2 2204 2206 2207 = SETTLED",
    );
    check(
        "2203 lost",
        "scan ec.query 1101 2201 2203 ×2 2204 2206 2207 = SETTLED",
    );
    check(
        "2203 lost late",
        "scan ec.query 1101 2201 2203 ×2 2204 2206 2207 = SETTLED",
    );
    check(
        "2203 not sent",
        "scan ec.query 1101 2201 2203 ×2 2204 2206 2207 = SETTLED",
    );
    check(
        "2203* not sent",
        "scan ec.query 1101 2201 2203 ×3 2202 = REFUSED PLATFORM_UNREACHABLE",
    );
    check(
        "2203 signed out",
        "scan ec.query 1101 2201 2203 ×2 2204 2206 2207 = SETTLED",
    );
    check(
        "2203 gateway",
        "scan ec.query 1101 2201 2203 2202 = REFUSED GATEWAY_REFUSED",
    );
    check(
        "2203 killed before",
        "scan ec.query 1101 2201 | scan ec.query 2203 2204 2206 2207 = SETTLED",
    );
    check(
        "2203 killed",
        "scan ec.query 1101 2201 2203 | scan ec.query 2203 2204 2206 2207 = SETTLED",
    );
    check(
        "2203 killed done",
        "scan ec.query 1101 2201 2203 | scan ec.query 2203 2204 2206 2207 = SETTLED",
    );
    check(
        "2203 killed late",
        "scan ec.query 1101 2201 2203 | scan ec.query 2203 2204 2206 2207 = SETTLED",
    );
    check(
        "2203 killed after",
        "scan ec.query 1101 2201 2203 | scan ec.query 2204 2206 2207 = SETTLED",
    );
}

#[test]
fn fees() {
    check(
        "2204 refused",
        "scan ec.query 1101 2201 2203 2204 2202 = REFUSED PLATFORM_REFUSED",
    );
    check(
        "2204 lost done",
        "scan ec.query 1101 2201 2203 2204 2205 2204 2206 2207 = SETTLED",
    );
    check(
        "2204 lost",
        "scan ec.query 1101 2201 2203 2204 2205 2204 2206 2207 = SETTLED",
    );
    check(
        "2204 lost late",
        "scan ec.query 1101 2201 2203 2204 2205 2204 2206 2207 = SETTLED",
    );
    check(
        "2204 not sent",
        "scan ec.query 1101 2201 2203 2204 ×2 2206 2207 = SETTLED",
    );
    check(
        "2204* not sent",
        "scan ec.query 1101 2201 2203 2204 ×3 2202 = REFUSED PLATFORM_UNREACHABLE",
    );
    check(
        "2204 signed out",
        "scan ec.query 1101 2201 2203 2204 ×2 2206 2207 = SETTLED",
    );
    check(
        "2204 gateway",
        "scan ec.query 1101 2201 2203 2204 2202 = REFUSED GATEWAY_REFUSED",
    );
    check(
        "2204 killed before",
        "scan ec.query 1101 2201 2203 | scan ec.query 2204 2206 2207 = SETTLED",
    );
    check(
        "2204 killed",
        "scan ec.query 1101 2201 2203 2204 | scan ec.query 2205 2204 2206 2207 = SETTLED",
    );
    check(
        "2204 killed done",
        "scan ec.query 1101 2201 2203 2204 | scan ec.query 2205 2204 2206 2207 = SETTLED",
    );
    check(
        "2204 killed late",
        "scan ec.query 1101 2201 2203 2204 | scan ec.query 2205 2204 2206 2207 = SETTLED",
    );
    check(
        "2204 killed after",
        "scan ec.query 1101 2201 2203 2204 | scan ec.query 2206 2207 = SETTLED",
    );
}

#[test]
fn pre_settle() {
    check(
        "2206 refused",
        "scan ec.query 1101 2201 2203 2204 2206 2205 2202 = REFUSED PLATFORM_REFUSED",
    );
    check(
        "2206 lost done",
        "scan ec.query 1101 2201 2203 2204 2206 ×2 2207 = SETTLED",
    );
    check(
        "2206 lost",
        "scan ec.query 1101 2201 2203 2204 2206 ×2 2207 = SETTLED",
    );
    check(
        "2206 lost late",
        "scan ec.query 1101 2201 2203 2204 2206 ×2 2207 = SETTLED",
    );
    check(
        "2206 not sent",
        "scan ec.query 1101 2201 2203 2204 2206 ×2 2207 = SETTLED",
    );
    check(
        "2206* not sent",
        "scan ec.query 1101 2201 2203 2204 2206 ×3 2205 2202 = REFUSED PLATFORM_UNREACHABLE",
    );
    check(
        "2206 signed out",
        "scan ec.query 1101 2201 2203 2204 2206 ×2 2207 = SETTLED",
    );
    check(
        "2206 gateway",
        "scan ec.query 1101 2201 2203 2204 2206 2205 2202 = REFUSED GATEWAY_REFUSED",
    );
    check(
        "2206 killed before",
        "scan ec.query 1101 2201 2203 2204 | scan ec.query 2206 2207 = SETTLED",
    );
    check(
        "2206 killed",
        "scan ec.query 1101 2201 2203 2204 2206 | scan ec.query 2206 2207 = SETTLED",
    );
    check(
        "2206 killed done",
        "scan ec.query 1101 2201 2203 2204 2206 | scan ec.query 2206 2207 = SETTLED",
    );
    check(
        "2206 killed late",
        "scan ec.query 1101 2201 2203 2204 2206 | scan ec.query 2206 2207 = SETTLED",
    );
    check(
        "2206 killed after",
        "scan ec.query 1101 2201 2203 2204 2206 | scan ec.query 2207 = SETTLED",
    );
}

#[test]
fn settle() {
    check(
        "2207 refused",
        "scan ec.query 1101 2201 2203 2204 2206 2207 2205 2202 = REFUSED PLATFORM_REFUSED",
    );
    check(
        "2207 lost done",
        "scan ec.query 1101 2201 2203 2204 2206 2207 5203 = SETTLED",
    );
    check(
        "2207 lost",
        "scan ec.query 1101 2201 2203 2204 2206 2207 5203 ×10 2205 2202 = CANCELLED \
         NOTHING_CHARGED",
    );
    check(
        "2207 lost late",
        "scan ec.query 1101 2201 2203 2204 2206 2207 5203 ×7 = SETTLED",
    );
    check(
        "2207 not sent",
        "scan ec.query 1101 2201 2203 2204 2206 2207 ×2 = SETTLED",
    );
    check(
        "2207* not sent",
        "scan ec.query 1101 2201 2203 2204 2206 2207 ×3 2205 2202 = REFUSED \
         PLATFORM_UNREACHABLE",
    );
    check(
        "2207 signed out",
        "scan ec.query 1101 2201 2203 2204 2206 2207 ×2 = SETTLED",
    );
    check(
        "2207 gateway",
        "scan ec.query 1101 2201 2203 2204 2206 2207 2205 2202 = REFUSED GATEWAY_REFUSED",
    );
    check(
        "2207 killed before",
        "scan ec.query 1101 2201 2203 2204 2206 | scan ec.query 2207 = SETTLED",
    );
    check(
        "2207 killed",
        "scan ec.query 1101 2201 2203 2204 2206 2207 | 5203 ×10 2205 2202 = CANCELLED \
         NOTHING_CHARGED",
    );
    check(
        "2207 killed done",
        "scan ec.query 1101 2201 2203 2204 2206 2207 | 5203 = SETTLED",
    );
    check(
        "2207 killed late",
        "scan ec.query 1101 2201 2203 2204 2206 2207 | 5203 ×7 = SETTLED",
    );
    check(
        "2207 killed after",
        "scan ec.query 1101 2201 2203 2204 2206 2207 | = SETTLED",
    );
}

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
