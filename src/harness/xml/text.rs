//! Character data: references resolved, what XML forbids replaced, length bounded.

use std::borrow::Cow;

/// A reference to an entity that nobody declared, `&nbsp;` for one.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::harness) struct UnknownEntity(pub(in crate::harness) String);

/// The longest reference that is understood, `&` and `;` included.
pub(in crate::harness) const LONGEST_REFERENCE: usize = 40;

/// What stands at the end of a text that was cut.
const MARK: char = '…';

/// Puts an attribute's raw value into `out`, at most about `limit` bytes of it.
pub(in crate::harness) fn attribute(raw: &[u8], limit: usize, out: &mut String) -> Result<(), UnknownEntity> {
    out.clear();
    let odd = raw.iter().fold(false, |odd, byte| odd | !(0x20..0x7f).contains(byte) | (*byte == b'&'));
    if !odd && raw.len() <= limit {
        // ASCII without references: the common case, and the one that must be fast.
        out.push_str(std::str::from_utf8(raw).unwrap_or_default());
        return Ok(());
    }
    let mut bytes = Vec::with_capacity(raw.len());
    resolve(raw, &mut bytes)?;
    push_clean(out, &bytes);
    cut(out, limit);
    Ok(())
}

/// Appends `raw` with its references resolved. A lone `&` stays: many tools forget to escape it.
pub(in crate::harness) fn resolve(mut raw: &[u8], out: &mut Vec<u8>) -> Result<(), UnknownEntity> {
    while let Some(at) = memchr::memchr(b'&', raw) {
        out.extend_from_slice(&raw[..at]);
        raw = &raw[at..];
        match reference(raw)? {
            Some((c, length)) => {
                out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
                raw = &raw[length..];
            }
            None => {
                out.push(b'&');
                raw = &raw[1..];
            }
        }
    }
    out.extend_from_slice(raw);
    Ok(())
}

/// The character that the reference at the start of `raw` stands for, and the reference's length.
fn reference(raw: &[u8]) -> Result<Option<(char, usize)>, UnknownEntity> {
    let window = &raw[1..raw.len().min(LONGEST_REFERENCE)];
    let Some(end) = window.iter().position(|byte| !byte.is_ascii_alphanumeric() && !b"#_.-:".contains(byte)) else {
        return Ok(None);
    };
    if window[end] != b';' || end == 0 {
        return Ok(None);
    }
    let name = &window[..end];
    let found = match name {
        b"lt" => '<',
        b"gt" => '>',
        b"amp" => '&',
        b"quot" => '"',
        b"apos" => '\'',
        [b'#', b'x' | b'X', digits @ ..] => number(digits, 16),
        [b'#', digits @ ..] => number(digits, 10),
        [first, ..] if first.is_ascii_alphabetic() || *first == b'_' => {
            return Err(UnknownEntity(String::from_utf8_lossy(name).into_owned()));
        }
        _ => return Ok(None),
    };
    Ok(Some((found, end + 2)))
}

fn number(digits: &[u8], radix: u32) -> char {
    std::str::from_utf8(digits)
        .ok()
        .and_then(|digits| u32::from_str_radix(digits, radix).ok())
        .and_then(char::from_u32)
        .unwrap_or(char::REPLACEMENT_CHARACTER)
}

/// Appends bytes as text: invalid UTF-8 and characters that XML forbids are replaced, CR LF becomes LF.
pub(in crate::harness) fn push_clean(out: &mut String, bytes: &[u8]) {
    let text: Cow<'_, str> = String::from_utf8_lossy(bytes);
    let is_bad = |c: char| (c < ' ' && !matches!(c, '\n' | '\t')) || matches!(c, '\u{7f}' | '\u{fffe}' | '\u{ffff}');
    let mut rest = &*text;
    while let Some(at) = rest.find(is_bad) {
        out.push_str(&rest[..at]);
        let bad_and_after = &rest[at..];
        if !bad_and_after.starts_with("\r\n") {
            out.push(if bad_and_after.starts_with('\r') { '\n' } else { char::REPLACEMENT_CHARACTER });
        }
        // All bad characters below U+0080 take one byte, the two others three.
        rest = &bad_and_after[bad_and_after.chars().next().map_or(0, char::len_utf8)..];
    }
    out.push_str(rest);
}

/// Shortens a text to about `limit` bytes, with a mark.
pub(in crate::harness) fn cut(text: &mut String, limit: usize) {
    if text.len() > limit {
        let at = text.floor_char_boundary(limit);
        text.truncate(at);
        text.push(MARK);
    }
}

/// The first line that says something, shortened.
pub(in crate::harness) fn first_line(text: &str) -> Option<String> {
    let mut line = text.lines().map(str::trim).find(|line| !line.is_empty())?.to_owned();
    cut(&mut line, 300);
    Some(line)
}

/// Bytes for an error message: short, and nothing that could upset a terminal.
pub(in crate::harness) fn shown(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes.trim_ascii());
    text.chars().take(40).map(|c| if c.is_control() { char::REPLACEMENT_CHARACTER } else { c }).collect()
}

/// Which part of a long text is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::harness) enum Keep {
    Head(usize),
    Tail(usize),
}

/// Collects the character data of one element in bounded memory.
#[derive(Debug)]
pub(in crate::harness) struct Collector {
    keep: Keep,
    bytes: Vec<u8>,
    omitted: u64,
}

