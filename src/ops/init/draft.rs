//! A pipeline in the making, and its text.

/// Something that was found in the repository, and what follows from it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// `Cargo.toml`, `tests/test_api.py`.
    pub place: String,
    /// What was written because of it, or why nothing was.
    pub so: String,
}

/// The pipeline as far as it is known.
#[derive(Debug, Default)]
pub(super) struct Draft {
    project: Option<String>,
    pub(super) found: Vec<Found>,
    tests: Vec<Step>,
    benchmarks: Vec<Step>,
}

/// A step to write.
#[derive(Debug, Default)]
pub(super) struct Step {
    /// Its name, unique in its section.
    pub(super) name: String,
    /// Sentences above it.
    pub(super) why: Vec<String>,
    /// The command.
    pub(super) run: Run,
    /// Other keys in their order, values as text.
    pub(super) keys: Vec<(&'static str, String)>,
    /// Environment.
    pub(super) env: Vec<(&'static str, String)>,
}

/// A command to write.
#[derive(Debug, Clone)]
pub(super) enum Run {
    /// For the shell.
    Shell(String),
    /// Program and arguments.
    Args(Vec<String>),
}

impl Default for Run {
    fn default() -> Self {
        Self::Args(Vec::new())
    }
}

impl Step {
    /// The step in a folder of the project; empty for the top.
    pub(super) fn in_folder(mut self, folder: &str) -> Self {
        if !folder.is_empty() {
            self.keys.insert(0, ("working_dir", folder.to_owned()));
        }
        self
    }
}

impl Run {
    pub(super) fn args(words: &[&str]) -> Self {
        Self::Args(words.iter().map(ToString::to_string).collect())
    }

    /// As it is written after `run: `, at the indent of a step's keys.
    fn text(&self) -> String {
        match self {
            Self::Args(words) => {
                format!("[{}]", words.iter().map(|word| scalar(word)).collect::<Vec<_>>().join(", "))
            }
            Self::Shell(text) if text.contains('\n') => {
                let lines: Vec<String> = text.lines().map(|line| format!("      {line}")).collect();
                format!("|\n{}", lines.join("\n"))
            }
            Self::Shell(text) if is_plain_line(text) => text.clone(),
            Self::Shell(text) => quoted(text),
        }
    }
}

const HEAD: &str = "\
# What backsight runs for this project. Written by `backsight init` from what it found; change it freely.
#
#     backsight check     # is this file right, and what would run?
#     backsight run       # run it
";

const TEST_EXAMPLE: &str = r#"
# Nothing was recognised that runs tests. A command's exit code is enough; with JUnit XML each test is a case of its own.
# tests:
#   - name: unit
#     run: ./run-tests --junit "$BACKSIGHT_JUNIT"
"#;

const FIRST_TEST: &str = r#"
# Nothing was recognised that runs tests: put your command here. Its exit code is enough; if it writes JUnit XML to
# $BACKSIGHT_JUNIT, each test is a case of its own.
tests:
  - name: replace-me
    run: "true"
"#;

const BENCHMARK_EXAMPLE: &str = r#"
# No benchmark was recognised that can be read. Any command can be measured:
# benchmarks:
#   - name: start
#     build: make
#     run: [./app, --version]
"#;

const TAIL: &str = "\
# The smallest change of a benchmark that matters. A run fails on a larger one for the worse.
gate:
  regression: 2%
";

impl Draft {
    pub(super) fn new(project: Option<&str>) -> Self {
        Self { project: project.map(ToOwned::to_owned), ..Self::default() }
    }

    pub(super) fn found(&mut self, place: &str, so: impl Into<String>) {
        self.found.push(Found { place: place.to_owned(), so: so.into() });
    }

    pub(super) fn test(&mut self, step: Step) {
        add(&mut self.tests, step);
    }

    pub(super) fn benchmark(&mut self, step: Step) {
        add(&mut self.benchmarks, step);
    }

    pub(super) fn has_tests(&self) -> bool {
        !self.tests.is_empty()
    }

    /// The text of the file.
    pub(super) fn render(&self) -> String {
        let mut text = format!("{HEAD}version: 1\n");
        if let Some(project) = &self.project {
            text.push_str(&format!("project: {}\n", scalar(project)));
        }
        // A file without any step would be refused, and a first run should show what a run looks like.
        let nothing = self.tests.is_empty() && self.benchmarks.is_empty();
        section(&mut text, "tests", &self.tests, if nothing { FIRST_TEST } else { TEST_EXAMPLE });
        section(&mut text, "benchmarks", &self.benchmarks, BENCHMARK_EXAMPLE);
        if !self.benchmarks.is_empty() {
            text.push('\n');
            text.push_str(TAIL);
        }
        text
    }
}

fn add(steps: &mut Vec<Step>, mut step: Step) {
    let base = step.name.clone();
    let mut number = 2;
    while steps.iter().any(|other| other.name == step.name) {
        step.name = format!("{base}-{number}");
        number += 1;
    }
    steps.push(step);
}

fn section(text: &mut String, name: &str, steps: &[Step], example: &str) {
    if steps.is_empty() {
        text.push_str(example);
        return;
    }
    text.push_str(&format!("\n{name}:\n"));
    for (number, step) in steps.iter().enumerate() {
        if number > 0 {
            text.push('\n');
        }
        for sentence in &step.why {
            comment(text, "  ", sentence);
        }
        text.push_str(&format!("  - name: {}\n", scalar(&step.name)));
        for (key, value) in &step.keys {
            let value = if is_plain_line(value) { value.clone() } else { scalar(value) };
            text.push_str(&format!("    {key}: {value}\n"));
        }
        if !step.env.is_empty() {
            let pairs: Vec<String> =
                step.env.iter().map(|(name, value)| format!("{name}: {}", scalar(value))).collect();
            text.push_str(&format!("    env: {{ {} }}\n", pairs.join(", ")));
        }
        text.push_str(&format!("    run: {}\n", step.run.text()));
    }
}

/// Comment lines, broken at words; whatever the text holds stays inside the comment.
fn comment(text: &mut String, indent: &str, sentence: &str) {
    for line in sentence.lines() {
        let mut width = 0;
        for word in line.split(|c: char| c.is_whitespace() || c.is_control()).filter(|word| !word.is_empty()) {
            if width == 0 || width + word.chars().count() > 112 {
                let start = if width == 0 { "" } else { "\n" };
                text.push_str(&format!("{start}{indent}#"));
                width = indent.len() + 1;
            }
            text.push_str(&format!(" {word}"));
            width += word.chars().count() + 1;
        }
        text.push('\n');
    }
}

/// A value that YAML reads as this very text, also inside `[...]` and `{...}`.
fn scalar(text: &str) -> String {
    let option =
        text.strip_prefix('-').is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_alphabetic() || c == '-'));
    let word = text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '/') || text.starts_with("./");
    let is_simple = text.chars().all(|c| c.is_ascii_alphanumeric() || "_./+=@-".contains(c));
    let lower = text.to_ascii_lowercase();
    let means_other = ["true", "false", "null", "yes", "no", "on", "off", "y", "n"].contains(&lower.as_str());
    if (word || option || is_time(text)) && is_simple && !means_other { text.to_owned() } else { quoted(text) }
}

