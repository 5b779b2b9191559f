//! `runs` and `baseline`: what is stored and what lies in the folders, listed, shown, cancelled and pruned.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use backsight::ops::runs::{self, Prune, RunsError};
use backsight::results::{Document, Event, ExitCode, Kind, Outcome, Status};
use backsight::store::{OpenOptions, Places, RunFilter, RunLock, SqliteStore, Store};

use crate::support::{add_benchmark, add_case, add_step, document};

/// Runs the binary in a workspace; gives the exit code and both streams as a pipe sees them.
fn cli(workspace: &Path, line: &str) -> (ExitCode, String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_backsight"))
        .args(line.split_whitespace())
        .args(["--workspace", workspace.to_str().unwrap()])
        .env_remove("CLICOLOR_FORCE")
        .output()
        .unwrap();
    let code = u8::try_from(output.status.code().unwrap()).unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (ExitCode::try_from(code).unwrap(), text(output.stdout), text(output.stderr))
}

fn save(places: &Places, document: &Document) {
    SqliteStore::open(&places.database(), &OpenOptions::default()).unwrap().save(document).unwrap();
}

fn journal(places: &Places, document: &Document, events: Vec<Event>) {
    let folder = places.run(document.run.id);
    fs::create_dir_all(&folder).unwrap();
    let start = Event::RunStarted { document: Box::new(document.clone()), steps: 2 };
    let lines = [start].into_iter().chain(events).map(|event| serde_json::to_string(&event).unwrap() + "\n");
    fs::write(folder.join("journal.jsonl"), lines.collect::<String>() + "{\"event\":\"case_fini").unwrap();
}

fn finished(places: &Places, document: &Document) {
    let folder = places.run(document.run.id);
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("results.json"), serde_json::to_vec(document).unwrap()).unwrap();
}

/// Stored 0 to 2 (2 failed, on a branch with a hostile name), 3 running, 4 lost, 5 killed at once, 6 only on disk.
fn workspace() -> (tempfile::TempDir, Places, RunLock) {
    let folder = tempfile::tempdir().unwrap();
    let places = Places::of(folder.path());
    for nth in 0..3 {
        let mut run = document(nth);
        let step = add_step(&mut run, Kind::Benchmark, "encode", None, Some("cpu"));
        add_benchmark(&mut run, &step, "encode", 1500.0, Vec::new());
        if nth == 2 {
            run.run.status = Status::Failed;
            run.run.exit_code = ExitCode::Failed;
            run.change.branch = Some("evil\u{1b}[2J\nbranch".into());
            run.change.dirty = Some(true);
            let step = add_step(&mut run, Kind::Test, "unit", None, None);
            add_case(&mut run, &step, "breaks", Outcome::Failed);
        }
        save(&places, &run);
        finished(&places, &run);
    }
    journal(&places, &document(3), Vec::new());
    let lock = RunLock::hold(&places.run(document(3).run.id), document(3).run.started_at, "demo").unwrap();
    let mut lost = document(4);
    let step = add_step(&mut lost, Kind::Test, "unit", None, None);
    add_case(&mut lost, &step, "one", Outcome::Passed);
    let events = vec![Event::CaseFinished { case: lost.cases[0].clone() }];
    journal(&places, &document(4), events);
    fs::create_dir_all(places.run(document(5).run.id)).unwrap();
    finished(&places, &document(6));
    fs::create_dir_all(places.runs().join("not a run")).unwrap();
    (folder, places, lock)
}

fn ids(rows: &[runs::RunRow]) -> Vec<(uuid::Uuid, Status)> {
    rows.iter().map(|row| (row.facts.id, row.facts.status)).collect()
}

#[test]
fn stored_running_and_lost_runs_stand_in_one_list() {
    let (_folder, places, _lock) = workspace();
    let rows = runs::list(&places, &RunFilter::default()).unwrap();
    let expected = [
        (6, Status::Passed),
        (5, Status::Lost),
        (4, Status::Lost),
        (3, Status::Running),
        (2, Status::Failed),
        (1, Status::Passed),
        (0, Status::Passed),
    ];
    assert_eq!(ids(&rows), expected.map(|(nth, status)| (document(nth).run.id, status)));
    let stored: Vec<_> = rows.iter().map(|row| row.stored).collect();
    assert_eq!(stored, [false, false, false, false, true, true, true]);
    assert_eq!(rows[3].pid, Some(std::process::id()));
    assert_eq!(rows[2].facts.branch.as_deref(), Some("main"));
}

