//! Forbidden patterns: rules are tree-sitter queries, ours and the project's own, run over a parsed text.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::ops::ControlFlow;
use std::sync::OnceLock;

use streaming_iterator::StreamingIterator;
use tree_sitter::{QueryCursor, QueryCursorOptions, QueryCursorState};

use super::Parsed;
use super::built_in::BuiltIn;
use super::language::Language;
use super::place::line_and_column;
use super::query::{Compiled, Part, RuleError};
use super::subjects::{Subjects, imports_of, unquoted};
use crate::pipeline::{Forbidden, Ladder};

/// At most so many findings of one query in one file, and so many matches that could become some.
const MAX_FINDINGS: usize = 100;
const MAX_MATCHES: usize = 10_000;
/// How often a query may report progress (each 100 operations): on any tree, for how many bytes of text once more, and
/// at most. Ordinary queries need one report for some 500 bytes.
const FREE_REPORTS: usize = 200;
const BYTES_PER_REPORT: usize = 20;
const MAX_REPORTS: usize = 100_000;
/// Steps of our own predicates for each report.
const STEPS_PER_REPORT: usize = 1_000;
/// Beyond so many unfinished matches at once, tree-sitter forgets some.
const MAX_IN_PROGRESS: u32 = 250;

thread_local! {
    static CURSOR: RefCell<QueryCursor> = RefCell::new(QueryCursor::new());
}

/// A project's own rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleSource {
    /// The name that findings carry.
    pub name: String,
    /// The language whose files it looks into.
    pub language: Language,
    /// A tree-sitter query; the capture `@finding`, or the first one, is the place that is reported.
    pub query: String,
    /// What a finding says.
    pub message: String,
}

/// Something forbidden that a file does.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Finding {
    /// The line, from 1.
    pub line: u32,
    /// The column in characters, from 1.
    pub column: u32,
    /// The rule's name.
    pub rule: String,
    /// What is wrong, on one line.
    pub message: String,
}

/// Compiled rules; they can be shared by threads.
#[derive(Debug, Default)]
pub struct Rules {
    builtin: Vec<BuiltIn>,
    /// The built-in rules of each language, compiled when its first file comes: that takes some milliseconds.
    compiled: [OnceLock<Option<Compiled>>; Language::ALL.len()],
    own: Vec<Compiled>,
    subjects: Subjects,
}

impl Rules {
    /// The rules of a ladder.
    ///
    /// # Errors
    /// The first of the project's own rules that is no query, with the place in it.
    pub fn of(ladder: &Ladder) -> Result<Self, RuleError> {
        let (mut builtin, mut own) = (Vec::new(), Vec::new());
        for entry in &ladder.forbid {
            match entry {
                Forbidden::BuiltIn(name) => builtin.extend(BuiltIn::ALL.into_iter().filter(|rule| rule.name() == name)),
                // The pipeline file's schema knows the same languages.
                Forbidden::Own(rule) => own.extend(Language::by_name(&rule.language).map(|language| RuleSource {
                    name: rule.name.clone(),
                    language,
                    query: rule.query.clone(),
                    message: rule.message.clone(),
                })),
            }
        }
        Self::new(&builtin, &ladder.subjects, &own)
    }

    /// Compiles rules. `subjects` are the packages that the files claim to test, by the name under which they are
    /// imported (`transformers`, `@scope/package`, `my_crate`); [`BuiltIn::MockedSubject`] finds nothing without one.
    ///
    /// # Errors
    /// The first of the project's own rules that is no query, with the place in it.
    pub fn new(builtin: &[BuiltIn], subjects: &[String], own: &[RuleSource]) -> Result<Self, RuleError> {
        let subjects = Subjects::new(subjects);
        let wanted =
            |rule: &BuiltIn| builtin.contains(rule) && (*rule != BuiltIn::MockedSubject || !subjects.is_empty());
        let builtin = BuiltIn::ALL.into_iter().filter(wanted).collect();
        let compile = |rule: &RuleSource| {
            let part = Part { source: &rule.query, rule: Some((&rule.name, &rule.message)) };
            Compiled::new(rule.language, &[part])
        };
        let own = own.iter().map(compile).collect::<Result<_, _>>()?;
        Ok(Self { builtin, subjects, own, compiled: Default::default() })
    }

