//! The JSON: `benchmarks` is a list of runs and aggregates.

use std::borrow::Cow;
use std::fmt;
use std::io::Read;

use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, Visitor};

use super::contents::Run;
use super::runs::Runs;
use crate::harness::HarnessError;
use crate::harness::documents::one;
use crate::harness::elements::{Elements, Found, Taken};
use crate::harness::flat::{Layout, Scalar, flat};

/// Reads all documents from the one that starts here, and returns the last one's last line.
pub(super) fn read<R: Read>(elements: &mut Elements<R>, runs: &mut Runs) -> Result<u64, HarnessError> {
    let mut layout = Layout::default();
    read_by(elements, runs, |text, runs, run| simple(text, &mut layout, runs, run))
}

/// The same, where `short` is tried first on each entry: it returns where the entry ends, unless somebody else is to read it.
pub(super) fn read_by<R: Read>(
    elements: &mut Elements<R>,
    runs: &mut Runs,
    mut short: impl for<'a> FnMut(&'a str, &mut Runs, &mut Run<'a>) -> Option<Taken>,
) -> Result<u64, HarnessError> {
    loop {
        elements.document("benchmarks", &mut |line, text| {
            let mut run = runs.blank();
            let taken = match short(text, runs, &mut run) {
                Some(taken) => taken,
                None => {
                    run = runs.blank();
                    let (fields, length) = one::<Fields<'_>>(text)?;
                    fields.0.into_iter().for_each(|(key, value)| take(&mut run, Key::of(&key, runs), value));
                    length.into()
                }
            };
            runs.add(line, run);
            Ok(taken)
        })?;
        runs.end_of_document();
        let last = elements.line();
        if elements.find(|_| false)? != Found::Document {
            return Ok(last);
        }
    }
}

/// Almost all entries are of this kind. If this one is not, what was read of it is to be forgotten.
fn simple<'a>(text: &'a str, layout: &mut Layout<Key>, runs: &mut Runs, run: &mut Run<'a>) -> Option<Taken> {
    let mut is_finite = true;
    let meaning = |key: &str| Key::of(key, runs);
    let taken = flat(text, layout, meaning, |key, value| match value {
        Scalar::Text(text) => take(run, key, Plain::Text(Cow::Borrowed(text))),
        // So short, it is finite.
        Scalar::Number(number) if key.0 == Meaning::Known && number.len() < 5 => {}
        Scalar::Number(number) => {
            let number = number.parse().unwrap_or(f64::INFINITY);
            is_finite &= number.is_finite();
            take(run, key, Plain::Number(number));
        }
    })?;
    is_finite.then_some(taken)
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

/// The keys and values of an entry.
struct Fields<'a>(Vec<(Cow<'a, str>, Plain<'a>)>);

impl<'de> Deserialize<'de> for Fields<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Entry;
        impl<'de> Visitor<'de> for Entry {
            type Value = Fields<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an entry of `benchmarks`")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut fields = Vec::new();
                while let Some(key) = map.next_key::<Plain<'de>>()? {
                    let value = map.next_value::<Plain<'de>>()?;
                    if let Plain::Text(key) = key {
                        fields.push((key, value));
                    }
                }
                Ok(Fields(fields))
            }
        }
        deserializer.deserialize_map(Entry)
    }
}

/// A key of an entry: what it means, and the number of the counter that it is if it means nothing else.
#[derive(Debug, Clone, Copy)]
struct Key(Meaning, u32);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Meaning {
    Name,
    RunName,
    RunType,
    AggregateName,
    AggregateUnit,
    TimeUnit,
    Label,
    BigO,
    Message,
    Failed,
    RealTime,
    CpuTime,
    RealCoefficient,
    CpuCoefficient,
    Rms,
    Iterations,
    /// A number of the library that says nothing about a speed.
    Known,
    Counter,
}

impl Key {
    fn of(key: &str, runs: &mut Runs) -> Self {
        let meaning = match key {
            "name" => Meaning::Name,
            "run_name" => Meaning::RunName,
            "run_type" => Meaning::RunType,
            "aggregate_name" => Meaning::AggregateName,
            "aggregate_unit" => Meaning::AggregateUnit,
            "time_unit" => Meaning::TimeUnit,
            "label" => Meaning::Label,
            "big_o" => Meaning::BigO,
            "error_message" | "skip_message" => Meaning::Message,
            "error_occurred" | "skipped" => Meaning::Failed,
            "real_time" => Meaning::RealTime,
            "cpu_time" => Meaning::CpuTime,
            "real_coefficient" => Meaning::RealCoefficient,
            "cpu_coefficient" => Meaning::CpuCoefficient,
            "rms" => Meaning::Rms,
            "iterations" => Meaning::Iterations,
            "family_index" | "per_family_instance_index" | "repetitions" | "repetition_index" | "threads" => {
                Meaning::Known
            }
            _ => Meaning::Counter,
        };
        Self(meaning, runs.number(key))
    }
}

fn take<'a>(run: &mut Run<'a>, Key(meaning, number): Key, value: Plain<'a>) {
    match (meaning, value) {
        (Meaning::Name, Plain::Text(text)) => run.name = text,
        (Meaning::RunName, Plain::Text(text)) => run.run_name = Some(text),
        (Meaning::RunType, Plain::Text(text)) => run.is_aggregate = Some(text == "aggregate"),
        (Meaning::AggregateName, Plain::Text(text)) => run.aggregate = Some(text),
        (Meaning::AggregateUnit, Plain::Text(text)) => run.is_share = text == "percentage",
        (Meaning::TimeUnit, Plain::Text(text)) => run.time_unit = Some(text),
        (Meaning::Label, Plain::Text(text)) => run.label = Some(text),
        (Meaning::BigO, Plain::Text(text)) => run.big_o = Some(text),
        (Meaning::Message, Plain::Text(text)) => run.message = Some(text),
        (Meaning::Failed, Plain::Truth(true) | Plain::Text(_)) => run.failed = true,
        (Meaning::RealTime | Meaning::CpuTime, Plain::Other) => run.not_finite = true,
        (Meaning::RealTime | Meaning::RealCoefficient, Plain::Number(value)) => run.real_time = Some(value),
        (Meaning::CpuTime | Meaning::CpuCoefficient, Plain::Number(value)) => run.cpu_time = Some(value),
        (Meaning::Rms, Plain::Number(value)) => run.rms = Some(value),
        (Meaning::Iterations, Plain::Number(value)) => run.iterations = Some(value as u64),
        (Meaning::Known, _) => {}
        (_, Plain::Number(value)) => run.counters.push((number, value)),
        _ => {}
    }
}
