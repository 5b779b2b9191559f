//! A series as an SVG picture: complete in itself, light or dark as its reader prefers, all foreign text escaped.

use std::fmt::Write;

use super::words::{change_words, heading, size_words};
use crate::report::{escape, figures};
use crate::results::{SeriesHistory, SeriesPoint};

/// Size of a picture, and where its axes are.
const WIDTH: f64 = 860.0;
const HEIGHT: f64 = 300.0;
const LEFT: f64 = 90.0;
const RIGHT: f64 = 16.0;
const TOP: f64 = 48.0;
const BOTTOM: f64 = 40.0;
/// More points than this are drawn without a mark and a title of their own.
const TITLED: usize = 2000;
/// So many characters of foreign text stand in a title.
const LONGEST: usize = 160;

const STYLE: &str = ":root{color-scheme:light dark}\
.bg{fill:#fff}.axis{stroke:#888;fill:none}.grid{stroke:#ddd}.text{fill:#222}.soft{fill:#666}\
.line{fill:none;stroke:#3b6fb5;stroke-width:1}.dot{fill:#3b6fb5}.noisy{fill:#fff;stroke:#3b6fb5}\
.band{fill:#3b6fb5;opacity:.15}.level{stroke:#222;stroke-width:1.5;fill:none}\
.worse{stroke:#b3261e;fill:#b3261e}.better{stroke:#1b7f4b;fill:#1b7f4b}\
.mark{stroke-dasharray:4 3;fill:none}.accepted{fill:none}\
text{font:12px system-ui,sans-serif;stroke:none}.head{font-size:14px;font-weight:600}\
@media(prefers-color-scheme:dark){.bg{fill:#16181d}.axis{stroke:#888}.grid{stroke:#333}.text{fill:#eee}.soft{fill:#aaa}\
.line{stroke:#7fb0f0}.dot{fill:#7fb0f0}.noisy{fill:#16181d;stroke:#7fb0f0}.band{fill:#7fb0f0}.level{stroke:#eee}\
.worse{stroke:#ff8a80;fill:#ff8a80}.better{stroke:#7ddca5;fill:#7ddca5}}";

/// The picture as a document of its own.
pub fn svg(series: &SeriesHistory) -> String {
    picture(series, &format!("<style>{STYLE}</style>"))
}

/// The style that pictures without one need.
pub(super) const fn style() -> &'static str {
    STYLE
}

/// The picture with this in front of it.
pub(super) fn picture(series: &SeriesHistory, front: &str) -> String {
    let mut out = String::new();
    let title = text(&heading(series));
    let frame = Frame::of(&series.points);
    let _ = write!(
        out,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" width=\"{WIDTH}\" height=\"{HEIGHT}\" \
         role=\"img\" aria-label=\"{title}\">{front}<rect class=\"bg\" width=\"{WIDTH}\" height=\"{HEIGHT}\"/>\
         <text class=\"text head\" x=\"12\" y=\"20\">{title}</text>\
         <text class=\"soft\" x=\"12\" y=\"37\">{}</text>",
        text(&now_words(series))
    );
    axes(&mut out, series, &frame);
    values(&mut out, series, &frame);
    levels(&mut out, series, &frame);
    changes(&mut out, series, &frame);
    out.push_str("</svg>\n");
    out
}

/// The last value, its level, and the class of hosts.
fn now_words(series: &SeriesHistory) -> String {
    let last = series.points.last().map(|point| figures::value(point.value, &series.unit)).unwrap_or_default();
    let change = series.since_segment.map(|change| format!(", {} against its level", figures::change(change)));
    let drift = series.drift.map(|drift| {
        let size = size_words(drift.size, drift.relative, &series.unit);
        format!(", drifting: {size} over these points")
    });
    format!("now {last}{}{} · host class {}", change.unwrap_or_default(), drift.unwrap_or_default(), series.class_key)
}

/// Foreign text within XML.
pub(super) fn text(text: &str) -> String {
    let cut = escape::cut(text, LONGEST);
    escape::html(&cut).chars().filter(|c| !matches!(c, '\u{fffe}' | '\u{ffff}')).collect()
}

/// Where values and points are in the picture.
struct Frame {
    low: f64,
    high: f64,
    points: usize,
}

impl Frame {
    fn of(points: &[SeriesPoint]) -> Self {
        let ends = |point: &SeriesPoint| [Some(point.value), point.low, point.high];
        let all: Vec<f64> = points.iter().flat_map(ends).flatten().filter(|value| value.is_finite()).collect();
        let low = all.iter().copied().min_by(f64::total_cmp).unwrap_or(0.0);
        let high = all.iter().copied().max_by(f64::total_cmp).unwrap_or(1.0);
        Self { low, high, points: points.len() }
    }

