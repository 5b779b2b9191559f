//! What changed of late, and with which commits: a short text for people who look once a week.

use std::collections::BTreeMap;
use std::fmt::Write;

use jiff::Timestamp;

use super::words::{range_words, size_words};
use crate::report::{escape, figures};
use crate::results::{GuardState, History, SeriesChange, SeriesHistory};

/// So many commit ranges, and so many benchmarks of each, are told; the rest is counted.
const RANGES: usize = 20;
const ROWS: usize = 12;

/// Changes that lie between the same commits.
struct Range<'a> {
    words: String,
    rows: Vec<(&'a SeriesHistory, &'a SeriesChange)>,
}

impl Range<'_> {
    fn worse(&self) -> usize {
        self.rows.iter().filter(|(_, change)| change.worse && change.accepted.is_none()).count()
    }

    /// The largest change for the worse; then the largest at all.
    fn weight(&self) -> (usize, f64) {
        let size =
            |(_, change): &(&SeriesHistory, &SeriesChange)| if change.relative { change.size.abs() } else { 0.0 };
        (self.worse().min(1), self.rows.iter().map(size).fold(0.0, f64::max))
    }
}

fn ranges(history: &History, since: Timestamp) -> Vec<Range<'_>> {
    let mut found: BTreeMap<(Option<&str>, Option<&str>), Range<'_>> = BTreeMap::new();
    for series in &history.series {
        for change in series.changes.iter().filter(|change| change.at >= since) {
            let place = (change.after.as_deref(), change.until.as_deref());
            let range = found.entry(place).or_insert_with(|| Range { words: range_words(change), rows: Vec::new() });
            range.rows.push((series, change));
        }
    }
    let mut ranges: Vec<Range<'_>> = found.into_values().collect();
    for range in &mut ranges {
        range.rows.sort_by(|a, b| b.1.size.abs().total_cmp(&a.1.size.abs()));
    }
    let order = |range: &Range<'_>| range.weight();
    ranges.sort_by(|a, b| order(b).0.cmp(&order(a).0).then(order(b).1.total_cmp(&order(a).1)));
    ranges
}

/// How names and lists are written.
struct Manner {
    code: fn(&str) -> String,
    head: &'static str,
    item: &'static str,
}

const TEXT: Manner = Manner { code: plain, head: "", item: "  " };
const MARKDOWN: Manner = Manner { code: escape::code, head: "### ", item: "- " };

fn plain(text: &str) -> String {
    escape::line(text).into_owned()
}

/// The digest for a terminal or a mail.
pub fn digest_text(history: &History, since: Timestamp) -> String {
    digest(history, since, &TEXT)
}

/// The digest as Markdown.
pub fn digest_markdown(history: &History, since: Timestamp) -> String {
    digest(history, since, &MARKDOWN)
}

fn digest(history: &History, since: Timestamp, manner: &Manner) -> String {
    let whose = match (&history.branch, history.request) {
        (_, Some(number)) => format!("change request {number}"),
        (Some(branch), None) => (manner.code)(branch),
        (None, None) => "runs without a branch".to_owned(),
    };
    let runs: std::collections::BTreeSet<&str> = history
        .series
        .iter()
        .flat_map(|series| series.points.iter().filter(|point| point.at >= since).map(|point| point.run.as_str()))
        .collect();
    let ranges = ranges(history, since);
    let (mut worse, mut better, mut accepted) = (0, 0, 0);
    for (_, change) in ranges.iter().flat_map(|range| &range.rows) {
        *match (change.accepted.is_some(), change.worse) {
            (true, _) => &mut accepted,
            (false, true) => &mut worse,
            (false, false) => &mut better,
        } += 1;
    }
    let mut out = format!(
        "{}Since {} on {whose}: {worse} worse, {better} better, {accepted} accepted, in {} runs of {} series\n",
        manner.head.strip_prefix('#').unwrap_or_default(),
        since.strftime("%Y-%m-%d"),
        runs.len(),
        history.series.len()
    );
    for range in ranges.iter().take(RANGES) {
        told(&mut out, range, manner);
    }
    if ranges.len() > RANGES {
        let _ = writeln!(out, "\n... and {} more commit ranges", ranges.len() - RANGES);
    }
    slow(&mut out, history, manner);
    out
}