#[test]
fn filters_reach_the_folders_too() {
    let (_folder, places, _lock) = workspace();
    let list = |filter: RunFilter| ids(&runs::list(&places, &filter).unwrap());
    let all = RunFilter::default();
    let running = RunFilter { statuses: vec![Status::Running], ..all.clone() };
    assert_eq!(list(running), [(document(3).run.id, Status::Running)]);
    let named = RunFilter { name: Some("one".into()), ..all.clone() };
    assert_eq!(list(named), [(document(4).run.id, Status::Lost)]);
    let on_main = RunFilter { branch: Some("main".into()), ..all.clone() };
    assert_eq!(list(on_main).len(), 5);
    let late = RunFilter { since: Some(document(4).run.started_at), ..all.clone() };
    assert_eq!(list(late).len(), 3);
    assert_eq!(list(RunFilter { limit: Some(2), ..all }).len(), 2);
}

#[test]
fn the_table_is_plain_text_and_json_is_an_array() {
    let (folder, _places, _lock) = workspace();
    let (code, out, err) = cli(folder.path(), "runs list");
    assert_eq!((code, err.as_str()), (ExitCode::Passed, ""));
    assert_eq!(out.lines().count(), 8, "{out}");
    assert!(out.starts_with("id             started (UTC)     status"), "{out}");
    assert!(out.contains("evil\\u{1b}[2J branch"), "{out}");
    assert!(out.contains("000000000*  1 failed  1\n"), "{out}");
    assert!(!out.contains('\u{1b}'), "{out}");
    let (_, out, _) = cli(folder.path(), "runs list --status failed --kind tests -k brea* --format json");
    let array: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!(array.as_array().unwrap().len(), 1);
    assert_eq!((array[0]["status"].as_str(), array[0]["exit_code"].as_u64()), (Some("failed"), Some(1)));
    let (_, out, err) = cli(folder.path(), "runs list --branch none");
    assert_eq!((out.as_str(), err.as_str()), ("", "no runs\n"));
    let (code, _, err) = cli(folder.path(), "runs list --since yesterday");
    assert_eq!(code, ExitCode::Usage);
    assert!(err.starts_with("error: `yesterday` is not a time; write a day"), "{err}");
}

#[test]
fn an_empty_workspace_has_no_runs_and_gets_no_files() {
    let folder = tempfile::tempdir().unwrap();
    let (code, out, _) = cli(folder.path(), "runs list --format json");
    assert_eq!((code, out.as_str()), (ExitCode::Passed, "[]\n"));
    assert_eq!(cli(folder.path(), "runs show").0, ExitCode::Usage);
    assert_eq!(cli(folder.path(), "runs cancel").0, ExitCode::Usage);
    assert_eq!(cli(folder.path(), "baseline list").0, ExitCode::Passed);
    assert_eq!(cli(folder.path(), "baseline show").0, ExitCode::Usage);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn a_run_is_shown_by_the_beginning_of_its_id() {
    let (folder, places, _lock) = workspace();
    let id = document(2).run.id.to_string();
    let (code, out, _) = cli(folder.path(), &format!("runs show {id} --format json"));
    assert_eq!(code, ExitCode::Passed);
    assert_eq!(serde_json::from_str::<Document>(&out).unwrap().run.id, document(2).run.id);
    let (_, out, _) = cli(folder.path(), &format!("runs show {id}"));
    assert!(out.contains("0011223344556677: failed\n") && out.contains("wall time 1.50 µs\n"), "{out}");
    assert!(out.contains(" exit 1 ("), "{out}");
    let (_, out, _) = cli(folder.path(), "runs show");
    assert!(out.starts_with(&format!(" run {} of ", document(6).run.id)), "{out}");
    let lost = runs::show(&places, &document(4).run.id.to_string()).unwrap();
    assert_eq!((lost.run.status, lost.cases.len()), (Status::Lost, 1));
    let (code, _, err) = cli(folder.path(), &format!("runs show {}", &id[..4]));
    assert_eq!(code, ExitCode::Usage);
    assert!(err.contains("is the beginning of several runs") && err.contains(&id), "{err}");
    let error = runs::show(&places, "ffff").unwrap_err();
    assert_eq!(error.to_string(), "no run `ffff` is stored or on disk; `backsight runs list` shows those that are");
}

#[test]
fn a_stored_run_is_shown_without_its_folder() {
    let (_folder, places, _lock) = workspace();
    fs::remove_dir_all(places.runs()).unwrap();
    let id = document(1).run.id.to_string();
    assert_eq!(runs::show(&places, &id).unwrap().run.id, document(1).run.id);
}

#[test]
fn a_broken_folder_does_not_hide_the_others() {
    let (_folder, places, _lock) = workspace();
    fs::write(places.run(document(6).run.id).join("results.json"), b"\xff{").unwrap();
    fs::write(places.run(document(4).run.id).join("journal.jsonl"), b"\xff\xfe\n\n{}\n").unwrap();
    let rows = runs::list(&places, &RunFilter::default()).unwrap();
    assert_eq!(rows.len(), 6);
}

const HOLD: &str = "BACKSIGHT_TEST_HOLD";

#[test]
#[ignore = "started by the test of cancelling"]
fn child_that_holds_a_lock() {
    let Ok(folder) = std::env::var(HOLD) else { return };
    let _lock = RunLock::hold(Path::new(&folder), jiff::Timestamp::now(), "demo").unwrap();
    println!("held");
    std::thread::sleep(Duration::from_secs(60));
}

#[test]
fn a_run_that_goes_on_is_cancelled() {
    let folder = tempfile::tempdir().unwrap();
    let places = Places::of(folder.path());
    journal(&places, &document(0), Vec::new());
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "runs::child_that_holds_a_lock", "--ignored", "--nocapture"])
        .env(HOLD, places.run(document(0).run.id))
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
    assert!(lines.into_iter().any(|line| line.contains("held")));
    let cancelled = runs::cancel(&places, None, Duration::from_secs(20)).unwrap();
    assert_eq!((cancelled.run, cancelled.pid, cancelled.ended), (document(0).run.id, child.id(), true));
    assert!(!child.wait().unwrap().success());
    let error = runs::cancel(&places, Some("latest"), Duration::ZERO).unwrap_err();
    assert_eq!(error.exit_code(), ExitCode::Usage);
    let error = runs::cancel(&places, Some(&document(0).run.id.to_string()), Duration::ZERO).unwrap_err();
    assert!(error.to_string().contains("does not go on any more"), "{error}");
}

