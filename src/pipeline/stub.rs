//! TEMP
#![allow(missing_docs)]
use super::*;
#[derive(Debug, Clone)]
pub struct Diagnostic {
    pub message: String,
}
impl Diagnostic {
    pub fn error(_c: &str, m: String, _s: Span) -> Self {
        Self { message: m }
    }
}
#[derive(Debug, Clone, Copy)]
pub struct Span;
#[derive(Debug)]
pub struct Positions;
impl Positions {
    pub fn of(&self, _s: &str, _i: usize) -> Option<Span> {
        None
    }
}
#[derive(Debug)]
pub struct Parsed {
    pub pipeline: Pipeline,
    pub positions: Positions,
}
pub fn parse(text: &str) -> Result<Parsed, Vec<Diagnostic>> {
    serde_saphyr::from_str::<Pipeline>(text)
        .map(|pipeline| Parsed { pipeline, positions: Positions })
        .map_err(|e| vec![Diagnostic { message: e.to_string() }])
}
pub fn parse_models(_t: &str, _f: Option<&str>) -> Result<Vec<Model>, Vec<Diagnostic>> {
    Ok(vec![])
}
