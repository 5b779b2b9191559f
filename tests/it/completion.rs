//! Generations that a model writes: against a server that speaks as OpenAI's interface does, with a local command, without
//! anybody, and against llama.cpp's own server where `scripts/test` has started one.

use std::sync::{Arc, Mutex};

use backsight::results::{Document, Generation, GenerationState, Outcome as Ended};
use serde_json::{Value, json};

use crate::fake_llm::{Act, Asked, FakeLlm, status};
use crate::sandbox::{Outcome, Sandbox, assert_xml, step, wait_for};

/// Two prompts; the first has what its answer must be beside it.
const PROMPTS: &str = "{\"id\": \"add\", \"prompt\": \"What is 2 + 2?\", \"expect\": {\"number\": 4}}\n\
                       {\"id\": \"sky\", \"prompt\": \"The colour of the sky?\"}\n";

/// A streamed answer with this text.
fn says(text: &str) -> Vec<Act> {
    let delta = json!({"choices": [{"delta": {"content": text}}]});
    let last = json!({"choices": [{"delta": {}, "finish_reason": "stop"}]});
    let usage = json!({"choices": [], "usage": {"completion_tokens": 3, "prompt_tokens": 9}});
    let end = format!("data: {delta}\n\ndata: {last}\n\ndata: {usage}\n\ndata: [DONE]\n\n");
    vec![Act::Head, Act::Raw(end)]
}

/// What the model says to a prompt.
fn usual(prompt: &str) -> &'static str {
    if prompt.contains("2 + 2") { "It is 4.\n" } else { "blue\n" }
}

/// The prompt of a request, whatever stands before it.
fn last(asked: &Asked) -> &str {
    let messages = asked.body["messages"].as_array().map(Vec::as_slice).unwrap_or_default();
    messages.last().and_then(|message| message["content"].as_str()).unwrap_or_default()
}

/// A server that answers as usual.
fn server() -> FakeLlm {
    FakeLlm::start(|_, asked| says(usual(last(asked))))
}

fn pipeline(url: &str, further: &str) -> String {
    format!(
        "version: 1\ngenerations:\n  - name: answers\n    kind: completion\n    completion:\n      endpoint: {url}/v1\n      \
         model: m\n      prompts: prompts.jsonl\n{further}"
    )
}

fn sandbox(url: &str, further: &str) -> Sandbox {
    let sandbox = Sandbox::with(&pipeline(url, further));
    sandbox.write("prompts.jsonl", PROMPTS);
    sandbox
}

/// An address where nobody listens.
fn nobody() -> String {
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    format!("http://127.0.0.1:{port}")
}

#[track_caller]
fn file<'a>(document: &'a Document, output: &str) -> &'a Generation {
    let found = document.generations.iter().find(|generation| generation.output == output);
    found.unwrap_or_else(|| panic!("no {output} in {:?}", document.generations))
}

fn code(generation: &Generation) -> &str {
    generation.reason.as_ref().map_or("", |reason| &reason.code)
}

fn cases(document: &Document) -> Vec<(&str, &str, Ended)> {
    let all = document.cases.iter();
    all.map(|case| (case.class.as_deref().unwrap_or_default(), case.name.as_str(), case.outcome)).collect()
}

