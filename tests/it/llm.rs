//! `backsight llm measure` against a server whose delays are known, and against llama.cpp's own where `scripts/test` has
//! started one.
//!
//! Times are held against lower bounds, ratios and generous upper bounds: the machine may be busy with other things.

use backsight::results::{Validity, Verdict};
use serde_json::Value;

use crate::fake_llm::{Act, Asked, FakeLlm, answer, status};
use crate::sandbox::{Outcome, Sandbox, wait_for};

/// A quick cell: six answers, however short.
const QUICK: [&str; 8] = ["--requests", "6", "--duration", "1ms", "--max-tokens", "16", "--format", "json"];

fn measure(sandbox: &Sandbox, url: &str, further: &[&str]) -> Outcome {
    // What a test says itself takes the place of what is usual.
    let usual = QUICK.chunks(2).filter(|pair| !further.contains(&pair[0])).flatten().copied();
    let line = ["llm", "measure", "--endpoint", url, "--model", "m"].into_iter().chain(usual);
    sandbox.run(&line.chain(further.iter().copied()).collect::<Vec<_>>())
}

fn record(outcome: &Outcome) -> Value {
    serde_json::from_str(&outcome.stdout).unwrap_or_else(|error| panic!("{error}: {outcome:?}"))
}

/// A metric of a cell.
#[track_caller]
fn metric<'a>(record: &'a Value, cell: usize, name: &str) -> &'a Value {
    let metrics = record["benchmarks"][cell]["metrics"].as_array().unwrap();
    metrics.iter().find(|metric| metric["metric"] == name).unwrap_or_else(|| panic!("no {name} in {metrics:?}"))
}

#[track_caller]
fn value(record: &Value, cell: usize, name: &str) -> f64 {
    metric(record, cell, name)["value"].as_f64().unwrap()
}

/// What a cell's validity says: the state, or the reason's code.
fn validity(record: &Value, cell: usize) -> &str {
    let validity = &record["benchmarks"][cell]["validity"];
    validity["reason"]["code"].as_str().or_else(|| validity["state"].as_str()).unwrap()
}

#[test]
fn the_figures_agree_with_the_schedule() {
    let server = FakeLlm::start(|_, _| answer(150, 30, 8));
    let sandbox = Sandbox::new();
    let outcome = measure(&sandbox, &server.url, &["--concurrency", "1,3", "--prompt-tokens", "5", "--seed", "9"]);
    let record = record(outcome.says(0, &["1/2", "concurrency=3"]));
    for (cell, at_once) in [(0, 1.0), (1, 3.0)] {
        assert_eq!(validity(&record, cell), "valid");
        let [first, per_token, gap, latency] =
            ["time_to_first_token", "time_per_output_token", "inter_token_latency", "request_latency"]
                .map(|name| value(&record, cell, name));
        // What the server waits for is a lower bound; a sleep is never shorter.
        assert!((150.0..400.0).contains(&first), "{first}");
        assert!((29.0..60.0).contains(&per_token) && (29.0..60.0).contains(&gap), "{per_token} {gap}");
        assert!((360.0..900.0).contains(&latency), "{latency}");
        let sum = first + 7.0 * per_token;
        assert!((sum / latency - 1.0).abs() < 0.2, "the first token and the others make the whole: {sum} {latency}");
        let samples = metric(&record, cell, "inter_token_latency")["samples"].as_array().unwrap().len();
        let answers = metric(&record, cell, "request_latency")["samples"].as_array().unwrap().len();
        assert!(answers >= 6 && samples == answers * 7, "{answers} {samples}");
        let throughput = value(&record, cell, "output_throughput");
        // Eight tokens take 360 ms at least.
        assert!(throughput <= at_once * 8.0 / 0.36, "{throughput}");
        assert!(throughput >= at_once * 8.0 / 0.36 / 3.0, "{throughput}");
        assert_eq!(value(&record, cell, "success_rate"), 1.0);
        let rate = value(&record, cell, "request_throughput");
        assert!((rate * 8.0 / throughput - 1.0).abs() < 1e-6);
        let note = metric(&record, cell, "time_to_first_token")["note"].as_str().unwrap();
        assert!(note.contains("prompts of 21 tokens") && note.contains("p99: insufficient samples"), "{note}");
        assert_eq!(record["benchmarks"][cell]["execution"]["runtime"], "fake");
    }
    assert_eq!(server.most_under_way(), 3);
}

