//! The numbers of a report: seconds in many spellings, line numbers.

/// A time longer than this, in seconds (a year), is a mistake: some tools write nanoseconds.
const ABSURD: f64 = 3.2e7;

/// Seconds as a tool wrote them, in nanoseconds. `None` where it is no sensible time: negative, not a number, absurd.
///
/// `1,234.5` and `1.234,5` are a thousand and some; a single comma without a dot is a decimal comma (`0,125`), since
/// times are written with decimals everywhere. A unit of `s` or `ms` may follow. `0:01:02.5` and `PT1M2.5S` are read too.
pub(in crate::harness) fn nanoseconds(raw: &[u8]) -> Option<u64> {
    plain(raw).or_else(|| spelt(raw)).or_else(|| clock(raw)).or_else(|| iso(raw))
}

/// Seconds in nanoseconds, if they are sensible: not negative, finite, at most a year.
pub(in crate::harness) fn sensible(seconds: f64) -> Option<u64> {
    (seconds.is_finite() && (0.0..=ABSURD).contains(&seconds)).then(|| (seconds * 1e9).round() as u64)
}

/// Hours, minutes and seconds with colons; the hours may be missing.
fn clock(raw: &[u8]) -> Option<u64> {
    let text = std::str::from_utf8(raw).ok().filter(|text| text.len() <= 32)?.trim();
    let (before, seconds) = text.rsplit_once(':')?;
    let (hours, minutes) = before.split_once(':').unwrap_or(("0", before));
    let whole = hours.parse::<u32>().ok().zip(minutes.parse::<u32>().ok());
    let seconds = seconds.replace(',', ".");
    let digits = seconds.starts_with(|c: char| c.is_ascii_digit());
    let (hours, minutes) = whole.filter(|(_, minutes)| digits && *minutes < 60)?;
    sensible(f64::from(hours) * 3600.0 + f64::from(minutes) * 60.0 + seconds.parse::<f64>().ok()?)
}

/// An ISO 8601 duration of days at most: `PT1M2.5S`.
fn iso(raw: &[u8]) -> Option<u64> {
    let text = std::str::from_utf8(raw).ok().filter(|text| text.len() <= 64)?.trim();
    let (mut seconds, mut number, mut units) = (0.0, String::new(), 0);
    for c in text.strip_prefix('P')?.chars() {
        let unit = match c {
            '0'..='9' => {
                number.push(c);
                continue;
            }
            '.' | ',' => {
                number.push('.');
                continue;
            }
            'T' if number.is_empty() => continue,
            'D' => 86_400.0,
            'H' => 3_600.0,
            'M' => 60.0,
            'S' => 1.0,
            _ => return None,
        };
        seconds += number.parse::<f64>().ok()? * unit;
        number.clear();
        units += 1;
    }
    if number.is_empty() && units > 0 { sensible(seconds) } else { None }
}

/// Digits, a dot and at most nine digits: what nearly all tools write.
fn plain(raw: &[u8]) -> Option<u64> {
    let (mut whole, mut fraction, mut scale, mut dot) = (0u64, 0u64, 1_000_000_000u64, false);
    if raw.is_empty() || raw.len() > 18 {
        return None;
    }
    for byte in raw {
        match byte {
            b'0'..=b'9' if !dot => whole = whole * 10 + u64::from(byte - b'0'),
            b'0'..=b'9' if scale > 1 => {
                scale /= 10;
                fraction += u64::from(byte - b'0') * scale;
            }
            b'.' if !dot && raw.len() > 1 => dot = true,
            _ => return None,
        }
    }
    (whole < ABSURD as u64).then(|| whole * 1_000_000_000 + fraction)
}

fn spelt(raw: &[u8]) -> Option<u64> {
    if raw.len() > 64 {
        return None;
    }
    let text = std::str::from_utf8(raw).ok()?.trim();
    let (text, scale) = match text.strip_suffix('s').map(str::trim_end) {
        Some(text) => text.strip_suffix('m').map_or((text, 1e9), |text| (text, 1e6)),
        None => (text, 1e9),
    };
    let mut digits: String = text.chars().filter(|c| !c.is_whitespace() && *c != '\'' && *c != '’').collect();
    match (digits.rfind('.'), digits.rfind(',')) {
        (Some(dot), Some(comma)) if dot > comma => digits.retain(|c| c != ','),
        (Some(_), Some(_)) => digits = digits.replace('.', "").replace(',', "."),
        (None, Some(comma)) if digits.find(',') == Some(comma) => digits = digits.replace(',', "."),
        (None, Some(_)) => digits.retain(|c| c != ','),
        (Some(dot), None) if digits.find('.') != Some(dot) => digits.retain(|c| c != '.'),
        _ => {}
    }
    sensible(digits.parse::<f64>().ok()? * scale / 1e9)
}

/// A line number from 1.
pub(in crate::harness) fn line(raw: &[u8]) -> Option<u32> {
    std::str::from_utf8(raw).ok()?.trim().parse().ok().filter(|line| *line > 0)
}

#[cfg(test)]
mod tests {
    use super::{line, nanoseconds};

    #[test]
    fn seconds_are_read_in_every_spelling() {
        let cases: &[(&str, Option<u64>)] = &[
            ("0", Some(0)),
            ("0.000", Some(0)),
            ("1.5", Some(1_500_000_000)),
            (".5", Some(500_000_000)),
            ("12.", Some(12_000_000_000)),
            ("0.22047725", Some(220_477_250)),
            ("0.1234567894", Some(123_456_789)),
            ("1.7e-05", Some(17_000)),
            ("1,234.5", Some(1_234_500_000_000)),
            ("1.234,5", Some(1_234_500_000_000)),
            ("0,125", Some(125_000_000)),
            ("1,234,567", Some(1_234_567_000_000_000)),
            ("31000000.5", Some(31_000_000_500_000_000)),
            ("1\u{a0}234,5", Some(1_234_500_000_000)),
            (" 2.5 s", Some(2_500_000_000)),
            ("12ms", Some(12_000_000)),
            ("0:01:02.5", Some(62_500_000_000)),
            ("01:02", Some(62_000_000_000)),
            ("00:00:00.0830000", Some(83_000_000)),
            ("1:75:00", None),
            ("12:inf", None),
            ("1:2:3:4", None),
            ("PT1M2.5S", Some(62_500_000_000)),
            ("PT0,25S", Some(250_000_000)),
            ("P1DT2H", Some(93_600_000_000_000)),
            ("PT", None),
            ("PT5", None),
            ("P1Y", None),
            ("P999999D", None),
            ("-1", None),
            ("NaN", None),
            ("inf", None),
            ("", None),
            (".", None),
            ("1e300", None),
            ("999638317", None),
            ("99999999999999999999999", None),
            ("soon", None),
        ];
        for (text, expected) in cases {
            assert_eq!(nanoseconds(text.as_bytes()), *expected, "{text}");
        }
    }

    #[test]
    fn line_numbers_start_at_one() {
        assert_eq!(line(b"12"), Some(12));
        assert_eq!(line(b"0"), None);
        assert_eq!(line(b"-3"), None);
    }
}
