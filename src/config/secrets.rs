//! Secrets: from systemd credentials or files that only their owner can read.

use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use super::keys::ConfigError;
use super::profile::{Profile, SecretPlace};

/// A secret is a line; a larger file is a mistake.
const SECRET_BYTES_MAX: u64 = 4096;
/// Group and others.
const MODE_OTHERS: u32 = 0o077;

/// What the platform's client needs and no file of ours shows.
#[derive(Clone, Default)]
pub struct Secrets {
    /// The gateway's secret; empty when its family needs none.
    pub gateway: Zeroizing<String>,
}

impl std::fmt::Debug for Secrets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secrets(***)")
    }
}

impl Secrets {
    /// Reads what the profile names. `credentials_dir` is systemd's `CREDENTIALS_DIRECTORY`, where a name
    /// without a slash is looked for.
    ///
    /// # Errors
    /// The file is missing, too large, empty, or readable by others.
    pub fn load(profile: &Profile, credentials_dir: Option<&Path>) -> Result<Self, ConfigError> {
        let gateway = match &profile.gateway.secret {
            SecretPlace::None => Zeroizing::default(),
            SecretPlace::Inline(secret) => Zeroizing::new(secret.clone()),
            SecretPlace::File(path) => file(path, credentials_dir)?,
        };
        Ok(Self { gateway })
    }
}

/// Reads a secret of one line.
fn file(path: &Path, credentials_dir: Option<&Path>) -> Result<Zeroizing<String>, ConfigError> {
    let path = place(path, credentials_dir)?;
    let shown = path.display().to_string();
    let fail = |what: String| ConfigError::of_file(&shown, what);
    let meta = std::fs::metadata(&path).map_err(|e| fail(format!("cannot be read: {e}")))?;
    let from_systemd = credentials_dir.is_some_and(|dir| path.starts_with(dir));
    if !from_systemd && meta.mode() & MODE_OTHERS != 0 {
        let mode = meta.mode() & 0o777;
        return Err(fail(format!(
            "mode {mode:o}: others can read it; chmod 0600"
        )));
    }
    if meta.len() > SECRET_BYTES_MAX {
        return Err(fail(format!("is larger than {SECRET_BYTES_MAX} bytes")));
    }
    let text = std::fs::read_to_string(&path).map_err(|e| fail(format!("cannot be read: {e}")))?;
    let text = Zeroizing::new(text);
    let secret = text.trim_end_matches(['\r', '\n']);
    if secret.is_empty() {
        return Err(fail("is empty".to_owned()));
    }
    Ok(Zeroizing::new(secret.to_owned()))
}

fn place(path: &Path, credentials_dir: Option<&Path>) -> Result<PathBuf, ConfigError> {
    if path.is_absolute() {
        return Ok(path.to_owned());
    }
    match credentials_dir {
        Some(dir) if path.components().count() == 1 => Ok(dir.join(path)),
        Some(_) | None => Err(ConfigError::of_file(
            &path.display().to_string(),
            "is a systemd credential and there are none here; or give an absolute path",
        )),
    }
}
