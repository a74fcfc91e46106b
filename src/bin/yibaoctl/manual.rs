//! `manual`: the man pages and shell completions of this program, for packages; made of what the command line says.

use std::path::Path;

use clap::{Command, CommandFactory as _};
use clap_complete::Shell;

use crate::args::{Args, Manual};
use crate::exit::Exit;
use crate::trouble::Trouble;

/// As the pages are called by.
const NAME: &str = "yibaoctl";
/// Shells that Debian's users have.
const SHELLS: [Shell; 3] = [Shell::Bash, Shell::Zsh, Shell::Fish];

/// Writes `man1/` and `completions/` into the folder.
pub(crate) fn write(manual: &Manual) -> Result<Exit, Trouble> {
    let failed =
        |error: std::io::Error| Trouble::Failed(format!("{}: {error}", manual.dir.display()));
    pages(&manual.dir.join("man1")).map_err(failed)?;
    completions(&manual.dir.join("completions")).map_err(failed)?;
    Ok(Exit::Fine)
}

/// A page of its own for each command, as `man yibaoctl-pay` and `man yibaoctl pay` look for it.
fn pages(dir: &Path) -> std::io::Result<()> {
    std::fs::create_dir_all(dir)?;
    // The word `help` and its copies of all commands need no page.
    let command = Args::command().disable_help_subcommand(true);
    clap_mangen::generate_to(command, dir)
}

fn completions(dir: &Path) -> std::io::Result<()> {
    std::fs::create_dir_all(dir)?;
    for shell in SHELLS {
        let mut command = offered();
        clap_complete::generate_to(shell, &mut command, NAME, dir)?;
    }
    Ok(())
}

/// The command line without what is hidden, which shells would offer too.
fn offered() -> Command {
    let whole = Args::command();
    let shown = whole.get_subcommands().filter(|sub| !sub.is_hide_set());
    Command::new(NAME)
        .args(whole.get_arguments().cloned())
        .subcommands(shown.cloned())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Names of pages and of commands, each as `yibaoctl-device-scan`.
    fn names(command: &Command, prefix: &str, into: &mut Vec<String>) {
        into.push(prefix.to_owned());
        for sub in command.get_subcommands().filter(|sub| !sub.is_hide_set()) {
            names(sub, &format!("{prefix}-{}", sub.get_name()), into);
        }
    }

    #[test]
    fn every_command_has_a_page_and_every_shell_its_completion() {
        let dir = tempfile::tempdir().unwrap();
        let manual = Manual {
            dir: dir.path().to_owned(),
        };
        assert!(matches!(write(&manual), Ok(Exit::Fine)));
        let mut wanted = Vec::new();
        names(&Args::command(), NAME, &mut wanted);
        wanted.sort();
        let listed = std::fs::read_dir(dir.path().join("man1")).unwrap();
        let mut found: Vec<String> = listed
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .map(|name| name.trim_end_matches(".1").to_owned())
            .collect();
        found.sort();
        assert_eq!(found, wanted);
        let pay = std::fs::read_to_string(dir.path().join("man1/yibaoctl-pay.1")).unwrap();
        // roff writes a hyphen of an option as \-.
        assert!(pay.contains(r"\-\-wait\-s"), "{pay}");
        for (file, word) in [
            ("yibaoctl.bash", "--wait-s"),
            ("_yibaoctl", "--wait-s"),
            ("yibaoctl.fish", "wait-s"),
        ] {
            let text = std::fs::read_to_string(dir.path().join("completions").join(file)).unwrap();
            assert!(text.contains(word), "{file}");
            assert!(!text.contains("manual"), "{file} offers a hidden command");
        }
    }
}
