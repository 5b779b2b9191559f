//! TEMP
use crate::pipeline::Diagnostic;
pub(super) fn render(f: &str, _t: &str, d: &[Diagnostic]) -> String {
    d.iter().map(|d| format!("{f}: {}\n", d.message)).collect()
}
