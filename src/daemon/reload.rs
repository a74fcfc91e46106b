//! The files read again while the daemon runs: all of it is checked first, and what is wrong changes nothing.
//!
//! What can be replaced is replaced for what begins after it. The site profile is replaced whole or not at all: a
//! refusal text of one platform means nothing at another. What wants a new start is named and stays as it was.

use std::path::PathBuf;
use std::sync::Arc;

use super::site::{Site, template_missing};
use super::{Error, applied, full_text, status, systemd};
use crate::book::Code;
use crate::config::doors::{Tcp, Token};
use crate::config::secrets::{comes_with_a_start, handed_dir};
use crate::config::settings::Limits;
use crate::config::{ConfigError, Difference, Profile, Settings};
use crate::ipc::grpc::{DoorError, Rights};
use crate::observe;
use crate::operation::{ConfigChange, Failure, Operations};
use crate::runner::Runner;

/// Parts of the configuration that are replaced while the daemon runs. All others want a new start.
const REPLACED: [&str; 13] = [
    "access.",
    "code.",
    "device.",
    "limits.bill_once_days",
    "limits.calls_per_caller",
    "limits.settlements",
    "log.",
    "receipt.",
    "sheet.",
    "tcp.client.",
    "tcp.settle",
    "tcp.token.",
    "times.",
];

/// What is in force, and who is told of something else.
pub(super) struct Reload {
    pub(super) config_path: PathBuf,
    pub(super) site: Site,
    pub(super) runner: Runner,
    pub(super) operations: Operations,
    pub(super) rights: Rights,
    /// What was read last was wrong.
    pub(super) is_wrong: bool,
}

impl Reload {
    /// Reads, checks, replaces. Gives what differs.
    ///
    /// # Errors
    /// What is wrong; nothing was replaced.
    pub(super) async fn run(&mut self) -> Result<Vec<ConfigChange>, Error> {
        let path = self.config_path.clone();
        let template_dir = self.site.settings.sheet.template_dir.clone();
        let reading = tokio::task::spawn_blocking(move || {
            let (site, said) = Site::checked(&path)?;
            let is_new = site.settings.sheet.template_dir != template_dir;
            if let Some(problem) = template_missing(&path, &site.settings).filter(|_| is_new) {
                let problems = vec![problem];
                return Err(Error::Config(ConfigError { problems }));
            }
            let said = said.followed().map_err(DoorError::Tokens)?;
            Ok::<_, Error>((site, said))
        });
        let (read, said) = reading.await.map_err(|source| Error::System {
            what: "the configuration was not read to its end".to_owned(),
            source: source.into(),
        })??;
        let profile_is_replaced = is_same_site(&self.site, &read);
        let late = late_tokens(&read.settings);
        let changes = self.changes(&read, profile_is_replaced, &late);
        let (profile, secrets) = match profile_is_replaced {
            true => (Arc::clone(&read.profile), read.secrets.clone()),
            false => (Arc::clone(&self.site.profile), self.site.secrets.clone()),
        };
        let settings = merged(&self.site.settings, read.settings);
        let parts = self.runner.parts();
        // The last that can fail.
        let platform = parts
            .ways()
            .platform
            .renewed(Arc::clone(&profile), secrets.clone())?;

        parts.change_ways(applied::ways(platform, &profile, &settings));
        parts.hub.change_devices(settings.devices.clone());
        let patterns = settings.codes.iter().map(applied::pattern).collect();
        self.operations
            .change_waits(applied::waits(&settings), patterns);
        self.rights.change(said);
        observe::use_configured(&settings.log.level);
        let (of_settings, of_profile) = read.written;
        let of_profile = match profile_is_replaced {
            true => of_profile,
            // What is not in force still differs the next time.
            false => self.site.written.1.clone(),
        };
        let served = self.site.settings.tcp.clone();
        let is_kept = |key: &str| !is_in_force(key, &late, &served);
        let of_settings = of_settings.keeping(&self.site.written.0, is_kept);
        self.site = Site {
            settings,
            profile,
            secrets,
            written: (of_settings, of_profile),
            warnings: read.warnings,
        };
        Ok(changes)
    }

