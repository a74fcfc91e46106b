//! `may`: what a caller may do by the configuration as it stands, without the daemon.

use yibaod::config::Settings;
use yibaod::ipc::access::{Accounts, Caller, Operation, Policy, Role};

use crate::args::May;
use crate::exit::Exit;
use crate::out::Out;
use crate::trouble::Trouble;

/// The user that the package makes for the daemon.
const DAEMON_USER: &str = "yibaod";

/// With an operation: 0 it may, 3 it may not. Without: the list, 0.
pub(crate) fn run(may: &May, out: &Out) -> Result<Exit, Trouble> {
    let settings = Settings::load(&may.config).map_err(|e| Trouble::Failed(e.to_string()))?;
    let accounts = Accounts::read().map_err(|e| Trouble::Failed(e.to_string()))?;
    let caller = caller(&may.caller, &accounts)?;
    // Without that user nobody but root owns the socket.
    let owner = accounts.user(DAEMON_USER).map_or(0, |(uid, _)| uid);
    let policy = Policy::new(&settings.access, owner, &accounts);
    let policy = policy.map_err(|e| Trouble::Failed(e.to_string()))?;
    let policy = policy.with_tcp(settings.tcp.settle);
    let asked = match &may.operation {
        None => Operation::ALL.to_vec(),
        Some(name) => vec![Operation::of(name).ok_or_else(|| unknown(name))?],
    };
    let roles: Vec<&str> = policy.roles(&caller).into_iter().map(Role::word).collect();
    let opens = policy.opens_socket(&caller);
    let rows = asked.iter();
    let rows: Vec<_> = rows.map(|o| (*o, policy.objection(&caller, *o))).collect();
    if out.is_json() {
        let may = rows.iter().map(|(operation, objection)| {
            let told = serde_json::json!({ "may": objection.is_none(), "why": objection });
            (operation.name().to_owned(), told)
        });
        let may: serde_json::Map<_, _> = may.collect();
        let object = serde_json::json!({
            "caller": caller.to_string(),
            "roles": roles,
            "opensSocket": opens,
            "operations": may,
        });
        out.object(&object.to_string());
    } else {
        let paint = out.paint();
        let roles = match roles.is_empty() {
            true => "no role 无角色".to_owned(),
            false => roles.join(", "),
        };
        let mut lines = vec![format!("  {caller}: {roles}")];
        if !opens {
            let note =
                "not in the group yibao: the socket is closed to it  不在 yibao 组，无法连接套接字";
            lines.push(format!("  {note}"));
        }
        lines.extend(rows.iter().map(|(operation, objection)| match objection {
            None => paint.good(&format!("  ✓ {}", operation.name())),
            Some(why) => paint.bad(&format!("  ✗ {:<20} {why}", operation.name())),
        }));
        out.lines(&lines);
    }
    let refused = rows.iter().any(|(_, objection)| objection.is_some());
    Ok(match may.operation.is_some() && (refused || !opens) {
        true => Exit::Refused,
        false => Exit::Fine,
    })
}

fn unknown(name: &str) -> Trouble {
    let known: Vec<&str> = Operation::ALL.iter().map(|o| o.name()).collect();
    let known = known.join(", ");
    Trouble::Usage(format!("{name} is no operation; 没有这个操作。 {known}"))
}

fn caller(text: &str, accounts: &Accounts) -> Result<Caller, Trouble> {
    let wrong = || {
        let known = "uid:N, user:NAME, token:NAME, certificate:NAME";
        Trouble::Usage(format!(
            "{text} is no caller of this machine; 没有这个调用方。 {known}"
        ))
    };
    let (kind, who) = text.split_once(':').ok_or_else(wrong)?;
    let (uid, gid) = match kind {
        "token" => {
            let name = who.to_owned();
            let (uid, shown) = (None, None);
            return Ok(Caller::Token { name, uid, shown });
        }
        "certificate" => {
            let subject = who.to_owned();
            return Ok(Caller::Certificate { subject });
        }
        "user" => accounts.user(who).ok_or_else(wrong)?,
        "uid" => {
            let uid = who.parse().map_err(|_| wrong())?;
            // A user without an account has a group that nobody is named by.
            (uid, accounts.gid_of_uid(uid).unwrap_or(u32::MAX))
        }
        _ => return Err(wrong()),
    };
    Ok(Caller::Uid {
        uid,
        gid,
        groups: None,
        pid: None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn callers_are_named_as_in_the_configuration() {
        let accounts = Accounts::parse("his:x:1000:500::/:/bin/sh\n", "");
        for (text, expected) in [
            ("user:his", Some("uid:1000")),
            ("uid:7", Some("uid:7")),
            ("token:hall", Some("token:hall")),
            ("certificate:room-7", Some("certificate:room-7")),
            ("user:nobody", None),
            ("his", None),
            ("uid:x", None),
        ] {
            let named = caller(text, &accounts).map(|caller| caller.to_string());
            assert_eq!(named.ok().as_deref(), expected, "{text}");
        }
        let Ok(Caller::Uid { gid, .. }) = caller("uid:1000", &accounts) else {
            panic!("a user")
        };
        assert_eq!(gid, 500, "by its primary group");
    }
}
