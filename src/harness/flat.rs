//! The objects that large JSON files hold by the hundred thousand: plain texts and numbers, no nesting.
//!
//! This reads only what is exactly that, and says of everything else (escapes, nesting, `true`, mistakes, an object that
//! does not end) that somebody else is to read it. So there are no errors here, and it need not know all of JSON.

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
    before: Box<str>,
    key: Key,
}

impl<Key> Default for Layout<Key> {
    fn default() -> Self {
        Self { fields: Vec::new() }
    }
}

/// How many keys of an object are remembered.
const KEYS: usize = 64;

/// Hands out the keys, as `meaning` has them, and the values of the object at the start of `json`, and returns its length.
/// `None` if it is not that simple; what was handed out before is then to be forgotten.
pub(super) fn flat<'a, Key: Copy>(
    json: &'a str,
    layout: &mut Layout<Key>,
    mut meaning: impl FnMut(&str) -> Key,
    mut take: impl FnMut(Key, Scalar<'a>),
) -> Option<usize> {
    let bytes = json.as_bytes();
    let mut at = 0;
    for index in 0.. {
        let known = layout.fields.get(index).filter(|field| starts_with(bytes, at, field.before.as_bytes()));
        let (key, start) = match known {
            Some(field) => (field.key, spaces(bytes, at + field.before.len())),
            None => {
                let quote = spaces(bytes, open(bytes, at, if index == 0 { b'{' } else { b',' })?);
                let (key, behind) = text(json, quote)?;
                let start = spaces(bytes, open(bytes, behind, b':')?);
                let (key, before) = (meaning(key), json.get(at..start)?.into());
                layout.fields.truncate(index);
                if index < KEYS {
                    layout.fields.push(Field { before, key });
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
            return Some(end + 1);
        }
    }
    None
}

/// Whether this stands at this place. It is short: a call of `memcmp` would take longer than to compare.
fn starts_with(bytes: &[u8], at: usize, what: &[u8]) -> bool {
    let Some(here) = bytes.get(at..at + what.len()) else { return false };
    let ((eights, rest), (others, other_rest)) = (here.as_chunks::<8>(), what.as_chunks::<8>());
    eights.iter().zip(others).all(|(one, other)| u64::from_le_bytes(*one) == u64::from_le_bytes(*other))
        && rest.iter().zip(other_rest).all(|(one, other)| one == other)
}

/// The place behind white space and this byte.
fn open(bytes: &[u8], at: usize, byte: u8) -> Option<usize> {
    let at = spaces(bytes, at);
    (*bytes.get(at)? == byte).then_some(at + 1)
}

fn spaces(bytes: &[u8], mut at: usize) -> usize {
    // Indentation comes by the dozen.
    while bytes.get(at..at + 8).is_some_and(|eight| eight == [b' '; 8]) {
        at += 8;
    }
    while let Some(b' ' | b'\n' | b'\r' | b'\t') = bytes.get(at) {
        at += 1;
    }
    at
}

/// A text in quotes, and the place behind it.
fn text(json: &str, at: usize) -> Option<(&str, usize)> {
    let rest = json.get(at..)?.strip_prefix('"')?;
    let length = plain(rest.as_bytes())?;
    Some((rest.get(..length)?, at + length + 2))
}

const LOW: u64 = 0x0101_0101_0101_0101;
const HIGH: u64 = 0x8080_8080_8080_8080;

/// How many bytes stand before the quote; `None` if an escape or a control character does.
fn plain(bytes: &[u8]) -> Option<usize> {
    let (eights, rest) = bytes.as_chunks::<8>();
    // Eight bytes at once: a byte that is zero after the exclusive or has its high bit set, and so has a small one.
    let equal = |word: u64, byte: u8| {
        let x = word ^ (LOW * u64::from(byte));
        x.wrapping_sub(LOW) & !x & HIGH
    };
    for (index, eight) in eights.iter().enumerate() {
        let word = u64::from_le_bytes(*eight);
        let control = word.wrapping_sub(LOW * 0x20) & !word & HIGH;
        let found = equal(word, b'"') | equal(word, b'\\') | control;
        if found != 0 {
            let at = index * 8 + found.trailing_zeros() as usize / 8;
            return (*bytes.get(at)? == b'"').then_some(at);
        }
    }
    let at = rest.iter().position(|byte| matches!(byte, b'"' | b'\\' | ..0x20))? + eights.len() * 8;
    (*bytes.get(at)? == b'"').then_some(at)
}

/// A number as JSON has it, and the place behind it. The end of the bytes may be in the middle of it, and ends none.
fn number(json: &str, at: usize) -> Option<(&str, usize)> {
    let bytes = json.as_bytes();
    let digits = |at: usize| {
        let rest = bytes.get(at..).unwrap_or_default();
        let length = rest.iter().position(|byte| !byte.is_ascii_digit())?;
        (length > 0).then_some(at + length)
    };
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
        let length = flat(text, &mut Layout::default(), kept, |key, value| found.push((key, value)))?;
        Some((found, length))
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
        let objects =
            ["{\"a\":1}", "{\"a\": 1,\"b\":\"x\"}", "{\"b\":2,\"a\":3}", "{ \"a\":1,\"b\": 2,\"c\":3}", "{\"ab\":1}"];
        let mut layout = Layout::default();
        for first in objects.iter().chain(&objects).chain(objects.iter().rev()) {
            let mut found = Vec::new();
            let length = flat(first, &mut layout, kept, |key, value| found.push((key, value)));
            assert_eq!(length.map(|length| (found, length)), read(first), "{first}");
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
