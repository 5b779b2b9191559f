//! A whole history as one HTML file: the pictures, and what changed, without a network.

use std::fmt::Write;

use super::svg::{picture, style, text};
use super::words::{change_words, heading};
use crate::report::figures;
use crate::results::{Guard, GuardState, History, SeriesHistory};

const PAGE: &str = "body{font:14px system-ui,sans-serif;max-width:900px;margin:2em auto;padding:0 1em;background:#fff;color:#222}\
svg{max-width:100%;height:auto;border:1px solid #8884;margin-top:.5em}table{border-collapse:collapse}\
td,th{padding:.2em .8em .2em 0;text-align:left;vertical-align:top}td.n{text-align:right;font-variant-numeric:tabular-nums}\
.bad{color:#b3261e}@media(prefers-color-scheme:dark){body{background:#16181d;color:#eee}a{color:#7fb0f0}.bad{color:#ff8a80}}";

/// The page.
pub fn html(history: &History) -> String {
    let whose = match (&history.branch, history.request) {
        (_, Some(number)) => format!("change request {number}"),
        (Some(branch), None) => branch.clone(),
        (None, None) => "runs without a branch".to_owned(),
    };
    let whose = text(&whose);
    let mut out = format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>History of {whose}</title>\
         <meta name=\"viewport\" content=\"width=device-width\">\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\
         <style>{PAGE}{}</style></head><body><h1>History of {whose}</h1>\n",
        style()
    );
    for note in &history.notes {
        let _ = writeln!(out, "<p>{}</p>", text(note));
    }
    if let Some(guard) = &history.guard {
        guarded(&mut out, guard);
    }
    out.push_str(
        "<table><tr><th>benchmark</th><th>metric</th><th>last</th><th>against its level</th><th>points</th><th>changes</th></tr>\n",
    );
    for (nth, series) in history.series.iter().enumerate() {
        row(&mut out, nth, series);
    }
    out.push_str("</table>\n");
    for (nth, series) in history.series.iter().enumerate() {
        let _ = write!(out, "<h2 id=\"s{nth}\">{}</h2>\n{}", text(&heading(series)), picture(series, ""));
        out.push_str("<ul>");
        for change in &series.changes {
            let class = if change.worse && change.accepted.is_none() { " class=\"bad\"" } else { "" };
            let _ = write!(out, "<li{class}>{}</li>", text(&change_words(change, &series.unit)));
        }
        out.push_str("</ul>\n");
    }
    out.push_str("</body></html>\n");
    out
}

fn row(out: &mut String, nth: usize, series: &SeriesHistory) {
    let last = series.points.last().map(|point| figures::value(point.value, &series.unit)).unwrap_or_default();
    let change = series.since_segment.map(figures::change).unwrap_or_default();
    let _ = writeln!(
        out,
        "<tr><td><a href=\"#s{nth}\">{}</a></td><td>{}</td><td class=\"n\">{}</td><td class=\"n\">{change}</td>\
         <td class=\"n\">{}</td><td class=\"n\">{}</td></tr>",
        text(&series.benchmark),
        text(&series.metric),
        text(&last),
        series.points.len(),
        series.changes.len()
    );
}

fn guarded(out: &mut String, guard: &Guard) {
    let limit = figures::change(guard.limit);
    let _ = writeln!(out, "<h2>Since {}</h2><p>At most {limit} is allowed.</p><ul>", text(&guard.since));
    for row in guard.rows.iter().filter(|row| row.state == GuardState::Exceeded) {
        let change = row.change.map(figures::change).unwrap_or_default();
        let _ = writeln!(out, "<li class=\"bad\">{} {}: {change}</li>", text(&row.benchmark), text(&row.metric));
    }
    out.push_str("</ul>\n");
}

#[cfg(test)]
mod tests {
    use super::html;
    use crate::report::history::svg::sample;
    use crate::results::History;

    #[test]
    fn a_page_needs_no_network_and_lets_no_name_out() {
        let mut series = sample(&[(1e6, 30), (2e6, 30)]);
        series.benchmark = "<script>x</script>".into();
        let history = History { branch: Some("\"><i>".into()), series: vec![series], ..History::default() };
        let page = html(&history);
        assert!(!page.contains("<script") && !page.contains("<i>"), "{page}");
        assert!(page.contains("default-src 'none'"));
        assert!(!page.contains("src=") && !page.contains("@import") && !page.contains("url("));
        assert_eq!(page.matches("<svg").count(), 1);
        assert!(page.contains("+100 %"));
    }
}
