//! The desk and its devices as objects: what changes is told to everybody, and who asks then is told the same.

use std::collections::BTreeMap;
use std::process::Stdio;
use std::time::Duration;

use futures_util::StreamExt as _;
use serde_json::json;
use tokio::io::{AsyncBufReadExt as _, BufReader, Lines};
use tokio::process::ChildStdout;
use yibaod::api::daemon_service_client::DaemonServiceClient;
use yibaod::api::{Money, ReloadRequest};
use yibaod::book::Code;
use zbus::connection::Builder;
use zbus::message::Message;
use zbus::{Connection, MessageStream, ObjectPath, Variant};

use super::patient;
use super::world::{MONITOR, PATH, STRANGER, World, said};
use crate::callers::{answer_of, calling};
use crate::desk::{Setup, Shows, bill, channel};

const NAME: &str = "org.yibaod.Bridge1";
const DEVICE: &str = "org.yibaod.Bridge1.DeviceState";
const PROPERTIES: &str = "org.freedesktop.DBus.Properties";
const OBJECTS: &str = "org.freedesktop.DBus.ObjectManager";
/// Longest wait for a signal.
const SIGNAL_S_MAX: u64 = 20;
/// Who listens hears of a change within this, on a busy machine too.
const HEARD: Duration = Duration::from_secs(3);
/// Times that a member hears of a scanner that is pulled, and a stranger does not.
const UNPLUGGED_MIN: usize = 3;

/// Everything that is told to everybody.
struct Ear {
    _bus: Connection,
    heard: MessageStream,
}

impl Ear {
    async fn at(world: &World) -> Self {
        let bus = Builder::address(world.address().as_str()).build().await;
        let bus = bus.expect("a bus");
        let heard = MessageStream::from(&bus);
        let rule = "type='signal',path_namespace='/org/yibaod/Bridge1'";
        let of_bus = "org.freedesktop.DBus";
        let told = bus.call_method(Some(of_bus), "/", Some(of_bus), "AddMatch", &rule);
        told.await.expect("a match");
        Self { _bus: bus, heard }
    }

    /// The first signal of this name of which something is made.
    async fn until<T>(&mut self, name: &str, is: impl Fn(&Message) -> Option<T>) -> T {
        let wait = Duration::from_secs(SIGNAL_S_MAX);
        let told = tokio::time::timeout(wait, async {
            loop {
                let message = self.heard.next().await.expect("the bus stays");
                let message = message.expect("a message");
                let header = message.header();
                let member = header.member().map_or("", |name| name.as_str());
                if member == name
                    && let Some(told) = is(&message)
                {
                    return told;
                }
            }
        });
        told.await.unwrap_or_else(|_| panic!("no such {name}"))
    }

