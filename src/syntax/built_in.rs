//! The rules that come with the program: their names, and their queries, which stand in `rules/` as data.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::language::Language;

/// `$METRIC` in a query: the name of something that is measured, as an identifier, a key or the end of a path.
const METRIC: &str = r#"(?i-u)accuracy|latency|throughput|perplexity|precision|recall|bleu|rouge|speedup|elapsed|bandwidth|per_?sec|error_?rate|(^|[_.'"\[])(acc|loss|score|f1|auc|wer|cer|rmse|mae|mse|metrics?|qps|fps|tps|p50|p90|p95|p99)([_'"\]]|$)"#;

/// `$RANDOM` in a query: an expression that begins with a random number, perhaps after arithmetic or a rounding.
const fn random(language: Language) -> &'static str {
    match language {
        Language::Python => {
            r"(?-u)^(?:[\s(+-]|[\w.]+\s*[-+*/%]+|(?:round|float|abs|min|max|int|str|pytest\.approx)\()*(?:(?:random|np\.random|numpy\.random|_?rng)\.(?:random|uniform|randint|randrange|gauss|normalvariate|triangular|betavariate|expovariate|rand|randn|random_sample|normal|integers|standard_normal|beta|gamma|exponential|lognormal|poisson)|np\.random\.default_rng\([^)]*\)\.\w+|secrets\.randbelow|uniform|randint|randrange|torch\.randn?\([^)]*\)\.item)\("
        }
        Language::Rust => {
            r"(?-u)^(?:[\s(&+-]|[\w.]+\s*[-+*/%]+)*(?:rand::random\b|random::<|random\(\)|(?:rand::)?(?:thread_rng|rng)\(\)\s*\.\s*\w+|\w*rng\.(?:r#)?(?:gen|random|sample)\w*|fastrand::\w+)"
        }
        _ => {
            r"(?-u)^(?:[\s(+-]|[\w.]+\s*[-+*/%]+|(?:Math\.(?:round|floor|ceil|abs|min|max)|Number|parseFloat|parseInt)\()*(?:Math\.random|crypto\.randomInt|_\.random|lodash\.random|faker\.number\.\w+)\("
        }
    }
}

/// A rule that comes with the program.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum BuiltIn {
    /// The library under test is replaced by a mock, so the test cannot fail where the library does.
    MockedSubject,
    /// A metric or an assertion takes its value from a random number generator.
    RandomMetric,
    /// A test that checks nothing: no statement, or only ones that always hold.
    EmptyTest,
    /// A test that is never run.
    UnconditionalSkip,
}

impl BuiltIn {
    /// Each of them.
    pub const ALL: [Self; 4] = [Self::MockedSubject, Self::RandomMetric, Self::EmptyTest, Self::UnconditionalSkip];

    /// The name in pipeline files and findings; it is also its serialized form.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::MockedSubject => "mocked-subject",
            Self::RandomMetric => "random-metric",
            Self::EmptyTest => "empty-test",
            Self::UnconditionalSkip => "unconditional-skip",
        }
    }

    /// What is wrong where it finds something.
    #[must_use]
    pub const fn sentence(self) -> &'static str {
        match self {
            Self::MockedSubject => "the library under test is replaced by a mock; test the real one",
            Self::RandomMetric => "this value is random and measures nothing; measure it, or leave it out",
            Self::EmptyTest => "this test checks nothing; check a result, or leave the test out",
            Self::UnconditionalSkip => "this test is never run; give a condition for the skip, or leave the test out",
        }
    }

    /// Whether it knows a language.
    #[must_use]
    pub fn knows(self, language: Language) -> bool {
        self.source(language).is_some()
    }

    /// Its query, where it knows the language.
    pub(super) fn query(self, language: Language) -> Option<String> {
        let quoted = |pattern: &str| pattern.replace('\\', r"\\").replace('"', r#"\""#);
        let source = self.source(language)?;
        Some(source.replace("$METRIC", &quoted(METRIC)).replace("$RANDOM", &quoted(random(language))))
    }

    /// The query as it stands in `rules/`. TypeScript has JavaScript's nodes for all that the rules look at.
    const fn source(self, language: Language) -> Option<&'static str> {
        Some(match (language, self) {
            (Language::Python, Self::MockedSubject) => include_str!("rules/python/mocked-subject.scm"),
            (Language::Python, Self::RandomMetric) => include_str!("rules/python/random-metric.scm"),
            (Language::Python, Self::EmptyTest) => include_str!("rules/python/empty-test.scm"),
            (Language::Python, Self::UnconditionalSkip) => include_str!("rules/python/unconditional-skip.scm"),
            (Language::Rust, Self::MockedSubject) => include_str!("rules/rust/mocked-subject.scm"),
            (Language::Rust, Self::RandomMetric) => include_str!("rules/rust/random-metric.scm"),
            (Language::Rust, Self::EmptyTest) => include_str!("rules/rust/empty-test.scm"),
            (Language::Rust, Self::UnconditionalSkip) => include_str!("rules/rust/unconditional-skip.scm"),
            (Language::JavaScript | Language::TypeScript | Language::Tsx, rule) => rule.script(),
            _ => return None,
        })
    }

    const fn script(self) -> &'static str {
        match self {
            Self::MockedSubject => include_str!("rules/javascript/mocked-subject.scm"),
            Self::RandomMetric => include_str!("rules/javascript/random-metric.scm"),
            Self::EmptyTest => include_str!("rules/javascript/empty-test.scm"),
            Self::UnconditionalSkip => include_str!("rules/javascript/unconditional-skip.scm"),
        }
    }
}
