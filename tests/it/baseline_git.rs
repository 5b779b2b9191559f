//! The data branch under bad conditions: remotes that are empty or refuse, files that are damaged or foreign, a branch
//! that was rewritten; and what tidying leaves.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use backsight::results::{Document, ExitCode};
use backsight::store::{RunName, pack};

use crate::baseline::{PIPELINE, Remote};
use crate::support::{add_benchmark, add_step, document};

/// A run of the project on main, the nth, with a figure and samples.
fn run(nth: i64) -> Document {
    let mut run = document(nth);
    run.project = "demo".into();
    let step = add_step(&mut run, backsight::results::Kind::Benchmark, "quick", None, None);
    add_benchmark(&mut run, &step, "quick", 5.0, vec![4.0, 5.0, 6.0]);
    run
}

fn push(remote: &Remote, job: &Path, runs: impl IntoIterator<Item = i64>) {
    let files: Vec<String> = runs.into_iter().map(|nth| remote.write(job, &run(nth))).collect();
    let files: Vec<&str> = files.iter().map(String::as_str).collect();
    remote.backsight(job, &[&["baseline", "push"], &files[..]].concat()).says(0, &["added to branch"]);
}

/// Changes the data branch by hand and pushes it.
fn tamper(remote: &Remote, work: impl FnOnce(&Path), force: bool) {
    let name = format!("by-hand-{}", fs::read_dir(remote.root()).unwrap().count());
    let folder = remote.clone_with(&name, &["--branch", "backsight-data"]);
    work(&folder);
    remote.git(&folder, &["add", "-A", "-f"]);
    remote.git(&folder, &["commit", "-q", "-m", "by hand"]);
    let words: &[&str] = if force { &["push", "-q", "-f", "origin"] } else { &["push", "-q", "origin"] };
    remote.git(&folder, &[words, &["HEAD:backsight-data"]].concat());
}

fn put(folder: &Path, path: &str, content: &[u8]) {
    let path = folder.join(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, content).unwrap();
}

/// All that the user's repository consists of, ours beside it left out.
fn state(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let (mut found, mut open) = (Vec::new(), vec![folder.join(".git")]);
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            match path.is_dir() {
                true if path.ends_with(".git/backsight") => {}
                true => open.push(path),
                false => found.push((path.clone(), fs::read(path).unwrap())),
            }
        }
    }
    found.sort();
    found
}

#[test]
fn an_empty_remote_is_pulled_from_and_pushed_to() {
    let remote = Remote::empty();
    let job = remote.job("a");
    remote.backsight(&job, &["baseline", "pull"]).says(0, &["0 new runs", "(0 files there)"]);
    remote.backsight(&job, &["baseline", "verify"]).says(0, &["0 sound runs"]);
    remote.backsight(&job, &["baseline", "prune", "--keep", "3"]).says(0, &["0 runs removed"]);
    remote.backsight(&job, &["baseline", "prune", "--keep", "3", "--squash"]).says(4, &["not there yet"]);
    push(&remote, &job, [1]);
    push(&remote, &job, [1, 2]);
    assert_eq!(remote.files().len(), 4, "{:?}", remote.files());
    assert_eq!(remote.git(&remote.bare(), &["rev-list", "--count", "backsight-data"]), "2");
}

#[test]
fn the_users_repository_is_not_touched() {
    let remote = Remote::with(PIPELINE);
    let job = remote.job("a");
    fs::write(job.join("staged"), "x").unwrap();
    remote.git(&job, &["add", "staged"]);
    fs::write(job.join("staged"), "y").unwrap();
    let before = state(&job);
    push(&remote, &job, [1]);
    for command in ["pull", "verify"] {
        remote.backsight(&job, &["baseline", command]).says(0, &[]);
    }
    assert_eq!(state(&job), before);
    // What lies there has no address, and so no token in it.
    let ours = fs::read_to_string(job.join(".git/backsight/data.git/config")).unwrap();
    assert!(!ours.contains("remote.git"), "{ours}");
}

