//! Follows plans, results and subtests.

use super::diagnosis::Diagnosis;
use super::line::{Directive, Kind, Point, kind};
use crate::harness::cases::{CaseTotals, OnCase, Sink, clean};
use crate::harness::lines::{Line, without_colours};
use crate::harness::xml::text::first_line;
use crate::harness::{HarnessError, quoted};
use crate::results::{Case, Failure, Outcome};

/// How many cases wait for the name of their subtest, which may follow them.
const HELD: usize = 10_000;

/// How deep subtests may nest.
const DEEPEST: usize = 50;

/// A stream, or a subtest in it.
#[derive(Debug, Default)]
struct Level {
    /// What is around its results; empty until it is known.
    name: String,
    plan: Option<u64>,
    /// Whether the plan stood before the results.
    plan_first: bool,
    points: u64,
    /// A result of it, or of a subtest, did not pass.
    bad: bool,
    /// What a comment or an opening brace says about the subtest that may follow.
    next: Option<String>,
    /// The result that opened a subtest with a brace.
    opened_by: Option<Box<Case>>,
}

/// See [`super::read`].
pub(super) struct Reader<'a, 'b> {
    sink: Sink<'a, 'b>,
    levels: Vec<Level>,
    /// The last result, to which what follows may belong.
    pending: Option<Pending>,
    diagnosis: Option<Diagnosis>,
    held: Vec<Case>,
    /// Comments name what follows: this is how tape writes.
    headers: Option<bool>,
    header: Option<String>,
    /// Results, skipped plans and bail-outs seen.
    seen: u64,
    bailed: bool,
}

/// A result that may go on.
struct Pending {
    case: Case,
    depth: usize,
    text: String,
}

impl<'a, 'b> Reader<'a, 'b> {
    /// Nothing seen yet.
    pub(super) fn new(on_case: &'a mut OnCase<'b>) -> Self {
        Self {
            sink: Sink::new(on_case),
            levels: vec![Level::default()],
            pending: None,
            diagnosis: None,
            held: Vec::new(),
            headers: None,
            header: None,
            seen: 0,
            bailed: false,
        }
    }

    pub(super) fn stopped(&self) -> bool {
        self.sink.stopped()
    }

    /// Takes a line.
    pub(super) fn line(&mut self, line: Line<'_>) -> Result<(), HarnessError> {
        let text = without_colours(line.text);
        if !line.ended && matches!(kind(&text).1, Kind::Point(_)) {
            self.sink.warn(line.number, "the last line has no end; it may be cut off");
        }
        if let Some(diagnosis) = &mut self.diagnosis {
            let ends = text.trim() == "..." && text.len() - text.trim_start().len() <= diagnosis.indent;
            if !ends {
                diagnosis.push(&text, self.sink.limits.text);
            } else if let (Some(diagnosis), Some(pending)) = (self.diagnosis.take(), &mut self.pending) {
                diagnosis.tell(&mut pending.case);
            }
            return Ok(());
        }
        let (indent, kind) = kind(&text);
        match kind {
            Kind::Diagnosis if self.pending.is_some() => self.diagnosis = Some(Diagnosis::new(indent)),
            Kind::Foreign | Kind::Diagnosis => self.foreign(&text),
            Kind::Comment(comment) => self.comment(indent, &comment, line.number)?,
            Kind::Close if self.is_open(indent) => self.close_brace(indent, line.number),
            Kind::Close => self.foreign(&text),
            Kind::BailOut(reason) => self.bail_out(&reason),
            Kind::Version => {
                self.end_document(line.number)?;
                self.headers = None;
            }
            Kind::Plan(count, reason) => self.plan(indent, count, reason, line.number)?,
            Kind::Point(point) => self.point(indent, &point, line.number)?,
        }
        Ok(())
    }

