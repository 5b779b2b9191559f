//! Rows that a generation is repeated for: of a CSV file or of JSON lines they are found once and read when their turn
//! comes, so that a hundred thousand of them take little more memory than their file.

use std::borrow::Cow;

use serde_json::{Map, Value};

/// The most rows of one file.
pub const MOST_ROWS: usize = 1_000_000;

/// The rows of one file.
#[derive(Debug, Clone, PartialEq)]
pub enum Rows {
    /// Of a CSV file: its text, the names of its columns, and where each row begins and ends.
    Csv {
        /// The whole file.
        text: String,
        /// The names in its first line.
        header: Vec<String>,
        /// Begin and end of each row, in bytes.
        places: Vec<(u32, u32)>,
    },
    /// Of JSON lines: the text, and where each line begins and ends.
    Lines {
        /// The whole file.
        text: String,
        /// Begin and end of each line that is not blank, in bytes.
        places: Vec<(u32, u32)>,
    },
    /// Entries of a list.
    Values(Vec<Value>),
}

impl Rows {
    /// Finds the rows of a CSV file with names in its first line.
    ///
    /// # Errors
    /// What is wrong, with the line.
    pub fn csv(text: String) -> Result<Self, String> {
        let mut reader = csv::ReaderBuilder::new().from_reader(text.as_bytes());
        let header: Vec<String> = reader
            .headers()
            .map_err(|error| told(&error))?
            .iter()
            .map(|name| name.trim_start_matches('\u{feff}').trim().to_owned())
            .collect();
        if let Some(at) = header.iter().position(String::is_empty) {
            return Err(format!("1: column {} has no name", at + 1));
        }
        let twice = |(at, name): &(usize, &String)| header.iter().take(*at).any(|earlier| earlier == *name);
        if let Some((_, name)) = header.iter().enumerate().find(twice) {
            return Err(format!("1: the column `{name}` stands there twice"));
        }
        let mut places = Vec::new();
        let mut record = csv::ByteRecord::new();
        loop {
            let begin = reader.position().byte();
            if !reader.read_byte_record(&mut record).map_err(|error| told(&error))? {
                break;
            }
            places.push(place(begin, reader.position().byte())?);
            bounded(places.len())?;
        }
        Ok(Self::Csv { text, header, places })
    }

    /// Finds the lines of JSON lines; each is read when its turn comes.
    ///
    /// # Errors
    /// If there are too many, or the text is too long.
    pub fn lines(text: String) -> Result<Self, String> {
        let mut places = Vec::new();
        let mut begin = 0;
        for line in text.split_inclusive('\n') {
            if !line.trim().is_empty() {
                places.push(place(begin as u64, (begin + line.len()) as u64)?);
                bounded(places.len())?;
            }
            begin += line.len();
        }
        Ok(Self::Lines { text, places })
    }

    /// The entries of a list.
    ///
    /// # Errors
    /// If it is no list, or too long.
    pub fn values(value: Value) -> Result<Self, String> {
        let Value::Array(values) = value else {
            return Err("this is no list; write one entry for each row".into());
        };
        bounded(values.len())?;
        Ok(Self::Values(values))
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        match self {
            Self::Csv { places, .. } | Self::Lines { places, .. } => places.len(),
            Self::Values(values) => values.len(),
        }
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// A row by its number, from 0.
    ///
    /// # Errors
    /// If it cannot be read, with its line.
    pub fn at(&self, number: usize) -> Result<Value, String> {
        match self {
            Self::Values(values) => values.get(number).cloned().ok_or_else(|| format!("there is no row {number}")),
            Self::Lines { text, .. } => {
                let line = self.raw(number);
                serde_json::from_str(line.trim())
                    .map_err(|error| format!("{}:{}: {error}", line_of(text, self.begin(number)), error.column()))
            }
            Self::Csv { text, header, .. } => {
                let mut reader = csv::ReaderBuilder::new()
                    .has_headers(false)
                    .buffer_capacity(256)
                    .from_reader(self.raw(number).as_bytes());
                let mut record = csv::StringRecord::new();
                reader
                    .read_record(&mut record)
                    .map_err(|error| format!("{}: {error}", line_of(text, self.begin(number))))?;
                let pairs = header.iter().zip(record.iter());
                Ok(Value::Object(pairs.map(|(name, cell)| (name.clone(), cell.into())).collect::<Map<_, _>>()))
            }
        }
    }

    /// The names of the columns of a CSV file.
    pub(super) fn columns(&self) -> Option<&[String]> {
        match self {
            Self::Csv { header, .. } => Some(header),
            Self::Lines { .. } | Self::Values(_) => None,
        }
    }

    /// One cell of a CSV file: the row's number, and the column's.
    pub(super) fn cell(&self, number: usize, column: usize) -> Option<Cow<'_, str>> {
        let raw = self.raw(number);
        if !raw.contains('"') {
            return raw.trim_end_matches(['\r', '\n']).split(',').nth(column).map(Cow::Borrowed);
        }
        let mut reader = csv::ReaderBuilder::new().has_headers(false).buffer_capacity(256).from_reader(raw.as_bytes());
        let record = reader.records().next()?.ok()?;
        record.get(column).map(|cell| Cow::Owned(cell.to_owned()))
    }

