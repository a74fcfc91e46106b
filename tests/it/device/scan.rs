//! The next code, for one call.

use std::time::{Duration, Instant};

use yibaod::api::{CodeCharset, CodeKind, DeviceState, ScanRequest, ScannedCode};
use yibaod::sandbox::devices::scanner::Terminator;

use super::{devices, holder, until_held, until_state};
use crate::desk::{Desk, Setup, Stalls, eventually, refusal};

/// How long a code is waited for, and what an answer may be late.
const WAIT_MS: u32 = 20_000;
const LATE: Duration = Duration::from_secs(1);
/// Longer than any pause within a code.
const SILENCE: Duration = Duration::from_millis(500);

/// Who was given a code stands in the journal so soon. What the disk took of it, and the machine, comes on top.
const RECORDED_MS_MAX: u64 = 100;
/// How often it is looked.
const LOOK_MS: u64 = 2;
/// Longest look.
const LOOK_S_MAX: u64 = 30;

/// The code, and when it was told.
async fn scan(desk: &Desk, bytes: &[u8]) -> Result<(ScannedCode, Instant), tonic::Status> {
    let mut client = devices(desk).await;
    let call = tokio::spawn(async move {
        let request = ScanRequest {
            purpose: "look up a card".into(),
            wait_ms: WAIT_MS,
            ..ScanRequest::default()
        };
        let answer = client.scan(request).await;
        (answer, Instant::now())
    });
    let (by, what) = until_held(desk).await;
    assert!(by.starts_with("claim-"), "{by}");
    assert_eq!(what, "look up a card");
    // The scanner listens a moment after it is held.
    let heard = async || {
        desk.scanner.scan(bytes, Terminator::CrLf).await.ok()?;
        call.is_finished().then_some(())
    };
    eventually(heard).await.expect("the code is heard");
    let (answer, told_at) = call.await.expect("the call's task");
    let code = answer?.into_inner().code.expect("a code");
    Ok((code, told_at))
}

#[tokio::test(flavor = "multi_thread")]
async fn any_code_is_read_and_sorted() {
    let card =
        "[[code]]\nname = \"就诊卡\"\nprefix = \"JZ\"\nlength_max = 12\nmade_of = \"digits\"\n";
    let desk = Desk::start(Setup {
        config_more: card.to_owned(),
        ..Setup::default()
    })
    .await;
    let gbk = [0xd2, 0xbd, 0xb1, 0xa3];
    let cases: [(&[u8], CodeKind, &str, &str); 4] = [
        (b"]C0JZ12345678", CodeKind::Site, "JZ12345678", "]C0"),
        (
            b"83456789012345678901",
            CodeKind::DrugTrace,
            "83456789012345678901",
            "",
        ),
        (&gbk, CodeKind::Unknown, "医保", ""),
        (
            b"(01)06901234567892\x1d10A",
            CodeKind::Unknown,
            "(01)06901234567892\x1d10A",
            "",
        ),
    ];
    for (before, (bytes, kind, text, symbology)) in cases.into_iter().enumerate() {
        let (stalls, commits) = (Stalls::watch(), commits(&desk).await);
        let (code, told_at) = scan(&desk, bytes).await.expect("a code");
        let recorded_at = recorded(&desk, before + 1).await;
        let disk = self::commits(&desk).await.saturating_sub(commits);
        let took = recorded_at.saturating_duration_since(told_at);
        let most = Duration::from_millis(RECORDED_MS_MAX) + stalls.lost() + disk;
        assert!(took <= most, "recorded after {took:?}, not {most:?}");
        assert_eq!((code.kind(), code.text.as_str()), (kind, text));
        assert_eq!(
            (code.symbology.as_str(), code.device.as_str()),
            (symbology, "scanner")
        );
        if kind == CodeKind::Site {
            assert_eq!(code.site_kind, "就诊卡");
        }
        let gb18030 = bytes == gbk.as_slice();
        assert_eq!(code.charset() == CodeCharset::Gb18030, gb18030);
    }
    let rows = given(&desk);
    let kinds: Vec<&str> = rows.iter().filter_map(|row| row["kind"].as_str()).collect();
    assert_eq!(kinds, ["就诊卡", "drug_trace", "unknown", "unknown"]);
    assert!(rows.iter().all(|row| row["door"] == "socket"), "{rows:?}");
    // What the codes were is nowhere.
    let written = serde_json::to_string(&rows).expect("rows");
    assert!(
        !written.contains("12345678") && !written.contains("医保"),
        "{written}"
    );
}

