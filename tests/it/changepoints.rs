//! `backsight changepoints` on files as people have them.

use std::fmt::Write as _;
use std::io::Write as _;
use std::process::{Command, Stdio};

use serde_json::Value;

fn run(csv: &str) -> (Option<i32>, Vec<Value>, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_backsight"));
    command.args(["changepoints", "--csv", "-"]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(csv.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let lines = String::from_utf8(output.stdout).unwrap();
    let lines = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    (output.status.code(), lines, String::from_utf8(output.stderr).unwrap())
}

/// A level with a small wobble that is no wave.
fn series(name: &str, levels: &[(usize, f64)]) -> String {
    let mut text = String::new();
    let mut index = 100;
    for (points, level) in levels {
        for at in 0..*points {
            let wobble = ((at * at * 7 + at * 3) % 11) as f64 / 1000.0;
            writeln!(text, "{name},{index},{}", level * (1.0 + wobble)).unwrap();
            index += 2;
        }
    }
    text
}

#[test]
fn steps_are_told_with_the_given_index_size_and_interval() {
    let csv = format!(
        "series_id,index,value\n{}{}",
        series("parse", &[(40, 100.0), (40, 110.0)]),
        series("render", &[(50, 7.0)])
    );
    let (code, lines, said) = run(&csv);
    assert_eq!(code, Some(0), "{said}");
    let [step] = lines.as_slice() else { panic!("{lines:?}") };
    assert_eq!((step["series_id"].as_str(), step["kind"].as_str()), (Some("parse"), Some("step")));
    assert_eq!(step["index"], 180);
    let figure = |name: &str| step[name].as_f64().unwrap();
    assert!((figure("size") - 0.1).abs() < 0.005 && figure("low") < figure("size") && figure("size") < figure("high"));
    assert!(figure("p") < 1e-6);
    assert!(said.contains("2 series, 130 values: 1 steps, 0 drifts"), "{said}");
}

#[test]
fn a_drift_has_no_index() {
    let mut csv = "value,series_id,index\r\n".to_owned();
    for at in 0..100 {
        let wobble = ((at * at * 7 + at * 3) % 11) as f64 / 1000.0;
        write!(csv, "{},slow,{at}\r\n", 50.0 * (1.0 + wobble + at as f64 / 1000.0)).unwrap();
    }
    let (code, lines, _) = run(&csv);
    assert_eq!((code, lines.len()), (Some(0), 1));
    assert_eq!((lines[0]["kind"].as_str(), lines[0]["from"].as_i64()), (Some("drift"), Some(0)));
    assert!((lines[0]["size"].as_f64().unwrap() - 0.1).abs() < 0.02 && lines[0].get("index").is_none());
}

#[test]
fn what_is_wrong_with_a_file_is_said_with_its_line() {
    let (code, lines, said) = run("series,index,value\na,1,2\n");
    assert_eq!((code, lines.len()), (Some(2), 0));
    assert!(said.contains("-:1: no column `series_id`"), "{said}");
    let (code, _, said) = run("series_id,index,value\na,1,2\na,x,3\n");
    assert_eq!(code, Some(2));
    assert!(said.contains("-:3: ") && said.contains("series_id,index,value"), "{said}");
    let (code, _, said) = run("series_id,index,value\na,1,2\nb,1,3\na,2,3\n");
    assert_eq!(code, Some(2));
    assert!(said.contains("-:4: series `a` goes on after another one"), "{said}");
    let (code, lines, said) = run("series_id,index,value\na,1,2\na,2,NaN\na,3,\na,4,oops\n");
    assert_eq!((code, lines.len()), (Some(0), 0));
    assert!(said.contains("index 2: `NaN` is no finite number") && said.contains("`oops`"), "{said}");
    let (code, _, said) = run("");
    assert_eq!(code, Some(2), "{said}");
    let mut absent = Command::new(env!("CARGO_BIN_EXE_backsight"));
    assert_eq!(absent.args(["changepoints", "--csv", "no/such.csv"]).output().unwrap().status.code(), Some(2));
}

/// With the earlier answer, one more value changes what it should and nothing else.
#[test]
fn an_answer_is_gone_on_with() {
    let sandbox = crate::sandbox::Sandbox::new();
    let old = series("a", &[(250, 100.0), (250, 110.0)]) + &series("b", &[(500, 7.0)]);
    sandbox.write("old.csv", format!("series_id,index,value\n{old}"));
    let told = sandbox.run(&["changepoints", "--csv", "old.csv"]);
    assert_eq!(told.stdout.lines().count(), 1, "{}", told.stdout);
    sandbox.write("known.jsonl", &told.stdout);
    let new = series("a", &[(250, 100.0), (250, 110.0), (12, 121.0)]) + &series("b", &[(512, 7.0)]);
    sandbox.write("new.csv", format!("series_id,index,value\n{new}"));
    let on = sandbox.run(&["changepoints", "--csv", "new.csv", "--known", "known.jsonl", "--new", "12"]);
    let lines: Vec<Value> = on.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let places: Vec<(&str, i64)> =
        lines.iter().map(|line| (line["series_id"].as_str().unwrap(), line["index"].as_i64().unwrap())).collect();
    assert_eq!(places, [("a", 600), ("a", 1100)]);
    sandbox.write("known.jsonl", "{\"kind\":\"none\"}\n");
    let arguments = ["changepoints", "--csv", "new.csv", "--known", "known.jsonl", "--new", "12"];
    sandbox.run(&arguments).says(2, &["known.jsonl:1:", "leave `--known` out"]);
    sandbox.run(&["changepoints", "--csv", "new.csv", "--new", "12"]).says(2, &["--known"]);
}
