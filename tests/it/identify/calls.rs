//! Callers: two at once, one that goes, one that calls off, one that repeats, and a daemon that is killed.

use yibaod::api::{
    CancelIdentifyRequest, IdentifyFlow, IdentifyState, Stage, WatchIdentificationRequest,
};

use super::{asking, by_code, call, client, error, received, until, watch};
use crate::desk::{Desk, Setup, Shows, bill, refusal};

/// Calls beside which a watch is opened.
const MOMENTS: usize = 200;

#[tokio::test(flavor = "multi_thread")]
async fn two_callers_are_served_one_after_the_other() {
    let desk = Desk::start(Setup::default()).await;
    let (mut first, mut second) = (watch(&desk, "one").await, watch(&desk, "two").await);
    let one = call(&desk, asking("one", IdentifyFlow::Payment));
    let two = async {
        until(&mut first, Stage::WaitingScan).await;
        let two = call(&desk, asking("two", IdentifyFlow::Payment));
        let persons = async {
            loop {
                let event = second
                    .message()
                    .await
                    .expect("it goes on")
                    .expect("it runs");
                if event.queue_place > 0 {
                    assert_eq!(event.stage(), Stage::Queued);
                    break;
                }
            }
            desk.show(&Shows::fresh("employee")).await;
            until(&mut second, Stage::WaitingScan).await;
            desk.show(&Shows::fresh("resident")).await;
        };
        tokio::join!(two, persons).0
    };
    let (one, two) = tokio::join!(one, two);
    let (one, two) = (one.expect("it is taken"), two.expect("it is taken"));
    let person = |key| desk.platform.person(key).expect("a person").psn_no;
    assert_eq!(one.psn_no, person("employee"));
    assert_eq!(two.psn_no, person("resident"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dropped_call_and_a_cancelled_one_free_the_scanner() {
    let desk = Desk::start(Setup::default()).await;
    let mut events = watch(&desk, "dropped").await;
    tokio::select! {
        _ = call(&desk, asking("dropped", IdentifyFlow::Payment)) => panic!("nobody scanned"),
        _ = until(&mut events, Stage::WaitingScan) => {}
    }
    let ended = until(&mut events, Stage::Ended).await;
    assert_eq!(ended.error.expect("a reason").name, "CALLER_GONE");

    let mut events = watch(&desk, "cancelled").await;
    let request = || CancelIdentifyRequest {
        request_id: "cancelled".to_owned(),
    };
    let stop = async {
        until(&mut events, Stage::WaitingScan).await;
        client(&desk).await.cancel_identify(request()).await
    };
    let asked = call(&desk, asking("cancelled", IdentifyFlow::Payment));
    let (answer, stopped) = tokio::join!(asked, stop);
    let (answer, stopped) = (
        answer.expect("taken"),
        stopped.expect("it runs").into_inner(),
    );
    assert!(stopped.cancelled);
    assert_eq!(answer.state(), IdentifyState::Cancelled);
    assert_eq!(error(&answer), "CANCELLED_BY_CALLER");
    let again = client(&desk).await.cancel_identify(request()).await;
    assert!(!again.expect("it is known").into_inner().cancelled);
    let unknown = CancelIdentifyRequest {
        request_id: "nobody".to_owned(),
    };
    let unknown = client(&desk).await.cancel_identify(unknown).await;
    assert_eq!(
        refusal(&unknown.expect_err("nothing has it")).name,
        "NOT_FOUND"
    );
    by_code(&desk, "next", IdentifyFlow::Payment, "employee").await;
}

/// Its time is counted from the call on, the queue included: who comes next is never taken for it.
#[tokio::test(flavor = "multi_thread")]
async fn who_queued_to_the_deadline_is_told_and_leaves_the_next_one_alone() {
    let desk = Desk::start(Setup::default()).await;
    let mut first = watch(&desk, "first").await;
    let mut before = asking("first", IdentifyFlow::Payment);
    before.wait_ms = 1_500;
    let late = async {
        until(&mut first, Stage::WaitingScan).await;
        let mut request = tonic::Request::new(asking("late", IdentifyFlow::Payment));
        request.set_timeout(std::time::Duration::from_secs(6));
        let answer = client(&desk).await.identify(request).await;
        answer
            .expect("before its deadline")
            .into_inner()
            .identification
    };
    let (before, late) = tokio::join!(call(&desk, before), late);
    assert_eq!(error(&before.expect("taken")), "NOBODY_SCANNED");
    let late = late.expect("it is told");
    assert_eq!(late.state(), IdentifyState::Cancelled, "{late:?}");
    assert_eq!(error(&late), "NOBODY_SCANNED");
    by_code(&desk, "next", IdentifyFlow::Payment, "employee").await;
    let again = call(&desk, asking("late", IdentifyFlow::Payment)).await;
    let again = again.expect("it is repeated");
    assert_eq!(
        (again.psn_no.as_str(), again.identity_ref.as_str()),
        ("", "")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn repeating_gives_the_same_person_and_another_body_is_refused() {
    let mut desk = Desk::start(Setup::default()).await;
    let mut events = watch(&desk, "same").await;
    let show = async {
        until(&mut events, Stage::WaitingScan).await;
        let joins = call(&desk, asking("same", IdentifyFlow::Payment));
        let shows = async { desk.show(&Shows::fresh("employee")).await };
        tokio::join!(joins, shows).0
    };
    let first = call(&desk, asking("same", IdentifyFlow::Payment));
    let (first, joined) = tokio::join!(first, show);
    let (first, joined) = (first.expect("taken"), joined.expect("joins"));
    assert_eq!(
        first.identity_ref, joined.identity_ref,
        "one person, one reference"
    );
    let again = call(&desk, asking("same", IdentifyFlow::Payment)).await;
    let again = again.expect("it is repeated");
    assert_eq!((&again.psn_no, &again.name), (&first.psn_no, &first.name));
    assert_eq!(again.identity_ref, first.identity_ref);
    assert_eq!(received(&desk, "ec.query"), 1);

    let other = call(&desk, asking("same", IdentifyFlow::Report)).await;
    let told = refusal(&other.expect_err("another body"));
    assert_eq!(told.name, "REQUEST_ID_OTHER_BODY");
    assert!(told.fields.contains("flow"), "{told:?}");
    let taken = desk.scan_and_pay(bill(&desk, "same")).await;
    let told = refusal(&taken.expect_err("one id names one thing"));
    assert_eq!(told.name, "REQUEST_ID_OTHER_BODY");

    desk.stop().await;
    desk.start_daemon().await;
    let after = call(&desk, asking("same", IdentifyFlow::Payment)).await;
    let after = after.expect("it is repeated");
    assert_eq!(
        (&after.psn_no, after.identity_ref.as_str()),
        (&first.psn_no, "")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_in_the_middle_ends_it() {
    let mut desk = Desk::start(Setup::default()).await;
    let mut events = watch(&desk, "middle").await;
    tokio::select! {
        _ = call(&desk, asking("middle", IdentifyFlow::Payment)) => panic!("nobody scanned"),
        _ = until(&mut events, Stage::WaitingScan) => desk.kill(),
    }
    desk.start_daemon().await;
    let answer = call(&desk, asking("middle", IdentifyFlow::Payment)).await;
    let answer = answer.expect("it is known");
    assert_eq!(answer.state(), IdentifyState::Cancelled);
    assert_eq!(error(&answer), "IDENTIFY_INTERRUPTED");
    by_code(&desk, "next", IdentifyFlow::Payment, "employee").await;
    let verified = std::process::Command::new(env!("CARGO_BIN_EXE_yibaoctl"))
        .args(["journal", "verify"])
        .arg(desk.state_dir())
        .arg("--key")
        .arg(desk.dir().join("site.key"))
        .output()
        .expect("it runs");
    assert!(verified.status.success(), "{verified:?}");
}

/// Opened just before the call, a watch may look while the request is being written down.
#[tokio::test(flavor = "multi_thread")]
async fn a_watch_opened_at_the_same_moment_sees_the_end() {
    let desk = Desk::start(Setup::default()).await;
    let mut client = client(&desk).await;
    for n in 0..MOMENTS {
        let mut request = asking(&format!("moment-{n}"), IdentifyFlow::Payment);
        request.wait_ms = 5;
        let watched = WatchIdentificationRequest {
            request_id: request.request_id.clone(),
        };
        let events = client.watch_identification(watched).await;
        let mut events = events.expect("it can be watched").into_inner();
        let seen = async {
            let mut last = Stage::Unspecified;
            while let Some(event) = events.message().await.expect("it goes on") {
                last = event.stage();
            }
            last
        };
        let (answer, last) = tokio::join!(client.identify(request), seen);
        answer.expect("it is taken");
        assert_eq!(last, Stage::Ended, "{n}");
    }
}
