//! A model's answer against what is expected of it: exact, patterns, JSON Schema, numbers with a tolerance.
//!
//! What is expected is compiled first, so that a mistake in it is found before any model is asked. Answers are hostile:
//! patterns are matched in linear time, nothing is fetched for a schema, and what is quoted of an answer is bounded.

mod number;

use regex::{Regex, RegexBuilder};
use serde_json::Value;

use crate::pipeline::{Command, Expect, ExpectedNumber, NumberSource, Texts};
use crate::templating::AnySchema;
use number::Number;

/// The largest compiled pattern, in bytes.
const LARGEST_PATTERN: usize = 1 << 20;
/// What is quoted of an answer or of an expected text, in characters.
const QUOTED: usize = 200;

/// What is expected of an answer, compiled.
#[derive(Debug)]
pub struct Expectation {
    exact: Option<String>,
    contains: Vec<String>,
    regex: Vec<Regex>,
    schema: Option<AnySchema>,
    number: Option<Number>,
    /// A command that must succeed with the answer.
    pub command: Option<Command>,
}

/// What came of one rung.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    /// Which.
    pub rung: &'static str,
    /// What does not hold, in sentences; nothing where all does.
    pub wrong: Vec<String>,
}

impl Expectation {
    /// Compiles what a step or a prompt expects; `render` expands the templates in its texts.
    ///
    /// # Errors
    /// Which key is wrong, and how.
    pub fn compile(expect: &Expect, render: &dyn Fn(&str) -> Result<String, String>) -> Result<Self, String> {
        let wrong = |key: &'static str| move |error: String| format!("`{key}`: {error}");
        let each = |texts: &Option<Texts>, key| -> Result<Vec<String>, String> {
            texts.iter().flat_map(Texts::all).map(|text| render(text).map_err(wrong(key))).collect()
        };
        let patterns = each(&expect.regex, "regex")?;
        let regex = patterns.iter().map(|pattern| pattern_of(pattern)).collect::<Result<_, _>>();
        let schema = expect.json_schema.as_ref().map(|schema| AnySchema::compile(&Value::Object(schema.clone())));
        Ok(Self {
            exact: expect.exact.as_deref().map(render).transpose().map_err(wrong("exact"))?,
            contains: each(&expect.contains, "contains")?,
            regex: regex.map_err(wrong("regex"))?,
            schema: schema.transpose().map_err(wrong("json_schema"))?,
            number: expect
                .number
                .as_ref()
                .map(|number| number_of(number, render))
                .transpose()
                .map_err(wrong("number"))?,
            command: expect.command.clone(),
        })
    }

    /// Whether nothing is expected.
    pub fn is_empty(&self) -> bool {
        self.exact.is_none()
            && self.contains.is_empty()
            && self.regex.is_empty()
            && self.schema.is_none()
            && self.number.is_none()
            && self.command.is_none()
    }

    /// Holds an answer against all but the command, each kind a rung.
    pub fn hold(&self, answer: &str) -> Vec<Held> {
        let mut all = Vec::new();
        if let Some(exact) = &self.exact {
            let same = answer.trim() == exact.trim();
            let text = || format!("the answer is {}, expected {}", quoted(answer.trim()), quoted(exact.trim()));
            all.push(Held { rung: "exact", wrong: if same { Vec::new() } else { vec![text()] } });
        }
        if !self.contains.is_empty() {
            let missing = self.contains.iter().filter(|text| !answer.contains(text.as_str()));
            let wrong = missing.map(|text| format!("the answer does not hold {}", quoted(text))).collect();
            all.push(Held { rung: "contains", wrong });
        }
        if !self.regex.is_empty() {
            let missing = self.regex.iter().filter(|regex| !regex.is_match(answer));
            let wrong = missing.map(|regex| format!("the answer does not match {}", quoted(regex.as_str()))).collect();
            all.push(Held { rung: "regex", wrong });
        }
        if let Some(schema) = &self.schema {
            all.push(Held { rung: "json_schema", wrong: by_schema(schema, answer) });
        }
        if let Some(number) = &self.number {
            all.push(Held { rung: "number", wrong: number.wrong(answer).into_iter().collect() });
        }
        all
    }
}

fn by_schema(schema: &AnySchema, answer: &str) -> Vec<String> {
    match serde_json::from_str::<Value>(answer.trim()) {
        Ok(value) => schema.wrong(&value),
        Err(error) => {
            let fenced = answer.trim_start().starts_with("```");
            let hint = if fenced { "; it is Markdown with a fence: ask for JSON alone" } else { "" };
            vec![format!("the answer is no JSON ({error}): {}{hint}", quoted(answer.trim()))]
        }
    }
}

