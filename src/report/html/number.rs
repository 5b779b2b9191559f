//! A number with as many digits as a page needs.

use serde::{Serialize, Serializer};

/// Writes nine digits instead of seventeen: half the size, and more than anybody reads. What is no number is `null`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Number(pub(super) f64);

impl Number {
    /// What a reader of it gets.
    pub(super) fn rounded(self) -> f64 {
        if self.0.fract() == 0.0 && self.0.abs() < 9e15 {
            return self.0;
        }
        format!("{:.8e}", self.0).parse().unwrap_or(self.0)
    }
}

impl Serialize for Number {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let value = self.rounded();
        if !value.is_finite() {
            serializer.serialize_none()
        } else if value.fract() == 0.0 && value.abs() < 9e15 {
            serializer.serialize_i64(value as i64)
        } else {
            serializer.serialize_f64(value)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Number;

    #[test]
    fn nine_digits_are_kept() {
        let told = |value: f64| serde_json::to_string(&Number(value)).unwrap();
        assert_eq!(told(1.0 / 3.0), "0.333333333");
        assert_eq!(told(41_234_567.0), "41234567");
        assert_eq!(told(-0.066), "-0.066");
        assert_eq!(told(f64::NAN), "null");
        assert_eq!(told(f64::MAX), "1.79769313e+308");
        assert_eq!(told(1.5e-12), "1.5e-12");
    }
}
