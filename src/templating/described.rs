//! What went wrong in a template, in words: where, what, and what to do about it.

use std::error::Error as _;

use minijinja::value::{Value, ValueKind};
use minijinja::{Error, ErrorKind};

use super::filters;
use crate::pipeline::nearest;

/// So many names are looked through for the one that was meant.
const MOST_NAMES: usize = 200;

/// The engine's words with the template's name and line, all causes included: `NAME:LINE: kind: detail; cause`.
pub fn describe(error: &Error) -> String {
    told(error, None)
}

/// The same, with the name that was probably meant where a value is undefined: `values` is what was rendered with.
pub fn describe_with(error: &Error, values: &Value) -> String {
    told(error, Some(values))
}

fn told(error: &Error, values: Option<&Value>) -> String {
    let mut text = one(error);
    let mut innermost = error;
    let mut cause = error.source();
    while let Some(inner) = cause {
        match inner.downcast_ref::<Error>() {
            Some(inner) => {
                text.push_str(&format!("; {}", one(inner)));
                innermost = inner;
            }
            None => text.push_str(&format!("; {inner}")),
        }
        cause = inner.source();
    }
    if let Some(help) = help(innermost, values) {
        text.push_str(&help);
    }
    text
}

fn one(error: &Error) -> String {
    let place = match (error.name(), error.line()) {
        (Some(name), Some(line)) => format!("{name}:{line}: "),
        (Some(name), None) => format!("{name}: "),
        (None, _) => String::new(),
    };
    match error.detail() {
        Some(detail) => format!("{place}{}: {detail}", error.kind()),
        None => format!("{place}{}", error.kind()),
    }
}

fn help(error: &Error, values: Option<&Value>) -> Option<String> {
    let detail = error.detail().unwrap_or_default();
    match error.kind() {
        ErrorKind::OutOfFuel => Some("; the template loops too long".to_owned()),
        ErrorKind::InvalidOperation if detail.contains("recursion limit") => {
            Some("; a macro, block or include calls itself too deep".to_owned())
        }
        ErrorKind::UndefinedError => {
            let (parent, near) = meant(quoted(detail)?, values?)?;
            Some(format!("; did you mean `{parent}{near}`?"))
        }
        ErrorKind::UnknownFilter => {
            let near = nearest(detail.split_whitespace().nth(1)?, filters::known())?;
            Some(format!("; did you mean `{near}`?"))
        }
        _ => None,
    }
}

/// The first expression in backquotes.
fn quoted(detail: &str) -> Option<&str> {
    detail.split('`').nth(1)
}

/// Follows `model.nme` as far as it is there; its beginning, and the name there that is nearest.
fn meant(expression: &str, values: &Value) -> Option<(String, String)> {
    let mut here = values.clone();
    let mut way = String::new();
    for part in expression.split('.') {
        if here.kind() != ValueKind::Map {
            return None;
        }
        let next = here.get_attr(part).ok().filter(|next| !next.is_undefined());
        let Some(next) = next else {
            let keys: Vec<Value> = here.try_iter().ok()?.take(MOST_NAMES).collect();
            return nearest(part, keys.iter().filter_map(Value::as_str)).map(|near| (way, near.to_owned()));
        };
        here = next;
        way.push_str(part);
        way.push('.');
    }
    None
}

#[cfg(test)]
mod tests {
    use minijinja::{Value, context};

    use super::describe_with;
    use crate::templating::{describe, engine};

    fn told(source: &str) -> String {
        let values: Value = context! { model => context! { name => "a", layers => 2 }, target => "cpu" };
        let mut engine = engine();
        engine.add_template_owned("a.j2", source.to_owned()).unwrap();
        let error = engine.get_template("a.j2").unwrap().render(&values).unwrap_err();
        describe_with(&error, &values)
    }

    #[test]
    fn the_name_that_was_meant_is_said() {
        let said = told("\n{{ model.layer }}");
        assert_eq!(said, "a.j2:2: undefined value: `model.layer` is undefined; did you mean `model.layers`?");
        assert!(told("{{ taget }}").ends_with("did you mean `target`?"));
        assert!(told("{{ modle.name }}").ends_with("did you mean `model`?"), "{}", told("{{ modle.name }}"));
        assert!(!told("{{ zzzzzz }}").contains("did you mean"));
        assert!(!told("{{ model.name.x }}").contains("did you mean"));
    }

    #[test]
    fn a_filter_that_was_meant_is_said() {
        let said = told("{{ target | pyhton }}");
        assert!(said.contains("filter pyhton is unknown") && said.ends_with("did you mean `python`?"), "{said}");
        assert!(told("{{ target | lowr }}").ends_with("did you mean `lower`?"));
    }

    #[test]
    fn causes_are_told_with_their_places() {
        let mut engine = engine();
        engine.add_template("outer", "\n{% include 'inner' %}").unwrap();
        engine.add_template("inner", "\n\n{{ gone }}").unwrap();
        let error = engine.get_template("outer").unwrap().render(()).unwrap_err();
        let said = describe(&error);
        assert!(said.starts_with("outer:2: could not render include"), "{said}");
        assert!(said.ends_with("inner:3: undefined value: `gone` is undefined"), "{said}");
    }
}
