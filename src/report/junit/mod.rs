//! JUnit XML for everybody else's tools: one file of a whole run.
//!
//! It follows the rules that Jenkins checks (its `junit-10` schema), keeps class and name unique over the file because
//! GitLab drops repeats, and stays under a size: what people need least is left out first, the cases that failed never
//! are. The crate quick-junit was tried for this and left: it drops tabs from all texts, knows one failure per case,
//! and writes an attribute that the schema does not have. `docs/harness/junit.md` has the mapping.

mod entries;
#[cfg(test)]
mod tests;
mod xml;

use crate::results::{Document, Step};

use entries::{Entry, Suite, Told};
use xml::Xml;

/// How large the file may get.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// The size to stay under, in bytes. Default 29 MB: GitLab takes files under 30 MB.
    pub bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { bytes: 29_000_000 }
    }
}

/// How much is told; the steps in which a file that is too large gets smaller.
#[derive(Debug, Clone, Copy)]
struct Detail {
    /// How much output of a case or step is kept, in bytes, from its end.
    output: usize,
    /// Whether cases that did not fail keep theirs.
    output_of_passed: bool,
    /// How much of a failure's text is kept, in bytes, from its start.
    text: usize,
    /// How much of a failure's message is kept, in bytes.
    message: usize,
    /// Whether cases that passed, or were skipped, are listed.
    passed: bool,
}

/// From everything to the least: names and outcomes of what failed.
const DETAILS: [Detail; 7] = [
    Detail { output: 64 << 10, output_of_passed: true, text: 64 << 10, message: 8 << 10, passed: true },
    Detail { output: 16 << 10, output_of_passed: false, text: 64 << 10, message: 8 << 10, passed: true },
    Detail { output: 0, output_of_passed: false, text: 64 << 10, message: 8 << 10, passed: true },
    Detail { output: 0, output_of_passed: false, text: 4 << 10, message: 1 << 10, passed: true },
    Detail { output: 0, output_of_passed: false, text: 500, message: 200, passed: true },
    Detail { output: 0, output_of_passed: false, text: 500, message: 200, passed: false },
    Detail { output: 0, output_of_passed: false, text: 0, message: 100, passed: false },
];

/// Renders the run as JUnit XML.
///
/// The result is under `limits.bytes`, unless not even the names of what failed fit: those are never left out.
pub fn render(document: &Document, limits: &Limits) -> String {
    let suites = entries::of(document);
    let mut last = String::new();
    for detail in DETAILS {
        last = write(document, &suites, detail, limits.bytes);
        if last.len() <= limits.bytes {
            break;
        }
    }
    last
}

/// How many entries of each kind.
#[derive(Debug, Default, Clone, Copy)]
struct Tally {
    tests: usize,
    failures: usize,
    errors: usize,
    skipped: usize,
}

impl Tally {
    fn of<'a>(entries: impl Iterator<Item = &'a Entry<'a>>, detail: Detail) -> Self {
        let mut tally = Self::default();
        for entry in entries.filter(|entry| is_listed(entry, detail)) {
            tally.tests += 1;
            match entry.told {
                Told::Failed => tally.failures += 1,
                Told::Errored => tally.errors += 1,
                Told::Skipped => tally.skipped += 1,
                Told::Passed | Told::Flaky => {}
            }
        }
        tally
    }
}

fn is_listed(entry: &Entry<'_>, detail: Detail) -> bool {
    detail.passed || matches!(entry.told, Told::Failed | Told::Errored | Told::Flaky)
}

