//! The units, by systemd's own tools: that they say what is understood, how exposed the service is, and that the daemon
//! makes no system call that they forbid.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use yibaod::api::Money;

use super::{ctl, told};
use crate::callers::{answer_of, calling};
use crate::desk::{Desk, Setup, Shows, bill};
use crate::proof::figure;

/// Ten times what `systemd-analyze security` may say.
const EXPOSURE_TENTHS_MAX: &str = "15";
/// Directives that systemd 241 does not know, with the version that does: passed over there, so nothing may depend on
/// them. `tests/service` runs the service without them.
const NEWER_THAN_241: &str = include_str!("../../service/newer-than-241");
/// All others that are used, known to 241.
const KNOWN_TO_241: &str = "Description Documentation Wants After StartLimitIntervalSec StartLimitBurst Type \
    ConditionPathExists NotifyAccess ExecStart ExecReload WatchdogSec TimeoutStartSec TimeoutStopSec KillMode Restart RestartSec \
    RestartPreventExitStatus OOMScoreAdjust User Group UMask StateDirectory StateDirectoryMode RuntimeDirectory \
    RuntimeDirectoryMode RuntimeDirectoryPreserve LimitCORE LimitNOFILE TasksMax MemoryMax NoNewPrivileges \
    CapabilityBoundingSet AmbientCapabilities ProtectSystem ProtectHome PrivateTmp PrivateMounts \
    ProtectKernelTunables ProtectKernelModules ProtectControlGroups LockPersonality MemoryDenyWriteExecute \
    RestrictNamespaces RestrictRealtime RemoveIPC KeyringMode RestrictAddressFamilies SystemCallArchitectures \
    SystemCallFilter SystemCallErrorNumber DevicePolicy DeviceAllow WantedBy Also ListenStream FileDescriptorName \
    SocketUser SocketGroup SocketMode DirectoryMode Backlog RemoveOnStop";

/// Words of a list that 241 knows, where a newer one would be passed over with its whole line or be another thing.
const VALUES_OF_241: [(&str, &str); 16] = [
    ("Type", "simple exec forking oneshot dbus notify idle"),
    ("NotifyAccess", "none main exec all"),
    ("KillMode", "control-group mixed process none"),
    (
        "Restart",
        "no always on-success on-failure on-abnormal on-abort on-watchdog",
    ),
    ("RuntimeDirectoryPreserve", "no yes restart"),
    ("ProtectSystem", "no yes full strict"),
    ("ProtectHome", "no yes read-only tmpfs"),
    ("KeyringMode", "inherit private shared"),
    ("DevicePolicy", "auto closed strict"),
    (
        "RestrictAddressFamilies",
        "AF_UNIX AF_INET AF_INET6 AF_NETLINK AF_PACKET",
    ),
    ("SystemCallArchitectures", "native x86 x86-64 x32 arm arm64"),
    ("SystemCallErrorNumber", "EPERM EACCES EUCLEAN"),
    ("RestrictNamespaces", "no yes"),
    ("PrivateTmp", "no yes"),
    ("ProtectControlGroups", "no yes"),
    ("MemoryDenyWriteExecute", "no yes"),
];
/// Groups of system calls that 241 knows.
const CALLS_OF_241: &str = "@aio @basic-io @chown @clock @cpu-emulation @debug @default @file-system @io-event @ipc \
    @keyring @memlock @module @mount @network-io @obsolete @privileged @process @raw-io @reboot @resources @setuid \
    @signal @swap @sync @system-service @timer";

fn unit(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("systemd")
        .join(name)
}

fn text(name: &str) -> String {
    std::fs::read_to_string(unit(name)).expect("the unit")
}

/// `Name=` of each line and what is behind it.
fn directives(text: &str) -> Vec<(&str, &str)> {
    let lines = text
        .lines()
        .filter(|line| !line.starts_with('#') && !line.starts_with('['));
    lines.filter_map(|line| line.split_once('=')).collect()
}