/// `30m`, `10s`: digits that end in a unit of time are text to YAML, and people write them bare.
fn is_time(text: &str) -> bool {
    let unit = text.trim_start_matches(|c: char| c.is_ascii_digit());
    unit.len() < text.len() && ["s", "m", "h"].contains(&unit)
}

/// JSON's strings are YAML's double-quoted ones.
fn quoted(text: &str) -> String {
    serde_json::Value::String(text.to_owned()).to_string()
}

/// Whether a command line can stand unquoted after a key.
fn is_plain_line(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.contains(' ')
        && text.chars().all(|c| (' '..='~').contains(&c))
        && !text.contains(": ")
        && !text.contains(" #")
        && !text.ends_with([':', ' '])
}

#[cfg(test)]
mod tests {
    use super::{comment, is_plain_line, scalar};

    #[test]
    fn values_keep_their_meaning() {
        for plain in ["a", "target/nextest/ci/junit.xml", "./app", "--version", "-m", "--", "30m", "pytest-2"] {
            assert_eq!(scalar(plain), plain);
        }
        for (text, want) in [
            ("yes", "\"yes\""),
            ("1.0", "\"1.0\""),
            ("12", "\"12\""),
            ("-1", "\"-1\""),
            ("", "\"\""),
            ("a: b", "\"a: b\""),
            ("a,b", "\"a,b\""),
            ("x\n- run: y", "\"x\\n- run: y\""),
            ("{{ x }}", "\"{{ x }}\""),
        ] {
            assert_eq!(scalar(text), want);
        }
        assert!(is_plain_line("python3 -m pytest --junitxml=\"$BACKSIGHT_JUNIT\""));
        assert!(!is_plain_line("echo a: b") && !is_plain_line("make # x") && !is_plain_line("true"));
    }

    #[test]
    fn comments_stay_comments() {
        let mut text = String::new();
        comment(&mut text, "  ", &format!("one\u{b}two\r{}\nlast", " word".repeat(30)));
        assert!(text.lines().all(|line| line.starts_with("  # ") && line.chars().count() <= 120), "{text}");
        assert_eq!(text.lines().count(), 3);
    }
}
