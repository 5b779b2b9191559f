//! Any value as a value of TOML, on one line.

use minijinja::value::Value;
use minijinja::{Error, State};

use super::literal::{Braces, Writer, by_digits, finite, key_text, quoted, refused, write};

struct Toml;

/// `{{ value | toml }}`: what stands behind `key = `; a mapping is an inline table.
pub(super) fn toml(state: &State<'_, '_>, value: &Value) -> Result<String, Error> {
    write(&Toml, state, value)
}

impl Writer for Toml {
    const NAME: &'static str = "TOML";

    fn none(&self, _: &mut String) -> Result<(), Error> {
        Err(refused("TOML has no null; leave the key out with `{% if value is not none %}`"))
    }

    fn truth(&self, value: bool, out: &mut String) {
        out.push_str(if value { "true" } else { "false" });
    }

    fn whole(&self, digits: &str, out: &mut String) -> Result<(), Error> {
        if digits.parse::<i64>().is_err() {
            return Err(refused(format!("{digits} is too large for TOML, whose whole numbers have 64 bits")));
        }
        out.push_str(digits);
        Ok(())
    }

    fn number(&self, value: f64, out: &mut String) -> Result<(), Error> {
        match value {
            value if value.is_nan() => out.push_str("nan"),
            f64::INFINITY => out.push_str("inf"),
            f64::NEG_INFINITY => out.push_str("-inf"),
            value => out.push_str(&finite(value)),
        }
        Ok(())
    }

    fn text(&self, text: &str, out: &mut String) -> Result<(), Error> {
        quoted(text, out, by_digits);
        Ok(())
    }

    fn bytes(&self, _: &[u8], _: &mut String) -> Result<(), Error> {
        Err(refused("TOML has no bytes"))
    }

    fn key(&self, key: &Value, out: &mut String) -> Result<(), Error> {
        let text = key_text(key, Self::NAME)?;
        let bare = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
        if !text.is_empty() && text.chars().all(bare) {
            out.push_str(&text);
            return Ok(());
        }
        self.text(&text, out)
    }

    fn map(&self) -> Braces {
        Braces { around: ["{ ", " }"], entry: ["", ""], between: " = " }
    }
}
