//! Figures that a test measured, left for `tests/run` to show at its end: cargo swallows what a test that passes prints.

use std::path::Path;

/// Leaves these lines, in place of what this name left before; without the folder that `YIBAO_PROOF` names they are
/// printed only.
pub(crate) fn leave(name: &str, lines: &str) {
    println!("{lines}");
    let Some(dir) = std::env::var_os("YIBAO_PROOF") else {
        return;
    };
    let dir = Path::new(&dir);
    std::fs::create_dir_all(dir).expect("the folder of YIBAO_PROOF can be made");
    let path = dir.join(format!("{name}.figure"));
    std::fs::write(&path, format!("{}\n", lines.trim_end()))
        .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
}
