//! Reads what generations are made of beside their templates: template sets, data files, rows, prompts.

use std::io::Read;
use std::path::Path;
use std::sync::Arc;

use serde_json::Value;

use super::load::LoadError;
use super::templates::Located;
use crate::pipeline::{self, Pipeline};
use crate::plan::{Prompts, PromptsFormat, Rows, Sources};

/// The largest file of data or rows that is read, in bytes.
const LARGEST: u64 = 64 << 20;

/// What a file of data is written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Format {
    Csv,
    Json,
    Lines,
    Toml,
    Yaml,
}

/// Reads everything that the generations of a pipeline name.
///
/// # Errors
/// The first file that cannot be read or is wrong.
pub(super) fn read(workspace: &Path, pipeline: &Pipeline) -> Result<Sources, LoadError> {
    let mut sources = Sources::default();
    for step in &pipeline.generations {
        if let Some(name) = step.set.as_ref().filter(|name| !sources.sets.contains_key(*name)) {
            let found = Located::find(workspace, name).map_err(|error| error.into_load(name))?;
            sources.sets.insert(name.clone(), Arc::new(found.set));
        }
        for path in step.data.values().filter(|path| !sources.data.contains_key(*path)).collect::<Vec<_>>() {
            let (text, format) = text(workspace, path)?;
            sources.data.insert(path.clone(), value(path, text, format)?);
        }
        if let Some(path) = step.rows.as_ref().filter(|path| !sources.rows.contains_key(*path)) {
            let (text, format) = text(workspace, path)?;
            sources.rows.insert(path.clone(), Arc::new(rows(path, text, format)?));
        }
        let prompts = step.completion.as_ref().map(|completion| &completion.prompts);
        if let Some(path) = prompts.filter(|path| !sources.prompts.contains_key(*path)) {
            let (text, format) = text(workspace, path)?;
            sources.prompts.insert(path.clone(), Arc::new(prompts_of(path, text, format)?));
        }
    }
    Ok(sources)
}

fn refused(path: &str, text: impl Into<String>) -> LoadError {
    LoadError::Refused { path: path.into(), text: text.into() }
}

fn text(workspace: &Path, path: &str) -> Result<(String, Format), LoadError> {
    let ending = Path::new(path).extension().map(|ending| ending.to_string_lossy().to_ascii_lowercase());
    let format = match ending.as_deref() {
        Some("csv") => Format::Csv,
        Some("json") => Format::Json,
        Some("jsonl" | "ndjson") => Format::Lines,
        Some("toml") => Format::Toml,
        Some("yml" | "yaml") => Format::Yaml,
        _ => {
            return Err(refused(
                path,
                "its ending says nothing; name a .csv, .json, .jsonl, .toml, .yml or .yaml file",
            ));
        }
    };
    let whole = workspace.join(path);
    let io = |source: std::io::Error| match source.kind() {
        std::io::ErrorKind::NotFound => refused(path, "there is no such file; paths are relative to the pipeline file"),
        _ => LoadError::Io { path: path.into(), source },
    };
    // Asked before opening: a pipe would wait for somebody to write.
    let real = whole.canonicalize().map_err(io)?;
    if !real.starts_with(workspace) {
        return Err(refused(path, "it leads out of the workspace through a symbolic link"));
    }
    if !real.metadata().map_err(io)?.is_file() {
        return Err(refused(path, "this is no regular file"));
    }
    let mut bytes = Vec::new();
    std::fs::File::open(&real).map_err(io)?.take(LARGEST + 1).read_to_end(&mut bytes).map_err(io)?;
    if bytes.len() as u64 > LARGEST {
        return Err(refused(path, format!("it is larger than {} MiB", LARGEST >> 20)));
    }
    let text = String::from_utf8(bytes)
        .map_err(|error| refused(path, format!("it is not UTF-8 after byte {}", error.utf8_error().valid_up_to())))?;
    Ok((text, format))
}

/// A file of data as one value; a CSV file is a list of its rows.
fn value(path: &str, text: String, format: Format) -> Result<Value, LoadError> {
    match format {
        Format::Json => {
            let text = text.trim_start_matches('\u{feff}');
            serde_json::from_str(text).map_err(|error| refused(path, told(&error)))
        }
        Format::Toml => toml::from_str(&text).map_err(|error| {
            let at = error.span().map_or(0, |span| span.start);
            let before = text.get(..at).unwrap_or_default();
            let (line, column) =
                (before.matches('\n').count() + 1, before.chars().rev().take_while(|c| *c != '\n').count() + 1);
            refused(path, format!("{line}:{column}: {}", error.message()))
        }),
        Format::Yaml => {
            pipeline::yaml(&text).map_err(|diagnostics| LoadError::Wrong { path: path.into(), text, diagnostics })
        }
        Format::Csv | Format::Lines => {
            let rows = rows(path, text, format)?;
            let all: Result<Vec<Value>, String> = (0..rows.len()).map(|at| rows.at(at)).collect();
            all.map(Value::Array).map_err(|error| refused(path, error))
        }
    }
}

fn prompts_of(path: &str, text: String, format: Format) -> Result<Prompts, LoadError> {
    let format = match format {
        Format::Csv => PromptsFormat::Csv,
        Format::Json => PromptsFormat::Json,
        Format::Lines => PromptsFormat::Lines,
        Format::Yaml => PromptsFormat::Yaml,
        Format::Toml => return Err(refused(path, "prompts stand in a .jsonl, .json, .yaml or .csv file")),
    };
    Prompts::parse(text, format).map_err(|error| refused(path, error))
}

/// Reads a file of prompts, wherever it is.
///
/// # Errors
/// What is wrong with it, with its line.
pub(super) fn prompts(path: &Path) -> Result<Prompts, LoadError> {
    let whole = path.canonicalize().map_err(|source| LoadError::Io { path: path.to_owned(), source })?;
    let folder = whole.parent().unwrap_or(Path::new("/"));
    let name = whole.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let shown = path.display().to_string();
    let (text, format) = text(folder, &name)?;
    prompts_of(&shown, text, format)
}

fn rows(path: &str, text: String, format: Format) -> Result<Rows, LoadError> {
    let rows = match format {
        Format::Csv => Rows::csv(text),
        Format::Lines => Rows::lines(text),
        Format::Json | Format::Yaml => Rows::values(value(path, text, format)?),
        // A TOML file is a table: its only list is meant.
        Format::Toml => match value(path, text, format)? {
            Value::Object(table) if table.len() == 1 => {
                Rows::values(table.into_iter().next().map_or(Value::Null, |(_, v)| v))
            }
            other => Rows::values(other),
        },
    };
    rows.map_err(|error| refused(path, error))
}

fn told(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let text = text.split(" at line ").next().unwrap_or_default();
    format!("{}:{}: {text}", error.line(), error.column())
}
