//! What a model file says of itself, without any runtime.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io;
use std::path::{Component, Path, PathBuf};

use prost::Message;

use super::element::Element;
use super::proto::{GraphProto, Kind, ModelProto, Size, ValueInfoProto, WeightProto};
use super::window::FileWindow;

/// The newest version of the file format when this was written was 13; a file that says a thousand is none.
const NEWEST: i64 = 1000;
/// Where weights are when they are in a file of their own.
const EXTERNAL: i32 = 1;

/// A model's description.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ModelFacts {
    /// The version of the file format.
    pub ir_version: i64,
    /// Who wrote it: `pytorch 2.5.1`.
    pub producer: String,
    /// Per domain (empty: ONNX's own) the version of its operators.
    pub opsets: BTreeMap<String, i64>,
    /// What goes in, without weights that could be replaced.
    pub inputs: Vec<Slot>,
    /// What comes out.
    pub outputs: Vec<Slot>,
    /// How often each operator is there, branches and loops included.
    pub operators: BTreeMap<String, u64>,
    /// Numbers among weights and constants.
    pub parameters: u64,
    /// Bytes of the weights by element type.
    pub weights: BTreeMap<Element, u64>,
    /// The files of weights beside it, as it names them.
    pub external: Vec<PathBuf>,
    /// The size of the file itself, in bytes.
    pub bytes: u64,
}

/// An input or output.
#[derive(Debug, Clone, PartialEq)]
pub struct Slot {
    /// Its name.
    pub name: String,
    /// What it holds.
    pub kind: SlotKind,
}

/// What an input or output holds.
#[derive(Debug, Clone, PartialEq)]
pub enum SlotKind {
    /// A tensor.
    Tensor {
        /// The type of its elements.
        element: Element,
        /// Its dimensions.
        dims: Vec<Dim>,
    },
    /// Something else: `sequence`, `map`, `optional`, `sparse tensor`.
    Other(&'static str),
}

/// A dimension of an input or output.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Dim {
    /// Always so many.
    Fixed(i64),
    /// As many as it is given, under this name.
    Named(String),
    /// As many as it is given.
    Open,
}

/// Why a file is no model that can be used.
#[derive(Debug, thiserror::Error)]
pub enum ModelError {
    /// It cannot be read.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// The system's words.
        source: io::Error,
    },
    /// It is no model.
    #[error("{}: no ONNX model: {text}; is it a whole download, and no Git LFS pointer?", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        text: String,
    },
    /// A file of weights is not there.
    #[error("{}: its weights are in `{}`, which is not there; fetch it and put it beside the model", path.display(), weights.display())]
    NoWeights {
        /// The model.
        path: PathBuf,
        /// The missing file.
        weights: PathBuf,
    },
    /// A file of weights lies outside of the model's folder.
    #[error("{}: its weights are said to be in `{}`, outside of its folder, which is not read; put them beside the model", path.display(), weights.display())]
    Outside {
        /// The model.
        path: PathBuf,
        /// The file.
        weights: PathBuf,
    },
}

/// Reads what a model says of itself; its weights are skipped.
///
/// # Errors
/// If it cannot be read, is no model, or its weights are in a file that is not there.
pub fn inspect(path: &Path) -> Result<ModelFacts, ModelError> {
    let io = |source| ModelError::Io { path: path.to_owned(), source };
    let damaged = |text: String| ModelError::Damaged { path: path.to_owned(), text };
    let file = File::open(path).map_err(io)?;
    if !file.metadata().map_err(io)?.is_file() {
        return Err(io(io::Error::other("it is no file")));
    }
    let bytes = file.metadata().map_err(io)?.len();
    let mut window = FileWindow::new(file).map_err(io)?;
    let decoded = ModelProto::decode(&mut window);
    if let Some(problem) = window.problem() {
        return Err(io(problem));
    }
    let model = decoded.map_err(|error| damaged(error.to_string()))?;
    let graph = model.graph.ok_or_else(|| damaged("it has no graph".to_owned()))?;
    if !(1..NEWEST).contains(&model.ir_version) {
        return Err(damaged(format!("its format version {} does not exist", model.ir_version)));
    }
    let facts = ModelFacts {
        ir_version: model.ir_version,
        producer: format!("{} {}", model.producer_name, model.producer_version).trim().to_owned(),
        opsets: model.opset_import.into_iter().map(|set| (set.domain, set.version)).collect(),
        bytes,
        ..of_graph(&graph)
    };
    weights_there(path, &facts.external)?;
    Ok(facts)
}

