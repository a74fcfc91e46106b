//! Bytes that no client sends: too long, cut off, malformed. The daemon lives, answers others, and does not grow.

use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::UnixStream;

use super::rss_anon_kib;
use crate::desk::{Desk, Setup};
use crate::proof::record::{Found, Proof, is_long};

/// The first seed; a run takes as many as its time allows.
const SEED: u64 = 20_261_122;
/// How long each door is tried.
const SHORT_S: u64 = 10;
const LONG_S: u64 = 600;
/// Growth after the first tenth, when buffers and threads are there, KiB.
const GROWTH_KIB_MAX: u64 = 8 * 1_024;
/// How long an answer to such bytes is waited for.
const ANSWER_MS: u64 = 20;

const JSON: &[u8] = b"POST /yibao.v1.DaemonService/GetStatus HTTP/1.1\r\nHost: localhost\r\n\
    Content-Type: application/json\r\nConnect-Timeout-Ms: 1000\r\nContent-Length: 17\r\n\r\n\
    {\"a\":[{\"b\":\"c\"}]}";
const STREAM: &[u8] = b"POST /yibao.v1.DeviceService/WatchDevices HTTP/1.1\r\nHost: localhost\r\n\
    Content-Type: application/connect+json\r\nConnect-Timeout-Ms: 5\r\nContent-Length: 7\r\n\r\n\
    \0\0\0\0\x02{}";

#[tokio::test(flavor = "multi_thread")]
async fn malformed_bytes_on_grpc_do_no_harm() {
    try_door(
        "hostile-grpc",
        "malformed bytes at the gRPC door",
        "gRPC 入口的畸形数据",
        &[&grpc()],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn malformed_bytes_on_json_do_no_harm() {
    try_door(
        "hostile-json",
        "malformed bytes at the JSON door",
        "JSON 入口的畸形数据",
        &[JSON, STREAM],
    )
    .await;
}

async fn try_door(id: &'static str, en: &'static str, zh: &'static str, whole: &[&[u8]]) {
    let mut proof = Proof::begin(id, en, zh);
    let mut desk = Desk::start(Setup::default()).await;
    let length = Duration::from_secs(if is_long() { LONG_S } else { SHORT_S });
    let began = Instant::now();
    let (mut seed, mut warm_kib) = (SEED, None);
    while began.elapsed() < length {
        let mut dice = Dice(seed);
        let bytes = spoil(whole[dice.below(whole.len())], &mut dice);
        send(&desk, &bytes).await;
        assert!(
            desk.daemon_ended().is_none(),
            "seed {seed} ended it: {}",
            desk.log()
        );
        seed += 1;
        if warm_kib.is_none() && began.elapsed() > length / 10 {
            warm_kib = Some(rss_anon_kib(desk.pid()));
        }
    }
    let grown_kib = rss_anon_kib(desk.pid()).saturating_sub(warm_kib.unwrap_or_default());
    let end = format!("{} connections, grown by {grown_kib} KiB", seed - SEED);
    println!("{id}: {end}");
    proof.cell("spoilt", &end, "–", began.elapsed());
    let failures = u64::from(grown_kib > GROWTH_KIB_MAX);
    proof.end(&Found {
        count: seed - SEED,
        failures,
        seeds: Some((SEED, seed - 1)),
    });
    assert_eq!(failures, 0, "{end}");
    assert!(!desk.log().contains("panicked"), "{}", desk.log());
    let listed = desk
        .settlements()
        .await
        .list_settlements(yibaod::api::ListSettlementsRequest::default())
        .await;
    assert!(listed.is_ok(), "it answers others: {listed:?}");
}

/// What a gRPC client sends for `GetStatus`: preface, settings, headers, an empty message.
fn grpc() -> Vec<u8> {
    let text = |bytes: &[u8]| {
        let length = u8::try_from(bytes.len()).expect("a short text");
        [&[length], bytes].concat()
    };
    let frame = |kind: u8, flags: u8, stream: u8, payload: &[u8]| {
        let length = u8::try_from(payload.len()).expect("a short frame");
        [&[0, 0, length, kind, flags, 0, 0, 0, stream], payload].concat()
    };
    let headers = [
        b"\x83\x86\x44".to_vec(),
        text(b"/yibao.v1.DaemonService/GetStatus"),
        b"\x41".to_vec(),
        text(b"desk"),
        b"\x5f".to_vec(),
        text(b"application/grpc"),
        b"\x40\x02te".to_vec(),
        text(b"trailers"),
    ];
    [
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec(),
        frame(4, 0, 0, b""),
        frame(1, 4, 1, &headers.concat()),
        frame(0, 1, 1, &[0; 5]),
    ]
    .concat()
}

/// Sends it and takes what comes for a moment.
async fn send(desk: &Desk, bytes: &[u8]) {
    let mut line = UnixStream::connect(desk.socket())
        .await
        .expect("its door is open");
    // It may close before all is sent.
    if line.write_all(bytes).await.is_ok() {
        let mut got = [0; 4_096];
        let read = line.read(&mut got);
        tokio::time::timeout(Duration::from_millis(ANSWER_MS), read)
            .await
            .ok();
    }
}

/// Cuts it off, changes bytes, doubles parts, puts in huge lengths and deep or long text.
fn spoil(whole: &[u8], dice: &mut Dice) -> Vec<u8> {
    let mut bytes = whole.to_vec();
    for _ in 0..=dice.below(4) {
        let at = dice.below(bytes.len().max(1));
        match dice.below(7) {
            0 => bytes.truncate(at),
            1 => {
                if let Some(byte) = bytes.get_mut(at) {
                    *byte = u8::try_from(dice.below(256)).expect("a byte");
                }
            }
            2 => bytes.splice(at..at, [0xff; 4]).for_each(drop),
            3 => {
                let again = bytes[at..].to_vec();
                bytes.extend(again);
            }
            4 => bytes
                .splice(at..at, vec![b'['; 1 + dice.below(70_000)])
                .for_each(drop),
            5 => bytes
                .splice(at..at, b"\xd5\xc5\"\\u".iter().copied())
                .for_each(drop),
            _ => {
                let end = bytes.len().min(at + 1 + dice.below(16));
                bytes.drain(at.min(end)..end);
            }
        }
    }
    bytes
}

/// Numbers that a seed gives again.
struct Dice(u64);

impl Dice {
    fn below(&mut self, most: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        let z = usize::try_from((z ^ (z >> 31)) >> 1).expect("64 bits");
        z % most.max(1)
    }
}
