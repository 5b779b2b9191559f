//! A tensor as plain bytes: what goes into a model, what comes out, what is stored beside it.

use std::path::Path;

use prost::Message;

use super::element::{Element, half};
use super::proto::TensorProto;

/// The largest stored tensor that is read, in bytes.
const LARGEST: u64 = 1 << 30;

/// A tensor.
#[derive(Debug, Clone, PartialEq)]
pub struct Tensor {
    /// The type of its elements.
    pub element: Element,
    /// The size of each dimension; none for a single value.
    pub dims: Vec<i64>,
    /// Its elements, row by row.
    pub data: Data,
}

/// Elements.
#[derive(Debug, Clone, PartialEq)]
pub enum Data {
    /// Numbers, little-endian, small ones packed.
    Bytes(Vec<u8>),
    /// Text.
    Text(Vec<String>),
}

/// Why a stored tensor cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TensorError {
    /// It cannot be read.
    #[error("{0}")]
    Io(#[from] std::io::Error),
    /// It is larger than what is read.
    #[error("it is larger than {} MiB", LARGEST >> 20)]
    Large,
    /// It is damaged.
    #[error("it is no tensor of ONNX: {0}")]
    Damaged(#[from] prost::DecodeError),
    /// Its type is not known.
    #[error("it is no tensor: elements of type {0} are not known (a sequence, an optional or a map is not read)")]
    Type(i32),
    /// Its values are not as many as its dimensions say.
    #[error("its dimensions {dims:?} take {wanted} bytes, it has {found}")]
    Count {
        /// The dimensions.
        dims: Vec<i64>,
        /// Bytes that they take.
        wanted: usize,
        /// Bytes that are there.
        found: usize,
    },
}

impl Tensor {
    /// How many elements these dimensions have; `None` for a negative one or more than this machine can count.
    pub fn count(dims: &[i64]) -> Option<usize> {
        dims.iter().try_fold(1_usize, |count, dim| count.checked_mul(usize::try_from(*dim).ok()?))
    }

    /// Reads a stored tensor (`input_0.pb`).
    ///
    /// # Errors
    /// If it cannot be read, is damaged, or is something else than a tensor.
    pub fn load(path: &Path) -> Result<Self, TensorError> {
        if path.metadata()?.len() > LARGEST {
            return Err(TensorError::Large);
        }
        Self::parse(&std::fs::read(path)?)
    }

    /// Reads a tensor from its message.
    ///
    /// # Errors
    /// If it is damaged, or is something else than a tensor.
    pub fn parse(bytes: &[u8]) -> Result<Self, TensorError> {
        let stored = TensorProto::decode(bytes)?;
        let element = Element::of_code(stored.data_type).ok_or(TensorError::Type(stored.data_type))?;
        let count = Self::count(&stored.dims).ok_or_else(|| miscount(&stored.dims, usize::MAX, 0))?;
        let dims = stored.dims.clone();
        if element == Element::Text {
            let text: Vec<String> =
                stored.string_data.iter().map(|text| String::from_utf8_lossy(text).into_owned()).collect();
            return if text.len() == count {
                Ok(Self { element, dims, data: Data::Text(text) })
            } else {
                Err(miscount(&dims, count, text.len()))
            };
        }
        let wanted = element.bytes(count).unwrap_or(usize::MAX);
        let bytes = if stored.raw_data.is_empty() { spread(element, &stored) } else { stored.raw_data };
        if bytes.len() != wanted {
            return Err(miscount(&dims, wanted, bytes.len()));
        }
        Ok(Self { element, dims, data: Data::Bytes(bytes) })
    }

    /// Its elements as numbers; `None` for text and for formats that are only compared bit by bit.
    pub fn numbers(&self) -> Option<Vec<f64>> {
        let Data::Bytes(bytes) = &self.data else { return None };
        macro_rules! each {
            ($kind:ty) => {
                bytes.as_chunks().0.iter().map(|bytes| <$kind>::from_le_bytes(*bytes) as f64).collect()
            };
        }
        Some(match self.element {
            Element::Float32 => each!(f32),
            Element::Float64 => each!(f64),
            Element::Float16 => bytes.as_chunks().0.iter().map(|pair| half(u16::from_le_bytes(*pair))).collect(),
            Element::Bfloat16 => {
                let wide = |pair: &[u8; 2]| f64::from(f32::from_bits(u32::from(u16::from_le_bytes(*pair)) << 16));
                bytes.as_chunks().0.iter().map(wide).collect()
            }
            Element::Int8 => each!(i8),
            Element::Int16 => each!(i16),
            Element::Int32 => each!(i32),
            Element::Int64 => each!(i64),
            Element::Uint8 | Element::Bool => each!(u8),
            Element::Uint16 => each!(u16),
            Element::Uint32 => each!(u32),
            Element::Uint64 => each!(u64),
            Element::SmallFloat(_) | Element::SmallInt(_) | Element::Complex(_) | Element::Text => return None,
        })
    }
}

fn miscount(dims: &[i64], wanted: usize, found: usize) -> TensorError {
    TensorError::Count { dims: dims.to_vec(), wanted, found }
}

/// The bytes of values that are stored in a field of their type, as `onnx.proto` spreads them.
fn spread(element: Element, stored: &TensorProto) -> Vec<u8> {
    fn all<T: Copy, const N: usize>(values: &[T], bytes: impl Fn(T) -> [u8; N]) -> Vec<u8> {
        values.iter().flat_map(|value| bytes(*value)).collect()
    }
    match element {
        Element::Float32 | Element::Complex(14) => all(&stored.float_data, f32::to_le_bytes),
        Element::Float64 | Element::Complex(_) => all(&stored.double_data, f64::to_le_bytes),
        Element::Int64 => all(&stored.int64_data, i64::to_le_bytes),
        Element::Uint64 => all(&stored.uint64_data, u64::to_le_bytes),
        Element::Uint32 => all(&stored.uint64_data, |value| (value as u32).to_le_bytes()),
        Element::Int32 => all(&stored.int32_data, i32::to_le_bytes),
        Element::Int16 | Element::Uint16 | Element::Float16 | Element::Bfloat16 => {
            all(&stored.int32_data, |value| (value as u16).to_le_bytes())
        }
        Element::Int8 | Element::Uint8 | Element::Bool | Element::SmallFloat(_) | Element::SmallInt(_) => {
            all(&stored.int32_data, |value| [value as u8])
        }
        Element::Text => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use prost::Message;

    use super::{Data, Tensor, TensorError};
    use crate::onnx::element::Element;
    use crate::onnx::proto::TensorProto;

    fn parse(proto: &TensorProto) -> Result<Tensor, TensorError> {
        Tensor::parse(&proto.encode_to_vec())
    }

    #[test]
    fn raw_and_spread_values_are_the_same() {
        let spread = TensorProto { dims: vec![2], data_type: 1, float_data: vec![1.5, -2.0], ..TensorProto::default() };
        let raw = [1.5_f32, -2.0].iter().flat_map(|value| value.to_le_bytes()).collect();
        let raw = TensorProto { dims: vec![2], data_type: 1, raw_data: raw, ..TensorProto::default() };
        assert_eq!(parse(&spread).unwrap(), parse(&raw).unwrap());
        assert_eq!(parse(&raw).unwrap().numbers(), Some(vec![1.5, -2.0]));
    }

    #[test]
    fn each_type_comes_out_as_numbers() {
        let of = |data_type, int32_data: &[i32]| {
            let dims = vec![int32_data.len() as i64];
            parse(&TensorProto { dims, data_type, int32_data: int32_data.to_vec(), ..TensorProto::default() }).unwrap()
        };
        assert_eq!(of(3, &[-1, 127]).numbers(), Some(vec![-1.0, 127.0]));
        assert_eq!(of(2, &[255]).numbers(), Some(vec![255.0]));
        assert_eq!(of(9, &[1, 0]).numbers(), Some(vec![1.0, 0.0]));
        assert_eq!(of(10, &[0x3c00]).numbers(), Some(vec![1.0]));
        assert_eq!(of(16, &[0x4000]).numbers(), Some(vec![2.0]));
        assert_eq!(of(5, &[-3]).numbers(), Some(vec![-3.0]));
        assert_eq!(of(17, &[9]).numbers(), None);
    }

    #[test]
    fn what_does_not_add_up_is_refused() {
        let bad = TensorProto { dims: vec![3], data_type: 1, float_data: vec![1.0], ..TensorProto::default() };
        assert_eq!(parse(&bad).unwrap_err().to_string(), "its dimensions [3] take 12 bytes, it has 4");
        for dims in [vec![-1], vec![i64::MAX, i64::MAX]] {
            let bad = TensorProto { dims, data_type: 1, ..TensorProto::default() };
            assert!(matches!(parse(&bad), Err(TensorError::Count { .. })));
        }
        assert!(matches!(Tensor::parse(&[0xff, 0xff]), Err(TensorError::Damaged(_))));
        assert!(matches!(Tensor::parse(&[]), Err(TensorError::Type(0))));
        let text =
            TensorProto { dims: vec![1], data_type: 8, string_data: vec![b"ab".to_vec()], ..TensorProto::default() };
        assert_eq!(parse(&text).unwrap().data, Data::Text(vec!["ab".into()]));
        assert_eq!(Element::of_code(8), Some(Element::Text));
    }
}