/// The names of the list.
fn newer() -> impl Iterator<Item = &'static str> {
    let rows = NEWER_THAN_241.lines();
    rows.filter_map(|row| {
        let (name, version) = row.split_once(' ')?;
        let version: u16 = version.parse().expect("a version");
        assert!(version > 241, "{row}");
        Some(name)
    })
}

fn systemd_analyze(words: &[&str]) -> Output {
    Command::new("systemd-analyze")
        .args(words)
        .output()
        .expect("systemd is installed")
}

#[test]
fn every_directive_is_known_and_what_is_newer_is_on_the_list() {
    let known: BTreeSet<&str> = KNOWN_TO_241.split_whitespace().collect();
    for name in ["yibaod.service", "yibaod.socket"] {
        for (directive, _) in directives(&text(name)) {
            let is_newer = newer().any(|newer| newer == directive);
            assert!(known.contains(directive) != is_newer, "{name}: {directive}");
        }
    }
}

/// A directive that is known may still say what only a newer systemd understands.
#[test]
fn no_value_of_a_known_directive_is_newer() {
    for name in ["yibaod.service", "yibaod.socket"] {
        for (directive, value) in directives(&text(name)) {
            if newer().any(|newer| newer == directive) {
                continue;
            }
            // Specifiers came one by one, and none is needed: %d, the credentials, with 250.
            assert!(!value.contains('%'), "{name}: {directive}={value}");
            let list = VALUES_OF_241.iter().find(|(of, _)| *of == directive);
            let known: Vec<&str> = list.map_or(Vec::new(), |(_, known)| known.split(' ').collect());
            for word in value.split_whitespace() {
                let is_known = known.is_empty() || known.contains(&word);
                assert!(is_known, "{name}: {directive}={value}");
                let group = word.trim_start_matches('~');
                let is_group = directive == "SystemCallFilter" && group.starts_with('@');
                let is_known = !is_group || CALLS_OF_241.split_whitespace().any(|it| it == group);
                assert!(is_known, "{name}: {directive}={value}");
            }
        }
    }
}

#[test]
fn systemd_understands_the_units() {
    // Where they are installed the programs and the manual are there; here something stands for them.
    let dir = tempfile::tempdir().expect("a folder");
    for name in ["yibaod.service", "yibaod.socket"] {
        let text = text(name)
            .replace("/usr/lib/yibaod/yibaod", "/bin/true")
            .replace("/usr/bin/yibaoctl reload", "/bin/true");
        let lines = text
            .lines()
            .filter(|line| !line.starts_with("Documentation="));
        let text = lines.collect::<Vec<_>>().join("\n");
        std::fs::write(dir.path().join(name), text).expect("its folder");
    }
    let path = |name: &str| dir.path().join(name).display().to_string();
    let output = systemd_analyze(&[
        "verify",
        "--man=no",
        &path("yibaod.service"),
        &path("yibaod.socket"),
    ]);
    let said = String::from_utf8_lossy(&output.stderr);
    let shown = match said.trim() {
        "" => "nothing to say",
        said => said,
    };
    figure::leave("units-verify", &format!("systemd-analyze verify: {shown}"));
    let is_known = |line: &&str| {
        let mut named = newer().map(|name| format!("Unknown key '{name}'"));
        !named.any(|unknown| line.contains(&unknown))
    };
    let wrong: Vec<&str> = said
        .lines()
        .filter(is_known)
        .filter(|line| line.contains("yibaod"))
        .collect();
    assert!(wrong.is_empty(), "{wrong:?}");
}