/// Writes the file; stops early where it gets larger than `limit` and less can be told.
fn write(document: &Document, suites: &[Suite<'_>], detail: Detail, limit: usize) -> String {
    let mut xml = Xml::new();
    let tally = Tally::of(suites.iter().flat_map(|suite| &suite.entries), detail);
    let (tests, failures, errors) = (tally.tests.to_string(), tally.failures.to_string(), tally.errors.to_string());
    xml.open(
        "testsuites",
        &[
            ("name", Some(&document.project)),
            ("time", Some(&seconds(document.run.duration_ns))),
            ("tests", Some(&tests)),
            ("failures", Some(&failures)),
            ("errors", Some(&errors)),
        ],
    );
    for suite in suites {
        write_suite(&mut xml, document, suite, detail);
        if xml.len() > limit && detail.text > 0 {
            break;
        }
    }
    xml.finish()
}

fn write_suite(xml: &mut Xml, document: &Document, suite: &Suite<'_>, detail: Detail) {
    let tally = Tally::of(suite.entries.iter(), detail);
    let step = suite.step;
    let timestamp = step.and_then(|step| step.started_at).map(|at| at.strftime("%Y-%m-%dT%H:%M:%S").to_string());
    let time = step.map(|step| seconds(step.duration_ns));
    xml.open(
        "testsuite",
        &[
            ("name", Some(suite.id)),
            ("tests", Some(&tally.tests.to_string())),
            ("failures", Some(&tally.failures.to_string())),
            ("errors", Some(&tally.errors.to_string())),
            ("skipped", Some(&tally.skipped.to_string())),
            ("time", time.as_deref()),
            ("timestamp", timestamp.as_deref()),
        ],
    );
    write_properties(xml, &properties(document, step, suite.entries.len() - tally.tests));
    for entry in suite.entries.iter().filter(|entry| is_listed(entry, detail)) {
        write_entry(xml, entry, detail);
    }
    let log = step.and_then(|step| step.log.as_ref()).filter(|log| detail.output > 0 && !log.tail.is_empty());
    if let Some(log) = log {
        xml.leaf("system-out", &[], Some(&tail(&log.tail, detail.output)));
    }
    xml.close();
}

/// What a suite says of its run and step.
fn properties(document: &Document, step: Option<&Step>, omitted: usize) -> Vec<(&'static str, String)> {
    let mut all = vec![
        ("run_id", document.run.id.to_string()),
        ("host_class", host_class(document, step)),
        ("commit", document.change.commit.clone().unwrap_or_default()),
        ("branch", document.change.branch.clone().unwrap_or_default()),
        ("tool_version", document.tool.version.clone()),
    ];
    if let Some(step) = step {
        all.push(("model", step.model.clone().unwrap_or_default()));
        all.push(("target", step.target.clone().unwrap_or_default()));
        all.push(("exit", step.exit.map_or_else(String::new, |exit| exit.to_string())));
        all.push(("attempts", step.attempts.to_string()));
        all.push(("log", step.log.as_ref().map_or_else(String::new, |log| log.path.clone())));
    }
    if omitted > 0 {
        all.push(("cases_left_out_for_size", omitted.to_string()));
    }
    all.retain(|(_, value)| !value.is_empty());
    all
}

/// The class of the host that carried out a step.
fn host_class(document: &Document, step: Option<&Step>) -> String {
    let leg = step.and_then(|step| document.legs.get(step.leg? as usize));
    leg.map_or(&document.host.class_key, |leg| &leg.class_key).clone()
}

fn write_properties(xml: &mut Xml, properties: &[(&str, String)]) {
    xml.open("properties", &[]);
    for (name, value) in properties {
        xml.leaf("property", &[("name", Some(name)), ("value", Some(value))], None);
    }
    xml.close();
}

fn write_entry(xml: &mut Xml, entry: &Entry<'_>, detail: Detail) {
    let time = entry.duration_ns.map(seconds);
    let attributes =
        [("classname", Some(entry.class.as_str())), ("name", Some(entry.name.as_str())), ("time", time.as_deref())];
    let failed = matches!(entry.told, Told::Failed | Told::Errored);
    let outputs = [("system-out", entry.stdout), ("system-err", entry.stderr)]
        .into_iter()
        .filter_map(|(name, text)| Some((name, text?)))
        .filter(|_| detail.output > 0 && (failed || detail.output_of_passed));
    if entry.elements.is_empty() && outputs.clone().next().is_none() {
        xml.leaf("testcase", &attributes, None);
        return;
    }
    xml.open("testcase", &attributes);
    for element in &entry.elements {
        let message = element.message.as_deref().map(|text| head(text, detail.message));
        let text = element.text.as_deref().filter(|_| detail.text > 0).map(|text| head(text, detail.text));
        let attributes = [("message", message.as_deref()), ("type", element.kind.as_deref())];
        if element.is_rerun && text.is_some() {
            xml.open(element.name, &attributes);
            xml.leaf("stackTrace", &[], text.as_deref());
            xml.close();
        } else {
            xml.leaf(element.name, &attributes, text.as_deref());
        }
    }
    for (name, text) in outputs {
        xml.leaf(name, &[], Some(&tail(text, detail.output)));
    }
    xml.close();
}

/// Seconds with six decimals.
fn seconds(nanoseconds: u64) -> String {
    format!("{}.{:06}", nanoseconds / 1_000_000_000, nanoseconds / 1_000 % 1_000_000)
}

/// The start of a text, with a note where it was cut.
fn head(text: &str, limit: usize) -> String {
    if text.len() <= limit {
        return text.to_owned();
    }
    let at = text.floor_char_boundary(limit);
    format!("{} [{} bytes left out]", &text[..at], text.len() - at)
}

/// The end of a text, with a note where it was cut.
fn tail(text: &str, limit: usize) -> String {
    if text.len() <= limit {
        return text.to_owned();
    }
    let at = text.ceil_char_boundary(text.len() - limit);
    format!("[{at} bytes left out]\n{}", &text[at..])
}