impl Collector {
    /// A collector that has nothing.
    pub(in crate::harness) fn new() -> Self {
        Self { keep: Keep::Head(0), bytes: Vec::new(), omitted: 0 }
    }

    /// Starts over.
    pub(in crate::harness) fn begin(&mut self, keep: Keep) {
        self.keep = keep;
        self.bytes.clear();
        self.omitted = 0;
    }

    /// Takes in text with its references.
    pub(in crate::harness) fn text(&mut self, raw: &[u8]) -> Result<(), UnknownEntity> {
        if memchr::memchr(b'&', raw).is_none() {
            self.verbatim(raw);
            return Ok(());
        }
        let mut resolved = Vec::with_capacity(raw.len());
        resolve(raw, &mut resolved)?;
        self.verbatim(&resolved);
        Ok(())
    }

    /// Takes in text as it stands: a part of a CDATA section.
    pub(in crate::harness) fn verbatim(&mut self, bytes: &[u8]) {
        match self.keep {
            Keep::Head(limit) => {
                let room = limit.saturating_sub(self.bytes.len()).min(bytes.len());
                self.bytes.extend_from_slice(&bytes[..room]);
                self.omitted += (bytes.len() - room) as u64;
            }
            Keep::Tail(limit) => {
                let skip = bytes.len().saturating_sub(limit);
                self.bytes.extend_from_slice(&bytes[skip..]);
                self.omitted += skip as u64;
                if self.bytes.len() > limit * 2 {
                    self.drop_front(limit);
                }
            }
        }
    }

    fn drop_front(&mut self, limit: usize) {
        let excess = self.bytes.len().saturating_sub(limit);
        self.bytes.drain(..excess);
        self.omitted += excess as u64;
    }

    /// The text, with a note where something was left out; `None` where there was nothing but white space.
    pub(in crate::harness) fn finish(&mut self) -> Option<String> {
        if let Keep::Tail(limit) = self.keep {
            self.drop_front(limit);
        }
        let kept = self.bytes.trim_ascii_end();
        if kept.is_empty() && self.omitted == 0 {
            return None;
        }
        let mut out = String::with_capacity(kept.len() + 40);
        let omitted = self.omitted;
        match self.keep {
            Keep::Head(_) => {
                let blank = kept.iter().take_while(|byte| byte.is_ascii_whitespace()).count();
                let start = memchr::memrchr(b'\n', &kept[..blank]).map_or(0, |i| i + 1);
                // Half a character at the cut would be shown as a replacement.
                push_clean(&mut out, if omitted > 0 { whole_characters(&kept[start..]) } else { &kept[start..] });
                if omitted > 0 {
                    out.push_str(&format!("\n[{omitted} bytes left out]"));
                }
            }
            Keep::Tail(_) => {
                let start = if omitted > 0 { kept.iter().take_while(|b| (**b & 0xc0) == 0x80).count() } else { 0 };
                if omitted > 0 {
                    out.push_str(&format!("[{omitted} bytes left out]\n"));
                }
                push_clean(&mut out, &kept[start..]);
            }
        }
        Some(out)
    }
}

/// `bytes` without an unfinished UTF-8 sequence at the end.
fn whole_characters(bytes: &[u8]) -> &[u8] {
    let back = bytes.iter().rev().take(3).position(|byte| (*byte & 0xc0) != 0x80);
    match back {
        Some(back) => {
            let at = bytes.len() - 1 - back;
            let needed = match bytes[at] {
                0xf0.. => 4,
                0xe0.. => 3,
                0xc0.. => 2,
                _ => 1,
            };
            if bytes.len() - at < needed { &bytes[..at] } else { bytes }
        }
        None => bytes,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(raw: &str) -> String {
        let mut out = String::new();
        attribute(raw.as_bytes(), 1000, &mut out).unwrap();
        out
    }

    #[test]
    fn references_are_resolved_and_lone_ampersands_stay() {
        assert_eq!(value("a &lt; b &amp;&amp; c &#228; &#xE4;"), "a < b && c ä ä");
        assert_eq!(value("a && b & c; ?x=1&y=2"), "a && b & c; ?x=1&y=2");
        assert_eq!(value("&#0;&#xFFFFFFFFF;&#27;"), "\u{fffd}\u{fffd}\u{fffd}");
        assert_eq!(attribute(b"&nbsp;", 9, &mut String::new()), Err(UnknownEntity("nbsp".into())));
    }

    #[test]
    fn what_xml_forbids_is_replaced() {
        assert_eq!(value("a\u{1b}[31mb\u{0}\r\nc\rd"), "a\u{fffd}[31mb\u{fffd}\nc\nd");
        let mut out = String::new();
        attribute(b"a\xff\xfeb", 99, &mut out).unwrap();
        assert_eq!(out, "a\u{fffd}\u{fffd}b");
    }

    #[test]
    fn long_texts_keep_their_head_or_their_tail() {
        let mut collector = Collector::new();
        collector.begin(Keep::Head(4));
        collector.text("ab&amp;ä".as_bytes()).unwrap();
        assert_eq!(collector.finish().unwrap(), "ab&\n[1 bytes left out]");
        collector.begin(Keep::Tail(4));
        for _ in 0..100 {
            collector.verbatim(b"0123456789");
        }
        assert_eq!(collector.finish().unwrap(), "[996 bytes left out]\n6789");
        collector.begin(Keep::Head(9));
        collector.verbatim(b" \n  \t");
        assert_eq!(collector.finish(), None);
    }
}
