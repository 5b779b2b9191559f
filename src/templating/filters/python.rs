//! Any value as a literal of Python.

use minijinja::value::Value;
use minijinja::{Error, State};

use super::literal::{Writer, by_digits, escaped, finite, is_plain, quoted, write};

struct Python;

/// `{{ value | python }}`: what `ast.literal_eval` gives the value back from; numbers that are not finite become calls of
/// `float`.
pub(super) fn python(state: &State<'_, '_>, value: &Value) -> Result<String, Error> {
    write(&Python, state, value)
}

/// A character of a text or of a docstring that cannot stand as it is.
pub(super) fn escape(character: char, out: &mut String) {
    escaped(character, out, by_code);
}

fn by_code(character: char, out: &mut String) {
    match u32::from(character) {
        code @ 0..=0xff if !is_plain(character) => out.push_str(&format!("\\x{code:02x}")),
        _ => by_digits(character, out),
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
        quoted(text, out, by_code);
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
