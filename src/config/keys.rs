//! Reads a TOML table key by key and collects every problem instead of stopping at the first.
//!
//! A key that nobody asked for is reported when its table is dropped, so that forgetting to look is not possible.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt;
use std::ops::RangeInclusive;
use std::rc::Rc;

use toml::{Table, Value};

/// Problems that are listed; a broken file needs no longer list.
const PROBLEMS_MAX: usize = 100;

/// What is wrong, in words.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Words {
    /// English.
    pub en: String,
    /// Chinese; empty where a message is for the log only.
    pub zh: String,
}

impl From<&str> for Words {
    fn from(en: &str) -> Self {
        Self::from(en.to_owned())
    }
}

impl From<String> for Words {
    fn from(en: String) -> Self {
        let zh = String::new();
        Self { en, zh }
    }
}

impl<E: Into<String>, Z: Into<String>> From<(E, Z)> for Words {
    fn from((en, zh): (E, Z)) -> Self {
        let (en, zh) = (en.into(), zh.into());
        Self { en, zh }
    }
}

/// One thing that is wrong in a configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The file it stands in.
    pub file: String,
    /// The key, dotted from the top: `url.base`. Empty: the file as a whole.
    pub key: String,
    /// What is wrong.
    pub what: Words,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.file)?;
        if !self.key.is_empty() {
            write!(f, "{}: ", self.key)?;
        }
        f.write_str(&self.what.en)?;
        if self.what.zh.is_empty() {
            return Ok(());
        }
        write!(f, "（{}）", self.what.zh)
    }
}

/// All that is wrong in a configuration, at least one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct ConfigError {
    /// In the order they were met.
    pub problems: Vec<Problem>,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, problem) in self.problems.iter().enumerate() {
            if i > 0 {
                f.write_str("\n")?;
            }
            problem.fmt(f)?;
        }
        Ok(())
    }
}

impl ConfigError {
    /// One problem of a whole file.
    #[must_use]
    pub(super) fn of_file(file: &str, what: impl Into<Words>) -> Self {
        Self {
            problems: vec![Problem {
                file: file.to_owned(),
                key: String::new(),
                what: what.into(),
            }],
        }
    }
}

/// Which file each top key, dotted, came from last; and the name that is said for all others.
#[derive(Clone, Debug, Default)]
pub(super) struct Origins {
    /// Dotted key to file.
    pub(super) by_key: BTreeMap<String, String>,
    /// The main file.
    pub(super) main: String,
}

impl Origins {
    /// The file that set this key or the nearest table above it.
    fn file_of(&self, key: &str) -> &str {
        let mut key = key;
        loop {
            if let Some(file) = self.by_key.get(key) {
                return file;
            }
            match key.rfind(['.', '[']) {
                Some(at) => key = &key[..at],
                None => return &self.main,
            }
        }
    }
}

