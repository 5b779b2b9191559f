//! Compatibility rules: which expansions are skipped, must fail, or may fall back to the processor, and why.

use globset::{Glob, GlobMatcher};

use super::{Facts, PlanError};
use crate::pipeline::{Model, Rule, RuleAction};
use crate::results::{Kind, Reason};

/// What a rule is asked about.
pub(super) struct Subject<'a> {
    pub kind: Kind,
    pub step: &'a str,
    pub model: Option<&'a Model>,
    pub target: &'a str,
}

/// The rules of a pipeline, ready to be asked.
pub(super) struct Rules<'a> {
    rules: Vec<(&'a Rule, Vec<(&'a str, GlobMatcher)>)>,
}

impl<'a> Rules<'a> {
    /// Compiles the rules that still hold today; for each that has run out a sentence is added to `remarks`.
    pub(super) fn new(rules: &'a [Rule], facts: &Facts, remarks: &mut Vec<String>) -> Result<Self, PlanError> {
        let mut ready = Vec::new();
        for (index, rule) in rules.iter().enumerate() {
            if let Some(until) = rule.until.as_deref().filter(|until| *until <= facts.today.as_str()) {
                let reason = &rule.reason;
                remarks.push(format!("rule {} ({reason}) ended on {until} and no longer holds", index + 1));
                continue;
            }
            let patterns = rule.when.iter().map(|(key, pattern)| {
                let glob = Glob::new(pattern).map_err(|error| PlanError::Rule {
                    index,
                    pattern: pattern.clone(),
                    text: error.kind().to_string(),
                })?;
                Ok((key.as_str(), glob.compile_matcher()))
            });
            ready.push((rule, patterns.collect::<Result<_, _>>()?));
        }
        Ok(Self { rules: ready })
    }

    /// What the first rule that matches does, and why.
    pub(super) fn first(&self, subject: &Subject<'_>) -> Option<(RuleAction, Reason)> {
        let (rule, _) = self.rules.iter().find(|(_, patterns)| {
            patterns.iter().all(|(key, glob)| subject.value(key).is_some_and(|v| glob.is_match(v)))
        })?;
        let issue = rule.issue.as_ref().map(|issue| format!(" ({issue})")).unwrap_or_default();
        Some((rule.then, Reason::new(&rule.code, format!("{}{issue}", rule.reason))))
    }
}

impl Subject<'_> {
    fn value(&self, key: &str) -> Option<&str> {
        match key {
            "kind" => Some(self.kind.section()),
            "step" => Some(self.step),
            "target" => Some(self.target),
            "model" => self.model.map(|model| model.id.as_str()),
            "family" => self.model.and_then(|model| model.family.as_deref()),
            "task" => self.model.and_then(|model| model.task.as_deref()),
            other => self.model.and_then(|model| model.extra.get(other)).and_then(|value| value.as_str()),
        }
    }
}