#[test]
fn answers_are_stored_and_held_against_what_is_expected() {
    let server = server();
    let sandbox = sandbox(&server.url, "      expect: { regex: '^[A-Za-z]' }\n");
    sandbox.run(&["generate"]).says(0, &[]);
    assert_eq!(sandbox.read("generated/answers/add.txt"), "It is 4.\n");
    assert_eq!(sandbox.read("generated/answers/sky.txt"), "blue\n");
    let lock = sandbox.read("backsight.lock");
    assert!(lock.contains("generated/answers/add.txt") && lock.lines().count() == 3, "{lock}");
    let document = sandbox.document();
    let add = file(&document, "generated/answers/add.txt");
    assert_eq!((add.state, add.context.as_deref()), (GenerationState::Written, Some("prompt add")));
    let answer = add.answer.as_ref().unwrap();
    assert_eq!((answer.finish_reason.as_deref(), answer.output_tokens), (Some("stop"), Some(3)));
    assert!(answer.duration_ns > 0);
    let passed = Ended::Passed;
    let (one, two) = ("generated/answers/add.txt", "generated/answers/sky.txt");
    assert_eq!(cases(&document), [(one, "regex", passed), (one, "number", passed), (two, "regex", passed)]);
    let command = &step(&document, "generations/answers").command;
    assert!(command.contains("--seed 1 --temperature 0 --max-tokens 1024"), "the seed is recorded: {command}");
    let junit = sandbox.report("junit.xml");
    assert_xml(&junit);
    assert!(junit.contains("name=\"number\"") && junit.contains("generated/answers/add.txt"), "{junit}");
    assert!(!sandbox.newest().join("prompts").exists(), "what was asked is tidied away");

    sandbox.run(&["generate"]).says(0, &[]);
    let again = sandbox.document();
    assert!(again.generations.iter().all(|generation| generation.state == GenerationState::Unchanged), "{again:?}");
    assert_eq!(server.asked().len(), 4, "a run asks each time: a model may have changed");
    assert_eq!(sandbox.read("backsight.lock"), lock);
}

#[test]
fn another_answer_is_shown_as_a_diff() {
    let sky = Arc::new(Mutex::new("blue\n".to_owned()));
    let said = Arc::clone(&sky);
    let server = FakeLlm::start(move |_, asked| match last(asked) {
        prompt if prompt.contains("sky") => says(&said.lock().unwrap()),
        prompt => says(usual(prompt)),
    });
    let sandbox = sandbox(&server.url, "");
    sandbox.run(&["generate"]).says(0, &[]);
    *sky.lock().unwrap() = "grey\n".into();
    sandbox.run(&["generate"]).says(0, &[]);
    let document = sandbox.document();
    let changed = file(&document, "generated/answers/sky.txt");
    assert_eq!((changed.state, code(changed)), (GenerationState::Written, "answer_changed"));
    let diff = changed.diff.as_deref().unwrap();
    assert!(diff.contains("-blue\n+grey\n") && diff.contains("(answered now)"), "{diff}");
    assert!(file(&document, "generated/answers/add.txt").diff.is_none());
    assert_eq!(sandbox.read("generated/answers/sky.txt"), "grey\n");

    // Where it is to fail, the stored answer stays until the new one is accepted.
    sandbox.write("backsight.yml", pipeline(&server.url, "      on_change: fail\n"));
    sandbox.run(&["generate"]).says(0, &[]);
    *sky.lock().unwrap() = "black\n".into();
    sandbox.run(&["generate"]).says(1, &["generated/answers/sky.txt"]);
    let document = sandbox.document();
    let changed = file(&document, "generated/answers/sky.txt");
    assert_eq!((changed.state, code(changed)), (GenerationState::Drifted, "answer_changed"));
    assert!(changed.diff.as_deref().unwrap().contains("-grey\n+black\n"));
    assert!(changed.why().unwrap().contains("--force"), "{:?}", changed.why());
    assert_eq!(sandbox.read("generated/answers/sky.txt"), "grey\n");
    sandbox.run(&["generate", "--force"]).says(0, &[]);
    assert_eq!(sandbox.read("generated/answers/sky.txt"), "black\n");
    // Another prompt is another request: its new answer is no change of the model's.
    sandbox.write("prompts.jsonl", PROMPTS.replace("The colour", "Which colour"));
    *sky.lock().unwrap() = "red\n".into();
    sandbox.run(&["generate"]).says(0, &[]);
    assert_eq!(code(file(&sandbox.document(), "generated/answers/sky.txt")), "prompt_changed");
}

