//! What is to become of one file, from what is on disk, what was rendered, and what was known of it.

use super::lock::{Entry, Hash};
use crate::results::{GenerationState, Reason};

/// What is known of a file before it is decided.
#[derive(Debug, Clone, Copy)]
pub(super) struct Known<'a> {
    /// What is on disk.
    pub existing: Option<&'a [u8]>,
    /// What it is to be.
    pub rendered: &'a [u8],
    /// What the lock file says of it.
    pub entry: Option<&'a Entry>,
    /// Whether what is on disk, protected regions aside, is what we wrote: by the lock file or by our notes.
    pub ours: bool,
    /// The template and the context as they are now.
    pub template: Hash,
    /// The context as it is now.
    pub context: Hash,
}

/// What is wanted of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Wish {
    /// Nothing is written.
    pub check: bool,
    /// What was changed by hand is overwritten.
    pub force: bool,
}

/// What becomes of the file: `Written` means that it is to be written now.
pub(super) fn decide(known: &Known<'_>, wish: Wish) -> (GenerationState, Option<Reason>) {
    use GenerationState::{Drifted, Edited, Missing, Unchanged, Written};
    let Some(existing) = known.existing else {
        return if wish.check { (Missing, None) } else { (Written, None) };
    };
    if existing == known.rendered {
        return (Unchanged, None);
    }
    if known.ours {
        let reason = Some(stale(known));
        return if wish.check { (Drifted, reason) } else { (Written, reason) };
    }
    if wish.force && !wish.check {
        return (Written, None);
    }
    let reason = if known.entry.is_some() {
        Reason::new(
            "hand_edited",
            "it was changed by hand since it was generated; move the change into the template or into a protected region, \
             or give it up with --force",
        )
    } else {
        Reason::new(
            "unknown_file",
            "there is a file that was not generated here; move it away, or overwrite it with --force",
        )
    };
    (Edited, Some(reason))
}

/// Why a file is not what its template gives now.
fn stale(known: &Known<'_>) -> Reason {
    let Some(entry) = known.entry else {
        return Reason::new("stale", "it was generated before the lock file knew it");
    };
    match (entry.template != known.template, entry.context != known.context) {
        (true, false) => Reason::new("template_changed", "the template changed"),
        (false, true) => Reason::new("context_changed", "what the template is given changed"),
        (true, true) => Reason::new("template_and_context_changed", "the template and what it is given changed"),
        (false, false) => Reason::new("stale", "the template gives something else now"),
    }
}

#[cfg(test)]
mod tests {
    use super::{Known, Wish, decide};
    use crate::execute::generate::lock::Entry;
    use crate::results::GenerationState::{Drifted, Edited, Missing, Unchanged, Written};

    const RUN: Wish = Wish { check: false, force: false };
    const CHECK: Wish = Wish { check: true, force: false };
    const FORCE: Wish = Wish { check: false, force: true };

    fn code(known: &Known<'_>, wish: Wish) -> (crate::results::GenerationState, String) {
        let (state, reason) = decide(known, wish);
        (state, reason.map(|reason| reason.code).unwrap_or_default())
    }

    #[test]
    fn each_case_has_its_word() {
        let entry = Entry { template: [1; 16], context: [2; 16], result: [3; 16], revision: None };
        let none =
            Known { existing: None, rendered: b"new", entry: None, ours: false, template: [1; 16], context: [2; 16] };
        assert_eq!(code(&none, RUN).0, Written);
        assert_eq!(code(&none, CHECK).0, Missing);
        assert_eq!(code(&Known { existing: Some(b"new"), ..none }, CHECK).0, Unchanged);
        let foreign = Known { existing: Some(b"theirs"), ..none };
        assert_eq!(code(&foreign, RUN), (Edited, "unknown_file".into()));
        assert_eq!(code(&foreign, FORCE).0, Written);
        let edited = Known { entry: Some(&entry), ..foreign };
        assert_eq!(code(&edited, RUN), (Edited, "hand_edited".into()));
        assert_eq!(code(&edited, CHECK), (Edited, "hand_edited".into()));
        let ours = Known { ours: true, ..edited };
        assert_eq!(code(&ours, CHECK), (Drifted, "stale".into()));
        assert_eq!(code(&Known { template: [9; 16], ..ours }, CHECK), (Drifted, "template_changed".into()));
        assert_eq!(code(&Known { context: [9; 16], ..ours }, RUN), (Written, "context_changed".into()));
    }
}
