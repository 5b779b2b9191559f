//! Names and output that want to do harm where they are shown, and secrets that want to get out.

use backsight::results::StepStatus;

use crate::sandbox::{Sandbox, assert_xml, case, step};

/// Fails where a text for people could move a cursor, turn its direction or hide something.
#[track_caller]
fn assert_harmless(text: &str) {
    let harmful = |c: char| (c.is_control() && c != '\n') || "\u{202e}\u{2066}\u{200b}\u{feff}".contains(c);
    assert!(!text.contains(harmful), "{text:?}");
}

const NASTY: &str = "<testsuite name='s\u{202e}'><testcase classname='a\nb' name='**bold** &lt;img src=x onerror=1&gt; | @everyone \
                     [x](http://x.example) `\u{202e}evil'><failure message='&#27;[31mred&#10;| a | b |\u{200b}'>```\n# not a \
                     heading\n&lt;script&gt;\n</failure></testcase><testcase name='tab&#9;and&#13;return'/></testsuite>";

#[test]
fn names_of_cases_are_harmless_wherever_they_are_shown() {
    let sandbox = Sandbox::with("version: 1\ntests:\n  - { name: nasty, run: 'cp nasty.xml \"$BACKSIGHT_JUNIT\"' }\n");
    sandbox.write("nasty.xml", NASTY);
    let run = sandbox.run(&["run", "--verbose"]);
    run.says(1, &["FAILED  tests/nasty"]);
    assert_harmless(&run.stderr);
    let report = sandbox.report("report.md");
    assert_harmless(&report);
    for line in report.lines() {
        assert!(!line.starts_with("# not a heading") || is_fenced(&report), "{report}");
        let bare = outside_of_code(line);
        for harm in ["<img", "<script", "@everyone", "](http", "**bold**"] {
            assert!(!bare.contains(harm) || is_fenced(&report) && harm == "<script", "{harm} in {line}");
        }
    }
    let xml = sandbox.report("junit.xml");
    assert_xml(&xml);
    assert!(!xml.contains('\u{1b}'), "{xml}");
    assert_harmless(&sandbox.run(&["report"]).stdout);
}

/// Whether a longer fence stands around the text that itself holds one of three.
fn is_fenced(report: &str) -> bool {
    report.lines().filter(|line| line.starts_with("````")).count() >= 2
}

/// What of a line is outside of code spans.
fn outside_of_code(line: &str) -> String {
    let (mut out, mut rest) = (String::new(), line);
    while let Some(start) = rest.find('`') {
        out.push_str(&rest[..start]);
        let width = rest[start..].chars().take_while(|c| *c == '`').count();
        let fence = "`".repeat(width);
        let after = &rest[start + width..];
        let mut from = 0;
        let end = loop {
            let Some(at) = after[from..].find(&fence).map(|at| at + from) else { break None };
            let run = after[at..].chars().take_while(|c| *c == '`').count();
            if run == width {
                break Some(at);
            }
            from = at + run;
        };
        let Some(end) = end else { return out };
        rest = &after[end + width..];
    }
    out + rest
}

#[test]
fn step_names_that_could_harm_are_refused_with_their_places() {
    let sandbox = Sandbox::with(
        "version: 1\nproject: \"p\\e[2J\"\ntests:\n  - { name: \"two\\nlines \\u202e\", run: \"false\" }\n  - { name: \
         \"../../escape\", run: \"echo hello\" }\n",
    );
    let run = sandbox.run(&["run"]);
    run.says(2, &["backsight.yml:2:10", "backsight.yml:4:13", "hidden character U+000A"]);
    assert_harmless(&run.stderr);
}

#[test]
fn step_names_with_markup_are_shown_as_they_are() {
    let sandbox = Sandbox::with(
        "version: 1\nproject: '**p** | <img src=x>'\ntests:\n  - { name: 'a | **bold** <b> `x @everyone', run: 'echo \
         \"## heading <script>\"; exit 1' }\n",
    );
    sandbox.run(&["run"]).says(1, &["1 test failed", "a | **bold** <b> `x @everyone"]);
    let report = sandbox.report("report.md");
    for harm in ["**bold**", "**p**", "<b>", "<img", "@everyone"] {
        assert!(!report.lines().any(|line| outside_of_code(line).contains(harm)), "{harm} in\n{report}");
    }
    assert_xml(&sandbox.report("junit.xml"));
    let logs = std::fs::read_dir(sandbox.newest().join("logs")).unwrap().count();
    assert_eq!(logs, 1, "a log went elsewhere");
}