#[test]
fn a_check_asks_nobody() {
    let server = server();
    let expect = "      expect: { regex: '^[A-Za-z]', command: 'grep -q . && test -f \"$BACKSIGHT_OUTPUT\"' }\n";
    let sandbox = sandbox(&server.url, expect);
    sandbox.run(&["generate", "--check"]).says(1, &["missing"]);
    assert!(server.asked().is_empty());
    sandbox.run(&["generate"]).says(0, &[]);
    assert_eq!(server.asked().len(), 2);
    // The address is no part of what was asked.
    sandbox.write("backsight.yml", pipeline(&nobody(), expect));
    sandbox.run(&["generate", "--check"]).says(0, &["asks no model"]);
    let document = sandbox.document();
    assert_eq!(document.cases.len(), 5, "{:?}", document.cases);
    assert!(document.cases.iter().all(|case| case.outcome == Ended::Passed), "{:?}", document.cases);

    let sky = |sandbox: &Sandbox, words: &[&str]| {
        sandbox.run(&["generate", "--check"]).says(1, words);
        let document = sandbox.document();
        let sky = file(&document, "generated/answers/sky.txt");
        (sky.state, code(sky).to_owned())
    };
    sandbox.write("prompts.jsonl", PROMPTS.replace("The colour", "Which colour"));
    assert_eq!(sky(&sandbox, &[]), (GenerationState::Drifted, "prompt_changed".into()));
    sandbox.write("prompts.jsonl", PROMPTS);
    sandbox.write("backsight.yml", pipeline(&nobody(), &format!("      seed: 2\n{expect}")));
    assert_eq!(sky(&sandbox, &[]), (GenerationState::Drifted, "parameters_changed".into()));
    sandbox.write("backsight.yml", pipeline(&nobody(), expect));
    sandbox.write("generated/answers/sky.txt", "sea\n");
    assert_eq!(sky(&sandbox, &[]), (GenerationState::Edited, "hand_edited".into()));
    // What is expected is no part of what was asked: a stored answer is held against what is expected now.
    sandbox.write("generated/answers/sky.txt", "blue\n");
    sandbox.write("backsight.yml", pipeline(&nobody(), "      expect: { contains: blue }\n"));
    sandbox.run(&["generate", "--check"]).says(1, &[]);
    let document = sandbox.document();
    let failed: Vec<_> = document.cases.iter().filter(|case| case.outcome == Ended::Failed).collect();
    assert_eq!(failed.len(), 1);
    assert_eq!((failed[0].class.as_deref(), failed[0].name.as_str()), (Some("generated/answers/add.txt"), "contains"));
    assert_eq!(server.asked().len(), 2, "nothing was asked again");
}

#[test]
fn what_is_pinned_is_what_is_sent_and_the_key_is_nowhere() {
    let key = "sk-very-secret";
    let server = FakeLlm::start(move |_, asked| says(&format!("{}: {key}", last(asked))));
    let text = pipeline(
        &server.url,
        "      api_key_env: SOME_KEY\n      system: 'Answer for {{ target }}.'\n      seed: 7\n      temperature: 0.5\n      \
         top_p: 0.9\n      max_tokens: 32\n      stop: ['END']\n      extra: { top_k: 3 }\n    secrets: [SOME_KEY]\n",
    );
    let sandbox = Sandbox::with(&text.replace("version: 1\n", "version: 1\nsecrets: [SOME_KEY]\n"));
    let sandbox = sandbox.env("SOME_KEY", key);
    let messages = json!([{"role": "user", "content": "one"}, {"role": "assistant", "content": "two"},
                          {"role": "user", "content": "three"}]);
    sandbox.write("prompts.jsonl", format!("{}\n", json!({"id": "chat", "messages": messages})));
    let outcome = sandbox.run(&["generate"]);
    outcome.says(0, &[]);
    let asked = server.asked();
    assert_eq!(asked.len(), 1);
    assert_eq!(
        (asked[0].path.as_str(), asked[0].authorization.as_str()),
        ("/v1/chat/completions", "Bearer sk-very-secret")
    );
    let body = &asked[0].body;
    for (name, value) in [
        ("model", json!("m")),
        ("seed", json!(7)),
        ("temperature", json!(0.5)),
        ("top_p", json!(0.9)),
        ("max_tokens", json!(32)),
        ("stop", json!(["END"])),
        ("top_k", json!(3)),
    ] {
        assert_eq!(body[name], value, "{name}");
    }
    let sent = body["messages"].as_array().unwrap();
    assert_eq!(sent[0], json!({"role": "system", "content": "Answer for cpu."}));
    assert_eq!(sent[1..], *messages.as_array().unwrap());
    // A model may repeat what it was told.
    assert_eq!(sandbox.read("generated/answers/chat.txt"), "three: ***");
    assert!(!outcome.stderr.contains(key));
    for (path, bytes) in sandbox.all_files() {
        assert!(!String::from_utf8_lossy(&bytes).contains(key), "{}", path.display());
    }
}

