//! Any value as a literal of Python.

use minijinja::value::Value;
use minijinja::{Error, State};

use super::literal::{Writer, finite, is_plain, write};

struct Python;

/// `{{ value | python }}`: what `ast.literal_eval` gives the value back from; numbers that are not finite become calls of
/// `float`.
pub(super) fn python(state: &State<'_, '_>, value: &Value) -> Result<String, Error> {
    write(&Python, state, value)
}

/// A character of a text or of a docstring that cannot stand as it is.
pub(super) fn escape(character: char, out: &mut String) {
    match character {
        '\n' => out.push_str("\\n"),
        '\r' => out.push_str("\\r"),
        '\t' => out.push_str("\\t"),
        '\\' => out.push_str("\\\\"),
        '"' => out.push_str("\\\""),
        plain if is_plain(plain) => out.push(plain),
        other => match u32::from(other) {
            code @ 0..=0xff => out.push_str(&format!("\\x{code:02x}")),
            code @ 0..=0xffff => out.push_str(&format!("\\u{code:04x}")),
            code => out.push_str(&format!("\\U{code:08x}")),
        },
    }
}

impl Writer for Python {
    const NAME: &'static str = "Python";

    fn none(&self, out: &mut String) -> Result<(), Error> {
        out.push_str("None");
        Ok(())
    }

    fn truth(&self, value: bool, out: &mut String) {
        out.push_str(if value { "True" } else { "False" });
    }

    fn whole(&self, digits: &str, out: &mut String) -> Result<(), Error> {
        out.push_str(digits);
        Ok(())
    }

    fn number(&self, value: f64, out: &mut String) -> Result<(), Error> {
        match value {
            value if value.is_nan() => out.push_str("float(\"nan\")"),
            f64::INFINITY => out.push_str("float(\"inf\")"),
            f64::NEG_INFINITY => out.push_str("float(\"-inf\")"),
            value => out.push_str(&finite(value)),
        }
        Ok(())
    }

    fn text(&self, text: &str, out: &mut String) -> Result<(), Error> {
        out.push('"');
        text.chars().for_each(|character| escape(character, out));
        out.push('"');
        Ok(())
    }

    fn bytes(&self, bytes: &[u8], out: &mut String) -> Result<(), Error> {
        out.push_str("b\"");
        bytes.iter().for_each(|byte| out.push_str(&format!("\\x{byte:02x}")));
        out.push('"');
        Ok(())
    }

    fn key(&self, key: &Value, out: &mut String) -> Result<(), Error> {
        super::literal::scalar(self, key, out)
    }
}
