//! Bytes of whatever encoding to UTF-8, before anything else looks at them.
//!
//! Handled: UTF-8 (with or without a byte order mark), UTF-16 in both byte orders, ISO-8859-1, ISO-8859-15 and
//! Windows-1252. Any other declared encoding is read as ASCII, each byte beyond it replaced: outcomes and times
//! survive, and the reader warns. A declaration that contradicts the bytes (.NET writes `encoding="utf-16"` into UTF-8
//! files) loses against the bytes.

use std::io::{self, Read};

/// How the input's bytes become characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::harness) enum Encoding {
    Utf8,
    Utf16 { big_endian: bool },
    SingleByte(SingleByte),
}

/// What the bytes from 0x80 mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::harness) enum SingleByte {
    /// ISO-8859-1 is read as Windows-1252, as browsers do: the difference is 32 control characters nobody means.
    Windows1252,
    Latin9,
    Unknown,
}

/// Windows-1252 from 0x80 to 0x9F.
const WINDOWS_1252: [char; 32] = [
    '€', '\u{81}', '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', '\u{8d}', 'Ž', '\u{8f}', '\u{90}', '‘', '’',
    '“', '”', '•', '–', '—', '˜', '™', 'š', '›', 'œ', '\u{9d}', 'ž', 'Ÿ',
];

/// Where ISO-8859-15 differs from ISO-8859-1.
const LATIN_9: [(u8, char); 8] =
    [(0xa4, '€'), (0xa6, 'Š'), (0xa8, 'š'), (0xb4, 'Ž'), (0xb8, 'ž'), (0xbc, 'Œ'), (0xbd, 'œ'), (0xbe, 'Ÿ')];

impl SingleByte {
    fn decode(self, byte: u8) -> char {
        match self {
            _ if byte < 0x80 => char::from(byte),
            Self::Unknown => char::REPLACEMENT_CHARACTER,
            Self::Windows1252 => match WINDOWS_1252.get(usize::from(byte - 0x80)) {
                Some(c) => *c,
                None => char::from(byte),
            },
            Self::Latin9 => LATIN_9.iter().find(|(b, _)| *b == byte).map_or(char::from(byte), |(_, c)| *c),
        }
    }
}

/// What the first bytes of an input say.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::harness) struct Detected {
    /// How to read on.
    pub(in crate::harness) encoding: Encoding,
    /// How long the byte order mark is.
    pub(in crate::harness) mark: usize,
    /// A declared encoding that is not known.
    pub(in crate::harness) unknown: Option<String>,
}

/// Looks at the first bytes (up to 256 are enough).
pub(in crate::harness) fn detect(head: &[u8]) -> Detected {
    let known = |encoding, mark| Detected { encoding, mark, unknown: None };
    match head {
        [0xef, 0xbb, 0xbf, ..] => return known(Encoding::Utf8, 3),
        [0xff, 0xfe, ..] => return known(Encoding::Utf16 { big_endian: false }, 2),
        [0xfe, 0xff, ..] => return known(Encoding::Utf16 { big_endian: true }, 2),
        [b'<', 0, ..] => return known(Encoding::Utf16 { big_endian: false }, 0),
        [0, b'<', ..] => return known(Encoding::Utf16 { big_endian: true }, 0),
        _ => {}
    }
    let Some(name) = declared(head) else { return known(Encoding::Utf8, 0) };
    let encoding = match name.to_ascii_lowercase().replace('_', "-").as_str() {
        "utf-8" | "utf8" | "us-ascii" | "ascii" | "utf-16" | "utf16" | "utf-16le" | "utf-16be" | "unicode" => {
            Encoding::Utf8
        }
        "iso-8859-1" | "iso8859-1" | "latin1" | "latin-1" | "windows-1252" | "cp1252" => {
            Encoding::SingleByte(SingleByte::Windows1252)
        }
        "iso-8859-15" | "iso8859-15" | "latin9" | "latin-9" => Encoding::SingleByte(SingleByte::Latin9),
        _ => {
            let unknown = Some(name);
            return Detected { encoding: Encoding::SingleByte(SingleByte::Unknown), mark: 0, unknown };
        }
    };
    known(encoding, 0)
}

/// The `encoding` of an XML declaration at the start of `head`.
fn declared(head: &[u8]) -> Option<String> {
    let text: String = head.iter().take(256).map(|b| char::from(*b)).collect();
    let declaration = text.trim_start().strip_prefix("<?xml")?;
    let declaration = declaration.split_once("?>")?.0;
    let value = declaration.split_once("encoding")?.1.trim_start().strip_prefix('=')?.trim_start();
    let quote = value.chars().next().filter(|c| matches!(c, '"' | '\''))?;
    let name = value[1..].split_once(quote)?.0.trim();
    (!name.is_empty()).then(|| name.to_owned())
}

/// Reads the input as UTF-8. What is UTF-8 already passes through untouched, invalid sequences included.
pub(in crate::harness) struct Utf8<R> {
    input: R,
    encoding: Encoding,
    raw: Vec<u8>,
    ready: Vec<u8>,
    given: usize,
    mark: u64,
    unknown: Option<String>,
}

/// How much is transcoded in one go, in bytes.
const CHUNK: usize = 16 * 1024;

