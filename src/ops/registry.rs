//! Models that are found rather than listed: ONNX files, and the cache of the Hugging Face Hub.

use std::path::{Path, PathBuf};

use serde_json::json;

use super::load::{LoadError, models_of};
use crate::onnx::inspect;
use crate::pipeline::Model;

/// The word for the Hub's cache, wherever it is.
const CACHE: &str = "huggingface-cache";
/// The most models of a cache.
const MOST: usize = 10_000;

/// The model of an ONNX file: its id is its path without the ending, and what the file says of itself is known to
/// templates.
pub(super) fn of_onnx(file: &Path, workspace: &Path) -> Result<Model, LoadError> {
    let path = file.strip_prefix(workspace).unwrap_or(file);
    let facts = inspect(file)
        .map_err(|error| LoadError::Refused { path: path.to_owned(), text: format!("models: {error}") })?;
    let mut extra = serde_json::Map::new();
    extra.insert("parameters".into(), json!(facts.parameters));
    extra.insert("precision".into(), json!(facts.precision().map(crate::onnx::Element::name)));
    extra.insert("bytes".into(), json!(facts.bytes));
    let inputs: Vec<&str> = facts.inputs.iter().map(|input| input.name.as_str()).collect();
    extra.insert("inputs".into(), json!(inputs));
    let (id, path) = (path.with_extension("").display().to_string(), Some(path.display().to_string()));
    Ok(Model { id, family: None, task: None, revision: None, path, onnx: None, extra })
}

/// The models of a cache of the Hugging Face Hub: `huggingface-cache`, or a folder that holds `models--...`. `None` for
/// what is neither.
pub(super) fn of_cache(workspace: &Path, pattern: &str) -> Result<Option<Vec<Model>>, LoadError> {
    let folder = if pattern == CACHE { cache() } else { workspace.join(pattern) };
    let mut homes: Vec<PathBuf> = std::fs::read_dir(&folder)
        .into_iter()
        .flatten()
        .flatten()
        .filter(|entry| entry.file_name().to_string_lossy().starts_with("models--"))
        .map(|entry| entry.path())
        .take(MOST)
        .collect();
    homes.sort();
    if homes.is_empty() && pattern != CACHE {
        return Ok(None);
    }
    let refused = |text: String| LoadError::Refused { path: folder.clone(), text };
    if homes.is_empty() {
        let text = "models: the cache of the Hugging Face Hub holds no model; download one, or set HF_HUB_CACHE";
        return Err(refused(text.to_owned()));
    }
    let mut models = Vec::new();
    for home in &homes {
        models.extend(of_home(home, workspace)?);
    }
    Ok(Some(models))
}

/// Where the Hub's own tools keep their cache.
fn cache() -> PathBuf {
    let env = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    env("HF_HUB_CACHE")
        .or_else(|| env("HF_HOME").map(|home| home.join("hub")))
        .or_else(|| env("HOME").map(|home| home.join(".cache/huggingface/hub")))
        .unwrap_or_default()
}

/// A model of the cache: the snapshot that `main` points to, otherwise the only one that is there. One without a
/// `config.json` is left out.
fn of_home(home: &Path, workspace: &Path) -> Result<Option<Model>, LoadError> {
    let name = home.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let id = name.trim_start_matches("models--").replace("--", "/");
    let main = std::fs::read_to_string(home.join("refs/main")).ok().map(|text| text.trim().to_owned());
    let is_hash = |text: &String| text.len() == 40 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    let only = || {
        let mut all = std::fs::read_dir(home.join("snapshots")).into_iter().flatten().flatten();
        let first = all.next()?.file_name().to_string_lossy().into_owned();
        all.next().is_none().then_some(first)
    };
    let Some(revision) = main.or_else(only).filter(is_hash) else { return Ok(None) };
    let snapshot = home.join("snapshots").join(&revision);
    let config = snapshot.join("config.json");
    if !config.is_file() {
        return Ok(None);
    }
    let Some(mut model) = models_of(&config, workspace)?.into_iter().next() else { return Ok(None) };
    let onnx = ["onnx/model.onnx", "model.onnx"].iter().map(|name| snapshot.join(name)).find(|file| file.is_file());
    model.path = onnx.map(|file| file.strip_prefix(workspace).unwrap_or(&file).display().to_string());
    (model.id, model.revision) = (id, Some(revision));
    Ok(Some(model))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::{of_cache, of_onnx};

    fn write(root: &Path, path: &str, bytes: &[u8]) {
        let path = root.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }

    #[test]
    fn a_cache_is_read_at_the_revision_that_main_is() {
        let root = tempfile::tempdir().unwrap();
        let root = root.path();
        let (old, new) = ("0".repeat(40), "a".repeat(40));
        let home = "hub/models--google--tiny-bert";
        for revision in [&old, &new] {
            let config = br#"{"model_type": "bert", "architectures": ["BertForMaskedLM"]}"#;
            write(root, &format!("{home}/snapshots/{revision}/config.json"), config);
        }
        write(root, &format!("{home}/snapshots/{new}/onnx/model.onnx"), b"x");
        write(root, "hub/models--broken--one/refs/main", b"../../../etc");
        write(root, "hub/datasets--x--y/refs/main", b"");
        assert_eq!(of_cache(root, "hub").unwrap().unwrap(), [], "two revisions and none that is main");
        write(root, &format!("{home}/refs/main"), new.as_bytes());
        let models = of_cache(root, "hub").unwrap().unwrap();
        let model = &models[0];
        assert_eq!((models.len(), model.id.as_str(), model.revision.as_ref()), (1, "google/tiny-bert", Some(&new)));
        assert_eq!((model.family.as_deref(), model.task.as_deref()), (Some("bert"), Some("fill-mask")));
        assert_eq!(model.path, Some(format!("{home}/snapshots/{new}/onnx/model.onnx")));
        assert_eq!(of_cache(root, "nowhere").unwrap(), None);
    }

    #[test]
    fn an_onnx_file_says_what_it_is() {
        let root = tempfile::tempdir().unwrap();
        write(root.path(), "models/add.onnx", include_bytes!("../onnx/one_add.onnx"));
        let model = of_onnx(&root.path().join("models/add.onnx"), root.path()).unwrap();
        assert_eq!((model.id.as_str(), model.path.as_deref()), ("models/add", Some("models/add.onnx")));
        assert_eq!(model.extra["inputs"], serde_json::json!(["x"]));
        write(root.path(), "models/bad.onnx", b"nothing");
        assert!(of_onnx(&root.path().join("models/bad.onnx"), root.path()).is_err());
    }
}
