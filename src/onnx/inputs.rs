//! Inputs made from a model's own shapes and types, the same for the same seed.

use std::collections::BTreeMap;

use super::element::{Element, to_half};
use super::model::{Dim, ModelFacts, Slot, SlotKind};
use super::tensor::{Data, Tensor};
use crate::stats::Random;

/// The most elements of one input: 256 Mi.
const MOST: usize = 1 << 28;
/// Whole numbers are drawn below this where nothing is said: small enough for any vocabulary.
const BELOW: f64 = 100.0;

/// The sizes of open dimensions, by name: `input.axis` (from 0), the name in the model, or `batch` and `sequence` for
/// those that are usually called otherwise.
pub type Sizes = BTreeMap<String, i64>;

/// What an input is filled with.
#[derive(Debug, Clone, PartialEq)]
pub enum Fill {
    /// One value everywhere.
    Value(f64),
    /// Drawn between these, the upper one left out.
    Range(f64, f64),
}

/// Why no input can be made.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum InputError {
    /// A dimension has no size.
    #[error(
        "input `{input}` has the dimension {dimension} of no fixed size; say how large it is, as in `--dimension {example}=1`"
    )]
    Open {
        /// The input.
        input: String,
        /// The dimension as people find it.
        dimension: String,
        /// The name to give.
        example: String,
    },
    /// It is no tensor.
    #[error(
        "input `{input}` is a {kind}, and only tensors can be given to a model here; export the model with tensors instead"
    )]
    NoTensor {
        /// The input.
        input: String,
        /// What it is.
        kind: String,
    },
    /// It is no tensor of numbers.
    #[error(
        "input `{input}` is a {kind}, which cannot be made; store one as `test_data_set_0/input_0.pb`, see --golden"
    )]
    Kind {
        /// The input.
        input: String,
        /// What it is.
        kind: String,
    },
    /// It would be too large.
    #[error("input `{input}` with the dimensions {dims:?} would have more than {MOST} elements")]
    Large {
        /// The input.
        input: String,
        /// The dimensions.
        dims: Vec<i64>,
    },
    /// An input was named that is not there.
    #[error("the model has no input `{named}`; its inputs are {there}")]
    NoInput {
        /// The name that was given.
        named: String,
        /// The names that there are.
        there: String,
    },
    /// A size was given that nothing asks for.
    #[error("no input has the dimension `{named}`; open dimensions are {there}")]
    NoDimension {
        /// The name that was given.
        named: String,
        /// The names that there are.
        there: String,
    },
}

/// The inputs of a model, drawn from a seed. Whole numbers are drawn from 0 to 99, masks are ones, positions count up,
/// truth values are true; others lie between 0 and 1. `fills` says otherwise by name.
///
/// # Errors
/// If a dimension has no size, an input is no tensor, or a name stands for nothing.
pub fn make(
    model: &ModelFacts,
    sizes: &Sizes,
    fills: &BTreeMap<String, Fill>,
    seed: u64,
) -> Result<Vec<(String, Tensor)>, InputError> {
    for named in fills.keys() {
        if !model.inputs.iter().any(|input| input.name == *named) {
            let there: Vec<&str> = model.inputs.iter().map(|input| input.name.as_str()).collect();
            return Err(InputError::NoInput { named: named.clone(), there: there.join(", ") });
        }
    }
    known(model, sizes)?;
    let mut random = Random::new(seed);
    model.inputs.iter().map(|input| Ok((input.name.clone(), one(input, sizes, fills, &mut random)?))).collect()
}

/// Whether each size belongs to a dimension.
fn known(model: &ModelFacts, sizes: &Sizes) -> Result<(), InputError> {
    let mut open: Vec<Vec<String>> = Vec::new();
    for input in &model.inputs {
        if let SlotKind::Tensor { dims, .. } = &input.kind {
            let there = dims.iter().enumerate().filter(|(_, dim)| !matches!(dim, Dim::Fixed(_)));
            open.extend(there.map(|(axis, dim)| names(&input.name, axis, dim)));
        }
    }
    for named in sizes.keys() {
        if !open.iter().any(|names| names.contains(named)) {
            let mut there: Vec<String> = open.iter().filter_map(|names| names.last().cloned()).collect();
            there.sort();
            there.dedup();
            let there = if there.is_empty() { "not there: all sizes are fixed".to_owned() } else { there.join(", ") };
            return Err(InputError::NoDimension { named: named.clone(), there });
        }
    }
    Ok(())
}

