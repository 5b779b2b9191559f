//! Which tests changed their outcome.

use std::collections::{BTreeMap, BTreeSet};

use crate::results::{Case, Document};

/// Step id and title of a case.
type Named = (String, String);

/// The lists of a comparison.
pub(super) struct Changes {
    pub newly_failing: Vec<Named>,
    pub still_failing: Vec<Named>,
    pub fixed: Vec<Named>,
    pub vanished: Vec<Named>,
}

/// Compares outcomes by step and title. A title that occurs more than once fails if one of its cases does.
pub(super) fn changes(base: &Document, head: &Document) -> Changes {
    let (before, now) = (failing(&base.cases), failing(&head.cases));
    let pick = |wanted: &dyn Fn(&Named, bool) -> bool| {
        now.iter().filter(|(name, failing)| wanted(name, **failing)).map(|(name, _)| name.clone()).collect::<Vec<_>>()
    };
    let failed_before = |name: &Named| before.get(name).copied().unwrap_or(false);
    let ran: BTreeSet<&str> = head.cases.iter().map(|case| case.step.as_str()).collect();
    let vanished = before.keys().filter(|name| !now.contains_key(*name) && ran.contains(name.0.as_str()));
    Changes {
        newly_failing: pick(&|name, failing| failing && !failed_before(name)),
        still_failing: pick(&|name, failing| failing && failed_before(name)),
        fixed: pick(&|name, failing| !failing && failed_before(name)),
        vanished: vanished.cloned().collect(),
    }
}

fn failing(cases: &[Case]) -> BTreeMap<Named, bool> {
    let mut outcomes = BTreeMap::new();
    for case in cases {
        *outcomes.entry((case.step.clone(), case.title())).or_insert(false) |= case.outcome.is_failure();
    }
    outcomes
}
