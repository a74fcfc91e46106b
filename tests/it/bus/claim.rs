//! A claim over the bus: its signals, and what is read under it by who holds it and by nobody else.

use std::os::unix::fs::PermissionsExt as _;
use std::process::Stdio;
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, BufReader, Lines};
use tokio::process::ChildStdout;
use yibaod::api::Device;
use yibaod::sandbox::devices::card::IdCardReader;

use super::world::{OWNER, said};
use super::{CASHIER, Literal, World};
use crate::desk::{Setup, eventually};

/// Longest wait for what a client says.
const SAYS: Duration = Duration::from_secs(30);

#[tokio::test(flavor = "multi_thread")]
async fn a_card_is_read_under_a_claim_by_its_holder_alone() {
    let dir = tempfile::tempdir().expect("a folder");
    let reader = IdCardReader::start(dir.path()).expect("a pty");
    let open = std::fs::Permissions::from_mode(0o755);
    std::fs::set_permissions(dir.path(), open).expect("it is ours");
    std::os::unix::fs::chown(reader.path(), Some(OWNER), None).expect("root may");
    let path = reader.path().display();
    let setup = Setup {
        config_more: format!(
            "[[device]]\nname = \"ids\"\nrole = \"id-card\"\nkind = \"id-card-serial\"\npath = \"{path}\"\n"
        ),
        ..Setup::default()
    };
    let world = World::start_with(setup).await;
    let wish = Literal::Dict(vec![
        ("role".into(), Literal::Text("id-card".into())),
        ("purpose".into(), Literal::Text("window 3".into())),
    ]);
    let mut command = tokio::process::Command::from(world.python(CASHIER));
    command
        .args(["claim-read", &wish.typed().to_string()])
        .stdout(Stdio::piped())
        .kill_on_drop(true);
    let mut holder = command.spawn().expect("it is installed");
    let mut says = BufReader::new(holder.stdout.take().expect("piped")).lines();
    let granted = next(&mut says).await;
    let claim_id = granted["claim_id"].as_str().expect("an id").to_owned();
    let held = until(&world, |device| device.held_by == claim_id).await;
    assert_eq!(held.held_for, "window 3");
    let caller = format!("uid:{CASHIER} bus :1.");
    assert!(held.held_by_caller.starts_with(&caller), "{held:?}");

    let under = Literal::Dict(vec![("claim_id".into(), Literal::Text(claim_id))]);
    let other = world.call(0, "Device", "ReadCard", &under.words()).await;
    assert!(!other.status.success());
    assert!(said(&other).contains("CLAIM_UNKNOWN"), "{}", said(&other));
    let person = world
        .desk
        .platform
        .person("employee")
        .expect("of the sandbox");
    reader.lay(&person);
    let read = next(&mut says).await;
    assert_eq!(read["card"]["certno"], person.idno, "{read}");
    // It left the bus, and the claim with it.
    assert!(holder.wait().await.expect("its child").success());
    until(&world, |device| device.held_by.is_empty()).await;
}

/// The reader, once it is so.
async fn until(world: &World, wanted: impl Fn(&Device) -> bool) -> Device {
    let seen = eventually(async || {
        let mut devices = world.desk.status().await.devices.into_iter();
        devices
            .find(|device| device.name == "ids")
            .filter(|device| wanted(device))
    });
    seen.await.expect("it becomes so")
}

async fn next(says: &mut Lines<BufReader<ChildStdout>>) -> Value {
    let line = tokio::time::timeout(SAYS, says.next_line()).await;
    let line = line.expect("in time").expect("a text").expect("a line");
    serde_json::from_str(&line).unwrap_or_else(|_| panic!("{line}"))
}
