//! The filters for literals against the languages themselves: what they write is read back by CPython, Node, rustc, sh,
//! a parser of TOML and two of YAML, and must be the value that went in, whatever stands in it.

use std::fmt::Write as _;
use std::io::Write as _;
use std::process::{Command, Stdio};

use minijinja::value::Serde;
use serde_json::{Map, Value, json};

use crate::templating::engine;

/// Pieces that mean something somewhere.
const PIECES: [&str; 64] = [
    "\"",
    "'",
    "\\",
    "\n",
    "\r",
    "\t",
    "\u{b}",
    "\u{c}",
    "\u{7f}",
    "\u{80}",
    "\u{85}",
    "\u{a0}",
    "\u{2028}",
    "\u{2029}",
    "\u{202e}",
    "\u{200b}",
    "\u{feff}",
    "\u{ffff}",
    "\u{10ffff}",
    "\u{1f917}",
    "e\u{301}",
    "\u{3164}",
    "ü",
    "模型",
    "\"\"\"",
    "'''",
    "`",
    "${x}",
    "$(id)",
    "$x",
    "\\N{BULLET}",
    "\\u0041",
    "{{ x }}",
    "{% raw %}",
    "{",
    "}",
    "[",
    "]",
    "</script>",
    "<!--",
    "-->",
    "*/",
    "/*",
    "//",
    "#",
    " #",
    ": ",
    "- ",
    "? ",
    "&a",
    "*a",
    "!!python/object:os.system",
    "---\n",
    "...",
    "~",
    "yes",
    "0x10",
    "1e5",
    ".inf",
    "%s",
    "\\\n",
    ";",
    "|",
    "__proto__",
];

/// Numbers that are the same on every machine.
struct Drawn(u64);

impl Drawn {
    fn below(&mut self, most: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % most as u64) as usize
    }

    fn text(&mut self) -> String {
        let length = self.below(6);
        (0..length).map(|_| PIECES[self.below(PIECES.len())]).collect()
    }

    fn value(&mut self, deeper: usize) -> Value {
        match self.below(if deeper == 0 { 7 } else { 9 }) {
            0 => Value::Null,
            1 => json!(self.below(2) == 0),
            2 => json!(self.0 as i64 >> self.below(60)),
            3 => json!(self.below(100_000) as f64 / 64.0 * 10f64.powi(self.below(80) as i32 - 40)),
            7 => (0..self.below(4)).map(|_| self.value(deeper - 1)).collect(),
            8 => {
                let entries = (0..self.below(4)).map(|_| (self.text(), self.value(deeper - 1)));
                Value::Object(entries.collect::<Map<_, _>>())
            }
            _ => Value::String(self.text()),
        }
    }

    fn values(count: usize) -> Vec<Value> {
        let mut drawn = Self(0x9e37_79b9_7f4a_7c15);
        let edges = [json!(i64::MIN), json!(i64::MAX), json!(0), json!(-0.0), json!(1e300), json!(5e-324), json!(1e16)];
        let alone = PIECES.iter().map(|piece| json!(piece));
        edges.into_iter().chain(alone).chain((0..count).map(|_| drawn.value(3))).collect()
    }
}

fn written(filter: &str, value: &Value) -> String {
    let engine = engine();
    let source = format!("{{{{ value | {filter} }}}}");
    engine.render_str(&source, Serde(json!({ "value": value }))).unwrap_or_else(|error| panic!("{error}: {value}"))
}

