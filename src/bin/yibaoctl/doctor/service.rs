//! Whether the daemon runs, answers, and is the version that this program belongs to.

use std::path::Path;

use yibaod::api::{TcpState, TcpStatus};
use yibaod::config::secrets::HANDED_PATH;

use super::finding::Repair;
use super::rights::USER;
use super::{Finding, Patient};
use crate::trouble::Trouble;

const UNIT: &str = "yibaod.service";
const DOOR: &str = "yibaod.socket";
/// What the unit starts.
const PROGRAM: &str = "/usr/lib/yibaod/yibaod";
/// How long it may check its configuration.
const CHECK_S_MAX: &str = "60";
/// Characters that are told of why it says no.
const WHY_CHARS_MAX: usize = 300;

pub(super) fn look(patient: &Patient, config: &Path, socket: &Path) -> Vec<Finding> {
    let mut findings = Vec::new();
    findings.extend(unit(patient));
    findings.extend(start(patient, config));
    match &patient.status {
        Err(trouble) => {
            findings.push(silent(trouble, socket));
            findings.extend(door(patient, config));
        }
        Ok(status) => {
            findings.push(version(&status.version));
            findings.push(match (&status.not_accepting, status.accepting) {
                (_, true) => Finding::fine("service.settles", "受理结算", "takes settlements"),
                (why, false) => {
                    let why = why.clone().unwrap_or_default();
                    let zh = format!("不受理结算：{} {}", why.code, why.meaning_zh);
                    let en = format!("takes no settlement: {} {}", why.code, why.meaning_en);
                    Finding::bad("service.settles", zh, en).so(why.action_zh, why.action_en)
                }
            });
            findings.extend(port(status.tcp.as_ref()));
            if status.stuck_settlements > 0 {
                let count = status.stuck_settlements;
                let zh = format!("{count} 笔业务须人工处理");
                let en = format!("{count} wait for a person");
                findings.push(Finding::care("service.stuck", zh, en).so(
                    "执行 yibaoctl stuck 查看并逐笔处理",
                    "Run yibaoctl stuck and resolve them one by one",
                ));
            }
        }
    }
    findings
}

/// The port for TCP, where one is wanted: who has it besides us gets the tokens of those who call there.
fn port(tcp: Option<&TcpStatus>) -> Option<Finding> {
    let (subject, tcp) = ("service.tcp", tcp?);
    if tcp.state() == TcpState::On {
        return Some(Finding::fine(
            subject,
            "TCP 端口正在监听",
            "the port for TCP is listened at",
        ));
    }
    if tcp.state() != TcpState::Away {
        return None;
    }
    let (why, holder) = (&tcp.why, tcp.held_by_uid.map(|uid| format!("uid {uid}")));
    let zh = holder
        .as_deref()
        .map_or_else(String::new, |it| format!("，{it} 占用"));
    let en = holder
        .as_deref()
        .map_or_else(String::new, |it| format!("; {it} has it"));
    let finding = Finding::bad(
        subject,
        format!("TCP 端口没有监听，其他接口照常：{why}{zh}"),
        format!("nobody listens on TCP, the other doors are open: {why}{en}"),
    );
    Some(finding.so(
        "ss -ltnp 查出占用者并停止它，端口空出后自动恢复；占用者可能已收到令牌：yibaoctl token create 换新",
        "Find who has it by ss -ltnp and end that; the port is then taken by itself. Tokens may have been shown to it: \
         make new ones by yibaoctl token create",
    ))
}

/// What systemd says, where there is one.
fn unit(patient: &Patient) -> Option<Finding> {
    let machine = &patient.machine;
    let subject = "service.unit";
    if !machine.exists("/run/systemd/system") {
        let zh = "本机没有运行 systemd";
        let finding = Finding::unseen(subject, zh, "systemd does not run here");
        return Some(finding.so(
            "守护进程须自行启动，并在退出后重新启动",
            "Whatever starts the daemon here has to start it again when it ends",
        ));
    }
    let fields = "LoadState,ActiveState,SubState,UnitFileState,NRestarts,Result";
    let said = machine.says("systemctl", &["show", UNIT, "-p", fields])?;
    Some(of_unit(&said))
}