#[test]
fn what_is_asked_is_what_the_interface_wants() {
    let server = FakeLlm::start(|_, _| answer(0, 0, 2));
    let sandbox = Sandbox::new().env("SOME_KEY", "sk-very-secret");
    let further = ["--prompt-tokens", "7", "--api-key-env", "SOME_KEY", "--seed", "5", "--extra", "{\"top_k\": 1}"];
    let outcome = measure(&sandbox, &server.url, &further);
    outcome.says(0, &[]);
    let asked = server.asked();
    assert!(asked.len() >= 7, "one to warm up and six: {}", asked.len());
    for one in &asked {
        assert_eq!((one.path.as_str(), one.authorization.as_str()), ("/v1/chat/completions", "Bearer sk-very-secret"));
        let body = &one.body;
        assert_eq!((&body["stream"], &body["stream_options"]["include_usage"]), (&true.into(), &true.into()));
        assert_eq!((&body["temperature"], &body["max_tokens"], &body["seed"]), (&0.into(), &16.into(), &5.into()));
        assert_eq!((&body["model"], &body["top_k"]), (&"m".into(), &1.into()));
        assert_eq!(one.prompt().split(' ').count(), 7);
    }
    let prompts: std::collections::BTreeSet<&str> = asked.iter().map(Asked::prompt).collect();
    assert_eq!(prompts.len(), asked.len(), "no two prompts are alike");
    assert!(!outcome.stdout.contains("very-secret") && !outcome.stderr.contains("very-secret"));

    sandbox.write("prompts.jsonl", "{\"prompt\": \"one\"}\n\"two\"\n");
    let outcome = measure(
        &sandbox,
        &format!("{}/v1", server.url),
        &["--api", "completions", "--prompts", "prompts.jsonl", "--no-usage"],
    );
    let found = record(&outcome);
    assert_eq!(found["benchmarks"][0]["parameters"]["prompts"], "prompts.jsonl");
    let last = server.asked().pop().unwrap();
    assert_eq!(last.path, "/v1/completions");
    assert!(["one", "two"].contains(&last.body["prompt"].as_str().unwrap()), "{last:?}");
    assert_eq!(last.body["stream_options"], Value::Null);
}

