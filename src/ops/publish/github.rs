//! Publishing to GitHub: from the job itself, or from a second workflow that writes for pull requests of forks.

use std::fs::OpenOptions;
use std::io::Write;
use std::path::Path;

use super::{
    Leg, PublishError, Published, Request, Settings, Source, certificates, left_out, masker, reports, sections, slot,
    token, wait_for,
};
use crate::host;
use crate::publish::comment::{self, Board, Wanted};
use crate::publish::github::check::{Check, publish_check, publish_status};
use crate::publish::github::comment::{Pull, help};
use crate::publish::github::request::{Origin, of_commit};
use crate::publish::github::{Github, Repository, connect, job};
use crate::publish::sections::{Body, Section};
use crate::publish::{Outcome, Policy};
use crate::report::annotations::{Annotation, annotations};
use crate::report::markdown::{Measure, Parts};
use crate::report::verdict;
use crate::results::{Change, ExitCode, Provider, Verdict};

/// Where a job writes.
struct Place {
    repository: Repository,
    /// The pull request, if that is known without asking.
    number: Option<u64>,
    /// The commit that checks and statuses are of.
    commit: Option<String>,
    /// What a second workflow was started for.
    origin: Option<Origin>,
}

pub(super) fn publish(
    request: &Request,
    settings: &Settings,
    here: &Change,
    mut legs: Vec<Leg>,
) -> Result<Published, PublishError> {
    let mut published = Published::default();
    let place = place(request, here)?;
    own_up(request, &place, here, &mut legs, &mut published.remarks);
    if legs.is_empty() {
        return Ok(published);
    }
    let reports = reports(request, settings, &legs)?;
    let (slot, left_out) = (slot(request, here, &legs), left_out(here));
    let sections = sections(&legs, &reports);
    if request.dry_run {
        published.comment = Some(Body::of(&slot, sections).render(Pull::LONGEST, Measure::Characters, &left_out));
        return Ok(published);
    }
    let marks: Vec<Annotation> = legs.iter().flat_map(|leg| masked(request, annotations(&leg.document))).collect();
    if request.job {
        of_job(request, &legs, &reports, &left_out, &mut published);
        published.commands = job::commands(&marks);
    }
    let surfaces = Surfaces {
        request,
        settings,
        place: &place,
        legs: &legs,
        reports: &reports,
        sections: &sections,
        slot: &slot,
        left_out: &left_out,
        marks: &marks,
    };
    published.outcomes.extend(surfaces.write()?);
    if let Some(url) = published.outcomes.iter().find_map(url_of).filter(|_| request.job) {
        append(request, "GITHUB_OUTPUT", &job::outputs(&[("comment-url", url)]), &mut published);
    }
    Ok(published)
}

fn url_of(outcome: &Outcome) -> Option<String> {
    match outcome {
        Outcome::Posted { what: "comment", url } | Outcome::Updated { what: "comment", url } => url.clone(),
        _ => None,
    }
}

fn place(request: &Request, here: &Change) -> Result<Place, PublishError> {
    let env = |name: &str| request.env.get(name).cloned();
    let name = here.repository.clone().or_else(|| env("GITHUB_REPOSITORY"));
    let name =
        name.ok_or_else(|| PublishError::Place("`GITHUB_REPOSITORY` is not set: which repository is it?".into()))?;
    let server = here.server.clone().or_else(|| env("GITHUB_SERVER_URL"));
    let api = env("GITHUB_API_URL").filter(|url| !url.is_empty()).unwrap_or_else(|| match server.as_deref() {
        None | Some("https://github.com") => "https://api.github.com".into(),
        Some(server) => format!("{server}/api/v3"),
    });
    let repository = Repository::new(&api, &name)
        .ok_or_else(|| PublishError::Place(format!("`{name}` at `{api}` is no repository of a GitHub")))?;
    let run = host::first_run(&env).filter(|_| matches!(request.source, Source::Artifact(_)));
    let origin = run.map(|run| Origin { commit: run.commit, label: run.label });
    let number = request.number.or_else(|| here.request.as_ref().map(|request| request.number));
    let commit = origin.as_ref().map(|origin| origin.commit.clone()).or_else(|| here.commit.clone());
    Ok(Place { repository, number, commit, origin })
}