/// What a program says to these literals on its standard input, one JSON text a line.
fn read_back(program: &str, args: &[&str], literals: &[String]) -> Vec<Value> {
    let mut child = Command::new(program).args(args).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let input = serde_json::to_string(literals).unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let writer = std::thread::spawn(move || stdin.write_all(input.as_bytes()).unwrap());
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap();
    assert!(output.status.success(), "{program} {args:?}");
    String::from_utf8(output.stdout).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn is_there(program: &str, args: &[&str]) -> bool {
    let found = Command::new(program).args(args).stdout(Stdio::null()).stderr(Stdio::null()).status();
    let there = found.is_ok_and(|status| status.success());
    if !there {
        eprintln!("{program} {args:?} cannot be run here: this language was not asked");
    }
    there
}

fn assert_same(filter: &str, values: &[Value], literals: &[String], back: &[Value]) {
    assert_eq!(values.len(), back.len(), "{filter}");
    for ((value, literal), back) in values.iter().zip(literals).zip(back) {
        assert!(same(value, back), "{filter} wrote {literal}\nof {value}\nwhich is read as {back}");
    }
}

/// Equal, and a number is equal to itself written in another form.
fn same(first: &Value, second: &Value) -> bool {
    match (first, second) {
        (Value::Number(a), Value::Number(b)) if a.is_f64() || b.is_f64() => a.as_f64() == b.as_f64(),
        (Value::Array(a), Value::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b)),
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len() && a.iter().all(|(key, a)| b.get(key).is_some_and(|b| same(a, b)))
        }
        _ => first == second,
    }
}

#[test]
fn json_is_read_back_by_another_reader() {
    for value in Drawn::values(400) {
        for filter in ["json", "json(2)", "json(indent=4)"] {
            let text = written(filter, &value);
            let back: Value = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"));
            assert!(same(&value, &back), "{filter} wrote {text} of {value}");
            assert!(filter != "json" || !text.contains('\n'));
        }
    }
    assert_eq!(
        written("json(indent=2)", &json!({"a": [], "b": {}, "c": [1, {"d": "[,]\\\""}]})),
        "\
{
  \"a\": [],
  \"b\": {},
  \"c\": [
    1,
    {
      \"d\": \"[,]\\\\\\\"\"
    }
  ]
}"
    );
}

#[test]
fn python_is_read_back_by_python() {
    let values = Drawn::values(1500);
    let literals: Vec<String> = values.iter().map(|value| written("python", value)).collect();
    let script = "import ast, json, sys\nfor x in json.load(sys.stdin): print(json.dumps(ast.literal_eval(x)))";
    assert_same("python", &values, &literals, &read_back("python3", &["-c", script], &literals));
    // As they stand in a file, one after the other.
    let file: Vec<String> = vec![literals.iter().fold(String::new(), |all, x| all + "print(json.dumps(" + x + "))\n")];
    let script = "import json, sys\nexec(compile(json.load(sys.stdin)[0], 'x', 'exec'))";
    assert_same("python", &values, &literals, &read_back("python3", &["-c", script], &file));
}

#[test]
fn docstrings_and_comments_are_kept_apart_by_python() {
    let mut drawn = Drawn(7);
    let texts: Vec<Value> = (0..800).map(|_| drawn.text() + &drawn.text()).map(Value::String).collect();
    let docstrings: Vec<String> = texts.iter().map(|text| written("docstring", text)).collect();
    let script = "import ast, json, sys\nfor x in json.load(sys.stdin): print(json.dumps(ast.literal_eval(x)))";
    assert_same("docstring", &texts, &docstrings, &read_back("python3", &["-c", script], &docstrings));
    // In the first two lines, where Python also looks for how the file is encoded.
    let modules: Vec<String> = texts.iter().map(|text| written("comment", text) + "\nx = 1\n").collect();
    let script =
        "import ast, json, sys\nfor x in json.load(sys.stdin): print(json.dumps(ast.unparse(ast.parse(x.encode()))))";
    for (module, back) in modules.iter().zip(read_back("python3", &["-c", script], &modules)) {
        assert_eq!(back, "x = 1", "{module:?}");
    }
    let utf7 = written("comment", &json!("coding: utf-7\n+AAo-import os"));
    assert!(!utf7.contains("coding:"), "{utf7}");
}

