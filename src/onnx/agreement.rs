//! Whether two answers are the same answer.

use super::element::Element;
use super::tensor::{Data, Tensor};

/// How far an answer may be from the expected one: `absolute + relative × |expected|`, per element.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Tolerance {
    /// In the unit of the answer.
    pub absolute: f64,
    /// A share of the expected value.
    pub relative: f64,
}

impl Tolerance {
    /// Against stored answers: what ONNX's own backend tests allow.
    pub const GOLDEN: Self = Self { absolute: 1e-7, relative: 1e-3 };

    /// What two executions of a model in this precision may differ by: some hundred roundings of its format.
    pub const fn of(precision: Element) -> Self {
        match precision {
            Element::Float64 => Self { absolute: 1e-9, relative: 1e-6 },
            Element::Float16 => Self { absolute: 1e-3, relative: 1e-2 },
            Element::Bfloat16 => Self { absolute: 1e-2, relative: 5e-2 },
            Element::SmallFloat(_) | Element::Int8 | Element::Uint8 | Element::SmallInt(_) => {
                Self { absolute: 1e-2, relative: 2e-2 }
            }
            _ => Self { absolute: 1e-5, relative: 1e-3 },
        }
    }

    /// The wider of both, number by number.
    #[must_use]
    pub const fn or_wider(self, other: Self) -> Self {
        Self { absolute: self.absolute.max(other.absolute), relative: self.relative.max(other.relative) }
    }
}

/// Why an answer is wrong.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Difference {
    /// It is of another type.
    #[error("its elements are {found}, expected {expected}")]
    Element {
        /// The expected type.
        expected: &'static str,
        /// What it is.
        found: &'static str,
    },
    /// It has other dimensions.
    #[error("its dimensions are {found:?}, expected {expected:?}")]
    Shape {
        /// The expected dimensions.
        expected: Vec<i64>,
        /// What it has.
        found: Vec<i64>,
    },
    /// It has no number where one is expected.
    #[error("element {at} is {found}, expected {expected}")]
    NoNumber {
        /// The element, counted row by row from 0.
        at: usize,
        /// The expected value.
        expected: f64,
        /// What it is.
        found: f64,
    },
    /// It is too far off.
    #[error(
        "{count} of {of} elements are off by more than is allowed, the worst at {at}: {found}, expected {expected} (±{allowed:.3e})"
    )]
    Off {
        /// How many.
        count: usize,
        /// Of how many.
        of: usize,
        /// The worst, counted row by row from 0.
        at: usize,
        /// The expected value there.
        expected: f64,
        /// What it is there.
        found: f64,
        /// The allowed difference there.
        allowed: f64,
    },
    /// It is not the same, where only the same will do.
    #[error("element {at} is not the expected one")]
    Other {
        /// The element, or of packed bits the byte, counted from 0.
        at: usize,
    },
}

/// Holds an answer against the expected one. Gives the largest share of the allowed difference that was used. Whole
/// numbers of 32 and 64 bits, truth values and text must be equal; small whole numbers may differ by one, for they are
/// roundings.
///
/// # Errors
/// If it is a wrong answer.
pub fn agree(expected: &Tensor, found: &Tensor, tolerance: Tolerance) -> Result<f64, Difference> {
    if expected.element != found.element {
        return Err(Difference::Element { expected: expected.element.name(), found: found.element.name() });
    }
    if expected.dims != found.dims {
        return Err(Difference::Shape { expected: expected.dims.clone(), found: found.dims.clone() });
    }
    let rounded = |element| match element {
        Element::Int8 | Element::Uint8 | Element::Int16 | Element::Uint16 => {
            Some(Tolerance { absolute: 1.0, relative: 0.0 })
        }
        element if element.is_float() => Some(tolerance),
        _ => None,
    };
    match (rounded(expected.element), expected.numbers(), found.numbers()) {
        (Some(tolerance), Some(expected), Some(found)) => near(&expected, &found, tolerance),
        _ => same(&expected.data, &found.data),
    }
}

/// The first output that is no number at all; a model that divides by nothing answers so.
pub fn no_number(answer: &Tensor) -> Option<usize> {
    answer.element.is_float().then(|| answer.numbers())??.iter().position(|value| value.is_nan())
}

