//! polkit's rules are shipped twice, as a key file for 0.105 and older and as a script for newer ones. The bus tests run
//! the script under the real polkitd; here the key file is read as strictly as an old polkitd may, and both are asked
//! the same questions.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::{Value, json};

/// Actions of the policy that pcscd brings along.
const OF_PCSCD: [&str; 2] = [
    "org.debian.pcsc-lite.access_card",
    "org.debian.pcsc-lite.access_pcsc",
];
/// Actions that are nobody's, or not ours, and look alike.
const ALIKE: [&str; 6] = [
    "org.debian.pcsc-lite.access_cards",
    "org.freedesktop.login1.reboot",
    "org.yibaod.bridge1",
    "org.yibaod.bridge10.refund",
    "org.yibaod.bridge2.refund",
    "xorg.yibaod.bridge1.refund",
];
/// What pklocalauthority(8) lets a result be.
const RESULTS: [&str; 6] = [
    "no",
    "yes",
    "auth_self",
    "auth_self_keep",
    "auth_admin",
    "auth_admin_keep",
];
/// The three kinds of sessions that it knows.
const SESSIONS: [&str; 3] = ["ResultAny", "ResultInactive", "ResultActive"];
/// Runs the script as polkitd does: the first rule that says something is heard.
const ASK_SCRIPT: &str = r#"
const asked = JSON.parse(require("fs").readFileSync(0, "utf8"));
const rules = [];
const polkit = { addRule: (rule) => rules.push(rule), Result: { NO: "no", YES: "yes", AUTH_SELF: "auth_self",
    AUTH_SELF_KEEP: "auth_self_keep", AUTH_ADMIN: "auth_admin", AUTH_ADMIN_KEEP: "auth_admin_keep",
    NOT_HANDLED: null } };
new Function("polkit", asked.script)(polkit);
console.log(JSON.stringify(asked.questions.map(([action, user, groups]) => {
    const subject = { user, groups, local: false, active: false, isInGroup: (name) => groups.includes(name) };
    for (const rule of rules) {
        const said = rule({ id: action, lookup: () => undefined }, subject);
        if (said) return said;
    }
    return null;
})));
"#;

/// A section of a key file.
#[derive(Debug, PartialEq, Eq)]
struct Section {
    name: String,
    identities: Vec<String>,
    actions: Vec<String>,
    /// By the kind of session.
    results: BTreeMap<String, String>,
}

impl Section {
    fn is_about(&self, action: &str, user: &str, groups: &[&str]) -> bool {
        let matches = |glob: &String| match glob.strip_suffix('*') {
            Some(begin) => action.starts_with(begin),
            None => action == glob,
        };
        let is_one = |identity: &String| match identity.split_once(':') {
            Some(("unix-user", name)) => name == user,
            Some((_, name)) => groups.contains(&name),
            None => true,
        };
        self.actions.iter().any(matches) && self.identities.iter().any(is_one)
    }
}

fn shipped(name: &str) -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    root.join("packaging/polkit").join(name)
}

fn text(name: &str) -> String {
    std::fs::read_to_string(shipped(name)).expect("it is shipped")
}

/// What GLib's key files and pklocalauthority(8) allow, and of that only what stands for one thing.
fn parse(text: &str) -> Result<Vec<Section>, String> {
    let mut sections: Vec<(String, BTreeMap<String, String>)> = Vec::new();
    for (at, line) in text.lines().enumerate() {
        let wrong = |what: &str| format!("line {}: {what}", at + 1);
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        if let Some(name) = line.strip_prefix('[') {
            let name = name.strip_suffix(']').ok_or_else(|| wrong("no ]"))?;
            if name.is_empty() || name.contains(['[', ']']) || name.contains(char::is_control) {
                return Err(wrong("no name of a section"));
            }
            if sections.iter().any(|(known, _)| known == name) {
                return Err(wrong("a section that there is already"));
            }
            sections.push((name.to_owned(), BTreeMap::new()));
            continue;
        }
        let (key, value) = line.split_once('=').ok_or_else(|| wrong("no ="))?;
        let (_, keys) = sections.last_mut().ok_or_else(|| wrong("no section"))?;
        let is_key = SESSIONS.contains(&key) || ["Identity", "Action"].contains(&key);
        if !is_key || value.is_empty() || value.trim() != value {
            return Err(wrong("no key of ours"));
        }
        if keys.insert(key.to_owned(), value.to_owned()).is_some() {
            return Err(wrong("a key that there is already"));
        }
    }
    sections.into_iter().map(section).collect()
}

fn section((name, mut keys): (String, BTreeMap<String, String>)) -> Result<Section, String> {
    let mut take = |key: &str| {
        keys.remove(key)
            .ok_or_else(|| format!("[{name}]: no {key}"))
    };
    let list = |value: String| value.split(';').map(str::to_owned).collect::<Vec<_>>();
    let (identities, actions) = (list(take("Identity")?), list(take("Action")?));
    let mut results = BTreeMap::new();
    for session in SESSIONS {
        let result = take(session)?;
        if !RESULTS.contains(&result.as_str()) {
            return Err(format!("[{name}]: {session} is {result}"));
        }
        results.insert(session.to_owned(), result);
    }
    for identity in &identities {
        let named = identity.split_once(':');
        if !named.is_some_and(|(kind, name)| {
            ["unix-user", "unix-group"].contains(&kind) && !name.is_empty()
        }) {
            return Err(format!("[{name}]: {identity} is nobody"));
        }
    }
    for action in &actions {
        let begin = action.strip_suffix('*').unwrap_or(action);
        let is_of_action = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
        if begin.is_empty() || !begin.chars().all(is_of_action) {
            return Err(format!("[{name}]: {action} is no action"));
        }
    }
    Ok(Section {
        name,
        identities,
        actions,
        results,
    })
}

