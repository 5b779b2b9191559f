//! A file of prompts, checked as a whole before any model is asked: each has an id of its own, a text or messages, and
//! perhaps what is expected of its answer.

use std::collections::HashMap;
use std::sync::Arc;

use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use super::rows::Rows;
use crate::pipeline::{Expect, lines_of_entries, quote};
use crate::templating::slug;

/// The most prompts of one file.
pub const MOST_PROMPTS: usize = 100_000;
/// The longest id, in characters.
const LONGEST_ID: usize = 200;
/// The longest id that is a file's name as it stands, in bytes.
const LONGEST_NAME: usize = 80;

/// What a file of prompts is written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PromptsFormat {
    /// Names in the first line, a prompt in each other.
    Csv,
    /// A list.
    Json,
    /// A prompt a line.
    Lines,
    /// A list.
    Yaml,
}

/// What a model is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PromptText {
    /// A text.
    Text(String),
    /// Messages of a chat, as the interface wants them.
    Messages(Vec<Value>),
}

/// One prompt.
#[derive(Debug, Clone, PartialEq)]
pub struct Prompt {
    /// Its id, unique in its file.
    pub id: String,
    /// What is asked.
    pub text: PromptText,
    /// What is expected of its answer, beside what the step expects.
    pub expect: Option<Expect>,
}

/// The prompts of one file.
#[derive(Debug, Clone, PartialEq)]
pub struct Prompts {
    /// The prompts in the order of the file.
    pub all: Vec<Prompt>,
    /// What templates see of each as `prompt`: the keys of the file but for `expect`, and `slug`.
    pub rows: Arc<Rows>,
}

impl Prompts {
    /// Reads a file of prompts.
    ///
    /// # Errors
    /// What is wrong: `LINE: what`, or only what where the line is not known.
    pub fn parse(text: String, format: PromptsFormat) -> Result<Self, String> {
        let source = Source::read(text, format)?;
        let mut prompts = Self { all: Vec::new(), rows: Arc::new(Rows::Values(Vec::new())) };
        let mut rows = Vec::new();
        let mut ids: HashMap<String, usize> = HashMap::new();
        for number in 0..source.rows.len() {
            if number >= MOST_PROMPTS {
                return Err(format!("there are more than {MOST_PROMPTS} prompts in it; leave some out"));
            }
            let value = source.rows.at(number)?;
            let (prompt, row) = read(value).map_err(|what| source.wrong(number, &what))?;
            if let Some(first) = ids.insert(prompt.id.clone(), number) {
                let what = format!("the id {} is already that of {}", quote(&prompt.id), source.place(first));
                return Err(source.wrong(number, &what));
            }
            prompts.all.push(prompt);
            rows.push(Value::Object(row));
        }
        if prompts.all.is_empty() {
            return Err(
                "there is no prompt in it: it wants entries such as {\"id\": \"a\", \"prompt\": \"...\"}".into()
            );
        }
        prompts.rows = Arc::new(Rows::Values(rows));
        Ok(prompts)
    }
}

/// A file of prompts in rows, for messages.
struct Source {
    rows: Rows,
    /// The whole file, where lines are found in it only when something is wrong.
    text: String,
}

impl Source {
    fn read(text: String, format: PromptsFormat) -> Result<Self, String> {
        let rows = match format {
            PromptsFormat::Csv => Rows::csv(text)?,
            PromptsFormat::Lines => Rows::lines(text.trim_start_matches('\u{feff}').to_owned())?,
            PromptsFormat::Json => {
                let bare = text.trim_start_matches('\u{feff}');
                let value = serde_json::from_str(bare).map_err(|error| format!("{}: {error}", error.line()))?;
                return Ok(Self { rows: Rows::values(value)?, text });
            }
            PromptsFormat::Yaml => {
                let value = crate::pipeline::yaml(&text).map_err(|found| {
                    let first = found.first();
                    first.map_or_else(String::new, |first| format!("{}: {}", first.primary.span.line, first.message))
                })?;
                return Ok(Self { rows: Rows::values(value)?, text });
            }
        };
        Ok(Self { rows, text: String::new() })
    }

    /// The line of a prompt, from 1.
    fn line(&self, number: usize) -> Option<usize> {
        self.rows.line(number).or_else(|| lines_of_entries(&self.text).get(number).copied())
    }

    fn place(&self, number: usize) -> String {
        self.line(number).map_or_else(|| format!("entry {}", number + 1), |line| format!("line {line}"))
    }

    fn wrong(&self, number: usize, what: &str) -> String {
        self.line(number).map_or_else(|| format!("entry {}: {what}", number + 1), |line| format!("{line}: {what}"))
    }
}