    /// The line of a row, from 1; of a list's entry it is not known.
    pub(super) fn line(&self, number: usize) -> Option<usize> {
        match self {
            Self::Csv { text, .. } | Self::Lines { text, .. } => Some(line_of(text, self.begin(number))),
            Self::Values(_) => None,
        }
    }

    /// The row as it stands in the file; of a list's entry nothing.
    pub(super) fn raw(&self, number: usize) -> &str {
        match self {
            Self::Csv { text, places, .. } | Self::Lines { text, places } => {
                let (begin, end) = places.get(number).copied().unwrap_or_default();
                // After a row that ends with `\r`, its `\n` is still to come.
                text.get(begin as usize..end as usize).unwrap_or_default().trim_start_matches(['\r', '\n'])
            }
            Self::Values(_) => "",
        }
    }

    fn begin(&self, number: usize) -> usize {
        match self {
            Self::Csv { places, .. } | Self::Lines { places, .. } => {
                places.get(number).map_or(0, |(begin, _)| *begin as usize)
            }
            Self::Values(_) => 0,
        }
    }
}

fn place(begin: u64, end: u64) -> Result<(u32, u32), String> {
    let narrow = |at: u64| u32::try_from(at).map_err(|_| "the file is larger than 4 GiB".to_owned());
    Ok((narrow(begin)?, narrow(end)?))
}

fn bounded(rows: usize) -> Result<(), String> {
    if rows > MOST_ROWS { Err(format!("there are more than {MOST_ROWS} rows")) } else { Ok(()) }
}

fn line_of(text: &str, at: usize) -> usize {
    text.as_bytes().get(..at).unwrap_or_default().iter().filter(|byte| **byte == b'\n').count() + 1
}

fn told(error: &csv::Error) -> String {
    match error.position() {
        Some(position) => format!("{}: {}", position.line(), reason(error)),
        None => reason(error),
    }
}

fn reason(error: &csv::Error) -> String {
    match error.kind() {
        csv::ErrorKind::UnequalLengths { expected_len, len, .. } => {
            format!("this row has {len} cells, the first line has {expected_len}")
        }
        csv::ErrorKind::Utf8 { .. } => "this is not UTF-8".into(),
        _ => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::Rows;

    #[test]
    fn rows_of_csv_are_read_one_by_one() {
        let rows = Rows::csv("\u{feff}name,text\r\na,\"x,\ny\"\r\nb,z\n".into()).unwrap();
        assert_eq!(rows.len(), 2);
        assert_eq!(rows.at(0), Ok(json!({"name": "a", "text": "x,\ny"})));
        assert_eq!(rows.at(1), Ok(json!({"name": "b", "text": "z"})));
        assert_eq!([rows.cell(0, 0), rows.cell(0, 1)], [Some("a".into()), Some("x,\ny".into())]);
        assert_eq!([rows.cell(1, 0), rows.cell(1, 1), rows.cell(1, 2)], [Some("b".into()), Some("z".into()), None]);
    }

    #[test]
    fn mistakes_have_their_line() {
        assert_eq!(Rows::csv("a,b\n1,2\n1\n".into()), Err("3: this row has 1 cells, the first line has 2".into()));
        assert_eq!(Rows::csv("a,a\n".into()), Err("1: the column `a` stands there twice".into()));
        assert_eq!(Rows::csv("a,\n".into()), Err("1: column 2 has no name".into()));
        let rows = Rows::lines("{\"a\": 1}\n\n{\"a\": }\n".into()).unwrap();
        assert_eq!(rows.at(0), Ok(json!({"a": 1})));
        assert!(rows.at(1).unwrap_err().starts_with("3:7: "), "{:?}", rows.at(1));
        assert!(Rows::values(json!({"a": 1})).is_err());
    }
}
