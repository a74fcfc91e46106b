//! Logging: to systemd's journal with fields, or as text to standard error; and what the process counts. No
//! personal data.
//!
//! Who logs never waits for the journal: `journald` sends on a thread of its own. Levels can be changed while it runs.

mod journald;
mod level;
pub mod metrics;
pub mod openmetrics;
pub mod process;
pub mod prometheus;
mod record;

use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

pub use journald::{dropped, flush};
pub use level::{LevelError, check_level, log_level, set_level, use_configured};

/// Where the log goes, when the environment says so: `journal` or `stderr`.
const WHERE: &str = "YIBAO_LOG_TO";

/// Starts logging. `YIBAO_LOG` sets the filter, such as `yibaod=debug`. The log goes to systemd's journal when standard
/// error goes there or `YIBAO_LOG_TO` is `journal`, else as text to standard error.
pub fn start() {
    let levels = tracing_subscriber::registry().with(level::layer());
    let wanted = std::env::var(WHERE).unwrap_or_default();
    let to_journal = match wanted.as_str() {
        "journal" => true,
        "stderr" => false,
        _ => systemd_journal_logger::connected_to_journal(),
    };
    match to_journal.then(journald::start) {
        Some(Ok(layer)) => levels.with(layer).init(),
        Some(Err(error)) => {
            levels.with(text()).init();
            tracing::warn!(%error, "systemd's journal takes nothing: the log goes to standard error");
        }
        None => levels.with(text()).init(),
    }
}

fn text<S>() -> impl tracing_subscriber::Layer<S>
where
    S: tracing::Subscriber + for<'a> tracing_subscriber::registry::LookupSpan<'a>,
{
    let is_terminal = std::io::IsTerminal::is_terminal(&std::io::stderr());
    tracing_subscriber::fmt::layer()
        .with_ansi(is_terminal)
        .with_writer(std::io::stderr)
}