    /// Whether there is no rule at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.builtin.is_empty() && self.own.is_empty()
    }

    /// What a text does that is forbidden, in its order; at most 100 findings a rule. A rule that is too slow for this
    /// text is stopped, which is a finding too.
    #[must_use]
    pub fn find(&self, language: Language, parsed: &Parsed, text: &str) -> Vec<Finding> {
        let builtin = self.compiled.get(language as usize);
        let builtin = builtin.and_then(|compiled| compiled.get_or_init(|| self.compile(language).ok()?).as_ref());
        let own = self.own.iter().filter(|rule| rule.language == language);
        let mut findings = Vec::new();
        for rule in builtin.into_iter().chain(own) {
            CURSOR.with_borrow_mut(|cursor| findings.append(&mut run(cursor, rule, &self.subjects, parsed, text)));
        }
        findings.sort();
        findings.dedup();
        findings
    }

    /// The built-in rules of a language in one query; `None` where none of them knows it.
    pub(super) fn compile(&self, language: Language) -> Result<Option<Compiled>, RuleError> {
        let known = self.builtin.iter().filter_map(|rule| Some((rule, rule.query(language)?)));
        let sources: Vec<_> = known.collect();
        let mut parts: Vec<Part<'_>> =
            sources.iter().map(|(rule, source)| Part { source, rule: Some((rule.name(), rule.sentence())) }).collect();
        if parts.is_empty() {
            return Ok(None);
        }
        let imports = imports_of(language).filter(|_| !self.subjects.is_empty());
        parts.extend(imports.map(|source| Part { source, rule: None }));
        Compiled::new(language, &parts).map(Some)
    }
}

/// A match that stands if its targets are of a package under test, which is known when all imports were seen.
struct Pending<'a> {
    targets: Vec<&'a str>,
    finding: Finding,
}

fn run(
    cursor: &mut QueryCursor,
    compiled: &Compiled,
    subjects: &Subjects,
    parsed: &Parsed,
    text: &str,
) -> Vec<Finding> {
    let budget = (FREE_REPORTS + text.len() / BYTES_PER_REPORT).min(MAX_REPORTS);
    let (mut reports, mut stopped) = (0, false);
    let mut progress = |_: &QueryCursorState| {
        reports += 1;
        stopped = reports > budget;
        if stopped { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    };
    cursor.set_match_limit(MAX_IN_PROGRESS);
    let root = parsed.tree.root_node();
    let mut imported = BTreeSet::new();
    let mut pending = Vec::new();
    let mut steps = budget * STEPS_PER_REPORT;
    let mut out_of_steps = false;
    let options = QueryCursorOptions::new().progress_callback(&mut progress);
    let mut matches = cursor.matches_with_options(&compiled.query, root, text.as_bytes(), options);
    while let Some(one) = matches.next() {
        let Some(pattern) = compiled.pattern(one) else { continue };
        let Some((rule, message)) = &pattern.rule else {
            let import = compiled.import(one, text).filter(|(module, _)| subjects.package(unquoted(module)));
            imported.extend(import.map(|(_, name)| name));
            continue;
        };
        let Some(holds) = pattern.holds(one, root, text, &mut steps) else {
            out_of_steps = true;
            break;
        };
        if let Some(at) = compiled.place(one).filter(|_| holds) {
            let (line, column) = line_and_column(text, at);
            let nodes = pattern.of_subject.iter().flat_map(|capture| one.nodes_for_capture_index(*capture));
            let targets = nodes.filter_map(|node| text.get(node.byte_range())).collect();
            let finding = Finding { line, column, rule: rule.clone(), message: message.clone() };
            pending.push(Pending { targets, finding });
        }
        if pending.len() >= MAX_MATCHES {
            break;
        }
    }
    drop(matches);
    let holds = |one: &Pending<'_>| one.targets.iter().all(|target| subjects.names(target, &imported));
    let mut found: Vec<_> = pending.into_iter().filter(holds).map(|one| one.finding).take(MAX_FINDINGS).collect();
    if stopped || out_of_steps || cursor.did_exceed_match_limit() {
        let message = "this rule was stopped: it takes too long on this file; make its query more specific".to_owned();
        found.push(Finding { line: 1, column: 1, rule: compiled.rule_name().to_owned(), message });
    }
    found
}
