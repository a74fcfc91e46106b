//! Every step on the way to the charge: refused, lost and done, lost and not done, late, never sent, the daemon
//! ended at each edge of it, done twice.

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
