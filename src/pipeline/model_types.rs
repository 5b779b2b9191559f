//! Which model types there are, and which task an architecture is for.
//!
//! The table is derived from the configuration tables of the transformers package; `scripts/model-types.py` renews it.

use super::diagnostic::nearest;

const TABLE: &str = include_str!("model_types.tsv");

fn rows(kind: &str) -> impl Iterator<Item = (&'static str, &'static str)> {
    TABLE.lines().filter_map(move |line| line.strip_prefix(kind)?.strip_prefix('\t')?.split_once('\t'))
}

/// The family of a model type, the name under which its siblings go too: `aimv2` for `aimv2_text_model`. `None` for a
/// type that is not known.
pub(super) fn family(model_type: &str) -> Option<&'static str> {
    rows("type").find(|(known, _)| *known == model_type).map(|(_, family)| family)
}

/// Known types that this may be meant for, the nearest first, at most three.
pub(super) fn candidates(model_type: &str) -> Vec<&'static str> {
    let mut found: Vec<&'static str> = nearest(model_type, rows("type").map(|(known, _)| known)).into_iter().collect();
    let begins = |known: &str| {
        let (a, b) = (known.to_lowercase(), model_type.to_lowercase());
        a.starts_with(&b) || (b.starts_with(&a) && a.len() > 3)
    };
    for (known, _) in rows("type").filter(|(known, _)| begins(known)) {
        if found.len() < 3 && !found.contains(&known) {
            found.push(known);
        }
    }
    found
}

/// The task of the first of these architectures that is known: `fill-mask` for `BertForMaskedLM`.
pub(super) fn task<'a>(architectures: impl IntoIterator<Item = &'a str>) -> Option<&'static str> {
    architectures
        .into_iter()
        .find_map(|name| rows("architecture").find(|(known, _)| *known == name).map(|(_, task)| task))
}

#[cfg(test)]
mod tests {
    use super::{candidates, family, rows, task};

    #[test]
    fn types_and_architectures_are_known() {
        assert!(rows("type").count() > 750 && rows("architecture").count() > 1000);
        assert_eq!(family("bert"), Some("bert"));
        assert_eq!(family("aimv2_text_model"), Some("aimv2"));
        assert_eq!(family("brt"), None);
        assert_eq!(task(["Unknown", "BertForMaskedLM"]), Some("fill-mask"));
        assert_eq!(task(["BertForQuestionAnswering"]), Some("question-answering"));
        assert_eq!(task([]), None);
    }

    #[test]
    fn a_wrong_type_has_candidates() {
        assert_eq!(candidates("bertt").first(), Some(&"bert"));
        assert!(candidates("whisper_large").contains(&"whisper"));
        assert!(candidates("zzzzzzzzzzzz").is_empty());
    }
}
