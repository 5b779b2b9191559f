//! Which steps of a pipeline are asked for: `--only`, `-k`, `--skip`.

use std::collections::BTreeSet;

use globset::{GlobBuilder, GlobSet, GlobSetBuilder};

use crate::results::Kind;

/// The command line's choice. The default chooses everything.
#[derive(Debug, Clone, Default)]
pub struct Selection {
    kinds: Vec<Kind>,
    keep: Option<GlobSet>,
    drop: Option<GlobSet>,
    /// These and no others, by id.
    exactly: Option<BTreeSet<String>>,
    text: String,
}

/// A pattern that is no glob.
#[derive(Debug, thiserror::Error)]
#[error("`{pattern}` is not a glob: {text}; quote it for the shell, `*` stands for anything")]
pub struct SelectionError {
    pattern: String,
    text: String,
}

impl Selection {
    /// Steps of `kinds` (all if empty) that match one of `keep` (all if empty) and none of `drop`. A glob is matched
    /// against the name, the id, and the id without its section; `*` also matches `/`.
    pub fn new(kinds: Vec<Kind>, keep: &[String], drop: &[String]) -> Result<Self, SelectionError> {
        let mut words: Vec<String> = kinds.iter().map(|kind| format!("--only {}", kind.section())).collect();
        words.extend(keep.iter().map(|glob| format!("-k {}", shell_words::quote(glob))));
        words.extend(drop.iter().map(|glob| format!("--skip {}", shell_words::quote(glob))));
        Ok(Self { kinds, keep: globs(keep)?, drop: globs(drop)?, exactly: None, text: words.join(" ") })
    }

    /// The steps with these ids; `text` is the choice as it would be typed.
    pub fn exactly(ids: impl IntoIterator<Item = String>, text: String) -> Self {
        Self { exactly: Some(ids.into_iter().collect()), text, ..Self::default() }
    }

    /// The choice as it would be typed; empty if it chooses everything.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Whether this step is asked for by itself.
    pub(super) fn wants(&self, kind: Kind, name: &str, id: &str) -> bool {
        self.exactly.as_ref().is_none_or(|ids| ids.contains(id))
            && (self.kinds.is_empty() || self.kinds.contains(&kind))
            && self.keep.as_ref().is_none_or(|globs| matches(globs, name, id))
            && !self.refuses(name, id)
    }

    /// Whether this step is refused even if another needs it.
    pub(super) fn refuses(&self, name: &str, id: &str) -> bool {
        self.drop.as_ref().is_some_and(|globs| matches(globs, name, id))
    }
}

fn matches(globs: &GlobSet, name: &str, id: &str) -> bool {
    let short = id.split_once('/').map_or(id, |(_, rest)| rest);
    [name, id, short].iter().any(|text| globs.is_match(text))
}

fn globs(patterns: &[String]) -> Result<Option<GlobSet>, SelectionError> {
    if patterns.is_empty() {
        return Ok(None);
    }
    let refuse = |pattern: &str, error: &globset::Error| SelectionError {
        pattern: pattern.to_owned(),
        text: error.kind().to_string(),
    };
    let mut set = GlobSetBuilder::new();
    for pattern in patterns {
        // Ids hold brackets, which a glob reads as a class of characters: a pattern that is meant literally is quoted.
        let glob = GlobBuilder::new(pattern).literal_separator(false).backslash_escape(true).build();
        set.add(glob.map_err(|error| refuse(pattern, &error))?);
    }
    Ok(Some(set.build().map_err(|error| refuse(&patterns.join(" "), &error))?))
}

#[cfg(test)]
mod tests {
    use super::Selection;
    use crate::results::Kind;

    fn choice(kinds: &[Kind], keep: &[&str], drop: &[&str]) -> Selection {
        let owned = |words: &[&str]| words.iter().map(ToString::to_string).collect::<Vec<_>>();
        Selection::new(kinds.to_vec(), &owned(keep), &owned(drop)).unwrap()
    }

    #[test]
    fn a_glob_meets_name_id_and_id_without_section() {
        for glob in ["encode", "benchmarks/enc*", "encode*minilm*"] {
            let choice = choice(&[], &[glob], &[]);
            assert!(choice.wants(Kind::Benchmark, "encode", "benchmarks/encode[model=minilm]"), "{glob}");
        }
        assert!(!choice(&[], &["decode"], &[]).wants(Kind::Benchmark, "encode", "benchmarks/encode"));
    }

    #[test]
    fn skip_wins_over_keep_and_kinds_narrow() {
        assert!(!choice(&[], &["*"], &["unit"]).wants(Kind::Test, "unit", "tests/unit"));
        assert!(!choice(&[Kind::Benchmark], &[], &[]).wants(Kind::Test, "unit", "tests/unit"));
        assert_eq!(choice(&[Kind::Test], &["a b"], &["c"]).text(), "--only tests -k 'a b' --skip c");
    }

    #[test]
    fn a_broken_glob_is_named() {
        assert!(Selection::new(vec![], &["[".into()], &[]).unwrap_err().to_string().contains("`[` is not a glob"));
    }
}
