//! `backsight init`: writes a first pipeline file for the repository.

use std::io::{self, Write};
use std::path::PathBuf;

use clap::Args;

use crate::ops::init::ci::{self, CiFile, PLACEHOLDER, Platform};
use crate::ops::init::{InitError, Proposal, ci_files, propose, write};
use crate::results::ExitCode;

/// Write a first backsight.yml that fits this repository
#[derive(Debug, Args)]
pub(super) struct InitArgs {
    /// The folder of the project
    #[arg(default_value = ".")]
    folder: PathBuf,
    /// Replace a file that is there already
    #[arg(long, conflicts_with = "print")]
    force: bool,
    /// Print the file instead of writing it
    #[arg(long)]
    print: bool,
    /// Write files for this CI platform, too; what is there already is left as it is
    #[arg(long, value_enum, value_name = "PLATFORM", conflicts_with = "print")]
    ci: Option<CiName>,
    /// Only this one of the platform's files; may be repeated. For GitHub: pull-request, comment, baseline (these three are
    /// written where none is named), nightly, matrix, release, sharded
    #[arg(long, value_name = "NAME", requires = "ci")]
    workflow: Vec<String>,
    /// Where the action is, as OWNER/REPO@REF; default: OWNER/backsight@000..., a place to fill in, since no release of the
    /// action has been made yet
    #[arg(long, value_name = "OWNER/REPO@REF", requires = "ci")]
    action: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum CiName {
    /// GitHub Actions: workflows below .github/workflows.
    Github,
    /// GitLab CI.
    Gitlab,
}

/// Carries the command out: the file's text goes to `out` where it is asked for, all prose to `prose`.
///
/// # Errors
/// [`InitError`] where the folder cannot be read or the file not be written; [`exit_code`] says what that means for
/// the process. A closed output is no error.
pub(super) fn run(args: &InitArgs, out: &mut dyn Write, prose: &mut dyn Write) -> Result<ExitCode, InitError> {
    if let Some(name) = args.ci {
        return with_ci(args, name, prose);
    }
    let proposal = propose(&args.folder)?;
    let written = if args.print { None } else { Some(write(&args.folder, &proposal, args.force)?) };
    let _ = tell(&proposal, prose);
    let _ = match written {
        None => out.write_all(proposal.text.as_bytes()),
        Some(path) => writeln!(prose, "{} is written. See what it would run: backsight check", path.display()),
    };
    Ok(ExitCode::Passed)
}

/// The pipeline file, where there is none yet, and the platform's files.
fn with_ci(args: &InitArgs, name: CiName, prose: &mut dyn Write) -> Result<ExitCode, InitError> {
    let platform = match name {
        CiName::Github => Platform::Github,
        CiName::Gitlab => Platform::Gitlab,
    };
    let files = ci::chosen(ci_files(platform), &args.workflow)?;
    // A wrong name is told before anything is written.
    files.iter().try_for_each(|file| ci::filled(file, args.action.as_deref()).map(drop))?;
    let proposal = propose(&args.folder)?;
    match write(&args.folder, &proposal, args.force) {
        Ok(path) => {
            let _ = tell(&proposal, prose);
            let _ = writeln!(prose, "{} is written. See what it would run: backsight check", path.display());
        }
        Err(InitError::Exists { path }) => {
            let _ = writeln!(prose, "{} is there already; it is left as it is", path.display());
        }
        Err(error) => return Err(error),
    }
    place(args, &files, prose)?;
    Ok(ExitCode::Passed)
}

fn place(args: &InitArgs, files: &[&CiFile], prose: &mut dyn Write) -> Result<(), InitError> {
    let placed = ci::place(&args.folder, files, args.action.as_deref())?;
    for one in &placed {
        let what = if one.is_new { "is written" } else { "is there already; it is left as it is" };
        let _ = writeln!(prose, "{} {what}", one.path.display());
    }
    let fresh: Vec<&CiFile> = files.iter().zip(&placed).filter(|(_, one)| one.is_new).map(|(file, _)| *file).collect();
    if args.action.is_none() && fresh.iter().any(|file| file.text.contains(PLACEHOLDER)) {
        let _ = writeln!(prose, "Replace {PLACEHOLDER} in them by where the action is (docs/github.md).");
    }
    if let Some(file) = fresh.iter().find(|file| file.path.starts_with(".gitlab/")) {
        let _ =
            writeln!(prose, "Include them in .gitlab-ci.yml: include: [{{ local: {} }}] (docs/gitlab.md)", file.path);
    }
    if !args.folder.join(".git").exists() {
        let _ = writeln!(prose, "note: the platform reads these files at the top of a repository only");
    }
    Ok(())
}

/// What an error means for the process.
pub(super) const fn exit_code(error: &InitError) -> ExitCode {
    match error {
        InitError::Folder { .. }
        | InitError::Exists { .. }
        | InitError::CiName { .. }
        | InitError::Action(_)
        | InitError::Outside { .. } => ExitCode::Usage,
        InitError::Write { .. } => ExitCode::Tool,
    }
}

fn tell(proposal: &Proposal, prose: &mut dyn Write) -> io::Result<()> {
    if proposal.found.is_empty() {
        return writeln!(prose, "Nothing was recognised; the file holds examples to start from.");
    }
    for found in &proposal.found {
        writeln!(prose, "{}: {}", found.place, found.so)?;
    }
    Ok(())
}
