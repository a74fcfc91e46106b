//! Whether this machine knows what time it is: msgids, signatures and the platform's answers depend on it.

use super::{Finding, Patient};

/// From here on it is pointed out, and from there on nothing is settled, milliseconds.
const SKEW_SHOWN_MS_MIN: u64 = 60_000;
const SKEW_MS_MAX: u64 = 300_000;
/// Programs that set the clock.
const KEEPERS: [&str; 5] = ["systemd-timesyncd", "chronyd", "ntpd", "ntpsec", "openntpd"];

pub(super) fn look(patient: &Patient) -> Vec<Finding> {
    let mut findings = vec![kept(patient)];
    let skew_ms = (patient.status.as_ref().ok())
        .and_then(|status| status.platform.as_ref())
        .and_then(|platform| platform.clock_skew_ms);
    findings.push(match skew_ms {
        Some(skew_ms) => skew(skew_ms),
        None => Finding::unseen(
            "clock.platform",
            "尚未得知医保平台的时间",
            "the platform's time is not known yet",
        )
        .so(
            "守护进程与平台通信一次后即可得知",
            "It is once the daemon has heard from the platform",
        ),
    });
    findings
}

fn kept(patient: &Patient) -> Finding {
    let subject = "clock.ntp";
    let machine = &patient.machine;
    let synced = machine.says("timedatectl", &["show", "-p", "NTPSynchronized", "--value"]);
    if synced.is_some_and(|said| said.trim() == "yes") {
        return Finding::fine(subject, "时钟已与时间服务器同步", "is kept by NTP");
    }
    let advice = (
        "配置时间服务器（医保专网内通常有）：timedatectl set-ntp true，或安装 chrony",
        "Set a time server, most platforms' networks have one: timedatectl set-ntp true, or install chrony",
    );
    match KEEPERS.iter().find_map(|name| machine.runs(name)) {
        Some(keeper) => {
            let zh = format!("{} 在运行，但尚未同步", keeper.name);
            let en = format!("{} runs and is not in step yet", keeper.name);
            Finding::care(subject, zh, en).so(advice.0, advice.1)
        }
        None => Finding::care(
            subject,
            "没有校时程序在运行",
            "no program keeps the clock right",
        )
        .so(advice.0, advice.1),
    }
}

fn skew(skew_ms: i64) -> Finding {
    let subject = "clock.platform";
    let seconds = skew_ms / 1_000;
    let zh = format!("医保平台时间减本机时间为 {seconds} 秒");
    let en = format!("the platform's clock minus ours: {seconds} s");
    let found = match skew_ms.unsigned_abs() {
        ms if ms > SKEW_MS_MAX => Finding::bad(subject, zh, en),
        ms if ms > SKEW_SHOWN_MS_MIN => Finding::care(subject, zh, en),
        _ => return Finding::fine(subject, zh, en),
    };
    found.so(
        "请校准本机时间；相差超过 300 秒不再受理结算",
        "Set this machine's clock right; over 300 s nothing is settled",
    )
}

#[cfg(test)]
mod tests {
    use super::super::Level;
    use super::*;

    #[test]
    fn a_wrong_clock_is_worse_the_more_it_is_wrong() {
        for (ms, level) in [
            (0, Level::Fine),
            (-59_000, Level::Fine),
            (61_000, Level::Care),
            (-301_000, Level::Bad),
        ] {
            assert_eq!(skew(ms).level, level, "{ms}");
        }
    }
}
