//! GitLab's Code Quality report: failing tests and confirmed regressions, shown in the merge request's changes.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::annotations::{Annotation, Level, annotations};
use super::escape;
use crate::results::Document;

/// The report as JSON.
pub fn codequality(document: &Document) -> String {
    let mut known = BTreeSet::new();
    let issues: Vec<Value> = annotations(document).iter().map(|one| issue(one, &mut known)).collect();
    format!("{:#}\n", Value::Array(issues))
}

/// GitLab's `annotations` report: a link from the job's page to the run's files among its artifacts. Empty where the job is
/// not known.
pub fn job_links(document: &Document) -> String {
    let job = document.change.job_url.as_deref().filter(|url| super::markdown::is_plain_url(url));
    let folder = format!("artifacts/browse/.backsight/runs/{}/", document.run.id);
    let link = |job: &str| {
        json!({ "external_link": {
        "label": super::markdown::verdict(document),
        "url": format!("{}/{folder}", job.trim_end_matches('/')),
    } })
    };
    format!("{:#}\n", json!({ "backsight": job.map(link).into_iter().collect::<Vec<_>>() }))
}

fn issue(one: &Annotation, known: &mut BTreeSet<String>) -> Value {
    let (check, severity) = match (one.level, one.title.starts_with("benchmark")) {
        (Level::Failure, true) => ("backsight/regression", "major"),
        (Level::Failure, false) => ("backsight/test", "critical"),
        (Level::Warning, _) => ("backsight/undecided", "info"),
    };
    let message = escape::cut(&escape::line(&one.message), 1000).into_owned();
    let title = escape::line(&one.title).into_owned();
    // Figures change from run to run: what is the same problem has the same fingerprint, and no two have one.
    let same: &str =
        if one.title.starts_with("benchmark") { message.split(" (").next().unwrap_or_default() } else { &title };
    let same: String = same.chars().filter(|c| !c.is_ascii_digit() || !one.title.starts_with("benchmark")).collect();
    let fingerprint = (0_u32..)
        .map(|nth| {
            let hash = Sha256::digest(format!("{check}\n{}\n{same}\n{nth}", one.file));
            hash.iter().take(16).map(|byte| format!("{byte:02x}")).collect::<String>()
        })
        .find(|fingerprint| known.insert(fingerprint.clone()))
        .unwrap_or_default();
    json!({
        "description": format!("{title}: {message}"),
        "check_name": check,
        "fingerprint": fingerprint,
        "severity": severity,
        "location": { "path": one.file, "lines": { "begin": one.line.max(1) } },
    })
}
