//! What a process that asks a model says: answers on standard output, line by line, and words on standard error.

use super::ladder::Climb;
use crate::execute::process::Sink;

/// The longest line, in bytes: an answer of 8 MiB, all of it escaped.
const LONGEST: usize = 64 << 20;
/// What is kept of standard error, in bytes.
const KEPT: usize = 4 << 10;

/// Cuts output into lines, and hands each on as it ends.
pub(super) struct Lines<F> {
    line: Vec<u8>,
    /// The line is too long, and what comes of it is dropped.
    over: bool,
    each: F,
}

impl<F: FnMut(&[u8])> Lines<F> {
    pub(super) fn new(each: F) -> Self {
        Self { line: Vec::new(), over: false, each }
    }
}

impl<F: FnMut(&[u8])> Sink for Lines<F> {
    fn take(&mut self, piece: &[u8]) {
        for part in piece.split_inclusive(|byte| *byte == b'\n') {
            let (text, ends) = part.strip_suffix(b"\n").map_or((part, false), |text| (text, true));
            self.over |= self.line.len() + text.len() > LONGEST;
            if self.over {
                self.line = Vec::new();
            } else {
                self.line.extend_from_slice(text);
            }
            if ends {
                if !std::mem::take(&mut self.over) {
                    (self.each)(&self.line);
                }
                self.line.clear();
            }
        }
    }
}

/// Writes words to the step's log, and keeps the last of them.
#[derive(Debug)]
pub(super) struct LastWords<'a, 'c> {
    climb: &'a Climb<'c>,
    kept: Vec<u8>,
}

impl<'a, 'c> LastWords<'a, 'c> {
    pub(super) const fn new(climb: &'a Climb<'c>) -> Self {
        Self { climb, kept: Vec::new() }
    }

    /// The last line that is not blank.
    pub(super) fn last(&self) -> String {
        let text = String::from_utf8_lossy(&self.kept);
        let last = text.lines().rev().find(|line| !line.trim().is_empty());
        last.unwrap_or("it said nothing").trim().to_owned()
    }
}

impl Sink for LastWords<'_, '_> {
    fn take(&mut self, piece: &[u8]) {
        self.climb.note(piece);
        self.kept.extend_from_slice(piece);
        let surplus = self.kept.len().saturating_sub(KEPT);
        self.kept.drain(..surplus);
    }
}

#[cfg(test)]
mod tests {
    use super::{LONGEST, Lines};
    use crate::execute::process::Sink;

    #[test]
    fn lines_are_whole_however_they_come() {
        let mut found = Vec::new();
        let mut lines = Lines::new(|line: &[u8]| found.push(String::from_utf8_lossy(line).into_owned()));
        for piece in ["a", "b\nc", "d\n", "\n", "e\nf"] {
            lines.take(piece.as_bytes());
        }
        assert_eq!(found, ["ab", "cd", "", "e"]);
    }

    #[test]
    fn a_line_without_end_is_dropped_and_the_next_is_read() {
        let mut found = Vec::new();
        let mut lines = Lines::new(|line: &[u8]| found.push(line.len()));
        let piece = vec![b'x'; 1 << 20];
        for _ in 0..=LONGEST >> 20 {
            lines.take(&piece);
        }
        assert!(lines.line.capacity() == 0);
        lines.take(b"\nab\n");
        assert_eq!(found, [2]);
    }
}