#[test]
fn a_remote_that_refuses_is_told_and_does_not_fail_a_run() {
    let remote = Remote::with(PIPELINE);
    let hook = remote.bare().join("hooks/pre-receive");
    fs::create_dir_all(hook.parent().unwrap()).unwrap();
    fs::write(&hook, "#!/bin/sh\ngrep -q backsight-data && { echo 'this branch is protected' >&2; exit 1; }\nexit 0\n")
        .unwrap();
    fs::set_permissions(&hook, fs::Permissions::from_mode(0o755)).unwrap();
    let job = remote.job("a");
    let file = remote.write(&job, &run(1));
    let told = remote.backsight(&job, &["baseline", "push", &file]);
    told.says(4, &["refuses to change branch backsight-data of origin", "this branch is protected", "data_branch"]);
    let (told, document) = remote.run(&job, &[]);
    told.says(0, &["was not added to the shared results"]);
    assert!(document.remarks.iter().any(|remark| remark.text.contains("this branch is protected")));
    // Unless it is asked for.
    fs::write(job.join("backsight.yml"), PIPELINE.replace("store: git", "store: git, strict: true")).unwrap();
    let (told, document) = remote.run(&job, &[]);
    told.says(4, &["was not added to the shared results"]);
    assert_eq!(document.run.exit_code, ExitCode::Tool);
    assert!(remote.files().is_empty());
    // Nobody is there at all.
    fs::rename(remote.bare(), remote.root().join("away")).unwrap();
    remote.backsight(&job, &["baseline", "pull"]).says(4, &["cannot be reached"]);
    remote.git(&job, &["remote", "remove", "origin"]);
    remote.backsight(&job, &["baseline", "pull"]).says(2, &["no remote `origin`"]);
    remote.backsight(&remote.sandbox.work(), &["baseline", "pull"]).says(2, &["in no git repository"]);
}

#[test]
fn damaged_foreign_newer_and_hostile_files_are_named_and_passed_over() {
    let remote = Remote::with(PIPELINE);
    let job = remote.job("a");
    push(&remote, &job, [1, 2, 3]);
    let path = |nth| RunName::of(&run(nth), false).path();
    let whole = pack(&run(5)).unwrap();
    let newer = String::from_utf8(serde_json::to_vec(&run(6)).unwrap()).unwrap().replace("results/1", "results/9");
    tamper(
        &remote,
        |folder| {
            put(folder, &path(4), b"no gzip at all");
            put(folder, &path(5), &whole[..whole.len() - 9]);
            put(folder, &path(6), &gzip(newer.as_bytes()));
            // Another run's content under a name of its own; a request that would be main.
            put(folder, &path(7), &pack(&run(1)).unwrap());
            put(folder, &path(8).replace("runs/", "requests/9/"), &pack(&run(8)).unwrap());
            // A run of main that would be one of a branch, and keep the true one out; and one that is there twice.
            put(folder, &path(2).replace("runs/", "branches/x/"), &pack(&run(2)).unwrap());
            let mut twin = run(3);
            twin.change.branch = Some("twin".into());
            put(folder, &RunName::of(&twin, false).path(), &pack(&twin).unwrap());
            put(folder, "runs/\u{1b}[31mred\n", b"x");
            put(folder, "runs/2026/holiday.jpg", b"x");
            put(folder, "accepted/2026/11/23/x.json", b"{");
            // A bomb: a thousandth of what it unpacks to.
            put(folder, &path(9), &gzip(&vec![b' '; 200 << 20]));
            std::os::unix::fs::symlink("/etc/passwd", folder.join("runs/link")).unwrap();
        },
        false,
    );
    let fresh = remote.job("b");
    let told = remote.backsight(&fresh, &["baseline", "pull"]);
    let words = [
        "it is no gzip file",
        "it is cut short",
        "newer than this backsight",
        "its content belongs to",
        "its run is there twice",
        "its name is none",
        "no acceptance",
        "more than 134217728 bytes",
        "3 new runs",
    ];
    told.says(0, &words);
    assert!(!told.stderr.contains("\u{1b}[31mred"), "{told:?}");
    // Told once; the good ones are there.
    remote.backsight(&fresh, &["baseline", "pull"]).says(0, &["0 new runs"]);
    let told = remote.backsight(&fresh, &["runs", "list", "--format", "json"]);
    assert_eq!(told.stdout.matches("\"id\"").count(), 3, "{told:?}");
    let told = remote.backsight(&fresh, &["baseline", "verify", "--format", "json"]);
    let found: serde_json::Value = serde_json::from_str(&told.stdout).unwrap();
    assert_eq!((told.code, found["runs"].as_u64()), (4, Some(3)), "{found}");
    assert_eq!(found["problems"].as_array().unwrap().len(), 11, "{found:#}");
    // Others still push.
    push(&remote, &fresh, [20]);
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x");
    fs::write(&path, bytes).unwrap();
    std::process::Command::new("gzip").args(["-9c", path.to_str().unwrap()]).output().unwrap().stdout
}

