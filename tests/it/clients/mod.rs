//! One suite for all doors: the same scenarios by clients of other makers, through gRPC, JSON and D-Bus, over the
//! local socket, TCP with a token or within TLS with a certificate, and the bus. What they are told must be equal.
//!
//! The scenarios are data, `tests/peers/scenarios.json`; a client is a driver, a file of `tests/peers/drivers`, and a
//! row in [`table`]. They pay one after the other at one desk, as one cashier, and give back what they paid, so that
//! each finds what the one before it found.

mod answer;
mod coverage;
mod driver;
mod scenario;
mod table;

use std::collections::BTreeMap;

use crate::bus::patient;
use crate::bus::world::World;

use answer::Told;
use driver::{Driver, Place};
use scenario::{Caller, Scenario, Scenarios};
use table::{CLIENTS, Client, Door, WITH_CERTIFICATES};

/// What a client was told in each scenario, by the scenario's name.
type All = BTreeMap<String, Told>;

#[tokio::test(flavor = "multi_thread")]
async fn every_client_at_every_door_is_told_the_same() {
    all_are_told_the_same(&CLIENTS, Place::prepare().await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_client_with_a_certificate_is_told_the_same() {
    all_are_told_the_same(&WITH_CERTIFICATES, Place::with_tls().await).await;
}

async fn all_are_told_the_same(clients: &'static [Client], place: Place) {
    let scenarios = Scenarios::read();
    let mut everybody: Vec<(&Client, Driver, All)> = Vec::new();
    let mut problems = Vec::new();
    for client in clients {
        let since = std::time::Instant::now();
        let mut cashier = Driver::start(&place, client, Caller::Cashier);
        let mut monitor = Driver::start(&place, client, Caller::Monitor);
        let mut all = All::new();
        for scenario in &scenarios.scenarios {
            let by = match scenario.caller {
                Caller::Cashier => &mut cashier,
                Caller::Monitor => &mut monitor,
            };
            let Some(told) = play(&place.world, by, scenario).await else {
                continue;
            };
            if let Some(wrong) = scenario.wrong(client.name, &told, &all) {
                problems.push(format!("{}: {}: {wrong}", client.name, scenario.name));
            }
            all.insert(scenario.name.clone(), told);
        }
        println!(
            "{}: {} scenarios in {:?}",
            client.name,
            all.len(),
            since.elapsed()
        );
        everybody.push((client, cashier, all));
    }
    problems.extend(unequal(&scenarios, &everybody));
    assert!(problems.is_empty(), "{}", problems.join("\n\n"));
    repeat_the_first(&mut everybody, &scenarios).await;
    for (client, ..) in &everybody {
        let by = identified_by(&place.world, &client.id());
        assert_eq!(by.as_deref(), Some(client.door.word()), "{}", client.name);
    }
    let page = place.world.desk.metrics().await;
    let counted = format!(
        "yibaod_identifications_total{{outcome=\"identified\"}} {}\n",
        clients.len()
    );
    assert!(page.contains(&counted), "{page}");
}

/// By which door this client identified somebody, as the journal has it.
fn identified_by(world: &World, id: &str) -> Option<String> {
    let path = world.desk.state_dir().join("journal/journal.sqlite");
    let flags = rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY;
    let journal = rusqlite::Connection::open_with_flags(path, flags).expect("it opens");
    let sql =
        "SELECT body ->> 'door' FROM event WHERE kind = 'accepted' AND body ->> 'request_id' = ?";
    let door = journal.query_row(sql, [format!("{id}.who")], |row| row.get(0));
    door.expect("who identified somebody is written down")
}

/// What the driver is told; `None`: it has no streams.
async fn play(world: &World, driver: &mut Driver, scenario: &Scenario) -> Option<Told> {
    let id = driver.client.id();
    let ask = driver.ask(scenario, &id);
    let told = match scenario.shows {
        true => {
            tokio::pin!(ask);
            tokio::select! {
                // Nobody is there to show anything to any more.
                told = &mut ask => told,
                () = patient(world) => ask.await,
            }
        }
        false => ask.await,
    };
    let has_streams = driver.client.streams || scenario.stream.is_none();
    assert_eq!(
        told.is_some(),
        has_streams,
        "{}: {}",
        driver.client.name,
        scenario.name
    );
    told
}

/// Every client by the first, but for what is its own settlement's alone.
fn unequal(scenarios: &Scenarios, everybody: &[(&Client, Driver, All)]) -> Vec<String> {
    let mut problems = Vec::new();
    let (first, _, by_first) = &everybody[0];
    for (client, _, all) in everybody {
        for scenario in &scenarios.scenarios {
            let name = &scenario.name;
            let (Some(told), Some(wanted)) = (all.get(name), by_first.get(name)) else {
                continue;
            };
            let varies = [&scenarios.varies[..], &scenario.varies].concat();
            let wanted = wanted.without(&varies, first);
            let told = told.without(&varies, client);
            if let Err(differs) = told.is_as(&wanted) {
                problems.push(format!("{}: {name}: {differs}", client.name));
            }
        }
    }
    problems
}

/// A settled bill is one and the same to a caller, whatever it calls with: each client asks for the first one's, and is
/// told its ids and times too.
async fn repeat_the_first(everybody: &mut [(&Client, Driver, All)], scenarios: &Scenarios) {
    let paid = scenarios.named("scan, pay, print");
    for payer in [Door::Socket, Door::Tcp, Door::Tls] {
        let is_theirs = |client: &Client| client.payer() == payer;
        let mut first: Option<(String, Told)> = None;
        for (client, driver, all) in everybody
            .iter_mut()
            .filter(|(client, ..)| is_theirs(client))
        {
            let (id, wanted) = match &first {
                None => {
                    let own = (client.id(), all[&paid.name].clone());
                    first.insert(own)
                }
                Some(first) => first,
            };
            let told = driver.ask(paid, id).await.expect("an answer");
            assert_eq!(&told, wanted, "{}", client.name);
        }
    }
}