#[test]
fn output_that_is_no_text_is_kept_and_shown_as_well_as_can_be() {
    let sandbox = Sandbox::with(
        "version: 1\ntests:\n  - { name: bytes, run: 'printf \"\\377\\376 \\033[31mred\\033[0m \\000 end\\n\"; exit 1' }\n",
    );
    let run = sandbox.run(&["run"]);
    run.says(1, &["exit 1"]);
    assert_harmless(&run.stderr);
    assert_harmless(&sandbox.report("report.md"));
    assert_xml(&sandbox.report("junit.xml"));
    let document = sandbox.document();
    let log = step(&document, "tests/bytes").log.as_ref().unwrap();
    assert!(log.tail.contains("end"), "{log:?}");
    let bytes = std::fs::read(sandbox.newest().join(&log.path)).unwrap();
    assert!(bytes.starts_with(&[0xff, 0xfe, b' ']), "the log is as it was printed");
}

#[test]
fn file_names_and_values_never_become_shell_text() {
    let sandbox = Sandbox::with(
        "version: 1\nmodels: [{ id: \"x'; touch hacked; echo '$(touch hacked)`touch hacked`\" }]\ntests:\n  - name: list\n    \
         for_each: models\n    run: [printf, '%s', '{{ model.id }}']\n  - name: shell\n    for_each: models\n    run: printf \
         '%s' \"$BACKSIGHT_MODEL_ID\"\n",
    );
    sandbox.run(&["run"]).says(0, &[]);
    assert!(!sandbox.path("hacked").exists());
    let document = sandbox.document();
    assert!(document.steps.iter().all(|step| step.log.as_ref().unwrap().tail.contains("touch hacked")));
}

const SECRET: &str = "hunter2hunter2";

const LEAKS: &str = r#"
version: 1
secrets: [MY_KEY]
tests:
  - name: split
    secrets: [MY_KEY]
    run: |
      printf "hunter2"
      sleep 0.05
      echo "hunter2"
      printf "$MY_KEY" >&2
      exit 1
  - name: junit
    secrets: [MY_KEY]
    run: |
      printf '<testsuite name="%s"><testcase classname="%s" name="x %s"><failure message="%s">%s</failure><system-out>%s</system-out></testcase></testsuite>' \
        "$MY_KEY" "$MY_KEY" "$MY_KEY" "$MY_KEY" "$MY_KEY" "$MY_KEY" > "$BACKSIGHT_JUNIT"
  - name: not-given
    run: test -z "$MY_KEY" && test -z "$GITHUB_TOKEN"
benchmarks:
  - name: failing
    secrets: [MY_KEY]
    run: echo "no access with $MY_KEY" >&2; exit 1
  - name: harness
    harness: libtest
    secrets: [MY_KEY]
    run: 'echo "test $MY_KEY ... bench: 10 ns/iter (+/- 1)"'
  - name: not-given
    samples: 6
    run: test -z "$MY_KEY"
"#;

#[test]
fn a_secret_is_in_no_file_and_on_no_stream() {
    let sandbox = Sandbox::with(LEAKS).env("MY_KEY", SECRET).env("GITHUB_TOKEN", "ghs_0123456789");
    let run = sandbox.run(&["run", "--verbose", "--format", "json"]);
    run.says(1, &["***"]);
    assert!(!run.stderr.contains(SECRET) && !run.stdout.contains(SECRET), "{}{}", run.stderr, run.stdout);
    let document = run.document();
    assert_eq!(case(&document, "x ***").failures[0].message.as_deref(), Some("***"));
    assert_eq!(step(&document, "tests/not-given").status, StepStatus::Passed);
    assert_eq!(step(&document, "benchmarks/not-given").status, StepStatus::Passed);
    let tail = &step(&document, "tests/split").log.as_ref().unwrap().tail;
    assert_eq!(tail, "***\n***");
    for (path, bytes) in sandbox.all_files() {
        let holds = bytes.windows(SECRET.len()).any(|window| window == SECRET.as_bytes());
        assert!(!holds, "{} holds the secret", path.display());
    }
}

#[test]
fn a_secret_is_not_there_for_templates() {
    let step = "tests:\n  - { name: a, run: [echo, '{{ env.GITHUB_TOKEN }}'] }\n";
    let declared = format!("version: 1\nsecrets: [MY_KEY]\nenv: {{ MY_KEY: other }}\n{step}");
    let sandbox = Sandbox::with(&declared).env("MY_KEY", SECRET).env("GITHUB_TOKEN", SECRET);
    sandbox.run(&["run"]).says(2, &["backsight.yml:3:16", "its value stands in the file"]);
    // A platform's token is withheld without being declared.
    sandbox.write("backsight.yml", format!("version: 1\nenv: {{ GITHUB_TOKEN: other }}\n{step}"));
    for args in [&["run"][..], &["check"], &["check", "--format", "json"]] {
        let ended = sandbox.run(args);
        assert!(!format!("{ended:?}").contains(SECRET), "{ended:?}");
        ended.says(2, &["backsight.yml:4", "undefined"]);
    }
}
