//! What the literals of all languages share: how a value is walked within bounds, and which characters may stand in a
//! text as they are.

use minijinja::value::{Value, ValueKind};
use minijinja::{Error, ErrorKind, State};

/// How deep values may be nested.
const DEEPEST: usize = 100;
/// So many bytes of output cost one instruction.
const BYTES_PER_FUEL: usize = 16;

/// How one language writes values.
pub(super) trait Writer {
    /// The language, for messages.
    const NAME: &'static str;

    /// Writes nothing at all.
    fn none(&self, out: &mut String) -> Result<(), Error>;
    /// Writes a truth value.
    fn truth(&self, value: bool, out: &mut String);
    /// Writes a whole number, given as its digits.
    fn whole(&self, digits: &str, out: &mut String) -> Result<(), Error>;
    /// Writes a number that need not be finite.
    fn number(&self, value: f64, out: &mut String) -> Result<(), Error>;
    /// Writes a text.
    fn text(&self, text: &str, out: &mut String) -> Result<(), Error>;
    /// Writes bytes.
    fn bytes(&self, bytes: &[u8], out: &mut String) -> Result<(), Error>;
    /// Writes the key of a mapping.
    fn key(&self, key: &Value, out: &mut String) -> Result<(), Error>;

    /// What stands around a list.
    fn list(&self) -> [&'static str; 2] {
        ["[", "]"]
    }
    /// What stands around a mapping, around an entry, and between key and value.
    fn map(&self) -> Braces {
        Braces { around: ["{", "}"], entry: ["", ""], between: ": " }
    }
}

