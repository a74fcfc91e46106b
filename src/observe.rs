//! Logging: to standard error, where systemd's journal or a terminal takes it. No personal data.

use tracing_subscriber::EnvFilter;

/// What is logged when nobody says otherwise.
const DEFAULT_FILTER: &str = "yibaod=info,warn";

/// Starts logging. `YIBAO_LOG` sets the filter, such as `yibaod=debug`.
pub fn start() {
    let filter =
        EnvFilter::try_from_env("YIBAO_LOG").unwrap_or_else(|_| EnvFilter::new(DEFAULT_FILTER));
    let is_terminal = std::io::IsTerminal::is_terminal(&std::io::stderr());
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(is_terminal)
        .with_writer(std::io::stderr)
        .init();
}
