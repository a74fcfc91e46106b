//! Three desks of one hospital, all at once: no number twice, nobody charged twice.

use std::sync::Arc;

use yibaod::api::Money;
use yibaod::sandbox::platform::{Options, Platform};

use crate::desk::{Desk, Setup, Shows, bill_for};
use crate::proof::record::{Found, Proof, is_long};

const DESKS: u16 = 3;
/// Connections to each desk; its calls share them.
const CONNECTIONS: usize = 20;
/// Settlements of each desk in the short form.
const EACH: usize = 100;
/// And in the long form.
const EACH_LONG: usize = 1_000;

#[tokio::test(flavor = "multi_thread")]
async fn three_desks_settle_at_once() {
    let proof = Proof::begin("fleet", "Three desks at once", "三窗口并发");
    let each = if is_long() { EACH_LONG } else { EACH };
    let count = each * usize::from(DESKS);
    let options = Options {
        crowd: count,
        ..Options::default()
    };
    let platform = Arc::new(Platform::start(options).await.expect("a free port"));
    let mut calls = tokio::task::JoinSet::new();
    let mut desks = Vec::new();
    for number in 1..=DESKS {
        let setup = Setup {
            desk_number: number,
            no_printer: true,
            ..Setup::default()
        };
        desks.push(Arc::new(Desk::start_at(Arc::clone(&platform), setup).await));
    }
    let mut connections = Vec::new();
    for desk in &desks {
        for _ in 0..CONNECTIONS {
            connections.push((Arc::clone(desk), desk.settlements().await));
        }
    }
    for i in 0..count {
        let (desk, client) = connections[i % connections.len()].clone();
        calls.spawn(async move {
            let person: &'static str = format!("crowd_{i:04}").leak();
            let mut request = bill_for(&desk.platform, person, &format!("fleet-{i}"));
            request.print = yibaod::api::PrintWish::No.into();
            desk.pay_over(
                client,
                request,
                &[Shows::fresh(person), Shows::fresh(person)],
            )
            .await
        });
    }
    let mut setl_ids = std::collections::BTreeSet::new();
    let mut amiss = Vec::new();
    while let Some(answer) = calls.join_next().await {
        let answer = answer.expect("no panic");
        if answer.money() != Money::Settled || !setl_ids.insert(answer.setl_id.clone()) {
            amiss.push(answer);
        }
    }
    let failures = u64::try_from(amiss.len()).expect("few");
    proof.end(&Found {
        count: u64::try_from(count).expect("few"),
        failures,
        seeds: None,
    });
    assert!(amiss.is_empty(), "not settled, or twice: {amiss:?}");
    assert_eq!(setl_ids.len(), count);
    let duplicates = platform.ledger(yibaod::sandbox::platform::Ledger::duplicates);
    assert_eq!(duplicates.msgids.len(), 0, "{duplicates:?}");
    assert_eq!(
        duplicates.batches.len() + duplicates.lines.len(),
        0,
        "{duplicates:?}"
    );
    assert_eq!(
        platform.ledger(|ledger| ledger.received("2207").len()),
        count
    );
}