#[test]
fn a_local_command_answers() {
    let sandbox = Sandbox::with(
        "version: 1\nmodels:\n  - id: org/one\n  - id: org/two\ngenerations:\n  - name: local\n    for_each: models\n    \
         completion:\n      command: [sh, say.sh, '{{ model.id }}', '{seed}', '{max_tokens}']\n      system: Be short.\n      \
         prompts: prompts.csv\n      seed: 5\n      expect: { contains: '{{ prompt.wanted }}', command: [grep, -q, '{{ model.id }}'] }\n\
         tests:\n  - name: after\n    needs: [local]\n    run: test -f generated/local/org_two/a.txt\n",
    );
    sandbox.write("say.sh", "printf '%s %s %s: ' \"$1\" \"$2\" \"$3\"; cat\n");
    sandbox.write("prompts.csv", "id,prompt,wanted\na,first,first\nb,\"sec\nond\",sec\n");
    sandbox.run(&["run"]).says(0, &[]);
    assert_eq!(sandbox.read("generated/local/org_one/a.txt"), "org/one 5 1024: Be short.\nfirst");
    assert_eq!(sandbox.read("generated/local/org_two/b.txt"), "org/two 5 1024: Be short.\nsec\nond");
    let document = sandbox.document();
    assert_eq!(document.generations.len(), 4);
    assert_eq!(document.generations[3].context.as_deref(), Some("model org/two, prompt b"));
    let commands = document.cases.iter().filter(|case| case.name == "command" && case.outcome == Ended::Passed);
    assert_eq!(commands.count(), 4);
    assert!(document.generations[0].answer.as_ref().unwrap().finish_reason.is_none());
}

#[test]
fn each_expectation_that_does_not_hold_is_a_failed_case() {
    let server = server();
    let sandbox = sandbox(
        &server.url,
        "      expect:\n        exact: green\n        contains: [blue, '4']\n        regex: '^\\d+$'\n        \
         json_schema: { type: object }\n        number: { value: 5, relative: 1% }\n        command: touch was-run\n",
    );
    sandbox.run(&["generate"]).says(1, &["sky.txt"]);
    let document = sandbox.document();
    let sky: Vec<(&str, Ended)> = cases(&document)
        .into_iter()
        .filter(|(class, ..)| class.ends_with("sky.txt"))
        .map(|(_, name, outcome)| (name, outcome))
        .collect();
    let failed = Ended::Failed;
    assert_eq!(
        sky,
        [("exact", failed), ("contains", failed), ("regex", failed), ("json_schema", failed), ("number", failed)]
    );
    let add = document.cases.iter().find(|case| case.name == "number").unwrap();
    assert_eq!(add.failures.len(), 1, "the step's and the prompt's own are one case: {add:?}");
    assert!(add.failures[0].message.as_deref().unwrap().contains("expected 5 ± 0.05"), "{add:?}");
    assert!(!sandbox.path("was-run").exists(), "the command is for answers of which all else holds");
    assert_eq!(step(&document, "generations/answers").reason.as_ref().unwrap().code, "generation_failed");
}

