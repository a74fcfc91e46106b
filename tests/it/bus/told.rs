//! Every refusal on the bus stands in the log with who asked, for what, and by which code.

use yibaod::book::Code;

use super::world::{CASHIER, MONITOR, PATH, World};

const NAME: &str = "org.yibaod.Bridge1";

/// What is called, with busctl's words for its arguments, and what the log says of it.
type Row = (
    u32,
    &'static str,
    &'static str,
    &'static [&'static str],
    Option<&'static str>,
    Code,
);

const ROWS: [Row; 7] = [
    (
        CASHIER,
        "Print",
        "Print",
        &["s", "x"],
        Some("Print"),
        Code::RequestInvalid,
    ),
    (
        CASHIER,
        "Print",
        "GetJob",
        &["a{sv}", "1", WORD, "s", "x"],
        Some("GetJob"),
        Code::UnknownField,
    ),
    (
        CASHIER,
        "Print",
        "GetJob",
        &["a{sv}", "1", "job_id", "s", "none"],
        Some("GetJob"),
        Code::NotFound,
    ),
    (CASHIER, "Device", "Watch", &[], None, Code::MethodUnknown),
    (
        CASHIER,
        "Settlement",
        "WatchSettlement",
        &["a{sv}", "1", "subscription", "s", "/"],
        Some("WatchSettlement"),
        Code::RequestInvalid,
    ),
    (
        CASHIER,
        "Settlement",
        "StopWatching",
        &["s", "none"],
        Some("StopWatching"),
        Code::NotFound,
    ),
    (
        MONITOR,
        "Settlement",
        "ListSettlements",
        &[],
        Some("ListSettlements"),
        Code::NotAllowed,
    ),
];
/// What a caller may write where a field is named.
const WORD: &str = "某某某";

#[tokio::test(flavor = "multi_thread")]
async fn every_refusal_says_who_what_and_why() {
    let world = World::start().await;
    for (uid, interface, method, arguments, operation, code) in ROWS {
        let interface = super::interface(interface);
        let words = [&["call", NAME, PATH, &interface, method], arguments].concat();
        let answer = world.busctl(uid, &words).await;
        assert!(!answer.status.success(), "{method} {arguments:?}");
        let log = world.desk.log();
        let mut wanted = vec![
            format!("caller=\"uid:{uid}\""),
            format!("code=\"{}\"", code.id()),
            "door=\"bus\"".to_owned(),
            "bus_name=\":1.".to_owned(),
        ];
        wanted.extend(operation.map(|name| format!("operation=\"{name}\"")));
        let is_it = |line: &&str| wanted.iter().all(|wanted| line.contains(wanted));
        let found = log.lines().filter(is_it).count();
        assert_eq!(found, 1, "{method}: {wanted:?}");
        assert!(!log.contains(WORD), "a caller's own word is in the log");
    }
}
