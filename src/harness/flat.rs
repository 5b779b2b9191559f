//! The objects that large JSON files hold by the hundred thousand: plain texts and numbers, no nesting.
//!
//! This reads only what is exactly that, and says of everything else (escapes, nesting, `true`, mistakes, an object that
//! does not end) that somebody else is to read it. So there are no errors here, and it need not know all of JSON.

use super::elements::Taken;

/// A value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scalar<'a> {
    /// A text without escapes.
    Text(&'a str),
    /// A number as it is written; [`str::parse`] understands it.
    Number(&'a str),
}

/// What stood between the values of the object before, and what its keys mean: files repeat the same keys and the same
/// white space.
#[derive(Debug)]
pub(super) struct Layout<Key> {
    fields: Vec<Field<Key>>,
}

#[derive(Debug)]
struct Field<Key> {
    /// All before the value, from the end of the value before.
    before: Box<[u8]>,
    /// How many lines end in it.
    lines: u64,
    key: Key,
}

impl<Key> Default for Layout<Key> {
    fn default() -> Self {
        Self { fields: Vec::new() }
    }
}

/// How many keys of an object are remembered.
const KEYS: usize = 64;

/// Hands out the keys, as `meaning` has them, and the values of the object at the start of `json`, and says where it ends.
/// `None` if it is not that simple; what was handed out before is then to be forgotten.
pub(super) fn flat<'a, Key: Copy>(
    json: &'a str,
    layout: &mut Layout<Key>,
    mut meaning: impl FnMut(&str) -> Key,
    mut take: impl FnMut(Key, Scalar<'a>),
) -> Option<Taken> {
    let bytes = json.as_bytes();
    let (mut at, mut lines) = (0, 0);
    for index in 0.. {
        let known = layout.fields.get(index).filter(|field| is_before_a_value(bytes, at, &field.before));
        let (key, start) = match known {
            Some(field) => {
                lines += field.lines;
                (field.key, at + field.before.len())
            }
            None => {
                let quote = spaces(bytes, open(bytes, at, if index == 0 { b'{' } else { b',' })?);
                let (key, behind) = text(json, quote)?;
                let start = spaces(bytes, open(bytes, behind, b':')?);
                let before = bytes.get(at..start)?;
                let field = Field { before: before.into(), lines: ends_of_lines(before), key: meaning(key) };
                lines += field.lines;
                let key = field.key;
                layout.fields.truncate(index);
                if index < KEYS {
                    layout.fields.push(field);
                }
                (key, start)
            }
        };
        let (value, behind) = match bytes.get(start)? {
            b'"' => text(json, start).map(|(value, behind)| (Scalar::Text(value), behind))?,
            _ => number(json, start).map(|(value, behind)| (Scalar::Number(value), behind))?,
        };
        take(key, value);
        at = behind;
        let end = spaces(bytes, at);
        if *bytes.get(end)? == b'}' {
            lines += ends_of_lines(bytes.get(at..end)?);
            return Some(Taken { length: end + 1, lines: Some(lines) });
        }
    }
    None
}

fn ends_of_lines(bytes: &[u8]) -> u64 {
    bytes.iter().filter(|byte| **byte == b'\n').count() as u64
}

/// Whether this stands at this place, and behind it no white space. It is short: a call of `memcmp` would take longer than
/// to compare.
#[inline(always)]
fn is_before_a_value(bytes: &[u8], at: usize, what: &[u8]) -> bool {
    if bytes.get(at + what.len()).is_none_or(|behind| *behind <= b' ') {
        return false;
    }
    let (from, last) = (at, at + what.len());
    let mut done = 0;
    while done + 16 <= what.len() {
        if sixteen(bytes, from + done) != sixteen(what, done) {
            return false;
        }
        done += 16;
    }
    // The last of them once more, with those that were compared already.
    match what.len() {
        16.. => sixteen(bytes, last - 16) == sixteen(what, what.len() - 16),
        8.. => eight(bytes, from) == eight(what, 0) && eight(bytes, last - 8) == eight(what, what.len() - 8),
        _ => bytes.get(from..last) == Some(what),
    }
}

/// The place behind white space and this byte.
#[inline(always)]
fn open(bytes: &[u8], at: usize, byte: u8) -> Option<usize> {
    let at = spaces(bytes, at);
    (*bytes.get(at)? == byte).then_some(at + 1)
}

#[inline(always)]
fn spaces(bytes: &[u8], mut at: usize) -> usize {
    // Mostly there are none.
    if bytes.get(at).is_some_and(|byte| *byte > b' ') {
        return at;
    }
    // Indentation comes by the dozen.
    while eight(bytes, at) == Some(LOW * u64::from(b' ')) {
        at += 8;
    }
    while let Some(b' ' | b'\n' | b'\r' | b'\t') = bytes.get(at) {
        at += 1;
    }
    at
}

/// A text in quotes, and the place behind it.
#[inline(always)]
fn text(json: &str, at: usize) -> Option<(&str, usize)> {
    let bytes = json.as_bytes();
    if *bytes.get(at)? != b'"' {
        return None;
    }
    let end = plain(bytes, at + 1)?;
    Some((json.get(at + 1..end)?, end + 1))
}

const LOW: u64 = 0x0101_0101_0101_0101;
const HIGH: u64 = 0x8080_8080_8080_8080;

/// The place of the quote that ends a text; `None` if an escape or a control character stands before it.
#[inline(always)]
fn plain(bytes: &[u8], mut at: usize) -> Option<usize> {
    // Eight bytes at once: a byte that is zero after the exclusive or has its high bit set, and so has a small one.
    let equal = |word: u64, byte: u8| {
        let x = word ^ (LOW * u64::from(byte));
        x.wrapping_sub(LOW) & !x & HIGH
    };
    while let Some(eight) = eight(bytes, at) {
        let control = eight.wrapping_sub(LOW * 0x20) & !eight & HIGH;
        let found = equal(eight, b'"') | equal(eight, b'\\') | control;
        if found != 0 {
            at += found.trailing_zeros() as usize / 8;
            return (*bytes.get(at)? == b'"').then_some(at);
        }
        at += 8;
    }
    loop {
        match bytes.get(at)? {
            b'"' => return Some(at),
            b'\\' | ..0x20 => return None,
            _ => at += 1,
        }
    }
}

/// The sixteen bytes from here, if there are so many.
#[inline(always)]
fn sixteen(bytes: &[u8], at: usize) -> Option<u128> {
    bytes.get(at..)?.first_chunk().map(|sixteen| u128::from_le_bytes(*sixteen))
}

/// The eight bytes from here, if there are so many.
#[inline(always)]
fn eight(bytes: &[u8], at: usize) -> Option<u64> {
    bytes.get(at..)?.first_chunk().map(|eight| u64::from_le_bytes(*eight))
}

/// The place behind digits, of which there may be none; `None` if the bytes end with one.
#[inline(always)]
fn digits(bytes: &[u8], mut at: usize) -> Option<usize> {
    while let Some(eight) = eight(bytes, at) {
        // A digit is now a byte below ten, and the sum has the high bit set for all others. What is carried out of a byte
        // goes to those behind it only.
        let word = eight ^ (LOW * u64::from(b'0'));
        let others = (word.wrapping_add(LOW * (0x80 - 10)) | word) & HIGH;
        if others != 0 {
            return Some(at + others.trailing_zeros() as usize / 8);
        }
        at += 8;
    }
    while bytes.get(at)?.is_ascii_digit() {
        at += 1;
    }
    Some(at)
}

/// A number as JSON has it, and the place behind it. The end of the bytes may be in the middle of it, and ends none.
#[inline(always)]
fn number(json: &str, at: usize) -> Option<(&str, usize)> {
    let bytes = json.as_bytes();
    let digits = |at: usize| digits(bytes, at).filter(|end| *end > at);
    let start = at + usize::from(*bytes.get(at)? == b'-');
    let mut end = digits(start)?;
    if *bytes.get(start)? == b'0' && end > start + 1 {
        return None;
    }
    if *bytes.get(end)? == b'.' {
        end = digits(end + 1)?;
    }
    if matches!(bytes.get(end)?, b'e' | b'E') {
        end += 1 + usize::from(matches!(bytes.get(end + 1)?, b'+' | b'-'));
        end = digits(end)?;
    }
    Some((json.get(at..end)?, end))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The key itself, for ever.
    fn kept(key: &str) -> &'static str {
        Box::leak(key.into())
    }

    fn read(text: &str) -> Option<(Vec<(&str, Scalar<'_>)>, usize)> {
        let mut found = Vec::new();
        let taken = flat(text, &mut Layout::default(), kept, |key, value| found.push((key, value)))?;
        assert_eq!(taken.lines, Some(text[..taken.length].matches('\n').count() as u64), "{text}");
        Some((found, taken.length))
    }

    #[test]
    fn plain_objects_are_read() {
        let text = "{ \"name\" : \"BM_Größe<int>/8\",\r\n\t\"n\": -0.5e+10,\"m\":0}, {";
        let found = vec![
            ("name", Scalar::Text("BM_Größe<int>/8")),
            ("n", Scalar::Number("-0.5e+10")),
            ("m", Scalar::Number("0")),
        ];
        assert_eq!(read(text), Some((found, text.len() - 3)));
    }

    /// What is remembered of one object never changes what another one holds.
    #[test]
    fn another_layout_is_read_too() {
        let objects = [
            "{\"a\":1}",
            "{\n\"a\":\n 1}",
            "{\"a\": 1,\"b\":\"x\"}",
            "{\"b\":2,\"a\":3}",
            "{ \"a\":1,\"b\": 2,\"c\":3}",
            "{\"ab\":1}",
        ];
        let mut layout = Layout::default();
        for first in objects.iter().chain(&objects).chain(objects.iter().rev()) {
            let mut found = Vec::new();
            let taken = flat(first, &mut layout, kept, |key, value| found.push((key, value)));
            assert_eq!(taken.and_then(|taken| taken.lines), read(first).map(|_| first.matches('\n').count() as u64));
            assert_eq!(taken.map(|taken| (found, taken.length)), read(first), "{first}");
        }
    }

    #[test]
    fn everything_else_is_left_to_others() {
        for text in [
            "{}",
            "",
            "{\"a\": 1",
            "{\"a\": 1,}",
            "{\"a\": 01}",
            "{\"a\": 1.}",
            "{\"a\": .5}",
            "{\"a\": 1e}",
            "{\"a\": +1}",
            "{\"a\": NaN}",
            "{\"a\": true}",
            "{\"a\": [1]}",
            "{\"a\": \"x\\n\"}",
            "{\"a\": \"12345678\u{1}\"}",
            "{\"a\" 1}",
            "[1]",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
    }

    /// Whatever this reads, serde_json reads too, and to the same; each prefix of it is left to others.
    #[test]
    fn it_agrees_with_serde_json() {
        let parts =
            ["{", "}", "\"key\"", "\"a longer text\"", ":", ",", " ", "\n", "0", "17", "-", ".5", "e9", "\\", "é"];
        let mut random = 0x9e37_79b9_7f4a_7c15u64;
        let mut agreed = 0;
        for _ in 0..200_000 {
            let mut text = String::from("{\"k\":");
            for _ in 0..6 {
                random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                text.push_str(parts[(random >> 33) as usize % parts.len()]);
            }
            let Some((found, length)) = read(&text) else { continue };
            let read_by_serde = serde_json::from_str::<serde_json::Map<String, serde_json::Value>>(&text[..length]);
            // An exponent that no number has is for the caller to refuse.
            let Ok(value) = read_by_serde else {
                assert!(
                    found
                        .iter()
                        .any(|(_, one)| matches!(one, Scalar::Number(text) if text.parse() == Ok(f64::INFINITY)))
                );
                continue;
            };
            for (key, one) in &found {
                let last = found.iter().rev().find(|(other, _)| other == key).map(|(_, one)| one);
                if Some(one) == last {
                    match one {
                        Scalar::Text(text) => assert_eq!(value[*key].as_str(), Some(*text)),
                        Scalar::Number(text) => assert_eq!(value[*key].as_f64(), text.parse().ok()),
                    }
                }
            }
            assert!((0..length).filter(|end| text.is_char_boundary(*end)).all(|end| read(&text[..end]).is_none()));
            agreed += 1;
        }
        assert!(agreed > 500, "{agreed}");
    }
}
