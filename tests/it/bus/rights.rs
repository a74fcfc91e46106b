//! Every method × who calls: the owner, root, a cashier, who only looks, another user, with polkit's yes, no and none.

use std::fmt::Write as _;

use prost_reflect::DescriptorPool;
use yibaod::ipc::access::Operation;

use super::world::{CASHIER, MONITOR, OWNER, STRANGER, TRUSTED, World, said};
use crate::desk::Setup;

/// What the table's columns are, and whether polkit runs.
const CALLERS: [(&str, u32); 5] = [
    ("owner", OWNER),
    ("root", 0),
    ("cashier", CASHIER),
    ("monitor", MONITOR),
    ("another user", STRANGER),
];
/// What polkit can add.
const DANGEROUS: [&str; 6] = [
    "RefundSettlement",
    "ResolveSettlement",
    "Reconcile",
    "RecordDevice",
    "Reload",
    "SetLogLevel",
];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Told {
    /// It was let in: done, or refused for what it asks.
    In,
    /// The table of rights, and polkit.
    NotAllowed,
    /// The bus itself.
    Shut,
}

#[tokio::test(flavor = "multi_thread")]
async fn every_method_lets_in_whom_the_table_says() {
    let mut world = World::prepare(Setup::default()).await;
    world.start_bus().await;
    world.start_polkit().await;
    world.start_daemon().await;
    world.on_bus().await;
    let mut table = String::from("| method |");
    for (name, _) in CALLERS {
        write!(table, " {name} |").expect("a String");
    }
    table.push_str(" monitor, polkit yes |\n");
    for (service, method) in methods() {
        write!(table, "| {service}.{method} |").expect("a String");
        for (name, uid) in CALLERS {
            let told = told(&world, uid, &service, &method).await;
            assert_eq!(
                told,
                expected(name, &method),
                "{name}: {service}.{method}\n{table}"
            );
            write!(table, " {told:?} |").expect("a String");
        }
        let with_polkit = told(&world, TRUSTED, &service, &method).await;
        let expected = match DANGEROUS.contains(&method.as_str()) {
            true => Told::In,
            false => expected("monitor", &method),
        };
        assert_eq!(
            with_polkit, expected,
            "polkit's yes: {service}.{method}\n{table}"
        );
        writeln!(table, " {with_polkit:?} |").expect("a String");
    }
    assert_eq!(table.lines().count(), methods().len() + 1);
    println!("{table}");
}

#[tokio::test(flavor = "multi_thread")]
async fn polkit_says_no_or_nothing_in_a_bounded_time() {
    let mut world = World::start().await;
    let since = std::time::Instant::now();
    let none = world
        .call(TRUSTED, "Settlement", "ResolveSettlement", &[])
        .await;
    let none = said(&none);
    assert!(
        none.contains("NOT_ALLOWED") && none.contains("polkit did not answer"),
        "{none}"
    );
    assert!(since.elapsed().as_secs() < 10, "{:?}", since.elapsed());
    world.start_polkit().await;
    let no = said(
        &world
            .call(MONITOR, "Settlement", "ResolveSettlement", &[])
            .await,
    );
    assert!(
        no.contains("NOT_ALLOWED") && no.contains("polkit does not allow it"),
        "{no}"
    );
    let yes = said(
        &world
            .call(TRUSTED, "Settlement", "ResolveSettlement", &[])
            .await,
    );
    assert!(!yes.contains("NOT_ALLOWED"), "{yes}");
    // Whom the table allows is not asked.
    let root = said(&world.call(0, "Settlement", "ResolveSettlement", &[]).await);
    assert!(!root.contains("NOT_ALLOWED"), "{root}");
    let log = world.desk.log();
    assert_eq!(log.matches("polkit was asked").count(), 3, "{log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_else_can_be_the_daemon() {
    let mut world = World::prepare(Setup::default()).await;
    world.start_bus().await;
    let bus = "org.freedesktop.DBus";
    let take = [
        "call",
        bus,
        "/org/freedesktop/DBus",
        bus,
        "RequestName",
        "su",
        "org.yibaod.Bridge1",
        "4",
    ];
    for uid in [0, CASHIER, STRANGER] {
        let told = world.busctl(uid, &take).await;
        assert!(
            !told.status.success() && said(&told).contains("ccess denied"),
            "{uid}: {}",
            said(&told)
        );
    }
}

async fn told(world: &World, uid: u32, service: &str, method: &str) -> Told {
    let deadline_ms = match method {
        // They would wait, whoever may. Nobody is asked about them.
        "Scan" | "ReadCard" => "500",
        _ => "20000",
    };
    let request = ["a{sv}", "1", "deadline_ms", "u", deadline_ms].map(str::to_owned);
    let output = world.call(uid, service, method, &request).await;
    let told = said(&output);
    assert!(
        !told.contains("Timeout") && !told.contains("NoReply"),
        "{method}: {told}"
    );
    if told.contains("NOT_ALLOWED") {
        Told::NotAllowed
    } else if !output.status.success() && told.contains("ccess denied") {
        Told::Shut
    } else {
        Told::In
    }
}

/// By the table of rights, of the operations that an empty request asks for.
fn expected(caller: &str, method: &str) -> Told {
    let operation = match method {
        "PutDocument" | "PrintBatch" => "Print",
        "WatchJob" | "WatchBatch" => "GetJob",
        "Preview" => "PreviewPrint",
        "GetSettlement" | "GetRefund" => method,
        other => other,
    };
    let operation = Operation::ALL
        .iter()
        .find(|found| found.name() == operation);
    let operation = operation.unwrap_or_else(|| panic!("{method} has no row in the table"));
    let role = match caller {
        "owner" | "root" => return Told::In,
        "another user" => return Told::Shut,
        role => role,
    };
    match operation.roles().iter().any(|may| may.word() == role) {
        true => Told::In,
        false => Told::NotAllowed,
    }
}

fn methods() -> Vec<(String, String)> {
    let pool =
        DescriptorPool::decode(yibaod::api::descriptors().as_slice()).expect("our own descriptors");
    let mut methods = Vec::new();
    for service in pool.services() {
        let short = service.name().trim_end_matches("Service").to_owned();
        methods.extend(
            service
                .methods()
                .map(|method| (short.clone(), method.name().to_owned())),
        );
    }
    methods
}
