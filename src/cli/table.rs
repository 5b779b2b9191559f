//! A plain table on standard output: columns as wide as their content, control characters made visible, styles only
//! where the stream is a terminal.

use std::io::{self, Write};

use anstyle::Style;
use unicode_width::UnicodeWidthStr;

use crate::report::escape;

/// One cell: its text and how it looks on a terminal.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Cell {
    text: String,
    style: Style,
}

impl Cell {
    /// A cell in a style.
    pub(super) fn styled(text: impl AsRef<str>, style: Style) -> Self {
        Self { text: escape::line(text.as_ref()).into_owned(), style }
    }
}

impl<T: AsRef<str>> From<T> for Cell {
    fn from(text: T) -> Self {
        Self::styled(text, Style::new())
    }
}

/// Writes a heading and rows. Escape codes are written wherever there are styles: hand in a stream that removes them
/// where they do not belong, such as `anstream::stdout()`.
///
/// # Errors
/// What the stream says.
pub(super) fn write(out: &mut impl Write, heading: &[&str], rows: &[Vec<Cell>]) -> io::Result<()> {
    let bold = Style::new().bold();
    let heading: Vec<_> = heading.iter().map(|text| Cell::styled(text, bold)).collect();
    let widths: Vec<_> = (0..heading.len())
        .map(|column| {
            let cells = rows.iter().chain([&heading]).filter_map(|row| row.get(column));
            cells.map(|cell| cell.text.width()).max().unwrap_or_default()
        })
        .collect();
    for row in [&heading].into_iter().chain(rows) {
        write_row(out, row, &widths)?;
    }
    Ok(())
}

fn write_row(out: &mut impl Write, row: &[Cell], widths: &[usize]) -> io::Result<()> {
    for (place, (cell, width)) in row.iter().zip(widths).enumerate() {
        if place > 0 {
            write!(out, "  ")?;
        }
        write!(out, "{}{}{:#}", cell.style, cell.text, cell.style)?;
        if place + 1 < row.len() {
            write!(out, "{:1$}", "", width.saturating_sub(cell.text.width()))?;
        }
    }
    writeln!(out)
}

#[cfg(test)]
mod tests {
    use super::{Cell, write};

    #[test]
    fn columns_are_as_wide_as_their_content() {
        let rows =
            [vec![Cell::from("a"), Cell::from("日本"), Cell::from("x")], vec!["long".into(), "b".into(), "y".into()]];
        let mut out = anstream::StripStream::new(Vec::new());
        write(&mut out, &["one", "two", "three"], &rows).unwrap();
        let text = String::from_utf8(out.into_inner()).unwrap();
        assert_eq!(text, "one   two   three\na     日本  x\nlong  b     y\n");
    }
}