fn near(expected: &[f64], found: &[f64], tolerance: Tolerance) -> Result<f64, Difference> {
    let (mut used, mut worst, mut count) = (0.0_f64, 0, 0);
    for (at, (expected, found)) in expected.iter().zip(found).enumerate() {
        if expected == found || (expected.is_nan() && found.is_nan()) {
            continue;
        }
        if !expected.is_finite() || !found.is_finite() {
            return Err(Difference::NoNumber { at, expected: *expected, found: *found });
        }
        let share = (expected - found).abs() / tolerance.allowed(*expected);
        count += usize::from(share > 1.0);
        if share > used {
            (used, worst) = (share, at);
        }
    }
    match (expected.get(worst), found.get(worst)) {
        (Some(wanted), Some(there)) if count > 0 => {
            let (expected, of) = (*wanted, expected.len());
            let allowed = tolerance.allowed(expected);
            Err(Difference::Off { count, of, at: worst, expected, found: *there, allowed })
        }
        _ => Ok(used),
    }
}

impl Tolerance {
    fn allowed(self, expected: f64) -> f64 {
        self.relative.mul_add(expected.abs(), self.absolute)
    }
}

fn same(expected: &Data, found: &Data) -> Result<f64, Difference> {
    let other = match (expected, found) {
        (Data::Bytes(expected), Data::Bytes(found)) => expected.iter().zip(found).position(|(a, b)| a != b),
        (Data::Text(expected), Data::Text(found)) => expected.iter().zip(found).position(|(a, b)| a != b),
        _ => Some(0),
    };
    other.map_or(Ok(0.0), |at| Err(Difference::Other { at }))
}

#[cfg(test)]
mod tests {
    use super::{Difference, Tolerance, agree, no_number};
    use crate::onnx::element::Element;
    use crate::onnx::tensor::{Data, Tensor};

    fn floats(values: &[f32]) -> Tensor {
        let data = Data::Bytes(values.iter().flat_map(|value| value.to_le_bytes()).collect());
        Tensor { element: Element::Float32, dims: vec![values.len() as i64], data }
    }

    fn bytes(element: Element, bytes: &[u8]) -> Tensor {
        Tensor { element, dims: vec![bytes.len() as i64], data: Data::Bytes(bytes.to_vec()) }
    }

    #[test]
    fn near_is_right_and_far_is_wrong() {
        let tolerance = Tolerance { absolute: 0.1, relative: 0.01 };
        let used = agree(&floats(&[100.0, 0.0]), &floats(&[100.55, 0.0]), tolerance).unwrap();
        assert!((used - 0.5).abs() < 1e-3, "{used}");
        let wrong = agree(&floats(&[1.0, 0.0, 5.0]), &floats(&[1.0, 0.3, 5.2]), tolerance).unwrap_err();
        let Difference::Off { count: 2, of: 3, at: 1, .. } = wrong else { panic!("{wrong}") };
    }

    #[test]
    fn what_is_no_number_is_never_near() {
        let (nan, one, big) = (floats(&[f32::NAN]), floats(&[1.0]), floats(&[f32::INFINITY]));
        for (expected, found) in [(&nan, &one), (&one, &nan), (&one, &big), (&big, &floats(&[f32::NEG_INFINITY]))] {
            assert!(matches!(agree(expected, found, Tolerance::GOLDEN), Err(Difference::NoNumber { at: 0, .. })));
        }
        assert_eq!(agree(&nan, &nan, Tolerance::GOLDEN), Ok(0.0));
        assert_eq!(agree(&big, &big, Tolerance::GOLDEN), Ok(0.0));
        assert_eq!(no_number(&floats(&[1.0, f32::NAN])), Some(1));
        assert_eq!(no_number(&one), None);
    }

    #[test]
    fn another_shape_or_type_is_no_answer() {
        assert!(matches!(
            agree(&floats(&[1.0]), &floats(&[1.0, 2.0]), Tolerance::GOLDEN),
            Err(Difference::Shape { .. })
        ));
        let other = bytes(Element::Bool, &[1]);
        assert!(matches!(agree(&floats(&[1.0]), &other, Tolerance::GOLDEN), Err(Difference::Element { .. })));
    }

    #[test]
    fn small_whole_numbers_may_be_rounded_and_others_not() {
        let of = |element, a: u8, b: u8| agree(&bytes(element, &[a]), &bytes(element, &[b]), Tolerance::GOLDEN);
        assert_eq!(of(Element::Uint8, 4, 5), Ok(1.0));
        assert!(of(Element::Uint8, 4, 6).is_err());
        assert!(of(Element::Bool, 0, 1).is_err());
        assert!(of(Element::SmallFloat(17), 0, 1).is_err());
    }
}
