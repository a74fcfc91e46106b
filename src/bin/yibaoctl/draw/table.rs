//! A table that fits the terminal: columns are narrowed, widest first, and cells cut with `…`.

use super::words::Words;
use super::{Paint, columns, cut, left, right, wrapped};

/// Between two columns.
const GAP: &str = "  ";

/// How a column is drawn.
#[derive(Clone, Debug)]
pub(crate) struct Column {
    title: String,
    min: usize,
    is_number: bool,
}

impl Column {
    /// Text; it may be narrowed to `min` columns.
    pub(crate) fn text(title: &str, min: usize) -> Self {
        Self {
            title: title.to_owned(),
            min,
            is_number: false,
        }
    }

    /// Text that is never cut: an id is of no use when half of it is missing.
    pub(crate) fn whole(title: &str) -> Self {
        Self::text(title, usize::MAX)
    }

    /// A number or a time, at the right and never cut.
    pub(crate) fn number(title: &str) -> Self {
        Self {
            title: title.to_owned(),
            min: usize::MAX,
            is_number: true,
        }
    }
}

/// Rows under titles.
#[derive(Clone, Debug)]
pub(crate) struct Table {
    columns: Vec<Column>,
    rows: Vec<Vec<String>>,
}

impl Table {
    pub(crate) fn new(columns: Vec<Column>) -> Self {
        Self {
            columns,
            rows: Vec::new(),
        }
    }

    /// Adds a row; a missing cell is empty.
    pub(crate) fn row(&mut self, cells: Vec<String>) {
        self.rows.push(cells);
    }

    /// Titles and rows, none wider than `width` unless what is never cut alone is.
    pub(crate) fn lines(&self, width: usize, paint: Paint) -> Vec<String> {
        let widths = self.widths(width);
        let titles: Vec<String> = self
            .columns
            .iter()
            .map(|column| column.title.clone())
            .collect();
        let mut lines = vec![paint.bold(&self.line(&titles, &widths))];
        let rule: Vec<String> = widths.iter().map(|width| "─".repeat(*width)).collect();
        lines.push(paint.dim(&rule.join(GAP)));
        lines.extend(self.rows.iter().map(|row| self.line(row, &widths)));
        lines
    }

    fn widths(&self, width: usize) -> Vec<usize> {
        let mut widths: Vec<usize> = self.columns.iter().map(|c| columns(&c.title)).collect();
        for row in &self.rows {
            for (wide, cell) in widths.iter_mut().zip(row) {
                *wide = (*wide).max(columns(cell));
            }
        }
        let gaps = GAP.len() * self.columns.len().saturating_sub(1);
        while widths.iter().sum::<usize>() + gaps > width {
            let shrinkable = widths.iter().enumerate();
            let widest = shrinkable
                .filter(|(at, wide)| **wide > self.columns[*at].min)
                .max_by_key(|(_, wide)| **wide);
            let Some((at, _)) = widest else {
                break;
            };
            widths[at] -= 1;
        }
        widths
    }

    fn line(&self, cells: &[String], widths: &[usize]) -> String {
        let empty = String::new();
        let mut cells = cells.iter();
        let drawn: Vec<String> = self
            .columns
            .iter()
            .zip(widths)
            .map(|(column, width)| {
                let cell = cut(cells.next().unwrap_or(&empty), *width);
                match column.is_number {
                    true => right(&cell, *width),
                    false => left(&cell, *width),
                }
            })
            .collect();
        drawn.join(GAP).trim_end().to_owned()
    }
}

/// Below a table whose titles and cells had room for Chinese alone: the same in English, each word once.
pub(crate) fn legend(
    titles: &str,
    cells: impl Iterator<Item = Words>,
    paint: Paint,
    width: usize,
) -> Vec<String> {
    let mut told: Vec<String> = Vec::new();
    for (zh, en) in cells {
        let pair = format!("{zh} {en}");
        if !told.contains(&pair) {
            told.push(pair);
        }
    }
    let mut lines = Vec::new();
    for text in [titles.to_owned(), told.join(", ")] {
        let text = wrapped(&text, width.saturating_sub(2));
        lines.extend(text.iter().map(|line| paint.dim(&format!("  {line}"))));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> Table {
        let mut table = Table::new(vec![
            Column::text("请求编号", 8),
            Column::text("结果", 4),
            Column::number("金额"),
        ]);
        table.row(vec![
            "OP-20261122-000001".into(),
            "已结算".into(),
            "190.20".into(),
        ]);
        table.row(vec!["医保-2".into(), "结果未知".into(), "7.05".into()]);
        table
    }

    #[test]
    fn columns_stand_under_each_other_whatever_the_script() {
        let lines = table().lines(80, Paint::new(false));
        assert_eq!(lines[0], "请求编号            结果        金额");
        assert_eq!(lines[2], "OP-20261122-000001  已结算    190.20");
        assert_eq!(lines[3], "医保-2              结果未知    7.05");
        let ends: Vec<usize> = lines.iter().map(|line| columns(line)).collect();
        assert!(ends.iter().all(|end| *end == ends[0]), "{ends:?}");
    }

    #[test]
    fn a_narrow_terminal_cuts_texts_and_never_numbers() {
        for width in [40, 30, 26] {
            let lines = table().lines(width, Paint::new(false));
            assert!(
                lines.iter().all(|line| columns(line) <= width),
                "{width}: {lines:#?}"
            );
            assert!(
                lines[2].ends_with("190.20") && lines[3].ends_with("7.05"),
                "{lines:#?}"
            );
        }
        let lines = table().lines(30, Paint::new(false));
        assert!(lines[2].contains('…'), "{lines:#?}");
    }

    #[test]
    fn colours_do_not_count() {
        let lines = table().lines(80, Paint::new(true));
        assert!(lines[0].starts_with("\x1b[1m请求编号"));
    }
}
