//! Publishes a report: finds what was run, where this job runs, and what may be written there.
//!
//! A document that a run of this job left is taken as it is. What another workflow left (`Source::Artifact`) may come from
//! a fork and is taken for hostile: it is bounded, and who it belongs to is asked of the platform, never of it.

mod artifact;
mod github;
mod gitlab;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::load;
use super::report::{ReportError, document};
use crate::execute::Environment;
use crate::host;
use crate::pipeline::CommentPolicy;
use crate::publish::sections::{Section, State};
use crate::publish::token::Token;
use crate::publish::{Outcome, Policy, Quiet, webhook};
use crate::report::markdown::{self, Parts};
use crate::report::{self, Chat};
use crate::results::{Change, Document, Provider};
use crate::store::Places;

/// A platform that can be published to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Platform {
    /// GitHub and GitHub Enterprise Server.
    Github,
    /// GitLab, on gitlab.com or self-managed.
    Gitlab,
}

/// What is published.
#[derive(Debug, Clone)]
pub enum Source {
    /// A run of this workspace, or a file: what `report` takes.
    Run(String),
    /// A folder that another workflow has left: a `results.json`, or folders that hold one each.
    Artifact(PathBuf),
}

/// What is asked for.
#[derive(Debug)]
pub struct Request {
    /// What to publish.
    pub source: Source,
    /// The workspace.
    pub workspace: PathBuf,
    /// The platform; by the environment where it is absent.
    pub platform: Option<Platform>,
    /// The name of this leg of the CI among several.
    pub leg: Option<String>,
    /// The name of the comment among several on one change request; the project's where it is absent.
    pub slot: Option<String>,
    /// When there is a comment; absent: as the pipeline file says, or where something moved or failed.
    pub policy: Option<Policy>,
    /// The pipeline file.
    pub pipeline: PathBuf,
    /// What becomes of the comment where there is nothing to say any more; absent: deleted on GitHub, resolved on GitLab.
    pub quiet: Option<Quiet>,
    /// The project's own template.
    pub template: Option<PathBuf>,
    /// The change request, where the environment does not tell.
    pub number: Option<u64>,
    /// Whose comments are ours.
    pub author: Option<String>,
    /// Also a check run.
    pub check: bool,
    /// Also a status of the commit.
    pub status: bool,
    /// The job's summary, annotations and outputs.
    pub job: bool,
    /// The environment variable that holds the token; absent: the platform's usual ones.
    pub token: Option<String>,
    /// A webhook that gets a message, too.
    pub webhook: Option<Webhook>,
    /// A file of certificates that are trusted beside the system's.
    pub certificates: Option<PathBuf>,
    /// Write nothing anywhere, give the comment back.
    pub dry_run: bool,
    /// The variables of this process.
    pub env: BTreeMap<String, String>,
}

/// Where a message goes, and in whose syntax.
#[derive(Clone)]
pub struct Webhook {
    /// Its address: a secret.
    pub address: String,
    /// Whose syntax; by the address's host where it is absent.
    pub chat: Option<Chat>,
}

impl std::fmt::Debug for Webhook {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Webhook").field("chat", &self.chat).finish_non_exhaustive()
    }
}

impl Webhook {
    fn chat(&self) -> Chat {
        let host = self.address.split('/').nth(2).unwrap_or_default().to_ascii_lowercase();
        let ends = |name: &str| host == name || host.ends_with(&format!(".{name}"));
        let by_host = || match () {
            () if ends("slack.com") => Chat::Slack,
            () if ends("discord.com") || ends("discordapp.com") => Chat::Discord,
            () if ends("office.com") || ends("logic.azure.com") || ends("powerplatform.com") => Chat::Teams,
            () => Chat::Json,
        };
        self.chat.unwrap_or_else(by_host)
    }
}

/// What came of it.
#[derive(Debug, Default)]
pub struct Published {
    /// One for each surface.
    pub outcomes: Vec<Outcome>,
    /// What the platform reads on standard output.
    pub commands: String,
    /// The comment, where it was asked for only.
    pub comment: Option<String>,
    /// Sentences about what was odd.
    pub remarks: Vec<String>,
}