/// How a mapping is written.
pub(super) struct Braces {
    pub(super) around: [&'static str; 2],
    pub(super) entry: [&'static str; 2],
    pub(super) between: &'static str,
}

/// Writes a value in a language.
pub(super) fn write<W: Writer>(writer: &W, state: &State<'_, '_>, value: &Value) -> Result<String, Error> {
    let mut out = String::new();
    walk(writer, state, value, &mut out, DEEPEST)?;
    Ok(out)
}

fn walk<W: Writer>(
    writer: &W,
    state: &State<'_, '_>,
    value: &Value,
    out: &mut String,
    deeper: usize,
) -> Result<(), Error> {
    let before = out.len();
    match value.kind() {
        ValueKind::Undefined => return Err(ErrorKind::UndefinedError.into()),
        ValueKind::None => writer.none(out)?,
        ValueKind::Bool => writer.truth(value.is_true(), out),
        ValueKind::Number if value.is_integer() => writer.whole(&value.to_string(), out)?,
        ValueKind::Number => writer.number(f64::try_from(value.clone())?, out)?,
        ValueKind::String => writer.text(value.as_str().unwrap_or_default(), out)?,
        ValueKind::Bytes => writer.bytes(value.as_bytes().unwrap_or_default(), out)?,
        ValueKind::Seq | ValueKind::Iterable => list(writer, state, value, out, inner(deeper)?)?,
        ValueKind::Map => map(writer, state, value, out, inner(deeper)?)?,
        kind => return Err(refused(format!("a {kind} has no literal in {}", W::NAME))),
    }
    charge(state, out.len() - before)
}

fn list<W: Writer>(
    writer: &W,
    state: &State<'_, '_>,
    value: &Value,
    out: &mut String,
    deeper: usize,
) -> Result<(), Error> {
    let [open, close] = writer.list();
    out.push_str(open);
    for (index, item) in value.try_iter()?.enumerate() {
        if index > 0 {
            out.push_str(", ");
        }
        walk(writer, state, &item, out, deeper)?;
    }
    out.push_str(close);
    Ok(())
}

fn map<W: Writer>(
    writer: &W,
    state: &State<'_, '_>,
    value: &Value,
    out: &mut String,
    deeper: usize,
) -> Result<(), Error> {
    let braces = writer.map();
    out.push_str(braces.around[0]);
    for (index, key) in value.try_iter()?.enumerate() {
        if index > 0 {
            out.push_str(", ");
        }
        out.push_str(braces.entry[0]);
        writer.key(&key, out)?;
        out.push_str(braces.between);
        walk(writer, state, &value.get_item(&key)?, out, deeper)?;
        out.push_str(braces.entry[1]);
    }
    out.push_str(braces.around[1]);
    Ok(())
}

/// One level deeper.
pub(super) fn inner(deeper: usize) -> Result<usize, Error> {
    deeper.checked_sub(1).ok_or_else(|| refused(format!("the value is nested deeper than {DEEPEST} levels")))
}

/// How deep [`inner`] may go from the top.
pub(super) const fn deepest() -> usize {
    DEEPEST
}

/// Lets `bytes` of output cost what they cost.
pub(super) fn charge(state: &State<'_, '_>, bytes: usize) -> Result<(), Error> {
    state.consume_fuel((bytes / BYTES_PER_FUEL + 1) as u64)
}

/// A value that a filter does not take.
pub(super) fn refused(text: impl Into<String>) -> Error {
    Error::new(ErrorKind::InvalidOperation, text.into())
}

/// Whether a character may stand in a text as it is: it can be seen, is no mark for the eye alone, and none of ASCII's
/// controls. Quotes and escapes are each language's own matter.
pub(super) fn is_plain(character: char) -> bool {
    match character {
        ' '..='~' => true,
        // Letters that are as wide as a space.
        '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{3164}' | '\u{ffa0}' => false,
        _ => !character.is_ascii() && character.is_alphanumeric(),
    }
}

/// Writes a text in double quotes, as all these languages have it; `rest` writes what is neither a quote nor one of the
/// escapes that they share.
pub(super) fn quoted(text: &str, out: &mut String, rest: impl Fn(char, &mut String)) {
    out.push('"');
    text.chars().for_each(|character| escaped(character, out, &rest));
    out.push('"');
}

/// One character of [`quoted`].
pub(super) fn escaped(character: char, out: &mut String, rest: impl Fn(char, &mut String)) {
    match character {
        '\n' => out.push_str("\\n"),
        '\r' => out.push_str("\\r"),
        '\t' => out.push_str("\\t"),
        '\\' => out.push_str("\\\\"),
        '"' => out.push_str("\\\""),
        other => rest(other, out),
    }
}

/// A character as it is, or by four or eight digits: the way of TOML and YAML.
pub(super) fn by_digits(character: char, out: &mut String) {
    match u32::from(character) {
        _ if is_plain(character) => out.push(character),
        code @ 0..=0xffff => out.push_str(&format!("\\u{code:04x}")),
        code => out.push_str(&format!("\\U{code:08x}")),
    }
}

/// A number as Rust writes it, which is also Python's, JavaScript's and TOML's way: `1.0`, `1e100`, `-0.5`.
pub(super) fn finite(value: f64) -> String {
    format!("{value:?}")
}

/// Writes a key that may be any single value.
pub(super) fn scalar<W: Writer>(writer: &W, key: &Value, out: &mut String) -> Result<(), Error> {
    match key.kind() {
        ValueKind::None => writer.none(out),
        ValueKind::Bool => {
            writer.truth(key.is_true(), out);
            Ok(())
        }
        ValueKind::Number if key.is_integer() => writer.whole(&key.to_string(), out),
        ValueKind::Number => writer.number(f64::try_from(key.clone())?, out),
        ValueKind::String => writer.text(key.as_str().unwrap_or_default(), out),
        kind => Err(refused(format!("a {kind} cannot be a key in {}", W::NAME))),
    }
}

/// The text of a key, where a language has no other keys.
pub(super) fn key_text(key: &Value, language: &str) -> Result<String, Error> {
    match key.kind() {
        ValueKind::String | ValueKind::Bool | ValueKind::Number => Ok(match key.as_str() {
            Some(text) => text.to_owned(),
            None if key.kind() == ValueKind::Bool => key.is_true().to_string(),
            None => key.to_string(),
        }),
        kind => Err(refused(format!("a {kind} cannot be a key in {language}"))),
    }
}
