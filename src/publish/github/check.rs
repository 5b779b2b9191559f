//! The check run and the status of a commit.

use serde::Deserialize;
use serde_json::{Value, json};

use super::{Github, Repository};
use crate::publish::Outcome;
use crate::publish::http::{Failure, Method};
use crate::report::annotations::{Annotation, Level};
use crate::report::escape;
use crate::report::markdown::{Measure, Parts};
use crate::results::ExitCode;

/// The longest summary and the longest text of a check, in bytes each.
pub const LONGEST: usize = 65_535;
/// Annotations in one request.
const BATCH: usize = 50;
/// Annotations of a check altogether: nobody reads more, and each fifty cost a request.
const MOST: usize = 500;

/// A check run.
#[derive(Debug)]
pub struct Check<'a> {
    /// Its name, such as `backsight` or `backsight (linux)`.
    pub name: &'a str,
    /// The commit, full hash.
    pub commit: &'a str,
    /// One sentence.
    pub title: &'a str,
    /// The report.
    pub parts: &'a Parts,
    /// How the run ended.
    pub exit: ExitCode,
    /// Where the job can be seen.
    pub details: Option<&'a str>,
    /// What stands at lines of files.
    pub annotations: &'a [Annotation],
    /// A sentence for the end of a shortened text.
    pub left_out: &'a str,
}

#[derive(Deserialize)]
struct Made {
    id: u64,
    #[serde(default)]
    html_url: Option<String>,
}

/// Writes a check run with its annotations.
pub async fn publish_check(github: &Github, repository: &Repository, check: &Check<'_>) -> Outcome {
    match write(github, repository, check).await {
        Ok(url) => Outcome::Posted { what: "check", url },
        Err(failure) => refused("check", "checks: write", &failure),
    }
}

async fn write(github: &Github, repository: &Repository, check: &Check<'_>) -> Result<Option<String>, Failure> {
    let mut batches = check.annotations.get(..check.annotations.len().min(MOST)).unwrap_or_default().chunks(BATCH);
    let first = batches.next().unwrap_or_default();
    let mut body = json!({
        "name": escape::cut(&escape::line(check.name), 100),
        "head_sha": check.commit,
        "status": "completed",
        "conclusion": conclusion(check.exit),
        "output": output(check, first),
    });
    if let (Some(details), Some(body)) = (check.details, body.as_object_mut()) {
        body.insert("details_url".into(), details.into());
    }
    // A check that was made twice shows twice; where it is not sure whether it was made, it stays at that.
    let made: Made = github.make(&repository.path("/check-runs"), &body).await?.json()?;
    for batch in batches {
        let path = repository.path(&format!("/check-runs/{}", made.id));
        let body = json!({ "output": output(check, batch) });
        // Annotations of a second request are added to those of the first: it is sent once.
        github.once_only(Method::Patch, &path, &body).await?;
    }
    Ok(made.html_url.filter(|url| crate::report::markdown::is_plain_url(url)))
}

fn output(check: &Check<'_>, annotations: &[Annotation]) -> Value {
    json!({
        "title": escape::cut(check.title, 200),
        "summary": check.parts.within(LONGEST, Measure::Bytes, check.left_out),
        "annotations": annotations.iter().map(annotation).collect::<Vec<_>>(),
    })
}

fn annotation(one: &Annotation) -> Value {
    json!({
        "path": one.file,
        "start_line": one.line.max(1),
        "end_line": one.line.max(1),
        "annotation_level": match one.level { Level::Failure => "failure", Level::Warning => "warning" },
        "title": escape::cut(&escape::line(&one.title), 255),
        "message": escape::cut(&escape::block(&one.message), 4000),
    })
}

const fn conclusion(exit: ExitCode) -> &'static str {
    match exit {
        ExitCode::Passed => "success",
        ExitCode::Undecided => "neutral",
        _ => "failure",
    }
}

/// Sets the status of a commit.
pub async fn publish_status(
    github: &Github,
    repository: &Repository,
    commit: &str,
    (context, description): (&str, &str),
    exit: ExitCode,
    details: Option<&str>,
) -> Outcome {
    let mut body = json!({
        "state": match exit { ExitCode::Passed | ExitCode::Undecided => "success", ExitCode::Failed => "failure", _ => "error" },
        "context": escape::cut(&escape::line(context), 100),
        "description": escape::cut(&escape::line(description), 139),
    });
    if let (Some(details), Some(body)) = (details, body.as_object_mut()) {
        body.insert("target_url".into(), details.into());
    }
    // The same status twice shows once: the latest of a context counts.
    match github.set(Method::Post, &repository.path(&format!("/statuses/{commit}")), Some(&body)).await {
        Ok(_) => Outcome::Posted { what: "status", url: None },
        Err(failure) => refused("status", "statuses: write", &failure),
    }
}

fn refused(what: &'static str, permission: &str, failure: &Failure) -> Outcome {
    let help = match failure {
        Failure::Refused { .. } => format!("; the job needs `{permission}`"),
        _ => String::new(),
    };
    Outcome::Refused { what, why: format!("{failure}{help}") }
}
