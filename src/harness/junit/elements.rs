//! What the elements of a report mean, in the order in which they open and close.

use std::ops::ControlFlow;

use crate::results::{Case, Failure, Outcome};

use super::draft::{self, Draft, Telling};
use super::{Limits, Totals};
use crate::harness::cases::durations;
use crate::harness::cases::retries::Recent;
use crate::harness::xml::tag::{Tag, local};
use crate::harness::xml::text::{Collector, Keep, attribute, first_line, shown};
use crate::harness::xml::{self, Problem};

/// The names that mean something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Known {
    Suites,
    Suite,
    Case,
    Telling(Telling),
    Output,
    ErrorOutput,
    Property,
    Other,
}

impl Known {
    fn of(name: &[u8]) -> Self {
        match name {
            b"testcase" => Self::Case,
            b"testsuite" => Self::Suite,
            b"testsuites" => Self::Suites,
            b"failure" => Self::Telling(Telling::Bad(Outcome::Failed)),
            b"error" => Self::Telling(Telling::Bad(Outcome::Errored)),
            b"skipped" => Self::Telling(Telling::Skipped),
            b"flakyFailure" => Self::Telling(Telling::Before(Outcome::Failed)),
            b"flakyError" => Self::Telling(Telling::Before(Outcome::Errored)),
            b"rerunFailure" => Self::Telling(Telling::After(Outcome::Failed)),
            b"rerunError" => Self::Telling(Telling::After(Outcome::Errored)),
            b"system-out" => Self::Output,
            b"system-err" => Self::ErrorOutput,
            b"property" => Self::Property,
            _ => Self::Other,
        }
    }
}

/// What there is to do when an element closes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Role {
    Suite {
        named: bool,
    },
    Case,
    /// `alone`: it stands in a suite without a case around it.
    Telling {
        telling: Telling,
        alone: bool,
    },
    Output,
    ErrorOutput,
    Property,
    /// Text inside does not belong to what is collected.
    Mute,
    Nothing,
}

/// An open element.
#[derive(Debug, Clone, Copy)]
struct Open {
    known: Known,
    role: Role,
}

/// Follows the elements and hands out cases.
pub(super) struct Elements<'a> {
    limits: &'a Limits,
    on_case: &'a mut dyn FnMut(&Case) -> ControlFlow<()>,
    pub(super) totals: Totals,
    stack: Vec<Open>,
    suites: Vec<String>,
    /// Changes whenever `suites` does.
    suites_state: u64,
    drafts: Vec<Draft>,
    recent: Recent,
    collector: Collector,
    collecting: bool,
    told: Option<(Failure, Option<u64>)>,
    property: String,
    rooted: bool,
}

impl<'a> Elements<'a> {
    /// Nothing seen yet.
    pub(super) fn new(limits: &'a Limits, on_case: &'a mut dyn FnMut(&Case) -> ControlFlow<()>) -> Self {
        Self {
            limits,
            on_case,
            totals: Totals::default(),
            stack: Vec::new(),
            suites: Vec::new(),
            suites_state: 1,
            drafts: Vec::new(),
            recent: Recent::new(),
            collector: Collector::new(),
            collecting: false,
            told: None,
            property: String::new(),
            rooted: false,
        }
    }

    fn begin(&mut self, known: Known, tag: Tag<'_>) -> Result<Role, Problem> {
        let idle = self.told.is_none() && !self.collecting;
        Ok(match known {
            Known::Suites => {
                self.hand_out_all();
                Role::Nothing
            }
            Known::Suite => self.begin_suite(tag)?,
            Known::Case => {
                let mut draft = self.draft();
                draft.read_tag(tag, self.limits)?;
                self.drafts.push(draft);
                Role::Case
            }
            Known::Telling(telling) if idle => self.begin_telling(telling, tag)?,
            Known::Output if idle && !self.drafts.is_empty() => {
                self.collect(Keep::Tail(self.limits.output));
                Role::Output
            }
            Known::ErrorOutput if idle && !self.drafts.is_empty() => {
                self.collect(Keep::Tail(self.limits.output));
                Role::ErrorOutput
            }
            Known::Output | Known::ErrorOutput if self.collecting => {
                self.collecting = false;
                Role::Mute
            }
            Known::Property if idle && !self.drafts.is_empty() => self.begin_property(tag)?,
            _ => Role::Nothing,
        })
    }

