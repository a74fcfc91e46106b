//! Devices as objects: what changes is told to everybody, and who asks then is told the same.

use std::time::Duration;

use futures_util::StreamExt as _;
use zbus::MessageStream;
use zbus::connection::Builder;

use super::world::{PATH, World};

const DEVICE: &str = "org.yibaod.Bridge1.DeviceState";

#[tokio::test(flavor = "multi_thread")]
async fn an_unplugged_scanner_is_told_to_everybody() {
    let world = World::start().await;
    let bus = Builder::address(world.address().as_str())
        .build()
        .await
        .expect("a bus");
    let rule = "type='signal',interface='org.freedesktop.DBus.Properties',path_namespace='/org/yibaod/Bridge1'";
    let mut heard = MessageStream::from(&bus);
    bus.call_method(
        Some("org.freedesktop.DBus"),
        "/",
        Some("org.freedesktop.DBus"),
        "AddMatch",
        &rule,
    )
    .await
    .expect("a match");
    world.desk.scanner.unplug();
    let scanner = format!("{PATH}/devices/scanner");
    let told = tokio::time::timeout(Duration::from_secs(20), async {
        loop {
            let message = heard
                .next()
                .await
                .expect("the bus stays")
                .expect("a message");
            let header = message.header();
            let of = header.path().map_or("", |path| path.as_str());
            let shown = format!("{:?}", message.body().deserialize::<zbus::Structure<'_>>());
            if of == scanner && shown.contains("DEVICE_STATE_MISSING") {
                return shown;
            }
        }
    });
    let told = told.await.expect("it is told");
    assert!(told.contains(DEVICE), "{told}");
    let get = [
        "get-property",
        "org.yibaod.Bridge1",
        &scanner,
        DEVICE,
        "State",
    ];
    let asked = world.busctl(0, &get).await;
    assert_eq!(
        String::from_utf8_lossy(&asked.stdout),
        "s \"DEVICE_STATE_MISSING\"\n"
    );
}
