//! Many jobs push at once, and some are killed: what was said to have arrived is there once, and nothing is half there.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use backsight::store::RunName;

use crate::baseline::Remote;
use crate::support::{add_benchmark, document};

/// What a storm of pushers came to.
struct Storm {
    pushed: usize,
    killed: usize,
    took: Duration,
}

/// So many jobs push a run each at the same time, so often; `killed` of a hundred are killed after a drawn time.
fn storm(jobs: usize, rounds: usize, killed: u64) -> Storm {
    let remote = Remote::empty();
    let clones: Vec<PathBuf> = (0..jobs).map(|nth| remote.job(&format!("job-{nth}"))).collect();
    let mut dice = 7_u64;
    let mut roll = move |sides: u64| {
        // Knuth's linear generator: any sequence will do, as long as it is the same one every time.
        dice = dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (dice >> 33) % sides
    };
    let (mut done, mut lost) = (BTreeSet::new(), 0);
    let began = Instant::now();
    for round in 0..rounds {
        let mut going = Vec::new();
        for (nth, clone) in clones.iter().enumerate() {
            let mut run = document((round * jobs + nth) as i64);
            add_benchmark(&mut run, "benchmarks/quick", "quick", 5.0, vec![5.0; 30]);
            let file = remote.write(clone, &run);
            let mut command = remote.sandbox.command(&["baseline", "push", "--wait", "5m", &file]);
            let child = command.current_dir(clone).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
            let end = (roll(100) < killed).then(|| Duration::from_millis(roll(4000)));
            going.push((RunName::of(&run, false).path(), child, end, Instant::now()));
        }
        // Those that are to be killed first, each at its time.
        going.sort_by_key(|(_, _, end, _)| end.unwrap_or(Duration::MAX));
        for (path, child, end, started) in going {
            match finish(child, end, started) {
                true => drop(done.insert(path)),
                false => lost += 1,
            }
        }
    }
    let took = began.elapsed();
    // What a killed pusher had just sent may still arrive.
    let settled = |remote: &Remote| {
        let files = remote.files();
        let runs = files.iter().filter(|path| path.starts_with("runs/")).count();
        (runs >= done.len()).then_some(files)
    };
    let files = settled(&remote).unwrap_or_else(|| panic!("{} pushed, {:?} there", done.len(), remote.files().len()));
    let there: BTreeSet<&String> = files.iter().collect();
    let missing: Vec<_> = done.iter().filter(|path| !there.contains(path)).collect();
    assert!(missing.is_empty(), "{missing:?}");
    remote.backsight(&clones[0], &["baseline", "verify"]).says(0, &["0 files with something wrong"]);
    remote.git(&remote.bare(), &["fsck", "--no-dangling"]);
    // A clone in which a pusher was killed still works.
    let file = remote.write(&clones[0], &document(1_000_000));
    remote.backsight(&clones[0], &["baseline", "push", &file]).says(0, &["1 run added"]);
    Storm { pushed: done.len(), killed: lost, took }
}

/// Whether it ended well; killed after `end` where that is given.
fn finish(mut child: Child, end: Option<Duration>, started: Instant) -> bool {
    if let Some(end) = end {
        std::thread::sleep(end.saturating_sub(started.elapsed()));
        let _ = child.kill();
    }
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(end.is_some() || output.status.success(), "{said}");
    output.status.success()
}

#[test]
fn pushers_at_once_all_arrive() {
    let storm = storm(6, 3, 20);
    assert!(storm.pushed >= 9 && storm.pushed + storm.killed == 18, "{} of 18", storm.pushed);
}

#[test]
#[ignore = "takes minutes; docs/measurements/baseline.md has its figures"]
fn twenty_pushers_ten_rounds() {
    let Storm { pushed, killed, took } = storm(20, 10, 25);
    println!("20 pushers, 10 rounds: {pushed} arrived, {killed} were killed, in {:.1} s", took.as_secs_f64());
    assert_eq!(pushed + killed, 200);
}

#[test]
#[ignore = "a measurement; docs/measurements/baseline.md has its figures"]
fn a_thousand_runs_are_pulled() {
    let remote = Remote::empty();
    let job = remote.job("a");
    let files: Vec<String> = (0..1000)
        .map(|nth| {
            let mut run = document(nth);
            for bench in 0..30 {
                add_benchmark(&mut run, "benchmarks/quick", &format!("quick/{bench}"), 5.0 + nth as f64, vec![5.5; 30]);
            }
            remote.write(&job, &run)
        })
        .collect();
    let words: Vec<&str> = ["baseline", "push"].into_iter().chain(files.iter().map(String::as_str)).collect();
    let began = Instant::now();
    remote.backsight(&job, &words).says(0, &["1000 runs added"]);
    println!("1,000 runs pushed in {:.2} s", began.elapsed().as_secs_f64());
    let fresh = remote.job("fresh");
    for what in ["into a fresh index", "again, nothing new"] {
        let began = Instant::now();
        remote.backsight(&fresh, &["baseline", "pull"]).says(0, &[]);
        println!("1,000 runs pulled {what}: {:.2} s", began.elapsed().as_secs_f64());
    }
}

#[test]
#[ignore = "a measurement; docs/measurements/baseline.md has its figures"]
fn a_branch_of_a_hundred_thousand_runs_is_added_to() {
    let remote = Remote::empty();
    let job = remote.job("a");
    let file = remote.write(&job, &document(1));
    remote.backsight(&job, &["baseline", "push", &file]).says(0, &[]);
    // Many files with the content of none of them: only their names matter here.
    let mut stream = String::from("commit refs/heads/backsight-data\ncommitter a <a@b> 0 +0000\ndata 1\nx\n");
    stream.push_str("from refs/heads/backsight-data^0\n");
    for nth in 10..100_010 {
        let path = RunName::of(&document(nth), false).path();
        stream.push_str(&format!("M 100644 inline {path}\ndata {}\n{nth}\n", nth.to_string().len()));
    }
    let path = job.join("stream");
    std::fs::write(&path, stream).unwrap();
    let mut import = remote.sandbox.command_of("git", &["fast-import", "--quiet"]);
    let status = import.current_dir(remote.bare()).stdin(std::fs::File::open(path).unwrap()).status().unwrap();
    assert!(status.success());
    let fresh = remote.job("fresh");
    for (nth, what) in [(2, "a fresh clone"), (3, "a clone that knows the branch")] {
        let file = remote.write(&fresh, &document(nth));
        let began = Instant::now();
        remote.backsight(&fresh, &["baseline", "push", &file]).says(0, &["1 run added"]);
        println!("a run added to 100,000 by {what}: {:.2} s", began.elapsed().as_secs_f64());
    }
    let began = Instant::now();
    remote.backsight(&fresh, &["baseline", "prune", "--keep", "1000"]).says(0, &["1000 left"]);
    println!("99,000 of 100,000 pruned: {:.2} s", began.elapsed().as_secs_f64());
}
