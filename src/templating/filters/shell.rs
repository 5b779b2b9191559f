//! Any value as a word of a POSIX shell.

use minijinja::value::{Value, ValueKind};
use minijinja::{Error, ErrorKind, State};

use super::literal::{charge, refused};

/// `{{ value | shell }}`: one word, always in quotes; of a list, one word each. The word is the value and nothing else,
/// yet a program may take one that begins with `-` for an option: write `-- {{ value | shell }}`.
pub(super) fn shell(state: &State<'_, '_>, value: &Value) -> Result<String, Error> {
    let words = match value.kind() {
        ValueKind::Seq | ValueKind::Iterable => {
            value.try_iter()?.map(|item| word(&item)).collect::<Result<Vec<_>, _>>()?.join(" ")
        }
        _ => word(value)?,
    };
    charge(state, words.len())?;
    Ok(words)
}

fn word(value: &Value) -> Result<String, Error> {
    let text = match value.kind() {
        ValueKind::Undefined => return Err(ErrorKind::UndefinedError.into()),
        ValueKind::String => value.as_str().unwrap_or_default().to_owned(),
        ValueKind::Bool => value.is_true().to_string(),
        ValueKind::Number => value.to_string(),
        kind => return Err(refused(format!("a {kind} is no word of a shell; pick what is meant, or use `| json`"))),
    };
    if text.contains('\0') {
        return Err(refused("a word of a shell cannot hold a zero byte"));
    }
    Ok(format!("'{}'", text.replace('\'', "'\\''")))
}
