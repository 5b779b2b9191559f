//! Enumerations as the words that the published document uses for them, so that a row reads like the document.

use rusqlite::Row;
use rusqlite::types::Type;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// The word for a value; empty for a value that is not written as one word, which none here is.
pub(super) fn word<T: Serialize>(value: T) -> String {
    match serde_json::to_value(value) {
        Ok(Value::String(word)) => word,
        _ => String::new(),
    }
}

/// Reads the word in a column back.
pub(super) fn read<T: DeserializeOwned>(row: &Row<'_>, column: &str) -> rusqlite::Result<T> {
    let value = row.get::<_, String>(column)?;
    from_value(row, column, Value::String(value))
}

/// Reads the word in a column that may be null.
pub(super) fn read_optional<T: DeserializeOwned>(row: &Row<'_>, column: &str) -> rusqlite::Result<Option<T>> {
    let Some(value) = row.get::<_, Option<String>>(column)? else { return Ok(None) };
    from_value(row, column, Value::String(value)).map(Some)
}

/// Converts a value of a column into one of our types.
pub(super) fn from_value<T: DeserializeOwned>(row: &Row<'_>, column: &str, value: Value) -> rusqlite::Result<T> {
    serde_json::from_value(value).map_err(|error| {
        let place = row.as_ref().column_index(column).unwrap_or_default();
        rusqlite::Error::FromSqlConversionFailure(place, Type::Text, Box::new(error))
    })
}

/// A count or duration as SQLite's signed integer; what does not fit becomes the greatest.
pub(super) fn int(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

/// Reads a count or duration back; a negative one, which we never write, becomes zero.
pub(super) fn count(row: &Row<'_>, column: &str) -> rusqlite::Result<u64> {
    Ok(u64::try_from(row.get::<_, i64>(column)?).unwrap_or_default())
}
