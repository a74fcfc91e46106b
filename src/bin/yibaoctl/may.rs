//! `may`: what a caller may do by the configuration as it stands, without the daemon.

use yibaod::config::Settings;
use yibaod::ipc::access::{Accounts, Caller, Grant, Operation, Policy, Role, action_of};

use crate::args::May;
use crate::exit::Exit;
use crate::out::Out;
use crate::trouble::Trouble;

/// The user that the package makes for the daemon.
const DAEMON_USER: &str = "yibaod";
/// Before a caller: on the system bus.
const ON_BUS: &str = "bus:";
/// The number that no user has.
const NOBODY_UID: u32 = u32::MAX;

/// Who is asked about.
struct Asked {
    caller: Caller,
    /// As it is told: a member of a group has no number.
    shown: String,
}

/// An operation, and what is said of it.
struct Told {
    operation: Operation,
    /// Why not; absent: it may.
    objection: Option<String>,
    /// The action by which polkit may allow it all the same.
    polkit: Option<&'static str>,
}

/// With an operation: 0 it may, 3 it may not. Without: the list, 0.
pub(crate) fn run(may: &May, out: &Out) -> Result<Exit, Trouble> {
    let settings = Settings::load(&may.config).map_err(|e| Trouble::Failed(e.to_string()))?;
    let accounts = Accounts::read().map_err(|e| Trouble::Failed(e.to_string()))?;
    let asked = asked(&may.caller, &accounts)?;
    // Without that user nobody but root owns the socket.
    let owner = accounts.user(DAEMON_USER).map_or(0, |(uid, _)| uid);
    let policy = Policy::new(&settings.access, owner, &accounts);
    let policy = policy.map_err(|e| Trouble::Failed(e.to_string()))?;
    let policy = policy.with_tcp(settings.tcp.settle);
    let operations = match &may.operation {
        None => Operation::ALL.to_vec(),
        Some(name) => vec![Operation::of(name).ok_or_else(|| unknown(name))?],
    };
    let rows = operations.into_iter().map(|operation| {
        let objection = policy.objection(&asked.caller, operation);
        let is_refused_on_bus = objection.is_some() && asked.caller.bus_name().is_some();
        Told {
            operation,
            objection,
            polkit: action_of(operation).filter(|_| is_refused_on_bus),
        }
    });
    let rows: Vec<Told> = rows.collect();
    let roles: Vec<&str> = (policy.roles(&asked.caller).into_iter())
        .map(Role::word)
        .collect();
    let opens = policy.opens_socket(&asked.caller);
    match out.is_json() {
        true => out.object(&json(&asked, &roles, opens, &rows).to_string()),
        false => out.lines(&lines(&asked, &roles, opens, &rows, out)),
    }
    let refused = rows.iter().any(|row| row.objection.is_some());
    Ok(match may.operation.is_some() && (refused || !opens) {
        true => Exit::Refused,
        false => Exit::Fine,
    })
}

fn json(asked: &Asked, roles: &[&str], opens: bool, rows: &[Told]) -> serde_json::Value {
    let may = rows.iter().map(|row| {
        let told = serde_json::json!({
            "may": row.objection.is_none(),
            "why": row.objection,
            "polkit": row.polkit,
        });
        (row.operation.name().to_owned(), told)
    });
    let may: serde_json::Map<_, _> = may.collect();
    serde_json::json!({
        "caller": asked.shown,
        "roles": roles,
        "opensSocket": opens,
        "operations": may,
    })
}

fn lines(asked: &Asked, roles: &[&str], opens: bool, rows: &[Told], out: &Out) -> Vec<String> {
    let paint = out.paint();
    let roles = match roles.is_empty() {
        true => "no role 无角色".to_owned(),
        false => roles.join(", "),
    };
    let mut lines = vec![format!("  {}: {roles}", asked.shown)];
    if !opens {
        let note = match asked.caller.bus_name() {
            Some(_) => {
                "not in the group yibao: the bus is closed to it  不在 yibao 组，无法经总线调用"
            }
            None => {
                "not in the group yibao: the socket is closed to it  不在 yibao 组，无法连接套接字"
            }
        };
        lines.push(format!("  {note}"));
    }
    lines.extend(rows.iter().map(|row| match &row.objection {
        None => paint.good(&format!("  ✓ {}", row.operation.name())),
        Some(why) => {
            let polkit = row.polkit.map(|id| format!("; polkit may allow it ({id})"));
            let polkit = polkit.unwrap_or_default();
            paint.bad(&format!("  ✗ {:<20} {why}{polkit}", row.operation.name()))
        }
    }));
    lines
}

