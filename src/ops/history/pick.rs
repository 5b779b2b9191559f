//! Which series are meant, and what comes near a name that is not there.

use std::collections::BTreeSet;

use globset::{GlobBuilder, GlobMatcher};

use super::{HistoryError, Question};
use crate::results::{History, Measured};
use crate::store::{Series, SeriesFilter, Store};

/// So many names are suggested.
pub(super) const NAMED: usize = 5;
/// How alike a name must be to be suggested, by Jaro and Winkler.
const ALIKE: f64 = 0.75;
/// Of the metrics that we measure ourselves, those that are shown where none is asked for.
const SHOWN: [&str; 2] = ["wall_time", "cpu_time"];

/// What was asked for, ready to be held against names.
pub(super) struct Pick<'a> {
    question: &'a Question,
    benchmarks: Vec<Name>,
    metrics: Vec<Name>,
}

/// A name, or a glob for names.
pub(super) struct Name {
    text: String,
    glob: Option<GlobMatcher>,
}

impl Name {
    pub(super) fn new(text: &str) -> Result<Self, HistoryError> {
        let built = GlobBuilder::new(text).literal_separator(false).build();
        // Brackets and braces are part of many names: those are no globs, and meant as they stand.
        let glob = match built {
            Ok(glob) => Some(glob.compile_matcher()),
            Err(_) if text.contains(['[', '{']) => None,
            Err(error) => {
                return Err(HistoryError::Pattern { pattern: text.to_owned(), detail: error.kind().to_string() });
            }
        };
        Ok(Self { text: text.to_owned(), glob })
    }

    /// As it was written.
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    pub(super) fn matches(&self, name: &str) -> bool {
        self.text == name || self.glob.as_ref().is_some_and(|glob| glob.is_match(name))
    }
}

fn names(texts: &[String]) -> Result<Vec<Name>, HistoryError> {
    texts.iter().map(|text| Name::new(text)).collect()
}

impl<'a> Pick<'a> {
    pub(super) fn of(question: &'a Question) -> Result<Self, HistoryError> {
        Ok(Self { question, benchmarks: names(&question.benchmarks)?, metrics: names(&question.metrics)? })
    }

    /// The series of the store that are meant.
    pub(super) fn series(&self, store: &dyn Store) -> Result<Vec<Series>, HistoryError> {
        let mut found = store.series(&SeriesFilter { project: self.question.project.clone(), ..Default::default() })?;
        found.sort_by(|a, b| (&a.benchmark, &a.metric, &a.class_key).cmp(&(&b.benchmark, &b.metric, &b.class_key)));
        keep(&mut found, &self.benchmarks, "benchmark", |series| &series.benchmark)?;
        keep(&mut found, &self.metrics, "metric", |series| &series.metric)?;
        if let Some(class) = &self.question.class {
            let known: BTreeSet<&str> = found.iter().map(|series| series.class_key.as_str()).collect();
            if !known.iter().any(|key| key.starts_with(class.as_str())) && !known.is_empty() {
                let candidates = known.into_iter().take(NAMED).map(ToOwned::to_owned).collect();
                return Err(HistoryError::Unknown { what: "class of hosts", name: class.clone(), candidates });
            }
            found.retain(|series| series.class_key.starts_with(class.as_str()));
        }
        if self.metrics.is_empty() {
            hide(&mut found);
        }
        Ok(found)
    }
}

/// Keeps what one of the names matches; each name must match something.
fn keep(
    found: &mut Vec<Series>,
    names: &[Name],
    what: &'static str,
    of: impl Fn(&Series) -> &String,
) -> Result<(), HistoryError> {
    for name in names {
        if !found.iter().any(|series| name.matches(of(series))) {
            let all: BTreeSet<&str> = found.iter().map(|series| of(series).as_str()).collect();
            let all: Vec<&str> = all.into_iter().collect();
            return Err(HistoryError::Unknown { what, name: name.text.clone(), candidates: near(&name.text, &all) });
        }
    }
    if !names.is_empty() {
        found.retain(|series| names.iter().any(|name| name.matches(of(series))));
    }
    Ok(())
}

/// Leaves out the lesser metrics of what we measured ourselves, where there is a better one beside them.
fn hide(found: &mut Vec<Series>) {
    let lesser = |metric: &str| Measured::find(metric).is_some() && !SHOWN.contains(&metric);
    let better: BTreeSet<String> =
        found.iter().filter(|series| !lesser(&series.metric)).map(|series| series.benchmark.clone()).collect();
    found.retain(|series| !lesser(&series.metric) || !better.contains(&series.benchmark));
}

/// Names that come near this one, the nearest first; all where there are few.
pub(super) fn near(wanted: &str, all: &[&str]) -> Vec<String> {
    let wanted = wanted.to_lowercase();
    let plain = wanted.trim_matches('*');
    let alike = |name: &str| {
        let name = name.to_lowercase();
        if !plain.is_empty() && name.contains(plain) { 2.0 } else { strsim::jaro_winkler(plain, &name) }
    };
    let mut scored: Vec<(f64, &str)> = all.iter().map(|name| (alike(name), *name)).collect();
    scored.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(b.1)));
    let few = scored.len() <= 3;
    let near = scored.into_iter().filter(|(score, _)| few || *score >= ALIKE);
    near.take(NAMED).map(|(_, name)| name.to_owned()).collect()
}

/// The answer where there is no store at all.
pub(super) fn nothing_stored(question: &Question) -> Result<History, HistoryError> {
    if let Some(name) = question.benchmarks.first() {
        let what = if question.tests { "test" } else { "benchmark" };
        return Err(HistoryError::Unknown { what, name: name.clone(), candidates: Vec::new() });
    }
    let note = "no results are stored here yet; `backsight run` makes some, `backsight baseline pull` fetches those that \
                other hosts shared";
    Ok(History { notes: vec![note.to_owned()], ..History::default() })
}

#[cfg(test)]
mod tests {
    use super::{Name, near};

    #[test]
    fn brackets_are_part_of_names() {
        assert!(Name::new("encode[model=a]").unwrap().matches("encode[model=a]"));
        assert!(Name::new("encode[model=[a]").unwrap().matches("encode[model=[a]"));
        assert!(Name::new("parse/*").unwrap().matches("parse/a/b"));
        assert!(!Name::new("parse").unwrap().matches("parse/a"));
    }

    #[test]
    fn near_names_are_suggested_and_far_ones_are_not() {
        let all = ["parse/small", "parse/large", "encode", "decode", "sort"];
        assert_eq!(near("prase/small", &all)[0], "parse/small");
        assert_eq!(near("small", &all)[0], "parse/small");
        assert!(near("zzz", &all).is_empty());
        assert_eq!(near("zzz", &all[..2]).len(), 2, "where there are few, all are told");
    }
}
