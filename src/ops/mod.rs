//! One file per use case, joining the floors below.

pub mod baseline;
pub mod runs;
pub mod when;
