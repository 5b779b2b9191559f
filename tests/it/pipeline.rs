//! Pipeline files as data: `fixtures/pipeline/valid` must be read, `invalid` must be refused with the diagnostics in
//! the snapshot beside each file. `INSTA_UPDATE=always` rewrites snapshots, `BACKSIGHT_UPDATE_SCHEMAS=1` the schemas.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};
use std::{env, fs};

use backsight::cli::diagnostic::render;
use backsight::ops::schema::{Format, schema_text};
use backsight::pipeline::{self, Diagnostic, MAX_BYTES, Parsed, Part, Pin};
use backsight::results::Kind;
use serde_json::Value;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn fixtures(folder: &str) -> Vec<PathBuf> {
    let folder = root().join("tests/fixtures/pipeline").join(folder);
    let mut files: Vec<_> = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "yml"));
    files.sort();
    assert!(!files.is_empty(), "no fixtures in {}", folder.display());
    files
}

fn read(bytes: &[u8]) -> Result<Parsed, Vec<Diagnostic>> {
    pipeline::decode(bytes).and_then(pipeline::parse)
}

fn name(path: &Path) -> String {
    path.file_name().unwrap().to_string_lossy().into_owned()
}

#[test]
fn valid_files_are_read() {
    for path in fixtures("valid") {
        let bytes = fs::read(&path).unwrap();
        if let Err(found) = read(&bytes) {
            panic!("{}", render(&found, &name(&path), &String::from_utf8_lossy(&bytes), false));
        }
    }
}

#[test]
fn invalid_files_are_explained() {
    for folder in ["shape", "syntax", "meaning"] {
        for path in fixtures(&format!("invalid/{folder}")) {
            let bytes = fs::read(&path).unwrap();
            let file = name(&path);
            let found = read(&bytes).expect_err(&file);
            let shown = render(&found, "backsight.yml", &String::from_utf8_lossy(&bytes), false);
            assert!(!shown.chars().any(|c| c.is_control() && c != '\n'), "{file}: raw control characters");
            assert!(shown.lines().all(|line| line.chars().count() < 400), "{file}: a line is too long");
            insta::with_settings!({
                snapshot_path => path.parent().unwrap(),
                prepend_module_to_snapshot => false,
                omit_expression => true,
            }, {
                insta::assert_snapshot!(file.trim_end_matches(".yml"), shown);
            });
        }
    }
}

#[test]
fn what_is_read_is_what_was_written() {
    let text = fs::read_to_string(root().join("tests/fixtures/pipeline/valid/everything.yml")).unwrap();
    let Parsed { pipeline, positions } = pipeline::parse(&text).unwrap();
    let env: Vec<_> = pipeline.env.iter().map(|(name, value)| format!("{name}={value}")).collect();
    assert_eq!(env, ["FLAG=true", "LOG_LEVEL=debug", "PORT=8080", "RATIO=1.10", "RUN={{ run.id }}"]);
    assert_eq!(pipeline.benchmarks[0].samples, Some(30));
    assert_eq!(pipeline.benchmarks[1].priority, Some(-5));
    assert_eq!(pipeline.benchmarks[1].pin, Some(Pin::Processors(vec![0, 1])));
    assert_eq!(pipeline.rules[0].until.as_deref(), Some("2027-03-01"));

    let line = |span: pipeline::Span| text.lines().nth(span.line as usize - 1).unwrap();
    assert_eq!(line(positions.entry(Kind::Test.section(), 0)).trim(), "- name: unit");
    let third = positions.at(&[Part::Key("benchmarks"), Part::Index(4), Part::Key("targets"), Part::Index(1)]);
    assert_eq!(&text[third.start..third.end], "cuda");
    // What is not in the file points at the nearest part that is.
    let absent = positions.at(&[Part::Key("benchmarks"), Part::Index(3), Part::Key("timeout")]);
    assert_eq!(line(absent).trim(), "- name: criterion");
}

#[test]
fn names_are_made_from_commands() {
    let text = fs::read_to_string(root().join("tests/fixtures/pipeline/valid/names.yml")).unwrap();
    let pipeline = pipeline::parse(&text).unwrap().pipeline;
    let names: Vec<_> = pipeline.tests.iter().map(|step| step.common.name.as_str()).collect();
    assert_eq!(names, ["pytest", "pytest-2", "check", "cargo-test", "Überprüfung: groß 🚀"]);
    assert_eq!(pipeline.benchmarks[0].common.name, "cargo-test");
}

