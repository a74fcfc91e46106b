//! What works on the disk, without the daemon: `journal verify` and `desk adopt`.

use std::path::{Path, PathBuf};

use yibaod::config::Settings;
use yibaod::journal::{self, Desk, Identity, SiteKey};

use crate::args::{Adopt, Verify};
use crate::ask;
use crate::exit::Exit;
use crate::out::Out;
use crate::trouble::Trouble;

/// The journal's folder in the state directory.
pub(crate) const JOURNAL_DIR: &str = "journal";
/// Where Linux says which machine this is.
const MACHINE_ID_PATH: &str = "/etc/machine-id";

/// `journal verify`: 0 when all is as it was written, 1 when not.
pub(crate) fn verify(verify: &Verify, out: &Out) -> Result<Exit, Trouble> {
    let key = SiteKey::load(&verify.key).map_err(|error| failed(&error))?;
    let report = journal::verify(&journal_in(&verify.dir), &key).map_err(|error| failed(&error))?;
    let faults: Vec<String> = report.faults.iter().map(ToString::to_string).collect();
    if out.is_json() {
        let object = serde_json::json!({
            "events": report.events.to_string(),
            "streams": report.streams.to_string(),
            "forgotten": report.forgotten.to_string(),
            "faults": faults,
        });
        out.object(&object.to_string());
    } else {
        let mut lines = vec![format!(
            "  {} events, {} streams, {} forgotten  记录 {} 条，流 {} 个",
            report.events, report.streams, report.forgotten, report.events, report.streams
        )];
        let paint = out.paint();
        match faults.is_empty() {
            true => lines.push(paint.good("  ✓ 与写入时一致  all is as it was written")),
            false => lines.extend(
                faults
                    .iter()
                    .map(|fault| paint.bad(&format!("  ✗ {fault}"))),
            ),
        }
        out.lines(&lines);
    }
    match report.faults.is_empty() {
        true => Ok(Exit::Fine),
        false => Ok(Exit::Failed),
    }
}

/// `desk adopt`.
pub(crate) fn adopt(adopt: &Adopt, out: &Out) -> Result<Exit, Trouble> {
    let place = Place::of(adopt)?;
    let key = SiteKey::load(&place.key).map_err(|error| failed(&error))?;
    out.notes(&[
        format!(
            "  {} → {} #{:03}",
            place.dir.display(),
            place.desk.name,
            place.desk.number
        ),
        "  只有当这份流水日志已永久迁到本机、原机不再使用时才可认领，否则可能重复扣费。".to_owned(),
        "  Only adopt a journal that moved here for good and that no other desk goes on with:"
            .to_owned(),
        "  otherwise patients may be charged twice.".to_owned(),
    ]);
    if !adopt.yes {
        if !ask::is_possible() {
            return Err(Trouble::Usage(
                "there is no terminal to ask at: give --yes".to_owned(),
            ));
        }
        out.note_raw("  认领？Adopt? [y/N] ");
        if !ask::yes_now() {
            return Err(Trouble::Usage("not adopted; 未认领".to_owned()));
        }
    }
    let found = journal::adopt(&place.dir, &place.desk, &key).map_err(|error| failed(&error))?;
    told(&found, out);
    Ok(Exit::Fine)
}

fn told(found: &Identity, out: &Out) {
    let (word, line) = match found {
        Identity::Fresh => (
            "fresh",
            "  空的流水日志，已归本机  an empty journal, now this desk's".to_owned(),
        ),
        Identity::Ours => (
            "ours",
            "  本来就是本机的  it was this desk's already".to_owned(),
        ),
        Identity::Foreign { name, number, .. } => (
            "adopted",
            format!("  ✓ 已认领（原属 {name} #{number:03}）  adopted from {name} #{number:03}"),
        ),
        Identity::RolledBack { had_seq, last_seq } => (
            "rolled_back",
            format!(
                "  ✓ 缺 {last_seq} 之后至 {had_seq} 的记录，已按现状启用  records {last_seq} to {had_seq} are \
                 missing; it goes on with what is left"
            ),
        ),
    };
    match out.is_json() {
        true => out.object(&serde_json::json!({ "identity": word }).to_string()),
        false => out.lines(&[line]),
    }
}

/// Whose journal, where.
struct Place {
    dir: PathBuf,
    key: PathBuf,
    desk: Desk,
}

impl Place {
    /// What the command line does not say, the configuration does; it is not read when nothing is missing.
    fn of(adopt: &Adopt) -> Result<Self, Trouble> {
        let given = (&adopt.dir, &adopt.key, &adopt.name, adopt.number);
        let (dir, key, name, number) = match given {
            (Some(dir), Some(key), Some(name), Some(number)) => {
                (journal_in(dir), key.clone(), name.clone(), number)
            }
            (dir, key, name, number) => {
                let settings = Settings::load(&adopt.config)
                    .map_err(|error| Trouble::Usage(error.to_string()))?;
                (
                    dir.as_deref()
                        .map(journal_in)
                        .unwrap_or_else(|| settings.paths.state_dir.join(JOURNAL_DIR)),
                    key.clone().unwrap_or(settings.paths.site_key),
                    name.clone().unwrap_or(settings.desk.name),
                    number.unwrap_or(settings.desk.number),
                )
            }
        };
        if key.components().count() == 1 && !key.exists() {
            let why = format!(
                "the site key is the systemd credential {}: give --key FILE",
                key.display()
            );
            return Err(Trouble::Usage(why));
        }
        let machine_id = std::fs::read_to_string(Path::new(MACHINE_ID_PATH))
            .map_err(|error| Trouble::Failed(format!("{MACHINE_ID_PATH}: {error}")))?;
        let desk = Desk {
            name,
            number,
            machine_id: machine_id.trim().to_owned(),
        };
        Ok(Self { dir, key, desk })
    }
}

/// The folder itself, or the journal's folder in it.
pub(crate) fn journal_in(dir: &Path) -> PathBuf {
    let inner = dir.join(JOURNAL_DIR);
    match inner.is_dir() {
        true => inner,
        false => dir.to_owned(),
    }
}

pub(crate) fn failed(error: &dyn std::error::Error) -> Trouble {
    let mut words = error.to_string();
    let mut source = error.source();
    while let Some(inner) = source {
        words.push_str(": ");
        words.push_str(&inner.to_string());
        source = inner.source();
    }
    Trouble::Failed(words)
}
