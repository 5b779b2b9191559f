//! A full disk, a read-only or unreadable folder, floods of output, a store that cannot be used, two runs at once: what
//! was measured is never lost, and the message says what to do.

use std::fs;

use backsight::results::{Document, Outcome, StepStatus};

use crate::sandbox::{Outcome as Ended, Sandbox, case, junit, read_document, step};

/// Runs a shell script in a mount namespace of its own, in the workspace; `None` where the system does not allow it.
fn with_mounts(sandbox: &Sandbox, script: &str) -> Option<Ended> {
    let allowed = sandbox.finish(&mut sandbox.command_of("unshare", &["-rm", "mount", "-t", "tmpfs", "none", "."]));
    if allowed.code != 0 {
        println!("skipped: no mount is allowed here: {}", allowed.stderr.trim());
        return None;
    }
    let outcome = sandbox.finish(&mut sandbox.command_of("unshare", &["-rm", "sh", "-e", "-c", script]));
    Some(outcome)
}

#[test]
fn a_full_disk_loses_no_result() {
    let sandbox = Sandbox::with(
        "version: 1\ntests:\n  - { name: before, run: 'cp cases.xml \"$BACKSIGHT_JUNIT\"' }\n  - { name: filler, run: 'cat \
         /dev/zero > filler || true' }\n  - { name: after, run: 'echo something; true' }\nbenchmarks:\n  - { name: quick, run: \
         \"true\", samples: 6 }\n",
    );
    sandbox.write("cases.xml", junit(&["one", "two"]));
    let script = "mkdir ../small; mount -t tmpfs -o size=1500k none ../small; cp * ../small; cd ../small\n\
                  code=0; \"$BACKSIGHT\" run --format json || code=$?\n\
                  echo filled: $(df --output=avail . | tail -n 1) >&2; rm filler\n\
                  \"$BACKSIGHT\" report --recover > /dev/null; exit $code";
    let Some(ended) = with_mounts(&sandbox, script) else { return };
    ended.says(4, &["filled: 0", "No space left on device", "error:", "restored run"]);
    let document = ended.document();
    let rescued = ended.stderr.split_once("the results are in ").unwrap().1.split_once(" instead").unwrap().0;
    assert_eq!(read_document(&fs::read_to_string(rescued).unwrap()).cases, document.cases);
    fs::remove_file(rescued).unwrap();
    for name in ["one", "two", "filler"] {
        assert_eq!(case(&document, name).outcome, Outcome::Passed, "{name}");
    }
    assert_eq!(
        document.benchmarks[0].metric("wall_time").map(|metric| metric.samples.len()),
        Some(6),
        "{}",
        ended.stderr
    );
    assert_eq!(i32::from(document.run.exit_code.code()), 4);
}

#[test]
fn a_disk_without_room_for_the_store_is_told_before_anything_runs() {
    let sandbox = Sandbox::with("version: 1\ntests:\n  - { name: a, run: 'touch ../work/ran' }\n");
    let script = "mkdir ../small; mount -t tmpfs -o size=16k none ../small; cp * ../small; cd ../small\n\
                  exec \"$BACKSIGHT\" run";
    let Some(ended) = with_mounts(&sandbox, script) else { return };
    ended.says(4, &["no room is left", ".backsight", "free some disk space"]);
    assert!(!sandbox.path("ran").exists());
}

#[test]
fn a_read_only_workspace_is_told_before_anything_runs() {
    let sandbox = Sandbox::with("version: 1\ntests:\n  - { name: a, run: 'touch ../ran' }\n");
    let script = "mount --bind . .; mount -o remount,bind,ro . ; cd .; cd \"$PWD\"; exec \"$BACKSIGHT\" run";
    let Some(ended) = with_mounts(&sandbox, script) else { return };
    ended.says(4, &[".backsight", "Read-only file system", "is the workspace writable"]);
    assert!(!sandbox.work().parent().unwrap().join("ran").exists());
}

/// Makes a folder unreadable, also for root: without the capabilities that let root pass.
fn without_privileges(sandbox: &Sandbox, args: &[&str]) -> Option<Ended> {
    let id = sandbox.finish(&mut sandbox.command_of("id", &["-u"]));
    if id.stdout.trim() != "0" {
        return Some(sandbox.run(args));
    }
    let drop = ["--bounding-set=-dac_override,-dac_read_search", "--inh-caps=-dac_override,-dac_read_search"];
    let binary = env!("CARGO_BIN_EXE_backsight");
    let test: Vec<&str> = drop.iter().copied().chain(["cat", "locked/here"]).collect();
    if sandbox.finish(&mut sandbox.command_of("setpriv", &test)).code == 0 {
        println!("skipped: root can read everything here");
        return None;
    }
    let all: Vec<&str> = drop.iter().copied().chain([binary]).chain(args.iter().copied()).collect();
    Some(sandbox.finish(&mut sandbox.command_of("setpriv", &all)))
}

/// Locks a folder for the life of this value; a folder that stays locked could not be removed.
struct Locked(std::path::PathBuf);

impl Locked {
    fn new(path: std::path::PathBuf) -> Self {
        set_mode(&path, 0o000);
        Self(path)
    }
}