/// Where a document comes from is what the platform says, and one of another commit than the platform's is left out.
fn own_up(request: &Request, place: &Place, here: &Change, legs: &mut Vec<Leg>, remarks: &mut Vec<String>) {
    if let Source::Run(_) = request.source {
        return;
    }
    legs.retain(|leg| {
        let same = place.commit.is_none() || leg.document.change.commit == place.commit;
        if !same {
            let (is, should) = (leg.document.change.commit.as_deref().unwrap_or("no commit"), place.commit.as_deref());
            let should = should.unwrap_or_default();
            let name = crate::report::escape::line(&leg.name);
            remarks.push(format!(
                "the results of leg `{name}` are of {}, the workflow ran for {should}: they are left out",
                crate::report::escape::line(is)
            ));
        }
        same
    });
    for leg in legs {
        leg.document.change = Change {
            provider: Some(Provider::Github),
            repository: here.repository.clone(),
            server: here.server.clone(),
            job_url: host::first_run(&|name: &str| request.env.get(name).cloned()).and_then(|run| run.url),
            request: None,
            ..leg.document.change.clone()
        };
    }
}

fn masked(request: &Request, mut all: Vec<Annotation>) -> Vec<Annotation> {
    let environment = masker(request);
    for one in &mut all {
        environment.masker().mask(&mut one.message);
        environment.masker().mask(&mut one.title);
    }
    all
}

/// The job's summary and outputs.
fn of_job(request: &Request, legs: &[Leg], reports: &[Parts], left_out: &str, published: &mut Published) {
    let used = request.env.get("GITHUB_STEP_SUMMARY").and_then(|path| Path::new(path).metadata().ok());
    let room = (job::SUMMARY as u64).saturating_sub(used.map_or(0, |facts| facts.len())) as usize;
    let share = room / reports.len().max(1);
    let text: Vec<String> =
        reports.iter().map(|parts| parts.within(share.saturating_sub(2), Measure::Bytes, left_out)).collect();
    append(request, "GITHUB_STEP_SUMMARY", &text.join("\n"), published);
    let all = |of: fn(&Leg) -> u64| legs.iter().map(of).sum::<u64>().to_string();
    let worst = legs.iter().map(|leg| leg.document.run.exit_code).fold(ExitCode::Passed, ExitCode::worst);
    let mut verdict_line = legs.iter().map(|leg| verdict(&leg.document)).collect::<Vec<_>>().join(" | ");
    masker(request).masker().mask(&mut verdict_line);
    let values = [
        ("verdict", verdict_line),
        ("exit-code", worst.code().to_string()),
        ("regressions", all(|leg| rows(leg, Verdict::Regressed))),
        ("improvements", all(|leg| rows(leg, Verdict::Improved))),
        ("undecided", all(|leg| rows(leg, Verdict::Inconclusive))),
        ("tests-failed", all(|leg| leg.document.counts.failed + leg.document.counts.errored)),
        ("run-id", legs.iter().map(|leg| leg.document.run.id.to_string()).collect::<Vec<_>>().join(" ")),
    ];
    append(request, "GITHUB_OUTPUT", &job::outputs(&values), published);
}

fn rows(leg: &Leg, verdict: Verdict) -> u64 {
    let rows = leg.document.comparison.iter().flat_map(|comparison| &comparison.rows);
    rows.filter(|row| row.verdict == verdict && row.accepted.is_none() && !row.beside).count() as u64
}

/// Adds to a file that the platform reads when the step has ended.
fn append(request: &Request, variable: &'static str, text: &str, published: &mut Published) {
    let what = if variable == "GITHUB_OUTPUT" { "outputs" } else { "summary" };
    let Some(path) = request.env.get(variable).filter(|path| !path.is_empty()) else { return };
    let written =
        OpenOptions::new().append(true).create(true).open(path).and_then(|mut file| file.write_all(text.as_bytes()));
    published.outcomes.push(match written {
        Ok(()) => Outcome::Posted { what, url: None },
        Err(error) => Outcome::Refused { what, why: format!("`${variable}` cannot be written: {error}") },
    });
}

