//! What all renderings of a history say of a series and of a change.

use crate::report::{escape, figures, metric_word};
use crate::results::{Direction, SeriesChange, SeriesHistory};

/// A series in one line, not escaped: `parse/small, wall time (less is better)`.
pub fn heading(series: &SeriesHistory) -> String {
    let better = if series.direction == Direction::Lower { "less is better" } else { "more is better" };
    format!("{}, {} ({better})", series.benchmark, metric_word(&series.metric))
}

/// A size: `+6.6 %`, or in the series' unit where it is no share.
pub fn size_words(size: f64, relative: bool, unit: &str) -> String {
    if relative {
        return figures::change(size);
    }
    let sign = if size < 0.0 { "−" } else { "+" };
    format!("{sign}{}", figures::value(size.abs(), unit))
}

/// The commits that a change lies between: `after 1a2b3c4d5 until 6f7a8b9c0 (3 commits)`.
pub fn range_words(change: &SeriesChange) -> String {
    let short = |hash: &String| escape::line(hash.get(..9).unwrap_or(hash)).into_owned();
    let range = match (&change.after, &change.until) {
        (Some(after), Some(until)) if after == until => format!("within {}", short(until)),
        (Some(after), Some(until)) => format!("after {}, until {}", short(after), short(until)),
        (None, Some(until)) => format!("until {}", short(until)),
        (Some(after), None) => format!("after {}", short(after)),
        (None, None) => format!("with the run of {}", change.at.strftime("%Y-%m-%d %H:%M")),
    };
    match change.commits {
        Some(0) | None => range,
        Some(1) => format!("{range} (1 commit)"),
        Some(commits) => format!("{range} ({commits} commits)"),
    }
}

/// A change in one line, escaped for a terminal: its size, interval, commits, and who accepted it.
pub fn change_words(change: &SeriesChange, unit: &str) -> String {
    let size = size_words(change.size, change.relative, unit);
    let low = size_words(change.low, change.relative, unit);
    let high = size_words(change.high, change.relative, unit);
    let day = change.at.strftime("%Y-%m-%d");
    let interval =
        if change.relative { figures::interval(change.low, change.high) } else { format!("{low} … {high}") };
    let mut text = format!("{size} ({interval}) {}, {day}", range_words(change));
    if let Some(accepted) = &change.accepted {
        let told = format!(", accepted by {}: {}", accepted.author, accepted.reason);
        text.push_str(&escape::line(escape::cut(&told, 200).as_ref()));
    }
    text
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::{change_words, size_words};
    use crate::results::{AcceptedRef, SeriesChange};

    fn change() -> SeriesChange {
        SeriesChange {
            index: 3,
            after: Some("a".repeat(40)),
            until: Some("b".repeat(40)),
            commits: Some(3),
            at: Timestamp::UNIX_EPOCH,
            size: 0.066,
            low: 0.05,
            high: 0.08,
            relative: true,
            p: 1e-6,
            worse: true,
            accepted: None,
        }
    }

    #[test]
    fn a_change_is_told_with_its_commits() {
        let told = change_words(&change(), "ns");
        assert_eq!(told, "+6.6 % (+5.0 … +8.0 %) after aaaaaaaaa, until bbbbbbbbb (3 commits), 1970-01-01");
    }

    #[test]
    fn foreign_words_do_no_harm() {
        let pattern = "x".into();
        let accepted = AcceptedRef { pattern, reason: "\u{1b}[2Jx\ny".into(), author: "A".into(), commit: None };
        let told = change_words(&SeriesChange { accepted: Some(accepted), after: None, ..change() }, "ns");
        assert!(told.ends_with("accepted by A: \\u{1b}[2Jx y"), "{told}");
        assert!(!told.contains('\u{1b}'));
        // A hash that is none is no reason to panic.
        let odd = SeriesChange { until: Some("ééééééééééé".into()), ..change() };
        assert!(change_words(&odd, "ns").contains("until"));
    }

    #[test]
    fn what_is_no_share_has_the_unit() {
        assert_eq!(size_words(-2e6, false, "ns"), "−2.00 ms");
        assert_eq!(size_words(3.0, false, "count"), "+3");
    }
}
