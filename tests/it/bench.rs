//! `backsight bench`: two real commands, measured in pairs.

use backsight::results::{Arm, Basis, Verdict};

use crate::sandbox::Sandbox;

/// A loop of so many turns.
const LOOP: &str = "i=0; while [ $i -lt $1 ]; do i=$((i+1)); done\n";

fn sandbox() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.write("loop.sh", LOOP);
    sandbox
}

#[test]
fn twice_the_work_is_a_regression_and_half_of_it_an_improvement() {
    let sandbox = sandbox();
    // A clear case ends at an early look; the rest of the budget is for a host that is busy with other things.
    let bench = ["bench", "--budget", "6s", "--limit", "20%", "--seed", "7", "--format", "json"];
    let slower = sandbox.run(&[&bench[..], &["--vs", "sh loop.sh 200", "--", "sh", "loop.sh", "20000"]].concat());
    slower.says(1, &["REGRESSED", "CPU time", "from seed 7"]);
    let document = slower.document();
    let comparison = document.comparison.as_ref().unwrap();
    assert_eq!(comparison.basis, Basis::Paired);
    let row = comparison.rows.iter().find(|row| row.metric == "cpu_time").unwrap();
    assert_eq!(row.verdict, Verdict::Regressed);
    assert!(row.change.unwrap() > 0.5 && row.low.unwrap() > 0.2, "{row:?}");
    let pairs = row.pairs.unwrap();
    assert!(pairs.confirmation >= 6 && row.n.0 == pairs.confirmation, "{pairs:?}");
    let faster = sandbox.run(&[&bench[..], &["--vs", "sh loop.sh 20000", "--", "sh", "loop.sh", "200"]].concat());
    faster.says(0, &["IMPROVED"]);
}

#[test]
fn both_arms_and_their_drawn_order_are_in_the_document() {
    let sandbox = sandbox();
    let line = ["bench", "--budget", "500ms", "--seed", "1", "--format", "json", "--vs", "true", "--", "true"];
    let document = sandbox.run(&line).document();
    let bench = &document.benchmarks[0];
    let arms: Vec<Arm> = bench.iterations.iter().filter(|run| !run.warm_up).filter_map(|run| run.arm).collect();
    let firsts = arms.chunks(2).filter(|pair| pair[0] == Arm::Base).count();
    assert!(arms.chunks(2).all(|pair| pair.len() == 2 && pair[0] != pair[1]), "pairs are complete");
    assert!(
        firsts > arms.len() / 8 && firsts < arms.len() * 3 / 8,
        "{firsts} of {} begin with the base",
        arms.len() / 2
    );
    assert_eq!(bench.metrics[0].samples.len(), bench.base[0].samples.len());
    assert_eq!(bench.metrics[0].samples.len(), arms.len() / 2);
    assert!(bench.metrics[0].samples.iter().all(|wall| *wall > 0.0));
}

#[test]
fn what_cannot_be_measured_is_said() {
    let sandbox = sandbox();
    let run =
        |base: &str, head: &[&str]| sandbox.run(&[&["bench", "--budget", "500ms", "--vs", base, "--"], head].concat());
    run("true", &["no-such-program-here"]).says(2, &["head", "command not found"]);
    run("sh -c 'echo broken pipe of dreams >&2; exit 9'", &["true"])
        .says(3, &["base", "exit 9", "broken pipe of dreams"]);
    sandbox.run(&["bench", "--vs", "true"]).says(2, &["COMMAND"]);
}
