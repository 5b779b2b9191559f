//! The JSON: `benchmarks` is a list of runs and aggregates.

use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, Visitor};

use super::HELP;
use super::runs::{Run, Runs};
use crate::harness::documents::documents;
use crate::harness::{HarnessError, Parsed};

#[derive(Deserialize)]
struct Root {
    benchmarks: Vec<Run>,
}

pub(super) fn parse(bytes: &[u8]) -> Result<Parsed, HarnessError> {
    let mut runs = Runs::default();
    let mut last = 1;
    for document in documents::<Root>(bytes, HELP)? {
        last = document.line;
        document.value.benchmarks.into_iter().for_each(|run| runs.add(last, run));
        runs.end_of_document();
    }
    runs.finish(last, "the list of `benchmarks` is empty")
}

/// A value of any kind; only texts, numbers and truth are kept.
enum Plain {
    Number(f64),
    Text(String),
    Truth(bool),
    Other,
}

impl<'de> Deserialize<'de> for Plain {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Any;
        impl<'de> Visitor<'de> for Any {
            type Value = Plain;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a value")
            }
            fn visit_bool<E>(self, value: bool) -> Result<Plain, E> {
                Ok(Plain::Truth(value))
            }
            fn visit_f64<E>(self, value: f64) -> Result<Plain, E> {
                Ok(Plain::Number(value))
            }
            fn visit_u64<E>(self, value: u64) -> Result<Plain, E> {
                Ok(Plain::Number(value as f64))
            }
            fn visit_i64<E>(self, value: i64) -> Result<Plain, E> {
                Ok(Plain::Number(value as f64))
            }
            fn visit_str<E>(self, value: &str) -> Result<Plain, E> {
                Ok(Plain::Text(value.to_owned()))
            }
            fn visit_unit<E>(self) -> Result<Plain, E> {
                Ok(Plain::Other)
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Plain, A::Error> {
                while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
                Ok(Plain::Other)
            }
            fn visit_seq<A: serde::de::SeqAccess<'de>>(self, mut list: A) -> Result<Plain, A::Error> {
                while list.next_element::<IgnoredAny>()?.is_some() {}
                Ok(Plain::Other)
            }
        }
        deserializer.deserialize_any(Any)
    }
}

impl<'de> Deserialize<'de> for Run {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Entry;
        impl<'de> Visitor<'de> for Entry {
            type Value = Run;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an entry of `benchmarks`")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Run, A::Error> {
                let mut run = Run::default();
                while let Some(key) = map.next_key::<std::borrow::Cow<'de, str>>()? {
                    let value = map.next_value::<Plain>()?;
                    take(&mut run, &key, value);
                }
                Ok(run)
            }
        }
        deserializer.deserialize_map(Entry)
    }
}

fn take(run: &mut Run, key: &str, value: Plain) {
    match (key, value) {
        ("name", Plain::Text(text)) => run.name = text,
        ("run_name", Plain::Text(text)) => run.run_name = Some(text),
        ("run_type", Plain::Text(text)) => run.is_aggregate = Some(text == "aggregate"),
        ("aggregate_name", Plain::Text(text)) => run.aggregate = Some(text),
        ("aggregate_unit", Plain::Text(text)) => run.is_share = text == "percentage",
        ("time_unit", Plain::Text(text)) => run.time_unit = Some(text),
        ("label", Plain::Text(text)) => run.label = Some(text),
        ("big_o", Plain::Text(text)) => run.big_o = Some(text),
        ("error_message" | "skip_message", Plain::Text(text)) => run.message = Some(text),
        ("error_occurred", Plain::Truth(true)) => run.failed = true,
        ("skipped", Plain::Truth(true)) => run.failed = true,
        ("skipped" | "error_occurred", Plain::Text(_)) => run.failed = true,
        ("real_time", Plain::Number(value)) => run.real_time = Some(value),
        ("cpu_time", Plain::Number(value)) => run.cpu_time = Some(value),
        ("real_time" | "cpu_time", Plain::Other) => run.not_finite = true,
        ("real_coefficient", Plain::Number(value)) => run.real_time = Some(value),
        ("cpu_coefficient", Plain::Number(value)) => run.cpu_time = Some(value),
        ("rms", Plain::Number(value)) => run.rms = Some(value),
        ("iterations", Plain::Number(value)) => run.iterations = Some(value as u64),
        (
            "family_index" | "per_family_instance_index" | "repetitions" | "repetition_index" | "threads",
            Plain::Number(_),
        ) => {}
        (counter, Plain::Number(value)) => run.counters.push((counter.into(), value)),
        _ => {}
    }
}
