//! JSON of other tools: found in a file, and asked for what it holds.

use std::path::Path;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::source::SourceError;
use crate::harness::adapter;
use crate::results::Benchmark;

/// The documents of a file: one, or one a line, with other words before the first.
///
/// # Errors
/// Where one is no JSON; its place is told.
pub(super) fn documents(path: &Path, bytes: &[u8]) -> Result<Vec<Value>, SourceError> {
    let text = String::from_utf8_lossy(bytes);
    let start = text.find(['{', '[']).unwrap_or(text.len());
    let body = text.get(start..).unwrap_or_default();
    let body = body.trim_end().trim_end_matches(';');
    let lines = 1 + text.get(..start).unwrap_or_default().matches('\n').count();
    let stream = serde_json::Deserializer::from_str(body).into_iter::<Value>();
    stream
        .map(|value| {
            value.map_err(|error| SourceError::Damaged {
                path: path.to_owned(),
                line: lines + error.line().max(1) - 1,
                column: error.column(),
                text: match error.is_eof() {
                    true => "cut off: the JSON ends in the middle; export it again".into(),
                    false => "not JSON; export it again".into(),
                },
            })
        })
        .collect()
}

/// The value at the end of this way, if it is there.
pub(super) fn at<'a>(value: &'a Value, way: &[&str]) -> Option<&'a Value> {
    way.iter().try_fold(value, |value, key| value.get(key))
}

/// The text there, if it is not empty.
pub(super) fn text<'a>(value: &'a Value, way: &[&str]) -> Option<&'a str> {
    at(value, way)?.as_str().filter(|text| !text.trim().is_empty())
}

/// The instant there: ISO 8601, with or without a zone (then UTC), or milliseconds since 1970.
pub(super) fn instant(value: &Value, way: &[&str]) -> Option<Timestamp> {
    match at(value, way)? {
        Value::Number(number) => Timestamp::from_millisecond(number.as_f64()? as i64).ok(),
        Value::String(text) => {
            let zoned = text.parse::<Timestamp>().ok();
            let civil = || text.parse::<jiff::civil::DateTime>().ok()?.to_zoned(jiff::tz::TimeZone::UTC).ok();
            zoned.or_else(|| Some(civil()?.timestamp()))
        }
        _ => None,
    }
}

/// A commit's hash, if it looks like one.
pub(super) fn commit(value: &Value, way: &[&str]) -> Option<String> {
    let text = text(value, way)?.trim();
    let is_hash = text.len() >= 7 && text.len() <= 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_hash.then(|| text.to_ascii_lowercase())
}

/// Benchmarks by the rules of one of our formats.
///
/// # Errors
/// The reason why there is none.
pub(super) fn parsed(format: &str, value: &Value) -> Result<(Vec<Benchmark>, Vec<String>), String> {
    let bytes = serde_json::to_vec(value).map_err(|error| error.to_string())?;
    let adapter = adapter(format).ok_or_else(|| format!("there is no format `{format}`"))?;
    let parsed = adapter.parse(&bytes).map_err(|error| error.text)?;
    Ok((parsed.benchmarks, parsed.warnings.into_iter().map(|warning| warning.text).collect()))
}

/// A benchmark in our own format.
pub(super) fn own(name: &str, parameters: &Value, metrics: &[Value]) -> Value {
    json!({ "name": name, "parameters": parameters, "metrics": metrics })
}
