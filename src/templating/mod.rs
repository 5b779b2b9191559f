//! The template engine: filters, template sets with their inputs, what went wrong in words.
//!
//! Pure: a set is a manifest and the texts of its templates, wherever they were read. What a template writes about
//! comes from a pull request and is taken for hostile: the filters for literals and comments quote so that a value can
//! only ever be a value, and fuel and depth are bounded, so that no template runs on or recurses without end.
//!
//! The way of a template: [`parse_manifest`] reads `templates.yml`, [`Inputs`] fills in and checks what the pipeline
//! gives, [`engine`] renders, [`describe`] says what went wrong.

mod built_in;
mod checks;
mod described;
mod engine;
mod filters;
mod inputs;
mod manifest;
mod references;
mod schema;
mod set;

pub use built_in::{built_in, built_in_manifest, built_ins};
pub use checks::Fault;
pub use described::{describe, describe_with};
pub use engine::{FUEL, MAX_DEPTH, engine};
pub use filters::{slug, sorted_naturally};
pub use inputs::Inputs;
pub use manifest::{Manifest, SetOutput, parse_manifest};
pub use references::referenced;
pub use schema::AnySchema;
pub use set::Set;
