//! A run's document as a file on a shelf: packing, reading back within bounds, and what is left of it without samples.

use super::gzip;
use super::name::RunName;
use crate::results::{Document, Remark, RemarkLevel, SCHEMA};

/// The largest file that is read, in bytes.
pub const LARGEST_FILE: usize = 64 << 20;
/// The largest document that is unpacked, in bytes of JSON.
const LARGEST_DOCUMENT: usize = 128 << 20;

/// What a document with its samples dropped says of itself.
const DROPPED: &str = "the raw samples of this run were dropped when the baseline was compacted; summaries are kept";

/// The file of a document.
///
/// # Errors
/// A reason for people, where the document is too large or cannot be written as JSON.
pub fn pack(document: &Document) -> Result<Vec<u8>, String> {
    let json = serde_json::to_vec(document).map_err(|error| error.to_string())?;
    if json.len() > LARGEST_DOCUMENT {
        return Err(format!(
            "its JSON has {} bytes, more than the {LARGEST_DOCUMENT} that a file may have",
            json.len()
        ));
    }
    let packed = gzip::pack(&json);
    if packed.len() > LARGEST_FILE {
        return Err(format!("packed it has {} bytes, more than the {LARGEST_FILE} that a file may have", packed.len()));
    }
    Ok(packed)
}

/// Reads a file back and holds its name against its content.
///
/// # Errors
/// A reason for people: damaged, of a newer format, too large, or under a name that is not its own.
pub fn unpack(name: &RunName, packed: &[u8]) -> Result<Document, String> {
    if packed.len() > LARGEST_FILE {
        return Err(format!("it has {} bytes, more than the {LARGEST_FILE} that are read", packed.len()));
    }
    let json = gzip::unpack(packed, LARGEST_DOCUMENT)?;
    let document: Document = serde_json::from_slice(&json).map_err(|error| reason(&json, &error))?;
    let own = RunName::of(&document, name.compact);
    if own == *name { Ok(document) } else { Err(format!("its content belongs to {}", own.path())) }
}

/// Whether a document that cannot be read is only too new.
fn reason(json: &[u8], error: &serde_json::Error) -> String {
    #[derive(serde::Deserialize)]
    struct Tagged {
        schema: String,
    }
    match serde_json::from_slice::<Tagged>(json) {
        Ok(Tagged { schema }) if schema != SCHEMA && schema.starts_with("backsight/results/") => {
            format!("it has the format {schema}, which is newer than this backsight; use a newer one")
        }
        _ => format!("it is no results document ({error})"),
    }
}

/// The document without raw samples and executions; what they came to stays.
pub fn compacted(mut document: Document) -> Document {
    for benchmark in &mut document.benchmarks {
        benchmark.iterations = Vec::new();
        for metric in benchmark.metrics.iter_mut().chain(&mut benchmark.base) {
            metric.samples = Vec::new();
        }
    }
    if document.remarks.iter().all(|remark| remark.text != DROPPED) {
        document.remarks.push(Remark { level: RemarkLevel::Info, step: None, text: DROPPED.to_owned() });
    }
    document
}
