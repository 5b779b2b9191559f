//! Any value as YAML, on one line or as a block.
//!
//! Readers of YAML 1.1 and 1.2 must find the same: texts are always in double quotes, numbers have no form that one of
//! them takes for text, and what is no ASCII is written with eight digits where it takes more than four.

use minijinja::value::{Kwargs, Value, ValueKind};
use minijinja::{Error, State};

use super::literal::{Writer, by_digits, charge, deepest, finite, inner, key_text, quoted, refused, write};

/// Readers look no farther than 1,024 characters for the colon behind a key.
const LONGEST_KEY: usize = 900;

struct Yaml;

/// `{{ value | yaml }}` is a value on one line, `{{ value | yaml(indent=2) }}` a block of lines, for the begin of a line.
pub(super) fn yaml(state: &State<'_, '_>, value: &Value, named: Kwargs) -> Result<String, Error> {
    let indent: Option<usize> = named.get("indent")?;
    named.assert_all_used()?;
    let Some(width) = indent else { return write(&Yaml, state, value) };
    if !(1..=9).contains(&width) {
        return Err(refused(format!("`indent` is 1 to 9, found {width}")));
    }
    let mut out = String::new();
    let block = Block { state, width };
    block.value(value, 0, &mut out, deepest())?;
    out.truncate(out.trim_end_matches('\n').len());
    Ok(out)
}

struct Block<'a> {
    state: &'a State<'a, 'a>,
    width: usize,
}

impl Block<'_> {
    /// Writes a value whose first line begins where `out` ends, and whose others are indented by `column`.
    fn value(&self, value: &Value, column: usize, out: &mut String, deeper: usize) -> Result<(), Error> {
        let before = out.len();
        let deeper = inner(deeper)?;
        match value.kind() {
            ValueKind::Seq | ValueKind::Iterable if value.len() != Some(0) => {
                for (index, item) in value.try_iter()?.enumerate() {
                    pad(out, if index > 0 { column } else { 0 });
                    out.push('-');
                    out.extend(std::iter::repeat_n(' ', self.width.saturating_sub(1).max(1)));
                    self.value(&item, column + self.width.max(2), out, deeper)?;
                }
            }
            ValueKind::Map if value.len() != Some(0) => {
                for (index, key) in value.try_iter()?.enumerate() {
                    pad(out, if index > 0 { column } else { 0 });
                    Yaml.key(&key, out)?;
                    self.behind_key(&value.get_item(&key)?, column, out, deeper)?;
                }
            }
            _ => {
                out.push_str(&write(&Yaml, self.state, value)?);
                out.push('\n');
            }
        }
        charge(self.state, out.len() - before)
    }

    fn behind_key(&self, value: &Value, column: usize, out: &mut String, deeper: usize) -> Result<(), Error> {
        let nested = matches!(value.kind(), ValueKind::Seq | ValueKind::Iterable | ValueKind::Map);
        if nested && value.len() != Some(0) {
            out.push_str(":\n");
            pad(out, column + self.width);
            self.value(value, column + self.width, out, deeper)
        } else {
            out.push_str(": ");
            self.value(value, column, out, deeper)
        }
    }
}

fn pad(out: &mut String, column: usize) {
    out.extend(std::iter::repeat_n(' ', column));
}

impl Writer for Yaml {
    const NAME: &'static str = "YAML";

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
        match value {
            value if value.is_nan() => out.push_str(".nan"),
            f64::INFINITY => out.push_str(".inf"),
            f64::NEG_INFINITY => out.push_str("-.inf"),
            // YAML 1.1 wants a point and a sign.
            value => match finite(value).split_once('e') {
                None => out.push_str(&finite(value)),
                Some((digits, exponent)) => {
                    let point = if digits.contains('.') { "" } else { ".0" };
                    let sign = if exponent.starts_with('-') { "" } else { "+" };
                    out.push_str(&format!("{digits}{point}e{sign}{exponent}"));
                }
            },
        }
        Ok(())
    }

    fn text(&self, text: &str, out: &mut String) -> Result<(), Error> {
        quoted(text, out, by_digits);
        Ok(())
    }

    fn bytes(&self, _: &[u8], _: &mut String) -> Result<(), Error> {
        Err(refused("YAML has no bytes here"))
    }

    fn key(&self, key: &Value, out: &mut String) -> Result<(), Error> {
        let text = key_text(key, Self::NAME)?;
        let mut written = String::new();
        self.text(&text, &mut written)?;
        if written.len() > LONGEST_KEY {
            return Err(refused(format!("a key of {} characters is too long for YAML", text.chars().count())));
        }
        out.push_str(&written);
        Ok(())
    }
}
