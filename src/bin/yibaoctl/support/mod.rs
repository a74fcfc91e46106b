//! `support`: what somebody far away needs to help, in one file, without a person, a secret or a paper in it. What
//! will be inside is shown before it is written.

mod archive;
mod known;
mod recording;
mod redact;
mod schema;

use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::Value;
use yibaod::api::GetMetricsRequest;
use yibaod::config::Settings;

use crate::args::Support;
use crate::ask;
use crate::connect::Door;
use crate::doctor::{self, Finding, Machine};
use crate::exit::Exit;
use crate::json;
use crate::out::Out;
use crate::trouble::Trouble;
use known::Known;

/// Lines of the log, newest.
const LOG_LINES_MAX: &str = "500";
/// Bytes of one recording.
const RECORDING_BYTES_MAX: u64 = 8 * 1024 * 1024;
/// The site profile where the configuration names none.
const SITE_PROFILE: &str = "/etc/yibaod/site.toml";
/// Names of files of the configuration that are told.
const NAMES_TOLD: [&str; 2] = ["yibaod.toml", "site.toml"];
/// Packages whose versions matter.
const PACKAGES: [&str; 10] = [
    "yibaod",
    "systemd",
    "udev",
    "dbus",
    "polkitd",
    "pcscd",
    "cups-daemon",
    "ipp-usb",
    "modemmanager",
    "brltty",
];

/// A file of the bundle: its name and its text.
type File = (String, String);

/// Runs it.
pub(crate) async fn run(socket: &Path, args: &Support, out: &Out) -> Result<Exit, Trouble> {
    let machine = Machine::here();
    // The same file for all who look at it, wherever they begin.
    let config = std::path::absolute(&args.config)
        .map_err(|error| Trouble::Usage(format!("{}: {error}", args.config.display())))?;
    let named = named(configured(&machine, &config));
    let known = known::of(&machine, &named);
    let mut files = gather(&machine, &config, &known, socket).await;
    files.extend(configuration(&machine, &named));
    for (at, path) in args.recording.iter().enumerate() {
        files.push(recording(at + 1, path)?);
    }
    hide(&mut files, &known);
    let names: Vec<String> = (files.iter())
        .map(|(name, text)| format!("{:>9}  {name}", text.len()))
        .collect();
    files.insert(0, ("contents.txt".to_owned(), names.join("\n") + "\n"));
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let now_s = now.unwrap_or_default().as_secs();
    let path =
        (args.out.clone()).unwrap_or_else(|| PathBuf::from(format!("yibaod-{now_s}.tar.gz")));
    out.notes(&[
        "  将写入以下内容；人员信息、密钥、单据和流水内容均不在其中：".to_owned(),
        "  This will be inside; no person, secret, paper or content of the journal is:".to_owned(),
    ]);
    out.notes(
        &names
            .iter()
            .map(|name| format!("  {name}"))
            .collect::<Vec<_>>(),
    );
    if !args.yes {
        if !ask::is_possible() {
            let why = "there is no terminal to ask at: give --yes";
            return Err(Trouble::Usage(why.to_owned()));
        }
        out.note_raw(&format!("  写入 write {}？ [y/N] ", path.display()));
        if !ask::yes_now() {
            return Err(Trouble::Usage("nothing was written; 未写入".to_owned()));
        }
    }
    let bytes = archive::packed(&format!("yibaod-{now_s}"), &files, now_s);
    write(&path, &bytes)?;
    match out.is_json() {
        true => {
            let names: Vec<&String> = files.iter().map(|(name, _)| name).collect();
            let told = serde_json::json!({ "file": path, "bytes": bytes.len(), "contents": names });
            out.object(&told.to_string());
        }
        false => out.lines(&[format!("  ✓ {}  {} bytes", path.display(), bytes.len())]),
    }
    Ok(Exit::Fine)
}

/// Whatever a file is, it calls nobody and nothing by the name that it has here. A recording is bytes, and was looked
/// through line by line.
fn hide(files: &mut [File], known: &Known) {
    let texts = (files.iter_mut()).filter(|(name, _)| !name.ends_with(".rec"));
    for (_, text) in texts {
        *text = known.hidden(text);
    }
}

/// Only its owner can read it, and what is there is never written over.
fn write(path: &Path, bytes: &[u8]) -> Result<(), Trouble> {
    let mut options = std::fs::OpenOptions::new();
    let file = options.write(true).create_new(true).mode(0o600).open(path);
    file.and_then(|mut file| file.write_all(bytes))
        .map_err(|error| Trouble::Failed(format!("{}: {error}", path.display())))
}

