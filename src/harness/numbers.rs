//! Numbers as people and locales write them: `1,234.5`, `1.234,5`, `1'234`, `1_000`, `0,5`, `1.2e-3`, `+Inf`.

/// A number at the start of `text`, and the rest. `None` where there is none.
pub(super) fn number(text: &str) -> Option<(f64, &str)> {
    let text = text.trim_start();
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    let sign = if text.starts_with('-') { -1.0 } else { 1.0 };
    for (word, value) in [
        ("Infinity", f64::INFINITY),
        ("infinity", f64::INFINITY),
        ("inf", f64::INFINITY),
        ("Inf", f64::INFINITY),
        ("∞", f64::INFINITY),
        ("NaN", f64::NAN),
        ("nan", f64::NAN),
    ] {
        if let Some(rest) = unsigned.strip_prefix(word) {
            return Some((sign * value, rest));
        }
    }
    let is_part =
        |c: char| c.is_ascii_digit() || matches!(c, ',' | '.' | '_' | '\'' | '’' | '\u{a0}' | '\u{202f}' | '\u{2009}');
    let end = unsigned.find(|c| !is_part(c)).unwrap_or(unsigned.len());
    let digits = unsigned.get(..end)?.trim_end_matches(|c: char| !c.is_ascii_digit());
    let rest = unsigned.get(digits.len()..)?;
    let (exponent, rest) = exponent(rest);
    let value: f64 = format!("{}{exponent}", plain(digits)?).parse().ok()?;
    Some((sign * value, rest))
}

/// A number followed by a unit, or by nothing: `1.5 ms`, `3MiB`.
pub(super) fn with_unit(text: &str) -> Option<(f64, &str)> {
    number(text).map(|(value, unit)| (value, unit.trim()))
}

fn exponent(rest: &str) -> (&str, &str) {
    let Some(after) = rest.strip_prefix(['e', 'E']) else { return ("", rest) };
    let signed = after.strip_prefix(['-', '+']).unwrap_or(after);
    let length = signed.find(|c: char| !c.is_ascii_digit()).unwrap_or(signed.len());
    match length {
        0 => ("", rest),
        _ => rest.split_at(rest.len() - signed.len() + length),
    }
}

/// Digits with separators as Rust reads them. Where both `,` and `.` stand, the last is the decimal sign. One comma
/// that is not followed by exactly three digits, or that follows a lone zero, is a decimal sign; one point always is.
fn plain(digits: &str) -> Option<String> {
    if !digits.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '.' | ',')) {
        return None;
    }
    let commas = digits.matches(',').count();
    let points = digits.matches('.').count();
    let is_decimal_comma = match (digits.rfind(','), digits.rfind('.')) {
        (Some(comma), Some(point)) => comma > point && commas == 1,
        (Some(comma), None) => commas == 1 && (digits.len() - comma != 4 || digits.get(..comma) == Some("0")),
        _ => false,
    };
    let decimal = match (is_decimal_comma, points) {
        (true, _) => Some(','),
        (false, 1) => Some('.'),
        (false, _) => None,
    };
    let kept = digits.chars().filter(|c| c.is_ascii_digit() || Some(*c) == decimal);
    let plain: String = kept.map(|c| if c == ',' { '.' } else { c }).collect();
    plain.contains(|c: char| c.is_ascii_digit()).then_some(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_all_locales() {
        for (text, value, rest) in [
            ("1,234 ns", 1234.0, " ns"),
            ("1,234,567.5x", 1_234_567.5, "x"),
            ("1.234,5", 1234.5, ""),
            ("1.234.567", 1_234_567.0, ""),
            ("0,123", 0.123, ""),
            ("12,5 ms", 12.5, " ms"),
            ("1'234'567 op", 1_234_567.0, " op"),
            ("1\u{202f}234,5", 1234.5, ""),
            ("1_000", 1000.0, ""),
            ("-1.5e-3s", -0.0015, "s"),
            ("3e", 3.0, "e"),
            ("2.", 2.0, "."),
            (".5", 0.5, ""),
            ("+Inf x", f64::INFINITY, " x"),
        ] {
            assert_eq!(number(text), Some((value, rest)), "{text}");
        }
        for no in ["", "x", ",", "-", "e5"] {
            assert_eq!(number(no), None, "{no}");
        }
        assert_eq!(with_unit("3MiB"), Some((3.0, "MiB")));
    }
}
