//! The one check of a site: the profile, its certificate, its secrets. The daemon's start, `yibaod --check` and
//! `yibaoctl profile check` all look through here, so that they never differ.

use std::path::Path;

use super::keys::{ConfigError, Problem, Words};
use super::profile::Profile;
use super::secrets::Secrets;
use crate::book::Code;

/// Something that keeps the daemon from starting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wrong {
    /// In the book.
    pub code: Code,
    /// Where and what.
    pub problem: Problem,
}

/// What was found.
pub struct Report {
    site: Option<(Profile, Secrets)>,
    /// What keeps the daemon from starting.
    pub errors: Vec<Wrong>,
    /// What works and is worth a person's look.
    pub warnings: Vec<Problem>,
    /// What only the service can see: secrets of systemd, or of another user.
    pub unseen: Vec<Problem>,
}

impl std::fmt::Debug for Report {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Report")
            .field("errors", &self.errors)
            .field("warnings", &self.warnings)
            .field("unseen", &self.unseen)
            .finish_non_exhaustive()
    }
}

/// Looks at a profile and all that it names. Writes nothing, asks nobody.
#[must_use]
pub fn look(path: &Path, credentials_dir: Option<&Path>) -> Report {
    let mut report = Report {
        site: None,
        errors: Vec::new(),
        warnings: Vec::new(),
        unseen: Vec::new(),
    };
    let profile = match Profile::load(path) {
        Ok(profile) => profile,
        Err(error) => {
            let problems = error.problems.into_iter();
            report.errors = problems.map(in_profile).collect();
            return report;
        }
    };
    let file = path.display().to_string();
    let warnings = profile.warnings().into_iter();
    report.warnings = warnings.map(|finding| in_file(&file, finding)).collect();
    if let Err(what) = certificate(&profile) {
        let finding = ("url.ca_path".to_owned(), what);
        report.errors.push(in_profile(in_file(&file, finding)));
    }
    let (secrets, faults) = Secrets::look(&profile, credentials_dir);
    for mut fault in faults {
        if fault.problem.file.is_empty() {
            fault.problem.file.clone_from(&file);
        }
        if fault.is_unseen {
            report.unseen.push(fault.problem);
        } else {
            report.errors.push(Wrong {
                code: Code::SecretWrong,
                problem: fault.problem,
            });
        }
    }
    report.site = Some((profile, secrets));
    report
}

impl Report {
    /// What the profile calls the site, when it could be read.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        self.site.as_ref().map(|(profile, _)| profile.name.as_str())
    }

    /// The site, when nothing is wrong and nothing was out of sight.
    ///
    /// # Errors
    /// All that is wrong.
    pub fn into_site(self) -> Result<(Profile, Secrets), ConfigError> {
        let errors = self.errors.into_iter().map(|wrong| wrong.problem);
        let problems: Vec<Problem> = errors.chain(self.unseen).collect();
        match self.site {
            Some(site) if problems.is_empty() => Ok(site),
            Some(_) | None => Err(ConfigError { problems }),
        }
    }
}

fn in_profile(problem: Problem) -> Wrong {
    Wrong {
        code: Code::ProfileWrong,
        problem,
    }
}

fn in_file(file: &str, (key, what): (String, Words)) -> Problem {
    Problem {
        file: file.to_owned(),
        key,
        what,
    }
}

/// Whether the certificate that the profile names can be used.
fn certificate(profile: &Profile) -> Result<(), Words> {
    let Some(path) = &profile.url.ca_path else {
        return Ok(());
    };
    let pem = std::fs::read(path).map_err(|e| {
        let path = path.display();
        let en = format!("{path} cannot be read: {e}");
        Words::from((en, format!("{path} 无法读取：{e}")))
    })?;
    match reqwest::Certificate::from_pem_bundle(&pem) {
        Ok(certificates) if !certificates.is_empty() => Ok(()),
        Ok(_) | Err(_) => {
            let path = path.display();
            let en = format!("{path} holds no certificate (PEM)");
            Err(Words::from((en, format!("{path} 里没有 PEM 证书"))))
        }
    }
}
