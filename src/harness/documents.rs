//! JSON of benchmark tools: one document or several after each other, with other lines before, between and after them.

use serde::Deserialize;

use super::{HarnessError, decoded};

/// A document and the line it starts on.
pub(super) struct Document<T> {
    /// From 1.
    pub(super) line: u64,
    pub(super) value: T,
}

/// Whether a JSON document may start with this line: an opening bracket before something that can stand in one. Log
/// lines such as `[INFO]` and `[1/3]` cannot.
pub(super) fn opens(line: &str) -> bool {
    let line = line.trim_start();
    let Some(rest) = line.strip_prefix(['{', '[']) else { return false };
    let rest = rest.trim_start();
    rest.is_empty() || rest.starts_with(['"', '{', '[', '}', ']'])
}

/// All documents of an output. `NaN` and `Infinity`, which Python and others write, are read as null.
///
/// # Errors
/// Where there is none, or one is damaged, cut off, or not as `T` wants it. `help` says what was expected.
pub(super) fn documents<T>(bytes: &[u8], help: &str) -> Result<Vec<Document<T>>, HarnessError>
where
    T: for<'a> Deserialize<'a>,
{
    let text = decoded(bytes);
    let mut found = Vec::new();
    let (mut at, mut line) = (0, 1);
    while let Some((start, lines)) = next_document(&text, at) {
        line += lines;
        let rest = text.get(start..).unwrap_or_default();
        let (value, length) = match one(rest) {
            Ok(read) => read,
            Err(error) => match one(&without_nan(rest)) {
                // The length of what was changed says nothing about the original: what follows is found again.
                Ok((value, _)) => (value, length_of_document(rest).unwrap_or(rest.len())),
                Err(_) => return Err(explain(&error, line, help)),
            },
        };
        found.push(Document { line, value });
        at = start + length;
        line += newlines(rest.get(..length).unwrap_or_default());
    }
    match (found.is_empty(), text.trim().is_empty()) {
        (true, true) => Err(HarnessError::new(1, 1, "the input is empty", help)),
        (true, false) => Err(HarnessError::new(1, 1, "no JSON document", help)),
        (false, _) => Ok(found),
    }
}

fn newlines(text: &str) -> u64 {
    memchr::memchr_iter(b'\n', text.as_bytes()).count() as u64
}

/// Where the next document starts, and how many line ends stand before it.
fn next_document(text: &str, from: usize) -> Option<(usize, u64)> {
    let (mut at, mut lines) = (from, 0);
    loop {
        let rest = text.get(at..).filter(|rest| !rest.is_empty())?;
        let end = memchr::memchr(b'\n', rest.as_bytes());
        // A line can be a document of 100 MB: only its beginning tells, and that may go on behind a line end.
        if opens_text(rest) {
            return Some((at + rest.len() - rest.trim_start_matches([' ', '\t', '\r']).len(), lines));
        }
        at += end? + 1;
        lines += 1;
    }
}

fn opens_text(rest: &str) -> bool {
    let line = rest.trim_start_matches([' ', '\t', '\r']);
    let Some(inner) = line.strip_prefix(['{', '[']) else { return false };
    inner.trim_start().starts_with(['"', '{', '[', '}', ']']) || inner.trim().is_empty()
}

/// Reads the value at the start of this text, and says how long it is.
///
/// # Errors
/// Where it is no JSON, cut off, or not as `T` wants it.
pub(super) fn one<'a, T: Deserialize<'a>>(text: &'a str) -> Result<(T, usize), serde_json::Error> {
    let mut stream = serde_json::Deserializer::from_str(text).into_iter::<T>();
    match stream.next() {
        Some(value) => Ok((value?, stream.byte_offset())),
        None => Err(serde::de::Error::custom("nothing")),
    }
}

/// How long the document at the start of `text` is, by its brackets; `None` if it does not end.
pub(super) fn length_of_document(text: &str) -> Option<usize> {
    let (mut depth, mut in_string, mut escaped) = (0_usize, false, false);
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            b'{' | b'[' if !in_string => depth += 1,
            b'}' | b']' if !in_string => {
                depth = depth.saturating_sub(1);
                if depth == 0 {
                    return Some(at + 1);
                }
            }
            _ => {}
        }
    }
    None
}

/// Where and why a document, or a part of it that starts on the line `first`, cannot be read.
pub(super) fn explain(error: &serde_json::Error, first: u64, help: &str) -> HarnessError {
    let line = first + (error.line().max(1) - 1) as u64;
    let column = error.column().max(1) as u64;
    match error.classify() {
        serde_json::error::Category::Eof => {
            HarnessError::new(line, column, "cut off: the JSON ends in the middle", "did the tool run to its end?")
        }
        serde_json::error::Category::Data => {
            let words = error.to_string();
            let words = words.split(" at line ").next().unwrap_or_default();
            HarnessError::new(line, column, format!("not as expected: {}", super::quoted(words)), help)
        }
        _ => HarnessError::new(line, column, "not JSON", help),
    }
}

/// `text` with `NaN` and the infinities outside of strings replaced by `null`.
pub(super) fn without_nan(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let (mut in_string, mut escaped) = (false, false);
    let mut kept = 0;
    let mut at = 0;
    let bytes = text.as_bytes();
    while let Some(byte) = bytes.get(at).copied() {
        let words: &[&str] = match byte {
            _ if escaped => {
                escaped = false;
                &[]
            }
            b'\\' if in_string => {
                escaped = true;
                &[]
            }
            b'"' => {
                in_string = !in_string;
                &[]
            }
            b'N' | b'n' if !in_string => &["NaN", "nan"],
            b'I' | b'i' | b'-' if !in_string => &["-Infinity", "Infinity", "-inf", "inf"],
            _ => &[],
        };
        match words.iter().find(|word| bytes.get(at..).is_some_and(|rest| rest.starts_with(word.as_bytes()))) {
            Some(word) => {
                out.push_str(text.get(kept..at).unwrap_or_default());
                out.push_str("null");
                at += word.len();
                kept = at;
            }
            None => at += 1,
        }
    }
    out.push_str(text.get(kept..).unwrap_or_default());
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    #[test]
    fn documents_are_found_among_lines() {
        let text =
            b"\xef\xbb\xbf[INFO] hi\r\n[1/2] x\n{\n \"a\": NaN, \"b\": \"NaN\"}\r\nend {\n[{\"a\":-Infinity}]tail\n{}";
        let found: Vec<Document<Value>> = documents(text, "h").unwrap();
        let shown: Vec<String> = found.iter().map(|one| format!("{} {}", one.line, one.value)).collect();
        assert_eq!(shown, ["3 {\"a\":null,\"b\":\"NaN\"}", "6 [{\"a\":null}]", "7 {}"]);
    }

    #[test]
    fn the_place_counts_what_stands_before() {
        let error = documents::<Value>(b"x\n{\n\"a\": ", "h").err().unwrap();
        assert_eq!((error.line, error.text.as_str()), (3, "cut off: the JSON ends in the middle"));
        let error = documents::<Vec<u32>>(b"x\n\n{\"a\": 1}", "h").err().unwrap();
        assert_eq!((error.line, error.help.as_str()), (3, "h"));
        assert!(documents::<Value>(b"", "h").is_err() && documents::<Value>(b"none", "h").is_err());
    }
}
