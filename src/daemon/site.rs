//! What the files say: the configuration, the site profile, the secrets.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::Error;
use crate::config::{Problem, Profile, Secrets, Settings, Words, Written, profile_report, secrets};
use crate::document::typeset::SHEET_TEMPLATE;
use crate::ipc::grpc::{self, Said};
use crate::journal::SiteKey;

/// What the files say.
pub(super) struct Site {
    pub(super) settings: Settings,
    pub(super) profile: Arc<Profile>,
    pub(super) secrets: Secrets,
    /// The keys as people wrote them: of the configuration, of the profile.
    pub(super) written: (Written, Written),
    /// What works in the profile and is worth a person's look.
    pub(super) warnings: Vec<Problem>,
}

impl Site {
    /// What the files say and who may do what by it: all of it is asked that a start would refuse, whoever reads it: a
    /// start, one before it (`--check`), a reload.
    pub(super) fn checked(config_path: &Path) -> Result<(Self, Said), Error> {
        let site = Self::load(config_path)?;
        SiteKey::load(&key_path(&site.settings)).map_err(Error::SiteKey)?;
        let said = grpc::check(&site.settings)?;
        Ok((site, said))
    }

    fn load(config_path: &Path) -> Result<Self, Error> {
        let settings = Settings::load(config_path)?;
        let mut report = profile_report::look(
            &settings.paths.site_profile,
            secrets::handed_dir().as_deref(),
        );
        let warnings = std::mem::take(&mut report.warnings);
        let (profile, secrets) = report.into_site()?;
        let unknown = crate::device::quirks::check_models(&settings.devices);
        if !unknown.is_empty() {
            return Err(Error::Devices(unknown.join("; ")));
        }
        let mut warnings = warnings;
        warnings.extend(template_missing(config_path, &settings));
        let written = (
            Written::of_settings(config_path)?,
            Written::of_profile(&settings.paths.site_profile)?,
        );
        Ok(Self {
            settings,
            profile: Arc::new(profile),
            secrets,
            written,
            warnings,
        })
    }
}

/// The site's own template of the sheet, if it cannot be read. A desk settles without it, so it only warns.
pub(super) fn template_missing(config_path: &Path, settings: &Settings) -> Option<Problem> {
    let template = settings.sheet.template_dir.as_ref()?.join(SHEET_TEMPLATE);
    let is_there = std::fs::metadata(&template).is_ok_and(|it| it.is_file());
    // Only a file: to open anything else may wait for ever.
    let is_readable = is_there && std::fs::File::open(&template).is_ok();
    (!is_readable).then(|| Problem {
        file: config_path.display().to_string(),
        key: "sheet.template_dir".to_owned(),
        what: Words::from((
            format!(
                "{} cannot be read: no settlement sheet can be made",
                template.display()
            ),
            format!("读不到 {}，不能生成结算单", template.display()),
        )),
    })
}

/// Where the site key lies.
pub(super) fn key_path(settings: &Settings) -> PathBuf {
    let path = &settings.paths.site_key;
    secrets::place(path, secrets::handed_dir().as_deref()).unwrap_or_else(|| path.clone())
}
