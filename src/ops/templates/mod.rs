//! Template sets, those that come with Backsight and those that lie in folders: listed, shown, written, validated and
//! compared.

mod difference;
mod located;
mod search;
mod start;
mod trial;
mod verified;
mod walk;

use std::path::{Path, PathBuf};

use serde::Serialize;
use serde_json::Value;

use super::load::LoadError;
use crate::pipeline::Ladder;
use crate::results::ExitCode;
use crate::templating::{SetOutput, built_ins};

pub use difference::{Difference, differences};
pub use located::{Located, Origin};
pub use search::{Row, list};
pub use start::{Started, start};
pub use trial::{Made, SourceText, Trial, validate};

/// The name of a set's manifest.
pub const MANIFEST: &str = "templates.yml";

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum TemplatesError {
    /// A set or a file of it cannot be had.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// No set is called so.
    #[error("there is no template set `{name}`{}; `backsight templates list` shows those that there are", meant(.near))]
    Unknown {
        /// As it was named.
        name: String,
        /// The one that was probably meant.
        near: Option<String>,
    },
    /// A name that no set can have.
    #[error("`{0}` is no name of a set: small letters, digits and `-` between them, at most 64; for example `{1}`")]
    BadName(String, String),
    /// Something is there already.
    #[error("{}: it is there already; nothing was written. Remove it, or choose another name or folder", .0.display())]
    Exists(PathBuf),
    /// Something cannot be written.
    #[error("{}: {source}", path.display())]
    Write {
        /// What.
        path: PathBuf,
        /// The system's words.
        source: std::io::Error,
    },
}

impl TemplatesError {
    /// What the process returns for it.
    pub const fn exit_code(&self) -> ExitCode {
        match self {
            Self::Write { .. } => ExitCode::Tool,
            _ => ExitCode::Usage,
        }
    }
}

impl TemplatesError {
    /// The same for those who load a pipeline: `name` is the set as it is named there.
    pub(super) fn into_load(self, name: &str) -> LoadError {
        match self {
            Self::Load(error) => error,
            other => LoadError::Refused { path: PathBuf::from(name), text: other.to_string() },
        }
    }
}

fn meant(near: &Option<String>) -> String {
    near.as_ref().map(|near| format!(", did you mean `{near}`?")).unwrap_or_default()
}

/// All that is to be known of a set before it is used.
#[derive(Debug, Serialize)]
pub struct Shown {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// What it makes.
    pub description: String,
    /// Where it lies.
    pub origin: Origin,
    /// What it wants to know.
    pub inputs: Vec<Input>,
    /// What it makes.
    pub outputs: Vec<SetOutput>,
    /// How its files are verified where the pipeline does not say it.
    pub verify: Option<Ladder>,
    /// Its templates.
    pub files: Vec<String>,
    /// SHA-256 over all that its files can come from.
    pub sha256: String,
}

/// Something that a set wants to know.
#[derive(Debug, Serialize)]
pub struct Input {
    /// Its name.
    pub name: String,
    /// What it may be: `integer`, `string or null`, `one of a, b`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Whether there must be one.
    pub required: bool,
    /// What it is where nobody says it.
    pub default: Option<Value>,
    /// What it is for.
    pub description: String,
}

/// Shows the set of a name or in a folder.
///
/// # Errors
/// If there is none, or its manifest is wrong.
pub fn show(workspace: &Path, name: &str) -> Result<Shown, TemplatesError> {
    let located = Located::find(workspace, name)?;
    let set = located.set;
    let manifest = set.manifest.clone();
    Ok(Shown {
        sha256: set.digest().iter().map(|byte| format!("{byte:02x}")).collect(),
        files: set.files.into_keys().collect(),
        inputs: manifest.inputs.as_ref().map(inputs).unwrap_or_default(),
        name: manifest.name,
        version: manifest.version,
        description: manifest.description,
        origin: located.origin,
        outputs: manifest.outputs,
        verify: manifest.verify,
    })
}

fn inputs(schema: &Value) -> Vec<Input> {
    let required: Vec<&str> =
        schema.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect();
    let properties = schema.get("properties").and_then(Value::as_object);
    let input = |(name, schema): (&String, &Value)| Input {
        name: name.clone(),
        kind: kind(schema),
        required: required.contains(&name.as_str()) && schema.get("default").is_none(),
        default: schema.get("default").cloned(),
        description: schema.get("description").and_then(Value::as_str).unwrap_or_default().trim().to_owned(),
    };
    properties.into_iter().flatten().map(input).collect()
}

/// What a schema lets through, in a few words.
fn kind(schema: &Value) -> String {
    if let Some(options) = schema.get("enum").and_then(Value::as_array) {
        let options: Vec<String> = options.iter().map(plain).collect();
        return format!("one of {}", options.join(", "));
    }
    if let Some(only) = schema.get("const") {
        return plain(only);
    }
    match schema.get("type") {
        Some(Value::String(kind)) => match schema.get("items").filter(|_| kind == "array") {
            Some(items) => format!("array of {}", self::kind(items)),
            None => kind.clone(),
        },
        Some(Value::Array(kinds)) => kinds.iter().map(plain).collect::<Vec<_>>().join(" or "),
        _ => "any".to_owned(),
    }
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// The name that was probably meant.
fn nearest_set(name: &str, others: &[String]) -> Option<String> {
    let known = built_ins().iter().copied().chain(others.iter().map(String::as_str));
    crate::pipeline::nearest(name, known).map(str::to_owned)
}