fn unknown(name: &str) -> Trouble {
    let known: Vec<&str> = Operation::ALL.iter().map(|o| o.name()).collect();
    let known = known.join(", ");
    Trouble::Usage(format!("{name} is no operation; 没有这个操作。 {known}"))
}

/// A caller as the configuration names it; after `bus:` one on the bus. A group stands for a member of it that is in no
/// other.
fn asked(text: &str, accounts: &Accounts) -> Result<Asked, Trouble> {
    let wrong = || {
        let known =
            "uid:N, user:NAME, gid:N, group:NAME, these after bus:, token:NAME, certificate:NAME";
        Trouble::Usage(format!(
            "{text} is no caller of this machine; 没有这个调用方。 {known}"
        ))
    };
    let local = text.strip_prefix(ON_BUS);
    let (kind, who) = local.unwrap_or(text).split_once(':').ok_or_else(wrong)?;
    let of_user = |(uid, gid)| (uid, gid, format!("uid:{uid}"));
    let of_group = |gid| (NOBODY_UID, gid, format!("gid:{gid}"));
    let (uid, gid, shown) = match kind {
        "token" | "certificate" if local.is_some() || who.is_empty() => return Err(wrong()),
        "token" => return Ok(remote(token(who))),
        "certificate" => {
            let subject = who.to_owned();
            return Ok(remote(Caller::Certificate { subject }));
        }
        "user" => of_user(accounts.user(who).ok_or_else(wrong)?),
        "uid" => {
            let uid = who.parse().map_err(|_| wrong())?;
            // A user without an account has a group that nobody is named by.
            of_user((uid, accounts.gid_of_uid(uid).unwrap_or(u32::MAX)))
        }
        "group" => of_group(accounts.gid(who).ok_or_else(wrong)?),
        "gid" => of_group(who.parse().map_err(|_| wrong())?),
        _ => return Err(wrong()),
    };
    // Of a user the files of accounts say the groups; a mere member has the one.
    let groups = (uid == NOBODY_UID).then(|| [gid].into());
    let caller = match local {
        Some(_) => Caller::Bus {
            uid,
            groups,
            name: ON_BUS.to_owned(),
            grant: Grant::Nothing,
        },
        None => Caller::Uid {
            uid,
            gid,
            groups,
            pid: None,
        },
    };
    let door = local.map_or("", |_| ON_BUS);
    let shown = format!("{door}{shown}");
    Ok(Asked { caller, shown })
}

fn token(name: &str) -> Caller {
    Caller::Token {
        name: name.to_owned(),
        uid: None,
        shown: None,
    }
}

fn remote(caller: Caller) -> Asked {
    let shown = caller.to_string();
    Asked { caller, shown }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn callers_are_named_as_in_the_configuration() {
        let accounts = Accounts::parse("his:x:1000:500::/:/bin/sh\n", "yibao:x:501:his\n");
        for (text, expected) in [
            ("user:his", Some("uid:1000")),
            ("uid:7", Some("uid:7")),
            ("group:yibao", Some("gid:501")),
            ("gid:9", Some("gid:9")),
            ("bus:user:his", Some("bus:uid:1000")),
            ("bus:group:yibao", Some("bus:gid:501")),
            ("token:hall", Some("token:hall")),
            ("certificate:room-7", Some("certificate:room-7")),
            ("user:nobody", None),
            ("group:nobody", None),
            ("his", None),
            ("uid:x", None),
            ("gid:", None),
            ("token:", None),
            ("bus:token:hall", None),
            ("bus:", None),
        ] {
            let named = asked(text, &accounts).map(|asked| asked.shown);
            assert_eq!(named.ok().as_deref(), expected, "{text}");
        }
        let by_primary_group = asked("uid:1000", &accounts).unwrap().caller;
        assert!(
            matches!(by_primary_group, Caller::Uid { gid: 500, .. }),
            "{by_primary_group:?}"
        );
    }
}
