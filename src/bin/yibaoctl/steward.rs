//! `reload` and `log`: what is asked of the daemon itself.

use std::path::Path;

use yibaod::api::{ConfigChange, ReloadRequest, ReloadResponse, SetLogLevelRequest};
use yibaod::config::{Settings, running};

use crate::args::{Log, Reload};
use crate::connect::Door;
use crate::draw::clean;
use crate::exit::Exit;
use crate::json;
use crate::out::Out;
use crate::trouble::Trouble;

/// Reads the configuration again and shows what differs.
pub(crate) async fn reload(socket: &Path, reload: &Reload, out: &Out) -> Result<Exit, Trouble> {
    let mut door = match &reload.config {
        Some(config) => open(config, socket).await?,
        None => Door::open(socket).await?,
    };
    let answer = door.daemon.reload(ReloadRequest {}).await;
    let answer = answer.map_err(Trouble::of_status)?.into_inner();
    if out.is_json() {
        out.object(&json::text(&answer));
    } else {
        out.lines(&drawn(&answer));
    }
    Ok(Exit::Fine)
}

/// The door of the daemon that reads this configuration: where that daemon itself says that it listens, since the file may
/// name another socket already, else where the file says. What else is wrong with the file the daemon tells, and its log
/// keeps it; when there is no daemon it is told here.
async fn open(config: &Path, socket: &Path) -> Result<Door, Trouble> {
    let (written, wrong) = match Settings::socket_written(config) {
        Ok(written) => (written, None),
        Err(wrong) => (None, Some(wrong)),
    };
    let written = written.unwrap_or_else(|| socket.to_owned());
    let running = running::socket().filter(|running| *running != written);
    if let Some(running) = running
        && let Ok(door) = Door::open(&running).await
    {
        return Ok(door);
    }
    let opened = Door::open(&written).await;
    opened.map_err(|trouble| match (trouble, wrong) {
        (Trouble::Unreachable { socket, why }, Some(wrong)) => Trouble::Unreachable {
            socket,
            why: format!("{why}; {wrong}"),
        },
        (trouble, _) => trouble,
    })
}

/// Logs more or less.
pub(crate) async fn log(door: &mut Door, log: &Log, out: &Out) -> Result<Exit, Trouble> {
    let request = SetLogLevelRequest {
        level: log.level.clone(),
        target: log.part.clone().unwrap_or_default(),
    };
    let answer = door.daemon.set_log_level(request).await;
    let answer = answer.map_err(Trouble::of_status)?.into_inner();
    if out.is_json() {
        out.object(&json::text(&answer));
    } else {
        let filter = clean(&answer.filter);
        out.lines(&[format!("{filter}  (直至下次启动 until the next start)")]);
    }
    Ok(Exit::Fine)
}

fn drawn(answer: &ReloadResponse) -> Vec<String> {
    if answer.changes.is_empty() {
        return vec!["没有差异 nothing differs".to_owned()];
    }
    let row = |change: &ConfigChange| {
        let (before, after) = (written(&change.before), written(&change.after));
        let restart = match change.in_force {
            true => "",
            false => "  ← 重启后生效 in force after a restart",
        };
        format!("{}: {before} → {after}{restart}", clean(&change.key))
    };
    answer.changes.iter().map(row).collect()
}

fn written(value: &str) -> String {
    match value {
        "" => "(未写 not written)".to_owned(),
        value => clean(value),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_wants_a_restart_is_pointed_out() {
        let change = |key: &str, before: &str, after: &str, in_force| ConfigChange {
            key: key.into(),
            before: before.into(),
            after: after.into(),
            in_force,
        };
        let changes = vec![
            change("times.scan_wait_s", "60", "30", true),
            change("desk.number", "", "2", false),
        ];
        let lines = drawn(&ReloadResponse { changes });
        assert_eq!(lines[0], "times.scan_wait_s: 60 → 30");
        assert!(
            lines[1].contains("(未写 not written) → 2  ← 重启后生效"),
            "{}",
            lines[1]
        );
        assert_eq!(
            drawn(&ReloadResponse::default()),
            ["没有差异 nothing differs"]
        );
    }
}