    /// [`Reload::run`], told to systemd, the log and whoever asked.
    pub(super) async fn told(&mut self) -> Result<Vec<ConfigChange>, Failure> {
        systemd::reloading();
        let done = self.run().await;
        self.is_wrong = done.is_err();
        let answer = match done {
            Ok(changes) => {
                tell(&changes);
                Ok(changes)
            }
            Err(error) => {
                let error = full_text(&error);
                tracing::error!(error, "the new configuration is wrong: the old one stays");
                Err(Failure::new(Code::ConfigWrong, error))
            }
        };
        systemd::ready(&self.status().await);
        answer
    }

    /// The line of `systemctl status`.
    pub(super) async fn status(&self) -> String {
        let mut line = status::line(&self.operations).await;
        if self.is_wrong {
            line.push_str("; the new configuration is wrong, the old one stays");
        }
        line
    }

    fn changes(
        &self,
        read: &Site,
        profile_is_replaced: bool,
        late: &[String],
    ) -> Vec<ConfigChange> {
        let of_settings = self.site.written.0.against(&read.written.0, "");
        let of_settings = of_settings.into_iter().map(|difference| {
            let in_force = is_in_force(&difference.key, late, &self.site.settings.tcp);
            change(difference, in_force)
        });
        let of_profile = self.site.written.1.against(&read.written.1, "profile.");
        let of_profile = of_profile
            .into_iter()
            .map(|it| change(it, profile_is_replaced));
        let mut changes: Vec<_> = of_settings.chain(of_profile).collect();
        if !self.site.secrets.is_same(&read.secrets) {
            changes.push(ConfigChange {
                key: "profile: what its secrets hold".to_owned(),
                before: "(hidden)".to_owned(),
                after: "(hidden)".to_owned(),
                in_force: false,
            });
        }
        changes
    }
}

/// Says what differs in the log.
pub(super) fn tell(changes: &[ConfigChange]) {
    for change in changes {
        let ConfigChange {
            key,
            before,
            after,
            in_force,
        } = change;
        match in_force {
            true => tracing::info!(key, before, after, "the configuration is changed"),
            false => tracing::warn!(
                key,
                before,
                after,
                "changed in the file, in force after a restart"
            ),
        }
    }
    tracing::info!(changes = changes.len(), "the configuration was read again");
}

fn change(difference: Difference, in_force: bool) -> ConfigChange {
    let Difference { key, before, after } = difference;
    ConfigChange {
        key,
        before,
        after,
        in_force,
    }
}

/// Where the configuration names the files of tokens that cannot be read before a new start: systemd hands credentials
/// over when it starts a service, and never again.
fn late_tokens(settings: &Settings) -> Vec<String> {
    let dir = handed_dir();
    let is_late = |token: &&Token| comes_with_a_start(&token.file, dir.as_deref());
    let late = settings.tcp.tokens.iter().filter(is_late);
    late.map(|token| format!("tcp.token.{}.file", token.name))
        .collect()
}

/// `served`: the port as it is in force.
fn is_in_force(key: &str, late: &[String], served: &Tcp) -> bool {
    is_replaced(key) && may_come(key, served) && !late.iter().any(|of_token| of_token == key)
}

fn is_replaced(key: &str) -> bool {
    REPLACED.iter().any(|part| key.starts_with(part))
}

/// Whether a caller of that kind can come at all: who it is stands in the rights, which are replaced, and the port, with
/// TLS or without it, is that of the start.
fn may_come(key: &str, served: &Tcp) -> bool {
    let (is_client, is_token) = (
        key.starts_with("tcp.client."),
        key.starts_with("tcp.token."),
    );
    match (served.listen, &served.tls) {
        (None, _) => !is_client && !is_token,
        (Some(_), Some(_)) => !is_token,
        (Some(_), None) => !is_client,
    }
}

