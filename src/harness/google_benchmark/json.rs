//! The JSON: `benchmarks` is a list of runs and aggregates.

use std::borrow::Cow;
use std::fmt;
use std::io::Read;

use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, Visitor};

use super::runs::{Run, Runs};
use crate::harness::HarnessError;
use crate::harness::documents::one;
use crate::harness::elements::{Elements, Found};
use crate::harness::flat::{Layout, Scalar, flat};

/// Reads all documents from the one that starts here, and returns the last one's last line.
pub(super) fn read<R: Read>(elements: &mut Elements<R>, runs: &mut Runs) -> Result<u64, HarnessError> {
    let mut layout = Layout::default();
    loop {
        elements.document("benchmarks", &mut |line, text| {
            let mut run = Run::default();
            if let Some(length) = simple(text, &mut layout, &mut run) {
                runs.add(line, &mut run);
                return Ok(length);
            }
            let (mut run, length) = one::<Run<'_>>(text)?;
            runs.add(line, &mut run);
            Ok(length)
        })?;
        runs.end_of_document();
        let last = elements.line();
        if elements.find(|_| false)? != Found::Document {
            return Ok(last);
        }
    }
}

/// Almost all entries are of this kind. If this one is not, what was read of it is to be forgotten.
fn simple<'a>(text: &'a str, layout: &mut Layout, run: &mut Run<'a>) -> Option<usize> {
    let mut is_finite = true;
    let length = flat(text, layout, |key, value| {
        let value = match value {
            Scalar::Text(text) => Plain::Text(Cow::Borrowed(text)),
            Scalar::Number(_) if is_known(key) => return,
            Scalar::Number(number) => Plain::Number(number.parse().unwrap_or(f64::INFINITY)),
        };
        is_finite &= !matches!(value, Plain::Number(number) if number.is_infinite());
        take(run, Cow::Borrowed(key), value);
    })?;
    is_finite.then_some(length)
}

/// A value of any kind; only texts, numbers and truth are kept.
enum Plain<'a> {
    Number(f64),
    Text(Cow<'a, str>),
    Truth(bool),
    Other,
}

impl<'de> Deserialize<'de> for Plain<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Any;
        impl<'de> Visitor<'de> for Any {
            type Value = Plain<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a value")
            }
            fn visit_bool<E>(self, value: bool) -> Result<Self::Value, E> {
                Ok(Plain::Truth(value))
            }
            fn visit_f64<E>(self, value: f64) -> Result<Self::Value, E> {
                Ok(Plain::Number(value))
            }
            fn visit_u64<E>(self, value: u64) -> Result<Self::Value, E> {
                Ok(Plain::Number(value as f64))
            }
            fn visit_i64<E>(self, value: i64) -> Result<Self::Value, E> {
                Ok(Plain::Number(value as f64))
            }
            fn visit_str<E>(self, value: &str) -> Result<Self::Value, E> {
                Ok(Plain::Text(Cow::Owned(value.to_owned())))
            }
            fn visit_borrowed_str<E>(self, value: &'de str) -> Result<Self::Value, E> {
                Ok(Plain::Text(Cow::Borrowed(value)))
            }
            fn visit_unit<E>(self) -> Result<Self::Value, E> {
                Ok(Plain::Other)
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
                Ok(Plain::Other)
            }
            fn visit_seq<A: serde::de::SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
                while list.next_element::<IgnoredAny>()?.is_some() {}
                Ok(Plain::Other)
            }
        }
        deserializer.deserialize_any(Any)
    }
}

impl<'de> Deserialize<'de> for Run<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Entry;
        impl<'de> Visitor<'de> for Entry {
            type Value = Run<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an entry of `benchmarks`")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut run = Run::default();
                while let Some(key) = map.next_key::<Plain<'de>>()? {
                    let value = map.next_value::<Plain<'de>>()?;
                    if let Plain::Text(key) = key {
                        take(&mut run, key, value);
                    }
                }
                Ok(run)
            }
        }
        deserializer.deserialize_map(Entry)
    }
}

/// Numbers of the library that say nothing about a speed.
fn is_known(key: &str) -> bool {
    matches!(key, "family_index" | "per_family_instance_index" | "repetitions" | "repetition_index" | "threads")
}

fn take<'a>(run: &mut Run<'a>, key: Cow<'a, str>, value: Plain<'a>) {
    match (&*key, value) {
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
        (known, Plain::Number(_)) if is_known(known) => {}
        (_, Plain::Number(value)) => run.counters.push((key, value)),
        _ => {}
    }
}
