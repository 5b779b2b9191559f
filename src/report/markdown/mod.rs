//! The report as GitHub-flavoured Markdown: what moved and what failed first, the rest folded away or left out.
//!
//! The words stand in `templates/report/comment.md.j2`, which a project can replace; what a template sees is made by
//! `view`, and printing a name can only give a code span. [`Parts`] shortens a report to what a surface takes.

mod charts;
mod parts;
mod tests_of;
mod title;
mod view;

use minijinja::syntax::SyntaxConfig;
use minijinja::value::Value;
use minijinja::{AutoEscape, Environment, Error, ErrorKind, Output, State, UndefinedBehavior};

use super::escape;
use crate::results::Document;

pub use parts::{Detail, ESSENTIAL, HIGHEST, Measure, Part, Parts};
pub use view::is_plain_url;
pub(super) use view::repository;

/// The template that is used where the project has none of its own.
pub const TEMPLATE: &str = include_str!("../../../templates/report/comment.md.j2");
/// Steps of a template's execution: a template that never ends is stopped.
const FUEL: u64 = 50_000_000;
/// The name of our way to escape.
const MARKDOWN: &str = "markdown";

/// A template that cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("{name}:{line}: {text}; `docs/comment.md` lists what a template of the report can use")]
pub struct TemplateError {
    /// The template as it was named.
    pub name: String,
    /// Where, from 1; 0 where that is not known.
    pub line: usize,
    /// What is wrong.
    pub text: String,
}

/// The whole report, by the template that comes with us.
pub fn markdown(document: &Document) -> String {
    // The template is ours and a test renders it, also with strange documents; `whole` is left for what cannot be.
    match parts(document, None, None) {
        Ok(parts) => parts.text(Detail::UpTo(HIGHEST)),
        Err(error) => format!("### {}\n\n{}\n", title::title(document), escape::code(&error.to_string())),
    }
}

/// The verdict in one sentence, as it stands above the report.
pub fn verdict(document: &Document) -> String {
    title::title(document)
}

/// The report in parts. `template` is the name and the text of the project's own one; `leg` is the name of the CI job
/// among several that report together.
///
/// # Errors
/// If the template is broken.
pub fn parts(document: &Document, template: Option<(&str, &str)>, leg: Option<&str>) -> Result<Parts, TemplateError> {
    let (name, text) = template.unwrap_or(("comment.md.j2", TEMPLATE));
    let told = |error: &Error| TemplateError {
        name: name.to_owned(),
        line: error.line().unwrap_or(0),
        text: error.detail().map_or_else(|| error.kind().to_string(), |detail| format!("{}: {detail}", error.kind())),
    };
    let mut engine = engine().map_err(|error| told(&error))?;
    engine.add_template(name, text).map_err(|error| told(&error))?;
    let template = engine.get_template(name).map_err(|error| told(&error))?;
    let text = template.render(view::view(document, leg)).map_err(|error| told(&error))?;
    Ok(Parts::split(&text))
}

fn engine<'a>() -> Result<Environment<'a>, Error> {
    let mut engine = Environment::new();
    engine.set_syntax(SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build()?);
    engine.set_undefined_behavior(UndefinedBehavior::Strict);
    engine.set_fuel(Some(FUEL));
    engine.set_auto_escape_callback(|_| AutoEscape::Custom(MARKDOWN.into()));
    engine.set_formatter(print);
    engine.add_function("part", |rung: u8| Value::from_safe_string(parts::mark(rung)));
    engine.add_function("short", || Value::from_safe_string(parts::mark_short()));
    engine.add_filter("code", |text: &Value| Value::from_safe_string(escaped(text)));
    engine.add_filter("html", |text: &Value| Value::from_safe_string(escape::html_code(&plain(text))));
    engine.add_filter("count", count);
    engine.add_filter("fenced", fenced);
    // What would make foreign text our own.
    ["safe", "escape", "e", "tojson"].iter().for_each(|name| engine.remove_filter(name));
    Ok(engine)
}

/// Foreign text becomes a code span, our own words stay as they are.
fn print(out: &mut Output<'_>, _: &mut State<'_, '_>, value: &Value) -> Result<(), Error> {
    let text = if value.is_safe() || value.as_str().is_none() { plain(value) } else { escaped(value) };
    out.write_str(&text).map_err(Error::from)
}

fn plain(value: &Value) -> String {
    if value.is_none() || value.is_undefined() {
        return String::new();
    }
    value.as_str().map_or_else(|| escape::line(&value.to_string()).into_owned(), str::to_owned)
}

fn escaped(value: &Value) -> String {
    if value.is_safe() { plain(value) } else { escape::code(&plain(value)) }
}

/// `{{ 2|count("test") }}` is `2 tests`.
fn count(n: u64, word: &str) -> Result<Value, Error> {
    let is_word = word.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b' ');
    let ending = if n == 1 { "" } else { "s" };
    match is_word {
        true => Ok(Value::from_safe_string(format!("{n} {word}{ending}"))),
        false => Err(Error::new(ErrorKind::InvalidOperation, "what is counted is one plain word")),
    }
}

fn fenced(text: &Value, language: Option<&str>) -> Result<Value, Error> {
    let language = language.unwrap_or("text");
    if !language.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return Err(Error::new(ErrorKind::InvalidOperation, "the language of a fenced block is one plain word"));
    }
    Ok(Value::from_safe_string(escape::fenced(&plain(text), language)))
}

#[cfg(test)]
mod tests;
