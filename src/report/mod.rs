//! Run + comparison to text. Pure: the caller writes it somewhere.
//!
//! Names, messages and logs of a run are hostile text: whatever goes into Markdown or onto a terminal passes through
//! [`escape`] first.

pub mod annotations;
pub mod escape;
pub mod figures;
mod headline;
pub mod history;
mod html;
pub mod junit;
mod live;
pub mod markdown;
mod rows;
mod terminal;

pub use headline::headline;
pub use html::html;
pub use live::so_far;
pub use markdown::{markdown, verdict};
pub use rows::{metric_word, overhead};
pub use terminal::{Place, case_line, change_line, step_line, terminal};
