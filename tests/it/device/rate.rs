//! Sixteen scanners at full rate: each code to its own asker, none lost, none joined with another.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tonic::transport::Channel;
use yibaod::api::claim_response::Update;
use yibaod::api::device_service_client::DeviceServiceClient;
use yibaod::api::{ClaimRequest, ClaimResponse, RenewClaimRequest};
use yibaod::sandbox::devices::scanner::{Scanner, Terminator};

use super::devices;
use crate::desk::{Desk, Setup};
use crate::proof::record::{Found, Proof, is_long};

const SCANNERS: u32 = 16;
/// Codes of all scanners together in the short form, and in the long one.
const CODES: u32 = 50_000;
const CODES_LONG: u32 = 1_000_000;
/// What is shown before the real codes, to see that it listens.
const FIRST: &[u8] = b"first";
/// A code that does not come is waited for so long.
const PATIENCE: Duration = Duration::from_secs(60);

#[tokio::test(flavor = "multi_thread")]
async fn no_code_is_lost_joined_or_given_to_another() {
    let proof = Proof::begin(
        "codes",
        "Codes of 16 scanners at full rate, each to its own asker",
        "16 把扫码枪全速扫码，各归其主",
    );
    let each = if is_long() { CODES_LONG } else { CODES } / SCANNERS;
    let dir = tempfile::tempdir().expect("a temporary folder");
    let scanners: Vec<Arc<Scanner>> = (0..SCANNERS)
        .map(|number| Arc::new(plug(&dir.path().join(number.to_string()))))
        .collect();
    let desk = Desk::start(Setup {
        config_more: tables(&scanners),
        ..Setup::default()
    })
    .await;
    let mut asked = tokio::task::JoinSet::new();
    for (number, scanner) in (0..SCANNERS).zip(&scanners) {
        let client = devices(&desk).await;
        asked.spawn(ask(client, Arc::clone(scanner), number, each));
    }
    let wrong: u64 = asked.join_all().await.into_iter().sum();
    let count = u64::from(each * SCANNERS);
    proof.end(&Found {
        count,
        failures: wrong,
        seeds: None,
    });
    assert_eq!(wrong, 0);
}

fn plug(dir: &Path) -> Scanner {
    std::fs::create_dir(dir).expect("a folder");
    Scanner::start(dir).expect("a pty")
}

/// The configuration of these scanners, beside the desk's own. Codes end by their terminators; a test that is kept
/// waiting by a busy machine in the middle of a code is no gap.
fn tables(scanners: &[Arc<Scanner>]) -> String {
    let table = |(number, scanner): (usize, &Arc<Scanner>)| {
        format!(
            "[[device]]\nname = \"gun-{number}\"\nrole = \"scanner-{number}\"\n\
             kind = \"serial-scanner\"\npath = \"{}\"\ngap_ms = 2000\n",
            scanner.path().display()
        )
    };
    scanners.iter().enumerate().map(table).collect()
}

/// Shows codes to one scanner and counts those that did not come as they were shown, in their order.
async fn ask(
    mut client: DeviceServiceClient<Channel>,
    scanner: Arc<Scanner>,
    number: u32,
    each: u32,
) -> u64 {
    let request = ClaimRequest {
        role: format!("scanner-{number}"),
        codes: true,
        ..ClaimRequest::default()
    };
    let mut news = client.claim(request).await.expect("a stream").into_inner();
    let Some(Update::Granted(granted)) = next(&mut news).await else {
        panic!("it is free")
    };
    let first = async {
        loop {
            scanner.scan(FIRST, Terminator::Cr).await.expect("a line");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::select! {
        () = first => {}
        heard = next(&mut news) => assert!(matches!(heard, Some(Update::Code(_)))),
    }
    let renewed = async {
        loop {
            tokio::time::sleep(Duration::from_secs(10)).await;
            let claim_id = granted.claim_id.clone();
            let renewed = client.renew_claim(RenewClaimRequest { claim_id }).await;
            renewed.expect("it is held");
        }
    };
    let rate = async { tokio::join!(show(&scanner, number, each), hear(&mut news, number, each)) };
    tokio::select! {
        ((), wrong) = rate => wrong,
        () = renewed => 0,
    }
}

async fn next(news: &mut tonic::Streaming<ClaimResponse>) -> Option<Update> {
    let message = tokio::time::timeout(PATIENCE, news.message()).await;
    let message = message.expect("in time").expect("no error");
    message.and_then(|it| it.update)
}

fn code(number: u32, i: u32) -> String {
    let filling = usize::try_from(i % 40).expect("small");
    format!("{number:02}-{i:07}-{}", "x".repeat(filling))
}

async fn show(scanner: &Scanner, number: u32, each: u32) {
    for i in 0..each {
        let terminator = match i % 2 {
            0 => Terminator::CrLf,
            _ => Terminator::Cr,
        };
        let bytes = code(number, i).into_bytes();
        scanner.scan(&bytes, terminator).await.expect("a line");
    }
}

async fn hear(news: &mut tonic::Streaming<ClaimResponse>, number: u32, each: u32) -> u64 {
    let mut wrong = 0;
    let mut wanted = 0;
    while wanted < each {
        let Some(Update::Code(read)) = next(news).await else {
            return wrong + u64::from(each - wanted);
        };
        if read.text.as_bytes() == FIRST {
            continue;
        }
        let right = code(number, wanted);
        if read.text != right || read.device != format!("gun-{number}") {
            if wrong == 0 {
                println!("{} from {} instead of {right}", read.text, read.device);
            }
            wrong += 1;
        }
        wanted += 1;
    }
    wrong
}