/// Why nothing could be published at all.
#[derive(Debug, thiserror::Error)]
pub enum PublishError {
    /// No document.
    #[error(transparent)]
    Report(#[from] ReportError),
    /// What another workflow left cannot be used.
    #[error("{}: {text}", path.display())]
    Artifact {
        /// The folder or file.
        path: PathBuf,
        /// What is wrong.
        text: String,
    },
    /// The template is broken.
    #[error(transparent)]
    Template(#[from] markdown::TemplateError),
    /// A file that was named cannot be read.
    #[error("{}: {source}", path.display())]
    Io {
        /// As it was named.
        path: PathBuf,
        /// The system's words.
        source: std::io::Error,
    },
    /// No platform.
    #[error(
        "this is no job of GitHub or GitLab; `--platform github` with `GITHUB_REPOSITORY` and a token (or `gitlab` with \
         `CI_API_V4_URL` and `CI_PROJECT_ID`) publishes from elsewhere"
    )]
    NoPlatform,
    /// The platform's facts are not enough.
    #[error("{0}")]
    Place(String),
}

impl PublishError {
    /// What the process returns for it.
    pub const fn exit_code(&self) -> crate::results::ExitCode {
        match self {
            Self::Report(error) => error.exit_code(),
            _ => crate::results::ExitCode::Usage,
        }
    }
}

/// What holds for a publication: what was asked for, or the pipeline file says.
struct Settings {
    policy: Policy,
    /// The template's name and text.
    template: Option<(String, String)>,
}

impl Settings {
    /// On a change request the base's file counts, and the template as the base has it: a change cannot hide itself.
    fn of(request: &Request, here: &Change) -> Result<Self, PublishError> {
        let base = here.request.as_ref().and(here.base.as_deref());
        let of_base = load::of_base(&request.pipeline, &request.workspace, here);
        let is_of_base = of_base.is_some();
        let own = || load::load(&request.pipeline).ok().map(|loaded| loaded.pipeline().publish.clone());
        let config = of_base.map(|pipeline| pipeline.publish).or_else(own).unwrap_or_default();
        let policy = request.policy.unwrap_or(match config.comment {
            Some(CommentPolicy::Always) => Policy::Always,
            Some(CommentPolicy::Never) => Policy::Never,
            Some(CommentPolicy::OnChange) | None => Policy::OnChange,
        });
        let template = match (&request.template, config.template) {
            (Some(path), _) => Some((path.display().to_string(), read(path)?)),
            (None, Some(path)) if is_of_base => {
                let text = base.and_then(|base| host::file_at(&request.workspace, base, &path));
                let lost = || PublishError::Place(format!("the base has no `{path}`, which its pipeline file names"));
                Some((path.clone(), text.ok_or_else(lost)?))
            }
            (None, Some(path)) => {
                let file = request.workspace.join(&path);
                Some((path, read(&file)?))
            }
            (None, None) => None,
        };
        Ok(Self { policy, template })
    }
}

/// A leg's document, and the name it reports under.
struct Leg {
    name: String,
    document: Document,
}

/// Publishes. Where a platform refuses or is down, an outcome says so.
///
/// # Errors
/// If there is nothing to publish, or no place for it.
pub fn publish(request: &Request) -> Result<Published, PublishError> {
    let env = |name: &str| request.env.get(name).cloned();
    let (here, remarks) = host::change(&request.workspace, &env);
    let legs = legs(request)?;
    let settings = Settings::of(request, &here)?;
    let messages = messages(request, &settings, &here, &legs)?;
    let platform = match (request.platform, here.provider) {
        (Some(platform), _) => platform,
        (None, Some(Provider::Github)) => Platform::Github,
        (None, Some(Provider::Gitlab)) => Platform::Gitlab,
        // A message needs no platform.
        (None, _) if !messages.is_empty() => {
            return Ok(Published { outcomes: messages, remarks, ..Published::default() });
        }
        (None, _) => return Err(PublishError::NoPlatform),
    };
    let mut published = match platform {
        Platform::Github => github::publish(request, &settings, &here, legs)?,
        Platform::Gitlab => gitlab::publish(request, &settings, &here, &legs)?,
    };
    published.remarks.splice(0..0, remarks);
    published.outcomes.extend(messages);
    Ok(published)
}

/// The messages to a webhook, one for each leg that has something to say.
fn messages(request: &Request, settings: &Settings, here: &Change, legs: &[Leg]) -> Result<Vec<Outcome>, PublishError> {
    let Some(webhook) = request.webhook.as_ref().filter(|_| !request.dry_run) else { return Ok(Vec::new()) };
    let certificates = certificates(request, None)?;
    let is_told = |leg: &&Leg| settings.policy != Policy::OnChange || State::of(&leg.document) != State::Good;
    let mut outcomes = Vec::new();
    for leg in legs.iter().filter(is_told) {
        let mut text = report::webhook(&leg.document, webhook.chat(), here.job_url.as_deref()).to_string();
        masker(request).masker().mask(&mut text);
        let message = serde_json::from_str(&text).map_err(|error| PublishError::Place(error.to_string()))?;
        outcomes.push(wait_for(webhook::publish(&webhook.address, &message, certificates.as_deref()))?);
    }
    if outcomes.is_empty() {
        outcomes.push(Outcome::Nothing { what: "message", why: "nothing moved and nothing failed".into() });
    }
    Ok(outcomes)
}