#[test]
fn a_file_of_prompts_that_is_wrong_says_where() {
    let server = server();
    for (name, text, words) in [
        (
            "prompts.jsonl",
            format!("{PROMPTS}{{\"id\": \"add\", \"prompt\": \"x\"}}\n"),
            "prompts.jsonl: 3: the id `add` is already",
        ),
        ("prompts.jsonl", format!("{PROMPTS}{{\"id\": 3,\n"), "prompts.jsonl: 3:"),
        ("prompts.jsonl", "{\"prompt\": \"x\"}\n".into(), "prompts.jsonl: 1: this prompt has no `id`"),
        ("prompts.jsonl", String::new(), "there is no prompt in it"),
        ("prompts.csv", "id,prompt\na,x\na,y\n".into(), "prompts.csv: 3: the id `a` is already that of line 2"),
        ("prompts.yaml", "- id: a\n  prompt: x\n- id: b\n".into(), "prompts.yaml: 3: the prompt `b` has neither"),
        ("prompts.txt", "x".into(), "its ending says nothing"),
    ] {
        let sandbox = Sandbox::with(&pipeline(&server.url, "").replace("prompts.jsonl", name));
        sandbox.write(name, text);
        for command in ["check", "generate"] {
            sandbox.run(&[command]).says(2, &[words]);
        }
    }
    let sandbox = Sandbox::with(&pipeline(&server.url, ""));
    sandbox.run(&["generate"]).says(2, &["prompts.jsonl", "there is no such file"]);
    sandbox.write("prompts.jsonl", "{\"id\": \"a\", \"prompt\": \"x\", \"expect\": {\"regex\": \"(\"}}\n");
    sandbox.run(&["check"]).says(2, &["prompt `a` of prompts.jsonl", "unclosed group"]);
    assert!(server.asked().is_empty(), "nothing is asked before everything is understood");
}

#[test]
fn a_pipeline_that_is_wrong_says_what_to_do() {
    for (text, words) in [
        ("kind: completion\n", "this step has no `completion`"),
        ("completion: { prompts: p.jsonl }\n", "nothing says which model is asked"),
        ("completion: { prompts: p.jsonl, endpoint: 'http://h/v1' }\n", "nothing says which model is asked for"),
        (
            "completion: { prompts: p.jsonl, command: [cat], endpoint: 'http://h/v1', model: m }\n",
            "cannot stand beside",
        ),
        ("completion: { prompts: p.jsonl, command: [cat], temperature: 1 }\n", "`temperature` means nothing beside"),
        (
            "completion: { prompts: p.jsonl, command: [cat] }\n    template: x.j2\n",
            "`template` cannot stand beside `completion`",
        ),
        ("completion: { prompts: p.jsonl, command: [cat] }\n    output: same.txt\n", "the same file for each prompt"),
        ("completion: { prompts: p.jsonl, command: [cat], expect: {} }\n", "expects nothing"),
        ("completion: { prompts: p.jsonl, command: [cat], expect: { regex: '(' } }\n", "is no regular expression"),
        ("completion: { prompts: ../p.jsonl, command: [cat] }\n", "leaves the workspace"),
        ("completion: { prompts: p.jsonl, endpoint: 'http://h', model: m, api_key_env: K }\n", "secrets: [K]"),
        (
            "completion: { prompts: p.jsonl, endpoint: 'http://h', model: m, api: completions, system: x }\n",
            "`system` needs messages",
        ),
    ] {
        let sandbox = Sandbox::with(&format!("version: 1\ngenerations:\n  - name: a\n    {text}"));
        sandbox.write("p.jsonl", PROMPTS);
        sandbox.run(&["check"]).says(2, &[words]);
    }
}

#[test]
fn a_server_that_is_not_there_costs_nothing_that_was_stored() {
    let server = server();
    let sandbox = sandbox(&server.url, "");
    sandbox.run(&["generate"]).says(0, &[]);
    sandbox.write("backsight.yml", pipeline(&nobody(), "      retries: 1\n"));
    sandbox.run(&["generate"]).says(1, &["does the server run"]);
    let document = sandbox.document();
    for generation in &document.generations {
        assert_eq!((generation.state, code(generation)), (GenerationState::Failed, "unreachable"));
    }
    let second = document.generations[1].why().unwrap();
    assert!(second.starts_with("not asked, for an earlier request failed"), "{second}");
    assert_eq!(sandbox.read("generated/answers/sky.txt"), "blue\n");
    sandbox.run(&["generate", "--check"]).says(0, &[]);
}

