//! Against the reader of whole documents, in pieces of all sizes, and what can go wrong.

use std::io::{self, Read};

use serde_json::Value;

use super::*;
use crate::harness::documents::{documents, one};

/// Hands out so much at once.
struct Pieces<'a>(&'a [u8], usize);

impl Read for Pieces<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let length = self.1.min(self.0.len()).min(out.len());
        let (piece, rest) = self.0.split_at(length);
        out[..length].copy_from_slice(piece);
        self.0 = rest;
        Ok(length)
    }
}

/// The elements of all lists `a` with their lines, and how many documents there were.
fn read(text: &[u8], piece: usize) -> Result<(Vec<(u64, String)>, usize), HarnessError> {
    let mut elements = Elements::new(Pieces(text, piece), "h")?;
    let (mut all, mut count) = (Vec::new(), 0);
    while elements.find(|_| false)? == Found::Document {
        elements.document("a", &mut |line, text| {
            let (value, length) = one::<Value>(text)?;
            all.push((line, value.to_string()));
            Ok(length.into())
        })?;
        count += 1;
    }
    Ok((all, count))
}

const PIECES: [usize; 5] = [1, 2, 3, 7, 1 << 20];

#[test]
fn elements_are_read_whatever_the_pieces() {
    let text = "\u{feff}[INFO] hi\r\n[1/2] x\n{ \"c\": {\"a\": [0]}, \"n\": -1.5e3 ,\n\"a\" : [\n {\"x\": \"}\\\"]\"},\n 12,NaN\n, \
                [{\"y\":-Infinity}]\n], \"z\": Infinity, \"t\": true}\nend {\n{\"a\":[]}{\"b\":1,\"a\":[\"\u{e9}\"]}";
    let want = [(5, "{\"x\":\"}\\\"]\"}"), (6, "12"), (6, "null"), (7, "[{\"y\":null}]")];
    let want: Vec<(u64, String)> = want.iter().map(|(line, text)| (*line, (*text).to_owned())).collect();
    let last = (10, "\"\u{e9}\"".to_owned());
    for piece in PIECES {
        assert_eq!(read(text.as_bytes(), piece), Ok(([&want[..], std::slice::from_ref(&last)].concat(), 3)), "{piece}");
    }
    let utf_16: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
    assert_eq!(read(&utf_16, 5).map(|found| found.1), Ok(3));
    assert_eq!(read(b"{\"a\":[\"x\xff\"]}", 3), Ok((vec![(1, "\"x\u{fffd}\"".to_owned())], 1)));
}

#[test]
fn mistakes_have_their_place() {
    let cut = "cut off: the JSON ends in the middle";
    for (text, line, column, words) in [
        ("x\n{\"a\":[1,\n{\"b\": nope}]}", 3, 8, "not JSON"),
        ("x\n{\"a\":[1,\n {\"b\": ", 3, 7, cut),
        ("{\"a\":[1", 1, 8, cut),
        ("{\"a\":[1]", 1, 9, cut),
        ("{\"a\":[1]\n", 2, 1, cut),
        ("{", 1, 2, cut),
        ("{\"a", 1, 3, cut),
        ("{\"a\":[1 2]}", 1, 9, "not JSON"),
        ("{\"a\":[1,]}", 1, 9, "not JSON"),
        ("{\"a\":[1],}", 1, 10, "not JSON"),
        ("{\"a\" [1]}", 1, 6, "not JSON"),
        ("{\"a\":{}}", 1, 6, "not as expected: `a` is no list"),
        ("{\"a\":[],\n \"a\":[]}", 2, 6, "not as expected: `a` stands there twice"),
        ("{\"b\":[]}", 1, 9, "not as expected: there are no `a`"),
        ("{}", 1, 3, "not as expected: there are no `a`"),
        ("[]", 1, 1, "not as expected: a list, not an object with `a`"),
    ] {
        for piece in PIECES {
            let error = read(text.as_bytes(), piece).unwrap_err();
            assert_eq!((error.line, error.column, error.text.as_str()), (line, column, words), "{text} in {piece}");
        }
    }
    assert_eq!(read(b"", 1), Ok((Vec::new(), 0)));
}

/// Memory follows the longest element, not the file; what is nested deeply is refused and not a stack that overflows.
#[test]
fn files_of_any_size_and_depth_are_read_in_bounded_memory() {
    let head = b"{\"context\": [1, 2], \"a\": [0".as_slice();
    let entry = b",\n    {\"name\": \"one\", \"real_time\": 1.5}";
    let many = head.chain(std::io::Cursor::new(entry.repeat(200_000))).chain(b"]}".as_slice());
    let mut elements = Elements::new(many, "h").unwrap();
    assert_eq!(elements.find(|_| false).unwrap(), Found::Document);
    let mut count = 0;
    let mut take = |_: u64, text: &str| {
        let (_, length) = one::<IgnoredAny>(text)?;
        count += 1;
        Ok(length.into())
    };
    elements.document("a", &mut take).unwrap();
    assert_eq!((count, elements.line()), (200_001, 200_001));
    let held = elements.window.text.capacity();
    assert!(held <= 1 << 20, "{held}");
    let deep = format!("{{\"a\":[{}{}]}}", "[".repeat(100_000), "]".repeat(100_000));
    assert_eq!(read(deep.as_bytes(), 1 << 20).unwrap_err().text, "not JSON");
}

/// One long element, and many that have to be read twice: no more than a few times the work.
#[test]
fn the_work_grows_with_the_file_only() {
    let long = format!("{{\"a\":[\"{}\", {}1]}}", "x".repeat(3 << 20), "NaN, ".repeat(50_000));
    let mut elements = Elements::new(long.as_bytes(), "h").unwrap();
    assert_eq!(elements.find(|_| false).unwrap(), Found::Document);
    let mut looked = 0;
    let mut take = |_: u64, text: &str| {
        looked += if text.starts_with('"') { text.len() } else { 1 };
        one::<Value>(text).map(|(_, length)| length.into())
    };
    elements.document("a", &mut take).unwrap();
    assert!(looked < 16 << 20, "{looked}");
}

/// Whatever the other reader makes of a text, this one does.
#[test]
fn both_readers_agree() {
    let parts = [
        "{\"a\":[", "{\"b\":", "]", "}", ",", "\n", "1", "\"a\"", ":", "NaN", "[", "{}", "x", " ", "null", "\\\"", "\"",
    ];
    let mut random = 0x9e37_79b9_7f4a_7c15u64;
    let mut agreed = 0;
    for _ in 0..60_000 {
        let mut text = String::from("{\"a\":[");
        for _ in 0..8 {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            text.push_str(parts[(random >> 33) as usize % parts.len()]);
        }
        let ours = read(text.as_bytes(), 3).map(|(elements, _)| elements.into_iter().map(|(_, text)| text).collect());
        #[derive(serde::Deserialize)]
        struct Root {
            a: Vec<Value>,
        }
        let theirs = documents::<Root>(text.as_bytes(), "h").map(|documents| {
            documents.iter().flat_map(|one| &one.value.a).map(Value::to_string).collect::<Vec<String>>()
        });
        assert_eq!(ours.is_ok(), theirs.is_ok(), "{text}: {ours:?}, {theirs:?}");
        if let (Ok(ours), Ok(theirs)) = (ours, theirs) {
            let ours: Vec<String> = ours;
            assert_eq!(ours, theirs, "{text}");
            agreed += 1;
        }
    }
    assert!(agreed > 100, "{agreed}");
}
