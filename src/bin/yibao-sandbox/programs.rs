//! The programs beside the sandbox: built first when cargo runs it, so that a fresh clone needs one command only.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use tokio::process::Command;

use crate::Trouble;
use crate::draw::Say;

/// What is built and looked for.
const DAEMON: &str = "yibaod";
const CTL: &str = "yibaoctl";

/// Where they are.
#[derive(Clone, Debug)]
pub(crate) struct Programs {
    /// The daemon that would ship.
    pub(crate) daemon: PathBuf,
    /// The command line, whether it is there or not.
    pub(crate) ctl: PathBuf,
    /// The source, when cargo runs the sandbox.
    pub(crate) source: Option<PathBuf>,
}

/// Builds them when cargo runs the sandbox; else takes what lies beside it.
pub(crate) async fn ready(no_build: bool, say: &Say) -> Result<Programs, Trouble> {
    let own = std::env::current_exe()?;
    let beside = own.parent().ok_or("the sandbox lies nowhere")?;
    let cargo = std::env::var_os("CARGO").zip(std::env::var_os("CARGO_MANIFEST_DIR"));
    let source = cargo.as_ref().map(|(_, source)| PathBuf::from(source));
    if let Some((cargo, source)) = cargo.as_ref().filter(|_| !no_build) {
        say.line("  … building yibaod and yibaoctl  正在编译");
        build(Path::new(cargo), Path::new(source), beside).await?;
        say.done("built", "编译", "yibaod, yibaoctl");
    }
    let programs = Programs {
        daemon: beside.join(DAEMON),
        ctl: beside.join(CTL),
        source,
    };
    if !programs.daemon.is_file() {
        let place = beside.display();
        return Err(format!(
            "there is no {DAEMON} in {place}: build it, or run the sandbox by cargo"
        )
        .into());
    }
    Ok(programs)
}

/// What lies beside the sandbox; systemd starts the daemon.
pub(crate) fn beside() -> Result<Programs, Trouble> {
    let own = std::env::current_exe()?;
    let beside = own.parent().ok_or("the sandbox lies nowhere")?;
    Ok(Programs {
        daemon: beside.join(DAEMON),
        ctl: beside.join(CTL),
        source: None,
    })
}

/// Into the folder that the sandbox itself was built into, by the same profile.
async fn build(cargo: &Path, source: &Path, beside: &Path) -> Result<(), Trouble> {
    let folder = beside
        .file_name()
        .and_then(|name| name.to_str())
        .unwrap_or("debug");
    // `dev` is the one profile whose folder has another name.
    let profile = if folder == "debug" { "dev" } else { folder };
    let target = beside.parent().ok_or("the sandbox lies at the top")?;
    let mut build = Command::new(cargo);
    // What cargo told us of ourselves is no news of what is built: some build scripts would run anew for it, now and
    // again at the next `cargo run`, and with them half of all that there is.
    for (name, _) in std::env::vars_os() {
        let told = name.to_string_lossy();
        if told.starts_with("CARGO_PKG_") || told.starts_with("CARGO_MANIFEST_") {
            build.env_remove(&name);
        }
    }
    let status = build
        .env_remove("OUT_DIR")
        .current_dir(source)
        .args([
            "build",
            "--quiet",
            "--bin",
            DAEMON,
            "--bin",
            CTL,
            "--profile",
            profile,
        ])
        .arg("--target-dir")
        .arg(target)
        .stdin(Stdio::null())
        .status()
        .await?;
    match status.success() {
        true => Ok(()),
        false => Err(format!("cargo could not build {DAEMON}: {status}").into()),
    }
}
