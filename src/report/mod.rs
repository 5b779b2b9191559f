//! Run + comparison to text. Pure: the caller writes it somewhere.
//!
//! Names, messages and logs of a run are hostile text: whatever goes into Markdown or onto a terminal passes through
//! [`escape`] first.

pub mod annotations;
mod badge;
mod codequality;
pub mod escape;
pub mod figures;
mod headline;
pub mod history;
mod html;
pub mod junit;
mod live;
pub mod markdown;
mod matrix;
mod openmetrics;
mod rows;
mod tables;
mod terminal;
mod webhook;

pub use badge::badge;
pub use codequality::{codequality, job_links};
pub use headline::headline;
pub use html::html;
pub use live::so_far;
pub use markdown::{markdown, verdict};
pub use matrix::{matrix_html, matrix_markdown, matrix_reasons, matrix_text};
pub use openmetrics::openmetrics;
pub use rows::{metric_word, overhead};
pub use tables::{csv, json_lines};
pub use terminal::{Place, case_line, change_line, step_line, terminal};
pub use webhook::{Chat, webhook};
