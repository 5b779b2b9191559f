//! A history as CSV: one row for each point, a change in the row of the first point of the new level.

use crate::results::{History, SeriesHistory, SeriesPoint};

const HEADING: [&str; 17] = [
    "project",
    "benchmark",
    "metric",
    "unit",
    "class_key",
    "index",
    "run",
    "at",
    "commit",
    "value",
    "low",
    "high",
    "samples",
    "noisy",
    "change",
    "change_low",
    "change_high",
];

/// The rows, with a heading. Names stand as they are, quoted where CSV (RFC 4180) asks for it.
pub fn csv(history: &History) -> String {
    let mut writer = csv::Writer::from_writer(Vec::new());
    // Writing to memory does not fail.
    let _ = writer.write_record(HEADING);
    for series in &history.series {
        for (index, point) in series.points.iter().enumerate() {
            let _ = writer.write_record(record(series, index, point));
        }
    }
    writer.into_inner().ok().and_then(|bytes| String::from_utf8(bytes).ok()).unwrap_or_default()
}

fn record(series: &SeriesHistory, index: usize, point: &SeriesPoint) -> Vec<String> {
    let change = series.changes.iter().find(|change| change.index == index as u64);
    let number = |value: Option<f64>| value.map(|value| value.to_string()).unwrap_or_default();
    vec![
        series.project.clone(),
        series.benchmark.clone(),
        series.metric.clone(),
        series.unit.clone(),
        series.class_key.clone(),
        index.to_string(),
        point.run.clone(),
        point.at.to_string(),
        point.commit.clone().unwrap_or_default(),
        point.value.to_string(),
        number(point.low),
        number(point.high),
        point.samples.map(|samples| samples.to_string()).unwrap_or_default(),
        point.noisy.to_string(),
        number(change.map(|change| change.size)),
        number(change.map(|change| change.low)),
        number(change.map(|change| change.high)),
    ]
}

#[cfg(test)]
mod tests {
    use super::csv;
    use crate::report::history::svg::sample;
    use crate::results::History;

    #[test]
    fn names_come_back_as_they_were() {
        let mut series = sample(&[(10.0, 30), (20.0, 30)]);
        series.benchmark = "a,\"b\"\nc".into();
        let text = csv(&History { series: vec![series], ..History::default() });
        let mut reader = csv::Reader::from_reader(text.as_bytes());
        let rows: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
        assert_eq!(rows.len(), 60);
        assert_eq!(&rows[0][1], "a,\"b\"\nc");
        assert!((rows[30][14].parse::<f64>().unwrap() - 1.0).abs() < 1e-9, "{:?}", rows[30]);
        assert!(rows[29][14].is_empty());
    }
}
