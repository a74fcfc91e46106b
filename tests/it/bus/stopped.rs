//! A stop ends what is followed at every door with a word, and takes no longer for it.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use futures_util::StreamExt as _;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::UnixStream;
use tokio::task::JoinSet;
use yibaod::api::WatchDevicesRequest;
use yibaod::api::device_service_client::DeviceServiceClient;
use zbus::message::Type;
use zbus::{Connection, MessageStream, OwnedVariant};

use super::World;
use super::world::PATH;
use crate::desk::{Stalls, channel, eventually, refusal};

/// Who follows, in all: at each of three doors.
const WATCHERS: usize = 21;
/// How much longer a stop may take for them. A door that waited for them did so for three seconds.
const MORE_MS_MAX: u64 = 1_000;
/// Longest wait for a last word on the bus.
const WORD_WAIT: Duration = Duration::from_secs(20);
const NO_WORD: &str = "an end without a word";
const NAME: &str = "org.yibaod.Bridge1";
/// What the stream asks, as an envelope of the Connect protocol.
const ENVELOPE: &[u8] = b"\0\0\0\0\x02{}";

#[tokio::test(flavor = "multi_thread")]
async fn watchers_are_told_of_a_stop_and_it_is_as_quick_as_without() {
    let mut alone = World::start().await;
    let without = stop(&mut alone).await;
    drop(alone);
    let mut world = World::start().await;
    let mut told = JoinSet::new();
    for n in 0..WATCHERS {
        match n % 3 {
            0 => told.spawn(by_grpc(world.desk.socket())),
            1 => told.spawn(in_json(world.desk.socket())),
            _ => told.spawn(by_bus(world.address())),
        };
    }
    let all = format!("yibaod_calls_open {}\n", WATCHERS + 1);
    let follow = eventually(async || world.desk.metrics().await.contains(&all).then_some(()));
    follow.await.expect("all of them follow");
    let stalls = Stalls::watch();
    let with = stop(&mut world).await;
    let lost = stalls.lost();
    println!(
        "a stop took {} ms without and {} ms with {WATCHERS} watchers",
        without.as_millis(),
        with.as_millis()
    );
    let mut untold = 0;
    while let Some(told) = told.join_next().await {
        let (door, told) = told.expect("no panic");
        // The bus itself says that the name has no owner any more; the word before it can be lost to that.
        if told == NO_WORD {
            untold += 1;
            continue;
        }
        assert!(told.contains("SHUTTING_DOWN"), "{door}: {told}");
    }
    println!("{untold} watchers on the bus heard no last word");
    assert!(untold < WATCHERS / 3, "nobody on the bus was told");
    let most = without + Duration::from_millis(MORE_MS_MAX) + lost;
    assert!(with <= most, "{with:?} with, {without:?} without them");
}

async fn stop(world: &mut World) -> Duration {
    let since = Instant::now();
    world.desk.stop().await;
    since.elapsed()
}

/// The name of the status at the end.
async fn by_grpc(socket: std::path::PathBuf) -> (&'static str, String) {
    let line = channel(&socket).await.expect("its door is open");
    let mut client = DeviceServiceClient::new(line);
    let answers = client.watch_devices(WatchDevicesRequest { from_seq: 0 });
    let mut answers = answers.await.expect("root may").into_inner();
    let status = loop {
        match answers.message().await {
            Ok(Some(_)) => {}
            Ok(None) => return ("gRPC", "an end without a word".to_owned()),
            Err(status) => break status,
        }
    };
    let told = refusal(&status);
    ("gRPC", format!("{} {:?}", told.name, status.code()))
}

/// All that came, to the end of the body.
async fn in_json(socket: std::path::PathBuf) -> (&'static str, String) {
    let mut line = UnixStream::connect(socket).await.expect("it listens");
    let head = format!(
        "POST /yibao.v1.DeviceService/WatchDevices HTTP/1.1\r\nHost: localhost\r\n\
         Content-Type: application/connect+json\r\nContent-Length: {}\r\n\r\n",
        ENVELOPE.len()
    );
    line.write_all(head.as_bytes()).await.expect("it is taken");
    line.write_all(ENVELOPE).await.expect("it is taken");
    let mut told = Vec::new();
    line.read_to_end(&mut told).await.expect("it is answered");
    let text = String::from_utf8_lossy(&told).into_owned();
    // A body that was cut has no last chunk.
    assert!(told.ends_with(b"\r\n0\r\n\r\n"), "{text}");
    ("JSON", text)
}

/// What the signal at the end says.
async fn by_bus(address: String) -> (&'static str, String) {
    let bus = zbus::connection::Builder::address(address.as_str());
    let bus: Connection = bus.build().await.expect("a bus");
    let mut heard = MessageStream::from(&bus);
    let interface = super::interface("Device");
    let asked = bus.call_method(
        Some(NAME),
        PATH,
        Some(interface.as_str()),
        "WatchDevices",
        &(),
    );
    asked.await.expect("root may");
    while let Ok(Some(message)) = tokio::time::timeout(WORD_WAIT, heard.next()).await {
        let message = message.expect("it goes on");
        let header = message.header();
        let is_end = header
            .member()
            .is_some_and(|member| member.as_str() == "Ended");
        if message.message_type() == Type::Signal && is_end {
            let body = message.body();
            let end: (String, String, String, BTreeMap<String, OwnedVariant>) =
                body.deserialize().expect("an end");
            return ("the bus", format!("{} {}", end.1, end.2));
        }
    }
    ("the bus", NO_WORD.to_owned())
}