    fn begin_suite(&mut self, tag: Tag<'_>) -> Result<Role, Problem> {
        self.hand_out_all();
        self.totals.suites += 1;
        let mut name = String::new();
        if let Some((_, raw)) = tag.attributes().find(|(key, _)| *key == b"name") {
            attribute(raw, self.limits.name, &mut name)?;
        }
        let named = !name.is_empty();
        if named {
            self.suites.push(name);
            self.suites_state += 1;
        }
        Ok(Role::Suite { named })
    }

    fn draft(&mut self) -> Draft {
        let (mut case, state) = self.recent.spare();
        let outer = self.drafts.last();
        if state != self.suites_state || outer.is_some() {
            case.suites.clone_from(&self.suites);
            case.suites.extend(outer.map(|outer| outer.case.name.clone()));
        }
        Draft::reuse(case, if outer.is_some() { 0 } else { self.suites_state })
    }

    fn begin_telling(&mut self, telling: Telling, tag: Tag<'_>) -> Result<Role, Problem> {
        let alone = self.drafts.is_empty();
        if alone {
            let in_suite = matches!(self.stack.last(), Some(Open { role: Role::Suite { .. }, .. }));
            if !in_suite || !matches!(telling, Telling::Bad(_)) {
                return Ok(Role::Nothing);
            }
            let mut draft = self.draft();
            draft.name_after_suite();
            self.drafts.push(draft);
        }
        let (mut failure, mut time) = (Failure::default(), None);
        for (key, raw) in tag.attributes() {
            let (slot, limit) = match key {
                b"message" => (&mut failure.message, self.limits.message),
                b"type" => (&mut failure.kind, self.limits.name),
                b"time" => {
                    time = durations::nanoseconds(raw);
                    continue;
                }
                b"file" | b"line" => {
                    if let Some(draft) = self.drafts.last_mut() {
                        draft.place(key, raw, self.limits)?;
                    }
                    continue;
                }
                _ => continue,
            };
            let mut text = String::new();
            attribute(raw, limit, &mut text)?;
            *slot = Some(text.trim().to_owned()).filter(|text| !text.is_empty());
        }
        self.told = Some((failure, time));
        self.collect(Keep::Head(self.limits.text));
        Ok(Role::Telling { telling, alone })
    }

    fn begin_property(&mut self, tag: Tag<'_>) -> Result<Role, Problem> {
        let (mut name, mut value) = (String::new(), None);
        for (key, raw) in tag.attributes() {
            match key {
                b"name" => attribute(raw, self.limits.name, &mut name)?,
                b"value" => attribute(raw, self.limits.name, value.get_or_insert_default())?,
                _ => {}
            }
        }
        let Some(draft) = self.drafts.last_mut().filter(|_| !name.is_empty()) else { return Ok(Role::Nothing) };
        if let Some(value) = value {
            draft.property(name, value, self.limits);
            return Ok(Role::Nothing);
        }
        self.property = name;
        self.collect(Keep::Head(self.limits.name));
        Ok(Role::Property)
    }

    fn collect(&mut self, keep: Keep) {
        self.collector.begin(keep);
        self.collecting = true;
    }

    fn close_case(&mut self) {
        if let Some(draft) = self.drafts.pop() {
            let (case, state) = draft.finish();
            self.recent.add(case, state, self.limits);
            while let Some((case, state)) = self.recent.next_surplus(self.limits) {
                self.hand_out(case, state);
            }
        }
    }

    fn close_suite(&mut self, named: bool) {
        self.hand_out_all();
        if named {
            self.suites.pop();
            self.suites_state += 1;
        }
    }

    fn close_telling(&mut self, telling: Telling, alone: bool) {
        self.collecting = false;
        let Some((mut failure, time)) = self.told.take() else { return };
        failure.text = self.collector.finish();
        if failure.message.is_none() {
            failure.message = failure.text.as_deref().and_then(first_line);
        }
        if let Some(draft) = self.drafts.last_mut() {
            draft.tell(telling, failure, time, self.limits);
        }
        if alone {
            self.close_case();
        }
    }

    /// Hands out what may have been an attempt of a later case, now that there is none.
    pub(super) fn hand_out_all(&mut self) {
        while let Some((case, state)) = self.recent.next_at_end() {
            self.hand_out(case, state);
        }
        self.totals.merged = self.recent.merged;
    }