#[test]
fn anchors_and_merge_keys_are_expanded() {
    let text = fs::read_to_string(root().join("tests/fixtures/pipeline/valid/anchors.yml")).unwrap();
    let pipeline = pipeline::parse(&text).unwrap().pipeline;
    let second = &pipeline.tests[1];
    assert_eq!(second.common.name, "integration");
    assert_eq!(second.common.timeout.map(|timeout| timeout.to_string()).as_deref(), Some("5m"));
    assert_eq!(second.common.env.len(), 2);
    assert_eq!(pipeline.tests[2].common.env["MODE"], "fast");
}

#[test]
fn the_words_of_yaml_1_1_are_text() {
    let text = fs::read_to_string(root().join("tests/fixtures/pipeline/valid/yaml-1.2.yml")).unwrap();
    let pipeline = pipeline::parse(&text).unwrap().pipeline;
    assert_eq!(pipeline.project.as_deref(), Some("on"));
    assert_eq!(pipeline.env["SWITCH"], "off");
    assert_eq!(pipeline.env["OCTAL"], "0o17");
    assert_eq!(pipeline.env["EMPTY"], "");
}

#[test]
fn line_ends_and_byte_order_marks_of_other_systems_are_fine() {
    let text = fs::read_to_string(root().join("tests/fixtures/pipeline/valid/everything.yml")).unwrap();
    let unix = pipeline::parse(&text).unwrap().pipeline;
    let windows = pipeline::parse(&format!("\u{feff}{}", text.replace('\n', "\r\n"))).unwrap().pipeline;
    assert_eq!(unix, windows);
}

/// Nothing a file can hold makes reading it slow: each of these would, for a reader without limits. (The allowance is
/// for a debug build on a busy machine.)
#[test]
fn hostile_files_are_refused_quickly() {
    let names = (0..20_000).map(|i| format!("  - {{name: \"{i:0>38}\", run: a, needs: [\"{i:x>38}\"]}}\n"));
    let cases = [
        ("100 MB", "a".repeat(100_000_000)),
        ("many unknown keys", (0..40_000).map(|i| format!("k{i}: 1\n")).collect()),
        ("many needs", format!("version: 1\ntests:\n{}", names.take(6000).collect::<String>())),
        ("open brackets", "[".repeat(MAX_BYTES)),
        ("open braces", "{".repeat(MAX_BYTES)),
        ("question marks", "? ".repeat(MAX_BYTES / 2)),
        ("dashes", "- ".repeat(MAX_BYTES / 2)),
        ("one line", format!("version: 1\nproject: \"{}", "x".repeat(MAX_BYTES - 100))),
        ("anchors", (0..60_000).map(|i| format!("- &a{i} x\n")).collect()),
        ("colons", "a:".repeat(MAX_BYTES / 2)),
        ("templates", format!("version: 1\ntests: [{{run: [a, \"{}\"]}}]", "{{ (".repeat(200_000))),
        ("shell templates", format!("version: 1\ntests: [{{run: \"{}\"}}]", "{{ x }".repeat(170_000))),
    ];
    for (what, text) in cases {
        let start = Instant::now();
        let found = pipeline::parse(&text).map(|_| ()).err().unwrap_or_default();
        let shown = render(&found, "backsight.yml", &text, false);
        let took = start.elapsed();
        assert!(took < Duration::from_secs(20), "{what}: {took:?}");
        assert!(shown.len() < 100_000, "{what}: {} bytes shown", shown.len());
        println!("{what}: {took:?}, {} findings", found.len());
    }
}

/// Truncated, flipped and doubled: whatever becomes of a valid file, reading and rendering it never panics.
#[test]
fn mutated_files_never_panic() {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut random = move |below: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state % below.max(1) as u64) as usize
    };
    for path in fixtures("valid") {
        let original = fs::read(&path).unwrap();
        for round in 0..300 {
            let mut bytes = original.clone();
            match round % 4 {
                0 => bytes.truncate(random(original.len())),
                1 => drop(bytes.remove(random(original.len()))),
                2 => {
                    let from = random(original.len());
                    let to = (from + random(60)).min(original.len());
                    let at = random(original.len());
                    bytes.splice(at..at, original[from..to].iter().copied());
                }
                _ => {}
            }
            for _ in 0..random(4) {
                let at = random(bytes.len());
                if let Some(byte) = bytes.get_mut(at) {
                    *byte = b"\"'[]{}:,-&*!|>%@`#\n\t \\0~?<\xff\x1b"[random(28)];
                }
            }
            let text = String::from_utf8_lossy(&bytes).into_owned();
            for found in [read(&bytes).err(), pipeline::parse(&text).err(), pipeline::parse_models(&text, "x").err()] {
                let found = found.unwrap_or_default();
                assert!(
                    found.iter().all(|one| one.code != "shape"),
                    "{}: the checker let through: {text}",
                    path.display()
                );
                render(&found, "backsight.yml", &text, round % 2 == 0);
            }
        }
    }
}