/// The actions of the shipped policy.
fn policy() -> BTreeSet<String> {
    let text = text("org.yibaod.Bridge1.policy");
    let ids = text.split("<action id=\"").skip(1);
    let ids = ids.filter_map(|rest| rest.split_once('"'));
    ids.map(|(id, _)| id.to_owned()).collect()
}

fn known() -> BTreeSet<String> {
    let mut known = policy();
    known.extend(OF_PCSCD.map(str::to_owned));
    known
}

/// The last section that is about it is heard.
fn by_key_file(sections: &[Section], session: &str, of: &(String, &str, Vec<&str>)) -> Value {
    let about = |section: &&Section| section.is_about(&of.0, of.1, &of.2);
    let found = sections.iter().rfind(about);
    found.map_or(Value::Null, |section| json!(section.results[session]))
}

fn by_script(questions: &[(String, &str, Vec<&str>)]) -> Vec<Value> {
    let asked = json!({ "script": text("60-yibaod.rules"), "questions": questions });
    let mut node = Command::new("node");
    node.args(["-e", ASK_SCRIPT])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped());
    let mut node = node.spawn().expect("tests/run installs node");
    let mut stdin = node.stdin.take().expect("it is piped");
    stdin
        .write_all(asked.to_string().as_bytes())
        .expect("it reads");
    drop(stdin);
    let told = node.wait_with_output().expect("it ends");
    assert!(told.status.success(), "the script does not run");
    serde_json::from_slice(&told.stdout).expect("JSON")
}

#[test]
fn the_key_file_for_old_polkit_says_what_the_script_for_new_ones_says() {
    let sections = parse(&text("60-yibaod.pkla")).expect("an old polkit reads it");
    let mut questions = Vec::new();
    let known = known();
    for action in known.iter().map(String::as_str).chain(ALIKE) {
        for user in ["root", "yibaod", "yibao-admin", "cashier"] {
            for groups in [&[][..], &["yibao"], &["yibao-admin"], &["yibaod", "x"]] {
                questions.push((action.to_owned(), user, groups.to_vec()));
            }
        }
    }
    let by_script = by_script(&questions);
    assert_eq!(by_script.len(), questions.len());
    for (question, by_script) in questions.iter().zip(&by_script) {
        for session in SESSIONS {
            let by_key_file = by_key_file(&sections, session, question);
            assert_eq!(by_key_file, *by_script, "{question:?} {session}");
        }
    }
    // That they are not equal by saying nothing.
    let allowed = by_script.iter().filter(|said| **said == "yes").count();
    let of_user = OF_PCSCD.len() * 4;
    let of_group = policy().len() * 4;
    assert_eq!(allowed, of_user + of_group);
}

#[test]
fn every_action_of_the_key_file_is_one_that_there_is() {
    let sections = parse(&text("60-yibaod.pkla")).expect("an old polkit reads it");
    let known = known();
    assert!(policy().len() >= 4, "{:?}", policy());
    for section in &sections {
        for action in &section.actions {
            let alone = Section {
                name: String::new(),
                identities: vec!["unix-user:x".to_owned()],
                actions: vec![action.clone()],
                results: BTreeMap::new(),
            };
            let count = known.iter().filter(|id| alone.is_about(id, "x", &[]));
            assert!(count.count() > 0, "[{}]: {action}", section.name);
        }
    }
    // Every action of ours stands in one of them.
    for id in policy() {
        let is_there = sections
            .iter()
            .any(|one| one.is_about(&id, "cashier", &["yibao-admin"]));
        assert!(is_there, "{id}");
    }
}

#[test]
fn a_key_file_that_an_old_polkit_would_misread_is_found() {
    let good = text("60-yibaod.pkla");
    for (from, to) in [
        ("[yibaod and card readers]", "[yibaod and card readers"),
        (
            "[yibaod and card readers]",
            "[yibaod and its administrators]",
        ),
        ("[yibaod and card readers]\n", ""),
        ("ResultAny=yes", "ResultAny=allow"),
        ("ResultAny=yes", "ResultAny = yes"),
        ("ResultAny=yes", "resultany=yes"),
        ("ResultAny=yes\n", ""),
        ("ResultAny=yes", "ResultInactive=yes"),
        ("unix-group:yibao-admin", "yibao-admin"),
        ("unix-group:yibao-admin", "unix-group:"),
        (
            "Action=org.yibaod.bridge1.*",
            "Action=org.yibaod.bridge1.*;",
        ),
        ("Action=org.yibaod.bridge1.*", "Action=*"),
        ("Action=org.yibaod.bridge1.*", "// Action"),
    ] {
        let bad = good.replacen(from, to, 1);
        assert_ne!(bad, good, "{from}");
        assert!(parse(&bad).is_err(), "{from} → {to}");
    }
}
