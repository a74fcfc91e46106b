//! Who gets in, how many at once, and who is slowed down.

use super::*;
use crate::config::access::{Access, Caller as Named};
use crate::ipc::access::{Accounts, Grant, Role};

const OWNER: u32 = 990;

#[test]
fn connections_are_counted_by_caller_and_in_all() {
    let gate = gate();
    let fill = |uid| {
        let most = 0..CONNECTIONS_PER_CALLER_MAX;
        most.map_while(|_| gate.connect(&caller(uid)))
            .collect::<Vec<_>>()
    };
    let mut first = fill(1);
    assert!(gate.connect(&caller(1)).is_none());
    assert!(gate.connect(&caller(2)).is_some());
    first.pop();
    first.extend(gate.connect(&caller(1)));
    let others: Vec<_> = (2..6).flat_map(fill).collect();
    let open = u32::try_from(first.len() + others.len()).unwrap();
    assert_eq!(open, CONNECTIONS_MAX - CONNECTIONS_KEPT);
    assert!(gate.connect(&caller(9)).is_none(), "the door is full");
    let own: Vec<_> = [0, OWNER].into_iter().flat_map(fill).collect();
    assert_eq!(u32::try_from(own.len()).unwrap(), CONNECTIONS_KEPT);
    drop(own);
    assert!(gate.connect(&caller(OWNER)).is_some(), "the owner gets in");
    assert!(gate.connect(&caller(9)).is_none(), "it is full for others");
    drop(others);
    assert!(gate.connect(&caller(9)).is_some());
    drop(first);
    assert!(lock(&gate.open).connections.is_empty());
}

#[test]
fn callers_over_tcp_leave_places_to_those_of_this_machine() {
    let gate = gate();
    let hosts = (0..CONNECTIONS_MAX).map(|n| format!("tcp:10.0.{}.{}", n / 250, n % 250));
    let held: Vec<_> = hosts.map_while(|who| gate.connect_remote(who)).collect();
    assert_eq!(u32::try_from(held.len()).unwrap(), CONNECTIONS_TCP_MAX);
    let local: Vec<_> = (0..CONNECTIONS_PER_CALLER_MAX)
        .map_while(|_| gate.connect(&caller(9)))
        .collect();
    assert_eq!(
        u32::try_from(local.len()).unwrap(),
        CONNECTIONS_PER_CALLER_MAX
    );
}

#[test]
fn what_root_has_open_over_tcp_takes_no_place_of_its_own_at_the_socket() {
    let gate = gate();
    for uid in [0, OWNER] {
        let fill = |tcp: &str| {
            let most = 0..=CONNECTIONS_PER_CALLER_MAX;
            let most = most.map_while(|_| gate.connect_remote(tcp.to_owned()));
            most.collect::<Vec<_>>()
        };
        let leaked = fill(&format!("tcp:uid:{uid}"));
        assert_eq!(
            u32::try_from(leaked.len()).unwrap(),
            CONNECTIONS_PER_CALLER_MAX
        );
        let local = (0..CONNECTIONS_PER_CALLER_MAX).map_while(|_| gate.connect(&caller(uid)));
        let local: Vec<_> = local.collect();
        assert_eq!(
            u32::try_from(local.len()).unwrap(),
            CONNECTIONS_PER_CALLER_MAX
        );
    }
}

#[test]
fn who_shows_no_token_has_a_small_share() {
    let gate = gate();
    let fill = |who: &str| {
        let most = 0..UNPROVEN_OF_ONE_MAX + 1;
        most.map_while(|_| gate.connect_unproven(who.to_owned()))
            .collect::<Vec<_>>()
    };
    let first = fill("tcp:uid:7");
    assert_eq!(u32::try_from(first.len()).unwrap(), UNPROVEN_OF_ONE_MAX);
    first.iter().for_each(Place::prove);
    let more = fill("tcp:uid:7");
    assert_eq!(more.len(), first.len(), "who proved it has others' places");
    assert!(gate.connect_unproven("tcp:uid:7".into()).is_none());
    let all: Vec<_> = ["tcp:uid:8", "tcp:uid:9"]
        .map(fill)
        .into_iter()
        .flatten()
        .collect();
    assert!(gate.connect_unproven("tcp:uid:10".into()).is_none());
    assert!(gate.connect_remote("tcp:10.0.0.1".into()).is_none(), "128");
    drop(all);
    assert!(gate.connect_unproven("tcp:uid:10".into()).is_some());
    drop((first, more));
    let open = lock(&gate.open);
    assert!(open.unproven.is_empty() && open.connections.is_empty());
}

#[test]
fn a_name_in_a_certificate_that_nobody_gave_here_is_told_to_nobody() {
    let access = Access {
        roles: vec![(Role::Cashier, Named::Certificate("room-7".into()))],
        ..Access::default()
    };
    let policy = Policy::new(&access, OWNER, &Accounts::default());
    let gate = Gate::new(Said::new(policy.unwrap(), 2));
    for (name, told) in [
        ("room-7", "certificate:room-7"),
        ("room-8", "certificate:(unnamed)"),
        ("王小明 990101197802034521", "certificate:(unnamed)"),
        ("room-7\nERROR forged", "certificate:(unnamed)"),
        ("", "certificate:(unnamed)"),
    ] {
        let peer = Peer {
            certificate: Some(name.to_owned()),
            ..Peer::default()
        };
        let caller = gate.caller(&peer, &HeaderMap::new()).ok().unwrap();
        assert_eq!(caller.to_string(), told);
    }
}

