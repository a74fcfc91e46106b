//! What is logged: by the environment, else by the configuration, and for a while what a person asked for.

use std::sync::{Mutex, OnceLock, PoisonError};

use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::{Registry, reload};

/// All of the program.
const OURS: &str = "yibaod";
/// Sets it at the start, whatever the configuration says.
const VARIABLE: &str = "YIBAO_LOG";
/// Longest name of a part of the program.
const TARGET_BYTES_MAX: usize = 64;
/// Parts that may have a level of their own: every line that is logged is compared with each.
const TARGETS_MAX: usize = 16;
/// The levels that there are; what is below them is not compiled into what ships.
const LEVELS: [&str; 5] = ["off", "error", "warn", "info", "debug"];

static LEVELS_HELD: OnceLock<Held> = OnceLock::new();

struct Held {
    handle: reload::Handle<Targets, Registry>,
    /// Whether the environment said what is logged.
    is_of_environment: bool,
    now: Mutex<String>,
}

/// Why nothing was changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LevelError {
    /// There is no such level.
    #[error("level {0:?} is none of off, error, warn, info, debug")]
    Level(String),
    /// No part of a program is called that.
    #[error("target {0:?} is no name of a part, such as yibaod::device")]
    Target(String),
    /// So many parts have a level of their own.
    #[error(
        "{TARGETS_MAX} parts have a level of their own already; set one for all (no target), then for parts; there are: {0}"
    )]
    TooMany(String),
    /// The log is not kept by this process.
    #[error("this process keeps no log")]
    NoLog,
}

/// The first layer: lets through what is to be logged.
pub(super) fn layer() -> reload::Layer<Targets, Registry> {
    let of_environment = std::env::var(VARIABLE)
        .ok()
        .and_then(|said| said.parse::<Targets>().ok());
    let is_of_environment = of_environment.is_some();
    let filter = of_environment.unwrap_or_else(usual);
    let now = Mutex::new(filter.to_string());
    let (layer, handle) = reload::Layer::new(filter);
    let held = Held {
        handle,
        is_of_environment,
        now,
    };
    // The second one to start keeps the first one's handle; there is one start in a process.
    drop(LEVELS_HELD.set(held));
    layer
}

/// What is logged when nobody says otherwise: ours that is worth knowing, and what troubles others.
fn usual() -> Targets {
    Targets::new()
        .with_target(OURS, LevelFilter::INFO)
        .with_default(LevelFilter::WARN)
}

/// What is logged now, as a filter: `yibaod=info,warn`.
#[must_use]
pub fn log_level() -> String {
    let now = LEVELS_HELD.get().map(|held| &held.now);
    now.map_or_else(String::new, |now| {
        now.lock().unwrap_or_else(PoisonError::into_inner).clone()
    })
}

/// Logs as the configuration says, unless the environment said it.
pub fn use_configured(level: &str) {
    let Some(held) = LEVELS_HELD.get() else {
        return;
    };
    if !held.is_of_environment && put(held, &filter(level)).is_err() {
        tracing::warn!(level, "the level of the log stays");
    }
}

/// Logs this level until the process ends or the next word: of one part (`yibaod::device`), or of all of the program.
/// Gives the filter as it is then.
///
/// # Errors
/// There is no such level or part, or no log.
pub fn set_level(level: &str, target: Option<&str>) -> Result<String, LevelError> {
    check_level(level, target)?;
    set(LEVELS_HELD.get().ok_or(LevelError::NoLog)?, level, target)
}

/// Whether there is such a level and such a part, and room for it among those that have one.
///
/// # Errors
/// There is not.
pub fn check_level(level: &str, target: Option<&str>) -> Result<(), LevelError> {
    if !LEVELS.contains(&level) {
        return Err(LevelError::Level(level.to_owned()));
    }
    match target {
        Some(target) if !is_target(target) => Err(LevelError::Target(target.to_owned())),
        Some(target) => check_room(&log_level(), target),
        None => Ok(()),
    }
}