/// A whole number's key, and from where to where it goes.
#[cfg(test)]
pub(super) type Ranged = (&'static str, RangeInclusive<i64>);

/// Where problems go. Shared by a table and all tables in it.
#[derive(Clone, Default)]
pub(super) struct Sink {
    problems: Rc<RefCell<Vec<Problem>>>,
    origins: Rc<Origins>,
    /// Every key that was looked for, whether it was there or not.
    #[cfg(test)]
    pub(super) asked: Rc<RefCell<std::collections::BTreeSet<String>>>,
    /// The whole numbers among them, with their ranges.
    #[cfg(test)]
    pub(super) ranges: Rc<RefCell<Vec<Ranged>>>,
}

impl Sink {
    pub(super) fn new(origins: Origins) -> Self {
        Self {
            problems: Rc::default(),
            origins: Rc::new(origins),
            #[cfg(test)]
            asked: Rc::default(),
            #[cfg(test)]
            ranges: Rc::default(),
        }
    }

    pub(super) fn problem(&self, key: &str, what: impl Into<Words>) {
        let mut problems = self.problems.borrow_mut();
        if problems.len() < PROBLEMS_MAX {
            problems.push(Problem {
                file: self.origins.file_of(key).to_owned(),
                key: key.to_owned(),
                what: what.into(),
            });
        }
    }

    /// The value when nothing was wrong, else all that was.
    pub(super) fn finish<T>(&self, value: T) -> Result<T, ConfigError> {
        let problems = self.problems.take();
        if problems.is_empty() {
            Ok(value)
        } else {
            Err(ConfigError { problems })
        }
    }
}

/// A table being read. Each read takes the key out; what is left at the end is unknown.
pub(super) struct Keys {
    table: Table,
    prefix: String,
    asked: Vec<&'static str>,
    sink: Sink,
}

impl Keys {
    pub(super) fn new(table: Table, sink: Sink) -> Self {
        Self::under(table, String::new(), sink)
    }

    fn under(table: Table, prefix: String, sink: Sink) -> Self {
        Self {
            table,
            prefix,
            asked: Vec::new(),
            sink,
        }
    }

    /// Says that something is wrong with this key.
    pub(super) fn problem(&self, key: &str, what: impl Into<Words>) {
        self.sink.problem(&self.path(key), what);
    }

    fn path(&self, key: &str) -> String {
        if self.prefix.is_empty() {
            key.to_owned()
        } else {
            format!("{}.{key}", self.prefix)
        }
    }

    fn take(&mut self, key: &'static str) -> Option<Value> {
        self.asked.push(key);
        #[cfg(test)]
        self.sink.asked.borrow_mut().insert(self.path(key));
        self.table.remove(key)
    }

    fn take_as<T>(
        &mut self,
        key: &'static str,
        kind: &str,
        read: impl FnOnce(Value) -> Option<T>,
    ) -> Option<T> {
        let value = self.take(key)?;
        let seen = value.type_str();
        let read = read(value);
        if read.is_none() {
            self.problem(key, wrong_kind(kind, seen));
        }
        read
    }

    /// A text, when given.
    pub(super) fn text_option(&mut self, key: &'static str) -> Option<String> {
        self.take_as(key, "a text", text)
    }

    /// A text, or the default.
    pub(super) fn text(&mut self, key: &'static str, default: &str) -> String {
        self.text_option(key).unwrap_or_else(|| default.to_owned())
    }

    /// A text that must be given and not be empty.
    pub(super) fn text_required(&mut self, key: &'static str) -> String {
        let present = self.table.contains_key(key);
        match self.text_option(key) {
            Some(text) => {
                if text.trim().is_empty() {
                    self.problem(key, ("must not be empty", "不能为空"));
                }
                text
            }
            None => {
                if !present {
                    self.problem(key, IS_MISSING);
                }
                String::new()
            }
        }
    }

    /// `true` or `false`.
    pub(super) fn flag(&mut self, key: &'static str, default: bool) -> bool {
        self.take_as(key, "true or false", |v| v.as_bool())
            .unwrap_or(default)
    }

    /// A whole number in a range.
    pub(super) fn number<T>(
        &mut self,
        key: &'static str,
        default: T,
        range: RangeInclusive<i64>,
    ) -> T
    where
        T: TryFrom<i64>,
    {
        #[cfg(test)]
        self.sink.ranges.borrow_mut().push((key, range.clone()));
        let Some(number) = self.take_as(key, "a whole number", |v| v.as_integer()) else {
            return default;
        };
        if !range.contains(&number) {
            let (low, high) = (range.start(), range.end());
            let en = format!("must be {low} to {high}, is {number}");
            self.problem(key, (en, format!("应为 {low} 至 {high}，现为 {number}")));
            return default;
        }
        T::try_from(number).unwrap_or(default)
    }

    /// A whole number in a range that must be given.
    pub(super) fn number_required<T>(&mut self, key: &'static str, range: RangeInclusive<i64>) -> T
    where
        T: TryFrom<i64> + Default,
    {
        if !self.table.contains_key(key) {
            self.problem(key, IS_MISSING);
        }
        self.number(key, T::default(), range)
    }

    /// One of some words.
    pub(super) fn choice<T: Copy>(
        &mut self,
        key: &'static str,
        default: T,
        words: &[(&str, T)],
    ) -> T {
        let Some(word) = self.text_option(key) else {
            return default;
        };
        if let Some((_, value)) = words.iter().find(|(known, _)| *known == word) {
            return *value;
        }
        let known: Vec<&str> = words.iter().map(|(known, _)| *known).collect();
        let known = known.join(", ");
        let en = format!("{word:?} is none of {known}");
        self.problem(key, (en, format!("{word:?} 不是可用的值，可用：{known}")));
        default
    }

    /// A list of texts.
    pub(super) fn list(&mut self, key: &'static str, default: &[&str]) -> Vec<String> {
        self.take_as(key, "a list of texts", texts)
            .unwrap_or_else(|| default.iter().map(|&text| text.to_owned()).collect())
    }

    /// A table whose keys are free and whose values are texts.
    pub(super) fn map(&mut self, key: &'static str) -> BTreeMap<String, String> {
        self.free(key, "a text", text)
    }

    /// A table whose keys are free and whose values are lists of texts.
    pub(super) fn map_of_lists(&mut self, key: &'static str) -> BTreeMap<String, Vec<String>> {
        self.free(key, "a list of texts", texts)
    }

    fn free<T>(
        &mut self,
        key: &'static str,
        kind: &str,
        read: impl Fn(Value) -> Option<T>,
    ) -> BTreeMap<String, T> {
        let mut free = BTreeMap::new();
        for (name, value) in self.take_as(key, "a table", table).unwrap_or_default() {
            let seen = value.type_str();
            match read(value) {
                Some(value) => {
                    free.insert(name, value);
                }
                None => self.problem(&format!("{key}.{name}"), wrong_kind(kind, seen)),
            }
        }
        free
    }

    /// A table in this table; absent reads as empty.
    pub(super) fn sub(&mut self, key: &'static str) -> Keys {
        let inner = self.take_as(key, "a table", table).unwrap_or_default();
        Keys::under(inner, self.path(key), self.sink.clone())
    }

    /// A table that [`Keys::tables`] gave, by the name it gave.
    pub(super) fn inner(&self, at: &str, table: Table) -> Keys {
        Keys::under(table, self.path(at), self.sink.clone())
    }

    /// The tables of `[[key]]`, in order, each with its name for problems (`device[0]`).
    pub(super) fn tables(&mut self, key: &'static str) -> Vec<(String, Table)> {
        let list = |value: Value| match value {
            Value::Array(list) => list.into_iter().map(table).collect(),
            Value::Table(_)
            | Value::String(_)
            | Value::Integer(_)
            | Value::Float(_)
            | Value::Boolean(_)
            | Value::Datetime(_) => None,
        };
        let tables: Option<Vec<Table>> = self.take_as(key, "a list of tables", list);
        let named = tables.unwrap_or_default().into_iter().enumerate();
        named
            .map(|(i, table)| (format!("{key}[{i}]"), table))
            .collect()
    }
}

impl Drop for Keys {
    fn drop(&mut self) {
        for key in self.table.keys() {
            let known = self.asked.join(", ");
            let en = format!("unknown key; known here: {known}");
            self.problem(key, (en, format!("没有这个键；此处可用：{known}")));
        }
    }
}

/// A key that must be there and is not.
pub(super) const IS_MISSING: (&str, &str) = ("is missing", "缺少此键");

fn wrong_kind(kind: &str, seen: &str) -> Words {
    let zh = match kind {
        "a text" => "文本",
        "true or false" => "true 或 false",
        "a whole number" => "整数",
        "a list of texts" => "文本列表",
        "a table" => "一节（表）",
        _ => kind,
    };
    let en = format!("must be {kind}, is {seen}");
    Words::from((en, format!("应为{zh}，现为 {seen}")))
}

fn text(value: Value) -> Option<String> {
    value.as_str().map(str::to_owned)
}

fn texts(value: Value) -> Option<Vec<String>> {
    let list = value.as_array()?;
    list.iter()
        .map(|one| one.as_str().map(str::to_owned))
        .collect()
}

fn table(value: Value) -> Option<Table> {
    value.as_table().cloned()
}
