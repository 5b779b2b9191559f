//! JSON documents of benchmark tools, whole: one or several, perhaps between lines of other text. `NaN` and `Infinity`,
//! which Python writes and JSON does not know, are read as null.

use serde_json::Value;

use super::pytest_benchmark::without_nan;
use super::{HarnessError, decoded, quoted};

/// How many places that look like the start of a document and are none are tried.
const TRIES: usize = 50;

/// A document and the line in which it begins.
#[derive(Debug)]
pub(super) struct Document {
    /// From 1.
    pub(super) line: u64,
    pub(super) value: Value,
}

/// Finds all documents that `wanted` takes.
///
/// # Errors
/// If there is none, with the place and the reason of the first that could not be read; if the last one is cut off.
pub(super) fn documents(bytes: &[u8], wanted: fn(&Value) -> bool, help: &str) -> Result<Vec<Document>, HarnessError> {
    let text = decoded(bytes);
    let (mut found, mut rest, mut line, mut tries) = (Vec::new(), &*text, 1, 0);
    let mut first_error: Option<HarnessError> = None;
    while let Some(start) = next_start(rest) {
        line += newlines(&rest[..start]);
        rest = &rest[start..];
        match read(rest) {
            Ok((value, length)) => {
                if wanted(&value) {
                    found.push(Document { line, value });
                } else if first_error.is_none() {
                    let what = "a JSON document, but not one of this format";
                    first_error = Some(HarnessError::new(line, 1, what, help));
                }
                line += newlines(&rest[..length]);
                rest = &rest[length..];
            }
            Err(error) => {
                let place = if error.line() <= 1 { error.column() } else { 1 };
                let at = line + error.line().max(1) as u64 - 1;
                let column = if error.line() <= 1 { place } else { error.column() }.max(1) as u64;
                if error.is_eof() && looks_like_document(rest) {
                    let help = "was the tool killed, or the disk full?";
                    return Err(HarnessError::new(at, column, "cut off: the JSON ends in the middle", help));
                }
                if first_error.is_none() && looks_like_document(rest) {
                    let words = error.to_string();
                    let words = words.split(" at line ").next().unwrap_or_default();
                    first_error = Some(HarnessError::new(at, column, format!("not JSON: {}", quoted(words)), help));
                }
                tries += 1;
                let next = rest.find('\n').map_or(rest.len(), |end| end + 1);
                line += newlines(&rest[..next]);
                rest = &rest[next..];
            }
        }
        if tries > TRIES {
            break;
        }
    }
    if found.is_empty() {
        let what = if text.trim().is_empty() { "the file is empty" } else { "no JSON document" };
        return Err(first_error.unwrap_or_else(|| HarnessError::new(1, 1, what, help)));
    }
    Ok(found)
}

fn newlines(text: &str) -> u64 {
    memchr::memchr_iter(b'\n', text.as_bytes()).count() as u64
}

/// Where the next line starts with a brace or a bracket.
fn next_start(text: &str) -> Option<usize> {
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        let trimmed = line.trim_start();
        if trimmed.starts_with(['{', '[']) {
            return Some(at + line.len() - trimmed.len());
        }
        at += line.len();
    }
    None
}

/// `{"`, `[{`, `[[` or `[1`, whatever white space is between; `[ INFO ]` is a log.
fn looks_like_document(text: &str) -> bool {
    let mut chars = text.chars().filter(|c| !c.is_whitespace());
    match (chars.next(), chars.next()) {
        (Some('{'), second) => matches!(second, Some('"' | '}') | None),
        (Some('['), second) => second.is_none_or(|c| matches!(c, '{' | '[' | '"' | ']') || c.is_ascii_digit()),
        _ => false,
    }
}

/// The value at the start of a text, and how long it is there.
fn read(text: &str) -> Result<(Value, usize), serde_json::Error> {
    let strict = |text: &str| {
        let mut stream = serde_json::Deserializer::from_str(text).into_iter::<Value>();
        let value = stream.next().unwrap_or(Ok(Value::Null))?;
        Ok((value, stream.byte_offset()))
    };
    strict(text).or_else(|error: serde_json::Error| {
        if error.is_eof() || !looks_like_document(text) {
            return Err(error);
        }
        // The length is one in the text as it stands, so the document's end is looked for there.
        let length = extent(text).ok_or_else(|| eof(text))?;
        let value = serde_json::from_str(&without_nan(&text[..length])).map_err(|_| error)?;
        Ok((value, length))
    })
}

/// Where the brace or bracket that opens a text is closed.
fn extent(text: &str) -> Option<usize> {
    let (mut depth, mut in_string, mut escaped) = (0usize, false, false);
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            b'{' | b'[' if !in_string => depth += 1,
            b'}' | b']' if !in_string => {
                depth = depth.checked_sub(1)?;
                if depth == 0 {
                    return Some(at + 1);
                }
            }
            _ => {}
        }
    }
    None
}

/// The error of a text that ends in the middle, at its end.
fn eof(text: &str) -> serde_json::Error {
    let changed = without_nan(text);
    match serde_json::from_str::<Value>(&changed) {
        Err(error) => error,
        Ok(_) => serde::de::Error::custom("the document has no end"),
    }
}

/// A text, number or truth value as a parameter; `None` for anything else, and for empty texts.
pub(super) fn plain(value: &Value) -> Option<String> {
    match value {
        Value::String(text) if !text.trim().is_empty() => Some(text.trim().to_owned()),
        Value::Number(_) | Value::Bool(_) => Some(value.to_string()),
        _ => None,
    }
}

/// A number, also where it is written as a text.
pub(super) fn figure(value: &Value) -> Option<f64> {
    value.as_f64().or_else(|| super::figures::number(value.as_str()?))
}

/// All numbers of a list; `None` where one of them is none.
pub(super) fn numbers(value: &Value) -> Option<Vec<f64>> {
    value.as_array()?.iter().map(Value::as_f64).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(text: &str) -> Result<Vec<(u64, String)>, HarnessError> {
        let found = documents(text.as_bytes(), |_| true, "help")?;
        Ok(found.into_iter().map(|document| (document.line, document.value.to_string())).collect())
    }

    #[test]
    fn documents_are_found_among_other_text() {
        let found = all("[ INFO ] start\n{ a: 1 }\n{\"a\":\n1}\n\n[1]\nend\n{\"b\":2}{\"c\":3}\n").unwrap();
        let expected = [(3, "{\"a\":1}"), (6, "[1]"), (8, "{\"b\":2}"), (8, "{\"c\":3}")];
        assert_eq!(found, expected.map(|(line, text)| (line, text.to_owned())));
    }

    #[test]
    fn what_json_does_not_know_is_null() {
        assert_eq!(all("{\"a\": NaN, \"b\": -Infinity}").unwrap(), [(1, "{\"a\":null,\"b\":null}".to_owned())]);
        assert_eq!(all("{\"a\": NaN}\n{\"b\": 1}\n").unwrap().len(), 2);
    }

    #[test]
    fn what_is_no_json_has_a_place() {
        let error = all("x\n{\"a\": nope}\n").unwrap_err();
        assert_eq!((error.line, error.column), (2, 8));
        let error = all("x\n{\"a\": [1,\n2").unwrap_err();
        assert_eq!((error.line, error.text.as_str()), (3, "cut off: the JSON ends in the middle"));
        assert_eq!(all(" \n").unwrap_err().text, "the file is empty");
        assert_eq!(all("no braces").unwrap_err().text, "no JSON document");
    }
}
