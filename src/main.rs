//! yibaod: arguments, logging, one call, exit code.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use yibaod::config::settings::SETTINGS_PATH;
use yibaod::{daemon, observe};

/// EX_CONFIG of sysexits.h: the service unit does not start again after it.
const EXIT_CONFIGURATION: u8 = 78;

/// What brings a service back that gave up, once the configuration is right.
const MENDED: &str = "yibaod: when that is mended 改正后执行: systemctl reset-failed yibaod.service yibaod.socket; systemctl start yibaod";

/// Owns the desk's scanners and printers and runs medical-insurance settlements.
#[derive(Parser)]
#[command(version, about)]
struct Arguments {
    /// The configuration; conf.d/*.toml beside it is read too.
    #[arg(long, value_name = "FILE", default_value = SETTINGS_PATH)]
    config: PathBuf,
    /// Read and check the configuration and the site profile, say what is wrong, and end.
    #[arg(long)]
    check: bool,
    /// Make the site key where the configuration has it, for a new desk that has no journal, and end.
    #[arg(long)]
    create_site_key: bool,
    /// Make it there, and read no configuration. Whether there is a journal is then for the caller to know.
    #[arg(long, value_name = "FILE", requires = "create_site_key")]
    site_key: Option<PathBuf>,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    observe::start();
    let done = if arguments.create_site_key {
        match &arguments.site_key {
            Some(path) => daemon::create_site_key_at(path),
            None => daemon::create_site_key(&arguments.config),
        }
    } else if arguments.check {
        daemon::check(&arguments.config)
    } else {
        daemon::run(&arguments.config)
    };
    let ended = match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("yibaod: {}", daemon::full_text(&error));
            let is_service = !arguments.check && !arguments.create_site_key;
            match error.is_of_configuration() {
                true => {
                    // Who only asks has a daemon that runs.
                    if is_service {
                        eprintln!("{MENDED}");
                    }
                    ExitCode::from(EXIT_CONFIGURATION)
                }
                false => ExitCode::FAILURE,
            }
        }
    };
    observe::flush();
    ended
}
