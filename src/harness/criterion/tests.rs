//! The three ways that criterion's figures come.

use std::fs;
use std::path::Path;

use super::*;
use crate::harness::adapter::TreeFile;
use crate::harness::testing::{fixture, listed};

#[test]
fn documented_files_are_read() {
    for file in ["printed.txt", "messages.jsonl"] {
        insta::assert_snapshot!(file, listed(&parse(&fixture("criterion", file)).unwrap()));
    }
}

#[test]
fn recorded_files_are_read() {
    for file in
        ["printed-0.5.txt", "printed-0.8.txt", "change-colour-0.5.txt", "change-verbose-0.8.txt", "messages-0.8.jsonl"]
    {
        let parsed = parse(&fixture("criterion", file)).unwrap();
        assert_eq!(parsed.warnings, []);
        insta::assert_snapshot!(file, listed(&parsed));
    }
}

/// The files of a recorded folder that are wanted, sorted, as the caller hands them in.
fn recorded_tree(name: &str) -> Vec<TreeFile> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/harness/criterion").join(name);
    let (mut folders, mut files) = (vec![root.clone()], Vec::new());
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap().flatten().map(|entry| entry.path()) {
            let path = entry.strip_prefix(&root).unwrap().to_string_lossy().replace('\\', "/");
            match entry.is_dir() {
                true => folders.push(entry),
                false if (TREE.wants)(&path) => files.push((path, fs::read(&entry).unwrap())),
                false => {}
            }
        }
    }
    files.sort();
    files
}

#[test]
fn recorded_trees_are_read() {
    for (name, count) in [("tree-0.5", 5), ("tree-0.8", 7)] {
        let parsed = (TREE.read)(&recorded_tree(name)).unwrap();
        assert_eq!((parsed.benchmarks.len(), parsed.warnings.len()), (count, 0), "{name}");
        assert!(parsed.benchmarks.iter().all(|found| found.metric("wall_time").unwrap().samples.len() == 20));
        insta::assert_snapshot!(name, listed(&parsed));
    }
}

/// Bits are an eighth of a byte, in print as in the folder; elements and bytes at once are two metrics.
#[test]
fn throughputs_of_each_kind_agree() {
    let printed = parse(&fixture("criterion", "printed-0.8.txt")).unwrap();
    let tree = (TREE.read)(&recorded_tree("tree-0.8")).unwrap();
    for (parsed, of) in [(&printed, "printed"), (&tree, "tree")] {
        for found in &parsed.benchmarks {
            let size = if found.name.contains("bytes") || found.name.ends_with("bits") { Some(4096.0) } else { None };
            let (size, count) = if found.name == "sums/both" { (Some(4096.0), Some(1024.0)) } else { (size, None) };
            let time = found.metric("wall_time").unwrap().value;
            for (name, amount) in [("throughput", size), ("rate", count)] {
                let Some(amount) = amount else { continue };
                let rate = found.metric(name).unwrap().value;
                assert!((rate / (amount / time * 1e9) - 1.0).abs() < 1e-3, "{of} {}: {name} {rate}", found.name);
            }
        }
    }
    assert_eq!(printed.benchmarks.iter().filter(|found| found.metrics.len() == 3).count(), 1);
}

#[test]
fn a_tree_is_read() {
    let file = |path: &str, text: &str| (path.to_owned(), text.as_bytes().to_vec());
    let estimate = |value: f64| {
        format!(
            r#"{{"confidence_interval":{{"confidence_level":0.95,"lower_bound":{},"upper_bound":{}}},"point_estimate":{value},"standard_error":0.1}}"#,
            value - 1.0,
            value + 1.0
        )
    };
    let estimates = format!(r#"{{"mean":{},"median":{},"slope":{}}}"#, estimate(10.0), estimate(9.0), estimate(11.0));
    let files = [
        file(
            "g/f/new/benchmark.json",
            r#"{"group_id":"g","function_id":"f","throughput":{"Bytes":1100},"full_id":"g/f, long"}"#,
        ),
        file("g/f/new/estimates.json", &estimates),
        file("g/f/new/sample.json", r#"{"sampling_mode":"Linear","iters":[1.0,2.0],"times":[10.0,24.0]}"#),
        file("h/new/estimates.json", &estimates.replace(&format!("\"slope\":{}", estimate(11.0)), "\"slope\":null")),
        file(
            "h/new/raw.csv",
            "group,function,value,throughput_num,throughput_type,sample_measured_value,unit,iteration_count\nh,,a,b,,,30.0,us,3\n",
        ),
        file("i/new/sample.json", "{}"),
    ];
    assert!(files.iter().all(|(path, _)| (TREE.wants)(path)) && !(TREE.wants)("g/f/base/estimates.json"));
    insta::assert_snapshot!("tree", listed(&(TREE.read)(&files).unwrap()));
    assert!((TREE.read)(&[]).is_err());
    assert!((TREE.read)(&[file("g/new/estimates.json", "{\"mean\":")]).is_err());
}

#[test]
fn nothing_and_halves_are_never_fine() {
    for bad in [
        "",
        "Benchmarking a: Warming up\n",
        "a  time:   [1.0 µs 1.1",
        "{\"reason\":\"benchmark-complete\",\"id\":\"a\",\"typ",
        "a time: [x y z]\n",
    ] {
        assert!(parse(bad.as_bytes()).is_err(), "{bad}");
    }
}