async fn gather(machine: &Machine, config: &Path, known: &Known, socket: &Path) -> Vec<File> {
    let mut files = vec![("versions.txt".to_owned(), versions(machine))];
    let findings = doctor::examine(machine, config, socket).await;
    let rows: Vec<Value> = findings.iter().map(found).collect();
    files.push(told("doctor.json", Value::from(rows), known));
    files.extend(of_daemon(socket, known).await);
    if let Ok(settings) = Settings::load(config) {
        let state_dir = machine.path(&settings.paths.state_dir);
        files.push(("state.txt".to_owned(), listing(&state_dir, known)));
    }
    let lines = [
        "-u",
        "yibaod",
        "-n",
        LOG_LINES_MAX,
        "--no-hostname",
        "-o",
        "short-iso",
        "--no-pager",
    ];
    let log = machine.says("journalctl", &lines);
    let log = log.unwrap_or_else(|| "the log cannot be read by this user\n".to_owned());
    files.push(("log.txt".to_owned(), log_of(&log, known)));
    files
}

/// Lines of the log, each looked through.
fn log_of(log: &str, known: &Known) -> String {
    let lines = log.lines().map(|line| redact::text(&known.hidden(line)));
    lines.map(|line| line + "\n").collect()
}

/// A finding. Where it is about a key of the configuration, no part of the key is told that somebody made up.
fn found(finding: &Finding) -> Value {
    let mut told = finding.object();
    let Some(key) = finding.key.as_ref().filter(|key| !key.is_empty()) else {
        return told;
    };
    for words in ["seenZh", "seenEn"] {
        let masked = (told[words].as_str()).map(|it| it.replace(key, &schema::told_key(key)));
        told[words] = Value::from(masked);
    }
    told
}

fn told(name: &str, mut value: Value, known: &Known) -> File {
    redact::json(&mut value, known);
    (name.to_owned(), format!("{value:#}\n"))
}

/// What the daemon says of itself; nothing when it does not answer.
async fn of_daemon(socket: &Path, known: &Known) -> Vec<File> {
    let mut files = Vec::new();
    let Ok(mut door) = Door::open(socket).await else {
        return files;
    };
    let status = door.daemon.get_status(yibaod::api::GetStatusRequest {});
    if let Ok(status) = status.await {
        let text = json::text(&status.into_inner());
        let value: Value = serde_json::from_str(&text).unwrap_or_default();
        files.push(told("status.json", value, known));
    }
    let metrics = door.daemon.get_metrics(GetMetricsRequest {}).await;
    if let Ok(metrics) = metrics {
        let text = redact::metrics(&known.hidden(&metrics.into_inner().text));
        files.push(("metrics.txt".to_owned(), text));
    }
    files
}

/// The files of the configuration: itself, its additions and the site profile.
fn configured(machine: &Machine, config: &Path) -> Vec<PathBuf> {
    let mut paths = vec![config.to_owned()];
    let beside = std::fs::read_dir(machine.path(config.with_file_name("conf.d")));
    let more = beside.into_iter().flatten().filter_map(Result::ok);
    let mut more: Vec<PathBuf> = more.map(|entry| entry.path()).collect();
    more.retain(|path| path.extension().is_some_and(|ending| ending == "toml"));
    more.sort();
    paths.extend(more);
    let mut written = paths.iter().filter_map(|path| {
        let table: toml::Table = machine.text(path)?.parse().ok()?;
        let profile = table.get("paths")?.get("site_profile")?.as_str()?;
        Some(PathBuf::from(profile))
    });
    // Whatever else is wrong with the files: the later one counts.
    let written = written.next_back();
    paths.push(written.unwrap_or_else(|| PathBuf::from(SITE_PROFILE)));
    paths
}

/// Those files, each with its name in the bundle: somebody chose the names of all but the usual ones.
fn named(paths: Vec<PathBuf>) -> Vec<(PathBuf, String)> {
    let paths = paths.into_iter().enumerate();
    let named = paths.map(|(at, path)| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let name = match NAMES_TOLD.contains(&&*name) {
            true => format!("configuration/{name}"),
            false => format!("configuration/{}.toml", at + 1),
        };
        (path, name)
    });
    named.collect()
}

/// Those files, masked.
fn configuration(machine: &Machine, named: &[(PathBuf, String)]) -> Vec<File> {
    let mut files = Vec::new();
    for (path, name) in named {
        let masked = machine.text(path).map(|source| redact::toml(&source));
        let text = match masked {
            Some(Some(masked)) => masked,
            Some(None) => "it is no TOML, so it is not shown\n".to_owned(),
            None => "it cannot be read\n".to_owned(),
        };
        files.push((name.clone(), text));
    }
    files
}

