//! One test outcome.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How a test case ended, all attempts considered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It passed at the first attempt.
    Passed,
    /// An assertion did not hold.
    Failed,
    /// It broke outside of an assertion (JUnit's `error`).
    Errored,
    /// It was not run on purpose.
    Skipped,
    /// It failed and passed without a change between: reported, never silently green.
    Flaky,
    /// Its time limit ended it.
    TimedOut,
    /// The run ended before it did.
    Cancelled,
}

impl Outcome {
    /// Whether this outcome makes a run fail.
    pub const fn is_failure(self) -> bool {
        matches!(self, Self::Failed | Self::Errored | Self::TimedOut)
    }

    /// Whether it was executed to an end.
    pub const fn is_executed(self) -> bool {
        !matches!(self, Self::Skipped | Self::Cancelled)
    }

    /// The outcome that a word of the document stands for.
    pub fn parse(word: &str) -> Option<Self> {
        use Outcome::{Cancelled, Errored, Failed, Flaky, Passed, Skipped, TimedOut};
        [Passed, Failed, Errored, Skipped, Flaky, TimedOut, Cancelled].into_iter().find(|one| one.as_str() == word)
    }

    /// The word used in the document and on the terminal.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Failed => "failed",
            Self::Errored => "errored",
            Self::Skipped => "skipped",
            Self::Flaky => "flaky",
            Self::TimedOut => "timed_out",
            Self::Cancelled => "cancelled",
        }
    }
}

/// What a failing (or skipped) test said.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Failure {
    /// The short message: JUnit's `message` attribute, or the first line of the text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// The class of the failure: an exception's name, JUnit's `type`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// The long text: stack trace, diff. Cut at a limit, with a mark where it was cut.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
}

/// One earlier execution of a case that was tried more than once.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Attempt {
    /// How this attempt ended.
    pub outcome: Outcome,
    /// How long it took, in nanoseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration_ns: Option<u64>,
    /// What it said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<Failure>,
}

/// One test case.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Case {
    /// The id of the step that ran it; empty while a reader has not been told.
    pub step: String,
    /// The suites around it, outermost first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub suites: Vec<String>,
    /// JUnit's `classname`: module, class or file, as the framework means it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub class: Option<String>,
    /// The name of the case.
    pub name: String,
    /// How it ended.
    pub outcome: Outcome,
    /// How long the last attempt took, in nanoseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration_ns: Option<u64>,
    /// The source file, as the framework names it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// The line in `file`, from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<u32>,
    /// What the last attempt said; several failures of one attempt stand in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub failures: Vec<Failure>,
    /// All attempts in the order of time where there was more than one, the last included.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attempts: Vec<Attempt>,
    /// The end of what it printed on standard output.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stdout: Option<String>,
    /// The end of what it printed on standard error.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stderr: Option<String>,
    /// Properties that the framework attached to it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub properties: BTreeMap<String, String>,
}

impl Case {
    /// A case with nothing but its name and outcome.
    pub fn new(name: impl Into<String>, outcome: Outcome) -> Self {
        Self {
            step: String::new(),
            suites: Vec::new(),
            class: None,
            name: name.into(),
            outcome,
            duration_ns: None,
            file: None,
            line: None,
            failures: Vec::new(),
            attempts: Vec::new(),
            stdout: None,
            stderr: None,
            properties: BTreeMap::new(),
        }
    }

    /// What identifies this case among all attempts of its step: suites, class and name.
    pub fn key(&self) -> (&[String], Option<&str>, &str) {
        (&self.suites, self.class.as_deref(), &self.name)
    }

    /// The name for people: the class and the name, joined with `::`, the class only where it adds something.
    pub fn title(&self) -> String {
        match self.class.as_deref() {
            Some(class) if !class.is_empty() && !self.name.starts_with(class) => format!("{class}::{}", self.name),
            _ => self.name.clone(),
        }
    }
}
