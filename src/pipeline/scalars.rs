//! Time spans and shares as people write them, read strictly.

use std::borrow::Cow;
use std::time::Duration;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

/// The format name of [`StepDuration`] in the schema.
pub(super) const DURATION: &str = "backsight-duration";
/// The format name of [`Percent`] in the schema.
pub(super) const SHARE: &str = "backsight-share";

/// A time span as people write it: `500ms`, `30s`, `10m`, `1h`, `1m30s`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct StepDuration(pub Duration);

/// A share as people write it: `2%` or `0.5 %`; 2 % is 0.02 in here.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd)]
pub struct Percent(pub f64);

impl StepDuration {
    /// The longest span: longer ones are mistakes, and clocks cannot add all of them.
    pub const LONGEST: Self = Self(Duration::from_secs(365 * 86_400));

    /// Reads `500ms`, `30s`, `10m`, `1h`, `1h30m`; at least one unit is needed, and zero and more than
    /// [`Self::LONGEST`] are refused.
    pub fn parse(text: &str) -> Option<Self> {
        let mut total = Duration::ZERO;
        let mut rest = text.trim();
        while !rest.is_empty() {
            let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
            let number: f64 = rest.get(..digits)?.parse().ok()?;
            rest = rest.get(digits..)?.trim_start();
            let letters = rest.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(rest.len());
            let seconds = match rest.get(..letters)? {
                "ms" => 1e-3,
                "s" => 1.0,
                "m" | "min" => 60.0,
                "h" => 3600.0,
                "d" => 86400.0,
                _ => return None,
            };
            total = total.checked_add(Duration::try_from_secs_f64(number * seconds).ok()?)?;
            rest = rest.get(letters..)?.trim_start();
        }
        (total > Duration::ZERO && total <= Self::LONGEST.0).then_some(Self(total))
    }
}

impl std::fmt::Display for StepDuration {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let ms = self.0.as_millis();
        match ms {
            _ if ms.is_multiple_of(3_600_000) => write!(f, "{}h", ms / 3_600_000),
            _ if ms.is_multiple_of(60_000) => write!(f, "{}m", ms / 60_000),
            _ if ms.is_multiple_of(1000) => write!(f, "{}s", ms / 1000),
            _ => write!(f, "{ms}ms"),
        }
    }
}

impl Serialize for StepDuration {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for StepDuration {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| serde::de::Error::custom("wants a duration such as 30s, 10m or 1h"))
    }
}

impl JsonSchema for StepDuration {
    fn schema_name() -> Cow<'static, str> {
        "Duration".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "title": "duration",
            "description": "A time span such as 500ms, 30s, 10m, 1h or 1h30m.",
            "pattern": r"^(?=.*[1-9])\s*([0-9]{1,9}(\.[0-9]+)?\s*(ms|s|m|min|h|d)\s*)+$",
            "format": DURATION,
            "examples": ["30s", "10m", "1h"],
        })
    }
}

impl Percent {
    /// Reads `2%`, `0.5 %`; between 0 (excluded) and 100.
    pub fn parse(text: &str) -> Option<Self> {
        let number: f64 = text.trim().strip_suffix('%')?.trim_end().parse().ok()?;
        (number > 0.0 && number <= 100.0).then_some(Self(number / 100.0))
    }
}

impl Serialize for Percent {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        // Ten digits hide the rounding of the division by 100.
        let percent = (self.0 * 1e12).round() / 1e10;
        serializer.collect_str(&format_args!("{percent}%"))
    }
}

impl<'de> Deserialize<'de> for Percent {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| serde::de::Error::custom("wants a share such as 2%"))
    }
}

impl JsonSchema for Percent {
    fn schema_name() -> Cow<'static, str> {
        "Percent".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "title": "share",
            "description": "A share such as 2% or 0.5%.",
            "pattern": r"^(?=.*[1-9])\s*(100(\.0+)?|[0-9]{1,2}(\.[0-9]+)?)\s*%\s*$",
            "format": SHARE,
            "examples": ["2%", "0.5%"],
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{Percent, StepDuration};

    fn millis(text: &str) -> Option<u128> {
        StepDuration::parse(text).map(|span| span.0.as_millis())
    }

    #[test]
    fn durations_need_a_unit() {
        assert_eq!(millis("500ms"), Some(500));
        assert_eq!(millis("1.5s"), Some(1500));
        assert_eq!(millis("1h30m"), Some(5_400_000));
        assert_eq!(millis(" 2 m "), Some(120_000));
        for wrong in ["10", "", "s", "-1s", "1x", "0s", "1e99h", "1..5s", "366d"] {
            assert_eq!(millis(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn durations_print_as_they_are_written() {
        for text in ["500ms", "30s", "10m", "2h"] {
            assert_eq!(StepDuration::parse(text).map(|span| span.to_string()).as_deref(), Some(text));
        }
    }

    #[test]
    fn shares_need_the_sign() {
        assert_eq!(Percent::parse("2%"), Some(Percent(0.02)));
        assert_eq!(Percent::parse("0.5 %"), Some(Percent(0.005)));
        for wrong in ["2", "", "%", "-1%", "0%", "101%", "nan%"] {
            assert_eq!(Percent::parse(wrong), None, "{wrong}");
        }
        assert_eq!(serde_json::to_string(&Percent(0.07)).ok().as_deref(), Some("\"7%\""));
    }
}