/// The names that a dimension goes by: its place comes first, what is usually said last.
fn names(input: &str, axis: usize, dim: &Dim) -> Vec<String> {
    const BATCH: [&str; 6] = ["batch", "batch_size", "batchsize", "n", "bs", "b"];
    const SEQUENCE: [&str; 10] =
        ["sequence", "sequence_length", "seq", "seq_len", "seqlen", "seq_length", "time", "t", "length", "num_tokens"];
    let mut names = vec![format!("{input}.{axis}")];
    match dim {
        Dim::Named(name) => {
            names.push(name.clone());
            let lower = name.to_lowercase();
            if BATCH.contains(&lower.as_str()) {
                names.push("batch".to_owned());
            } else if SEQUENCE.contains(&lower.as_str()) {
                names.push("sequence".to_owned());
            }
        }
        // Where nothing is named, the first dimension is the batch, as everywhere.
        Dim::Open if axis == 0 => names.push("batch".to_owned()),
        Dim::Open if axis == 1 => names.push("sequence".to_owned()),
        Dim::Open | Dim::Fixed(_) => {}
    }
    names
}

fn one(input: &Slot, sizes: &Sizes, fills: &BTreeMap<String, Fill>, random: &mut Random) -> Result<Tensor, InputError> {
    let named = || input.name.clone();
    let (element, dims) = match &input.kind {
        SlotKind::Tensor { element, dims } => (element, dims),
        SlotKind::Other(kind) => return Err(InputError::NoTensor { input: named(), kind: (*kind).to_owned() }),
    };
    let size = |(at, dim): (usize, &Dim)| match dim {
        Dim::Fixed(size) => Ok(*size),
        dim => {
            let names = names(&input.name, at, dim);
            let found = names.iter().find_map(|name| sizes.get(name));
            found.copied().ok_or_else(|| InputError::Open {
                input: named(),
                dimension: if let Dim::Named(name) = dim { format!("`{name}`") } else { format!("number {at}") },
                example: names.last().cloned().unwrap_or_default(),
            })
        }
    };
    let dims = dims.iter().enumerate().map(size).collect::<Result<Vec<i64>, _>>()?;
    let Some(count) = Tensor::count(&dims).filter(|count| *count <= MOST) else {
        return Err(InputError::Large { input: named(), dims });
    };
    let last = usize::try_from(dims.last().copied().unwrap_or(1)).unwrap_or(1).max(1);
    let fill = fills.get(&input.name).cloned();
    let draw = |at: usize| match (&fill, usual(&input.name, *element)) {
        (Some(Fill::Value(value)), _) => *value,
        (None, Usual::All(value)) => value,
        (Some(Fill::Range(low, high)), _) => random.uniform().mul_add(high - low, *low),
        (None, Usual::Count) => (at % last) as f64,
        (None, Usual::Drawn(below)) => random.uniform() * below,
    };
    let data = data(*element, (0..count).map(draw))
        .ok_or_else(|| InputError::Kind { input: named(), kind: format!("tensor of {}", element.name()) })?;
    Ok(Tensor { element: *element, dims, data })
}

/// What an input of this name and type usually takes.
enum Usual {
    All(f64),
    Count,
    Drawn(f64),
}

fn usual(name: &str, element: Element) -> Usual {
    let name = name.to_lowercase();
    match element {
        _ if name.contains("mask") => Usual::All(1.0),
        _ if name.contains("token_type") => Usual::All(0.0),
        _ if name.contains("position_ids") => Usual::Count,
        Element::Bool => Usual::All(1.0),
        element if element.is_float() => Usual::Drawn(1.0),
        _ => Usual::Drawn(BELOW),
    }
}