    fn hand_out(&mut self, mut case: Box<Case>, state: u64) {
        if !self.totals.stopped {
            self.totals.counts.add_case(case.outcome);
            self.totals.stopped = (self.on_case)(&case).is_break();
        }
        draft::empty(&mut case);
        self.recent.give_back(case, state, self.limits);
    }
}

impl xml::Elements for Elements<'_> {
    fn is_root(&self, name: &[u8]) -> bool {
        is_root(name)
    }

    fn stopped(&self) -> bool {
        self.totals.stopped
    }

    fn outside(&self) -> bool {
        self.stack.is_empty()
    }

    fn rooted(&self) -> bool {
        self.rooted
    }

    fn innermost(&self) -> String {
        match (self.drafts.last(), self.stack.last().map(|open| open.known)) {
            (Some(draft), _) => format!("the case `{}`", draft.case.name),
            (None, Some(Known::Suites)) => "`<testsuites>`".into(),
            (None, Some(_)) => {
                self.suites.last().map_or("an unnamed `<testsuite>`".into(), |name| format!("the suite `{name}`"))
            }
            (None, None) => "anything".into(),
        }
    }

    fn warn(&mut self, text: String) {
        if self.totals.warnings.len() < 20 && !self.totals.warnings.contains(&text) {
            self.totals.warnings.push(text);
        }
    }

    fn open(&mut self, content: &[u8]) -> Result<(), Problem> {
        let tag = Tag::new(content);
        let known = Known::of(tag.name);
        if self.stack.is_empty() && !is_root(tag.name) {
            return Err(Problem::WrongRoot(shown(tag.name)));
        }
        if self.stack.len() >= self.limits.depth {
            return Err(Problem::TooDeep);
        }
        // An attribute takes four bytes at least, so most tags need not be counted.
        if content.len() / 4 > self.limits.attributes && tag.attributes().count() > self.limits.attributes {
            return Err(Problem::TooManyAttributes);
        }
        self.rooted = true;
        let role = self.begin(known, tag)?;
        self.stack.push(Open { known, role });
        Ok(())
    }

    fn close(&mut self, name: &[u8]) -> Result<(), Problem> {
        let name = local(name.trim_ascii());
        let open = match self.stack.last() {
            Some(open) if name.is_empty() || open.known == Known::of(name) => *open,
            _ => return Err(Problem::Mismatch { found: shown(name), open: self.innermost() }),
        };
        self.stack.pop();
        match open.role {
            Role::Case => self.close_case(),
            Role::Suite { named } => self.close_suite(named),
            Role::Telling { telling, alone } => self.close_telling(telling, alone),
            Role::Output | Role::ErrorOutput => {
                self.collecting = false;
                let limit = self.limits.output;
                if let (Some(text), Some(draft)) = (self.collector.finish(), self.drafts.last_mut()) {
                    let case = &mut draft.case;
                    let slot = if open.role == Role::Output { &mut case.stdout } else { &mut case.stderr };
                    append_output(slot, &text, limit);
                }
            }
            Role::Property => {
                self.collecting = false;
                let value = self.collector.finish().unwrap_or_default();
                let name = std::mem::take(&mut self.property);
                if let Some(draft) = self.drafts.last_mut() {
                    draft.property(name, value, self.limits);
                }
            }
            Role::Mute => self.collecting = true,
            Role::Nothing => {}
        }
        Ok(())
    }

    fn text(&mut self, raw: &[u8]) -> Result<(), Problem> {
        if self.collecting {
            self.collector.text(raw)?;
        } else if self.stack.is_empty() && !raw.trim_ascii().is_empty() {
            self.warn("there is text after the end of the report; it was ignored".into());
        }
        Ok(())
    }

    fn verbatim(&mut self, bytes: &[u8]) {
        if self.collecting {
            self.collector.verbatim(bytes);
        }
    }
}

/// Appends to an output, keeping the end.
fn append_output(slot: &mut Option<String>, text: &str, limit: usize) {
    let Some(earlier) = slot else {
        *slot = Some(text.to_owned());
        return;
    };
    earlier.push('\n');
    earlier.push_str(text);
    if earlier.len() > limit {
        let from = earlier.ceil_char_boundary(earlier.len() - limit);
        earlier.drain(..from);
    }
}

/// Whether a report can start with an element of this name.
fn is_root(name: &[u8]) -> bool {
    matches!(Known::of(name), Known::Case | Known::Suite | Known::Suites)
}