#[test]
fn a_server_that_still_loads_is_asked_again() {
    let server = FakeLlm::start(|number, asked| match number {
        0 => status(503, "application/json", "{\"error\": {\"message\": \"Loading model\"}}"),
        _ => says(usual(last(asked))),
    });
    let sandbox = sandbox(&server.url, "");
    sandbox.run(&["generate"]).says(0, &[]);
    assert_eq!(server.asked().len(), 3);
}

#[test]
fn faults_of_a_server_are_those_of_their_prompt() {
    let prompts = ["whole", "500", "cut", "empty", "late", "error", "html", "fine"];
    let server = FakeLlm::start(|_, asked| match last(asked) {
        "whole" => status(
            200,
            "application/json",
            "{\"choices\": [{\"message\": {\"content\": \"in one\"}, \"finish_reason\": \"length\"}]}",
        ),
        "500" => status(500, "application/json", "{\"error\": \"broken\"}"),
        "cut" => vec![Act::Head, Act::Piece, Act::Raw("data: {\"cho".into())],
        "empty" => vec![Act::Head, Act::End],
        "late" => vec![Act::Head, Act::Wait(20_000)],
        "error" => {
            vec![Act::Head, Act::Raw("data: {\"error\": {\"message\": \"out of \\u001b[2Jmemory\"}}\n\n".into())]
        }
        "html" => status(200, "text/html", "<html>"),
        _ => says("fine"),
    });
    let sandbox = sandbox(&server.url, "      timeout: 2s\n      concurrency: 2\n");
    let lines = prompts.map(|prompt| format!("{}\n", json!({"id": prompt, "prompt": prompt})));
    sandbox.write("prompts.jsonl", lines.concat());
    let outcome = sandbox.run(&["generate"]);
    outcome.says(1, &["6 of 8 files are not right"]);
    let document = sandbox.document();
    let found = prompts.map(|prompt| {
        let generation = file(&document, &format!("generated/answers/{prompt}.txt"));
        if generation.state == GenerationState::Written { "written" } else { code(generation) }.to_owned()
    });
    assert_eq!(
        found,
        ["written", "http_500", "broken_stream", "empty_answer", "timeout", "server_error", "not_streamed", "written"]
    );
    assert_eq!(sandbox.read("generated/answers/whole.txt"), "in one");
    let whole = file(&document, "generated/answers/whole.txt").answer.as_ref().unwrap();
    assert_eq!(whole.finish_reason.as_deref(), Some("length"));
    assert!(!sandbox.path("generated/answers/cut.txt").exists(), "half an answer is none");
    assert!(!outcome.stderr.contains('\u{1b}'), "{}", outcome.stderr);
}

#[test]
fn a_huge_answer_is_refused() {
    let server = FakeLlm::start(|_, asked| match last(asked) {
        prompt if prompt.contains("sky") => {
            let piece = json!({"choices": [{"delta": {"content": "x".repeat(1 << 20)}}]});
            let mut acts = vec![Act::Head];
            acts.extend((0..9).map(|_| Act::Raw(format!("data: {}\n\ndata: {piece}\n\n", json!({})))));
            acts.push(Act::End);
            acts
        }
        prompt => says(usual(prompt)),
    });
    let sandbox = sandbox(&server.url, "");
    sandbox.run(&["generate"]).says(1, &[]);
    let document = sandbox.document();
    assert_eq!(code(file(&document, "generated/answers/sky.txt")), "too_large");
    assert_eq!(sandbox.read("generated/answers/add.txt"), "It is 4.\n");
}