impl<R: Read> Utf8<R> {
    /// Looks at the start of the input and gets ready to read it.
    pub(in crate::harness) fn new(mut input: R) -> io::Result<Self> {
        let mut head = Vec::with_capacity(256);
        input.by_ref().take(256).read_to_end(&mut head)?;
        let Detected { encoding, mark, unknown } = detect(&head);
        head.drain(..mark.min(head.len()));
        let mut this = Self { input, encoding, raw: Vec::new(), ready: Vec::new(), given: 0, mark: 0, unknown };
        if encoding == Encoding::Utf8 {
            this.mark = mark as u64;
            this.ready = head;
        } else {
            this.raw = head;
            this.transcode(false);
        }
        Ok(this)
    }

    /// How many bytes of a file that is UTF-8 stand before the first one that is given.
    pub(in crate::harness) fn mark(&self) -> u64 {
        self.mark
    }

    /// A declared encoding that is not known.
    pub(in crate::harness) fn unknown(&self) -> Option<&str> {
        self.unknown.as_deref()
    }

    /// Turns `raw` into `ready`; what may be half a character stays in `raw` unless this is the end.
    fn transcode(&mut self, end: bool) {
        self.ready.clear();
        self.given = 0;
        let mut text = String::with_capacity(self.raw.len() * 2);
        match self.encoding {
            Encoding::Utf8 => self.ready.append(&mut self.raw),
            Encoding::SingleByte(table) => text.extend(self.raw.drain(..).map(|byte| table.decode(byte))),
            Encoding::Utf16 { big_endian } => {
                let unit = |pair: &[u8]| {
                    let pair = [pair[0], pair[1]];
                    if big_endian { u16::from_be_bytes(pair) } else { u16::from_le_bytes(pair) }
                };
                let mut whole = self.raw.len() / 2 * 2;
                if !end && whole >= 2 && (0xd800..0xdc00).contains(&unit(&self.raw[whole - 2..whole])) {
                    whole -= 2;
                }
                let units = self.raw[..whole].chunks_exact(2).map(unit);
                text.extend(char::decode_utf16(units).map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER)));
                self.raw.drain(..whole);
                if end && !self.raw.is_empty() {
                    self.raw.clear();
                    text.push(char::REPLACEMENT_CHARACTER);
                }
            }
        }
        self.ready.extend_from_slice(text.as_bytes());
    }
}

impl<R: Read> Read for Utf8<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        while self.given == self.ready.len() {
            if self.encoding == Encoding::Utf8 {
                return self.input.read(out);
            }
            let before = self.raw.len();
            self.raw.resize(before + CHUNK, 0);
            let read = self.input.read(&mut self.raw[before..]);
            self.raw.truncate(before + *read.as_ref().unwrap_or(&0));
            let end = read? == 0;
            self.transcode(end);
            if end && self.ready.is_empty() {
                return Ok(0);
            }
        }
        let rest = &self.ready[self.given..];
        let n = rest.len().min(out.len());
        out[..n].copy_from_slice(&rest[..n]);
        self.given += n;
        Ok(n)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &[u8]) -> String {
        let mut out = String::new();
        Utf8::new(bytes).unwrap().read_to_string(&mut out).unwrap();
        out
    }

    #[test]
    fn utf_16_is_read_in_both_byte_orders_with_and_without_a_mark() {
        let text = "<?xml version=\"1.0\" encoding=\"UTF-16\"?><a n=\"grüße 𠄉\"/>".repeat(4_000);
        let units: Vec<u16> = text.encode_utf16().collect();
        let little: Vec<u8> = units.iter().flat_map(|u| u.to_le_bytes()).collect();
        let big: Vec<u8> = units.iter().flat_map(|u| u.to_be_bytes()).collect();
        for (mark, bytes) in [([0xff, 0xfe], &little), ([0xfe, 0xff], &big)] {
            assert_eq!(read(bytes), text);
            assert_eq!(read(&[&mark[..], bytes].concat()), text);
        }
        assert_eq!(read(&[0xff, 0xfe, b'a', 0, b'b']), "a\u{fffd}", "half a unit at the end");
        assert_eq!(read(&[0xff, 0xfe, 0x00, 0xd8, b'b', 0]), "\u{fffd}b", "half a pair");
    }

    #[test]
    fn single_byte_encodings_follow_the_declaration() {
        let with =
            |name: &str| [format!("<?xml version='1.0' encoding='{name}'?>").as_bytes(), &[0xe9, 0x80, 0xa4]].concat();
        assert!(read(&with("ISO-8859-1")).ends_with("é€¤"));
        assert!(read(&with("iso-8859-15")).ends_with("é\u{80}€"));
        assert!(read(&with("Shift_JIS")).ends_with("\u{fffd}\u{fffd}\u{fffd}"));
        assert_eq!(detect(&with("Shift_JIS")).unknown.as_deref(), Some("Shift_JIS"));
    }

    #[test]
    fn a_declaration_of_utf_16_in_bytes_of_utf_8_is_not_believed() {
        let text = "<?xml version=\"1.0\" encoding=\"utf-16\"?><a n=\"é\"/>";
        assert_eq!(read(text.as_bytes()), text);
        assert_eq!(read(b"\xef\xbb\xbf<a/>"), "<a/>");
        assert_eq!(read(b""), "");
    }
}
