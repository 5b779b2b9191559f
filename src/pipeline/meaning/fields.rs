//! The checks of single values, and what they must know of the file.

use crate::pipeline::diagnostic::{Diagnostic, Span, nearest};
use crate::pipeline::grammar::Pipeline;
use crate::pipeline::tree::Node;

/// Targets that a pipeline may name, whether or not a host has them.
const TARGETS: [&str; 11] =
    ["cpu", "cuda", "tensorrt", "rocm", "migraphx", "openvino", "coreml", "directml", "qnn", "webgpu", "webnn"];
/// What a step's checks must know of the rest of the file.
pub(super) struct Context {
    pub has_models: bool,
    pub secrets: Vec<String>,
}

impl Context {
    pub(super) fn of(pipeline: &Pipeline) -> Self {
        Self { has_models: !pipeline.models.is_empty(), secrets: pipeline.secrets.clone() }
    }
}

/// The place of a node, or the beginning of another where there is none.
pub(super) fn span(node: Option<&Node>, otherwise: &Node) -> Span {
    node.map_or(otherwise.span.start..otherwise.span.start, |node| node.span.clone())
}

pub(super) fn check_target(target: &str, node: Option<&Node>, otherwise: &Node, found: &mut Vec<Diagnostic>) {
    if !TARGETS.contains(&target) {
        let hint = nearest(target, TARGETS).map(|near| format!(", did you mean `{near}`?")).unwrap_or_default();
        let told =
            Diagnostic::error("unknown-target", format!("unknown target `{target}`{hint}"), span(node, otherwise));
        found.push(told.help(format!("targets: {}", TARGETS.join(", "))));
    }
}

pub(super) fn check_variable(name: &str, node: Option<&Node>, otherwise: &Node, found: &mut Vec<Diagnostic>) {
    let right = !name.is_empty()
        && !name.starts_with(|c: char| c.is_ascii_digit())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    if !right {
        let text = format!("`{}` cannot be the name of an environment variable", name.escape_debug());
        found.push(Diagnostic::error("variable", text, span(node, otherwise)));
    }
}

/// A path of the file: relative, and not out of the workspace.
pub(super) fn check_path(path: &str, key: &str, node: Option<&Node>, otherwise: &Node, found: &mut Vec<Diagnostic>) {
    let text = if path.trim().is_empty() {
        format!("`{key}` is empty")
    } else if path.starts_with('/') || path.starts_with('\\') || path.get(1..3) == Some(":\\") {
        format!("`{key}` is an absolute path; it is relative to the pipeline file")
    } else if path.split(['/', '\\']).any(|part| part == "..") {
        format!("`{key}` leaves the workspace by `..`")
    } else if path.chars().any(char::is_control) {
        format!("`{key}` holds a control character")
    } else {
        return;
    };
    found.push(Diagnostic::error("path", text, span(node, otherwise)));
}
