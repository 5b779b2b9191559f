//! Brings a report to where people read it: the one comment on a change request, summaries, checks.
//!
//! Only this module talks to platforms. Reading is tried again where a platform stumbles; what writes is not, unless the
//! platform says that it has not done it, or what it holds now shows that it has not. Platforms that refuse or are down
//! are an [`Outcome`] and no error: a report that cannot be posted is no reason to fail a build.

pub mod comment;
pub mod github;
pub mod gitlab;
pub mod http;
pub mod sections;
pub mod token;
pub mod webhook;

use std::fmt;

/// When a comment is written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Policy {
    /// With every run.
    Always,
    /// Where something moved or failed; an earlier comment is brought up to date or taken back.
    #[default]
    OnChange,
    /// Not at all.
    Never,
}

/// What becomes of an earlier comment where there is nothing to say any more.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Quiet {
    /// It is deleted.
    #[default]
    Delete,
    /// It is brought up to date and folded away by the platform, as resolved.
    Minimise,
    /// It is brought up to date.
    Update,
}

/// What became of one surface.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It was written for the first time.
    Posted {
        /// Such as `comment`.
        what: &'static str,
        /// Where it can be seen.
        url: Option<String>,
    },
    /// What was there was brought up to date.
    Updated {
        /// Such as `comment`.
        what: &'static str,
        /// Where it can be seen.
        url: Option<String>,
    },
    /// What was there was taken back.
    Removed {
        /// Such as `comment`.
        what: &'static str,
    },
    /// There was nothing to write.
    Nothing {
        /// Such as `comment`.
        what: &'static str,
        /// Why.
        why: String,
    },
    /// The platform does not let us, or cannot be reached.
    Refused {
        /// Such as `comment`.
        what: &'static str,
        /// Its words, and what can be done.
        why: String,
    },
}

impl Outcome {
    /// Whether something that was to be written was not.
    pub const fn is_refused(&self) -> bool {
        matches!(self, Self::Refused { .. })
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let at = |url: &Option<String>| url.as_deref().map(|url| format!(": {url}")).unwrap_or_default();
        match self {
            Self::Posted { what, url } => write!(f, "{what} posted{}", at(url)),
            Self::Updated { what, url } => write!(f, "{what} updated{}", at(url)),
            Self::Removed { what } => write!(f, "{what} removed: there is nothing to say any more"),
            Self::Nothing { what, why } => write!(f, "no {what}: {why}"),
            Self::Refused { what, why } => write!(f, "{what} not written: {why}"),
        }
    }
}
