//! Files become one table: a main file, then `conf.d/*.toml` beside it, in the order of their names.
//!
//! Tables are merged key by key, a later file wins; lists are replaced, except `[[device]]` and the like
//! (lists of tables), which are added to.

use std::path::{Path, PathBuf};

use toml::{Table, Value};

use super::keys::{ConfigError, Origins, Problem, Words};

/// A configuration is read by people; a larger file is a mistake.
const FILE_BYTES_MAX: u64 = 1024 * 1024;
/// Files in `conf.d`.
const FILES_MAX: usize = 64;

/// Reads one file.
pub(super) fn one(path: &Path) -> Result<(Table, Origins), ConfigError> {
    let file = path.display().to_string();
    let table = read(path)?;
    let origins = Origins {
        main: file,
        ..Origins::default()
    };
    Ok((table, origins))
}

/// Reads a file and the `conf.d/*.toml` beside it.
pub(super) fn all(path: &Path) -> Result<(Table, Origins), ConfigError> {
    let (mut merged, mut origins) = one(path)?;
    let mut problems = Vec::new();
    for extra in beside(path)? {
        match read(&extra) {
            Ok(table) => {
                let file = extra.display().to_string();
                merge(&mut merged, table, "", &file, &mut origins);
            }
            Err(error) => problems.extend(error.problems),
        }
    }
    if problems.is_empty() {
        Ok((merged, origins))
    } else {
        Err(ConfigError { problems })
    }
}

fn beside(path: &Path) -> Result<Vec<PathBuf>, ConfigError> {
    let dir = path.with_file_name("conf.d");
    let Ok(entries) = std::fs::read_dir(&dir) else {
        return Ok(Vec::new());
    };
    let mut found: Vec<PathBuf> = entries
        .filter_map(Result::ok)
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|e| e == "toml"))
        .take(FILES_MAX + 1)
        .collect();
    found.sort();
    if found.len() > FILES_MAX {
        let what = format!("more than {FILES_MAX} files");
        return Err(ConfigError::of_file(&dir.display().to_string(), what));
    }
    Ok(found)
}

fn read(path: &Path) -> Result<Table, ConfigError> {
    let file = path.display().to_string();
    let fail = |en: String, zh: String| ConfigError::of_file(&file, (en, zh));
    let unread = |e: std::io::Error| fail(format!("cannot be read: {e}"), format!("无法读取：{e}"));
    let size = std::fs::metadata(path).map_err(unread)?;
    if size.len() > FILE_BYTES_MAX {
        let en = format!("is larger than {FILE_BYTES_MAX} bytes");
        return Err(fail(en, format!("大于 {FILE_BYTES_MAX} 字节")));
    }
    let text = std::fs::read_to_string(path).map_err(unread)?;
    parse(&text, &file)
}

/// Parses TOML; the error names the line.
pub(super) fn parse(text: &str, file: &str) -> Result<Table, ConfigError> {
    text.parse::<Table>().map_err(|error| {
        let before = error.span().and_then(|span| text.get(..span.start));
        let line = before.map_or(1, |before| before.matches('\n').count() + 1);
        ConfigError {
            problems: vec![Problem {
                file: file.to_owned(),
                key: String::new(),
                what: Words::from((
                    format!("line {line}: {}", error.message()),
                    format!("第 {line} 行不是正确的 TOML"),
                )),
            }],
        }
    })
}

fn merge(into: &mut Table, from: Table, prefix: &str, file: &str, origins: &mut Origins) {
    for (key, value) in from {
        let path = if prefix.is_empty() {
            key.clone()
        } else {
            format!("{prefix}.{key}")
        };
        match (into.get_mut(&key), value) {
            (Some(Value::Table(old)), Value::Table(new)) => merge(old, new, &path, file, origins),
            (Some(Value::Array(old)), Value::Array(new)) if new.iter().all(Value::is_table) => {
                for table in new {
                    let at = format!("{path}[{}]", old.len());
                    origins.by_key.insert(at, file.to_owned());
                    old.push(table);
                }
            }
            (_, value) => {
                origins.by_key.insert(path, file.to_owned());
                into.insert(key, value);
            }
        }
    }
}