/// A prompt, and what templates see of it.
fn read(value: Value) -> Result<(Prompt, Map<String, Value>), String> {
    let Value::Object(mut row) = value else {
        return Err("this is no prompt; it wants a mapping such as {\"id\": \"a\", \"prompt\": \"...\"}".into());
    };
    let id = match row.get("id") {
        Some(Value::String(id)) => id.clone(),
        Some(Value::Number(id)) => id.to_string(),
        Some(_) => return Err("`id` wants text".into()),
        None => return Err("this prompt has no `id`; answers are found by it".into()),
    };
    if id.trim().is_empty() || id.chars().any(char::is_control) || id.chars().count() > LONGEST_ID {
        return Err(format!("an `id` has from 1 to {LONGEST_ID} characters, and no control characters"));
    }
    // In a CSV file what is not given is an empty cell.
    let given = |key: &str| row.get(key).filter(|value| !value.is_null() && value.as_str() != Some(""));
    let text = match (given("prompt"), given("messages")) {
        (Some(Value::String(text)), None) => PromptText::Text(text.clone()),
        (Some(_), None) => return Err("`prompt` wants text".into()),
        (None, Some(Value::Array(list))) => PromptText::Messages(messages(list)?),
        (None, Some(_)) => return Err("`messages` wants a list".into()),
        (Some(_), Some(_)) => return Err("`messages` cannot stand beside `prompt`".into()),
        (None, None) => return Err(format!("the prompt {} has neither `prompt` nor `messages`", quote(&id))),
    };
    let expect = given("expect").cloned().map(expected).transpose()?;
    row.shift_remove("expect");
    row.insert("id".into(), id.as_str().into());
    row.insert("slug".into(), file_name(&id).into());
    Ok((Prompt { id, text, expect }, row))
}

fn messages(list: &[Value]) -> Result<Vec<Value>, String> {
    let fits = |message: &&Value| message.get("role").is_some_and(Value::is_string) && message.get("content").is_some();
    if list.is_empty() || list.iter().filter(fits).count() < list.len() {
        return Err("`messages` wants a list such as [{\"role\": \"user\", \"content\": \"...\"}]".into());
    }
    Ok(list.to_vec())
}

/// A text is what the answer must be exactly.
fn expected(value: Value) -> Result<Expect, String> {
    let value = if value.is_string() { json!({ "exact": value }) } else { value };
    let expect: Expect = serde_json::from_value(value).map_err(|error| format!("`expect`: {error}"))?;
    if expect.command.is_some() {
        return Err("`expect`: a `command` stands in the pipeline file only; a file of prompts is data".into());
    }
    if expect == Expect::default() {
        return Err("`expect` expects nothing; leave it out, or add `exact`, `contains`, `regex`, ...".into());
    }
    Ok(expect)
}

