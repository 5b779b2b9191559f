//! The JSON: `benchmarks` is a list of runs and aggregates.

use std::borrow::Cow;
use std::fmt;
use std::io::Read;
use std::ops::Range;
use std::sync::mpsc::{self, SyncSender};
use std::thread;

use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, Visitor};

use super::runs::{Run, Runs};
use crate::harness::HarnessError;
use crate::harness::documents::one;
use crate::harness::elements::{Elements, Found};
use crate::harness::flat::{Layout, Scalar, flat};

/// How much text goes to the other thread at once, in bytes, and how often before it must have caught up.
const BATCH: usize = 256 << 10;
const BATCHES: usize = 8;

/// Reads all documents from the one that starts here, and returns the last one's last line. This thread finds the
/// entries, another one makes benchmarks of them.
pub(super) fn read<R: Read>(elements: &mut Elements<R>, runs: &mut Runs) -> Result<u64, HarnessError> {
    let (send, receive) = mpsc::sync_channel::<Batch>(BATCHES);
    thread::scope(|scope| {
        scope.spawn(move || receive.into_iter().for_each(|batch| batch.add_to(runs)));
        // Moved in, it is dropped at the end of this, and the other thread ends.
        Scan { batch: Batch::default(), layout: Layout::default(), send }.documents(elements)
    })
}

/// Entries on their way to the other thread.
#[derive(Default)]
struct Batch {
    text: String,
    fields: Vec<Field>,
    entries: Vec<(u64, Entry)>,
    /// A document ends behind them.
    ends: bool,
}

/// Where a key and its value stand in the text of a batch.
struct Field {
    key: Range<u32>,
    value: Range<u32>,
    is_text: bool,
}

enum Entry {
    /// Almost all entries are of this kind: plain texts and numbers. These are its fields.
    Flat(Range<usize>),
    Other(Box<Run<'static>>),
}

impl Batch {
    fn add_to(self, runs: &mut Runs) {
        for (line, entry) in self.entries {
            let fields = match entry {
                Entry::Flat(fields) => self.fields.get(fields).unwrap_or_default(),
                Entry::Other(run) => {
                    runs.add(line, *run);
                    continue;
                }
            };
            let mut run = Run::default();
            let text = |range: &Range<u32>| self.text.get(range.start as usize..range.end as usize).unwrap_or_default();
            for field in fields {
                let (key, value) = (text(&field.key), text(&field.value));
                match field.is_text {
                    true => take(&mut run, Cow::Borrowed(key), Plain::Text(Cow::Borrowed(value))),
                    false if is_known(key) => {}
                    false => value
                        .parse()
                        .into_iter()
                        .for_each(|number| take(&mut run, Cow::Borrowed(key), Plain::Number(number))),
                }
            }
            runs.add(line, run);
        }
        if self.ends {
            runs.end_of_document();
        }
    }
}

struct Scan {
    batch: Batch,
    layout: Layout,
    send: SyncSender<Batch>,
}

impl Scan {
    fn documents<R: Read>(mut self, elements: &mut Elements<R>) -> Result<u64, HarnessError> {
        loop {
            elements.document("benchmarks", &mut |line, text| self.entry(line, text))?;
            self.batch.ends = true;
            self.flush();
            let last = elements.line();
            if elements.find(|_| false)? != Found::Document {
                return Ok(last);
            }
        }
    }

    fn entry(&mut self, line: u64, text: &str) -> Result<usize, serde_json::Error> {
        if self.batch.text.len() > BATCH {
            self.flush();
        }
        let Batch { text: all, fields, entries, .. } = &mut self.batch;
        let (first, base) = (fields.len(), all.len());
        let mut is_finite = true;
        let length = flat(text, &mut self.layout, |key, value| {
            let place = |part: &str| {
                let at = (base + part.as_ptr() as usize - text.as_ptr() as usize) as u32;
                at..at + part.len() as u32
            };
            let (value, is_text) = match value {
                Scalar::Text(value) => (value, true),
                Scalar::Number(value) => (value, false),
            };
            is_finite &= is_text || surely_finite(value);
            fields.push(Field { key: place(key), value: place(value), is_text });
        });
        if let Some(length) = length.filter(|length| is_finite && *length < BATCH) {
            all.push_str(text.get(..length).unwrap_or_default());
            entries.push((line, Entry::Flat(first..fields.len())));
            return Ok(length);
        }
        fields.truncate(first);
        let (run, length) = one::<Run<'_>>(text)?;
        entries.push((line, Entry::Other(Box::new(run.into_owned()))));
        Ok(length)
    }

    fn flush(&mut self) {
        // It listens until this is dropped.
        let _ = self.send.send(std::mem::take(&mut self.batch));
    }
}

/// Whether a number as JSON has it is one that can be held; no only where that takes a closer look.
fn surely_finite(number: &str) -> bool {
    let exponent = memchr::memchr2(b'e', b'E', number.as_bytes()).map_or("", |at| &number[at + 1..]);
    let digits = exponent.trim_start_matches(['+', '-']);
    number.len() < 200 && digits.len() <= 2 || number.parse().is_ok_and(f64::is_finite)
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
