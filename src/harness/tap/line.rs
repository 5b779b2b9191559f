//! What one line of a stream is.

use crate::harness::cases::durations;

/// A result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Point {
    /// It says `ok`.
    pub(super) ok: bool,
    /// Its number.
    pub(super) number: Option<u64>,
    /// What it is called, without the dash before it.
    pub(super) name: String,
    /// What stands behind the mark.
    pub(super) directive: Directive,
    /// `time=1.5ms`, in nanoseconds.
    pub(super) duration_ns: Option<u64>,
    /// The results of a subtest follow in braces.
    pub(super) opens: bool,
}

/// What a result says about itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Directive {
    /// Nothing.
    None,
    /// It was not run; with the reason.
    Skip(String),
    /// It is not expected to pass; with the reason.
    Todo(String),
}

/// A line that means something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Kind {
    /// `TAP version 14`.
    Version,
    /// `1..5`, perhaps with the reason why all tests are skipped.
    Plan(u64, Option<String>),
    Point(Point),
    /// `Bail out!`, with the reason.
    BailOut(String),
    /// `# text`.
    Comment(String),
    /// `---`.
    Diagnosis,
    /// `}`.
    Close,
    /// Anything else.
    Foreign,
}

impl Kind {
    /// The name of a result.
    pub(super) fn name(&self) -> String {
        if let Self::Point(point) = self { point.name.clone() } else { String::new() }
    }
}

/// How many spaces a line starts with, and what it is.
pub(super) fn kind(line: &str) -> (usize, Kind) {
    let text = line.trim_start_matches(' ');
    let indent = line.len() - text.len();
    (indent, classify(text.trim_end()))
}

fn classify(text: &str) -> Kind {
    if let Some(comment) = text.strip_prefix('#') {
        return Kind::Comment(comment.strip_prefix(' ').unwrap_or(comment).to_owned());
    }
    if let Some(version) = text.strip_prefix("TAP version ") {
        return if version.trim().parse::<u32>().is_ok() { Kind::Version } else { Kind::Foreign };
    }
    if let Some(reason) = text.strip_prefix("Bail out!") {
        return Kind::BailOut(reason.trim().to_owned());
    }
    match text {
        "---" => return Kind::Diagnosis,
        "}" => return Kind::Close,
        _ => {}
    }
    plan(text).or_else(|| point(text)).unwrap_or(Kind::Foreign)
}

fn plan(text: &str) -> Option<Kind> {
    let rest = text.strip_prefix("1..")?;
    let (count, rest) = rest.split_at(rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len()));
    let rest = rest.trim();
    let reason = rest.strip_prefix('#').map(|reason| without_word(reason.trim()).to_owned());
    (rest.is_empty() || reason.is_some()).then_some(())?;
    Some(Kind::Plan(count.parse().ok()?, reason))
}

fn point(text: &str) -> Option<Kind> {
    let (ok, rest) = match text.strip_prefix("not ok") {
        Some(rest) => (false, rest),
        None => (true, text.strip_prefix("ok")?),
    };
    if !(rest.is_empty() || rest.starts_with([' ', '\t'])) {
        return None;
    }
    let rest = rest.trim_start();
    let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
    let follows = rest[digits..].chars().next();
    let number = rest[..digits].parse().ok().filter(|_| follows.is_none_or(|c| c.is_whitespace() || c == '-'));
    let rest = if number.is_some() { &rest[digits..] } else { rest };
    let (rest, opens) = match rest.trim_end().strip_suffix('{') {
        Some(rest) if rest.is_empty() || rest.ends_with(' ') => (rest, true),
        _ => (rest, false),
    };
    let (name, mark) = split_mark(rest);
    let name = name.trim().strip_prefix("- ").unwrap_or(name.trim());
    let name = if name == "-" { "" } else { name.trim() };
    let (directive, duration_ns) = mark.map_or((Directive::None, None), |mark| directive(mark.trim()));
    // A mark without a meaning is a part of the name.
    let name = match mark {
        Some(mark) if directive == Directive::None && duration_ns.is_none() => format!("{name} #{mark}"),
        _ => name.to_owned(),
    };
    Some(Kind::Point(Point { ok, number, name: unescaped(name.trim()), directive, duration_ns, opens }))
}