#[tokio::test(start_paused = true)]
async fn so_many_refusals_are_told_and_each_takes_its_time() {
    let gate = gate();
    let refuse = || gate.refuse_connection("uid:7", None);
    let told: Vec<_> = (0..REFUSALS_MAX).map_while(|_| refuse()).collect();
    assert_eq!(u32::try_from(told.len()).unwrap(), REFUSALS_MAX);
    assert!(refuse().is_none());
    drop(told);
    assert!(refuse().is_none(), "they went at once");
    tokio::time::sleep(Duration::from_millis(REFUSAL_MS_MIN + 1)).await;
    assert!(refuse().is_some());
    assert!(gate.connect(&caller(7)).is_some(), "places are others'");
    assert!(gate.pause_of("uid:7").is_none(), "nor are calls slower");
}

#[test]
fn calls_are_refused_with_a_code() {
    let gate = gate();
    let asked = |uid, operation| ask(&gate, caller(uid), operation);
    let held = [
        asked(7, Operation::ScanAndPay).ok().unwrap(),
        asked(7, Operation::GetStatus).ok().unwrap(),
    ];
    let full = Some(tonic::Code::ResourceExhausted);
    assert_eq!(asked(7, Operation::GetStatus).err(), full);
    drop(held);
    assert!(asked(7, Operation::GetStatus).is_ok());
    let denied = Some(tonic::Code::PermissionDenied);
    assert_eq!(asked(8, Operation::ScanAndPay).err(), denied);
    let nobody = gate.admit(&Request::new(()), Operation::GetStatus);
    assert_eq!(nobody.err().map(|status| status.code()), denied);
}

#[test]
fn who_asks_for_more_than_it_may_is_slowed_down_and_nobody_else() {
    let gate = gate();
    assert!(gate.pause_of("uid:7").is_none());
    let ask = || ask(&gate, caller(7), Operation::GetStatus);
    let held = [ask(), ask()];
    assert!(held.iter().all(Result::is_ok) && gate.pause_of("uid:7").is_none());
    assert!(ask().is_err());
    let waits: Vec<_> = (0..300).filter_map(|_| gate.pause_of("uid:7")).collect();
    assert!(waits.windows(2).take(100).all(|pair| pair[0] < pair[1]));
    assert_eq!(waits.len(), 300);
    assert!(waits.iter().all(|wait| wait.as_secs() <= SLOWED_WAIT_S_MAX));
    assert!(gate.pause_of("uid:8").is_none());
}

#[test]
fn who_asks_again_and_again_for_what_it_has_no_right_to_is_slowed_down() {
    let gate = gate();
    let forbidden = |caller| ask(&gate, caller, Operation::Reload).err().unwrap();
    for _ in 0..REFUSALS_FREE {
        forbidden(caller(7));
        assert!(gate.pause_of("uid:7").is_none(), "now and then");
    }
    forbidden(caller(7));
    assert!(gate.pause_of("uid:7").is_some());
    assert!(gate.pause_of("uid:8").is_none(), "nobody else");
    // What polkit may still allow is no refusal yet.
    let on_bus = |grant| Caller::Bus {
        uid: 9,
        groups: None,
        name: ":1.9".into(),
        grant,
    };
    for _ in 0..2 * REFUSALS_FREE {
        forbidden(on_bus(Grant::Asked));
    }
    assert!(gate.pause_of("uid:9").is_none());
    for _ in 0..2 * REFUSALS_FREE {
        forbidden(on_bus(Grant::Nothing));
    }
    assert!(gate.pause_of("uid:9").is_some());
}

#[test]
fn a_flood_at_the_door_waits_and_its_line_may_call() {
    let gate = gate();
    assert!(
        gate.turned_away("uid:7").is_none(),
        "the first is told at once"
    );
    let waits: Vec<_> = (0..50).filter_map(|_| gate.turned_away("uid:7")).collect();
    assert_eq!(waits.len(), 50);
    assert!(waits.windows(2).all(|pair| pair[0] < pair[1]));
    assert!(gate.turned_away("uid:8").is_none());
    assert!(gate.pause_of("uid:7").is_none());
}

fn ask(gate: &Gate, caller: Caller, operation: Operation) -> Result<(CallerId, Pass), tonic::Code> {
    let mut request = Request::new(());
    request.extensions_mut().insert(caller);
    let admitted = gate.admit(&request, operation);
    admitted.map_err(|status| status.code())
}

fn gate() -> Gate {
    let access = Access {
        roles: vec![(Role::Cashier, Named::Uid(7))],
        ..Access::default()
    };
    let policy = Policy::new(&access, OWNER, &Accounts::default());
    Gate::new(Said::new(policy.unwrap(), 2))
}

fn caller(uid: u32) -> Caller {
    Caller::Uid {
        uid,
        gid: uid,
        groups: None,
        pid: Some(1),
    }
}