#[test]
fn committed_schemas_are_what_the_types_say() {
    for (format, file) in [
        (Format::Pipeline, "schemas/pipeline.schema.json"),
        (Format::Results, "schemas/results.schema.json"),
        (Format::History, "schemas/history.schema.json"),
        (Format::Matrix, "schemas/matrix.schema.json"),
        (Format::Hardware, "schemas/hardware.schema.json"),
        (Format::Plan, "schemas/plan.schema.json"),
    ] {
        let (path, wanted) = (root().join(file), schema_text(format));
        if env::var_os("BACKSIGHT_UPDATE_SCHEMAS").is_some() {
            fs::write(&path, &wanted).unwrap();
        }
        let committed = fs::read_to_string(&path).unwrap_or_default();
        assert!(committed == wanted, "{file} is out of date: run the tests once with BACKSIGHT_UPDATE_SCHEMAS=1");
    }
}

/// An independent validator and our own checker agree about every file whose shape is in question.
#[test]
fn another_validator_agrees() {
    let schema = root().join("schemas/pipeline.schema.json");
    let check = |arguments: &[&Path]| Command::new("check-jsonschema").args(arguments).output();
    if check(&[Path::new("--version")]).is_err() {
        println!("skipped: check-jsonschema is not installed (pip install check-jsonschema)");
        return;
    }
    let meta = check(&[Path::new("--check-metaschema"), &schema, &root().join("schemas/results.schema.json")]).unwrap();
    assert!(meta.status.success(), "{}", String::from_utf8_lossy(&meta.stdout));

    let mut arguments = vec![Path::new("--schemafile"), &schema];
    let valid = fixtures("valid");
    arguments.extend(valid.iter().map(PathBuf::as_path));
    let output = check(&arguments).unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));

    let invalid = fixtures("invalid/shape");
    let mut arguments = vec![Path::new("--output-format"), Path::new("json"), Path::new("--schemafile"), &schema];
    arguments.extend(invalid.iter().map(PathBuf::as_path));
    let output = check(&arguments).unwrap();
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let refused: Vec<_> = report["errors"].as_array().unwrap().iter().filter_map(|e| e["filename"].as_str()).collect();
    for path in &invalid {
        let file = name(path);
        assert!(refused.iter().any(|other| other.ends_with(&file)), "check-jsonschema accepts {file}");
    }
}

#[test]
fn every_key_is_in_the_reference() {
    let reference = fs::read_to_string(root().join("docs/pipeline.md")).unwrap();
    let schema: Value = serde_json::from_str(&schema_text(Format::Pipeline)).unwrap();
    let mut keys = Vec::new();
    collect_keys(&schema, &mut keys);
    for key in keys {
        assert!(reference.contains(&format!("`{key}`")), "docs/pipeline.md does not mention `{key}`");
    }
}

fn collect_keys(schema: &Value, keys: &mut Vec<String>) {
    match schema {
        Value::Object(object) => {
            if let Some(Value::Object(properties)) = object.get("properties") {
                keys.extend(properties.keys().cloned());
            }
            if let Some(Value::Array(values)) = object.get("enum") {
                keys.extend(values.iter().filter_map(Value::as_str).map(str::to_owned));
            }
            keys.extend(object.get("const").and_then(Value::as_str).map(str::to_owned));
            object.values().for_each(|inner| collect_keys(inner, keys));
        }
        Value::Array(items) => items.iter().for_each(|inner| collect_keys(inner, keys)),
        _ => {}
    }
}

/// The examples of the reference are what people copy.
#[test]
fn examples_of_the_reference_are_right() {
    let reference = fs::read_to_string(root().join("docs/pipeline.md")).unwrap();
    let blocks: Vec<_> = reference.split("```yaml\n").skip(1).filter_map(|rest| rest.split("```").next()).collect();
    assert!(blocks.len() > 10);
    for block in blocks {
        let text = match block {
            _ if block.starts_with('#') => continue,
            _ if block.starts_with("version:") => block.to_owned(),
            _ if block.starts_with("run:") => {
                format!("version: 1\nmodels: [{{id: a}}]\ntests:\n- for_each: models\n  {block}")
            }
            _ if block.starts_with("if:") => format!("version: 1\ntests:\n- run: a\n  {block}"),
            _ => format!("version: 1\n{block}"),
        };
        // A fragment cannot stand alone: what it leaves out is not what is asked here.
        let left_out = ["no-steps", "no-models", "unknown-need", "unknown-secret"];
        let mut found = pipeline::parse(&text).err().unwrap_or_default();
        found.retain(|one| !left_out.contains(&one.code));
        assert!(found.is_empty(), "{}", render(&found, "docs/pipeline.md", &text, false));
    }
}
