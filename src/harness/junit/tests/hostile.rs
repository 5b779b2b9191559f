//! Input that is no report, damaged, or made to hurt.

use std::io::Read;
use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use super::all;
use crate::harness::junit::{Limits, read};

fn error(bytes: &[u8]) -> String {
    all(bytes).1.unwrap_err().to_string()
}

#[test]
fn what_is_no_report_is_named_with_its_place() {
    let cases: &[(&[u8], &str)] = &[
        (b"", "the file is empty; did the test command write its report?"),
        (b"\xef\xbb\xbf \n", "the file is empty; did the test command write its report?"),
        (
            b"\n  hello",
            "not XML: found `hello` at line 2, column 3 (byte 3) where `<testsuites>` or `<testsuite>` was expected",
        ),
        (
            b"{\"a\": 1}",
            "not XML: found `{\"a\": 1}` at line 1, column 1 (byte 0) where `<testsuites>` or `<testsuite>` was expected",
        ),
        (
            b"<html><body/>",
            "not JUnit XML: found `<html>` at line 1, column 1 (byte 0) where `<testsuites>` or `<testsuite>` was expected; this is a web page, perhaps an HTML report or a log-in page",
        ),
        (
            b"<?xml version='1.0'?>\n<a:foo/>",
            "not JUnit XML: found `<foo>` at line 2, column 1 (byte 22) where `<testsuites>` or `<testsuite>` was expected",
        ),
        (
            b"<testsuite><testcase name='a'></testsuite>",
            "`</testsuite>` at line 1, column 31 (byte 30) does not close the case `a`; the file is damaged or two programs wrote into it",
        ),
        (
            b"<testsuite/></testsuite>",
            "`</testsuite>` at line 1, column 13 (byte 12) does not close anything; the file is damaged or two programs wrote into it",
        ),
        (
            b"<testsuite></>",
            "`</?>` at line 1, column 12 (byte 11) does not close an unnamed `<testsuite>`; the file is damaged or two programs wrote into it",
        ),
    ];
    for (bytes, message) in cases {
        assert_eq!(error(bytes), *message);
    }
    let garbage: Vec<u8> = (0..2_000u32).map(|i| (i * 7 + i / 13) as u8 | 0x80).collect();
    assert!(error(&garbage).starts_with("not XML: found `"), "{}", error(&garbage));
    assert!(error(b"\x7fELF\x02\x01\x01\0\0\0").starts_with("not XML"));
}

#[test]
fn text_around_a_report_is_left_out_with_a_warning() {
    let report = "<testsuite name='s'><testcase name='a'/></testsuite>";
    for (before, found) in [
        ("\n> app@1.0.0 test\n> mocha <dir> 1 < 2 </b> <?php\n\n", "> app@1.0.0 test"),
        ("debug: on\n<?xml version='1.0'?>\n<!DOCTYPE a>", "debug: on"),
        ("\u{fffd}<a <!-- <testsuite> -->", "\u{fffd}"),
    ] {
        let (cases, result) = all(format!("{before}{report}\nnpm ERR! Test failed.").as_bytes());
        assert_eq!(cases.len(), 1, "{before}");
        let expected = format!("the text before the report was left out; it starts with `{found}`");
        assert_eq!(result.unwrap().warnings, [&expected, "there is text after the end of the report; it was ignored"]);
    }
    assert!(error(b"hello\n<html><p>").starts_with("not XML: found `hello` at line 1, column 1"));
    assert!(error(b"hello <?xml version='1.0'?><html/>").starts_with("not JUnit XML: found `<html>`"));
    assert!(error(b"\nhello <testsui").starts_with("not XML: found `hello` at line 2, column 1"));
    assert!(error(b"hello <!DOCTYPE a [<!ENTITY b 'c'>]><testsuites/>").contains("declares entities"));
}

#[test]
fn a_file_that_is_cut_off_gives_its_complete_cases() {
    let whole = "<testsuites>\n<testsuite name='s'>\n<testcase name='a'/>\n<testcase name='b'><failure>x</failure></testcase>\n<testcase name='ü'><failure>tra";
    let (found, result) = all(whole.as_bytes());
    assert_eq!(found.iter().map(|case| case.name.as_str()).collect::<Vec<_>>(), ["a", "b"]);
    assert_eq!(
        result.unwrap_err().to_string(),
        "cut off at line 5, column 32 (byte 138): the file ends inside the case `ü`; was the test command killed, or the disk full?"
    );
    for (text, inside) in [
        ("<testsuites>", "`<testsuites>`"),
        ("<testsuite name='s'>", "the suite `s`"),
        ("<testsuite name='s", "a tag"),
        ("<testsuites><testcase na", "a tag in `<testsuites>`"),
        ("<testsuites></testsu", "a tag in `<testsuites>`"),
        ("<testsuites><!-- x", "a comment"),
        ("<testsuites><![CDATA[x]]", "a CDATA section"),
        ("<testsuites><", "a tag"),
        ("<?xml versi", "a processing instruction"),
        ("<!DOCTYPE x [", "a DOCTYPE"),
    ] {
        assert!(
            error(text.as_bytes()).contains(&format!("the file ends inside {inside};")),
            "{}",
            error(text.as_bytes())
        );
    }
}