/// A reason, what the server does, further arguments, and words of the message.
type Fault = (&'static str, Vec<Act>, &'static [&'static str], &'static str);

fn faults() -> [Fault; 11] {
    [
        (
            "http_401",
            status(401, "application/json", "{\"error\":\"bad key sk-very-secret\"}"),
            &["--api-key-env", "KEY"],
            "is the key in KEY right",
        ),
        ("http_404", status(404, "application/json", "{\"message\":\"no model m\"}"), &[], "no model m"),
        ("http_429", status(429, "text/plain", "slow down"), &[], "rate limit is used up (429: slow down)"),
        (
            "http_503",
            status(503, "application/json", "{\"error\":{\"message\":\"Loading model\"}}"),
            &[],
            "wait until it is ready",
        ),
        (
            "http_302",
            vec![Act::Raw("HTTP/1.1 302 X\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n".into())],
            &[],
            "follows no redirect",
        ),
        (
            "not_streamed",
            status(200, "application/json", "{\"choices\":[{\"message\":{\"content\":\"a\"}}]}"),
            &[],
            "no stream of events",
        ),
        ("timeout", vec![Act::Head, Act::Wait(20_000)], &["--timeout", "300ms"], "--timeout allows more"),
        (
            "stalled",
            vec![Act::Head, Act::Piece, Act::Wait(20_000)],
            &["--silence", "300ms"],
            "nothing more came for 300ms after 1 piece;",
        ),
        ("broken_stream", vec![Act::Head, Act::Piece], &[], "without `[DONE]`"),
        ("empty_answer", vec![Act::Head, Act::End], &[], "holds no output"),
        (
            "server_error",
            vec![
                Act::Head,
                Act::Piece,
                Act::Raw("data: {\"error\":{\"message\":\"out of \\u001b[31mmemory\"}}\n\n".into()),
            ],
            &[],
            "out of \\u{1b}[31mmemory",
        ),
    ]
}

#[test]
fn each_failure_has_its_reason_and_a_next_step() {
    let sandbox = Sandbox::new().env("KEY", "sk-very-secret");
    for (code, acts, further, words) in faults() {
        let server = FakeLlm::start(move |_, _| acts.clone());
        let outcome = measure(&sandbox, &server.url, further);
        outcome.says(1, &["INVALID (all_failed)", words, "all requests failed"]);
        let found = record(&outcome);
        assert_eq!(found["benchmarks"][0]["failures"][0]["code"], code, "{outcome:?}");
        assert_eq!(found["benchmarks"][0]["requests"][0]["outcome"], "failed");
        assert_eq!(
            (&found["outcome"]["status"], &found["outcome"]["reason"]["code"]),
            (&"errored".into(), &code.into())
        );
        assert_eq!(found["benchmarks"][0]["requests"][0]["reason"], code);
        assert_eq!(value(&found, 0, "success_rate"), 0.0);
        assert!(!outcome.stdout.contains("very-secret") && !outcome.stderr.contains("very-secret"), "{outcome:?}");
    }
}

#[test]
fn a_stream_that_never_ends_is_cut_off() {
    let endless =
        |wait| move |_: usize, _: &_| [vec![Act::Head], vec![[Act::Piece, Act::Wait(wait)]; 20_000].concat()].concat();
    let sandbox = Sandbox::new();
    let slow = FakeLlm::start(endless(20));
    measure(&sandbox, &slow.url, &["--timeout", "500ms"]).says(1, &["was not over after 500ms"]);
    let fast = FakeLlm::start(endless(0));
    let outcome = measure(&sandbox, &fast.url, &[]);
    outcome.says(1, &["does not keep to the limit of tokens"]);
    assert_eq!(record(&outcome)["benchmarks"][0]["failures"][0]["code"], "endless");
    let line = FakeLlm::start(|_, _| vec![Act::Head, Act::Raw("x".repeat(3 << 20))]);
    measure(&sandbox, &line.url, &[]).says(1, &["a line of the stream is longer than 1 MiB"]);
}

#[test]
fn no_server_at_all() {
    let sandbox = Sandbox::new();
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let outcome = measure(&sandbox, &format!("http://127.0.0.1:{port}"), &["--concurrency", "1,2,4"]);
    outcome.says(1, &["cannot connect to 127.0.0.1", "does the server run", "not tried"]);
    assert_eq!(record(&outcome)["benchmarks"].as_array().unwrap().len(), 3);
    measure(&sandbox, "http://no-such-host.invalid", &[]).says(1, &["cannot connect to no-such-host.invalid"]);
}

#[test]
fn some_failures_are_counted_and_judged() {
    let script = |number: usize, _: &_| match number % 4 {
        3 => status(503, "text/plain", "busy"),
        _ => answer(1, 1, 4),
    };
    let sandbox = Sandbox::new();
    let server = FakeLlm::start(script);
    let outcome = measure(&sandbox, &server.url, &["--requests", "12", "--warm-up", "0"]);
    let found = record(outcome.says(0, &["INVALID (failed_share)", "3 of 15 requests failed"]));
    assert_eq!(value(&found, 0, "success_rate"), 0.8);
    assert_eq!(metric(&found, 0, "success_rate")["note"], "3 of 15 failed: http_503 (3)");
    let rows = found["benchmarks"][0]["requests"].as_array().unwrap();
    assert_eq!(rows.iter().filter(|row| row["outcome"] == "ok").count(), 12);
    let server = FakeLlm::start(script);
    let allowed = measure(&sandbox, &server.url, &["--requests", "12", "--warm-up", "0", "--max-failed", "25%"]);
    assert_eq!(validity(&record(allowed.says(0, &[])), 0), "valid");
}

#[test]
fn a_kept_connection_that_is_closed_costs_time_and_no_answer() {
    // The first request of each pair is closed without an answer, as a server does that just gave up the connection.
    let server = FakeLlm::start(|number, _| if number % 2 == 0 { Vec::new() } else { answer(1, 1, 3) });
    let outcome = measure(&Sandbox::new(), &server.url, &["--warm-up", "0"]);
    let found = record(outcome.says(0, &[]));
    let note = metric(&found, 0, "success_rate")["note"].as_str().unwrap().to_owned();
    assert!(note.ends_with("were sent twice: the server had closed the connection that it had kept"), "{note}");
    let closing = FakeLlm::start(|_, _| Vec::new());
    measure(&Sandbox::new(), &closing.url, &[]).says(1, &["broke off"]);
}

#[test]
fn too_little_is_invalid() {
    let server = FakeLlm::start(|_, _| answer(50, 1, 3));
    let outcome = measure(&Sandbox::new(), &server.url, &["--requests", "1000", "--limit", "500ms"]);
    let found = record(outcome.says(0, &["INVALID (too_few_requests)", "of at least 1000 requests within 500ms"]));
    assert_eq!(validity(&found, 0), "too_few_requests");
    let longer = measure(&Sandbox::new(), &server.url, &["--requests", "1", "--duration", "1s"]);
    let found = record(longer.says(0, &[]));
    assert_eq!(validity(&found, 0), "valid");
    let answers = found["benchmarks"][0]["requests"].as_array().unwrap().len();
    assert!((2..=20).contains(&answers), "as many as go into a second: {answers}");
}

#[test]
fn a_budget_is_for_all_cells_and_one_call_of_a_pair_is_short() {
    let server = FakeLlm::start(|_, _| answer(5, 1, 3));
    let line =
        ["llm", "measure", "--endpoint", &server.url, "--model", "m", "--format", "json", "--prompt-tokens", "4,5"];
    let began = std::time::Instant::now();
    let found = record(Sandbox::new().run(&[&line[..], &["--budget", "2s", "--requests", "20"]].concat()).says(0, &[]));
    assert_eq!((validity(&found, 0), validity(&found, 1)), ("valid", "valid"));
    assert!(began.elapsed().as_secs_f64() > 1.0, "each cell has half of its second at least");
    let short = Sandbox::new().env("BACKSIGHT_PAIRED", "1").run(&line);
    let found = record(short.says(0, &[]));
    assert_eq!(validity(&found, 0), "valid");
    assert!(began.elapsed().as_secs_f64() < 18.0, "two cells alone would take 20 s");
}

/// A server that stands still for a second makes all wait that come meanwhile: an open loop sees each of them, where a
/// closed one would see one.
#[test]
fn a_stall_shows_in_the_latencies_of_all_that_arrive_during_it() {
    const STALL: u64 = 1000;
    let began = std::sync::Mutex::new(None::<std::time::Instant>);
    let server = FakeLlm::start(move |number, asked| {
        let mut began = began.lock().unwrap();
        if number == 20 {
            *began = Some(asked.at);
        }
        let over = began.map(|began| began + std::time::Duration::from_millis(STALL));
        let left = over.map_or(0, |over| over.saturating_duration_since(asked.at).as_millis() as u64);
        answer(left + 2, 1, 2)
    });
    let further = ["--rate", "40", "--requests", "100", "--duration", "2s", "--warm-up", "0", "--seed", "3"];
    let found = record(measure(&Sandbox::new(), &server.url, &further).says(0, &[]));
    let mut rows: Vec<(f64, f64)> = found["benchmarks"][0]["requests"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| (row["at"].as_f64().unwrap(), row["latency"].as_f64().unwrap()))
        .collect();
    rows.sort_by(|a, b| a.0.total_cmp(&b.0));
    let begin = rows[20].0;
    let during: Vec<_> = rows.iter().filter(|(at, _)| *at > begin && *at < begin + STALL as f64 - 100.0).collect();
    assert!(during.len() > 20, "{}", during.len());
    for (at, latency) in during {
        let left = begin + STALL as f64 - at;
        // The server's second begins a little after the request was due, never before.
        assert!(*latency >= left - 20.0, "due at {at}, {latency} ms, of the stall {left} ms were left");
    }
    let quick = rows.iter().filter(|(_, latency)| *latency < 100.0).count();
    assert!(quick > 20, "before and after the stall answers are quick: {quick}");
    // More than a tenth of all waited, so the ninth tenth says it.
    assert!(value(&found, 0, "request_latency_p90") > 400.0);
    let first = value(&found, 0, "time_to_first_token_p90");
    assert!(first > 400.0, "{first}");
    assert_eq!(found["benchmarks"][0]["parameters"]["rate"], 40.0);
}

#[test]
fn at_a_rate_nobody_waits_for_earlier_answers() {
    let server = FakeLlm::start(|_, _| answer(500, 1, 2));
    let further = ["--rate", "20", "--requests", "20", "--warm-up", "0", "--seed", "3"];
    measure(&Sandbox::new(), &server.url, &further).says(0, &[]);
    assert!(server.most_under_way() > 4, "{}", server.most_under_way());
    let gaps: Vec<f64> = server.asked().windows(2).map(|pair| (pair[1].at - pair[0].at).as_secs_f64()).collect();
    let mean = gaps.iter().sum::<f64>() / gaps.len() as f64;
    assert!((0.02..0.15).contains(&mean), "{mean}");
}

#[test]
fn a_command_in_the_place_of_an_endpoint() {
    let sandbox = Sandbox::new();
    sandbox.write("say.sh", "read prompt; sleep 0.1; for word in $prompt; do echo $word; sleep 0.02; done\n");
    let line = ["llm", "measure", "--command", "sh say.sh", "--prompt-tokens", "4,8", "--concurrency", "2"];
    let outcome = sandbox.run(&[&line[..], &QUICK].concat());
    let found = record(outcome.says(0, &[]));
    for (cell, words) in [(0, 4.0), (1, 8.0)] {
        assert_eq!(validity(&found, cell), "valid");
        assert!(value(&found, cell, "time_to_first_token") >= 100.0);
        assert!(value(&found, cell, "inter_token_latency") >= 19.0);
        assert!(value(&found, cell, "request_latency") >= 100.0 + words * 20.0);
        assert_eq!(metric(&found, cell, "output_throughput")["unit"], "words/s");
        assert_eq!(metric(&found, cell, "output_throughput")["note"], format!("{words}.0000 words an answer"));
        assert_eq!(found["benchmarks"][cell]["name"], "sh");
    }
    let failing = ["llm", "measure", "--command", "sh -c 'echo no model >&2; exit 3'"];
    sandbox.run(&[&failing[..], &QUICK].concat()).says(1, &["the command failed", "no model"]);
    let missing = ["llm", "measure", "--command", "no-such-program-here"];
    sandbox.run(&[&missing[..], &QUICK].concat()).says(1, &["is it installed"]);
}

#[test]
fn what_is_asked_for_wrongly_is_exit_2() {
    let sandbox = Sandbox::new();
    sandbox.write("bad.jsonl", "\"a\"\n{\"text\": \"b\"}\n");
    let endpoint = |further: &[&'static str]| [&["--endpoint", "http://127.0.0.1:9", "--model", "m"], further].concat();
    for (line, words) in [
        (vec![], "--endpoint"),
        (vec!["--endpoint", "http://h"], "--model"),
        (vec!["--endpoint", "h:80", "--model", "m"], "is no address"),
        (vec!["--endpoint", "http://me:hunter2@h", "--model", "m"], "--api-key-env"),
        (vec!["--command", "x", "--model", "m"], "cannot be used with"),
        (vec!["--command", "'"], "cannot be taken apart"),
        (endpoint(&["--api-key-env", "NOT_SET"]), "`NOT_SET` is not set"),
        (endpoint(&["--extra", "[1]"]), "--extra wants a JSON object"),
        (endpoint(&["--prompts", "bad.jsonl"]), "line 2: there is neither a prompt"),
        (endpoint(&["--prompts", "none.jsonl"]), "none.jsonl"),
        (endpoint(&["--concurrency", "0"]), "--concurrency 0"),
        (endpoint(&["--rate", "0"]), "--rate"),
        (endpoint(&["--rate", "1", "--concurrency", "2"]), "cannot be used with"),
        (endpoint(&["--requests", "0"]), "--requests"),
        (endpoint(&["--duration", "10s", "--limit", "1s"]), "shorter than --duration"),
        (endpoint(&["--ca-file", "bad.jsonl"]), "certificates"),
    ] {
        let outcome = sandbox.run(&[&["llm", "measure"], &line[..]].concat());
        outcome.says(2, &[words]);
        assert!(!outcome.stderr.contains("hunter2"));
    }
}

#[test]
fn a_table_for_people() {
    let server = FakeLlm::start(|_, _| answer(1, 1, 3));
    let line = ["llm", "measure", "--endpoint", &server.url, "--model", "m", "--requests", "3", "--duration", "1ms"];
    let outcome = Sandbox::new().run(&line);
    outcome.says(0, &[]);
    let lines: Vec<&str> = outcome.stdout.lines().collect();
    assert!(lines[0].starts_with("concurrency  max tokens  prompt tokens  time to first token"), "{lines:?}");
    assert!(lines[1].ends_with("VALID") && lines[1].contains(" tokens/s"), "{lines:?}");
}

#[test]
fn ctrl_c_ends_it_and_its_commands() {
    let sandbox = Sandbox::new();
    let running = sandbox.start(&["llm", "measure", "--command", "sh -c 'touch begun; sleep 60'"]);
    wait_for(|| sandbox.path("begun").exists(), "the first command");
    running.signal(rustix::process::Signal::INT);
    let outcome = running.end();
    assert_eq!(outcome.code, 130, "{outcome:?}");
}

/// Its own JSON goes the way of each harness: into a run, and through `convert`.
#[test]
fn the_record_is_what_the_harness_reads() {
    let server = FakeLlm::start(|_, _| answer(5, 2, 4));
    let pipeline = format!(
        "version: 1\nbenchmarks:\n  - name: chat\n    run: [$BACKSIGHT, llm, measure, --endpoint, '{}', --model, m, --requests, '5', \
         --duration, 1ms, --concurrency, '1,2', --max-tokens, '16', --format, json]\n    harness: backsight\n    budget: 20s\n",
        server.url
    )
    .replace("$BACKSIGHT", env!("CARGO_BIN_EXE_backsight"));
    let sandbox = Sandbox::with(&pipeline);
    sandbox.run(&["run"]).says(0, &[]);
    let document = sandbox.document();
    assert_eq!(document.benchmarks.len(), 2, "one for each cell");
    let two =
        document.benchmarks.iter().find(|one| one.parameters.get("concurrency").is_some_and(|n| n == "2")).unwrap();
    let metric = |name: &str| two.metrics.iter().find(|metric| metric.metric == name).unwrap();
    assert_eq!(metric("time_to_first_token").unit, "ns");
    assert!(metric("time_to_first_token").value >= 5e6);
    assert_eq!(metric("output_throughput").unit, "tokens/s");
    assert_eq!(metric("output_throughput").direction, backsight::results::Direction::Higher);
    assert_eq!(metric("success_rate").value, 1.0);
    assert_eq!(two.execution.as_ref().unwrap().runtime.as_deref(), Some("fake"));
}

#[test]
fn a_step_of_a_pipeline() {
    let server = FakeLlm::start(|_, _| answer(5, 2, 4));
    let pipeline = format!(
        "version: 1\nsecrets: [KEY]\nbenchmarks:\n  - name: chat\n    secrets: [KEY]\n    llm:\n      endpoint: '{}'\n      \
         model: '{{{{ step.name }}}}-model'\n      api_key_env: KEY\n      concurrency: [1, 2]\n      prompt_tokens: [7]\n      \
         requests: 5\n      duration: 10ms\n      max_tokens: 16\n      extra: {{ top_k: 3 }}\n",
        server.url
    );
    let sandbox = Sandbox::with(&pipeline).env("KEY", "sk-very-secret");
    sandbox.run(&["run"]).says(0, &[]);
    let document = sandbox.document();
    let names: Vec<_> = document.benchmarks.iter().map(|one| (one.name.as_str(), one.validity.clone())).collect();
    assert_eq!(names, [("chat", Validity::Valid), ("chat", Validity::Valid)]);
    assert_eq!(document.benchmarks[1].parameters["concurrency"], "2");
    assert!(document.steps[0].command.starts_with("backsight llm measure"), "{}", document.steps[0].command);
    for one in server.asked() {
        assert_eq!((one.authorization.as_str(), &one.body["model"]), ("Bearer sk-very-secret", &"chat-model".into()));
        assert_eq!((one.prompt().split(' ').count(), &one.body["top_k"]), (7, &3.into()));
    }
    for (path, bytes) in sandbox.all_files() {
        assert!(!String::from_utf8_lossy(&bytes).contains("very-secret"), "{}", path.display());
    }
}

#[test]
fn a_step_whose_server_is_not_there_says_so() {
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let sandbox = Sandbox::with(&format!(
        "version: 1\nbenchmarks:\n  - llm: {{ endpoint: 'http://127.0.0.1:{port}', model: m }}\n"
    ));
    let outcome = sandbox.run(&["run"]);
    assert_ne!(outcome.code, 0);
    let step = &sandbox.document().steps[0];
    let reason = step.reason.as_ref().unwrap();
    assert_eq!(reason.code, "unreachable");
    assert!(reason.text.contains("does the server run"), "{}", reason.text);
}

/// Base and head of one command are measured in turns, and a model that became slower is a regression.
#[test]
fn a_slower_model_is_a_regression() {
    let sandbox = Sandbox::new();
    let git = |args: &[&str]| {
        let all = [&["-c", "user.name=a", "-c", "user.email=a@b", "-c", "commit.gpgsign=false"], args].concat();
        assert_eq!(sandbox.finish(&mut sandbox.command_of("git", &all)).code, 0, "{args:?}");
    };
    let say = |wait: &str| sandbox.write("say.sh", format!("for word in a b c d; do echo $word; sleep {wait}; done\n"));
    say("0.01");
    sandbox.write(
        "backsight.yml",
        "version: 1\nbudget: 20s\nbenchmarks:\n  - name: say\n    llm:\n      command: [sh, say.sh]\n      requests: 3\n      \
         duration: 1ms\n      warm_up: 0\n",
    );
    git(&["init", "-q", "-b", "main"]);
    git(&["add", "."]);
    git(&["commit", "-q", "-m", "one"]);
    say("0.04");
    git(&["commit", "-qam", "two"]);
    let outcome = sandbox.run(&["run", "--against", "HEAD~1"]);
    let document = sandbox.document();
    let rows = &document.comparison.as_ref().unwrap_or_else(|| panic!("{outcome:?}")).rows;
    let row = rows.iter().find(|row| row.metric == "time_per_output_token").unwrap();
    assert_eq!(row.verdict, Verdict::Regressed, "{row:?}\n{}", outcome.stderr);
    assert!(row.change.unwrap() > 0.5, "{row:?}");
    assert_eq!(outcome.code, 1, "{outcome:?}");
}

/// llama.cpp's own server with a small model, which `scripts/test` starts.
#[test]
fn llama_cpp_is_measured() {
    let Ok(url) = std::env::var("BACKSIGHT_LLM_ENDPOINT") else {
        println!("skipped: BACKSIGHT_LLM_ENDPOINT is not set; scripts/test starts a server and sets it");
        return;
    };
    for api in ["chat", "completions"] {
        let further = ["--api", api, "--concurrency", "1,4", "--prompt-tokens", "16,128", "--requests", "20"];
        let outcome = measure(&Sandbox::new(), &url, &further);
        let found = record(outcome.says(0, &[]));
        for cell in 0..4 {
            assert_eq!(validity(&found, cell), "valid", "{outcome:?}");
            assert_eq!(metric(&found, cell, "output_throughput")["note"], "16.0000 tokens an answer");
            let [first, per_token, latency] = ["time_to_first_token", "time_per_output_token", "request_latency"]
                .map(|name| value(&found, cell, name));
            assert!(first > 0.0 && per_token > 0.0 && latency >= first, "{first} {per_token} {latency}");
            assert!(found["benchmarks"][cell]["execution"]["runtime"] == "llama.cpp");
        }
        // A longer prompt takes longer to read, and four at once share what one has alone.
        assert!(value(&found, 1, "time_to_first_token") > value(&found, 0, "time_to_first_token"));
        assert!(value(&found, 3, "request_latency") > value(&found, 1, "request_latency"));
    }
}