#[test]
fn hostile_answers_and_ids_do_no_harm() {
    let hostile =
        "\u{1b}[2J\u{1b}]0;title\u{7}<script>alert(1)</script>\n::set-output name=x::y\n```\n| a | b |\n\u{202e}";
    let server = FakeLlm::start(move |_, _| says(hostile));
    let sandbox = sandbox(&server.url, "      expect: { exact: good }\n");
    let ids = ["../../escape", "/etc/passwd", ".git/hooks/x", "a b", "<b>", "con"];
    let lines = ids.map(|id| format!("{}\n", json!({"id": id, "prompt": "x"})));
    sandbox.write("prompts.jsonl", lines.concat());
    let outcome = sandbox.run(&["generate"]);
    outcome.says(1, &[]);
    assert!(!outcome.stderr.contains('\u{1b}') && !outcome.stderr.contains('\u{202e}'), "{}", outcome.stderr);
    assert!(!outcome.stderr.lines().any(|line| line.starts_with("::set-output")), "{}", outcome.stderr);
    let document = sandbox.document();
    for generation in document.generations.iter().filter(|generation| generation.output != "generated/answers/con.txt")
    {
        assert_eq!(generation.state, GenerationState::Written, "{generation:?}");
        let path = &generation.output;
        assert!(path.starts_with("generated/answers/") && !path.contains(".."), "{path}");
        assert_eq!(sandbox.read(path), hostile);
    }
    assert_eq!(file(&document, "generated/answers/con.txt").state, GenerationState::Failed, "a device on Windows");
    let junit = sandbox.report("junit.xml");
    assert_xml(&junit);
    assert!(!junit.contains('\u{1b}') && !junit.contains("<script>"), "{junit}");
    for name in ["report.md", "report.html"] {
        assert!(!sandbox.report(name).contains("<script>alert"), "{name}");
    }

    // A path that a pipeline makes of an id is refused before anybody is asked.
    let before = server.asked().len();
    sandbox.write("backsight.yml", pipeline(&server.url, "    output: 'out/{{ prompt.id }}.txt'\n"));
    sandbox.write("prompts.jsonl", format!("{}\n", json!({"id": "../../escape", "prompt": "x"})));
    sandbox.run(&["generate"]).says(1, &["leaves the workspace"]);
    assert_eq!(server.asked().len(), before);
}

#[test]
fn what_was_answered_stays_when_the_run_is_killed() {
    let slow = Arc::new(Mutex::new(true));
    let is_slow = Arc::clone(&slow);
    let server = FakeLlm::start(move |_, asked| match last(asked) {
        "2" if *is_slow.lock().unwrap() => vec![Act::Head, Act::Wait(60_000)],
        prompt => says(&format!("answer {prompt}\n")),
    });
    let sandbox = sandbox(&server.url, "");
    let lines: String = (0..5).map(|id| format!("{}\n", json!({"id": id, "prompt": id.to_string()}))).collect();
    sandbox.write("prompts.jsonl", lines);
    let running = sandbox.start(&["generate"]);
    wait_for(|| sandbox.path("generated/answers/1.txt").exists(), "the second answer");
    running.kill();
    assert_eq!(sandbox.read("generated/answers/0.txt"), "answer 0\n");
    assert_eq!(sandbox.read("generated/answers/1.txt"), "answer 1\n");
    assert!(!sandbox.path("generated/answers/2.txt").exists());
    *slow.lock().unwrap() = false;
    sandbox.run(&["generate"]).says(0, &[]);
    let document = sandbox.document();
    let states: Vec<GenerationState> = document.generations.iter().map(|generation| generation.state).collect();
    use GenerationState::{Unchanged, Written};
    assert_eq!(states, [Unchanged, Unchanged, Written, Written, Written]);
    assert_eq!(sandbox.read("generated/answers/4.txt"), "answer 4\n");
}

#[test]
fn a_run_that_is_stopped_keeps_its_lock_lines() {
    let server = FakeLlm::start(|_, asked| match last(asked) {
        "1" => vec![Act::Head, Act::Wait(60_000)],
        prompt => says(prompt),
    });
    let sandbox = sandbox(&server.url, "");
    let lines: String = (0..3).map(|id| format!("{}\n", json!({"id": id, "prompt": id.to_string()}))).collect();
    sandbox.write("prompts.jsonl", lines);
    let running = sandbox.start(&["generate"]);
    wait_for(|| sandbox.path("generated/answers/0.txt").exists(), "the first answer");
    running.signal(rustix::process::Signal::INT);
    let outcome = running.end();
    assert_eq!(outcome.code, 130, "{outcome:?}");
    assert!(sandbox.read("backsight.lock").contains("generated/answers/0.txt"));
    assert_eq!(sandbox.document().generations.len(), 1);
}