    /// The level of an indentation, opened if it is new.
    fn level(&mut self, indent: usize, line: u64) -> Result<&mut Level, HarnessError> {
        let depth = indent / 4;
        self.flush_pending();
        while self.levels.len() > depth + 1 {
            // A subtest whose own result comes next: it stays until then.
            if self.levels.len() == depth + 2 {
                break;
            }
            self.close_level(line);
        }
        while self.levels.len() <= depth {
            if self.levels.len() > DEEPEST {
                return Err(HarnessError::new(
                    line,
                    1,
                    "subtests nest too deep",
                    "no test nests like this; check the file",
                ));
            }
            let name = self.levels.last_mut().and_then(|outer| outer.next.take()).unwrap_or_default();
            self.levels.push(Level { name, ..Level::default() });
        }
        let last = self.levels.len() - 1;
        Ok(&mut self.levels[depth.min(last)])
    }

    fn plan(&mut self, indent: usize, count: u64, reason: Option<String>, line: u64) -> Result<(), HarnessError> {
        if indent == 0 && self.levels[0].plan.is_some() {
            self.end_document(line)?;
        }
        let level = self.level(indent, line)?;
        level.plan_first = level.points == 0;
        level.plan = Some(count);
        if count == 0 && indent == 0 {
            self.seen += 1;
            let why =
                reason.filter(|reason| !reason.is_empty()).map_or(String::new(), |why| format!(": {}", quoted(&why)));
            self.sink.warn(line, format!("the plan has no tests{why}"));
        }
        Ok(())
    }

    fn point(&mut self, indent: usize, point: &Point, line: u64) -> Result<(), HarnessError> {
        if indent == 0 {
            let outer = &self.levels[0];
            let full = outer.plan == Some(outer.points) && outer.points > 0;
            let is_bare = point.number.is_none() && point.name.is_empty() && point.directive == Directive::None;
            if full && is_bare {
                // `prove` sums up each file like this.
                return Ok(());
            }
            if full && point.number == Some(1) {
                self.end_document(line)?;
            }
        }
        let depth = indent / 4;
        let has_subtest = self.levels.len() > depth + 1;
        self.level(indent, line)?;
        let mut case = self.case(point, depth);
        self.seen += 1;
        let inner_bad = has_subtest.then(|| self.close_subtest(depth, &case.name, line));
        let bad = case.outcome.is_failure();
        let level = &mut self.levels[depth];
        level.points += 1;
        level.bad |= bad;
        level.next = None;
        if point.opens {
            level.next = Some(case.name.clone());
            level.opened_by = Some(Box::new(case));
            return Ok(());
        }
        match inner_bad {
            // It only sums up what stands in the subtest, unless it failed for itself.
            Some(inner_bad) if inner_bad || !bad => {}
            _ => {
                case.class = self.header.clone().filter(|_| depth == 0);
                self.pending = Some(Pending { case, depth, text: String::new() });
            }
        }
        Ok(())
    }

    /// Ends the subtest below `depth`, whose name is known now; whether something in it did not pass.
    fn close_subtest(&mut self, depth: usize, name: &str, line: u64) -> bool {
        while self.levels.len() > depth + 2 {
            self.close_level(line);
        }
        let Some(level) = self.levels.last_mut() else { return false };
        if level.name.is_empty() {
            level.name = name.to_owned();
            for case in self.held.iter_mut().filter(|case| case.suites.get(depth).is_some_and(String::is_empty)) {
                case.suites[depth] = name.to_owned();
            }
        }
        self.close_level(line)
    }

    /// Ends the innermost subtest; whether something in it did not pass.
    fn close_level(&mut self, line: u64) -> bool {
        let Some(level) = self.levels.pop() else { return false };
        if level.plan.is_some_and(|plan| plan != level.points) {
            let text = format!(
                "the subtest `{}` plans {} results and has {}",
                quoted(&level.name),
                level.plan.unwrap_or_default(),
                level.points
            );
            self.sink.warn(line, text);
        }
        if let Some(outer) = self.levels.last_mut() {
            outer.bad |= level.bad;
        }
        if self.levels.iter().skip(1).all(|level| !level.name.is_empty()) || self.held.len() > HELD {
            self.hand_out_held();
        }
        level.bad
    }