#[test]
fn what_is_no_json_is_written_too() {
    let render =
        |source: &str| engine().render_str(source, minijinja::context! { inf => f64::INFINITY, nan => f64::NAN });
    assert_eq!(render("{{ [inf, -inf, nan] | python }}").unwrap(), "[float(\"inf\"), float(\"-inf\"), float(\"nan\")]");
    assert_eq!(render("{{ [inf, -inf, nan] | rust }}").unwrap(), "[f64::INFINITY, f64::NEG_INFINITY, f64::NAN]");
    assert_eq!(render("{{ [inf, -inf, nan] | javascript }}").unwrap(), "[Infinity, -Infinity, NaN]");
    assert_eq!(render("{{ [inf, -inf, nan] | toml }}").unwrap(), "[inf, -inf, nan]");
    assert_eq!(render("{{ [inf, -inf, nan] | yaml }}").unwrap(), "[.inf, -.inf, .nan]");
    assert!(render("{{ nan | json }}").unwrap_err().to_string().contains("JSON has no NaN"));
    assert!(render("{{ none | toml }}").unwrap_err().to_string().contains("TOML has no null"));
    assert!(render("{{ 99999999999999999999 | toml }}").unwrap_err().to_string().contains("64 bits"));
    assert!(render("{{ 9007199254740993 | javascript }}").unwrap_err().to_string().contains("no exact number"));
    assert!(render("{{ [1] | map('string') | shell }}").is_ok_and(|text| text == "'1'"));
    assert!(render("{{ {'a': 1} | shell }}").unwrap_err().to_string().contains("no word of a shell"));
    assert_eq!(render("{{ {2: 2, true: 3, 'a': none} | python }}").unwrap(), "{True: 3, 2: 2, \"a\": None}");
    for filter in ["python", "rust", "javascript", "json", "toml", "yaml", "shell"] {
        let error = render(&format!("{{{{ gone | {filter} }}}}")).unwrap_err();
        assert_eq!(error.kind(), minijinja::ErrorKind::UndefinedError, "{filter}");
    }
}

#[test]
fn javascript_is_read_back_by_node() {
    if !is_there("node", &["--version"]) {
        return;
    }
    let fits = |value: &Value| !value.to_string().split(|c: char| !c.is_ascii_digit()).any(|digits| digits.len() > 15);
    let values: Vec<Value> = Drawn::values(1500).into_iter().filter(fits).collect();
    let literals: Vec<String> = values.iter().map(|value| written("javascript", value)).collect();
    let script = "for (const x of JSON.parse(require('fs').readFileSync(0, 'utf8'))) \
                  console.log(JSON.stringify((0, eval)('\"use strict\"; (' + x + ')')))";
    assert!(values.len() > 700 && literals.iter().all(|text| !text.contains(['<', '\n', '\u{2028}'])));
    assert_same("javascript", &values, &literals, &read_back("node", &["-e", script], &literals));
}

#[test]
fn toml_is_read_back_by_python() {
    fn without_null(value: &Value) -> bool {
        match value {
            Value::Null => false,
            Value::Array(items) => items.iter().all(without_null),
            Value::Object(entries) => entries.values().all(without_null),
            _ => true,
        }
    }
    let values: Vec<Value> = Drawn::values(1500).into_iter().filter(without_null).collect();
    let literals: Vec<String> = values.iter().map(|value| format!("x = {}\n", written("toml", value))).collect();
    let script = "import json, sys, tomllib\nfor x in json.load(sys.stdin): print(json.dumps(tomllib.loads(x)['x']))";
    assert_same("toml", &values, &literals, &read_back("python3", &["-c", script], &literals));
}