/// What needs a token.
struct Surfaces<'a> {
    request: &'a Request,
    settings: &'a Settings,
    place: &'a Place,
    legs: &'a [Leg],
    reports: &'a [Parts],
    sections: &'a [Section],
    slot: &'a str,
    left_out: &'a str,
    marks: &'a [Annotation],
}

impl Surfaces<'_> {
    fn write(&self) -> Result<Vec<Outcome>, PublishError> {
        let needs_token = self.settings.policy != Policy::Never || self.request.check || self.request.status;
        if !needs_token {
            return Ok(vec![Outcome::Nothing { what: "comment", why: "none is wanted (`comment: never`)".into() }]);
        }
        let Some(token) = token(self.request, &["GITHUB_TOKEN", "GH_TOKEN"]) else {
            let why = "there is no token: give the step `GITHUB_TOKEN: ${{ github.token }}` in its `env`".into();
            return Ok(vec![Outcome::Refused { what: "comment", why }]);
        };
        let certificates = certificates(self.request, None)?;
        wait_for(async {
            let github =
                connect(&self.place.repository, &token, certificates.as_deref()).map_err(PublishError::Place)?;
            Ok(self.all(&github).await)
        })?
    }

    async fn all(&self, github: &Github) -> Vec<Outcome> {
        let mut outcomes = vec![self.comment(github).await];
        let Some(commit) = self.place.commit.as_deref() else { return outcomes };
        for (leg, parts) in self.legs.iter().zip(self.reports) {
            let name = if leg.name.is_empty() { self.slot.to_owned() } else { format!("{} ({})", self.slot, leg.name) };
            let title = verdict(&leg.document);
            let details =
                leg.document.change.job_url.as_deref().filter(|url| crate::report::markdown::is_plain_url(url));
            let exit = leg.document.run.exit_code;
            if self.request.check {
                let (annotations, left_out) = (self.marks, self.left_out);
                let check = Check { name: &name, commit, title: &title, parts, exit, details, annotations, left_out };
                outcomes.push(publish_check(github, &self.place.repository, &check).await);
            }
            if self.request.status {
                let words = (name.as_str(), title.as_str());
                outcomes.push(publish_status(github, &self.place.repository, commit, words, exit, details).await);
            }
        }
        outcomes
    }

    async fn comment(&self, github: &Github) -> Outcome {
        let what = "comment";
        if self.settings.policy == Policy::Never {
            return Outcome::Nothing { what, why: "none is wanted (`comment: never`)".into() };
        }
        let number = match (self.place.number, &self.place.origin) {
            (Some(number), _) => number,
            (None, Some(origin)) => match of_commit(github, &self.place.repository, origin).await {
                Ok(Some(found)) => found.number,
                Ok(None) => {
                    let why =
                        format!("no open pull request ends with {}: it has gone on, or was closed", origin.commit);
                    return Outcome::Nothing { what, why };
                }
                Err(failure) => return Outcome::Refused { what, why: failure.to_string() },
            },
            (None, None) => return Outcome::Nothing { what, why: "this job is of no pull request".into() },
        };
        let is_leg = self.sections.iter().any(|section| !section.leg.is_empty());
        let wanted = Wanted {
            slot: self.slot,
            sections: self.sections,
            // What another workflow left is written by one process.
            has_others: is_leg && matches!(self.request.source, Source::Run(_)),
            policy: self.settings.policy,
            quiet: self.request.quiet.unwrap_or_default(),
            left_out: self.left_out,
        };
        match Pull::open(github, &self.place.repository, number, self.request.author.as_deref()).await {
            Ok(pull) => comment::publish(&pull, &wanted).await,
            Err(failure) => Outcome::Refused { what, why: format!("{failure}{}", help(&failure)) },
        }
    }
}