    fn case(&mut self, point: &Point, depth: usize) -> Case {
        let limit = self.sink.limits.name;
        let mut name = clean(&point.name, limit);
        if name.is_empty() {
            let number = point.number.unwrap_or(self.levels[depth].points + 1);
            name = format!("test {number}");
        }
        let (outcome, said) = match &point.directive {
            Directive::Skip(why) => (Outcome::Skipped, Some(why.clone())),
            Directive::Todo(why) if why.is_empty() => (Outcome::Skipped, Some("TODO".into())),
            Directive::Todo(why) => (Outcome::Skipped, Some(format!("TODO: {why}"))),
            Directive::None => (if point.ok { Outcome::Passed } else { Outcome::Failed }, None),
        };
        let mut case = Case::new(name, outcome);
        case.duration_ns = point.duration_ns;
        case.suites = self.levels.iter().take(depth + 1).skip(1).map(|level| level.name.clone()).collect();
        if let Some(said) = said.filter(|said| !said.is_empty()) {
            case.failures.push(Failure { message: Some(clean(&said, limit)), ..Failure::default() });
        }
        case
    }

    fn comment(&mut self, indent: usize, comment: &str, line: u64) -> Result<(), HarnessError> {
        let depth = indent / 4;
        if let Some(name) = comment.strip_prefix("Subtest: ").or(comment.strip_prefix("Subtest:")) {
            self.flush_pending();
            let name = clean(&kind(&format!("ok {name}")).1.name(), self.sink.limits.name);
            while self.levels.len() > depth + 1 {
                // A subtest has ended without a result of its own.
                self.close_level(line);
            }
            self.level(indent, line)?.next = Some(name);
            self.headers.get_or_insert(false);
            return Ok(());
        }
        let is_first = self.headers.is_none() && self.levels[0].plan.is_none() && self.seen == 0;
        let headers = *self.headers.get_or_insert(is_first && indent == 0);
        let planned = self.levels[0].plan.is_some();
        if headers && !planned && indent == 0 {
            self.flush_pending();
            if let Some(name) = comment.strip_prefix("SKIP ") {
                let mut case = Case::new(clean(name, self.sink.limits.name), Outcome::Skipped);
                case.suites = Vec::new();
                self.sink.add(case);
                self.seen += 1;
            } else {
                let name = comment.strip_prefix("TODO ").unwrap_or(comment);
                self.header = Some(clean(name, self.sink.limits.name)).filter(|name| !name.is_empty());
            }
        } else if let Some(pending) = self.pending.as_mut().filter(|pending| pending.case.outcome.is_failure()) {
            push_bounded(&mut pending.text, comment, self.sink.limits.text);
        }
        Ok(())
    }

    /// A line that is no TAP. Behind a failed result it most likely says why.
    fn foreign(&mut self, text: &str) {
        let limit = self.sink.limits.text;
        if let Some(pending) = self.pending.as_mut().filter(|pending| {
            pending.case.outcome.is_failure() && pending.case.failures.is_empty() && text.len() > pending.depth * 4
        }) && text.starts_with("  ")
        {
            push_bounded(&mut pending.text, text.trim_start_matches(' '), limit);
        }
    }

    /// Whether a brace was opened at this indentation.
    fn is_open(&self, indent: usize) -> bool {
        self.levels.get(indent / 4).is_some_and(|level| level.opened_by.is_some())
    }

    fn close_brace(&mut self, indent: usize, line: u64) {
        let depth = indent / 4;
        self.flush_pending();
        let Some(case) = self.levels.get_mut(depth).and_then(|level| level.opened_by.take()) else { return };
        let mut inner = None;
        while self.levels.len() > depth + 1 {
            inner = Some(self.close_level(line));
        }
        let bad = case.outcome.is_failure();
        if inner.is_none_or(|inner_bad| bad && !inner_bad) {
            self.add(*case);
        }
    }