/// From `systemctl show`.
fn of_unit(said: &str) -> Finding {
    let subject = "service.unit";
    let field = |name: &str| {
        let mut lines = said.lines().filter_map(|line| line.split_once('='));
        lines.find_map(|(key, value)| (key == name).then(|| value.to_owned()))
    };
    let field = |name: &str| field(name).unwrap_or_default();
    let (active, enabled) = (field("ActiveState"), field("UnitFileState"));
    let restarts = field("NRestarts");
    if field("LoadState") != "loaded" {
        let zh = "没有安装 yibaod.service";
        return Finding::care(subject, zh, "yibaod.service is not installed").so(
            "请安装 yibaod 软件包；自行启动的守护进程不会随开机运行",
            "Install the package; a daemon started by hand does not come back after a boot",
        );
    }
    if active == "failed" {
        let zh = format!("服务已失败（{}）", field("Result"));
        let en = format!("the service failed ({})", field("Result"));
        return Finding::bad(subject, zh, en).so(
            "查看原因：journalctl -u yibaod -n 50；改正后 systemctl reset-failed yibaod.service yibaod.socket && systemctl start yibaod",
            "See why: journalctl -u yibaod -n 50; then systemctl reset-failed yibaod.service yibaod.socket && systemctl start yibaod",
        );
    }
    if active != "active" {
        let zh = format!("服务没有运行（{active}）");
        let en = format!("the service does not run ({active})");
        return Finding::bad(subject, zh, en).so(
            "执行 systemctl enable --now yibaod",
            "Run systemctl enable --now yibaod",
        );
    }
    if !restarts.is_empty() && restarts != "0" {
        let zh = format!("正在运行，但已自动重启 {restarts} 次");
        let en = format!("runs, and was restarted {restarts} times");
        return Finding::care(subject, zh, en).so(
            "查看每次退出的原因：journalctl -u yibaod -p warning",
            "See why it ended: journalctl -u yibaod -p warning",
        );
    }
    if enabled == "disabled" {
        let zh = "正在运行，但不会随开机启动";
        return Finding::care(subject, zh, "runs, and will not after a boot").so(
            "执行 systemctl enable yibaod",
            "Run systemctl enable yibaod",
        );
    }
    Finding::fine(subject, "正在运行", "runs")
}

/// The door that systemd holds for the daemon, where nobody answers at it.
fn door(patient: &Patient, config: &Path) -> Option<Finding> {
    let machine = &patient.machine;
    if !machine.exists("/run/systemd/system") {
        return None;
    }
    let fields = "ActiveState,UnitFileState";
    let service = machine.says("systemctl", &["show", UNIT, "-p", "ActiveState"])?;
    let said = machine.says("systemctl", &["show", DOOR, "-p", fields])?;
    let check = match patient.settings {
        Ok(_) => Some(checks(machine.exists(HANDED_PATH), config)),
        // What was just seen to be wrong needs no other word: the service that runs would not come back.
        Err(_) => None,
    };
    of_door(&service, &said, check)
}

/// Whether a start would go well: root, who reads every file, cannot tell by its own look.
fn start(patient: &Patient, config: &Path) -> Option<Finding> {
    let machine = &patient.machine;
    let has_user = machine.uid(USER).is_some();
    if patient.settings.is_err() || !has_user || !machine.exists(PROGRAM) || !machine.is_real() {
        return None;
    }
    let has_credentials = machine.exists(HANDED_PATH);
    if !rustix::process::geteuid().is_root() {
        return Some(of_start(None, has_credentials));
    }
    let words = checks(has_credentials, config);
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let (program, arguments) = words.split_first()?;
    Some(of_start(machine.tries(program, arguments), has_credentials))
}

/// From what the check says, if it could be run.
fn of_start(said: Option<Result<(), String>>, has_credentials: bool) -> Finding {
    let subject = "service.start";
    let as_root = ("请以管理员身份再次执行", "Run it again as root");
    let why = match said {
        Some(Ok(())) => {
            let zh = format!("以用户 {USER} 检查，配置、站点配置和密钥都能读取");
            let en =
                format!("the user {USER} can read the configuration, the profile and the secrets");
            return Finding::fine(subject, zh, en);
        }
        None => {
            let zh = format!("没有以用户 {USER} 检查配置能否读取");
            let en = format!("whether the user {USER} can read the configuration was not tried");
            return Finding::unseen(subject, zh, en).so(as_root.0, as_root.1);
        }
        Some(Err(why)) => why,
    };
    let why = why.lines().rev().find(|line| !line.trim().is_empty());
    let why: String = why.unwrap_or("?").chars().take(WHY_CHARS_MAX).collect();
    if !has_credentials {
        let zh =
            format!("服务没有运行，未取得其 systemd 凭据；此时以用户 {USER} 检查不通过：{why}");
        let en = format!(
            "the service does not run, so its credentials are not here; without them: {why}"
        );
        return Finding::unseen(subject, zh, en).so(
            "先 systemctl start yibaod，再次执行",
            "systemctl start yibaod, then run it again",
        );
    }
    let zh = format!("以用户 {USER} 检查不通过，重启后服务会起不来：{why}");
    let en =
        format!("the user {USER} cannot start with it, so after a restart it stays down: {why}");
    Finding::bad(subject, zh, en).so(
        "按所述改正文件的内容、所有者或权限（见 rights.*），再次执行",
        "Correct what it says, the files' owners and modes (see rights.*), and run it again",
    )
}

