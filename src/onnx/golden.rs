//! Stored inputs and answers beside a model, in the layout of ONNX's own tests: `test_data_set_0/input_0.pb`,
//! `output_0.pb`.

use std::path::{Path, PathBuf};

use super::tensor::{Tensor, TensorError};

/// The most sets that are read of one model, and tensors of one set.
const MOST: usize = 1000;

/// One set of inputs with the answers to them, in the order of the model's inputs and outputs.
#[derive(Debug, Clone, PartialEq)]
pub struct GoldenSet {
    /// Its folder's name.
    pub name: String,
    /// What goes in.
    pub inputs: Vec<Tensor>,
    /// What must come out.
    pub outputs: Vec<Tensor>,
}

/// Why a stored set cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("{}: {source}", path.display())]
pub struct GoldenError {
    /// The file or folder.
    pub path: PathBuf,
    /// Why.
    pub source: TensorError,
}

/// The folders of stored sets: those below `folder`, or it itself.
pub fn sets(folder: &Path) -> Vec<PathBuf> {
    if folder.join("output_0.pb").is_file() {
        return vec![folder.to_owned()];
    }
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut found: Vec<PathBuf> =
        entries.map(|entry| entry.path()).filter(|path| path.join("output_0.pb").is_file()).take(MOST).collect();
    found.sort();
    found
}

impl GoldenSet {
    /// Reads a set.
    ///
    /// # Errors
    /// If one of its tensors cannot be used.
    pub fn load(folder: &Path) -> Result<Self, GoldenError> {
        let all = |kind: &str| {
            let paths = (0..MOST).map(|n| folder.join(format!("{kind}_{n}.pb"))).take_while(|path| path.is_file());
            paths
                .map(|path| Tensor::load(&path).map_err(|source| GoldenError { path, source }))
                .collect::<Result<Vec<_>, _>>()
        };
        let name = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
        Ok(Self { name, inputs: all("input")?, outputs: all("output")? })
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use prost::Message;

    use super::{GoldenSet, sets};
    use crate::onnx::proto::TensorProto;

    #[test]
    fn sets_are_found_and_read_in_order() {
        let folder = tempfile::tempdir().unwrap();
        let one = TensorProto { dims: vec![1], data_type: 1, float_data: vec![1.0], ..TensorProto::default() };
        for set in ["test_data_set_0", "test_data_set_1"] {
            let set = folder.path().join(set);
            fs::create_dir(&set).unwrap();
            for name in ["input_0.pb", "input_1.pb", "output_0.pb"] {
                fs::write(set.join(name), one.encode_to_vec()).unwrap();
            }
        }
        fs::create_dir(folder.path().join("other")).unwrap();
        let found = sets(folder.path());
        assert_eq!(found.len(), 2);
        let set = GoldenSet::load(&found[1]).unwrap();
        assert_eq!((set.name.as_str(), set.inputs.len(), set.outputs.len()), ("test_data_set_1", 2, 1));
        assert_eq!(sets(&found[0]), [found[0].clone()]);
        fs::write(found[0].join("input_1.pb"), [0xff]).unwrap();
        let error = GoldenSet::load(&found[0]).unwrap_err().to_string();
        assert!(error.contains("input_1.pb: it is no tensor of ONNX"), "{error}");
    }
}
