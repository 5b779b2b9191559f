//! A number in an answer, and how far it may be off.

use regex::Regex;

/// The number that an answer must give.
#[derive(Debug)]
pub(super) struct Number {
    value: f64,
    /// How far the answer's number may be off.
    tolerance: f64,
    pattern: Option<Regex>,
}

impl Number {
    /// A number with its tolerances, of which the larger one counts, and the pattern that finds it in an answer.
    ///
    /// # Errors
    /// If the number or a tolerance is none.
    pub(super) fn new(value: f64, absolute: f64, relative: f64, pattern: Option<Regex>) -> Result<Self, String> {
        let tolerance = absolute.max(relative * value.abs());
        if !value.is_finite() || !tolerance.is_finite() || absolute < 0.0 || relative < 0.0 {
            return Err("the number and its tolerances must be finite, and no tolerance below zero".into());
        }
        Ok(Self { value, tolerance, pattern })
    }

    /// What is wrong with an answer.
    pub(super) fn wrong(&self, answer: &str) -> Option<String> {
        let found = match &self.pattern {
            None => last(answer),
            Some(pattern) => {
                let Some(groups) = pattern.captures(answer) else {
                    return Some(format!("nothing in the answer matches {:?}", pattern.as_str()));
                };
                let text = groups.get(1).or_else(|| groups.get(0)).map_or("", |part| part.as_str());
                let Some(number) = parse(text) else {
                    return Some(format!("{} is no number", super::quoted(text)));
                };
                Some(number)
            }
        };
        let Some(found) = found else { return Some("there is no number in the answer".into()) };
        let off = (found - self.value).abs();
        // Whatever is no number is off.
        if off <= self.tolerance {
            return None;
        }
        let allowed = if self.tolerance > 0.0 { format!(" ± {}", self.tolerance) } else { String::new() };
        Some(format!("the answer gives {found}, expected {}{allowed}: it is off by {off}", self.value))
    }
}

/// A text that is a number, thousands set apart by commas or not.
pub(super) fn parse(text: &str) -> Option<f64> {
    let text = text.trim().trim_end_matches('.');
    let plain: String = if is_grouped(text) { text.replace(',', "") } else { text.to_owned() };
    plain.parse::<f64>().ok().filter(|number| number.is_finite())
}

/// `-12,345.6`: groups of three digits behind commas.
fn is_grouped(text: &str) -> bool {
    let whole = text.trim_start_matches(['+', '-']).split('.').next().unwrap_or_default();
    let mut groups = whole.split(',');
    let first = groups.next().unwrap_or_default();
    let digits = |group: &str| group.bytes().all(|byte| byte.is_ascii_digit());
    let mut rest = groups.peekable();
    rest.peek().is_some()
        && (1..=3).contains(&first.len())
        && digits(first)
        && rest.all(|group| group.len() == 3 && digits(group))
}

/// The last number in a text.
fn last(text: &str) -> Option<f64> {
    let fits = |c: char| c.is_ascii_digit() || matches!(c, '+' | '-' | '.' | ',' | 'e' | 'E');
    let words = text.rsplit(|c: char| !fits(c)).filter(|word| word.bytes().any(|byte| byte.is_ascii_digit()));
    words.filter_map(number_in).next()
}

/// The number in a run of characters that numbers are made of: `-3,` is -3, `e5` and `1-2` hold 5 and 2.
fn number_in(run: &str) -> Option<f64> {
    let run = run.trim_end_matches(|c: char| !c.is_ascii_digit());
    // The longest end of it that is a number.
    run.char_indices()
        .filter(|(at, c)| c.is_ascii_digit() || *at == 0)
        .take(64)
        .find_map(|(at, _)| parse(run.get(at..)?))
}

#[cfg(test)]
mod tests {
    use regex::Regex;

    use super::{Number, last, parse};

    #[test]
    fn the_last_number_is_meant() {
        for (text, number) in [
            ("2 and 2 is 4.", Some(4.0)),
            ("-3,", Some(-3.0)),
            ("- .5 -", Some(0.5)),
            ("it is 1,234.5 euros", Some(1234.5)),
            ("6.02e23", Some(6.02e23)),
            ("1-2", Some(2.0)),
            ("e5", Some(5.0)),
            ("$17", Some(17.0)),
            ("none", None),
            ("...", None),
            ("1,2", Some(2.0)),
            ("**42**", Some(42.0)),
        ] {
            assert_eq!(last(text), number, "{text}");
        }
        assert_eq!((parse("1,23"), parse("12,345"), parse("inf"), parse("")), (None, Some(12345.0), None, None));
    }

    #[test]
    fn tolerances_are_kept() {
        let wrong = |number: &Number, text: &str| number.wrong(text).is_some();
        let exact = Number::new(0.3, 0.0, 0.0, None).unwrap();
        assert!(!wrong(&exact, "0.3") && wrong(&exact, "0.30001"));
        let absolute = Number::new(10.0, 0.5, 0.0, None).unwrap();
        assert!(!wrong(&absolute, "10.5") && !wrong(&absolute, "9.5") && wrong(&absolute, "10.51"));
        let relative = Number::new(-200.0, 0.5, 0.01, None).unwrap();
        assert!(!wrong(&relative, "-202") && wrong(&relative, "-203"));
        assert!(Number::new(1.0, -1.0, 0.0, None).is_err() && Number::new(f64::NAN, 0.0, 0.0, None).is_err());
    }

    #[test]
    fn a_pattern_says_which_number() {
        let number = Number::new(4.0, 0.0, 0.0, Some(Regex::new(r"answer: (\S+)").unwrap())).unwrap();
        assert_eq!(number.wrong("answer: 4 of 9"), None);
        assert!(number.wrong("4").unwrap().contains("nothing in the answer matches"));
        assert!(number.wrong("answer: four").unwrap().contains("is no number"));
        assert!(number.wrong("answer: 5").unwrap().contains("off by 1"));
    }
}
