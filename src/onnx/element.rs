//! The element types of tensors.

/// An element type of ONNX.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Element {
    /// 32-bit floating point.
    Float32,
    /// 64-bit floating point.
    Float64,
    /// IEEE half precision.
    Float16,
    /// The upper half of a 32-bit floating point number.
    Bfloat16,
    /// One of the 8-bit or 4-bit floating point formats, by its code in ONNX; compared bit by bit.
    SmallFloat(u8),
    /// Signed 8 bits.
    Int8,
    /// Signed 16 bits.
    Int16,
    /// Signed 32 bits.
    Int32,
    /// Signed 64 bits.
    Int64,
    /// Unsigned 8 bits.
    Uint8,
    /// Unsigned 16 bits.
    Uint16,
    /// Unsigned 32 bits.
    Uint32,
    /// Unsigned 64 bits.
    Uint64,
    /// An integer of 4 or 2 bits, by its code in ONNX; compared bit by bit.
    SmallInt(u8),
    /// True or false, one byte each.
    Bool,
    /// Text.
    Text,
    /// Complex numbers, by their code in ONNX; compared bit by bit.
    Complex(u8),
}

impl Element {
    /// The type that has this code in `onnx.proto`; `None` for none or an unknown one.
    pub fn of_code(code: i32) -> Option<Self> {
        Some(match code {
            1 => Self::Float32,
            2 => Self::Uint8,
            3 => Self::Int8,
            4 => Self::Uint16,
            5 => Self::Int16,
            6 => Self::Int32,
            7 => Self::Int64,
            8 => Self::Text,
            9 => Self::Bool,
            10 => Self::Float16,
            11 => Self::Float64,
            12 => Self::Uint32,
            13 => Self::Uint64,
            14 => Self::Complex(14),
            15 => Self::Complex(15),
            16 => Self::Bfloat16,
            17 => Self::SmallFloat(17),
            18 => Self::SmallFloat(18),
            19 => Self::SmallFloat(19),
            20 => Self::SmallFloat(20),
            21 => Self::SmallInt(21),
            22 => Self::SmallInt(22),
            23 => Self::SmallFloat(23),
            24 => Self::SmallFloat(24),
            25 => Self::SmallInt(25),
            26 => Self::SmallInt(26),
            _ => return None,
        })
    }

    /// The name that people use: `fp32`, `int8`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Float32 => "fp32",
            Self::Float64 => "fp64",
            Self::Float16 => "fp16",
            Self::Bfloat16 => "bf16",
            Self::SmallFloat(23) => "fp4",
            Self::SmallFloat(_) => "fp8",
            Self::Int8 => "int8",
            Self::Int16 => "int16",
            Self::Int32 => "int32",
            Self::Int64 => "int64",
            Self::Uint8 => "uint8",
            Self::Uint16 => "uint16",
            Self::Uint32 => "uint32",
            Self::Uint64 => "uint64",
            Self::SmallInt(21) => "uint4",
            Self::SmallInt(22) => "int4",
            Self::SmallInt(25) => "uint2",
            Self::SmallInt(_) => "int2",
            Self::Bool => "bool",
            Self::Text => "string",
            Self::Complex(14) => "complex64",
            Self::Complex(_) => "complex128",
        }
    }

    /// Bits of one element; 0 for text.
    pub const fn bits(self) -> usize {
        match self {
            Self::Text => 0,
            Self::SmallInt(25 | 26) => 2,
            Self::SmallFloat(23) | Self::SmallInt(_) => 4,
            Self::SmallFloat(_) | Self::Int8 | Self::Uint8 | Self::Bool => 8,
            Self::Float16 | Self::Bfloat16 | Self::Int16 | Self::Uint16 => 16,
            Self::Float32 | Self::Int32 | Self::Uint32 => 32,
            Self::Float64 | Self::Int64 | Self::Uint64 | Self::Complex(14) => 64,
            Self::Complex(_) => 128,
        }
    }

    /// Whether its numbers are rounded, so that two right answers may differ a little.
    pub const fn is_float(self) -> bool {
        matches!(self, Self::Float32 | Self::Float64 | Self::Float16 | Self::Bfloat16)
    }

    /// The bytes that so many elements take; `None` where that is no number of this machine.
    pub fn bytes(self, count: usize) -> Option<usize> {
        count.checked_mul(self.bits()).map(|bits| bits.div_ceil(8))
    }
}

/// A half-precision number, from its bits.
pub(super) fn half(bits: u16) -> f64 {
    let sign = if bits & 0x8000 == 0 { 1.0 } else { -1.0 };
    let (exponent, fraction) = (i32::from(bits >> 10 & 0x1f), f64::from(bits & 0x3ff));
    sign * match exponent {
        0 => fraction * 2_f64.powi(-24),
        0x1f if fraction == 0.0 => f64::INFINITY,
        0x1f => f64::NAN,
        _ => (1.0 + fraction / 1024.0) * 2_f64.powi(exponent - 15),
    }
}

/// The bits of the half-precision number nearest to a small number (of magnitude below 65,504), rounded to nothing
/// finer than its format.
pub(super) fn to_half(value: f64) -> u16 {
    let sign = if value.is_sign_negative() { 0x8000 } else { 0 };
    let size = value.abs();
    if size < 2_f64.powi(-14) {
        return sign | (size * 2_f64.powi(24)).round() as u16;
    }
    let exponent = size.log2().floor().min(15.0);
    let fraction = ((size / exponent.exp2() - 1.0) * 1024.0).round() as u16;
    // A fraction rounded up to the whole carries into the exponent, which is what the next number's bits are.
    sign | ((((exponent as i32 + 15) as u16) << 10) + fraction).min(0x7bff)
}

#[cfg(test)]
mod tests {
    use super::{Element, half, to_half};

    #[test]
    fn halves_are_those_of_the_standard() {
        for (bits, value) in [
            (0x0000, 0.0),
            (0x3c00, 1.0),
            (0xc000, -2.0),
            (0x7bff, 65504.0),
            (0x0001, 5.960_464_477_539_063e-8),
            (0x3555, 0.333_251_953_125),
        ] {
            assert_eq!(half(bits), value);
            assert_eq!(to_half(value), bits);
        }
        assert_eq!(half(0x7c00), f64::INFINITY);
        assert!(half(0x7e00).is_nan());
        for bits in 0..0x7c00_u16 {
            assert_eq!(to_half(half(bits)), bits);
        }
    }

    #[test]
    fn bytes_of_small_elements_are_packed() {
        assert_eq!(Element::SmallInt(22).bytes(3), Some(2));
        assert_eq!(Element::Float64.bytes(3), Some(24));
        assert_eq!(Element::Float64.bytes(usize::MAX), None);
        assert!((1..=26).all(|code| Element::of_code(code).is_some()));
        assert_eq!(Element::of_code(0), None);
    }
}