fn data(element: Element, values: impl Iterator<Item = f64>) -> Option<Data> {
    macro_rules! each {
        ($kind:ty) => {
            values.flat_map(|value| (value.floor() as $kind).to_le_bytes()).collect()
        };
    }
    Some(Data::Bytes(match element {
        Element::Float32 => values.flat_map(|value| (value as f32).to_le_bytes()).collect(),
        Element::Float64 => values.flat_map(f64::to_le_bytes).collect(),
        Element::Float16 => values.flat_map(|value| to_half(value).to_le_bytes()).collect(),
        Element::Bfloat16 => {
            values.flat_map(|value| ((value as f32).to_bits() >> 16).to_le_bytes()[..2].to_vec()).collect()
        }
        Element::Int8 => each!(i8),
        Element::Int16 => each!(i16),
        Element::Int32 => each!(i32),
        Element::Int64 => each!(i64),
        Element::Uint8 => each!(u8),
        Element::Uint16 => each!(u16),
        Element::Uint32 => each!(u32),
        Element::Uint64 => each!(u64),
        Element::Bool => values.map(|value| u8::from(value != 0.0)).collect(),
        Element::SmallFloat(_) | Element::SmallInt(_) | Element::Complex(_) | Element::Text => return None,
    }))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::{Fill, InputError, Sizes, make};
    use crate::onnx::element::Element;
    use crate::onnx::model::{Dim, ModelFacts, Slot, SlotKind};

    fn model(inputs: &[(&str, Element, &[Dim])]) -> ModelFacts {
        let slot = |(name, element, dims): &(&str, Element, &[Dim])| Slot {
            name: (*name).to_owned(),
            kind: SlotKind::Tensor { element: *element, dims: dims.to_vec() },
        };
        ModelFacts { inputs: inputs.iter().map(slot).collect(), ..ModelFacts::default() }
    }

    fn sizes(pairs: &[(&str, i64)]) -> Sizes {
        pairs.iter().map(|(name, size)| ((*name).to_owned(), *size)).collect()
    }

    #[test]
    fn a_seed_gives_the_same_inputs_and_another_does_not() {
        let model = model(&[("x", Element::Float32, &[Dim::Open, Dim::Fixed(3)])]);
        let made = |seed| make(&model, &sizes(&[("batch", 2)]), &BTreeMap::new(), seed).unwrap();
        assert_eq!(made(1), made(1));
        assert_ne!(made(1), made(2));
        assert_eq!(made(1)[0].1.dims, [2, 3]);
        assert!(made(1)[0].1.numbers().unwrap().iter().all(|value| (0.0..1.0).contains(value)));
    }

    #[test]
    fn what_a_language_model_takes() {
        let dims = [Dim::Named("batch_size".into()), Dim::Named("seq_len".into())];
        let model = model(&[
            ("input_ids", Element::Int64, &dims),
            ("attention_mask", Element::Int64, &dims),
            ("position_ids", Element::Int64, &dims),
        ]);
        let made = make(&model, &sizes(&[("batch", 2), ("sequence", 3)]), &BTreeMap::new(), 1).unwrap();
        let numbers: Vec<Vec<f64>> = made.iter().map(|(_, tensor)| tensor.numbers().unwrap()).collect();
        assert!(numbers[0].iter().all(|id| (0.0..100.0).contains(id)));
        assert_eq!(numbers[1], [1.0; 6]);
        assert_eq!(numbers[2], [0.0, 1.0, 2.0, 0.0, 1.0, 2.0]);
        assert!(make(&model, &sizes(&[("batch_size", 2), ("seq_len", 3)]), &BTreeMap::new(), 1).is_ok());
    }

    #[test]
    fn fills_win() {
        let model = model(&[("sr", Element::Int64, &[]), ("x", Element::Uint8, &[Dim::Fixed(50)])]);
        let fills = [("sr".to_owned(), Fill::Value(16000.0)), ("x".to_owned(), Fill::Range(7.0, 9.0))].into();
        let made = make(&model, &sizes(&[]), &fills, 1).unwrap();
        assert_eq!(made[0].1.numbers().unwrap(), [16000.0]);
        assert!(made[1].1.numbers().unwrap().iter().all(|value| *value == 7.0 || *value == 8.0));
    }

    #[test]
    fn what_is_missing_is_named() {
        let model = model(&[("x", Element::Float32, &[Dim::Named("T".into()), Dim::Open, Dim::Open])]);
        let said = |given: &[(&str, i64)]| make(&model, &sizes(given), &BTreeMap::new(), 1).unwrap_err().to_string();
        assert!(said(&[]).contains("dimension `T`") && said(&[]).contains("--dimension sequence=1"), "{}", said(&[]));
        assert!(said(&[("T", 1)]).contains("number 1"), "{}", said(&[("T", 1)]));
        assert!(said(&[("T", 1), ("width", 1)]).contains("open dimensions are sequence, x.2"));
        let fills = [("y".to_owned(), Fill::Value(1.0))].into();
        let error = make(&model, &sizes(&[]), &fills, 1).unwrap_err();
        assert!(matches!(error, InputError::NoInput { .. }));
        let large = sizes(&[("T", i64::MAX), ("x.1", 2), ("x.2", 2)]);
        assert!(matches!(make(&model, &large, &BTreeMap::new(), 1), Err(InputError::Large { .. })));
    }
}