fn answers(outcome: &Outcome) -> Vec<Value> {
    outcome.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn the_subcommand_prints_a_line_for_each_prompt() {
    let server = server();
    let sandbox = Sandbox::new();
    sandbox.write("prompts.jsonl", PROMPTS);
    let line = ["llm", "complete", "--endpoint", &server.url, "--model", "m", "--prompts", "prompts.jsonl"];
    let outcome = sandbox.run(&line);
    let found = answers(outcome.says(0, &[]));
    assert_eq!((found.len(), &found[0]["id"], &found[0]["text"]), (2, &json!("add"), &json!("It is 4.\n")));
    assert_eq!((&found[1]["finish_reason"], &found[1]["output_tokens"]), (&json!("stop"), &json!(3)));
    for (further, code, words) in [
        (vec!["--top-p", "2"], 2, "--top-p 2 is not from 0 to 1"),
        (vec!["--extra", "7"], 2, "--extra wants a JSON object"),
        (vec!["--concurrency", "0"], 2, "is not from 1 to 512"),
        (vec!["--api-key-env", "NOT_SET"], 2, "`NOT_SET` is not set"),
    ] {
        sandbox.run(&[&line[..], &further].concat()).says(code, &[words]);
    }
    let command = ["llm", "complete", "--command", "false", "--prompts", "prompts.jsonl"];
    let outcome = sandbox.run(&command);
    assert!(
        answers(outcome.says(1, &["2 prompts have no answer"])).iter().all(|one| one["failure"]["code"] == "exit_1")
    );
    sandbox.run(&["llm", "complete", "--command", "cat", "--prompts", "none.jsonl"]).says(2, &["none.jsonl"]);
}

/// llama.cpp's own server with a small model, which `scripts/test` starts: the same seed gives the same text.
#[test]
fn llama_cpp_completes() {
    let Ok(url) = std::env::var("BACKSIGHT_LLM_ENDPOINT") else {
        println!("skipped: BACKSIGHT_LLM_ENDPOINT is not set; scripts/test starts a server and sets it");
        return;
    };
    let prompts: String =
        (0..6).map(|id| format!("{}\n", json!({"id": id, "prompt": format!("tell me of {id}")}))).collect();
    for api in ["chat", "completions"] {
        let with = |seed: u32| {
            let text = format!(
                "      api: {api}\n      seed: {seed}\n      temperature: 1.5\n      max_tokens: 24\n      on_change: fail\n      \
                 extra: {{ cache_prompt: false }}\n      expect: {{ regex: '\\S' }}\n"
            );
            pipeline(&url, &text)
        };
        let sandbox = Sandbox::with(&with(11));
        sandbox.write("prompts.jsonl", &prompts);
        sandbox.run(&["generate"]).says(0, &[]);
        let first: Vec<String> = (0..6).map(|id| sandbox.read(&format!("generated/answers/{id}.txt"))).collect();
        assert!(first.iter().all(|text| text.len() > 8), "{first:?}");
        // Asked again, at a temperature at which chance has its say: the seed holds it.
        sandbox.run(&["generate"]).says(0, &[]);
        let document = sandbox.document();
        assert!(document.generations.iter().all(|one| one.state == GenerationState::Unchanged), "{document:?}");
        assert!(document.generations.iter().all(|one| one.answer.as_ref().unwrap().output_tokens == Some(24)));
        sandbox.write("backsight.yml", with(12));
        sandbox.run(&["generate"]).says(0, &[]);
        let second: Vec<String> = (0..6).map(|id| sandbox.read(&format!("generated/answers/{id}.txt"))).collect();
        assert_ne!(first, second, "another seed says something else");
    }
}