/// A class that public texts do not describe well enough to be built in: the sample shows how a site has it.
#[tokio::test(flavor = "multi_thread")]
async fn the_samples_code_of_prescriptions_is_known() {
    let sample = include_str!("../../../packaging/yibaod.toml");
    let at = sample
        .find("#name = \"电子处方\"")
        .expect("the sample has it");
    let lines = sample[at..]
        .lines()
        .take_while(|line| line.starts_with('#'));
    let lines: String = lines.map(|line| format!("{}\n", &line[1..])).collect();
    let desk = Desk::start(Setup {
        config_more: format!("[[code]]\n{lines}"),
        ..Setup::default()
    })
    .await;
    let prescription = "EP2026112200000000000000001";
    let (code, _) = scan(&desk, prescription.as_bytes()).await.expect("a code");
    assert_eq!(
        (code.kind(), code.site_kind.as_str()),
        (CodeKind::Site, "电子处方")
    );
    assert_eq!(code.text, prescription);
    for (other, kind) in [
        ("4241234567890123456789430000", CodeKind::Evoucher),
        ("EP202611220000000000000001", CodeKind::Unknown),
        ("134567890123456789", CodeKind::WechatPay),
    ] {
        let (code, _) = scan(&desk, other.as_bytes()).await.expect("a code");
        assert_eq!(
            (code.kind(), code.site_kind.as_str()),
            (kind, ""),
            "{other}"
        );
    }
}

/// When the journal has so many rows of codes that callers were given.
async fn recorded(desk: &Desk, count: usize) -> Instant {
    let until = Instant::now() + Duration::from_secs(LOOK_S_MAX);
    while given(desk).len() < count {
        assert!(Instant::now() < until, "{count} are never recorded");
        tokio::time::sleep(Duration::from_millis(LOOK_MS)).await;
    }
    Instant::now()
}

/// How long the journal's commits took in all.
async fn commits(desk: &Desk) -> Duration {
    let page = desk.metrics().await;
    let sum = page.lines().find_map(|line| {
        let text = line.strip_prefix("yibaod_journal_commit_seconds_sum ")?;
        text.parse().ok()
    });
    Duration::from_secs_f64(sum.unwrap_or_default())
}

/// The journal's rows of codes that callers were given.
fn given(desk: &Desk) -> Vec<serde_json::Value> {
    let journal = desk.state_dir().join("journal/journal.sqlite");
    let flags = rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY;
    let journal = rusqlite::Connection::open_with_flags(journal, flags).expect("it opens");
    let sql = "SELECT body FROM event WHERE kind = 'code_read' ORDER BY seq";
    let mut found = journal.prepare(sql).expect("a query");
    let rows = found.query_map([], |row| row.get::<_, String>(0));
    rows.expect("rows")
        .map(|body| serde_json::from_str(&body.expect("a body")).expect("JSON"))
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_speed_and_noise_are_told_at_once_and_the_next_code_is_whole() {
    let desk = Desk::start(Setup::default()).await;
    until_state(&desk, "scanner", DeviceState::Ready).await;
    let noise: &[u8] = &[0x00, 0xff, 0x80, 0xfe, 0x1b];
    for (speed, bytes) in [
        (Some(115_200), b"6901234567892\r\n".as_slice()),
        (None, noise),
    ] {
        desk.scanner.set_speed(speed);
        let stalls = Stalls::watch();
        let mut client = devices(&desk).await;
        let request = ScanRequest {
            wait_ms: WAIT_MS,
            ..ScanRequest::default()
        };
        let mut call = tokio::spawn(async move { client.scan(request).await });
        until_held(&desk).await;
        let began = Instant::now();
        // Shown again until it is heard: no terminator is understood, so a silence must end it.
        let told = loop {
            let line = desk.scanner.scan_raw(bytes);
            line.await.expect("a line");
            if let Ok(told) = tokio::time::timeout(SILENCE, &mut call).await {
                break told.expect("the call's task");
            }
        };
        let took = began.elapsed();
        let refused = refusal(&told.expect_err("what came is no code"));
        assert_eq!(refused.name, "CODE_INCOMPLETE");
        // Not only by the call's deadline. One may be shown in vain, before the scanner listens.
        let most = SILENCE + LATE + stalls.lost();
        assert!(took <= most, "after {took:?}, not {most:?}");
    }
    desk.scanner.set_speed(None);
    // What comes within a second of a half code may be its rest: told so, and the next one is whole.
    let again = match scan(&desk, b"6901234567892").await {
        Err(refused) => {
            assert_eq!(refusal(&refused).name, "CODE_INCOMPLETE");
            scan(&desk, b"6901234567892").await
        }
        whole @ Ok(_) => whole,
    };
    assert_eq!(again.expect("a code").0.text, "6901234567892");
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_scans_and_the_scanner_is_free() {
    let desk = Desk::start(Setup::default()).await;
    let mut client = devices(&desk).await;
    let request = ScanRequest {
        wait_ms: 100,
        ..ScanRequest::default()
    };
    until_state(&desk, "scanner", DeviceState::Ready).await;
    let status = client.scan(request).await.expect_err("nobody scans");
    assert_eq!(refusal(&status).name, "NOBODY_SCANNED");
    assert_eq!(status.code(), tonic::Code::DeadlineExceeded);
    assert_eq!(holder(&desk).await.0, "");
    let request = ScanRequest {
        role: "scanner-9".into(),
        ..ScanRequest::default()
    };
    let status = client.scan(request).await.expect_err("no such scanner");
    assert_eq!(refusal(&status).name, "DEVICE_UNKNOWN");
}