#[test]
fn the_service_is_little_exposed() {
    let path = unit("yibaod.service").display().to_string();
    let threshold = format!("--threshold={EXPOSURE_TENTHS_MAX}");
    let output = systemd_analyze(&[
        "security",
        "--no-pager",
        "--offline=true",
        &threshold,
        &path,
    ]);
    let said = String::from_utf8_lossy(&output.stdout);
    let told = said
        .lines()
        .filter(|line| line.contains('✗') || line.contains("Overall"));
    let words = |line: &str| line.split_whitespace().collect::<Vec<_>>().join(" ");
    let told: Vec<String> = told.map(words).collect();
    let told = format!("systemd-analyze security:\n  {}", told.join("\n  "));
    figure::leave("units-security", &told);
    assert!(
        output.status.success(),
        "more exposed than {EXPOSURE_TENTHS_MAX} tenths:\n{said}"
    );
    assert!(said.contains("Overall exposure level"), "{said}");
}

/// A whole settlement with its paper under a tracer: what it calls is allowed.
#[tokio::test(flavor = "multi_thread")]
async fn a_settlement_makes_no_system_call_that_is_forbidden() {
    let platform = yibaod::sandbox::platform::Platform::start(Default::default()).await;
    let mut desk = Desk::prepare(
        std::sync::Arc::new(platform.expect("a free port")),
        Setup::default(),
    );
    let trace = desk.dir().join("trace").display().to_string();
    desk.start_daemon_under(&["strace", "-f", "-qq", "-c", "-U", "name", "-o", &trace])
        .await;
    let patient = desk.patient("traced", &[Shows::fresh("employee")]).await;
    let answer = answer_of(calling(&desk, bill(&desk, "traced")).await).await;
    patient.abort();
    assert_eq!(answer.money(), Money::Settled);
    told(&ctl(&desk, &["reload"]));
    desk.ask_to_stop();
    assert!(
        desk.wait_until_ended(std::time::Duration::from_secs(30))
            .await,
        "{}",
        desk.log()
    );
    let table = std::fs::read_to_string(&trace).expect("its trace");
    let made: BTreeSet<&str> = table
        .lines()
        .filter_map(|line| line.split_whitespace().last())
        .filter(|name| {
            name.chars()
                .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
        })
        .filter(|name| !["syscall", "total", "name"].contains(name))
        .collect();
    assert!(
        made.contains("fdatasync") && made.contains("epoll_wait"),
        "{table}"
    );
    let mut allowed = allowed();
    // SQLite gives its files to the owner of the database when it is root, which the service is not.
    if rustix::process::geteuid().is_root() {
        allowed.insert("fchown".to_owned());
    }
    let forbidden: Vec<_> = made
        .iter()
        .filter(|call| !allowed.contains(**call))
        .collect();
    assert!(forbidden.is_empty(), "{forbidden:?} of {made:?}");
    let (made, allowed) = (made.len(), allowed.len());
    figure::leave(
        "units-calls",
        &format!("a settlement makes {made} kinds of system calls, all among {allowed} allowed"),
    );
}

/// What the unit's filter lets through.
fn allowed() -> BTreeSet<String> {
    let mut allowed = BTreeSet::new();
    for (directive, value) in directives(&text("yibaod.service")) {
        if directive != "SystemCallFilter" {
            continue;
        }
        let (is_denied, groups) = match value.strip_prefix('~') {
            Some(groups) => (true, groups),
            None => (false, value),
        };
        for call in groups.split_whitespace().flat_map(calls_of) {
            match is_denied {
                true => drop(allowed.remove(&call)),
                false => drop(allowed.insert(call)),
            }
        }
    }
    allowed
}

/// The calls of a group and the groups in it, by systemd's own list.
fn calls_of(group: &str) -> Vec<String> {
    if !group.starts_with('@') {
        return vec![group.to_owned()];
    }
    let output = systemd_analyze(&["syscall-filter", "--no-pager", group]);
    let list = String::from_utf8_lossy(&output.stdout).into_owned();
    let members = list.lines().skip(1).map(str::trim);
    let members = members.filter(|it| !it.is_empty() && !it.starts_with('#'));
    members.flat_map(calls_of).collect()
}
