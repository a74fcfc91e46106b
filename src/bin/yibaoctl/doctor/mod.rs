//! `doctor`: everything about a desk that is not as it should be, each with what to do. It works without the daemon,
//! asks it where it runs, moves no money and reads no person.

mod account;
mod clock;
mod devices;
mod disk;
mod files;
mod finding;
mod machine;
mod modem;
mod others;
mod paper;
mod platform;
mod repair;
mod rights;
mod service;
mod usb;

use std::path::Path;

use serde_json::json;
use yibaod::api::{GetStatusRequest, GetStatusResponse};
use yibaod::config::{ConfigError, Settings};

use crate::args::Doctor;
use crate::connect::Door;
use crate::exit::Exit;
use crate::out::Out;
use crate::trouble::Trouble;
pub(crate) use finding::{Finding, Level};
pub(crate) use machine::Machine;

/// What the checks look at.
pub(crate) struct Patient {
    pub(crate) machine: Machine,
    /// What the configuration says, or what is wrong with it.
    pub(crate) settings: Result<Settings, ConfigError>,
    /// What the daemon says of itself, or why it says nothing.
    pub(crate) status: Result<GetStatusResponse, Trouble>,
    /// The door, if it opened.
    pub(crate) door: Option<Door>,
}

/// Runs it: 0 when nothing is bad, 1 when something is.
pub(crate) async fn run(socket: &Path, args: &Doctor, out: &Out) -> Result<Exit, Trouble> {
    let machine = Machine::here();
    let config = std::path::absolute(&args.config)
        .map_err(|error| Trouble::Usage(format!("{}: {error}", args.config.display())))?;
    let mut findings = examine(&machine, &config, socket).await;
    if args.fix {
        let tried = repair::all(&machine, &findings);
        if !tried.is_empty() {
            findings = examine(&machine, &config, socket).await;
        }
        out.notes(&repair::told(&tried, &findings));
    }
    tell(&findings, out);
    let is_bad = findings.iter().any(|it| it.level == Level::Bad);
    Ok(if is_bad { Exit::Failed } else { Exit::Fine })
}

/// All that was found, in the order in which trouble is best sought.
pub(crate) async fn examine(machine: &Machine, config: &Path, socket: &Path) -> Vec<Finding> {
    let (status, door) = match Door::open(socket).await {
        Ok(mut door) => {
            let answer = door.daemon.get_status(GetStatusRequest {}).await;
            let status = answer
                .map(tonic::Response::into_inner)
                .map_err(Trouble::of_status);
            (status, Some(door))
        }
        Err(trouble) => (Err(trouble), None),
    };
    let mut patient = Patient {
        machine: machine.clone(),
        settings: Settings::load(config),
        status,
        door,
    };
    let mut findings = service::look(&patient, config, socket);
    findings.extend(rights::look(&patient, config, socket));
    findings.extend(platform::profile(&patient));
    findings.extend(clock::look(&patient));
    findings.extend(disk::look(&patient));
    findings.extend(platform::reach(&patient).await);
    findings.extend(devices::look(&mut patient).await);
    findings.extend(others::look(&patient));
    findings.extend(paper::look(&patient));
    findings
}

fn tell(findings: &[Finding], out: &Out) {
    let count = |level| findings.iter().filter(|it| it.level == level).count();
    let (bad, care) = (count(Level::Bad), count(Level::Care));
    if out.is_json() {
        let rows: Vec<_> = findings.iter().map(Finding::object).collect();
        out.object(&json!({ "bad": bad, "warnings": care, "findings": rows }).to_string());
        return;
    }
    let (paint, width) = (out.paint(), out.width());
    let mut lines: Vec<String> = (findings.iter())
        .flat_map(|it| it.lines(paint, width))
        .collect();
    lines.push(String::new());
    lines.push(match (bad, care) {
        (0, 0) => paint.good("  ✓ 一切正常  nothing is wrong"),
        (0, _) => paint.care(&format!(
            "  ! {care} 处须留意  {care} to look at, nothing bad"
        )),
        (_, _) => paint.bad(&format!(
            "  ✗ {bad} 处异常，{care} 处须留意  {bad} bad, {care} to look at"
        )),
    });
    out.lines(&lines);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whatever is looked at, on machines of which everything is missing or wrong.
    #[tokio::test]
    async fn whatever_is_not_well_says_in_both_languages_what_to_do() {
        let dir = tempfile::tempdir().unwrap();
        let config = dir.path().join("yibaod.toml");
        let desk = "[desk]\nname = \"x\"\nnumber = 1\n";
        let devices = "[[device]]\nname = \"a\"\nrole = \"scanner\"\nkind = \"serial-scanner\"\nusb = \"0c2e:0b61\"\n\
            [[device]]\nname = \"b\"\nrole = \"receipt\"\nkind = \"escpos-usb\"\nusb = \"04b8:0e15\"\n\
            [[device]]\nname = \"c\"\nrole = \"card\"\nkind = \"pcsc-reader\"\n\
            [[device]]\nname = \"d\"\nrole = \"report\"\nkind = \"cups-queue\"\nqueue = \"q\"\npath = \"/none/cups.sock\"\n";
        let sheet = "[sheet]\ntemplate_dir = \"/none\"\n";
        let site = dir.path().join("site.toml");
        std::fs::write(&site, "name = \"x\"\n").unwrap();
        let paths = format!("[paths]\nsite_profile = \"{}\"\n", site.display());
        let mut seen = std::collections::BTreeSet::new();
        for (text, programs) in [
            (String::new(), ""),
            (desk.to_owned(), ""),
            (
                format!("{desk}{sheet}{paths}{devices}"),
                "brltty ModemManager ipp-usb chronyd",
            ),
        ] {
            std::fs::write(&config, text).unwrap();
            for (at, name) in programs.split_whitespace().enumerate() {
                let process = dir.path().join(format!("proc/{}", at + 40));
                std::fs::create_dir_all(&process).unwrap();
                std::fs::write(process.join("comm"), format!("{name}\n")).unwrap();
            }
            let machine = Machine::under(dir.path());
            for found in examine(&machine, &config, &dir.path().join("none.sock")).await {
                let (zh, en) = &found.advice;
                let is_well = found.level == Level::Fine;
                assert!(is_well || !(zh.is_empty() || en.is_empty()), "{found:?}");
                assert!(
                    !found.seen.0.is_empty() && !found.seen.1.is_empty(),
                    "{found:?}"
                );
                seen.insert(found.subject);
            }
        }
        for subject in [
            "others.brltty",
            "paper.render",
            "service.unit",
            "queue.d",
            "profile",
        ] {
            assert!(seen.contains(subject), "{subject}: {seen:?}");
        }
    }
}