    fn x(&self, at: usize) -> f64 {
        let room = WIDTH - LEFT - RIGHT;
        let share = if self.points < 2 { 0.5 } else { at as f64 / (self.points - 1) as f64 };
        round(LEFT + room * share)
    }

    /// Between two points, where a change lies.
    fn before(&self, at: usize) -> f64 {
        round(f64::midpoint(self.x(at.saturating_sub(1)), self.x(at)))
    }

    fn y(&self, value: f64) -> f64 {
        let room = HEIGHT - TOP - BOTTOM;
        // Halves, so that the ends of the range do not overflow.
        let share = (value / 2.0 - self.low / 2.0) / (self.high / 2.0 - self.low / 2.0);
        let share = if share.is_finite() { share.clamp(0.0, 1.0) } else { 0.5 };
        round(HEIGHT - BOTTOM - room * share)
    }
}

fn round(place: f64) -> f64 {
    (place * 10.0).round() / 10.0
}

fn axes(out: &mut String, series: &SeriesHistory, frame: &Frame) {
    let (right, bottom) = (WIDTH - RIGHT, HEIGHT - BOTTOM);
    for share in [0.0, 0.5, 1.0] {
        let value = frame.low * (1.0 - share) + frame.high * share;
        let y = frame.y(value);
        let label = text(&figures::value(value, &series.unit));
        let _ = write!(
            out,
            "<path class=\"grid\" d=\"M{LEFT} {y}H{right}\"/><text class=\"soft\" x=\"{}\" y=\"{}\" text-anchor=\"end\">{label}</text>",
            LEFT - 6.0,
            y + 4.0
        );
    }
    let _ = write!(out, "<path class=\"axis\" d=\"M{LEFT} {TOP}V{bottom}H{right}\"/>");
    let ends = [(series.points.first(), LEFT, "start"), (series.points.last(), right, "end")];
    for (point, x, anchor) in ends {
        let Some(point) = point else { continue };
        let label = text(&point_words(point));
        let y = bottom + 18.0;
        let _ = write!(out, "<text class=\"soft\" x=\"{x}\" y=\"{y}\" text-anchor=\"{anchor}\">{label}</text>");
    }
}

fn point_words(point: &SeriesPoint) -> String {
    let day = point.at.strftime("%Y-%m-%d");
    point.short_commit().map_or_else(|| day.to_string(), |commit| format!("{commit}, {day}"))
}

fn values(out: &mut String, series: &SeriesHistory, frame: &Frame) {
    let ends = |end: fn(&SeriesPoint) -> Option<f64>| {
        let place = |(at, point): (usize, &SeriesPoint)| (frame.x(at), frame.y(end(point).unwrap_or(point.value)));
        series.points.iter().enumerate().map(place).collect::<Vec<_>>()
    };
    if series.points.len() > 1 {
        let highs = ends(|point| point.high);
        let lows = ends(|point| point.low);
        let band = path(highs.into_iter().chain(lows.into_iter().rev()));
        let line = path(ends(|_| None).into_iter());
        let _ = write!(out, "<path class=\"band\" d=\"{band}Z\"/><path class=\"line\" d=\"{line}\"/>");
    }
    if series.points.len() > TITLED {
        return;
    }
    for (at, point) in series.points.iter().enumerate() {
        let class = if point.noisy { "noisy" } else { "dot" };
        let title = text(&format!("{}: {}", point_words(point), figures::value(point.value, &series.unit)));
        let (x, y) = (frame.x(at), frame.y(point.value));
        let _ =
            write!(out, "<circle class=\"{class}\" cx=\"{x}\" cy=\"{y}\" r=\"2.2\"><title>{title}</title></circle>");
    }
}

fn path(places: impl Iterator<Item = (f64, f64)>) -> String {
    let mut path = String::new();
    for (nth, (x, y)) in places.enumerate() {
        let _ = write!(path, "{}{x} {y}", if nth == 0 { 'M' } else { 'L' });
    }
    path
}

/// The median of each segment.
fn levels(out: &mut String, series: &SeriesHistory, frame: &Frame) {
    let n = series.points.len();
    let cuts = series.changes.iter().map(|change| change.index as usize);
    let starts = std::iter::once(0).chain(cuts.clone());
    for (start, end) in starts.zip(cuts.chain([n])) {
        let mut values: Vec<f64> =
            series.points.get(start..end).unwrap_or_default().iter().map(|point| point.value).collect();
        values.sort_by(f64::total_cmp);
        let Some(level) = values.get(values.len() / 2).filter(|_| values.len() > 1) else { continue };
        let y = frame.y(*level);
        let (from, to) = (frame.x(start), frame.x(end.saturating_sub(1)));
        let _ = write!(out, "<path class=\"level\" d=\"M{from} {y}H{to}\"/>");
    }
}

