//! PURE. Characters → lines of so many columns.

use super::text::{Kind, Sign};
use crate::document::Align;

/// Breaks a text at a width: at its line feeds, else between words or Chinese characters, else anywhere.
/// A line is never empty for lack of room: a character that is wider than the width has a line of its own.
pub(super) fn wrap(signs: &[Sign], width: u16) -> Vec<&[Sign]> {
    let mut lines = Vec::new();
    let (mut start, mut used, mut at, mut break_at) = (0, 0, 0, None);
    while let Some(sign) = signs.get(at) {
        if sign.kind == Kind::LineEnd {
            lines.push(trimmed(&signs[start..at]));
            (start, used, break_at) = (at + 1, 0, None);
            at += 1;
            continue;
        }
        if at > start && may_break(signs[at - 1].kind, sign.kind) {
            break_at = Some(at);
        }
        if at > start && used + sign.columns > width {
            let end = break_at.unwrap_or(at);
            lines.push(trimmed(&signs[start..end]));
            start = end;
            while start < signs.len() && signs[start].kind == Kind::Space {
                start += 1;
            }
            at = at.max(start);
            used = signs[start..at].iter().map(|s| s.columns).sum();
            break_at = None;
            continue;
        }
        used += sign.columns;
        at += 1;
    }
    lines.push(trimmed(&signs[start..]));
    lines
}

/// A cell: its text, its share of the width, and where the text stands in it.
pub(super) type Cell = (Vec<Sign>, u8, Align);

/// Cells side by side: each broken within its own width, lines filled with spaces. A cell is never narrower than its
/// widest character; what has no room at all side by side stands below.
pub(super) fn row(cells: &[Cell], width: u16) -> Vec<Vec<Sign>> {
    let mut lines = Vec::new();
    let mut rest = cells;
    while !rest.is_empty() {
        let (abreast, below) = rest.split_at(abreast(rest, width));
        lines.extend(side_by_side(abreast, width));
        rest = below;
    }
    lines
}

/// How many of the first cells have room side by side.
fn abreast(cells: &[Cell], width: u16) -> usize {
    let mut used = 0_u16;
    let has_room = |cell: &&Cell| {
        used = used.saturating_add(least(cell));
        used <= width
    };
    cells.iter().take_while(has_room).count().max(1)
}

/// The columns of its widest character.
fn least((signs, ..): &Cell) -> u16 {
    signs
        .iter()
        .map(|sign| sign.columns)
        .max()
        .unwrap_or(1)
        .max(1)
}

/// The columns of each cell: by their shares, and what one lacks is taken from the one that has most to spare.
fn rooms(cells: &[Cell], width: u16) -> Vec<u16> {
    let share = |cell: &Cell| u32::from(cell.1).max(1);
    let shares: u32 = cells.iter().map(share).sum();
    let (mut edge, mut sum) = (0, 0);
    let mut rooms = Vec::with_capacity(cells.len());
    for cell in cells {
        sum += share(cell);
        let right = u16::try_from(u32::from(width) * sum / shares.max(1)).unwrap_or(width);
        rooms.push(right - edge);
        edge = right;
    }
    for index in 0..cells.len() {
        while rooms[index] < least(&cells[index]) {
            let spare = |at: &usize| rooms[*at].saturating_sub(least(&cells[*at]));
            let Some(from) = (0..cells.len())
                .max_by_key(spare)
                .filter(|at| spare(at) > 0)
            else {
                break;
            };
            rooms[from] -= 1;
            rooms[index] += 1;
        }
    }
    rooms
}

/// Cells that have room side by side.
fn side_by_side(cells: &[Cell], width: u16) -> Vec<Vec<Sign>> {
    let mut edge = 0;
    let mut placed = Vec::with_capacity(cells.len());
    for (index, (cell, room)) in cells.iter().zip(rooms(cells, width)).enumerate() {
        let (signs, _, align) = cell;
        // One column stays free between cells, where there is room for it.
        let is_last = index + 1 == cells.len();
        let gutter = u16::from(!is_last && room > least(cell).max(2));
        placed.push((wrap(signs, room - gutter), edge, room - gutter, *align));
        edge += room;
    }
    let height = placed.iter().map(|(lines, ..)| lines.len()).max();
    let line_at = |index: usize| {
        let mut line = Vec::new();
        let mut used = 0;
        for (lines, edge, room, align) in &placed {
            let Some(part) = lines.get(index).filter(|part| !part.is_empty()) else {
                continue;
            };
            let columns: u16 = part.iter().map(|sign| sign.columns).sum();
            let free = room.saturating_sub(columns);
            let begin = edge
                + match align {
                    Align::Left => 0,
                    Align::Center => free / 2,
                    Align::Right => free,
                };
            line.extend(std::iter::repeat_n(
                Sign::SPACE,
                begin.saturating_sub(used).into(),
            ));
            line.extend_from_slice(part);
            used = used.max(begin) + columns;
        }
        line
    };
    (0..height.unwrap_or(0)).map(line_at).collect()
}

