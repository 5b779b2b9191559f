//! A figure that was read twice.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A figure at the beginning and at the end.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Span {
    /// At the beginning.
    pub before: f64,
    /// At the end.
    pub after: f64,
}
