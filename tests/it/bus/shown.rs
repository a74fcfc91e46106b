//! What tools see of the door: every method, its words, its properties.

use prost_reflect::DescriptorPool;

use super::interface;
use super::world::{CASHIER, PATH, STRANGER, World, said};

const NAME: &str = "org.yibaod.Bridge1";

#[tokio::test(flavor = "multi_thread")]
async fn busctl_and_gdbus_see_every_method_with_its_words() {
    let world = World::start().await;
    let seen = said(&world.busctl(CASHIER, &["introspect", NAME, PATH]).await);
    let words = [
        "introspect",
        "--system",
        "--dest",
        NAME,
        "--object-path",
        PATH,
    ];
    let with_words = said(&world.gdbus(CASHIER, &words).await);
    let pool =
        DescriptorPool::decode(yibaod::api::descriptors().as_slice()).expect("our own descriptors");
    for service in pool.services() {
        let of = interface(service.name().trim_end_matches("Service"));
        assert!(seen.contains(&format!("{of} ")), "{of}: {seen}");
        for method in service.methods() {
            let answer = match method.is_server_streaming() {
                true => "s",
                false => "a{sv}",
            };
            let row = seen
                .lines()
                .find(|line| line.starts_with(&format!(".{} ", method.name())));
            let row: Vec<_> = row.unwrap_or_default().split_whitespace().collect();
            let expected = [
                &format!(".{}", method.name()),
                "method",
                "a{sv}",
                answer,
                "-",
            ];
            assert_eq!(row, expected, "{}", method.full_name());
            assert!(
                with_words.contains(&format!("{}(", method.name())),
                "{with_words}"
            );
        }
    }
    assert!(with_words.contains("org.gtk.GDBus.DocString") && with_words.contains("deadline_ms"));
    for property in [".Version", ".Accepting", ".StuckSettlements"] {
        assert!(seen.contains(property), "{seen}");
    }
    let tree = said(&world.busctl(CASHIER, &["tree", NAME]).await);
    assert!(
        tree.contains("/org/yibaod/Bridge1/devices/scanner"),
        "{tree}"
    );
    let stranger = world.busctl(STRANGER, &["introspect", NAME, PATH]).await;
    assert!(
        !stranger.status.success(),
        "the bus shuts it out: {}",
        said(&stranger)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_door_explains_itself() {
    let world = World::start().await;
    let describe = |name: &'static str| {
        [
            "--json=short",
            "call",
            NAME,
            PATH,
            NAME,
            "Describe",
            "s",
            name,
        ]
    };
    let told = said(&world.busctl(CASHIER, &describe("ScanAndPayRequest")).await);
    assert!(
        told.contains("request_id s") && told.contains("必填"),
        "{told}"
    );
    let told = said(&world.busctl(CASHIER, &describe("Nothing")).await);
    assert!(told.contains("NOT_FOUND"), "{told}");
    let get = [
        "get-property",
        NAME,
        PATH,
        NAME,
        "Version",
        "DeskNumber",
        "Accepting",
        "OpenSettlements",
    ];
    let told = said(&world.busctl(CASHIER, &get).await);
    assert_eq!(
        told,
        format!(
            "s \"{}\"\ns \"007\"\nb true\nu 0\n",
            env!("CARGO_PKG_VERSION")
        )
    );
    let scanner = format!("{PATH}/devices/scanner");
    let get = [
        "get-property",
        NAME,
        &scanner,
        "org.yibaod.Bridge1.DeviceState",
        "State",
        "Role",
    ];
    let told = said(&world.busctl(CASHIER, &get).await);
    assert!(
        told.starts_with("s \"DEVICE_STATE_") && told.ends_with("s \"scanner\"\n"),
        "{told}"
    );
    let managed = [
        "call",
        NAME,
        PATH,
        "org.freedesktop.DBus.ObjectManager",
        "GetManagedObjects",
    ];
    let told = said(&world.busctl(CASHIER, &managed).await);
    assert!(
        told.starts_with("a{oa{sa{sv}}} 2 ") && told.contains("devices/printer"),
        "{told}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_there_is_said_as_the_bus_says_it() {
    let world = World::start().await;
    let set = ["set-property", NAME, PATH, NAME, "Accepting", "b", "false"];
    for (words, error) in [
        (
            &["call", NAME, "/nowhere", NAME, "Describe", "s", "Money"][..],
            "no object",
        ),
        (
            &["call", NAME, PATH, "org.example.None", "Ask"][..],
            "no interface",
        ),
        (&["call", NAME, PATH, NAME, "Ask"][..], "no method"),
        (
            &[
                "call",
                NAME,
                PATH,
                "org.yibaod.Bridge1.Daemon",
                "GetStatus",
                "s",
                "x",
            ][..],
            "arguments",
        ),
        (&["call", NAME, PATH, NAME, "Describe"][..], "arguments"),
        (&set[..], "no property can be set"),
    ] {
        let told = world.busctl(CASHIER, words).await;
        assert!(
            !told.status.success() && said(&told).contains(error),
            "{words:?}: {}",
            said(&told)
        );
    }
    let ping = [
        "call",
        NAME,
        "/anywhere",
        "org.freedesktop.DBus.Peer",
        "Ping",
    ];
    assert!(world.busctl(CASHIER, &ping).await.status.success());
}
