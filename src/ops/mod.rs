//! One file per use case, joining the floors below.

pub mod schema;