    fn bail_out(&mut self, reason: &str) {
        self.flush_pending();
        let mut case = Case::new("Bail out!", Outcome::Errored);
        let message = Some(clean(reason, self.sink.limits.message)).filter(|reason| !reason.is_empty());
        case.failures
            .push(Failure { message: message.or(Some("the tests were given up".into())), ..Failure::default() });
        self.add(case);
        self.seen += 1;
        self.bailed = true;
    }

    fn flush_pending(&mut self) {
        let Some(Pending { mut case, text, .. }) = self.pending.take() else { return };
        if !text.trim().is_empty() && case.outcome.is_failure() && case.failures.is_empty() {
            let text = clean(text.trim_end(), text.len());
            let message = first_line(&text);
            if message.as_deref().is_some_and(|text| text.starts_with("Timeout of ")) {
                case.outcome = Outcome::TimedOut;
            }
            case.failures.push(Failure { message, kind: None, text: Some(text) });
        }
        self.add(case);
    }

    /// Hands out a case, or keeps it until the names around it are known.
    fn add(&mut self, mut case: Case) {
        if case.suites.iter().any(String::is_empty) {
            self.held.push(case);
        } else if self.held.is_empty() {
            name_class(&mut case);
            self.sink.add(case);
        } else {
            self.held.push(case);
        }
        if self.held.len() > HELD {
            self.hand_out_held();
        }
    }

    fn hand_out_held(&mut self) {
        for mut case in std::mem::take(&mut self.held) {
            for suite in case.suites.iter_mut().filter(|suite| suite.is_empty()) {
                "(subtest)".clone_into(suite);
            }
            name_class(&mut case);
            self.sink.add(case);
        }
    }

    /// Ends a stream; another one may follow.
    fn end_document(&mut self, line: u64) -> Result<(), HarnessError> {
        self.flush_pending();
        let open_brace = self.levels.iter().any(|level| level.opened_by.is_some());
        while self.levels.len() > 1 {
            self.close_level(line);
        }
        self.hand_out_held();
        let level = std::mem::take(&mut self.levels[0]);
        self.header = None;
        if std::mem::take(&mut self.bailed) || (level.points == 0 && level.plan.unwrap_or(0) == 0) {
            return Ok(());
        }
        let help = "was the test command killed, or the disk full?";
        match level.plan {
            None => Err(HarnessError::new(line, 1, "cut off: there is no plan such as `1..5`", help)),
            Some(plan) if level.points < plan && level.plan_first => {
                let text = format!("cut off: the plan has {plan} tests, and {} results stand here", level.points);
                Err(HarnessError::new(line, 1, text, help))
            }
            Some(_) if open_brace => Err(HarnessError::new(line, 1, "cut off: a subtest is still open", help)),
            Some(plan) => {
                if plan != level.points {
                    self.sink.warn(line, format!("the plan has {plan} tests, and {} results stand here", level.points));
                }
                Ok(())
            }
        }
    }

    /// Ends the input.
    pub(super) fn end(mut self, line: u64) -> Result<CaseTotals, HarnessError> {
        if self.sink.stopped() {
            return Ok(self.sink.finish());
        }
        let in_diagnosis = self.diagnosis.is_some();
        let result = self.end_document(line);
        let (seen, totals) = (self.seen, self.sink.finish());
        result?;
        let help = "was the test command killed, or the disk full?";
        if in_diagnosis {
            return Err(HarnessError::new(line, 1, "cut off: the file ends between `---` and `...`", help));
        }
        if seen == 0 {
            let help = "is this what the tests wrote, with `ok` and `not ok`?";
            return Err(HarnessError::new(1, 1, "no result of TAP", help));
        }
        Ok(totals)
    }
}

/// The subtests around a case are its class, so that its name says where it stands.
fn name_class(case: &mut Case) {
    if case.class.is_none() && !case.suites.is_empty() {
        case.class = Some(case.suites.join(" > "));
    }
}

fn push_bounded(text: &mut String, line: &str, limit: usize) {
    if text.len() + line.len() < limit {
        text.push_str(line);
        text.push('\n');
    }
}
