//! Any value as a literal of Rust.

use minijinja::value::Value;
use minijinja::{Error, State};

use super::literal::{Braces, Writer, finite, is_plain, quoted, scalar, write};

struct Rust;

/// `{{ value | rust }}`: texts, numbers, `true`, `None`, `[lists]`; a mapping is a list of pairs, `[("a", 1)]`.
pub(super) fn rust(state: &State<'_, '_>, value: &Value) -> Result<String, Error> {
    write(&Rust, state, value)
}

impl Writer for Rust {
    const NAME: &'static str = "Rust";

    fn none(&self, out: &mut String) -> Result<(), Error> {
        out.push_str("None");
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
            value if value.is_nan() => out.push_str("f64::NAN"),
            f64::INFINITY => out.push_str("f64::INFINITY"),
            f64::NEG_INFINITY => out.push_str("f64::NEG_INFINITY"),
            value => out.push_str(&finite(value)),
        }
        Ok(())
    }

    fn text(&self, text: &str, out: &mut String) -> Result<(), Error> {
        quoted(text, out, |character, out| match character {
            plain if is_plain(plain) => out.push(plain),
            other => out.push_str(&format!("\\u{{{:x}}}", u32::from(other))),
        });
        Ok(())
    }

    fn bytes(&self, bytes: &[u8], out: &mut String) -> Result<(), Error> {
        out.push_str("b\"");
        bytes.iter().for_each(|byte| out.push_str(&format!("\\x{byte:02x}")));
        out.push('"');
        Ok(())
    }

    fn key(&self, key: &Value, out: &mut String) -> Result<(), Error> {
        scalar(self, key, out)
    }

    fn map(&self) -> Braces {
        Braces { around: ["[", "]"], entry: ["(", ")"], between: ", " }
    }
}