fn set(held: &Held, level: &str, target: Option<&str>) -> Result<String, LevelError> {
    let now = || {
        let now = held.now.lock();
        now.unwrap_or_else(PoisonError::into_inner).clone()
    };
    let wanted = match target {
        None => filter(level),
        Some(target) => {
            check_room(&now(), target)?;
            format!("{},{target}={level}", now())
        }
    };
    put(held, &wanted)?;
    Ok(now())
}

/// Whether one more part has room in this filter; one that stands in it needs none.
fn check_room(now: &str, target: &str) -> Result<(), LevelError> {
    let parts = now.split(',').filter_map(|row| row.split_once('='));
    let others = parts.map(|(part, _)| part).filter(|part| *part != target);
    let others: Vec<&str> = others.collect();
    match others.len() < TARGETS_MAX {
        true => Ok(()),
        false => Err(LevelError::TooMany(others.join(", "))),
    }
}

/// All of ours at this level, others from a warning on.
fn filter(level: &str) -> String {
    match level {
        "off" | "error" => level.to_owned(),
        _ => format!("{OURS}={level},warn"),
    }
}

fn put(held: &Held, wanted: &str) -> Result<(), LevelError> {
    let filter = wanted
        .parse::<Targets>()
        .map_err(|_| LevelError::Level(wanted.to_owned()))?;
    let shown = filter.to_string();
    held.handle.reload(filter).map_err(|_| LevelError::NoLog)?;
    *held.now.lock().unwrap_or_else(PoisonError::into_inner) = shown;
    Ok(())
}

fn is_target(target: &str) -> bool {
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b':');
    (1..=TARGET_BYTES_MAX).contains(&target.len()) && target.bytes().all(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_and_parts_are_checked_before_anything_changes() {
        for level in ["loud", "", "debug,info", "INFO", "trace"] {
            assert_eq!(
                check_level(level, None),
                Err(LevelError::Level(level.to_owned()))
            );
        }
        for target in ["", "yibaod=debug", "a b", "x,y", &"a".repeat(65)] {
            assert!(!is_target(target), "{target}");
        }
        assert!(is_target("yibaod::device") && is_target("hyper"));
    }

    #[test]
    fn only_so_many_parts_have_a_level_of_their_own() {
        let (_layer, handle) = reload::Layer::new(usual());
        let held = Held {
            handle,
            is_of_environment: false,
            now: Mutex::new(usual().to_string()),
        };
        let part = |n| format!("yibaod::part{n}");
        // The program itself is one of them.
        for n in 1..TARGETS_MAX {
            assert!(set(&held, "debug", Some(&part(n))).is_ok(), "{n}");
        }
        let Err(LevelError::TooMany(standing)) = set(&held, "debug", Some("hyper")) else {
            panic!("there is room for more")
        };
        assert_eq!(standing.split(", ").count(), TARGETS_MAX);
        assert!(standing.contains(&part(1)), "{standing}");
        let changed = set(&held, "error", Some(&part(1))).unwrap();
        assert!(changed.contains("yibaod::part1=error"), "{changed}");
        assert!(!changed.contains("hyper"), "{changed}");
        let all = set(&held, "info", None).unwrap();
        assert_eq!(all.parse::<Targets>().unwrap(), usual(), "none is left");
        assert!(set(&held, "debug", Some("hyper")).is_ok());
    }

    #[test]
    fn every_level_is_a_filter() {
        for level in LEVELS {
            assert!(filter(level).parse::<Targets>().is_ok(), "{level}");
        }
        assert_eq!(filter("info").parse::<Targets>().unwrap(), usual());
        let filter: Targets = "yibaod=info,warn,yibaod=debug".parse().unwrap();
        let filter = filter.to_string();
        assert!(
            filter.contains("yibaod=debug") && !filter.contains("yibaod=info"),
            "{filter}"
        );
    }
}
