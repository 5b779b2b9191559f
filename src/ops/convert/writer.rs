//! Benchmarks as JSON, as `serde_json` writes them: the metrics of an output differ in little but their figures, so what was
//! written of the last one is written again.

use std::io::{self, Write};

use serde::Serialize;

use crate::results::{Benchmark, Direction, Metric, Validity};

/// Writes benchmarks.
#[derive(Default)]
pub(super) struct Writer {
    /// Of each place in a list of metrics, what the last one there was like.
    likes: Vec<Like>,
}

/// What metrics have in common, and how it is written.
#[derive(Default)]
struct Like {
    metric: String,
    unit: String,
    original_unit: Option<String>,
    source: String,
    direction: Option<Direction>,
    /// All before the value, between it and the bounds, between the iterations and the samples.
    before: Vec<u8>,
    between: Vec<u8>,
    behind: Vec<u8>,
}

impl Writer {
    /// Writes a benchmark behind what is there.
    ///
    /// # Errors
    /// If it cannot be written as JSON.
    pub(super) fn put(&mut self, benchmark: &Benchmark, out: &mut Vec<u8>) -> io::Result<()> {
        let Benchmark {
            step,
            name,
            parameters,
            model: None,
            target: None,
            metrics,
            base,
            iterations,
            validity: Validity::Valid,
            conditions: None,
            execution: None,
        } = benchmark
        else {
            return json(out, benchmark);
        };
        if !base.is_empty() || !iterations.is_empty() {
            return json(out, benchmark);
        }
        out.extend_from_slice(b"{\"step\":");
        json(out, step)?;
        out.extend_from_slice(b",\"name\":");
        json(out, name)?;
        if !parameters.is_empty() {
            out.extend_from_slice(b",\"parameters\":");
            json(out, parameters)?;
        }
        out.extend_from_slice(b",\"metrics\":[");
        for (index, metric) in metrics.iter().enumerate() {
            if index > 0 {
                out.push(b',');
            }
            if index == self.likes.len() {
                self.likes.push(Like::default());
            }
            match self.likes.get_mut(index) {
                Some(like) => like.put(metric, out)?,
                None => json(out, metric)?,
            }
        }
        out.extend_from_slice(b"],\"validity\":{\"state\":\"valid\"}}");
        Ok(())
    }
}

impl Like {
    fn put(&mut self, metric: &Metric, out: &mut Vec<u8>) -> io::Result<()> {
        let Metric { value, lower, upper, iterations, samples, summary: None, note: None, .. } = metric else {
            return json(out, metric);
        };
        if !self.is_of(metric) {
            self.learn(metric)?;
        }
        out.extend_from_slice(&self.before);
        json(out, value)?;
        out.extend_from_slice(&self.between);
        for (key, bound) in [(&b",\"lower\":"[..], lower), (b",\"upper\":", upper)] {
            if let Some(bound) = bound {
                out.extend_from_slice(key);
                json(out, bound)?;
            }
        }
        if let Some(iterations) = iterations {
            out.extend_from_slice(b",\"iterations\":");
            json(out, iterations)?;
        }
        out.extend_from_slice(&self.behind);
        if !samples.is_empty() {
            out.extend_from_slice(b",\"samples\":");
            json(out, samples)?;
        }
        out.push(b'}');
        Ok(())
    }

    fn is_of(&self, metric: &Metric) -> bool {
        self.direction == Some(metric.direction)
            && self.metric == metric.metric
            && self.unit == metric.unit
            && self.original_unit == metric.original_unit
            && self.source == metric.source
    }

    fn learn(&mut self, of: &Metric) -> io::Result<()> {
        let Metric { metric, unit, direction, original_unit, source, .. } = of;
        self.metric.clone_from(metric);
        self.unit.clone_from(unit);
        self.original_unit.clone_from(original_unit);
        self.source.clone_from(source);
        self.direction = Some(*direction);
        let Self { before, between, behind, .. } = self;
        for (part, key, text) in [
            (&mut *before, &b"{\"metric\":"[..], Some(metric)),
            (&mut *between, b",\"unit\":", Some(unit)),
            (&mut *behind, b",\"original_unit\":", original_unit.as_ref()),
        ] {
            part.clear();
            if let Some(text) = text {
                part.extend_from_slice(key);
                json(part, text)?;
            }
        }
        before.extend_from_slice(b",\"value\":");
        between.extend_from_slice(b",\"direction\":");
        json(between, direction)?;
        behind.extend_from_slice(b",\"source\":");
        json(behind, source)
    }
}

fn json(out: &mut Vec<u8>, what: &(impl Serialize + ?Sized)) -> io::Result<()> {
    Ok(serde_json::to_writer(Growing(out), what)?)
}

/// A text that JSON is written to: most pieces are one byte, and a call for each would take longer than all else.
struct Growing<'a>(&'a mut Vec<u8>);

impl Write for Growing<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    #[inline(always)]
    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        match bytes {
            [one] => self.0.push(*one),
            more => self.0.extend_from_slice(more),
        }
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::{Reason, Summary};

    fn metric(name: &str, value: f64) -> Metric {
        serde_json::from_value(serde_json::json!({
            "metric": name, "value": value, "unit": "ns", "direction": "lower", "source": "harness:a \"b\""
        }))
        .unwrap()
    }

    /// Each field of a metric and of a benchmark changed alone, in an order in which much of it was written before.
    #[test]
    fn all_is_written_as_serde_has_it() {
        let changes: [fn(&mut Benchmark); 17] = [
            |_| {},
            |b| b.name = "a\n\"é".into(),
            |b| b.metrics[0].value = 1e300,
            |b| b.metrics[0].value = f64::NAN,
            |b| b.metrics[1].lower = Some(0.5),
            |b| b.metrics[1].upper = Some(2.5),
            |b| b.metrics[0].iterations = Some(7),
            |b| b.metrics[0].samples = vec![1.0, 2.5e-9],
            |b| b.metrics[1].original_unit = Some("\"us\"".into()),
            |b| b.metrics[1].direction = Direction::Higher,
            |b| b.metrics[0].note = Some("x".into()),
            |b| {
                let mut summary = Summary {
                    n: 1,
                    median: 1.0,
                    mean: 1.0,
                    min: 1.0,
                    max: 1.0,
                    spread: 0.0,
                    low: None,
                    high: None,
                    confidence: None,
                };
                summary.low = Some(1.0);
                b.metrics[0].summary = Some(summary);
            },
            |b| b.metrics.truncate(1),
            |b| b.metrics.swap(0, 1),
            |b| drop(b.parameters.insert("n".into(), "1".into())),
            |b| b.base = b.metrics.clone(),
            |b| b.validity = Validity::Invalid { reason: Reason::new("no_figure", "none") },
        ];
        let mut writer = Writer::default();
        for first in &changes {
            for second in &changes {
                let mut benchmark = Benchmark::new("one");
                benchmark.metrics = vec![metric("wall_time", 1.5), metric("rate", 3.0)];
                second(&mut benchmark);
                if benchmark.metrics.len() > 1 {
                    first(&mut benchmark);
                }
                let mut ours = Vec::new();
                writer.put(&benchmark, &mut ours).unwrap();
                assert_eq!(String::from_utf8(ours).unwrap(), serde_json::to_string(&benchmark).unwrap());
            }
        }
    }
}
