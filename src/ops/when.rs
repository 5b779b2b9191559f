//! Times as people write them on the command line: `2026-11-01`, `2026-11-01T12:00:00Z`, `3d` (three days ago).

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use thiserror::Error;

/// The text is no time.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error(
    "`{text}` is not a time; write a day such as 2026-11-01 (UTC), an instant such as 2026-11-01T12:00:00Z, or how \
         long ago, such as 30m, 12h, 3d or 2w"
)]
pub struct WhenError {
    /// What was written.
    pub text: String,
}

/// Reads a time; a span means so long before `now`, a day means its first instant in UTC.
///
/// # Errors
/// Where the text is none of these.
pub fn parse(text: &str, now: Timestamp) -> Result<Timestamp, WhenError> {
    let text = text.trim();
    let day = || text.parse::<Date>().ok()?.to_zoned(TimeZone::UTC).ok().map(|start| start.timestamp());
    ago(text, now).or_else(|| text.parse().ok()).or_else(day).ok_or_else(|| WhenError { text: text.to_owned() })
}

fn ago(text: &str, now: Timestamp) -> Option<Timestamp> {
    let unit = text.chars().last()?;
    let minutes = match unit {
        'm' => 1,
        'h' => 60,
        'd' => 24 * 60,
        'w' => 7 * 24 * 60,
        _ => return None,
    };
    let digits = text.strip_suffix(unit)?;
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let minutes = digits.parse::<i64>().ok()?.checked_mul(minutes)?;
    now.checked_sub(SignedDuration::try_from_mins(minutes)?).ok()
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn days_instants_and_spans_are_understood() {
        let now = "2026-11-23T10:00:00Z".parse().unwrap();
        let at = |text| parse(text, now).unwrap().to_string();
        assert_eq!(at("2026-11-01"), "2026-11-01T00:00:00Z");
        assert_eq!(at("2026-11-01T12:30:00+01:00"), "2026-11-01T11:30:00Z");
        assert_eq!(at("90m"), "2026-11-23T08:30:00Z");
        assert_eq!(at("3d"), "2026-11-20T10:00:00Z");
        assert_eq!(at(" 2w "), "2026-11-09T10:00:00Z");
    }

    #[test]
    fn anything_else_is_refused() {
        let now = "2026-11-23T10:00:00Z".parse().unwrap();
        for text in [
            "",
            "d",
            "3",
            "3y",
            "-3d",
            "yesterday",
            "2026-13-01",
            "99999999999999999999d",
            "9223372036854775807w",
            "é",
            "999999999d",
        ] {
            assert_eq!(parse(text, now).unwrap_err().text, text, "{text}");
        }
    }
}
