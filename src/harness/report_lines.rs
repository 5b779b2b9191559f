//! The lines of a report for people, as benchmark tools print it: `label: 12.3 ms`.

use super::figures::{Figures, split_unit};
use super::lines::without_colours;
use super::{HarnessError, Parsed, decoded};

/// A report, decoded, without colours.
pub(super) struct Report {
    text: String,
}

impl Report {
    /// Takes an output.
    pub(super) fn new(bytes: &[u8]) -> Self {
        Self { text: without_colours(&decoded(bytes)).into_owned() }
    }

    /// The lines with their numbers, from 1.
    pub(super) fn lines(&self) -> impl Iterator<Item = (u64, &str)> {
        self.text.lines().enumerate().map(|(at, line)| (at as u64 + 1, line))
    }

    /// How many lines there are, at least 1.
    pub(super) fn length(&self) -> u64 {
        self.text.lines().count().max(1) as u64
    }

    /// Everything that was read, as [`Figures::finish`] has it. Tools end their last line, so one without an end may
    /// have lost digits.
    pub(super) fn finish(&self, mut figures: Figures, empty: &str, help: &str) -> Result<Parsed, HarnessError> {
        if !self.text.ends_with('\n') && !self.text.is_empty() {
            figures.warn(self.length(), "the last line has no end; it may be cut off");
        }
        figures.finish(empty, help)
    }

    /// The same for formats that may be JSON too, whose end is known.
    pub(super) fn finish_text(&self, figures: Figures, empty: &str, help: &str) -> Result<Parsed, HarnessError> {
        if self.text.trim_end().ends_with(['}', ']']) {
            return figures.finish(empty, help);
        }
        self.finish(figures, empty, help)
    }

    /// The error of an output that ends before its results.
    pub(super) fn cut_off(&self, what: &str) -> HarnessError {
        let help = "was the tool killed, or did it fail? its messages say more";
        HarnessError::new(self.length(), 1, format!("cut off: {what}"), help)
    }
}

/// The label and the value of `label: value` or `label = value`, trimmed.
pub(super) fn pair(line: &str, separator: char) -> Option<(&str, &str)> {
    let (label, value) = line.split_once(separator)?;
    Some((label.trim(), value.trim())).filter(|(label, value)| !label.is_empty() && !value.is_empty())
}

/// The number at the start of a value, and the word behind it as its unit.
pub(super) fn measured(value: &str) -> Option<(f64, &str)> {
    let (number, rest) = split_unit(value)?;
    Some((number, rest.split_whitespace().next().unwrap_or_default()))
}