/// Names and sizes of what lies in the state, not what is in it.
fn listing(dir: &Path, known: &Known) -> String {
    let mut lines = Vec::new();
    for folder in [dir.to_owned(), dir.join(crate::local::JOURNAL_DIR)] {
        let Ok(entries) = std::fs::read_dir(&folder) else {
            lines.push(format!("{}: it cannot be looked into", folder.display()));
            continue;
        };
        for entry in entries.flatten() {
            let size = entry.metadata().map_or(0, |meta| meta.len());
            let path = entry.path().display().to_string();
            lines.push(format!(
                "{size:>12}  {}",
                redact::text(&known.hidden(&path))
            ));
        }
    }
    lines.sort();
    lines.join("\n") + "\n"
}

fn versions(machine: &Machine) -> String {
    let mut lines = vec![format!("yibaoctl {}", env!("CARGO_PKG_VERSION"))];
    if let Some(kernel) = machine.text("/proc/sys/kernel/osrelease") {
        lines.push(format!("kernel {}", kernel.trim()));
    }
    if let Some(system) = machine.text("/etc/os-release") {
        let name = system
            .lines()
            .find_map(|line| line.strip_prefix("PRETTY_NAME="));
        lines.push(format!(
            "system {}",
            name.unwrap_or_default().trim_matches('"')
        ));
    }
    for package in PACKAGES {
        let one = machine.says(
            "dpkg-query",
            &["-W", "-f", "${Package} ${Version}", package],
        );
        lines.extend(one);
    }
    lines.join("\n") + "\n"
}