#[test]
fn yaml_is_read_back_by_two_readers() {
    let values = Drawn::values(600);
    for (filter, before) in
        [("yaml", "x: "), ("yaml(indent=2) | indent(2)", "x:\n  "), ("yaml(indent=4) | indent(4)", "x:\n    ")]
    {
        let texts: Vec<String> = values.iter().map(|value| format!("{before}{}\n", written(filter, value))).collect();
        let ours: Vec<Value> = texts
            .iter()
            .map(|text| {
                let read = crate::pipeline::read_as::<Map<String, Value>>(text, "a test");
                read.unwrap_or_else(|error| panic!("{error:?}: {text}")).value["x"].clone()
            })
            .collect();
        assert_same(filter, &values, &texts, &ours);
        let script = "import io, json, sys\nfrom ruamel.yaml import YAML\n\
                      for x in json.load(sys.stdin):\n\
                      \x20   for version in ((1, 1), (1, 2)):\n\
                      \x20       y = YAML(typ='safe', pure=True); y.version = version\n\
                      \x20       z = y.load(io.StringIO(x))['x']\n\
                      \x20   print(json.dumps(z))";
        if is_there("python3", &["-c", "import ruamel.yaml"]) {
            assert_same(filter, &values, &texts, &read_back("python3", &["-c", script], &texts));
        }
    }
    let block = written("yaml(indent=2)", &json!({"a": [1, {"b": [], "c": [[2]]}], "d": {"e": "f"}, "g": {}}));
    assert_eq!(block, "\"a\":\n  - 1\n  - \"b\": []\n    \"c\":\n      - - 2\n\"d\":\n  \"e\": \"f\"\n\"g\": {}");
}

#[test]
fn words_are_words_to_a_shell() {
    let mut drawn = Drawn(11);
    let texts: Vec<String> = (0..1000).map(|_| drawn.text()).chain(PIECES.map(str::to_owned)).collect();
    let mut script = String::from("set -u\n");
    for text in &texts {
        let word = written("shell", &json!(text));
        writeln!(script, "printf '%s\\0' {word}").unwrap();
    }
    writeln!(script, "printf '%s\\0' {}", written("shell", &json!(["a b", "$c"]))).unwrap();
    let mut child = Command::new("sh").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let writer = std::thread::spawn(move || stdin.write_all(script.as_bytes()).unwrap());
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap();
    let told = String::from_utf8(output.stdout).unwrap();
    let words: Vec<&str> = told.split_terminator('\0').collect();
    let wanted: Vec<&str> = texts.iter().map(String::as_str).chain(["a b", "$c"]).collect();
    assert_eq!(words, wanted);
    assert!(engine().render_str("{{ 'a\\0b' | shell }}", ()).unwrap_err().to_string().contains("zero byte"));
}

#[test]
fn rust_is_read_back_by_rustc() {
    let mut drawn = Drawn(5);
    let texts: Vec<String> = (0..300).map(|_| drawn.text()).chain(PIECES.map(str::to_owned)).collect();
    let literals: Vec<String> = texts.iter().map(|text| written("rust", &json!(text))).collect();
    let mixed = json!([[-1, 2], [i64::MIN, i64::MAX]]);
    let program = format!(
        "fn main() {{\n  for text in [{}] {{ print!(\"{{text}}\\0\"); }}\n  let n: [[i64; 2]; 2] = {};\n  \
         let m = {};\n  let f: [f64; 3] = {};\n  let o: [Option<bool>; 1] = {};\n  print!(\"{{n:?}} {{m:?}} {{f:?}} {{o:?}}\\0\");\n}}\n",
        literals.join(",\n"),
        written("rust", &mixed),
        written("rust", &json!({"a": 1, "b": 2})),
        written("rust", &json!([0.1, 1e300, -2.0])),
        written("rust", &json!([null])),
    );
    let folder = tempfile::tempdir().unwrap();
    let (source, binary) = (folder.path().join("main.rs"), folder.path().join("main"));
    std::fs::write(&source, program).unwrap();
    let built = Command::new("rustc").args(["--edition", "2024", "-o"]).arg(&binary).arg(&source).output().unwrap();
    assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
    let told = String::from_utf8(Command::new(&binary).output().unwrap().stdout).unwrap();
    let found: Vec<&str> = told.split_terminator('\0').collect();
    assert_eq!(found[..texts.len()], texts.iter().map(String::as_str).collect::<Vec<_>>());
    let rest = format!("[[-1, 2], [{}, {}]] [(\"a\", 1), (\"b\", 2)] [0.1, 1e300, -2.0] [None]", i64::MIN, i64::MAX);
    assert_eq!(found[texts.len()..], [rest]);
}
