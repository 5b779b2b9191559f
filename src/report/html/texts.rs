//! Foreign text on its way into the page: made visible, and held within limits.

use crate::report::escape;

/// Characters of one log, diff or trace.
const LONGEST: usize = 20_000;
/// Characters of what a test without a failure printed.
const CALM: usize = 4_000;
/// Bytes of all long texts together, before deflate.
const ALL: usize = 8 << 20;
/// Characters of a name or a message.
const LINE: usize = 1_000;

/// One line: a name, a message.
pub(super) fn line(text: &str) -> String {
    escape::line(&escape::cut(text, LINE)).into_owned()
}

/// Hands out the room for long texts; who asks first is served first.
#[derive(Debug)]
pub(super) struct Texts {
    left: usize,
    left_out: u64,
}

impl Texts {
    pub(super) const fn new() -> Self {
        Self { left: ALL, left_out: 0 }
    }

    /// The beginning of a text: of a trace or a diff.
    pub(super) fn begin(&mut self, text: &str) -> Option<String> {
        self.keep(escape::cut(text, LONGEST).trim_end())
    }

    /// The end of a text: of a log.
    pub(super) fn end(&mut self, text: &str) -> Option<String> {
        self.keep(&tail(text, LONGEST))
    }

    /// The end of what a test without a failure printed.
    pub(super) fn calm(&mut self, text: &str) -> Option<String> {
        self.keep(&tail(text, CALM))
    }

    fn keep(&mut self, text: &str) -> Option<String> {
        if text.trim().is_empty() {
            return None;
        }
        let safe = escape::block(text);
        if safe.len() > self.left {
            self.left_out += 1;
            return None;
        }
        self.left -= safe.len();
        Some(safe)
    }

    /// How many texts found no room.
    pub(super) const fn left_out(&self) -> u64 {
        self.left_out
    }
}

fn tail(text: &str, most: usize) -> String {
    let text = text.trim_end();
    match text.char_indices().rev().nth(most) {
        Some((at, c)) => format!("…{}", text.get(at + c.len_utf8()..).unwrap_or_default()),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::{ALL, LONGEST, Texts, line, tail};

    #[test]
    fn the_end_of_a_log_and_the_beginning_of_a_trace_stay() {
        assert_eq!(tail("añbc\n", 2), "…bc");
        assert_eq!(tail("añ", 2), "añ");
        let mut texts = Texts::new();
        let long = format!("first{}last", "x".repeat(LONGEST));
        assert!(texts.begin(&long).is_some_and(|text| text.starts_with("first") && text.ends_with('…')));
        assert!(texts.end(&long).is_some_and(|text| text.starts_with('…') && text.ends_with("last")));
        assert_eq!(texts.calm(" \n"), None);
        assert_eq!(line("a\u{202e}b\nc"), "a\\u{202e}b c");
    }

    #[test]
    fn what_finds_no_room_is_counted() {
        let mut texts = Texts::new();
        let long = "y".repeat(LONGEST);
        let kept = (0..1000).filter(|_| texts.begin(&long).is_some()).count();
        assert_eq!(kept, ALL / LONGEST);
        assert_eq!(texts.left_out(), 1000 - kept as u64);
    }
}