#[test]
fn a_lock_file_that_names_another_process_signals_nobody() {
    let (_folder, places, _lock) = workspace();
    let mut bystander = Command::new("sleep").arg("60").spawn().unwrap();
    let lock = places.run(document(3).run.id).join("run.lock");
    let text = fs::read_to_string(&lock).unwrap();
    fs::write(&lock, text.replace(&std::process::id().to_string(), &bystander.id().to_string())).unwrap();
    let error = runs::cancel(&places, None, Duration::ZERO).unwrap_err();
    assert!(matches!(error, RunsError::UnknownProcess { .. }), "{error}");
    assert!(bystander.try_wait().unwrap().is_none(), "the bystander lives");
    bystander.kill().unwrap();
    bystander.wait().unwrap();
}

#[test]
fn pruning_keeps_the_newest_the_running_and_the_store() {
    let (folder, places, _lock) = workspace();
    let now = document(60).run.started_at;
    let before = Some(document(5).run.started_at);
    let removed = runs::prune(&places, Prune { keep: Some(3), before }, now).unwrap();
    assert_eq!(removed, [0, 1, 2].map(|nth| document(nth).run.id));
    assert_eq!(runs::list(&places, &RunFilter::default()).unwrap().len(), 7);
    assert!(runs::prune(&places, Prune::default(), document(0).run.started_at).unwrap().is_empty(), "too young");
    let (code, _, err) = cli(folder.path(), "runs prune --older 0m --keep 0");
    assert_eq!((code, err.as_str()), (ExitCode::Passed, "removed 3 run folders\n"));
    assert!(places.run(document(3).run.id).exists());
}

#[test]
fn baselines_are_listed_and_shown() {
    let (folder, _places, _lock) = workspace();
    let (code, out, _) = cli(folder.path(), "baseline list");
    assert_eq!((code, out.lines().count()), (ExitCode::Passed, 3), "{out}");
    let (code, _, err) = cli(folder.path(), "baseline show");
    assert_eq!(code, ExitCode::Usage);
    assert!(err.starts_with("error: 2 baselines fit; name one with --branch and --class: evil\\u{1b}"), "{err}");
    let (_, out, _) = cli(folder.path(), "baseline show --branch main --class 0011 --format json");
    assert_eq!(serde_json::from_str::<Document>(&out).unwrap().run.id, document(1).run.id);
    let (_, out, _) = cli(folder.path(), "baseline list --format json --project demo");
    assert_eq!(serde_json::from_str::<serde_json::Value>(&out).unwrap().as_array().unwrap().len(), 2);
}