#[test]
fn a_branch_of_others_or_of_the_future_is_left_alone() {
    let remote = Remote::with(PIPELINE);
    let job = remote.job("a");
    remote
        .backsight(&job, &["baseline", "pull", "--data-branch", "main"])
        .says(4, &["holds other files", ".gitignore"]);
    let file = remote.write(&job, &run(1));
    remote.backsight(&job, &["baseline", "push", "--data-branch", "main", &file]).says(4, &["holds other files"]);
    for odd in ["a:refs/heads/main", "--all", "x y", "@{u}"] {
        let word = format!("--data-branch={odd}");
        remote.backsight(&job, &["baseline", "pull", &word]).says(2, &["is no name"]);
    }
    push(&remote, &job, [1]);
    let rename = |folder: &Path| {
        fs::rename(folder.join("backsight-data-1.json"), folder.join("backsight-data-2.json")).unwrap();
    };
    tamper(&remote, rename, false);
    for words in [&["baseline", "pull"][..], &["baseline", "push", &file]] {
        remote.backsight(&job, words).says(4, &["a newer format (backsight-data-2.json)"]);
    }
}

#[test]
fn a_rewritten_branch_is_noticed_and_read_anew() {
    let remote = Remote::with(PIPELINE);
    let (job, other) = (remote.job("a"), remote.job("b"));
    push(&remote, &job, [1, 2]);
    remote.backsight(&other, &["baseline", "pull"]).says(0, &["2 new runs"]);
    // A file that is changed in its place.
    let mut changed = run(1);
    changed.counts.passed = 77;
    tamper(&remote, |folder| put(folder, &RunName::of(&changed, false).path(), &pack(&changed).unwrap()), false);
    remote.backsight(&other, &["baseline", "pull"]).says(0, &["was changed after it was written", "1 new run"]);
    // Files that are gone from a history that was cut back.
    remote.git(&remote.bare(), &["update-ref", "refs/heads/backsight-data", "backsight-data~1"]);
    remote.git(&remote.bare(), &["branch", "-D", "backsight-data"]);
    push(&remote, &job, [3]);
    let told = remote.backsight(&other, &["baseline", "pull"]);
    told.says(0, &["was made anew", "1 new run"]);
    // A pusher that still has the old one on disk goes on on the new one.
    push(&remote, &other, [4]);
    assert_eq!(remote.files().len(), 4);
}

#[test]
fn pruning_and_compacting_go_on_top_and_squash_on_demand() {
    let remote = Remote::with(PIPELINE);
    let job = remote.job("a");
    push(&remote, &job, 1..=6);
    let old = remote.job("old");
    remote.backsight(&old, &["baseline", "pull"]).says(0, &["6 new runs"]);
    let told = remote.backsight(&job, &["baseline", "prune", "--keep", "4"]);
    told.says(0, &["2 runs removed", "4 left", "stay in the branch's history"]);
    // The runs of the fixture are of September 2026: all are older.
    let told = remote.backsight(&job, &["baseline", "compact", "--older-than", "2030-01-01"]);
    told.says(0, &["4 runs compacted"]);
    remote.backsight(&job, &["baseline", "compact", "--older-than", "2030-01-01"]).says(0, &["0 runs compacted"]);
    assert!(
        remote.files().iter().filter(|path| path.starts_with("runs/")).all(|path| path.ends_with(".compact.json.gz"))
    );
    remote.backsight(&job, &["baseline", "verify"]).says(0, &["4 sound runs"]);
    let before = remote.git(&remote.bare(), &["rev-parse", "backsight-data^{tree}"]);
    remote.backsight(&job, &["baseline", "prune", "--keep", "4", "--squash"]).says(0, &["replaced by one commit"]);
    assert_eq!(remote.git(&remote.bare(), &["rev-list", "--count", "backsight-data"]), "1");
    assert_eq!(remote.git(&remote.bare(), &["rev-parse", "backsight-data^{tree}"]), before);
    // What has been read keeps its samples; who reads now has summaries.
    remote.backsight(&old, &["baseline", "pull"]).says(0, &["no longer on", "0 new runs"]);
    let samples = |job: &Path| {
        let id = run(6).run.id.to_string();
        let told = remote.backsight(job, &["runs", "show", &id, "--format", "json"]);
        told.document().benchmarks[0].metrics[0].samples.len()
    };
    let fresh = remote.job("fresh");
    remote.backsight(&fresh, &["baseline", "pull"]).says(0, &["4 new runs"]);
    assert_eq!((samples(&old), samples(&fresh)), (3, 0));
    push(&remote, &old, [9]);
    remote.backsight(&fresh, &["baseline", "verify"]).says(0, &["5 sound runs", "0 files with something wrong"]);
}

