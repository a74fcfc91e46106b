//! `journal export`: the settlements of some days for another desk's reconciliation, without the daemon.

use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use yibaod::config::{Profile, Settings};
use yibaod::journal::{self, ExportError, Exported, SiteKey};

use crate::args::Export;
use crate::exit::Exit;
use crate::local::{JOURNAL_DIR, failed, journal_in};
use crate::out::Out;
use crate::trouble::Trouble;

/// It names visits and persons by number: for the owner only.
const FILE_MODE: u32 = 0o600;

/// Runs it.
pub(crate) fn run(wanted: &Export, out: &Out) -> Result<Exit, Trouble> {
    let place = Place::of(wanted)?;
    let key = SiteKey::load(&place.key).map_err(|error| failed(&error))?;
    let days = (wanted.date.as_str(), wanted.to.as_str());
    let exported = journal::export(&place.dir, &key, &place.fixmedins_code, days, now_ms());
    let exported = exported.map_err(|error| trouble(&error))?;
    if wanted.out == Path::new("-") {
        // As it is, in whatever character set: it is ASCII.
        let mut stdout = std::io::stdout().lock();
        stdout
            .write_all(exported.text.as_bytes())
            .and_then(|()| stdout.flush())
            .map_err(|error| failed(&error))?;
        return Ok(Exit::Fine);
    }
    write(&wanted.out, &exported.text)?;
    told(&exported, &wanted.out, out);
    Ok(Exit::Fine)
}

fn write(path: &Path, text: &str) -> Result<(), Trouble> {
    let cannot = |error: std::io::Error| Trouble::Failed(format!("{}: {error}", path.display()));
    let mut file = std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(FILE_MODE)
        .open(path)
        .map_err(cannot)?;
    file.write_all(text.as_bytes())
        .and_then(|()| file.sync_all())
        .map_err(cannot)
}

fn told(exported: &Exported, path: &Path, out: &Out) {
    let (desk, rows, forgotten) = (exported.desk, exported.rows, exported.forgotten);
    if out.is_json() {
        let object = serde_json::json!({
            "desk": desk,
            "rows": rows.to_string(),
            "forgotten": forgotten.to_string(),
        });
        out.object(&object.to_string());
        return;
    }
    let path = path.display();
    let mut lines = vec![format!(
        "  ✓ 窗口 {desk:03}：{rows} 行已写入 {path}  {rows} rows of desk {desk:03}"
    )];
    if forgotten > 0 {
        lines.push(out.paint().care(&format!(
            "  {forgotten} 笔的明细已按保存期限清除  {forgotten} were forgotten by rule"
        )));
    }
    out.lines(&lines);
}

fn trouble(error: &ExportError) -> Trouble {
    match (error, error.code()) {
        (ExportError::Fault(fault), Some(code)) => Trouble::Bill {
            code,
            what: fault.detail.clone(),
        },
        (_, _) => failed(error),
    }
}

fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| {
        i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
    })
}

/// What the command line does not say, the configuration does; it is not read when nothing is missing.
struct Place {
    dir: PathBuf,
    key: PathBuf,
    fixmedins_code: String,
}

impl Place {
    fn of(wanted: &Export) -> Result<Self, Trouble> {
        if let (Some(dir), Some(key), Some(code)) =
            (&wanted.dir, &wanted.key, &wanted.fixmedins_code)
        {
            return Ok(Self {
                dir: journal_in(dir),
                key: key.clone(),
                fixmedins_code: code.clone(),
            });
        }
        let settings =
            Settings::load(&wanted.config).map_err(|error| Trouble::Usage(error.to_string()))?;
        let fixmedins_code = match &wanted.fixmedins_code {
            Some(code) => code.clone(),
            None => {
                Profile::load(&settings.paths.site_profile)
                    .map_err(|error| Trouble::Usage(error.to_string()))?
                    .fixmedins_code
            }
        };
        let dir = wanted.dir.as_deref().map(journal_in);
        Ok(Self {
            dir: dir.unwrap_or_else(|| settings.paths.state_dir.join(JOURNAL_DIR)),
            key: wanted.key.clone().unwrap_or(settings.paths.site_key),
            fixmedins_code,
        })
    }
}
