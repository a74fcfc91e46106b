//! Lists of jobs: the caller's own, or everybody's for who may see them.

use tonic::metadata::MetadataValue;
use tonic::transport::Endpoint;
use tonic::{Code, Request};
use yibaod::api::print_service_client::PrintServiceClient;
use yibaod::api::{ListJobsRequest, ListJobsResponse, PrintJobState as State, get_job_request};

use super::{client, hasty, print, request, until, until_state, why};
use crate::desk::{Desk, Setup};
use crate::doors::{TOKEN, tcp};

async fn listed(desk: &Desk, wanted: ListJobsRequest) -> ListJobsResponse {
    let answer = client(desk).await.list_jobs(wanted).await;
    answer.expect("a page").into_inner()
}

fn ids(page: &ListJobsResponse) -> Vec<&str> {
    page.jobs
        .iter()
        .map(|row| row.request_id.as_str())
        .collect()
}

fn of_role(role: &str) -> ListJobsRequest {
    ListJobsRequest {
        role: role.to_owned(),
        ..ListJobsRequest::default()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn jobs_are_listed_newest_first_by_pages() {
    let mut desk = Desk::start(Setup::default()).await;
    for id in ["one", "two", "three"] {
        print(&desk, request(id, &["一"])).await.expect("taken");
    }
    desk.printer.paper_out_after(0);
    print(&desk, hasty("four", &["四"])).await.expect("taken");
    until(&desk, "four", |job| why(job) == "PAPER_OUT").await;

    let first = ListJobsRequest {
        limit: 3,
        ..ListJobsRequest::default()
    };
    let page = listed(&desk, first.clone()).await;
    assert_eq!(ids(&page), ["four", "three", "two"]);
    let states: Vec<State> = page.jobs.iter().map(|row| row.state()).collect();
    assert_eq!(states, [State::Waiting, State::Printed, State::Printed]);
    let [four, three, _] = &page.jobs[..] else {
        panic!("{page:?}")
    };
    let error = four.error.as_ref().expect("what it waits for");
    assert_eq!(
        (error.name.as_str(), four.ended_at.as_str()),
        ("PAPER_OUT", "")
    );
    assert!(
        three.error.is_none() && three.ended_at >= three.accepted_at,
        "{three:?}"
    );
    let told = super::job(&desk, "three").await;
    assert_eq!((&three.job_id, three.proof()), (&told.job_id, told.proof()));
    assert_eq!(
        (&three.accepted_at, &three.ended_at),
        (&told.accepted_at, &told.ended_at)
    );

    let rest = ListJobsRequest {
        before: page.next.clone(),
        ..first
    };
    let rest = listed(&desk, rest).await;
    assert_eq!((ids(&rest), rest.next.as_str()), (vec!["one"], ""));
    let open = ListJobsRequest {
        open_only: true,
        ..ListJobsRequest::default()
    };
    assert_eq!(ids(&listed(&desk, open.clone()).await), ["four"]);
    assert!(listed(&desk, of_role("report")).await.jobs.is_empty());
    let unknown = ListJobsRequest {
        before: "nothing".to_owned(),
        ..ListJobsRequest::default()
    };
    let refused = client(&desk).await.list_jobs(unknown).await;
    assert_eq!(refused.expect_err("no such job").code(), Code::NotFound);

    // What was open before a restart is listed after it.
    desk.kill();
    desk.start_daemon().await;
    assert_eq!(ids(&listed(&desk, open).await), ["four"]);
    desk.printer.refill();
    until_state(&desk, "four", State::Printed).await;
    let all = listed(&desk, of_role("receipt")).await;
    assert_eq!(ids(&all), ["four", "three", "two", "one"]);
    assert!(all.jobs.iter().all(|row| row.state() == State::Printed));
}

#[tokio::test(flavor = "multi_thread")]
async fn others_jobs_are_for_who_may_see_them() {
    for (role, may) in [("kiosk", false), ("cashier", true)] {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let (config_more, address) = tcp(dir.path(), role);
        let setup = Setup {
            config_more,
            ..Setup::default()
        };
        let desk = Desk::start(setup).await;
        print(&desk, request("owners", &["一"]))
            .await
            .expect("taken");
        let address = Endpoint::from_shared(format!("http://{address}")).expect("an address");
        let mut hall = PrintServiceClient::new(address.connect().await.expect("it listens"));
        let bearer: MetadataValue<_> = format!("Bearer {TOKEN}").parse().expect("a token");
        let list = |all_callers| {
            let mut asked = Request::new(ListJobsRequest {
                all_callers,
                ..ListJobsRequest::default()
            });
            asked.metadata_mut().insert("authorization", bearer.clone());
            asked
        };
        let mut halls = Request::new(request("halls", &["二"]));
        halls.metadata_mut().insert("authorization", bearer.clone());
        hall.print(halls).await.expect("taken");

        let own = hall
            .list_jobs(list(false))
            .await
            .expect("a page")
            .into_inner();
        assert_eq!(ids(&own), ["halls"]);
        assert_eq!(own.jobs[0].caller, "token:hall");
        match hall.list_jobs(list(true)).await {
            Ok(all) if may => assert_eq!(ids(&all.into_inner()), ["halls", "owners"]),
            Err(status) if !may => assert_eq!(status.code(), Code::PermissionDenied),
            other => panic!("{role}: {other:?}"),
        }
        assert_eq!(
            ids(&listed(&desk, ListJobsRequest::default()).await),
            ["owners"]
        );
        let key = get_job_request::Key::DocumentId("none".to_owned());
        let asked = yibaod::api::GetJobRequest { key: Some(key) };
        let none = client(&desk).await.get_job(asked).await;
        assert_eq!(none.expect_err("no such document").code(), Code::NotFound);
    }
}