/// Splits at the first `#` that is not escaped and stands behind white space.
fn split_mark(text: &str) -> (&str, Option<&str>) {
    let mut previous = ' ';
    let mut escaped = false;
    for (at, c) in text.char_indices() {
        if c == '#' && !escaped && previous.is_whitespace() {
            return (&text[..at], Some(&text[at + 1..]));
        }
        escaped = c == '\\' && !escaped;
        previous = c;
    }
    (text, None)
}

fn directive(mark: &str) -> (Directive, Option<u64>) {
    let word = mark.split_whitespace().next().unwrap_or_default();
    let starts = |what: &str| word.get(..4).is_some_and(|start| start.eq_ignore_ascii_case(what));
    if starts("skip") {
        return (Directive::Skip(unescaped(without_word(mark))), None);
    }
    if word.eq_ignore_ascii_case("todo") || (starts("todo") && !word[4..].starts_with(char::is_alphanumeric)) {
        return (Directive::Todo(unescaped(without_word(mark))), None);
    }
    if let Some(time) = mark.strip_prefix("time=") {
        return (Directive::None, durations::nanoseconds(time.trim().as_bytes()));
    }
    (Directive::None, None)
}

/// The reason behind `SKIP` or `TODO`; a lone dash is none.
fn without_word(mark: &str) -> &str {
    let rest = mark.find(char::is_whitespace).map_or("", |at| mark[at..].trim());
    rest.strip_prefix("- ").unwrap_or(if rest == "-" { "" } else { rest })
}

fn unescaped(text: &str) -> String {
    text.replace("\\#", "#").replace("\\\\", "\\")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is(line: &str) -> Kind {
        kind(line).1
    }

    fn point(ok: bool, number: Option<u64>, name: &str, directive: Directive) -> Kind {
        Kind::Point(Point { ok, number, name: name.into(), directive, duration_ns: None, opens: false })
    }

    #[test]
    fn results_are_read_in_every_shape() {
        let none = Directive::None;
        assert_eq!(is("ok"), point(true, None, "", none.clone()));
        assert_eq!(is("not ok 12"), point(false, Some(12), "", none.clone()));
        assert_eq!(is("ok 1 - a - b"), point(true, Some(1), "a - b", none.clone()));
        assert_eq!(is("ok 1 a \\# b"), point(true, Some(1), "a # b", none.clone()));
        assert_eq!(is("ok 1 - issue #12 # of #3"), point(true, Some(1), "issue #12 # of #3", none.clone()));
        assert_eq!(is("ok 2nd try"), point(true, None, "2nd try", none.clone()));
        assert_eq!(is("ok 3 # skip no net"), point(true, Some(3), "", Directive::Skip("no net".into())));
        assert_eq!(is("ok 3 a # SKIP -"), point(true, Some(3), "a", Directive::Skip(String::new())));
        assert_eq!(is("ok 3 a # Skipped: why"), point(true, Some(3), "a", Directive::Skip("why".into())));
        assert_eq!(is("not ok 4 - b # TODO"), point(false, Some(4), "b", Directive::Todo(String::new())));
        for foreign in ["okay", "ok: yes", "not okay", "oks 1", "1..x", "1.. 5", "TAP version x", "nok 1"] {
            assert_eq!(is(foreign), Kind::Foreign, "{foreign}");
        }
    }

    #[test]
    fn times_and_braces_stand_behind_the_name() {
        let Kind::Point(found) = is("    not ok 1 - a.js # time=14.5ms {") else { panic!() };
        assert_eq!(
            (found.name.as_str(), found.duration_ns, found.opens, found.ok),
            ("a.js", Some(14_500_000), true, false)
        );
        assert_eq!(is("ok 1 - f() {"), {
            let mut expected = point(true, Some(1), "f()", Directive::None);
            if let Kind::Point(point) = &mut expected {
                point.opens = true;
            }
            expected
        });
    }

    #[test]
    fn plans_and_marks_are_read() {
        assert_eq!(is("1..5"), Kind::Plan(5, None));
        assert_eq!(is("1..0 # SKIP no database"), Kind::Plan(0, Some("no database".into())));
        assert_eq!(is("Bail out! disk full"), Kind::BailOut("disk full".into()));
        assert_eq!(kind("    # Subtest: a"), (4, Kind::Comment("Subtest: a".into())));
        assert_eq!(is("TAP version 14"), Kind::Version);
    }
}
