//! `backsight publish`.

use std::path::PathBuf;

use super::output::{Console, print};
use super::run::environment;
use super::written;
use crate::ops::publish::{Platform, Published, Request, Source, Webhook, publish};
use crate::publish::{Policy, Quiet};
use crate::report::Chat;
use crate::results::ExitCode;

/// Arguments of `publish`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// A results.json, a run id or the beginning of one, or `latest` (the default).
    run: Option<String>,
    /// Publish what another workflow left in this folder: for pull requests of forks. It is taken for hostile.
    #[arg(long, value_name = "DIR", conflicts_with = "run")]
    from_artifact: Option<PathBuf>,
    /// Where to: by default the platform whose job this is.
    #[arg(long, value_enum)]
    platform: Option<PlatformName>,
    /// The name of this leg, where several jobs of one pipeline report: each has its section in the one comment.
    #[arg(long, env = "BACKSIGHT_LEG")]
    leg: Option<String>,
    /// The name of the comment, where one change request has several; default: the project's name.
    #[arg(long)]
    slot: Option<String>,
    /// When there is a comment; default: as `publish.comment` of the pipeline file says, or `on-change`.
    #[arg(long, value_enum)]
    comment: Option<When>,
    /// What becomes of the comment when there is nothing to say any more; default: `delete` on GitHub, `minimise` on GitLab.
    #[arg(long, value_enum)]
    when_quiet: Option<WhenQuiet>,
    /// A template of the project's own for the comment.
    #[arg(long, value_name = "FILE")]
    template: Option<PathBuf>,
    /// The number of the change request, where the job does not tell.
    #[arg(long, value_name = "NUMBER")]
    change_request: Option<u64>,
    /// Only comments of this account are ours; default: the token's.
    #[arg(long, value_name = "LOGIN")]
    author: Option<String>,
    /// Write a check run with annotations, too.
    #[arg(long)]
    check: bool,
    /// Set the commit's status, too.
    #[arg(long)]
    status: bool,
    /// Leave out the job's summary, annotations and outputs.
    #[arg(long)]
    no_job: bool,
    /// The environment variable that holds the token.
    #[arg(long, value_name = "VARIABLE")]
    token_env: Option<String>,
    /// Send a message to this webhook, too: of Slack, Teams or Discord by its host, otherwise plain JSON.
    #[arg(long, value_name = "URL", env = "BACKSIGHT_WEBHOOK_URL", hide_env_values = true)]
    webhook: Option<String>,
    /// The syntax of the message, where the host does not tell.
    #[arg(long, value_enum, value_name = "CHAT")]
    webhook_format: Option<ChatName>,
    /// Trust the certificates in this PEM file, too.
    #[arg(long, value_name = "FILE", env = "BACKSIGHT_CA_FILE")]
    ca_file: Option<PathBuf>,
    /// Print the comment and write nothing anywhere.
    #[arg(long)]
    dry_run: bool,
    /// Return 4 where a platform refuses or is down; otherwise that is only told.
    #[arg(long)]
    strict: bool,
    /// The pipeline file, in the workspace: it may say when there is a comment, and name a template.
    #[arg(long, value_name = "FILE", default_value = "backsight.yml")]
    pipeline: PathBuf,
    /// The workspace whose runs are meant.
    #[arg(long, default_value = ".")]
    workspace: PathBuf,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum PlatformName {
    /// GitHub, GitHub Enterprise Server.
    Github,
    /// GitLab, also self-managed.
    Gitlab,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum ChatName {
    /// Slack's blocks.
    Slack,
    /// An Adaptive Card.
    Teams,
    /// Discord's embeds.
    Discord,
    /// A plain object.
    Json,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum When {
    /// With every run.
    Always,
    /// Where something moved or failed.
    OnChange,
    /// Not at all.
    Never,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum WhenQuiet {
    /// It is deleted.
    Delete,
    /// It is brought up to date and folded away (GitLab: its discussion resolved).
    Minimise,
    /// It is brought up to date.
    Update,
}

/// Runs the command.
pub(super) fn run(args: Args, console: Console) -> ExitCode {
    let strict = args.strict;
    match publish(&request(args)) {
        Ok(published) => tell(&published, strict, console),
        Err(error) => {
            console.error(&error.to_string());
            error.exit_code()
        }
    }
}

fn request(args: Args) -> Request {
    Request {
        source: match args.from_artifact {
            Some(folder) => Source::Artifact(folder),
            None => Source::Run(args.run.unwrap_or_else(|| "latest".into())),
        },
        platform: args.platform.map(|platform| match platform {
            PlatformName::Github => Platform::Github,
            PlatformName::Gitlab => Platform::Gitlab,
        }),
        leg: args.leg.filter(|leg| !leg.is_empty()),
        slot: args.slot,
        policy: args.comment.map(|when| match when {
            When::Always => Policy::Always,
            When::OnChange => Policy::OnChange,
            When::Never => Policy::Never,
        }),
        pipeline: args.workspace.join(&args.pipeline),
        workspace: args.workspace,
        quiet: args.when_quiet.map(|quiet| match quiet {
            WhenQuiet::Delete => Quiet::Delete,
            WhenQuiet::Minimise => Quiet::Minimise,
            WhenQuiet::Update => Quiet::Update,
        }),
        template: args.template,
        number: args.change_request,
        author: args.author,
        check: args.check,
        status: args.status,
        job: !args.no_job,
        token: args.token_env,
        webhook: args.webhook.filter(|address| !address.is_empty()).map(|address| Webhook {
            address,
            chat: args.webhook_format.map(|chat| match chat {
                ChatName::Slack => Chat::Slack,
                ChatName::Teams => Chat::Teams,
                ChatName::Discord => Chat::Discord,
                ChatName::Json => Chat::Json,
            }),
        }),
        certificates: args.ca_file,
        dry_run: args.dry_run,
        env: environment(),
    }
}

fn tell(published: &Published, strict: bool, console: Console) -> ExitCode {
    for remark in &published.remarks {
        console.say(&format!("note: {remark}"));
    }
    for outcome in &published.outcomes {
        if outcome.is_refused() {
            console.complain(&format!("warning: {outcome}"));
        } else {
            console.say(&outcome.to_string());
        }
    }
    let refused = published.outcomes.iter().any(crate::publish::Outcome::is_refused);
    let code = if refused && strict { ExitCode::Tool } else { ExitCode::Passed };
    let text = published.comment.as_deref().unwrap_or(&published.commands);
    if text.is_empty() { code } else { code.worst(written(print(text))) }
}