fn may_break(before: Kind, after: Kind) -> bool {
    let keeps = before == Kind::Opening || after == Kind::Closing || after == Kind::Space;
    let between_latin = before == Kind::Latin && after == Kind::Latin;
    !keeps && !between_latin
}

fn trimmed(line: &[Sign]) -> &[Sign] {
    let end = line
        .iter()
        .rposition(|sign| sign.kind != Kind::Space)
        .map_or(0, |last| last + 1);
    &line[..end]
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::text::signs;
    use super::*;
    use crate::device::quirks::Charset;

    #[test]
    fn lines_break_where_a_reader_expects() {
        for (text, width, lines) in [
            ("", 8, &[""][..]),
            ("a\n\nb", 8, &["a", "", "b"]),
            ("insulin pen", 8, &["insulin", "pen"]),
            ("insulinpen", 4, &["insu", "linp", "en"]),
            ("阿莫西林胶囊", 8, &["阿莫西林", "胶囊"]),
            ("阿莫西林胶囊", 7, &["阿莫西", "林胶囊"]),
            ("阿莫西林，胶囊", 8, &["阿莫西", "林，胶囊"]),
            ("规格（0.25g", 7, &["规格", "（0.25g"]),
            ("规格（盒）", 6, &["规格", "（盒）"]),
            ("共3盒abc", 6, &["共3盒", "abc"]),
            ("a   b", 2, &["a", "b"]),
            ("医", 1, &["医"]),
        ] {
            let (signs, _) = signs(text, Charset::Gb18030);
            let wrapped: Vec<String> = wrap(&signs, width).iter().map(|line| read(line)).collect();
            assert_eq!(wrapped, lines, "{text:?} in {width}");
        }
    }

    #[test]
    fn cells_keep_to_their_columns() {
        let cell = |text: &str, share, align| (signs(text, Charset::Gb18030).0, share, align);
        let cells = [
            cell("阿莫西林胶囊", 2, Align::Left),
            cell("2", 1, Align::Center),
            cell("12.50", 1, Align::Right),
        ];
        let lines: Vec<String> = row(&cells, 20).iter().map(|line| read(line)).collect();
        assert_eq!(lines, ["阿莫西林   2   12.50", "胶囊"]);
        assert_eq!(row(&[], 20).len(), 0);
        // Too narrow for a Chinese character by its share alone.
        let cells = [
            cell("药", 1, Align::Left),
            cell("布洛芬缓释胶囊", 20, Align::Left),
        ];
        let lines: Vec<String> = row(&cells, 16).iter().map(|line| read(line)).collect();
        assert_eq!(lines, ["药布洛芬缓释胶囊"]);
        // No room for all side by side.
        let cells: Vec<_> = (0..12).map(|_| cell("药", 1, Align::Left)).collect();
        let lines: Vec<String> = row(&cells, 16).iter().map(|line| read(line)).collect();
        assert_eq!(lines, ["药药药药药药药药", "药  药  药  药"]);
    }

    proptest! {
        #[test]
        fn nothing_is_lost_and_nothing_sticks_out(text in "[ a-c医，（\n]{0,60}", width in 2u16..20) {
            let (signs, _) = signs(&text, Charset::Gb18030);
            let lines = wrap(&signs, width);
            for line in &lines {
                prop_assert!(line.iter().map(|s| s.columns).sum::<u16>() <= width);
            }
            let visible = |text: &str| text.replace([' ', '\n'], "");
            let read: String = lines.iter().map(|line| read(line)).collect();
            prop_assert_eq!(visible(&read), visible(&text));
        }

        #[test]
        fn no_row_loses_or_sticks_out(
            cells in proptest::collection::vec(("[ a-c医，（\n]{0,12}", 0u8..30, 0u8..3), 0..20),
            width in 1u16..50,
        ) {
            let aligns = [Align::Left, Align::Center, Align::Right];
            let placed: Vec<_> = cells
                .iter()
                .map(|(text, share, align)| {
                    (signs(text, Charset::Gb18030).0, *share, aligns[usize::from(*align)])
                })
                .collect();
            let widest = placed.iter().map(least).max().unwrap_or(1);
            let lines = row(&placed, width);
            for line in &lines {
                prop_assert!(line.iter().map(|s| s.columns).sum::<u16>() <= width.max(widest));
            }
            let sorted = |text: &str| {
                let mut all: Vec<char> = text.chars().filter(|c| !" \n".contains(*c)).collect();
                all.sort_unstable();
                all
            };
            let read: String = lines.iter().map(|line| read(line)).collect();
            let whole: String = cells.iter().map(|(text, ..)| text.as_str()).collect();
            prop_assert_eq!(sorted(&read), sorted(&whole));
        }
    }

    fn read(line: &[Sign]) -> String {
        let bytes: Vec<u8> = line.iter().flat_map(|sign| sign.bytes().to_vec()).collect();
        encoding_rs::GB18030
            .decode_without_bom_handling(&bytes)
            .0
            .into_owned()
    }
}