fn changes(out: &mut String, series: &SeriesHistory, frame: &Frame) {
    for change in &series.changes {
        let x = frame.before(change.index as usize);
        let class = if change.worse { "worse" } else { "better" };
        let accepted = if change.accepted.is_some() { " accepted" } else { "" };
        let (top, bottom) = (TOP, HEIGHT - BOTTOM);
        let title = text(&change_words(change, &series.unit));
        let size = text(&size_words(change.size, change.relative, &series.unit));
        let up = if change.size > 0.0 { "l-5 8h10z" } else { "m-5 0h10l-5 8z" };
        let _ = write!(
            out,
            "<g class=\"{class}\"><title>{title}</title><path class=\"mark\" d=\"M{x} {top}V{bottom}\"/>\
             <path class=\"sign{accepted}\" d=\"M{x} {bottom}{up}\"/><text x=\"{}\" y=\"{}\">{size}</text></g>",
            x + 4.0,
            TOP + 10.0
        );
    }
}

/// A series for tests: runs of equal values, analysed.
#[cfg(test)]
pub(super) fn sample(runs: &[(f64, usize)]) -> SeriesHistory {
    use jiff::{SignedDuration, Timestamp};

    let values: Vec<f64> = runs.iter().flat_map(|(value, n)| std::iter::repeat_n(*value, *n)).collect();
    let point = |(nth, value): (usize, &f64)| SeriesPoint {
        run: format!("run-{nth}"),
        at: Timestamp::UNIX_EPOCH + SignedDuration::from_hours(nth as i64),
        commit: Some(format!("{nth:09x}{}", "0".repeat(31))),
        value: *value,
        low: Some(value * 0.99),
        high: Some(value * 1.01),
        samples: Some(6),
        noisy: nth % 7 == 3,
    };
    let mut series = SeriesHistory {
        project: "demo".into(),
        benchmark: "parse/small".into(),
        metric: "wall_time".into(),
        unit: "ns".into(),
        direction: crate::results::Direction::Lower,
        class_key: "0011223344556677".into(),
        points: values.iter().enumerate().map(point).collect(),
        changes: Vec::new(),
        drift: None,
        period: None,
        level: None,
        since_segment: None,
    };
    let finite: Vec<f64> = values.into_iter().filter(|value| value.is_finite()).collect();
    crate::compare::trend::tell(&mut series, &crate::stats::course(&finite));
    series
}

#[cfg(test)]
mod tests {
    use super::{sample, svg};
    use crate::results::AcceptedRef;

    /// Reads it with an XML parser that is not ours to write.
    fn well_formed(text: &str) {
        let mut reader = quick_xml::Reader::from_str(text);
        reader.config_mut().check_end_names = true;
        loop {
            match reader.read_event().unwrap() {
                quick_xml::events::Event::Eof => break,
                quick_xml::events::Event::Start(tag) | quick_xml::events::Event::Empty(tag) => {
                    assert!(tag.attributes().all(|attribute| attribute.is_ok()), "{tag:?}");
                }
                _ => {}
            }
        }
    }

    #[test]
    fn a_picture_holds_each_point_and_each_change() {
        let drawn = svg(&sample(&[(1e6, 30), (2e6, 30)]));
        well_formed(&drawn);
        assert_eq!(drawn.matches("<circle").count(), 60);
        assert_eq!(drawn.matches("<g class=\"worse\"").count(), 1);
        assert!(drawn.contains("prefers-color-scheme:dark"));
        assert!(drawn.contains("+100 %"), "{drawn}");
        // Nothing is fetched.
        assert_eq!(drawn.replace("http://www.w3.org/2000/svg", "").matches("http").count(), 0);
    }

    #[test]
    fn hostile_names_stay_text() {
        let mut series = sample(&[(1e6, 30), (2e6, 30)]);
        series.benchmark = "</text><script>alert(1)</script>\u{0}\u{ffff}\"'&".into();
        series.class_key = "<img src=x>".into();
        let (reason, author) = ("<b>\u{1b}".into(), "]]>".into());
        series.changes[0].accepted = Some(AcceptedRef { pattern: "*".into(), reason, author, commit: None });
        let drawn = svg(&series);
        well_formed(&drawn);
        assert!(!drawn.contains("<script") && !drawn.contains("<img") && !drawn.contains("<b>"), "{drawn}");
        assert!(drawn.contains("sign accepted"));
    }

    #[test]
    fn odd_series_are_drawn_without_harm() {
        for values in [vec![], vec![(0.0, 1)], vec![(0.0, 40)], vec![(-1e308, 1), (1e308, 1)]] {
            let drawn = svg(&sample(&values));
            well_formed(&drawn);
            assert!(!drawn.contains("NaN") && !drawn.contains("inf\""), "{drawn}");
        }
    }
}