impl Drop for Locked {
    fn drop(&mut self) {
        set_mode(&self.0, 0o755);
    }
}

fn set_mode(path: &std::path::Path, mode: u32) {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

#[test]
fn an_unreadable_folder_is_named() {
    let sandbox = Sandbox::with(
        "version: 1\ntests:\n  - { name: reports, run: \"true\", junit: 'locked/*.xml' }\n  - { name: inside, run: \"true\", \
         working_dir: locked }\n  - { name: fine, run: \"true\" }\n",
    );
    sandbox.write("locked/here", "x");
    sandbox.write("locked/backsight.yml", "version: 1\n");
    let _locked = Locked::new(sandbox.path("locked"));
    let Some(ended) = without_privileges(&sandbox, &["run", "locked/backsight.yml"]) else { return };
    ended.says(2, &["locked/backsight.yml: Permission denied"]);
    let Some(ended) = without_privileges(&sandbox, &["run"]) else { return };
    ended.says(1, &["tests/reports", "locked: Permission denied", "tests/inside"]);
    let document = sandbox.document();
    assert_eq!(case(&document, "fine").outcome, Outcome::Passed);
    assert_eq!(step(&document, "tests/inside").status, StepStatus::Errored);
}

#[test]
fn a_step_that_prints_a_gigabyte_does_no_harm() {
    let sandbox = Sandbox::with(
        "version: 1\ntests:\n  - { name: flood, run: 'head -c 1000000000 /dev/zero | tr \"\\0\" x; echo; echo the end' }\n",
    );
    let (quiet, ended) = Sandbox::with(SIMPLE).measured(&["run"]);
    ended.says(0, &[]);
    let (peak, ended) = sandbox.measured(&["run"]);
    ended.says(0, &[]);
    // wait4 counts the largest of a process and its waited-for children: an upper bound for ours. Most of it is the code of
    // a build for tests, whatever a step prints.
    assert!(peak < quiet + 12 * 1024, "{peak} KiB, {quiet} KiB where nothing is printed");
    let document = sandbox.document();
    let log = step(&document, "tests/flood").log.as_ref().unwrap();
    assert!(log.bytes > 1_000_000_000 && log.omitted > 900_000_000, "{log:?}");
    assert!(log.tail.ends_with("the end") && log.tail.len() < 10_000);
    let size = fs::metadata(sandbox.newest().join(&log.path)).unwrap().len();
    assert!(size < 40 << 20, "{size}");
}

const SIMPLE: &str = "version: 1\ntests:\n  - { name: a, run: 'touch ran' }\n";

#[test]
fn a_store_of_a_newer_version_is_refused_before_anything_runs() {
    let sandbox = Sandbox::with(SIMPLE);
    sandbox.run(&["run"]).says(0, &[]);
    fs::remove_file(sandbox.path("ran")).unwrap();
    let script = "import sqlite3; db = sqlite3.connect('.backsight/results.db'); db.execute('PRAGMA user_version = 999'); \
                  db.commit()";
    assert_eq!(sandbox.finish(&mut sandbox.command_of("python3", &["-c", script])).code, 0);
    sandbox.run(&["run"]).says(4, &["results.db", "has format 999", "use a newer backsight"]);
    assert!(!sandbox.path("ran").exists());
    sandbox.run(&["runs", "list"]).says(4, &["has format 999"]);
}

#[test]
fn a_corrupt_store_is_told_before_anything_runs() {
    let sandbox = Sandbox::with(SIMPLE);
    sandbox.write(".backsight/results.db", vec![b'x'; 8192]);
    sandbox.run(&["run"]).says(4, &["results.db", "error:"]);
    assert!(!sandbox.path("ran").exists());
    assert_eq!(fs::read(sandbox.path(".backsight/results.db")).unwrap(), vec![b'x'; 8192], "it was touched");
    assert!(sandbox.run_folders().is_empty(), "a run that never began is listed");
}

#[test]
fn two_runs_at_once_are_both_kept() {
    let sandbox = Sandbox::with(
        "version: 1\ntests:\n  - name: meet\n    run: touch \"here-$$\"; for i in $(seq 200); do test $(ls here-* | wc -l) -ge 2 \
         && exit 0; sleep 0.05; done; exit 1\n",
    );
    let start =
        || sandbox.command(&["run", "--format", "json", "--quiet"]).stdout(std::process::Stdio::piped()).spawn();
    let both = [start().unwrap(), start().unwrap()];
    let documents: Vec<Document> = both
        .into_iter()
        .map(|child| {
            let output = child.wait_with_output().unwrap();
            assert!(output.status.success());
            read_document(&String::from_utf8(output.stdout).unwrap())
        })
        .collect();
    assert_ne!(documents[0].run.id, documents[1].run.id);
    let list = sandbox.run(&["runs", "list", "--format", "json"]);
    assert_eq!(list.stdout.matches("\"stored\": true").count(), 2, "{}", list.stdout);
    for document in documents {
        let id = document.run.id.to_string();
        assert_eq!(sandbox.run(&["report", &id, "--format", "json"]).document(), document);
    }
}
