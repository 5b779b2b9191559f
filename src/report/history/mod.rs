//! A history as text for people and files: the terminal's plot, SVG, HTML, CSV, the digest of a week.

mod csv;
mod digest;
mod html;
mod plot;
mod svg;
mod words;

pub use self::csv::csv;
pub use digest::{digest_markdown, digest_text};
pub use html::html;
pub use plot::plot;
pub use svg::svg;
pub use words::{change_words, heading, range_words, size_words};