/// An id as the name of a file: itself where that is safe, otherwise what can be kept of it and a part of its hash, so
/// that different ids have different files.
fn file_name(id: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    if id.len() <= LONGEST_NAME && !id.starts_with('.') && id.chars().all(plain) {
        return id.to_owned();
    }
    let kept: String = slug(id).chars().take(LONGEST_NAME).collect();
    let hash: String = Sha256::digest(id).iter().take(4).map(|byte| format!("{byte:02x}")).collect();
    if kept.is_empty() { hash } else { format!("{kept}-{hash}") }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{PromptText, Prompts, PromptsFormat, file_name};

    fn parse(text: &str, format: PromptsFormat) -> Result<Prompts, String> {
        Prompts::parse(text.to_owned(), format)
    }

    #[test]
    fn all_formats_say_the_same() {
        let lines = "\u{feff}{\"id\": \"a/b\", \"prompt\": \"one\", \"answer\": \"4\", \"expect\": \"x\"}\n\n\
                     {\"id\": 7, \"prompt\": \"two\"}\n";
        let csv = "id,prompt,answer,expect\r\na/b,one,4,x\r\n7,two,,\r\n";
        let json = "[{\"id\": \"a/b\", \"prompt\": \"one\", \"answer\": \"4\", \"expect\": \"x\"},\n {\"id\": 7, \"prompt\": \"two\"}]";
        let yaml = "- {id: a/b, prompt: one, answer: \"4\", expect: x}\n- id: 7\n  prompt: two\n";
        for (text, format) in [
            (lines, PromptsFormat::Lines),
            (csv, PromptsFormat::Csv),
            (json, PromptsFormat::Json),
            (yaml, PromptsFormat::Yaml),
        ] {
            let prompts = parse(text, format).unwrap_or_else(|error| panic!("{format:?}: {error}"));
            let ids: Vec<&str> = prompts.all.iter().map(|prompt| prompt.id.as_str()).collect();
            assert_eq!(ids, ["a/b", "7"], "{format:?}");
            assert_eq!(prompts.all[0].expect.as_ref().unwrap().exact.as_deref(), Some("x"));
            assert!(prompts.all[1].expect.is_none() && prompts.all[1].text == PromptText::Text("two".into()));
            let row = prompts.rows.at(0).unwrap();
            assert_eq!((&row["id"], &row["answer"], &row["expect"]), (&json!("a/b"), &json!("4"), &json!(null)));
            assert!(row["slug"].as_str().unwrap().starts_with("a_b-"), "{row}");
        }
    }

    #[test]
    fn messages_are_kept_as_they_are() {
        let text =
            "{\"id\": \"m\", \"messages\": [{\"role\": \"user\", \"content\": \"a\"}], \"expect\": {\"number\": 4}}\n";
        let prompts = parse(text, PromptsFormat::Lines).unwrap();
        let messages = vec![json!({"role": "user", "content": "a"})];
        assert_eq!(prompts.all[0].text, PromptText::Messages(messages));
        assert!(prompts.all[0].expect.as_ref().unwrap().number.is_some());
    }

    #[test]
    fn mistakes_have_their_line() {
        use PromptsFormat::{Csv, Json, Lines, Yaml};
        let good = "{\"id\": \"a\", \"prompt\": \"x\"}\n";
        for (text, format, said) in [
            (format!("{good}\n{good}"), Lines, "3: the id `a` is already that of line 1"),
            (format!("{good}{{\"id\": \"b\""), Lines, "2:"),
            (format!("{good}7\n"), Lines, "2: this is no prompt"),
            ("{\"prompt\": \"x\"}".into(), Lines, "1: this prompt has no `id`"),
            ("{\"id\": \"a\\nb\", \"prompt\": \"x\"}".into(), Lines, "1: an `id` has from 1 to 200"),
            ("{\"id\": [], \"prompt\": \"x\"}".into(), Lines, "1: `id` wants text"),
            ("{\"id\": \"a\", \"prompt\": \"\"}".into(), Lines, "1: the prompt `a` has neither"),
            ("{\"id\": \"a\", \"prompt\": \"x\", \"messages\": [1]}".into(), Lines, "1: `messages` cannot stand"),
            ("{\"id\": \"a\", \"messages\": [1]}".into(), Lines, "1: `messages` wants a list such as"),
            (
                "{\"id\": \"a\", \"prompt\": \"x\", \"expect\": {\"exakt\": 1}}".into(),
                Lines,
                "1: `expect`: unknown field",
            ),
            ("{\"id\": \"a\", \"prompt\": \"x\", \"expect\": {}}".into(), Lines, "1: `expect` expects nothing"),
            (
                "{\"id\": \"a\", \"prompt\": \"x\", \"expect\": {\"command\": \"id\"}}".into(),
                Lines,
                "1: `expect`: a `command`",
            ),
            ("id,prompt\na,x\na,y\n".into(), Csv, "3: the id `a` is already that of line 2"),
            (
                "[\n {\"id\": \"a\", \"prompt\": \"x\"},\n {\"id\": \"a\", \"prompt\": \"y\"}\n]".into(),
                Json,
                "3: the id `a`",
            ),
            ("[\n {\"id\": ]".into(), Json, "2:"),
            ("{}".into(), Json, "this is no list"),
            ("- id: a\n  prompt: x\n- id: a\n  prompt: y\n".into(), Yaml, "3: the id `a` is already that of line 1"),
            ("- id: [\n".into(), Yaml, ""),
            (" \n".into(), Lines, "there is no prompt in it"),
        ] {
            let error = parse(&text, format).unwrap_err();
            assert!(error.starts_with(said), "{text:?}: {error}");
        }
    }

    #[test]
    fn a_file_of_json_that_is_too_long_for_places_has_numbers() {
        let filler = "x".repeat(2 << 20);
        let text = format!("[{{\"id\": \"a\", \"prompt\": \"{filler}\"}}, {{\"id\": \"a\", \"prompt\": \"y\"}}]");
        let error = parse(&text, PromptsFormat::Json).unwrap_err();
        assert_eq!(error, "entry 2: the id `a` is already that of entry 1");
    }

    #[test]
    fn a_file_name_is_safe_and_its_own() {
        assert_eq!(file_name("gsm8k-17.v2"), "gsm8k-17.v2");
        for hostile in ["../../etc/passwd", "/etc/passwd", ".hidden", "..", "a b", "é", "con\\nul", &"x".repeat(200)] {
            let name = file_name(hostile);
            assert!(!name.contains(['/', '\\', ' ']) && !name.starts_with('.') && name.len() < 120, "{name}");
        }
        assert_ne!(file_name("a/b"), file_name("a_b"));
        assert_ne!(file_name("a/b"), file_name("a b"));
    }
}