/// What was in force, with what is replaced of the new. Every part is named, so that none that is told as replaced is
/// forgotten.
fn merged(old: &Settings, new: Settings) -> Settings {
    let Settings {
        desk: _,
        paths: _,
        devices,
        codes,
        access,
        json: _,
        tcp,
        receipt,
        sheet,
        limits,
        dbus: _,
        times,
        log,
    } = new;
    let Limits {
        calls_per_caller,
        waiting_callers: _,
        settlements,
        bill_once_days,
    } = limits;
    let Tcp {
        listen: _,
        settle,
        tokens,
        tls: _,
    } = tcp;
    let mut merged = Settings {
        devices,
        codes,
        access,
        receipt,
        sheet,
        times,
        log,
        ..old.clone()
    };
    merged.limits.calls_per_caller = calls_per_caller;
    merged.limits.settlements = settlements;
    merged.limits.bill_once_days = bill_once_days;
    merged.tcp.settle = settle;
    merged.tcp.tokens = tokens;
    merged
}

/// Whether the new profile speaks to the same platform in the same name, signed the same way: only then may what runs
/// by the old one and what begins by the new one share sign-ins and msgids.
fn is_same_site(old: &Site, new: &Site) -> bool {
    let who = |p: &Profile| {
        (
            p.fixmedins_code.clone(),
            p.mdtrtarea_admvs.clone(),
            p.sandbox,
        )
    };
    let how = |p: &Profile| (p.url.clone(), p.gateway.clone(), p.cainfo.clone());
    let voucher = |p: &Profile| (p.voucher.decode, p.voucher.url.clone());
    let (a, b) = (&*old.profile, &*new.profile);
    old.settings.paths.site_profile == new.settings.paths.site_profile
        && who(a) == who(b)
        && how(a) == how(b)
        && a.sign_in == b.sign_in
        && voucher(a) == voucher(b)
        && old.secrets.is_same(&new.secrets)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::doors::TlsFiles;

    #[test]
    fn what_names_the_desk_or_its_places_is_not_replaced() {
        for key in [
            "desk.number",
            "paths.socket",
            "limits.waiting_callers",
            "tcp.listen",
            "tcp.tls.key",
            "json.origins",
            "dbus.enabled",
        ] {
            assert!(!is_replaced(key), "{key}");
        }
        for key in [
            "device.window.baud",
            "times.scan_wait_s",
            "limits.settlements",
            "log.level",
            "sheet.template_dir",
            "tcp.settle",
            "tcp.token.his.role",
            "tcp.token.his.file",
        ] {
            assert!(is_replaced(key), "{key}");
        }
    }

    #[test]
    fn a_token_that_systemd_hands_over_wants_a_restart() {
        let late = ["tcp.token.his.file".to_owned()];
        let plain = served(false);
        assert!(!is_in_force("tcp.token.his.file", &late, &plain));
        assert!(is_in_force("tcp.token.his.role", &late, &plain));
        assert!(is_in_force("tcp.token.hall.file", &late, &plain));
        assert!(!is_in_force("desk.number", &[], &plain));
    }

    #[test]
    fn who_cannot_come_before_a_restart_is_in_force_after_it() {
        let (plain, tls, none) = (served(false), served(true), Tcp::default());
        for (key, expected) in [
            ("tcp.client.room-7.role", [false, true, false]),
            ("tcp.client.room-7.name", [false, true, false]),
            ("tcp.token.his.role", [true, false, false]),
            ("tcp.settle", [true, true, true]),
        ] {
            let told = [&plain, &tls, &none].map(|served| is_in_force(key, &[], served));
            assert_eq!(told, expected, "{key}");
        }
    }

    fn served(has_tls: bool) -> Tcp {
        let file = || PathBuf::from("/nowhere");
        Tcp {
            listen: Some(([127, 0, 0, 1], 8610).into()),
            tls: has_tls.then(|| TlsFiles {
                certificate: file(),
                key: file(),
                client_ca: file(),
            }),
            ..Tcp::default()
        }
    }
}
