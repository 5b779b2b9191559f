//! Aggregates in the forms of the output that do not mark them: the table and the CSV.

use std::collections::HashSet;

use super::contents::Run;

/// Marks aggregates. Where all of mean, median and standard deviation of a benchmark stand, they are no benchmarks;
/// perhaps nothing else of it was written.
pub(super) fn mark_aggregates(rows: &mut [(u64, Run<'_>)]) {
    let with = |ending: &str| -> HashSet<String> {
        rows.iter().filter_map(|(_, run)| run.name.strip_suffix(ending)).map(str::to_owned).collect()
    };
    let (means, medians, deviations) = (with("_mean"), with("_median"), with("_stddev"));
    for (_, run) in rows.iter_mut().filter(|(_, run)| run.is_aggregate.is_none()) {
        let Some((base, ending)) = run.name.rsplit_once('_') else { continue };
        let (base, ending) = (base.to_owned(), ending.to_owned());
        let all = [&means, &medians, &deviations].iter().all(|names| names.contains(base.as_str()));
        if all && matches!(ending.as_str(), "mean" | "median" | "stddev" | "cv") {
            // The CSV multiplies coefficients of variation as if they were times.
            run.is_share = ending == "cv";
            (run.run_name, run.aggregate) = (Some(base.into()), Some(ending.into()));
            run.is_aggregate = Some(true);
        }
    }
}