/// The question whether a start would be refused, as the service would ask it: as its user, with the credentials that
/// systemd handed to it.
fn checks(has_credentials: bool, config: &Path) -> Vec<String> {
    let user = format!("--reuid={USER}");
    let mut words = vec![
        "setpriv",
        user.as_str(),
        "--regid=yibao",
        "--init-groups",
        "--",
        "env",
    ];
    let handed = format!("CREDENTIALS_DIRECTORY={HANDED_PATH}");
    if has_credentials {
        words.push(&handed);
    }
    let config = config.to_string_lossy();
    words.extend([
        "timeout",
        CHECK_S_MAX,
        PROGRAM,
        "--check",
        "--config",
        &config,
    ]);
    words.into_iter().map(str::to_owned).collect()
}

/// From `systemctl show` of the service and of its socket. Where a person disabled it, the daemon makes its own.
/// `check`: what says whether it would come back; absent: it would not.
fn of_door(service: &str, said: &str, check: Option<Vec<String>>) -> Option<Finding> {
    let is = |said: &str, wanted: &str| said.lines().any(|line| line == wanted);
    let is_stopped = !is(said, "ActiveState=active") && is(said, "UnitFileState=enabled");
    if !is_stopped || !is(service, "ActiveState=active") {
        return None;
    }
    // Beside a service that runs it cannot be started; the service brings it along.
    let restart = ["systemctl", "restart", UNIT].map(str::to_owned).to_vec();
    let finding = Finding::bad(
        "service.door",
        "服务在运行，但 yibaod.socket 已停止，没有人能接入",
        "the service runs, but yibaod.socket is stopped: nobody gets in",
    );
    let advice = (
        "执行 yibaod --check，通过后 systemctl restart yibaod.service（进行中的结算会先完成）",
        "yibaod --check; when it is right, systemctl restart yibaod.service (what runs is ended first)",
    );
    let Some(check) = check else {
        return Some(finding.so(
            "先改正配置（见 rights.configuration），再执行 systemctl restart yibaod.service：现在重启，服务会起不来",
            "Correct the configuration first (rights.configuration), then systemctl restart yibaod.service: \
             restarted now, it would not come back",
        ));
    };
    let repair = Repair::RunAfter {
        check,
        run: restart,
    };
    Some(finding.so(advice.0, advice.1).repaired_by(repair))
}

/// Why nobody answers, in words that a person can act on.
fn silent(trouble: &Trouble, socket: &Path) -> Finding {
    let entry = trouble.entry();
    let at = socket.display();
    let finding = Finding::bad(
        "service.socket",
        format!("{at} 没有应答：{}", entry.detail),
        format!("{at} does not answer: {}", entry.detail),
    );
    if entry.detail.contains("ermission denied") {
        return finding.so(
            "当前用户不在 yibao 组：usermod -aG yibao 用户名，然后重新登录",
            "This user is not in the group yibao: usermod -aG yibao NAME, then log in again",
        );
    }
    finding.so(
        "确认守护进程在运行，且 --socket 与配置 [paths] socket 一致",
        "See that the daemon runs and that --socket is the [paths] socket of its configuration",
    )
}

fn version(daemon: &str) -> Finding {
    let own = env!("CARGO_PKG_VERSION");
    let subject = "service.version";
    if daemon == own {
        return Finding::fine(subject, daemon, "daemon and tool are the same version");
    }
    let zh = format!("守护进程 {daemon}，本工具 {own}");
    let en = format!("the daemon is {daemon}, this tool {own}");
    Finding::care(subject, zh, en).so(
        "升级后请重启守护进程：systemctl restart yibaod（进行中的结算会先完成）",
        "After an upgrade restart it: systemctl restart yibaod (what runs is ended first)",
    )
}