/// A recording of a device: the daemon replaced persons before it was written.
/// It has a number here: somebody chose its name.
fn recording(number: usize, path: &Path) -> Result<File, Trouble> {
    let refused = |why: String| Trouble::Usage(format!("{}: {why}", path.display()));
    let meta = std::fs::metadata(path).map_err(|error| refused(error.to_string()))?;
    if meta.len() > RECORDING_BYTES_MAX {
        return Err(refused(format!(
            "is larger than {RECORDING_BYTES_MAX} bytes"
        )));
    }
    let text = std::fs::read_to_string(path).map_err(|error| refused(error.to_string()))?;
    let told = recording::told(&text)
        .map_err(|line| refused(format!("line {line} is none of yibaoctl device record")))?;
    Ok((format!("recordings/{number}.rec"), told))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PERSON: &str = "李小明";
    const ID_NUMBER: &str = "430102199003070018";
    const PHONE: &str = "138-0013-8000";
    const GROUPED: &str = "430102 1990 0307 0018";
    const KEY: &str = "key-AbCdEfGhIjKl";
    const SECRET: &str = "c0ffee00c0ffee00c0ffee00c0ffee00";

    #[tokio::test]
    async fn nobody_and_no_secret_that_was_planted_is_in_a_bundle() {
        let dir = tempfile::tempdir().unwrap();
        let config = planted(dir.path());
        let machine = Machine::here();
        let named = named(configured(&machine, &config));
        let mut files = configuration(&machine, &named);
        assert_eq!(files.len(), 3, "{files:?}");
        let mut known = known::of(&machine, &named);
        known.add_configuration(NAMES);
        let log = format!(
            "10:00 yibaod: {PERSON} {ID_NUMBER} {PHONE} {GROUPED} key={SECRET}\n10:01 yibaod: ready\n\
             2026-11-22T10:00:01+08:00 desk yibaod[81]: 430102/1990-03-07/0018 called 138/0013/8000\n\
             2026-11-22T10:00:02+08:00 desk yibaod[81]: {}: no such key\n",
            dir.path().join(format!("conf.d/{PERSON}.toml")).display()
        );
        files.push(("log.txt".to_owned(), log_of(&log, &known)));
        let detail = serde_json::json!({ "detail": format!("{PERSON}/{ID_NUMBER}/{SECRET}") });
        files.push(told("doctor.json", detail, &known));
        let mut findings = doctor::examine(&machine, &config, &dir.path().join("none.sock")).await;
        findings.retain(|it| it.subject == "rights.configuration");
        assert!(findings.len() >= 4, "{findings:?}");
        findings.push(finding());
        let rows: Vec<Value> = findings.iter().map(found).collect();
        files.push(told("findings.json", Value::from(rows), &known));
        let metrics = format!("yibaod_x{{a=\"{ID_NUMBER}\"}} 12345678\n");
        files.push(("metrics.txt".to_owned(), redact::metrics(&metrics)));
        let recorded = dir.path().join("x.rec");
        let text = format!("yibaod-recording 1\n# {PERSON} {PHONE}\n0 < 31 | {PERSON}\n");
        std::fs::write(&recorded, text).unwrap();
        files.push(recording(1, &recorded).unwrap());
        hide(&mut files, &known);

        let packed = archive::packed("bundle", &files, 0);
        let plain = miniz_oxide::inflate::decompress_to_vec(&packed[10..packed.len() - 8]).unwrap();
        let plain = String::from_utf8_lossy(&plain);
        for planted in PLANTED {
            assert!(!plain.contains(planted), "{planted} is in the bundle");
        }
        for kept in [
            "yibaod: ready",
            "number = 7",
            "打印机",
            " 12345678\n",
            "2026-11-22T10:00:01+08:00 desk yibaod[81]: ",
            "configuration/2.toml receipt.***",
        ] {
            assert!(plain.contains(kept), "{kept}: {plain}");
        }
    }

    /// What this machine and its configuration name.
    const NAMES: &str = "[access]\nadmin = [\"user:wang\"]\n[[device]]\naddress = \"lp7.example:9100\"\n\
        [[device]]\nusb = \"04b8:0e15:J5XX12\"\n";
    /// What must not come out, whole or in part.
    const PLANTED: [&str; 22] = [
        PERSON,
        ID_NUMBER,
        PHONE,
        GROUPED,
        SECRET,
        KEY,
        "wang",
        "lp7.example",
        "J5XX12",
        "sk-Zz9",
        "fsi.hospital",
        "lixiaoming",
        "/srv/w",
        "李四光",
        "张三丰",
        "phone",
        "idcard",
        "13900139000",
        "13800138000",
        "1990",
        "430102/",
        "138/0013",
    ];

    /// A configuration in which somebody wrote what does not belong there.
    fn planted(dir: &Path) -> PathBuf {
        let (config, site) = (dir.join("yibaod.toml"), dir.join("site.toml"));
        std::fs::create_dir(dir.join("conf.d")).unwrap();
        let more = format!(
            "phone = 13800138000\nidcard = {ID_NUMBER}\nborn = 1990-03-07\n\"张三丰\" = 1\n\"13900139000\" = \"x\"\n\
             [receipt]\nhead = [\"{PERSON} {ID_NUMBER}\"]\n\"李四光\" = 1\nprofile = \"lixiaoming\"\n\
             path = \"/srv/wangwu/{KEY}\"\n"
        );
        std::fs::write(dir.join(format!("conf.d/{PERSON}.toml")), more).unwrap();
        let text = format!(
            "# {PERSON}\n[desk]\nname = \"{PERSON}\"\nnumber = 7\n[paths]\nsite_profile = \"{}\"\n",
            site.display()
        );
        std::fs::write(&config, text).unwrap();
        let text =
            format!("name = \"x\"\n[gateway]\nsecret = \"{SECRET}\"\naccess_key = \"{SECRET}\"\n");
        std::fs::write(&site, text).unwrap();
        config
    }

    fn finding() -> Finding {
        let finding = Finding::bad(
            "others.cups",
            "打印机 usb://EPSON/TM?serial=J5XX12，\"sk-Zz9\" 有误；/home/wang/key",
            "lp7.example:9100 cannot be reached by wang; https://fsi.hospital.example/x is no address",
        );
        finding.so("改正地址", "Correct the address")
    }

    #[test]
    fn only_recordings_are_added_as_recordings() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x.rec");
        std::fs::write(&path, "secret = 1").unwrap();
        assert!(recording(1, &path).is_err());
        let text = format!("yibaod-recording 1\n0 opened\n{PERSON} {ID_NUMBER}\n");
        std::fs::write(&path, text).unwrap();
        let refused = recording(1, &path).unwrap_err().entry().detail;
        assert!(
            refused.contains("line 3") && !refused.contains(PERSON),
            "{refused}"
        );
        std::fs::write(&path, "yibaod-recording 1\n0 opened\n").unwrap();
        let named = dir.path().join(format!("{PERSON}.rec"));
        std::fs::rename(&path, &named).unwrap();
        assert_eq!(recording(2, &named).unwrap().0, "recordings/2.rec");
    }

    #[test]
    fn a_bundle_is_its_owners_and_never_written_over() {
        use std::os::unix::fs::PermissionsExt as _;
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("b.tar.gz");
        write(&path, b"x").unwrap();
        let mode = std::fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert!(write(&path, b"y").is_err());
        assert_eq!(std::fs::read(&path).unwrap(), b"x");
    }
}