fn legs(request: &Request) -> Result<Vec<Leg>, PublishError> {
    match &request.source {
        Source::Run(what) => {
            let document = document(&Places::of(&request.workspace), what)?;
            Ok(vec![Leg { name: request.leg.clone().unwrap_or_default(), document }])
        }
        Source::Artifact(folder) => artifact::legs(folder, request.leg.as_deref()),
    }
}

/// The name that the comment has among several.
fn slot(request: &Request, here: &Change, legs: &[Leg]) -> String {
    let own = || match &request.source {
        Source::Run(_) => legs.first().map(|leg| leg.document.project.clone()),
        // The name in the files is whatever a fork wrote.
        Source::Artifact(_) => here.repository.clone(),
    };
    request.slot.clone().or_else(own).unwrap_or_else(|| "backsight".into())
}

/// The reports of all legs, by the project's own template if it has one.
fn reports(request: &Request, settings: &Settings, legs: &[Leg]) -> Result<Vec<Parts>, PublishError> {
    let template = settings.template.as_ref().map(|(name, text)| (name.as_str(), text.as_str()));
    legs.iter().map(|leg| parts(request, leg, template)).collect()
}

fn sections(legs: &[Leg], reports: &[Parts]) -> Vec<Section> {
    legs.iter().zip(reports).map(|(leg, parts)| section(leg, parts)).collect()
}

/// Where the whole of a shortened report is.
fn left_out(here: &Change) -> String {
    match here.job_url.as_deref().filter(|url| markdown::is_plain_url(url)) {
        Some(url) => {
            format!("_Shortened to what fits here; all of it is in the summary and the artifacts of [the job]({url})._")
        }
        None => "_Shortened to what fits here; all of it is in `report.md` and `results.json`._".into(),
    }
}

/// The first of these variables that holds a token, unless another one is named.
fn token(request: &Request, usual: &[&str]) -> Option<Token> {
    let named = request.token.as_deref();
    let names = named.as_slice();
    let names = if names.is_empty() { usual } else { names };
    names.iter().find_map(|name| Token::new(request.env.get(*name)?))
}

/// The certificates that are trusted beside the system's: those that were named, or the platform's.
fn certificates(request: &Request, variable: Option<&str>) -> Result<Option<Vec<u8>>, PublishError> {
    let usual = || variable.and_then(|name| request.env.get(name)).filter(|path| !path.is_empty()).map(PathBuf::from);
    let Some(path) = request.certificates.clone().or_else(usual) else { return Ok(None) };
    std::fs::read(&path).map(Some).map_err(|source| PublishError::Io { path, source })
}

/// The report of a leg, with secrets masked once more.
fn parts(request: &Request, leg: &Leg, template: Option<(&str, &str)>) -> Result<Parts, PublishError> {
    let name = (!leg.name.is_empty()).then_some(leg.name.as_str());
    let mut parts = markdown::parts(&leg.document, template, name)?;
    let masker = masker(request);
    for part in &mut parts.0 {
        masker.masker().mask(&mut part.text);
        part.short.iter_mut().for_each(|text| masker.masker().mask(text));
    }
    Ok(parts)
}

/// What knows the secrets of this process: the usual ones, the token, and those that the pipeline file names.
fn masker(request: &Request) -> Environment {
    let named = load::load(&request.pipeline);
    let mut secrets = named.map(|loaded| loaded.pipeline().secrets.clone()).unwrap_or_default();
    secrets.extend(request.token.clone());
    Environment::new(request.env.clone(), &secrets)
}

fn section(leg: &Leg, parts: &Parts) -> Section {
    Section {
        leg: leg.name.clone(),
        commit: leg.document.change.commit.clone().unwrap_or_default(),
        started: leg.document.run.started_at,
        state: State::of(&leg.document),
        parts: parts.clone(),
    }
}

/// A file that was named, as text.
fn read(path: &Path) -> Result<String, PublishError> {
    std::fs::read_to_string(path).map_err(|source| PublishError::Io { path: path.to_owned(), source })
}

/// Carries out what talks to the network: one thread, which ends with it.
fn wait_for<T>(work: impl Future<Output = T>) -> Result<T, PublishError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| PublishError::Place(format!("no network can be used: {error}")))?;
    Ok(runtime.block_on(work))
}
