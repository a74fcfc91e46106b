//! HandOut and TakeBack: told once, or once where telling twice is as once; never goods twice in the books.

use tonic::Status;
use tonic::transport::Channel;
use yibaod::api::dispense_service_client::DispenseServiceClient;
use yibaod::api::{Dispense, DispenseState, GetDispenseRequest, get_dispense_request};
use yibaod::sandbox::platform::Ledger;

use super::{Asked, BEFORE, REQUEST, Told};
use crate::desk::{Desk, channel};
use crate::dispense::{back, goods};

async fn client(desk: &Desk) -> Result<DispenseServiceClient<Channel>, Status> {
    let channel = channel(&desk.socket()).await;
    let channel = channel.map_err(|error| Status::unavailable(error.to_string()))?;
    Ok(DispenseServiceClient::new(channel))
}

fn told(dispense: Option<Dispense>) -> Told {
    Told::Dispense(Box::new(dispense.expect("what is true")))
}

/// Goods that went out; the daemon is gone afterwards.
pub(super) async fn before(desk: &mut Desk) {
    desk.start_daemon().await;
    let mut client = client(desk).await.expect("its door is open");
    let answer = client.hand_out(goods(BEFORE)).await.expect("it is taken");
    let out = answer.into_inner().dispense.expect("what is true");
    assert_eq!(out.state(), DispenseState::Recorded, "{out:?}");
    desk.kill();
}

pub(super) async fn hand_out(desk: &Desk) -> Result<Told, Status> {
    let answer = client(desk).await?.hand_out(goods(REQUEST)).await?;
    Ok(told(answer.into_inner().dispense))
}

pub(super) async fn take_back(desk: &Desk, id: &str) -> Result<Told, Status> {
    let request = back(id, BEFORE, &[(2, "1", &[])]);
    let answer = client(desk).await?.take_back(request).await?;
    Ok(told(answer.into_inner().dispense))
}

pub(super) async fn look(desk: &Desk) -> Result<Option<Told>, Status> {
    let key = get_dispense_request::Key::RequestId(REQUEST.to_owned());
    let request = GetDispenseRequest { key: Some(key) };
    match client(desk).await?.get_dispense(request).await {
        Ok(answer) => Ok(Some(told(answer.into_inner().dispense))),
        Err(status) if status.code() == tonic::Code::NotFound => Ok(None),
        Err(status) => Err(status),
    }
}

/// What is recorded is in the books, row by row and once; what is in doubt is for a person, and counts as moved.
pub(super) async fn check(asked: Asked, desk: &Desk, dispense: &Dispense) {
    let (infno, rows) = if asked == Asked::TakeBack {
        ("3506A", 1)
    } else {
        ("3505A", 2)
    };
    let told = desk.received(infno);
    let booked: Vec<String> = desk.platform.ledger(|ledger: &Ledger| {
        let goods = ledger.goods().into_iter();
        let ours = goods.filter(|row| row.infno == infno);
        ours.map(|row| row.number).collect()
    });
    match dispense.state() {
        DispenseState::Recorded => {
            let numbers = dispense.rows.iter().map(|row| &row.medins_prod_sel_no);
            assert!(numbers.eq(&booked), "{dispense:?} {booked:?}");
            assert_eq!(booked.len(), rows);
        }
        DispenseState::Unknown => {
            assert!(dispense.stuck, "{dispense:?}");
            assert!(booked.is_empty() || booked.len() == rows, "{booked:?}");
        }
        DispenseState::Refused => assert_eq!(booked.len(), 0, "{dispense:?}"),
        DispenseState::PartlyRecorded | DispenseState::Pending | DispenseState::Unspecified => {
            panic!("{dispense:?}")
        }
    }
    if asked == Asked::TakeBack && dispense.state() != DispenseState::Refused {
        let again = take_back(desk, "again").await;
        assert!(again.is_err(), "no more is out: {again:?}");
        assert_eq!(desk.received(infno), told);
    }
}
