//! `doctor`: everything about a desk that is not as it should be, each with what to do. It works without the daemon,
//! asks it where it runs, moves no money and reads no person.

mod clock;
mod devices;
mod disk;
mod finding;
mod machine;
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
    let mut findings = examine(&machine, &args.config, socket).await;
    if args.fix {
        let done = repair::all(&machine, &findings, out);
        if done > 0 {
            findings = examine(&machine, &args.config, socket).await;
        }
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
