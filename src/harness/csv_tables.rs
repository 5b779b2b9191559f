//! Tables of comma-separated values that benchmark tools write: a header whose names are known, rows below it, and
//! perhaps other lines before.

use super::lines::without_colours;

/// A header and the rows below it.
pub(super) struct CsvTable {
    header: Vec<String>,
    /// The rows.
    pub(super) rows: Vec<CsvRow>,
}

/// One row.
pub(super) struct CsvRow {
    /// The line it begins on, from 1.
    pub(super) line: u64,
    cells: Vec<String>,
    /// The output ends in it.
    pub(super) is_last_without_end: bool,
}

impl CsvRow {
    /// The row, for a message.
    pub(super) fn text(&self) -> String {
        self.cells.join(",")
    }
}

impl CsvTable {
    /// What stands in a row below this name; `None` where it is empty or there is no such column.
    pub(super) fn cell<'a>(&self, row: &'a CsvRow, name: &str) -> Option<&'a str> {
        let at = self.header.iter().position(|known| known == name)?;
        row.cells.get(at).map(|cell| cell.trim()).filter(|cell| !cell.is_empty())
    }

    /// A number in a row below this name.
    pub(super) fn number(&self, row: &CsvRow, name: &str) -> Option<f64> {
        self.cell(row, name)?.parse().ok()
    }

    /// The names of the columns.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.header.iter().map(String::as_str)
    }

    /// Whether a row has as many cells as there are columns.
    pub(super) fn is_whole(&self, row: &CsvRow) -> bool {
        row.cells.len() == self.header.len()
    }
}

/// All tables of a text. The same header again begins another one.
pub(super) fn tables(text: &str, is_header: fn(&str) -> bool) -> Vec<CsvTable> {
    let mut starts = Vec::new();
    let mut at = 0;
    for (index, line) in text.split_inclusive('\n').enumerate() {
        if is_header(without_colours(line).trim()) {
            starts.push((at, index as u64));
        }
        at += line.len();
    }
    let ends = starts.iter().skip(1).map(|(at, _)| *at).chain([text.len()]);
    starts.iter().zip(ends).filter_map(|((from, line), to)| table(text.get(*from..to)?, *line)).collect()
}

/// The table that a text is, `before` lines into the output.
fn table(text: &str, before: u64) -> Option<CsvTable> {
    let mut reader = csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(text.as_bytes());
    let mut records = reader.records().filter_map(Result::ok);
    let cells = |record: &csv::StringRecord| record.iter().map(|cell| cell.trim().to_owned()).collect::<Vec<_>>();
    let header = cells(&records.next()?);
    let mut rows: Vec<CsvRow> = records
        .map(|record| CsvRow {
            line: before + record.position().map_or(1, |place| line_of(text, place)),
            cells: cells(&record),
            is_last_without_end: false,
        })
        .collect();
    if let Some(last) = rows.last_mut().filter(|_| !text.ends_with('\n')) {
        last.is_last_without_end = true;
    }
    Some(CsvTable { header, rows })
}

/// The line of a record, that begins behind the empty lines at its place.
fn line_of(text: &str, place: &csv::Position) -> u64 {
    let rest = usize::try_from(place.byte()).ok().and_then(|at| text.get(at..)).unwrap_or_default();
    let empty = rest.bytes().take_while(|byte| matches!(byte, b'\n' | b'\r')).filter(|byte| *byte == b'\n').count();
    place.line() + empty as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_are_found_among_other_lines() {
        let text = "log, with commas\nname,x\n\"a, \"\"b\"\"\",1\n\nc,2\nname,x\nd";
        let all = tables(text, |line| line == "name,x");
        let [first, second] = &all[..] else { panic!("{}", all.len()) };
        let rows: Vec<_> =
            first.rows.iter().map(|row| (row.line, first.cell(row, "name"), first.number(row, "x"))).collect();
        assert_eq!(rows, [(3, Some("a, \"b\""), Some(1.0)), (5, Some("c"), Some(2.0))]);
        assert_eq!(first.cell(&first.rows[0], "y"), None);
        let row = &second.rows[0];
        assert!(row.line == 7 && row.is_last_without_end && !second.is_whole(row) && second.cell(row, "x").is_none());
        assert!(tables("a,b\n1,2\n", |line| line == "name,x").is_empty());
    }
}
