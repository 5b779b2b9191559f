//! Whose quarantine list holds: the pipeline file's, but on a change request that of the file where it left its target.
//! A change cannot excuse its own failures.

use std::path::Path;

use crate::compare::quarantine;
use crate::execute::Emitter;
use crate::host::{self, Revision};
use crate::ops::load::Loaded;
use crate::pipeline::{self, QuarantineEntry};
use crate::results::{Change, Event, QuarantineState, RemarkLevel};

/// The entries that hold for a run of this change.
pub(super) fn held(loaded: &Loaded, change: &Change, remarks: &mut Vec<String>) -> Vec<QuarantineEntry> {
    let own = &loaded.pipeline().quarantine;
    if change.request.is_none() || own.is_empty() {
        return own.clone();
    }
    let Some(base) = of_base(loaded, change) else {
        remarks.push(
            "the pipeline file where this change left its target cannot be read (a shallow clone?), so no quarantine holds"
                .to_owned(),
        );
        return Vec::new();
    };
    let new = own.iter().filter(|entry| !base.contains(entry)).count();
    if new > 0 {
        remarks.push(format!(
            "{new} entries of `quarantine` are new or changed here; a change cannot excuse its own failures, so they hold once \
             they have arrived"
        ));
    }
    base
}

fn of_base(loaded: &Loaded, change: &Change) -> Option<Vec<QuarantineEntry>> {
    let (Revision::Start(commit) | Revision::Named(commit)) = host::start(&loaded.workspace, change)? else {
        return None;
    };
    let name = Path::new(loaded.path.file_name()?).to_str()?;
    let text = host::file_at(&loaded.workspace, &commit, name)?;
    Some(pipeline::parse(&text).ok()?.pipeline.quarantine)
}

/// Marks the cases in quarantine, and says what people should see to.
pub(super) fn mark(entries: &[QuarantineEntry], today: &str, emitter: &Emitter) {
    if entries.is_empty() {
        return;
    }
    let cases = emitter.look(|document| quarantine::quarantined(entries, document, today)).unwrap_or_default();
    for entry in entries.iter().filter(|entry| entry.until.as_str() <= today) {
        let covered = cases.iter().filter(|case| case.pattern == entry.pattern);
        let failing = covered.filter(|case| case.state == QuarantineState::Expired).count();
        emitter.remark(
            RemarkLevel::Warning,
            None,
            format!(
                "the quarantine of `{}` ended on {} ({failing} of its tests fail); {} should mend it or remove the entry",
                entry.pattern, entry.until, entry.owner
            ),
        );
    }
    emitter.emit(Event::Quarantined { cases });
}
