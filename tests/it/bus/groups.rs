//! Groups of callers: what the kernel and the bus say of them counts, from the next connection on.

use std::process::Command;

use super::world::{PATH, World, finished, said};
use crate::desk::Setup;

/// Who may call: the group of the socket.
const YIBAO: &str = "4500";
/// Who is a kiosk by the configuration.
const HALL: &str = "4600";
/// In no file of this machine.
const UID: u32 = 4_777;
/// What a cashier may and a kiosk may not.
const LIST: &str = "ListSettlements";

#[tokio::test(flavor = "multi_thread")]
async fn who_joins_a_group_has_its_rights_with_the_next_connection_and_who_leaves_has_not() {
    let mut world = World::prepare(Setup::default()).await;
    let dir = world.desk.dir().to_owned();
    let groups = std::fs::read_to_string(dir.join("group")).expect("its folder");
    let groups = format!("{groups}hall:x:{HALL}:\n");
    std::fs::write(dir.join("group"), groups).expect("its folder");
    let config = std::fs::read_to_string(world.desk.config()).expect("its folder");
    let config = config.replace("[access]\n", "[access]\nkiosk = [\"group:hall\"]\n");
    std::fs::write(world.desk.config(), config).expect("its folder");
    world.start_bus().await;
    world.start_daemon().await;
    world.on_bus().await;
    // No cashier is named, so every member of yibao is one, unless it has a role.
    for (groups, lists) in [
        (YIBAO.to_owned(), true),
        (format!("{YIBAO},{HALL}"), false),
        (YIBAO.to_owned(), true),
    ] {
        let by_socket = by_socket(&world, &groups).await;
        let refused = by_socket.contains("NOT_ALLOWED");
        assert_eq!(refused, !lists, "{groups}: {by_socket}");
        assert!(refused || by_socket.contains("{}"), "{by_socket}");
    }
    for (groups, lists) in [
        (YIBAO.to_owned(), true),
        (format!("{YIBAO},{HALL}"), false),
        (YIBAO.to_owned(), true),
    ] {
        let by_bus = by_bus(&world, &groups).await;
        assert_eq!(by_bus.contains("NOT_ALLOWED"), !lists, "{groups}: {by_bus}");
    }
}

fn with_groups(uid: u32, groups: &str) -> Command {
    let mut command = Command::new("setpriv");
    command.arg(format!("--reuid={uid}"));
    command.arg(format!("--regid={uid}"));
    command.arg(format!("--groups={groups}"));
    command
}

async fn by_socket(world: &World, groups: &str) -> String {
    let mut command = with_groups(UID, groups);
    command.args(["curl", "--silent", "--show-error", "--unix-socket"]);
    command.arg(world.desk.socket());
    command.args(["--header", "content-type: application/json", "--data", "{}"]);
    command.arg(format!(
        "http://localhost/yibao.v1.SettlementService/{LIST}"
    ));
    said(&finished(command).await)
}

async fn by_bus(world: &World, groups: &str) -> String {
    let mut command = with_groups(super::CASHIER, groups);
    command.env("DBUS_SYSTEM_BUS_ADDRESS", world.address());
    command.args(["busctl", "--system", "call", "--timeout=60"]);
    command.args([
        "org.yibaod.Bridge1",
        PATH,
        &super::interface("Settlement"),
        LIST,
    ]);
    said(&finished(command).await)
}
