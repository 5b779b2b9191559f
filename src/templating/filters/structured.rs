//! JSON, on one line or indented.

use minijinja::value::Value;
use minijinja::{Error, State};

use super::literal::{Writer, finite, is_plain, key_text, refused, write};

/// The widest indentation.
const WIDEST: usize = 16;

struct Json;

/// `{{ value | json }}`, `{{ value | json(indent=2) }}`: keys in the order that the value has them.
pub(super) fn json(
    state: &State<'_, '_>,
    value: &Value,
    indent: Option<usize>,
    named: minijinja::value::Kwargs,
) -> Result<String, Error> {
    let indent = indent.or(named.get("indent")?);
    named.assert_all_used()?;
    let line = write(&Json, state, value)?;
    let Some(width) = indent else { return Ok(line) };
    if width > WIDEST {
        return Err(refused(format!("`indent` is at most {WIDEST}, found {width}")));
    }
    let spread = spread(&line, width);
    super::literal::charge(state, spread.len())?;
    Ok(spread)
}

/// Breaks a line of JSON, as [`Json`] writes it, into indented lines.
fn spread(line: &str, width: usize) -> String {
    let mut out = String::with_capacity(line.len() * 2);
    let (mut depth, mut quoted, mut escaped) = (0_usize, false, false);
    let mut characters = line.chars().peekable();
    let break_line = |out: &mut String, depth: usize| {
        out.push('\n');
        out.extend(std::iter::repeat_n(' ', depth * width));
    };
    while let Some(character) = characters.next() {
        if quoted {
            out.push(character);
            (quoted, escaped) = (escaped || character != '"', !escaped && character == '\\');
            continue;
        }
        match character {
            '"' => {
                quoted = true;
                out.push('"');
            }
            '[' | '{' => {
                out.push(character);
                match characters.next_if(|next| matches!(next, ']' | '}')) {
                    Some(close) => out.push(close),
                    None => {
                        depth += 1;
                        break_line(&mut out, depth);
                    }
                }
            }
            ']' | '}' => {
                depth = depth.saturating_sub(1);
                break_line(&mut out, depth);
                out.push(character);
            }
            ',' => {
                out.push(',');
                break_line(&mut out, depth);
                let _ = characters.next_if_eq(&' ');
            }
            other => out.push(other),
        }
    }
    out
}

/// A text between double quotes, readable by JSON, and by JavaScript and YAML as well.
pub(super) fn quoted(text: &str, out: &mut String) {
    out.push('"');
    for character in text.chars() {
        match character {
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\\' => out.push_str("\\\\"),
            '"' => out.push_str("\\\""),
            plain if is_plain(plain) => out.push(plain),
            other => {
                let mut units = [0; 2];
                other.encode_utf16(&mut units).iter().for_each(|unit| out.push_str(&format!("\\u{unit:04x}")));
            }
        }
    }
    out.push('"');
}

impl Writer for Json {
    const NAME: &'static str = "JSON";

    fn none(&self, out: &mut String) -> Result<(), Error> {
        out.push_str("null");
        Ok(())
    }

    fn truth(&self, value: bool, out: &mut String) {
        out.push_str(if value { "true" } else { "false" });
    }

    fn whole(&self, digits: &str, out: &mut String) -> Result<(), Error> {
        out.push_str(digits);
        Ok(())
    }

    fn number(&self, value: f64, out: &mut String) -> Result<(), Error> {
        if !value.is_finite() {
            return Err(refused(format!("JSON has no {value}")));
        }
        out.push_str(&finite(value));
        Ok(())
    }

    fn text(&self, text: &str, out: &mut String) -> Result<(), Error> {
        quoted(text, out);
        Ok(())
    }

    fn bytes(&self, _: &[u8], _: &mut String) -> Result<(), Error> {
        Err(refused("JSON has no bytes"))
    }

    fn key(&self, key: &Value, out: &mut String) -> Result<(), Error> {
        quoted(&key_text(key, Self::NAME)?, out);
        Ok(())
    }
}