#[test]
fn a_folder_does_the_same_without_a_remote() {
    let remote = Remote::with(&PIPELINE.replace("store: git", "store: file, folder: ../shared, push: always"));
    let (a, b) = (remote.job("a"), remote.job("b"));
    let first = remote.git(&a, &["rev-parse", "HEAD"]);
    remote.run(&a, &[]).0.says(0, &["the run was added to folder"]);
    remote.commit(&b, "second");
    let (_, document) = remote.run(&b, &[]);
    assert_eq!(document.comparison.unwrap().baseline.unwrap().commit, Some(first));
    remote.backsight(&b, &["baseline", "verify"]).says(0, &["2 sound runs"]);
    remote.backsight(&b, &["baseline", "prune", "--older-than", "2000-01-01"]).says(0, &["0 runs removed"]);
    remote.backsight(&b, &["baseline", "push", "--all-new"]).says(0, &["0 runs added", "2 there already"]);
    assert!(remote.files().is_empty());
}

#[test]
fn a_job_of_a_ci_shares_where_the_branch_is_there_and_is_silent_where_it_is_not() {
    let remote = Remote::with(&PIPELINE.replace("baseline: { store: git }\n", ""));
    let job = remote.job("a");
    let ci = |job: &Path| {
        let mut command = remote.sandbox.command(&["run", "--format", "json"]);
        remote.sandbox.finish(command.current_dir(job).env("CI", "true"))
    };
    let told = ci(&job);
    assert!(told.code == 0 && !told.stderr.contains("shared") && remote.files().is_empty(), "{told:?}");
    push(&remote, &job, [1]);
    let first = remote.git(&job, &["rev-parse", "HEAD"]);
    ci(&job).says(0, &["the run was added to branch backsight-data of origin"]);
    let next = remote.job("next");
    remote.publish(&next, "second");
    let document = ci(&next).document();
    assert_eq!(document.comparison.unwrap().baseline.unwrap().commit, Some(first));
    // Outside a CI nobody is asked.
    let told = remote.backsight(&next, &["run"]);
    assert!(!told.stderr.contains("added to branch"), "{told:?}");
}

#[test]
fn a_copy_that_was_damaged_is_made_again() {
    let remote = Remote::with(PIPELINE);
    let job = remote.job("a");
    push(&remote, &job, [1]);
    let ours = job.join(".git/backsight/data.git");
    let damages: [&dyn Fn(); 4] = [
        &|| fs::write(ours.join("HEAD"), "").unwrap(),
        &|| fs::remove_dir_all(ours.join("objects")).unwrap(),
        &|| fs::write(ours.join("shallow.lock"), "").unwrap(),
        &|| fs::write(ours.join("refs/backsight/next.lock"), "").unwrap(),
    ];
    for (nth, damage) in damages.iter().enumerate() {
        damage();
        push(&remote, &job, [2 + nth as i64]);
    }
    remote.backsight(&job, &["baseline", "verify"]).says(0, &["5 sound runs", "0 files with something wrong"]);
}

#[test]
fn a_remote_that_gives_no_parts_is_read_whole() {
    let remote = Remote::with(PIPELINE);
    let job = remote.job("a");
    push(&remote, &job, [1, 2]);
    // Contents can be left out, but not asked for one by one.
    remote.git(&remote.bare(), &["config", "uploadpack.allowAnySHA1InWant", "false"]);
    let old = remote.job("b");
    remote.git(&old, &["config", "protocol.version", "0"]);
    remote.backsight(&old, &["baseline", "pull"]).says(0, &["2 new runs"]);
    // Nor left out.
    remote.git(&remote.bare(), &["config", "uploadpack.allowFilter", "false"]);
    let older = remote.job("c");
    remote.backsight(&older, &["baseline", "pull"]).says(0, &["2 new runs"]);
    push(&remote, &older, [3]);
}

