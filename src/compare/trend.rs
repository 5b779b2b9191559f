//! What a series of points did: its change points with their commits, its level now.

use crate::results::{Direction, SeriesChange, SeriesDrift, SeriesHistory};
use crate::stats::{self, Course};

/// Writes what was found about the values of a series into it.
pub fn tell(series: &mut SeriesHistory, course: &Course) {
    let relative = series.points.iter().all(|point| point.value > 0.0);
    let worse = |size: f64| (size > 0.0) == (series.direction == Direction::Lower);
    let commit = |at: usize| series.points.get(at).and_then(|point| point.commit.clone());
    let changes = course.changes.iter().filter_map(|change| {
        Some(SeriesChange {
            index: change.index as u64,
            after: change.index.checked_sub(1).and_then(commit),
            until: commit(change.index),
            commits: None,
            at: series.points.get(change.index)?.at,
            size: change.size,
            low: change.low,
            high: change.high,
            relative,
            p: change.p,
            worse: worse(change.size),
            accepted: None,
        })
    });
    let changes = changes.collect();
    series.drift = course.drift.map(|drift| SeriesDrift {
        from: drift.from as u64,
        to: drift.to as u64,
        size: drift.size,
        relative,
        worse: worse(drift.size),
    });
    series.period = course.period;
    series.changes = changes;
    (series.level, series.since_segment) = now(series);
}

/// Leaves out all points but the newest `last`, with the change points before them.
pub fn keep_last(series: &mut SeriesHistory, last: usize) {
    let gone = series.points.len().saturating_sub(last);
    if gone == 0 {
        return;
    }
    series.points.drain(..gone);
    let gone = gone as u64;
    series.changes.retain(|change| change.index > gone);
    series.changes.iter_mut().for_each(|change| change.index -= gone);
    if let Some(drift) = &mut series.drift {
        (drift.from, drift.to) = (drift.from.saturating_sub(gone), drift.to.saturating_sub(gone));
    }
}

/// The level since the last change point, and the last value against that of the values before it.
fn now(series: &SeriesHistory) -> (Option<f64>, Option<f64>) {
    let start = series.changes.last().map_or(0, |change| change.index as usize);
    let values: Vec<f64> = series.points.iter().skip(start).map(|point| point.value).collect();
    let Some((last, before)) = values.split_last() else { return (None, None) };
    let change = stats::median(before).filter(|level| *level != 0.0).map(|level| (last - level) / level.abs());
    (stats::median(&values), change.filter(|change| change.is_finite()))
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::tell;
    use crate::results::{Direction, SeriesHistory, SeriesPoint};
    use crate::stats::course;

    fn series(direction: Direction, values: &[f64]) -> SeriesHistory {
        let point = |(nth, value): (usize, &f64)| SeriesPoint {
            run: format!("run-{nth}"),
            at: Timestamp::UNIX_EPOCH,
            commit: Some(format!("{nth:040x}")),
            value: *value,
            low: None,
            high: None,
            samples: None,
            noisy: false,
        };
        let mut series = SeriesHistory {
            project: "p".into(),
            benchmark: "b".into(),
            metric: "wall_time".into(),
            unit: "ns".into(),
            direction,
            class_key: "c".into(),
            points: values.iter().enumerate().map(point).collect(),
            changes: Vec::new(),
            drift: None,
            period: None,
            level: None,
            since_segment: None,
        };
        tell(&mut series, &course(values));
        series
    }

    #[test]
    fn a_step_has_the_commits_around_it_and_a_direction() {
        let mut values = vec![100.0; 20];
        values.extend([110.0; 20]);
        values.push(121.0);
        let slower = series(Direction::Lower, &values);
        let change = &slower.changes[0];
        assert_eq!((change.index, change.worse, change.relative), (20, true, true));
        assert_eq!(change.after, Some(format!("{:040x}", 19)));
        assert_eq!(change.until, Some(format!("{:040x}", 20)));
        assert_eq!(slower.level, Some(110.0));
        assert!((slower.since_segment.unwrap() - 0.1).abs() < 1e-9);
        assert!(!series(Direction::Higher, &values).changes[0].worse);
    }

    #[test]
    fn what_is_left_out_shifts_the_rest() {
        let mut values = vec![100.0; 20];
        values.extend([110.0; 20]);
        let mut kept = series(Direction::Lower, &values);
        super::keep_last(&mut kept, 25);
        assert_eq!((kept.points.len(), kept.changes[0].index), (25, 5));
        super::keep_last(&mut kept, 99);
        super::keep_last(&mut kept, 20);
        assert!(kept.changes.is_empty());
        super::keep_last(&mut kept, 0);
        assert!(kept.points.is_empty());
    }

    #[test]
    fn one_point_none_and_zeros_have_no_change() {
        assert_eq!(series(Direction::Lower, &[]).level, None);
        let one = series(Direction::Lower, &[5.0]);
        assert_eq!((one.level, one.since_segment), (Some(5.0), None));
        let zeros = series(Direction::Lower, &[0.0; 30]);
        assert_eq!((zeros.level, zeros.since_segment), (Some(0.0), None));
        let negative = series(Direction::Lower, &[-2.0, -1.0]);
        assert_eq!(negative.since_segment, Some(0.5), "it grew");
    }
}