impl ModelFacts {
    /// The element type that most bytes of its weights have, floating point or not; `None` without weights.
    pub fn precision(&self) -> Option<Element> {
        self.weights.iter().max_by_key(|(_, bytes)| **bytes).map(|(element, _)| *element)
    }

    /// Whether its weights fit this name of a precision; of a name that says nothing of weights, yes. Quantised models
    /// keep some of them as they were.
    pub fn fits(&self, precision: &str) -> bool {
        let largest = |names: &[&str]| self.precision().is_none_or(|element| names.contains(&element.name()));
        let some = |most: usize| self.weights.keys().any(|element| (1..=most).contains(&element.bits()));
        match precision {
            "fp64" | "fp32" | "fp16" | "bf16" => largest(&[precision]),
            "int8" | "uint8" | "int4" | "uint4" | "fp8" | "fp4" => some(8),
            _ => true,
        }
    }

    /// All bytes of its weights.
    pub fn weight_bytes(&self) -> u64 {
        self.weights.values().fold(0, |sum, bytes| sum.saturating_add(*bytes))
    }

    /// Memory that it takes at the least, in bytes: its weights once, and those in the file itself once more while it
    /// is loaded.
    pub fn least_memory(&self) -> u64 {
        self.weight_bytes().saturating_add(self.bytes)
    }
}

fn of_graph(graph: &GraphProto) -> ModelFacts {
    let mut facts = ModelFacts::default();
    facts.count(graph);
    let weights: BTreeSet<&str> = graph.initializer.iter().map(|it| it.name.as_str()).collect();
    facts.inputs = graph.input.iter().filter(|input| !weights.contains(input.name.as_str())).map(slot).collect();
    facts.outputs = graph.output.iter().map(slot).collect();
    facts
}

impl ModelFacts {
    /// Adds the operators and weights of a graph, and of those in its branches and loops.
    fn count(&mut self, graph: &GraphProto) {
        graph.initializer.iter().for_each(|weight| self.weigh(weight));
        for node in &graph.node {
            *self.operators.entry(node.op_type.clone()).or_default() += 1;
            for attribute in &node.attribute {
                attribute.t.iter().for_each(|weight| self.weigh(weight));
                attribute.g.iter().for_each(|graph| self.count(graph));
            }
        }
    }

    fn weigh(&mut self, weight: &WeightProto) {
        let count = weight.dims.iter().fold(1_u64, |n, dim| n.saturating_mul(u64::try_from(*dim).unwrap_or(0)));
        self.parameters = self.parameters.saturating_add(count);
        if let Some(element) = Element::of_code(weight.data_type) {
            let bytes = count.saturating_mul(element.bits() as u64).div_ceil(8);
            let sum = self.weights.entry(element).or_default();
            *sum = sum.saturating_add(bytes);
        }
        if let Some(place) = external(weight).filter(|place| !self.external.contains(place)) {
            self.external.push(place);
        }
    }
}

fn external(weight: &WeightProto) -> Option<PathBuf> {
    let entry = weight.external_data.iter().find(|entry| entry.key == "location")?;
    (weight.data_location == EXTERNAL).then(|| PathBuf::from(&entry.value))
}

fn slot(value: &ValueInfoProto) -> Slot {
    let kind = match value.r#type.as_ref().and_then(|it| it.kind.as_ref()) {
        Some(Kind::Tensor(tensor)) => match Element::of_code(tensor.elem_type) {
            Some(element) => {
                let dims = tensor.shape.iter().flat_map(|shape| &shape.dim);
                SlotKind::Tensor { element, dims: dims.map(|dim| dimension(dim.size.as_ref())).collect() }
            }
            None => SlotKind::Other("tensor of an unknown type"),
        },
        Some(Kind::Sequence(_)) => SlotKind::Other("sequence"),
        Some(Kind::Map(_)) => SlotKind::Other("map"),
        Some(Kind::Sparse(_)) => SlotKind::Other("sparse tensor"),
        Some(Kind::Optional(_)) => SlotKind::Other("optional"),
        None => SlotKind::Other("value of no type"),
    };
    Slot { name: value.name.clone(), kind }
}

fn dimension(size: Option<&Size>) -> Dim {
    match size {
        Some(Size::Fixed(n)) if *n > 0 => Dim::Fixed(*n),
        Some(Size::Named(name)) if !name.is_empty() => Dim::Named(name.clone()),
        // Exporters write 0 and -1 for what is open.
        Some(Size::Fixed(_) | Size::Named(_)) | None => Dim::Open,
    }
}

