//! The summary at the end of a run, as k6 prints it.

use super::{HELP, Run, counter, share, trend};
use crate::harness::figures::{Figures, number, split_unit};
use crate::harness::report_lines::Report;
use crate::harness::{HarnessError, Parsed, quoted};

/// Whether a text holds such a summary: names with dots behind them.
pub(super) fn is_text(text: &str) -> bool {
    text.lines().any(|line| entry(line).is_some_and(|(name, _)| matches!(name, "iterations" | "http_reqs" | "vus")))
}

pub(super) fn parse(bytes: &[u8], mut figures: Figures) -> Result<Parsed, HarnessError> {
    let report = Report::new(bytes);
    let mut run: Option<Run> = None;
    let (mut outer, mut first) = (String::new(), String::new());
    let mut complete = false;
    for (line, text) in report.lines() {
        let Some((name, values)) = entry(text) else { continue };
        // Figures of a set of tags stand below their metric: `{ expected_response:true }`.
        let full = if name.starts_with('{') {
            format!("{outer}{}", name.replace("{ ", "{").replace(" }", "}"))
        } else {
            name.clone_into(&mut outer);
            name.to_owned()
        };
        if full == first && complete {
            // The summary of another run.
            if let Some(run) = run.take() {
                run.finish(&mut figures);
            }
            complete = false;
        }
        if run.is_none() {
            first.clone_from(&full);
        }
        complete |= name == "iterations" || name == "http_reqs";
        let run = run.get_or_insert_with(|| Run::new(line));
        if !self::line(&full, values, run, &figures) {
            figures.warn(line, format!("`{}` cannot be understood", quoted(text)));
        }
    }
    let Some(run) = run else { return Err(HarnessError::new(1, 1, "no summary of k6", HELP)) };
    if !complete {
        return Err(report.cut_off("the summary has neither requests nor iterations"));
    }
    run.finish(&mut figures);
    report.finish(figures, "no metric of k6", HELP)
}

/// The name and the figures of `✓ http_req_duration..............: avg=1ms min=1ms`.
fn entry(line: &str) -> Option<(&str, &str)> {
    let text = line.trim().trim_start_matches(['✓', '✗']).trim_start();
    let dots = text.find("..")?;
    let (name, rest) = text.split_at(dots);
    let rest = rest.trim_start_matches('.').strip_prefix(':')?;
    let fits = name.starts_with('{') || (!name.is_empty() && !name.contains(char::is_whitespace));
    fits.then_some((name, rest.trim()))
}

fn line(name: &str, values: &str, run: &mut Run, figures: &Figures) -> bool {
    let (draft, base) = run.place(name, figures);
    if values.contains('=') && !base.starts_with("vus") {
        let mut all = 0;
        for pair in values.split_whitespace() {
            let Some((key, value)) = pair.split_once('=') else { return false };
            let Some((value, unit)) = time(value) else { return false };
            trend(draft, base, key, value, unit);
            all += 1;
        }
        return all > 0;
    }
    if base.starts_with("vus") {
        if base == "vus_max" {
            draft.parameter("vus_max", values.split_whitespace().next().unwrap_or_default());
        }
        return true;
    }
    // `100.00% ✓ 12 ✗ 0`, `0.00% 0 out of 12`
    if let Some((percent, "%")) = values.split_whitespace().next().and_then(split_unit) {
        share(draft, base, percent / 100.0);
        return true;
    }
    // `12 0.16/s`, `22 kB 3.6 kB/s`
    let words: Vec<&str> = values.split_whitespace().collect();
    let rate = match words[..] {
        [_, rate] => rate.strip_suffix("/s").and_then(number),
        [_, _, rate, unit] => number(rate).zip(size(unit.trim_end_matches("/s"))).map(|(rate, scale)| rate * scale),
        _ => None,
    };
    let count = words.first().and_then(|count| number(count));
    counter(draft, base, count, rate);
    rate.is_some() || count.is_some()
}

/// Go's spelling of times: `1.2s`, `104.43ms`, `1m2.5s`, `0s`; or a plain number.
fn time(text: &str) -> Option<(f64, &'static str)> {
    let (mut rest, mut total, mut any) = (text, 0.0, false);
    while !rest.is_empty() {
        let end = rest.find(|c: char| !(c.is_ascii_digit() || matches!(c, '.' | '-' | 'e'))).unwrap_or(rest.len());
        let value: f64 = rest[..end].parse().ok()?;
        rest = &rest[end..];
        let unit = rest.find(|c: char| c.is_ascii_digit() || c == '-').unwrap_or(rest.len());
        let scale = match &rest[..unit] {
            "" if !any => return Some((value, "")),
            "ns" => 1.0,
            "us" | "µs" | "μs" => 1e3,
            "ms" => 1e6,
            "s" => 1e9,
            "m" => 6e10,
            "h" => 3.6e12,
            _ => return None,
        };
        total += value * scale;
        any = true;
        rest = &rest[unit..];
    }
    any.then_some((total, "ns"))
}

/// k6 counts bytes in thousands.
fn size(unit: &str) -> Option<f64> {
    Some(match unit {
        "B" => 1.0,
        "kB" => 1e3,
        "MB" => 1e6,
        "GB" => 1e9,
        "TB" => 1e12,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::time;

    #[test]
    fn times_are_read_as_go_writes_them() {
        assert_eq!(time("104.43ms"), Some((104_430_000.0, "ns")));
        assert_eq!(time("1m2.5s"), Some((62_500_000_000.0, "ns")));
        assert_eq!(time("0s"), Some((0.0, "ns")));
        assert_eq!(time("12.5"), Some((12.5, "")));
        assert_eq!(time("12 ms"), None);
        assert_eq!(time("x"), None);
    }
}