    /// Until these properties of this object have these values, each told by a signal.
    async fn until_told(&mut self, path: &str, interface: &str, wanted: &[(&str, Variant<'_>)]) {
        for (property, value) in wanted {
            self.until("PropertiesChanged", |message| {
                let body = message.body();
                let told = body.deserialize::<(&str, BTreeMap<&str, Variant<'_>>, Vec<&str>)>();
                let (of, changed, unsaid) = told.expect("as the standard has it");
                assert!(unsaid.is_empty(), "each value is told: {unsaid:?}");
                let header = message.header();
                let is_it = header.path().is_some_and(|it| it.as_str() == path) && of == interface;
                (is_it && changed.get(property) == Some(value)).then_some(())
            })
            .await;
        }
    }
}

/// A property, as who asks is told.
async fn asked(world: &World, path: &str, interface: &str, property: &str) -> String {
    let get = ["get-property", NAME, path, interface, property];
    said(&world.busctl(0, &get).await)
}

/// The devices' objects, as who asks is told.
async fn devices(world: &World) -> String {
    let call = ["call", NAME, PATH, OBJECTS, "GetManagedObjects"];
    said(&world.busctl(0, &call).await)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unplugged_scanner_is_told_to_everybody() {
    let world = World::start().await;
    let mut ear = Ear::at(&world).await;
    world.desk.scanner.unplug();
    let scanner = format!("{PATH}/devices/scanner");
    let missing = Variant::Str("DEVICE_STATE_MISSING".into());
    ear.until_told(&scanner, DEVICE, &[("State", missing)])
        .await;
    let asked = asked(&world, &scanner, DEVICE, "State").await;
    assert_eq!(asked, "s \"DEVICE_STATE_MISSING\"\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_runs_and_what_is_stuck_is_told_to_everybody() {
    let world = World::start_with(Setup {
        settle_quiet_s: 1,
        profile_more: "[transactions]\nreversible = []\n[enquiry]\nwithout_setl_id = false\n"
            .to_owned(),
        ..Setup::default()
    })
    .await;
    let mut ear = Ear::at(&world).await;
    let desk = &world.desk;
    let call = calling(desk, bill(desk, "objects-1")).await;
    let runs = |so_many| [("OpenSettlements", Variant::U32(so_many))];
    ear.until_told(PATH, NAME, &runs(1)).await;
    assert_eq!(asked(&world, PATH, NAME, "OpenSettlements").await, "u 1\n");
    patient(&world).await;
    assert_eq!(answer_of(call).await.money(), Money::Settled);
    ear.until_told(PATH, NAME, &runs(0)).await;
    assert_eq!(asked(&world, PATH, NAME, "OpenSettlements").await, "u 0\n");

    assert_eq!(asked(&world, PATH, NAME, "StuckSettlements").await, "u 0\n");
    desk.platform
        .arm("F1@2207")
        .expect("a fault of the sandbox");
    desk.pay(bill(desk, "objects-2"), &[Shows::fresh("employee")])
        .await;
    ear.until_told(PATH, NAME, &[("StuckSettlements", Variant::U32(1))])
        .await;
    assert_eq!(asked(&world, PATH, NAME, "StuckSettlements").await, "u 1\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_desk_that_stops_accepting_tells_everybody_why() {
    let world = World::start().await;
    let mut ear = Ear::at(&world).await;
    assert_eq!(asked(&world, PATH, NAME, "Accepting").await, "b true\n");
    let ahead = json!({ "clock_shift_s": 600, "check_headers": false });
    world.desk.platform.switch(&ahead).expect("a switch");
    let order = bill(&world.desk, "objects-3");
    world.desk.pay(order, &[Shows::fresh("employee")]).await;
    let why = Code::ClockSkew.id();
    ear.until("PropertiesChanged", |message| {
        let body = message.body();
        let told = body.deserialize::<(&str, BTreeMap<&str, Variant<'_>>, Vec<&str>)>();
        let (_, changed, _) = told.expect("as the standard has it");
        let accepting = changed.get("Accepting")?;
        assert_eq!(accepting, &Variant::Bool(false), "it accepted before");
        // With the word goes its reason, in one signal.
        assert_eq!(changed.get("NotAccepting"), Some(&Variant::Str(why.into())));
        Some(())
    })
    .await;
    assert_eq!(asked(&world, PATH, NAME, "Accepting").await, "b false\n");
    let told = asked(&world, PATH, NAME, "NotAccepting").await;
    assert_eq!(told, format!("s \"{why}\"\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_that_comes_or_goes_by_a_reload_is_told_to_everybody() {
    let world = World::start_with(Setup {
        no_printer: true,
        ..Setup::default()
    })
    .await;
    let mut ear = Ear::at(&world).await;
    let late = format!("{PATH}/devices/late");
    let before = devices(&world).await;
    assert!(before.starts_with("a{oa{sa{sv}}} 1 "), "{before}");
    let config = std::fs::read_to_string(world.desk.config()).expect("its file");
    let address = world.desk.printer.addr().expect("it has one");
    let more = format!(
        "\n[[device]]\nname = \"late\"\nrole = \"receipt\"\nkind = \"escpos-tcp\"\n\
         model = \"epson-tm-80\"\naddress = \"{address}\"\n"
    );
    reload(&world, &format!("{config}{more}")).await;
    ear.until("InterfacesAdded", |message| {
        let body = message.body();
        type Objects<'a> = BTreeMap<&'a str, BTreeMap<&'a str, Variant<'a>>>;
        let told = body.deserialize::<(ObjectPath<'_>, Objects<'_>)>();
        let (path, interfaces) = told.expect("as the standard has it");
        assert_eq!(path.as_str(), late, "nothing else comes");
        let told: Vec<_> = interfaces.keys().collect();
        assert_eq!(told, [&DEVICE]);
        let role = interfaces[DEVICE].get("Role");
        assert_eq!(role, Some(&Variant::Str("receipt".into())));
        Some(())
    })
    .await;
    let now = devices(&world).await;
    assert!(
        now.starts_with("a{oa{sa{sv}}} 2 ") && now.contains(&late),
        "{now}"
    );
    let role = asked(&world, &late, DEVICE, "Role").await;
    assert_eq!(role, "s \"receipt\"\n");

    reload(&world, &config).await;
    ear.until("InterfacesRemoved", |message| {
        let body = message.body();
        let told = body.deserialize::<(ObjectPath<'_>, Vec<&str>)>();
        let (path, interfaces) = told.expect("as the standard has it");
        assert_eq!((path.as_str(), interfaces), (late.as_str(), vec![DEVICE]));
        Some(())
    })
    .await;
    let after = devices(&world).await;
    assert!(
        after.starts_with("a{oa{sa{sv}}} 1 ") && !after.contains(&late),
        "{after}"
    );
    let gone = asked(&world, &late, DEVICE, "Role").await;
    assert!(
        gone.contains("no object") || gone.contains("Unknown"),
        "{gone}"
    );
    let still = [PROPERTIES, "GetAll", "s", DEVICE];
    let scanner = format!("{PATH}/devices/scanner");
    let words = [&["call", NAME, scanner.as_str()][..], &still].concat();
    assert!(world.busctl(0, &words).await.status.success());
}

/// The desk's configuration is this from here on.
async fn reload(world: &World, config: &str) {
    std::fs::write(world.desk.config(), config).expect("its folder");
    let line = channel(&world.desk.socket())
        .await
        .expect("its door is open");
    let told = DaemonServiceClient::new(line)
        .reload(ReloadRequest {})
        .await;
    assert!(!told.expect("it is right").into_inner().changes.is_empty());
}

/// Who is let in by a policy file of the site's own and has no role sees no property; who is not let in hears no change.
#[tokio::test(flavor = "multi_thread")]
async fn what_the_desk_tells_is_for_who_may_ask_for_it() {
    let mut world = World::prepare(Setup::default()).await;
    let own = world.desk.dir().join("system.d/site.conf");
    let let_in = format!(
        "<busconfig><policy user=\"stranger\"><allow send_destination=\"{NAME}\"/></policy></busconfig>"
    );
    std::fs::write(own, let_in).expect("its folder");
    world.start_bus().await;
    world.start_daemon().await;
    world.on_bus().await;
    let scanner = format!("{PATH}/devices/scanner");
    let asks: [&[&str]; 3] = [
        &["get-property", NAME, PATH, NAME, "OpenSettlements"],
        &["get-property", NAME, &scanner, DEVICE, "State"],
        &["call", NAME, PATH, OBJECTS, "GetManagedObjects"],
    ];
    for ask in asks {
        let seen = world.busctl(MONITOR, ask).await;
        assert!(seen.status.success(), "{ask:?}: {}", said(&seen));
        let refused = said(&world.busctl(STRANGER, ask).await);
        assert!(refused.contains("NOT_ALLOWED"), "{ask:?}: {refused}");
    }
    let watching = |uid| {
        let command = world.as_user(uid, &["gdbus", "monitor", "--system", "--dest", NAME]);
        let mut command = tokio::process::Command::from(command);
        command.stdout(Stdio::piped()).kill_on_drop(true);
        let mut child = command.spawn().expect("it is installed");
        let told = child.stdout.take().expect("it is piped");
        (child, BufReader::new(told).lines())
    };
    let (_member, mut member) = watching(MONITOR);
    let (mut stranger_runs, mut stranger) = watching(STRANGER);
    for told in [&mut member, &mut stranger] {
        // They listen when they have said whom to.
        while !next(told).await.contains("is owned by") {}
    }
    // It says so before it has asked the bus for signals.
    let mut times = 0;
    while times < UNPLUGGED_MIN {
        world.desk.scanner.unplug();
        let hears = async { while !next(&mut member).await.contains("DEVICE_STATE_MISSING") {} };
        times += usize::from(tokio::time::timeout(HEARD, hears).await.is_ok());
        world.desk.scanner.replug().expect("a line");
        until_ready(&world, &scanner).await;
    }
    stranger_runs.kill().await.expect("it runs");
    let mut heard = Vec::new();
    while let Ok(Some(line)) = stranger.next_line().await {
        heard.push(line);
    }
    assert!(heard.is_empty(), "{heard:?}");
}

async fn until_ready(world: &World, scanner: &str) {
    while !asked(world, scanner, DEVICE, "State")
        .await
        .contains("READY")
    {}
}

async fn next(told: &mut Lines<BufReader<ChildStdout>>) -> String {
    let line = tokio::time::timeout(Duration::from_secs(SIGNAL_S_MAX), told.next_line()).await;
    let line = line.expect("it is told in time").expect("it is text");
    let line = line.expect("it runs");
    println!("{line}");
    line
}