fn number_of(number: &ExpectedNumber, render: &dyn Fn(&str) -> Result<String, String>) -> Result<Number, String> {
    let within = match number {
        ExpectedNumber::Exactly(value) => return Number::new(*value, 0.0, 0.0, None),
        ExpectedNumber::Within(within) => within,
    };
    let value = match &within.value {
        NumberSource::Number(value) => *value,
        NumberSource::Text(text) => {
            let text = render(text)?;
            number::parse(&text).ok_or_else(|| format!("{} is no number", quoted(text.trim())))?
        }
    };
    let pattern = within.pattern.as_deref().map(pattern_of).transpose()?;
    Number::new(value, within.absolute.unwrap_or(0.0), within.relative.map_or(0.0, |share| share.0), pattern)
}

fn pattern_of(pattern: &str) -> Result<Regex, String> {
    let built = RegexBuilder::new(pattern).size_limit(LARGEST_PATTERN).dfa_size_limit(LARGEST_PATTERN).build();
    built.map_err(|error| {
        let text = error.to_string();
        let last = text.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or_default();
        format!("{} is no regular expression: {}", quoted(pattern), last.trim().trim_start_matches("error: "))
    })
}

/// A text as a message quotes it: on one line, control characters escaped, bounded.
fn quoted(text: &str) -> String {
    let cut: String = text.chars().take(QUOTED).collect();
    let more = if cut.len() < text.len() { "..." } else { "" };
    format!("{cut:?}{more}")
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{Expectation, Held};
    use crate::pipeline::Expect;

    fn compiled(expect: &Value) -> Result<Expectation, String> {
        let expect: Expect = serde_json::from_value(expect.clone()).unwrap();
        Expectation::compile(&expect, &|text| Ok(text.replace("{{ x }}", "seven")))
    }

    /// What is wrong with an answer, all rungs together.
    fn wrong(expect: &Value, answer: &str) -> Vec<String> {
        compiled(expect).unwrap().hold(answer).into_iter().flat_map(|held| held.wrong).collect()
    }

    #[test]
    fn each_rung_holds_or_says_what_does_not() {
        for (expect, right, wrong_answer, said) in [
            (json!({"exact": "four"}), " four\n", "Four", "the answer is \"Four\", expected \"four\""),
            (json!({"exact": "{{ x }}"}), "seven", "six", "expected \"seven\""),
            (json!({"contains": "a"}), "cat", "dog", "does not hold \"a\""),
            (json!({"contains": ["a", "b"]}), "ab", "a", "does not hold \"b\""),
            (json!({"regex": "^[0-9]+$"}), "42", "42.", "does not match \"^[0-9]+$\""),
            (json!({"regex": ["a", "(?i)B"]}), "ab", "a", "does not match \"(?i)B\""),
            (
                json!({"json_schema": {"type": "object", "required": ["a"]}}),
                "{\"a\": 1}\n",
                "{}",
                "\"a\" is a required",
            ),
            (json!({"json_schema": {"type": "object"}}), "{}", "{\"a\": ", "the answer is no JSON"),
            (json!({"json_schema": {"type": "object"}}), "{}", "```json\n{}\n```", "ask for JSON alone"),
            (json!({"number": 42}), "it is 42.", "it is 43.", "43"),
        ] {
            assert_eq!(wrong(&expect, right), [""; 0], "{expect}");
            let found = wrong(&expect, wrong_answer);
            assert!(found.len() == 1 && found[0].contains(said), "{expect}: {found:?}");
        }
    }

    #[test]
    fn all_rungs_are_told_also_where_the_first_fails() {
        let expectation = compiled(&json!({"exact": "a", "contains": "b", "regex": "c"})).unwrap();
        let rungs: Vec<(&str, usize)> =
            expectation.hold("b").iter().map(|held| (held.rung, held.wrong.len())).collect();
        assert_eq!(rungs, [("exact", 1), ("contains", 0), ("regex", 1)]);
        assert!(compiled(&json!({})).unwrap().is_empty() && compiled(&json!({})).unwrap().hold("x").is_empty());
    }

    #[test]
    fn mistakes_are_found_before_anybody_is_asked() {
        for (expect, said) in [
            (json!({"regex": "("}), "`regex`: \"(\" is no regular expression: unclosed group"),
            (json!({"regex": "(?:a{1000}){1000}"}), "`regex`:"),
            (json!({"json_schema": {"type": "strin"}}), "`json_schema`:"),
            (json!({"number": {"value": "{{ x }}"}}), "`number`: \"seven\" is no number"),
            (json!({"number": {"value": 1, "pattern": "["}}), "`number`:"),
        ] {
            let error = compiled(&expect).unwrap_err();
            assert!(error.starts_with(said), "{expect}: {error}");
        }
    }

    #[test]
    fn what_is_quoted_is_bounded_and_harmless() {
        let hostile = format!("\u{1b}[2J{}", "x".repeat(100_000));
        let held: Vec<Held> = compiled(&json!({"exact": "a", "json_schema": {}})).unwrap().hold(&hostile);
        for said in held.iter().flat_map(|held| &held.wrong) {
            assert!(said.len() < 1000 && !said.contains('\u{1b}'), "{said}");
        }
    }
}