/// Serves a folder of repositories by git's own program. Asks for a token; one of them may only read.
const SERVER: &str = r#"
import http.server, os, subprocess, sys
class Git(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.0"
    def log_message(self, *_): pass
    def do_POST(self): self.do_GET()
    def do_GET(self):
        token = self.headers.get("Authorization", "").removeprefix("basic ")
        if token not in ("writer", "reader"):
            self.send_response(401); self.send_header("WWW-Authenticate", "Basic"); self.end_headers(); return
        if token == "reader" and "git-receive-pack" in self.path:
            self.send_response(403); self.end_headers(); return
        path, _, query = self.path.partition("?")
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.headers.get("Transfer-Encoding") == "chunked":
            while (size := int(self.rfile.readline(), 16)): body += self.rfile.read(size); self.rfile.readline()
            self.rfile.readline()
        env = dict(os.environ, GIT_PROJECT_ROOT=sys.argv[1], GIT_HTTP_EXPORT_ALL="1", PATH_INFO=path, QUERY_STRING=query,
            REQUEST_METHOD=self.command, CONTENT_TYPE=self.headers.get("Content-Type", ""), REMOTE_USER=token,
            CONTENT_LENGTH=str(len(body)), GIT_PROTOCOL=self.headers.get("Git-Protocol", ""),
            HTTP_CONTENT_ENCODING=self.headers.get("Content-Encoding", ""))
        out = subprocess.run(["git", "http-backend"], input=body, env=env, stdout=subprocess.PIPE).stdout
        head, _, rest = out.partition(b"\r\n\r\n")
        lines = [line.split(": ", 1) for line in head.decode().split("\r\n") if line]
        status = next((value for key, value in lines if key == "Status"), "200")
        self.send_response(int(status.split()[0]))
        for key, value in lines: self.send_header(key, value)
        self.end_headers(); self.wfile.write(rest)
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Git)
print(server.server_address[1], flush=True)
server.serve_forever()
"#;

/// Ends the server with the test.
struct Server(std::process::Child);

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn tokens_that_a_checkout_leaves_in_the_clone_are_used_over_http() {
    use std::io::BufRead;
    let remote = Remote::with(PIPELINE);
    let root = remote.root();
    let mut command = remote.sandbox.command_of("python3", &["-c", SERVER, root.to_str().unwrap()]);
    let mut server = Server(command.stdout(std::process::Stdio::piped()).spawn().unwrap());
    let mut port = String::new();
    std::io::BufReader::new(server.0.stdout.take().unwrap()).read_line(&mut port).unwrap();
    let address = format!("http://127.0.0.1:{}", port.trim());
    let job = |name: &str, token: Option<&str>| {
        let folder = remote.job(name);
        remote.git(&folder, &["remote", "set-url", "origin", &format!("{address}/remote.git")]);
        if let Some(token) = token {
            let key = format!("http.{address}/.extraheader");
            remote.git(&folder, &["config", &key, &format!("AUTHORIZATION: basic {token}")]);
        }
        folder
    };
    let writer = job("writer", Some("writer"));
    push(&remote, &writer, [1]);
    let ours = fs::read_to_string(writer.join(".git/backsight/data.git/config")).unwrap();
    assert!(!ours.contains("writer") && !ours.contains("127.0.0.1"), "{ours}");
    // As of a change request from a fork: it reads, and says that it may not write.
    let reader = job("reader", Some("reader"));
    remote.backsight(&reader, &["baseline", "pull"]).says(0, &["1 new run"]);
    let file = remote.write(&reader, &run(2));
    let told = remote.backsight(&reader, &["baseline", "push", &file]);
    told.says(4, &["may be read but not written", "contents: write"]);
    let (told, _) = remote.run(&reader, &[]);
    told.says(0, &["may be read but not written"]);
    // Without a token nobody is asked for one.
    let nobody = job("nobody", None);
    remote.backsight(&nobody, &["baseline", "pull"]).says(4, &["asks for credentials"]);
    assert_eq!(remote.files().iter().filter(|path| path.starts_with("runs/")).count(), 1);
}
