//! What git's complaints mean: who was first, what is forbidden, what cannot be reached.

use super::ShelfError;

/// What a failed push means.
#[derive(Debug)]
pub(super) enum Failure {
    /// Others were first, or the remote was busy: fetch and try again.
    Raced,
    /// The network failed, which may pass.
    Network(ShelfError),
    /// Trying again is of no use.
    Final(ShelfError),
}

/// Words that tell that the branch moved under us, or that another push held its lock.
const RACED: [&str; 13] = [
    "(fetch first)",
    "(non-fast-forward)",
    "(stale info)",
    "(needs force)",
    "failed to update ref",
    "failed to lock",
    "cannot lock ref",
    "reference already exists",
    "incorrect old value",
    "shallow update not allowed",
    "remote unpack failed: unable to create temporary object directory: file exists",
    "but expected",
    "missing necessary objects",
];
const CREDENTIALS: [&str; 8] = [
    "authentication failed",
    "could not read username",
    "could not read password",
    "terminal prompts disabled",
    "permission denied (publickey",
    "host key verification failed",
    "invalid credentials",
    "requested url returned error: 401",
];
const READ_ONLY: [&str; 12] = [
    "requested url returned error: 403",
    "write access to repository not granted",
    "permission to ",
    "insufficient permission",
    "permission denied",
    "read-only file system",
    "read-only",
    "you are not allowed to push",
    "unable to create temporary object directory",
    "unpacker error",
    "access denied",
    "not allowed to upload code",
];
const NETWORK: [&str; 12] = [
    "could not resolve host",
    "failed to connect",
    "couldn't connect",
    "connection timed out",
    "connection refused",
    "connection reset",
    "the remote end hung up unexpectedly",
    "early eof",
    "rpc failed",
    "requested url returned error: 5",
    "operation timed out",
    "ssl",
];

/// Judges a push that failed, by what it printed for programs and for people.
pub(super) fn judge(place: &str, report: &str, complaint: &str) -> Failure {
    let status = report.lines().find(|line| line.starts_with('!')).unwrap_or_default();
    let all = format!("{status}\n{complaint}").to_lowercase();
    let says = |words: &[&str]| words.iter().any(|word| all.contains(word));
    let (place, detail) = (place.to_owned(), detail(status, complaint));
    if says(&RACED) {
        Failure::Raced
    } else if status.contains("[remote rejected]") && !says(&READ_ONLY) {
        Failure::Final(ShelfError::Refused { place, detail })
    } else if says(&CREDENTIALS) {
        Failure::Final(ShelfError::Credentials { place, detail })
    } else if says(&READ_ONLY) {
        Failure::Final(ShelfError::ReadOnly { place, detail })
    } else if says(&NETWORK) {
        Failure::Network(ShelfError::Unreachable { place, detail })
    } else if status.contains("rejected") {
        Failure::Final(ShelfError::Refused { place, detail })
    } else {
        Failure::Final(ShelfError::Unreachable { place, detail })
    }
}

/// Judges a fetch that failed.
pub(super) fn unreachable(place: &str, complaint: &str) -> ShelfError {
    let all = complaint.to_lowercase();
    let (place, detail) = (place.to_owned(), detail("", complaint));
    if CREDENTIALS.iter().any(|word| all.contains(word)) || all.contains("error: 403") {
        ShelfError::Credentials { place, detail }
    } else {
        ShelfError::Unreachable { place, detail }
    }
}

/// The telling part of what git said, in one line fit to print.
fn detail(status: &str, complaint: &str) -> String {
    let own = complaint.lines().map(str::trim).filter(|line| !line.is_empty());
    let remote =
        own.clone().find_map(|line| line.strip_prefix("remote:").map(str::trim).filter(|rest| !rest.is_empty()));
    let fatal = own.clone().find(|line| line.starts_with("fatal:") || line.starts_with("error:"));
    let reason = status.rsplit('\t').next().filter(|text| !text.is_empty());
    let chosen: Vec<&str> = reason.into_iter().chain(remote).collect();
    let text = match chosen.as_slice() {
        [] => fatal.or_else(|| own.clone().next()).unwrap_or("git gave no reason").to_owned(),
        _ => chosen.join(": "),
    };
    // Addresses may hold a token before the host.
    let words = text.split_whitespace().map(without_user).take(60);
    crate::report::escape::line(&words.collect::<Vec<_>>().join(" ")).into_owned()
}

fn without_user(word: &str) -> String {
    match word.split_once("://").and_then(|(scheme, rest)| Some((scheme, rest.split_once('@')?.1))) {
        Some((scheme, rest)) => format!("{scheme}://{rest}"),
        None => word.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::{Failure, judge, unreachable};
    use crate::store::ShelfError;

    fn kind(report: &str, complaint: &str) -> &'static str {
        match judge("b of origin", report, complaint) {
            Failure::Raced => "raced",
            Failure::Network(_) => "network",
            Failure::Final(ShelfError::Refused { .. }) => "refused",
            Failure::Final(ShelfError::ReadOnly { .. }) => "read-only",
            Failure::Final(ShelfError::Credentials { .. }) => "credentials",
            Failure::Final(_) => "other",
        }
    }

    #[test]
    fn complaints_are_told_apart() {
        let line = |why: &str| format!("To x\n!\trefs/backsight/next:refs/heads/b\t{why}\nDone\n");
        for (report, complaint, expected) in [
            (line("[rejected] (fetch first)"), "error: failed to push some refs", "raced"),
            (line("[remote rejected] (cannot lock ref 'refs/heads/b': is at 1 but expected 2)"), "", "raced"),
            (line("[remote rejected] (failed to update ref)"), "", "raced"),
            (line("[remote rejected] (pre-receive hook declined)"), "remote: no direct pushes\n", "refused"),
            (
                line("[remote rejected] (protected branch hook declined)"),
                "remote: error: GH006: Protected branch",
                "refused",
            ),
            (line("[remote rejected] (unpacker error)"), "error: remote unpack failed: unable to create", "read-only"),
            (
                String::new(),
                "remote: Permission to a/b.git denied to github-actions[bot].\nfatal: unable to access 'https://x/': The \
                 requested URL returned error: 403",
                "read-only",
            ),
            (String::new(), "remote: You are not allowed to push code to this project.\nfatal: x", "read-only"),
            (String::new(), "fatal: could not read Username for 'https://x': terminal prompts disabled", "credentials"),
            (String::new(), "git@x: Permission denied (publickey).\nfatal: Could not read from remote", "credentials"),
            (String::new(), "fatal: unable to access 'https://x/': Could not resolve host: x", "network"),
            (String::new(), "fatal: '../gone' does not appear to be a git repository", "other"),
        ] {
            assert_eq!(kind(&report, complaint), expected, "{report} {complaint}");
        }
    }

    #[test]
    fn no_token_and_no_escape_is_repeated() {
        let error = unreachable("b of origin", "fatal: unable to access 'https://me:secret@host/x': \u{1b}[31mred");
        let text = error.to_string();
        assert!(!text.contains("secret") && !text.contains('\u{1b}') && text.contains("host/x"), "{text}");
    }
}