#[test]
fn entities_are_refused_before_they_are_expanded() {
    let bomb =
        "<?xml version='1.0'?>\n<!DOCTYPE lolz [<!ENTITY lol 'lol'>\n<!ENTITY lol2 '&lol;&lol;'>]>\n<testsuites/>";
    assert!(error(bomb.as_bytes()).starts_with("the DOCTYPE at line 2, column 1 (byte 22) declares entities"));
    assert!(
        error(b"<!DOCTYPE a [ ]> <!entity % x SYSTEM 'file:///etc/passwd'> <testsuites/>")
            .contains("declares entities")
    );
    let used = "<testsuite>\n<testcase name='a'><failure>&lol;</failure></testcase></testsuite>";
    assert!(error(used.as_bytes()).starts_with("the entity `&lol;` near line 2, column 29 (byte 40) is not declared"));
    assert!(
        error(b"<testsuite><testcase name='&x;'/></testsuite>").starts_with("the entity `&x;` near line 1, column 12")
    );
    assert!(all(b"<!DOCTYPE a [<!ELEMENT a (b)>]><testsuites/>").1.is_ok());
}

#[test]
fn depth_attributes_and_tags_have_limits() {
    assert!(error("<testsuite>".repeat(100_000).as_bytes()).starts_with("elements nest deeper than 200 at line 1"));
    assert!(error(format!("<testsuite>{}", "<x>".repeat(100_000)).as_bytes()).starts_with("elements nest deeper"));
    assert!(error("<testcase name='a'>".repeat(100_000).as_bytes()).starts_with("elements nest deeper"));
    let many: String = (0..600).map(|i| format!(" a{i}='1'")).collect();
    assert!(error(format!("<testsuite{many}/>").as_bytes()).contains("more than 500 attributes"));
    let limits = Limits { token: 200_000, ..Limits::default() };
    let text = format!("<testsuite name='{}'/>", "x".repeat(900_000));
    let result = read(text.as_bytes(), &limits, &mut |_| ControlFlow::Continue(()));
    assert!(result.unwrap_err().to_string().contains("is longer than 200000 bytes"));
}

/// Gives one byte at a time, so that every token is split everywhere.
struct Trickle<'a>(&'a [u8]);

impl Read for Trickle<'_> {
    fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
        let n = self.0.len().min(out.len()).min(1);
        out[..n].copy_from_slice(&self.0[..n]);
        self.0 = &self.0[n..];
        Ok(n)
    }
}

#[test]
fn it_does_not_matter_how_the_bytes_arrive() {
    for (name, bytes) in super::fixtures::FILES {
        let mut trickled = Vec::new();
        let totals = read(Trickle(bytes), &Limits::default(), &mut |case| {
            trickled.push(case.clone());
            ControlFlow::Continue(())
        });
        let (found, expected) = all(bytes);
        assert_eq!(trickled, found, "{name}");
        assert_eq!(totals.unwrap(), expected.unwrap(), "{name}");
    }
}

/// A small generator of numbers, the same ones each time.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % limit.max(1) as u64) as usize
    }
}

#[test]
fn no_damage_makes_it_panic_or_hang() {
    let started = Instant::now();
    let mut numbers = Numbers(0x5eed);
    let mut slowest = Duration::ZERO;
    let mut check = |bytes: &[u8]| {
        let before = Instant::now();
        let _ = all(bytes);
        slowest = slowest.max(before.elapsed());
    };
    for (_, bytes) in super::fixtures::FILES {
        for end in (0..bytes.len()).step_by(bytes.len() / 40 + 1) {
            check(&bytes[..end]);
        }
        for _ in 0..60 {
            let mut damaged = bytes.to_vec();
            for _ in 0..=numbers.below(6) {
                let at = numbers.below(damaged.len());
                damaged[at] = b"<>/'\"&;![]-?= \0\xff\x80a"[numbers.below(18)];
            }
            check(&damaged);
            let (from, to) = (numbers.below(bytes.len()), numbers.below(bytes.len()));
            check(&[&bytes[..from], &bytes[to..]].concat());
            let other = super::fixtures::FILES[numbers.below(super::fixtures::FILES.len())].1;
            check(&[&bytes[..from], &other[numbers.below(other.len())..]].concat());
        }
    }
    assert!(slowest < Duration::from_millis(500), "one file took {slowest:?}");
    assert!(started.elapsed() < Duration::from_secs(20), "all took {:?}", started.elapsed());
}