#[cfg(test)]
mod tests {
    use super::super::Level;
    use super::*;

    #[test]
    fn what_systemd_says_becomes_one_line_of_advice() {
        for (said, level, words) in [
            (
                "LoadState=loaded\nActiveState=active\nUnitFileState=enabled\nNRestarts=0",
                Level::Fine,
                "runs",
            ),
            (
                "LoadState=loaded\nActiveState=active\nUnitFileState=enabled\nNRestarts=3",
                Level::Care,
                "restarted 3 times",
            ),
            (
                "LoadState=loaded\nActiveState=active\nUnitFileState=disabled\nNRestarts=0",
                Level::Care,
                "not after a boot",
            ),
            (
                "LoadState=loaded\nActiveState=failed\nResult=exit-code",
                Level::Bad,
                "failed (exit-code)",
            ),
            (
                "LoadState=loaded\nActiveState=inactive",
                Level::Bad,
                "does not run (inactive)",
            ),
            ("LoadState=not-found", Level::Care, "not installed"),
        ] {
            let found = of_unit(said);
            assert_eq!(found.level, level, "{said}");
            assert!(found.seen.1.contains(words), "{found:?}");
        }
    }

    #[test]
    fn a_door_that_was_shut_beside_a_running_service_can_be_opened() {
        let (runs, shut) = ("ActiveState=active", "ActiveState=inactive");
        let is_shut = "ActiveState=inactive\nUnitFileState=enabled";
        let check = checks(true, Path::new("/etc/yibaod/yibaod.toml"));
        let words = check.join(" ");
        assert!(words.contains("--reuid=yibaod") && words.contains("yibaod --check --config /etc"));
        assert!(words.contains("CREDENTIALS_DIRECTORY=/run/credentials/yibaod.service"));
        let found = of_door(runs, is_shut, Some(check.clone())).unwrap();
        let Some(Repair::RunAfter { check: asked, run }) = found.repair else {
            panic!("it restarts only after a check")
        };
        assert_eq!((asked, run[1].as_str()), (check, "restart"));
        let found = of_door(runs, is_shut, None).unwrap();
        assert_eq!((found.level, found.repair), (Level::Bad, None));
        for (service, said) in [
            (shut, "ActiveState=inactive\nUnitFileState=enabled"),
            (runs, "ActiveState=inactive\nUnitFileState=disabled"),
            (runs, "ActiveState=active\nUnitFileState=enabled"),
        ] {
            assert_eq!(
                of_door(service, said, Some(Vec::new())),
                None,
                "{service} {said}"
            );
        }
    }

    #[test]
    fn a_port_that_another_has_is_bad_and_named() {
        let away = TcpStatus {
            state: TcpState::Away.into(),
            why: "cannot listen on 127.0.0.1:8610".into(),
            held_by_uid: Some(65_534),
        };
        let found = port(Some(&away)).unwrap();
        assert_eq!(found.level, Level::Bad);
        assert!(
            found.seen.1.ends_with("8610; uid 65534 has it"),
            "{found:?}"
        );
        let on = TcpStatus {
            state: TcpState::On.into(),
            ..TcpStatus::default()
        };
        assert_eq!(port(Some(&on)).unwrap().level, Level::Fine);
        assert_eq!(port(Some(&TcpStatus::default())), None);
        assert_eq!(port(None), None);
    }

    #[test]
    fn a_start_that_would_fail_is_told_before_it_does() {
        let denied = || {
            Some(Err(
                "yibaod: /etc/yibaod/site.toml: cannot be read\n\n".to_owned()
            ))
        };
        for (said, has_credentials, level, words) in [
            (Some(Ok(())), true, Level::Fine, "can read"),
            (None, true, Level::Unseen, "not tried"),
            (denied(), true, Level::Bad, "site.toml: cannot be read"),
            (denied(), false, Level::Unseen, "site.toml: cannot be read"),
        ] {
            let found = of_start(said, has_credentials);
            assert_eq!(found.level, level, "{found:?}");
            assert!(found.seen.1.contains(words), "{found:?}");
        }
    }

    #[test]
    fn another_version_is_pointed_out() {
        assert_eq!(version(env!("CARGO_PKG_VERSION")).level, Level::Fine);
        assert_eq!(version("0.0.1").level, Level::Care);
    }
}