fn told(out: &mut String, range: &Range<'_>, manner: &Manner) {
    let _ = writeln!(out, "\n{}{}", manner.head, range.words);
    if !manner.head.is_empty() {
        out.push('\n');
    }
    for (series, change) in range.rows.iter().take(ROWS) {
        let size = size_words(change.size, change.relative, &series.unit);
        let interval =
            if change.relative { format!(" ({})", figures::interval(change.low, change.high)) } else { String::new() };
        let word = match (&change.accepted, change.worse) {
            (Some(accepted), _) => format!("accepted by {}", (manner.code)(&accepted.author)),
            (None, true) => "worse".to_owned(),
            (None, false) => "better".to_owned(),
        };
        let (name, metric) = ((manner.code)(&series.benchmark), (manner.code)(&series.metric));
        let _ = writeln!(out, "{}{name} {metric}: {size}{interval}, {word}", manner.item);
    }
    if range.rows.len() > ROWS {
        let _ = writeln!(out, "{}... and {} more", manner.item, range.rows.len() - ROWS);
    }
}

/// What no single commit did: drifts, and sums beyond the guard's limit.
fn slow(out: &mut String, history: &History, manner: &Manner) {
    let mut rows = Vec::new();
    for series in &history.series {
        if let Some(drift) = series.drift.filter(|drift| drift.worse) {
            let size = size_words(drift.size, drift.relative, &series.unit);
            let points = drift.to.saturating_sub(drift.from) + 1;
            rows.push(format!(
                "{} {}: drifts, {size} over {points} points",
                (manner.code)(&series.benchmark),
                (manner.code)(&series.metric)
            ));
        }
    }
    for row in history.guard.iter().flat_map(|guard| &guard.rows).filter(|row| row.state == GuardState::Exceeded) {
        let since = history.guard.as_ref().map(|guard| (manner.code)(&guard.since)).unwrap_or_default();
        let change = row.change.map(figures::change).unwrap_or_default();
        rows.push(format!(
            "{} {}: {change} since {since}, beyond the limit",
            (manner.code)(&row.benchmark),
            (manner.code)(&row.metric)
        ));
    }
    if rows.is_empty() {
        return;
    }
    let _ = writeln!(out, "\n{}Slowly\n", manner.head);
    for row in rows.iter().take(RANGES) {
        let _ = writeln!(out, "{}{row}", manner.item);
    }
    if rows.len() > RANGES {
        let _ = writeln!(out, "{}... and {} more", manner.item, rows.len() - RANGES);
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::{digest_markdown, digest_text};
    use crate::report::history::svg::sample;
    use crate::results::{AcceptedRef, History};

    fn history() -> History {
        let slower = sample(&[(1e6, 30), (2e6, 30)]);
        let mut faster = sample(&[(4e6, 30), (3e6, 30)]);
        faster.benchmark = "encode".into();
        let mut older = sample(&[(4e6, 12), (3e6, 48)]);
        older.benchmark = "old".into();
        History { branch: Some("main".into()), series: vec![faster, slower, older], ..History::default() }
    }

    fn hours(hours: i64) -> Timestamp {
        Timestamp::UNIX_EPOCH + jiff::SignedDuration::from_hours(hours)
    }

    #[test]
    fn changes_of_one_commit_range_stand_together() {
        let told = digest_text(&history(), hours(24));
        let expected = "\
Since 1970-01-02 on main: 1 worse, 1 better, 0 accepted, in 36 runs of 3 series

after 00000001d, until 00000001e
  parse/small wall_time: +100 % (+100 … +100 %), worse
  encode wall_time: −25 % (−25 … −25 %), better
";
        assert_eq!(told, expected);
        assert!(digest_text(&history(), hours(0)).contains("old wall_time"));
        assert!(digest_text(&history(), hours(99)).starts_with("Since 1970-01-05 on main: 0 worse, 0 better"));
    }

    #[test]
    fn markdown_lets_no_name_out() {
        let mut history = history();
        history.series[1].benchmark = "@all <img src=x> `x` [a](b)\n# h".into();
        history.branch = Some("| x".into());
        let accepted = AcceptedRef { pattern: "*".into(), reason: "r".into(), author: "@you".into(), commit: None };
        history.series[0].changes[0].accepted = Some(accepted);
        let told = digest_markdown(&history, hours(24));
        let name = "<code><span>&#64;</span>all &#60;img src&#61;x&#62; &#96;x&#96; &#91;a&#93;&#40;b&#41; &#35; h</code> `wall_time`: +100 %";
        assert!(told.contains(name), "{told}");
        assert!(
            told.contains("accepted by <code><span>&#64;</span>you</code>") && told.contains("1 accepted"),
            "{told}"
        );
        assert!(told.starts_with("## Since 1970-01-02 on <code>&#124; x</code>"), "{told}");
    }
}