/// Files of weights must be there, and in the model's own folder: a model from elsewhere must not read `/etc/passwd`.
fn weights_there(model: &Path, external: &[PathBuf]) -> Result<(), ModelError> {
    let folder = model.parent().unwrap_or_else(|| Path::new(""));
    for weights in external {
        let (path, weights) = (model.to_owned(), weights.clone());
        if !weights.components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir)) {
            return Err(ModelError::Outside { path, weights });
        }
        if !folder.join(&weights).is_file() {
            return Err(ModelError::NoWeights { path, weights });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::path::Path;

    use prost::Message;

    use super::{Dim, ModelError, SlotKind, inspect};
    use crate::onnx::element::Element;
    use crate::onnx::proto::{
        DimensionProto, EntryProto, GraphProto, Kind, ModelProto, NodeProto, ShapeProto, Size, TensorTypeProto,
        TypeProto, ValueInfoProto, WeightProto,
    };

    fn value(name: &str, sizes: Vec<Option<Size>>) -> ValueInfoProto {
        let shape = Some(ShapeProto { dim: sizes.into_iter().map(|size| DimensionProto { size }).collect() });
        let kind = Some(Kind::Tensor(TensorTypeProto { elem_type: 1, shape }));
        ValueInfoProto { name: name.into(), r#type: Some(TypeProto { kind }) }
    }

    fn model(weights: Vec<WeightProto>) -> ModelProto {
        let node = ["MatMul", "Add", "MatMul"].map(|op| NodeProto { op_type: op.into(), attribute: vec![] }).into();
        let input = vec![
            value("x", vec![Some(Size::Named("batch".into())), Some(Size::Fixed(3)), None, Some(Size::Fixed(-1))]),
            value("w", vec![]),
        ];
        let graph = GraphProto { node, initializer: weights, input, output: vec![] };
        ModelProto { ir_version: 8, graph: Some(graph), ..ModelProto::default() }
    }

    fn inspected(folder: &Path, model: &ModelProto) -> Result<super::ModelFacts, ModelError> {
        let path = folder.join("m.onnx");
        std::fs::File::create(&path).unwrap().write_all(&model.encode_to_vec()).unwrap();
        inspect(&path)
    }

    #[test]
    fn a_model_is_described() {
        let folder = tempfile::tempdir().unwrap();
        let weight = |name: &str, data_type, dims: &[i64]| WeightProto {
            name: name.into(),
            data_type,
            dims: dims.to_vec(),
            ..WeightProto::default()
        };
        let facts = inspected(folder.path(), &model(vec![weight("w", 10, &[100, 4]), weight("b", 1, &[4])])).unwrap();
        assert_eq!((facts.parameters, facts.weight_bytes()), (404, 816));
        assert_eq!(facts.precision(), Some(Element::Float16));
        assert_eq!(facts.operators["MatMul"], 2);
        assert_eq!(facts.inputs.len(), 1, "a weight that could be replaced is no input");
        let SlotKind::Tensor { dims, .. } = &facts.inputs[0].kind else { panic!("{facts:?}") };
        assert_eq!(dims, &[Dim::Named("batch".into()), Dim::Fixed(3), Dim::Open, Dim::Open]);
    }

    #[test]
    fn weights_elsewhere_must_be_there_and_near() {
        let folder = tempfile::tempdir().unwrap();
        let at = |place: &str| {
            let external_data = vec![EntryProto { key: "location".into(), value: place.into() }];
            model(vec![WeightProto { data_location: 1, external_data, data_type: 1, ..WeightProto::default() }])
        };
        let said = |place| inspected(folder.path(), &at(place)).unwrap_err().to_string();
        assert!(said("m.data").ends_with("put it beside the model"));
        for place in ["../m.data", "/etc/passwd"] {
            assert!(
                said(place).ends_with("outside of its folder, which is not read; put them beside the model"),
                "{place}"
            );
        }
        std::fs::write(folder.path().join("m.data"), "x").unwrap();
        assert!(inspected(folder.path(), &at("m.data")).is_ok());
    }

    #[test]
    fn what_is_no_model_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("m.onnx");
        for text in ["version https://git-lfs.github.com/spec/v1\n", "", "PK\u{3}\u{4}"] {
            std::fs::write(&path, text).unwrap();
            assert!(matches!(inspect(&path), Err(ModelError::Damaged { .. })), "{text}");
        }
        assert!(matches!(inspect(folder.path()), Err(ModelError::Io { .. })));
        let whole = model(vec![]).encode_to_vec();
        for end in 1..whole.len() {
            std::fs::write(&path, &whole[..end]).unwrap();
            let _any = inspect(&path);
        }
    }
}
