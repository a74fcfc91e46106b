//! Which methods the suite asks for: a method that comes to be belongs into it.

use std::collections::BTreeSet;

use prost_reflect::DescriptorPool;

use super::scenario::Scenarios;
use super::table::{CLIENTS, WITH_CERTIFICATES};
use crate::proof::figure;

/// Methods that no scenario asks for, each with its reason.
const LEFT_OUT: &[(&str, &str)] = &[];

#[test]
fn every_method_is_in_a_scenario() {
    let suite = Scenarios::read();
    let asked: BTreeSet<&str> = suite.scenarios.iter().map(|it| it.path.as_str()).collect();
    let answered = (suite.scenarios.iter()).filter(|it| it.refused.is_none());
    let answered: BTreeSet<&str> = answered.map(|it| it.path.as_str()).collect();
    let pool =
        DescriptorPool::decode(yibaod::api::descriptors().as_slice()).expect("our own descriptors");
    let (mut streams, mut missing) = (BTreeSet::new(), Vec::new());
    let mut methods = BTreeSet::new();
    for service in pool.services() {
        for method in service.methods() {
            let path = format!("{}/{}", service.name(), method.name());
            let is_left_out = LEFT_OUT.iter().any(|(left_out, _)| *left_out == path);
            assert!(
                !(is_left_out && asked.contains(path.as_str())),
                "{path} is asked for after all"
            );
            if !is_left_out && !asked.contains(path.as_str()) {
                missing.push(path.clone());
            }
            if method.is_server_streaming() {
                streams.insert(path.clone());
            }
            methods.insert(path);
        }
    }
    assert!(
        missing.is_empty(),
        "no scenario of tests/peers/scenarios.json asks for {missing:?}"
    );
    let of = |all: &BTreeSet<&str>| all.iter().filter(|path| methods.contains(**path)).count();
    let refused_only: Vec<&str> = asked.difference(&answered).copied().collect();
    figure::leave(
        "contract-suite",
        &format!(
            "contract suite: {} of {} methods ({} of them streams) by {} clients at every door, {} answered; \
             only ever refused: {}",
            of(&asked),
            methods.len(),
            streams.len(),
            CLIENTS.len() + WITH_CERTIFICATES.len(),
            of(&answered),
            refused_only.join(", "),
        ),
    );
}
