//! Any value as a literal of JavaScript and TypeScript.

use minijinja::value::Value;
use minijinja::{Error, State};

use super::literal::{Writer, finite, is_plain, key_text, quoted, refused, write};

/// Whole numbers beyond this are not exact in JavaScript (`Number.MAX_SAFE_INTEGER`).
const LARGEST_WHOLE: i128 = 9_007_199_254_740_991;

struct JavaScript;

/// `{{ value | javascript }}`: safe also within a `<script>`. Whole numbers that a `Number` does not hold are refused.
pub(super) fn javascript(state: &State<'_, '_>, value: &Value) -> Result<String, Error> {
    write(&JavaScript, state, value)
}

impl Writer for JavaScript {
    const NAME: &'static str = "JavaScript";

    fn none(&self, out: &mut String) -> Result<(), Error> {
        out.push_str("null");
        Ok(())
    }

    fn truth(&self, value: bool, out: &mut String) {
        out.push_str(if value { "true" } else { "false" });
    }

    fn whole(&self, digits: &str, out: &mut String) -> Result<(), Error> {
        let safe = digits.parse::<i128>().is_ok_and(|number| number.abs() <= LARGEST_WHOLE);
        if !safe {
            return Err(refused(format!("{digits} is no exact number in JavaScript; make it a text with `| string`")));
        }
        out.push_str(digits);
        Ok(())
    }

    fn number(&self, value: f64, out: &mut String) -> Result<(), Error> {
        match value {
            value if value.is_nan() => out.push_str("NaN"),
            f64::INFINITY => out.push_str("Infinity"),
            f64::NEG_INFINITY => out.push_str("-Infinity"),
            value => out.push_str(&finite(value)),
        }
        Ok(())
    }

    fn text(&self, text: &str, out: &mut String) -> Result<(), Error> {
        quoted(text, out, |character, out| match character {
            // Neither the end of a script nor the begin of a comment of HTML.
            '<' | '>' | '&' => out.push_str(&format!("\\u{:04x}", u32::from(character))),
            plain if is_plain(plain) => out.push(plain),
            other => {
                let mut units = [0; 2];
                other.encode_utf16(&mut units).iter().for_each(|unit| out.push_str(&format!("\\u{unit:04x}")));
            }
        });
        Ok(())
    }

    fn bytes(&self, bytes: &[u8], out: &mut String) -> Result<(), Error> {
        let listed: Vec<String> = bytes.iter().map(u8::to_string).collect();
        out.push_str(&format!("new Uint8Array([{}])", listed.join(", ")));
        Ok(())
    }

    fn key(&self, key: &Value, out: &mut String) -> Result<(), Error> {
        let text = key_text(key, Self::NAME)?;
        // Written plainly it would set the prototype.
        if text == "__proto__" {
            out.push_str("[\"__proto__\"]");
            return Ok(());
        }
        self.text(&text, out)
    }
}
