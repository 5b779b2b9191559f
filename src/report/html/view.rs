//! What the page's template sees: verdict, identity, what moved and what failed, all of it readable without a script.

use minijinja::context;
use minijinja::value::Value;

use super::tests_of;
use super::texts::{Texts, line};
use crate::report::markdown::{is_plain_url, repository, verdict};
use crate::report::{escape, figures, rows};
use crate::results::{
    Basis, Case, Comparison, Conditions, Document, Host, MetricChange, Outcome, Status, Step, Verdict,
};

/// Rows and cases that are told without a script.
const MOST: usize = 200;
/// Characters of a failure's text there.
const LONGEST: usize = 2_000;

/// Everything the template can use. Strings in it are foreign: the template escapes them.
pub(super) fn view(document: &Document) -> Value {
    let moved = moved(document);
    let mut texts = Texts::new();
    let failing: Vec<&Case> = document.cases.iter().filter(|case| case.outcome.is_failure()).collect();
    let broken: Vec<&Step> =
        document.steps.iter().filter(|step| tests_of::status(step).1 && step.reason.is_some()).collect();
    let wrong: Vec<_> = document.generations.iter().filter(|one| tests_of::state(one).1).collect();
    context! {
        title => verdict(document),
        tone => tone(document),
        project => line(&document.project),
        facts => facts(document),
        tiles => tiles(document),
        compared => document.comparison.as_ref().map(|comparison| compared(document, comparison)),
        moved => list(&moved, MOST, moved_row),
        moved_more => moved.len().saturating_sub(MOST),
        failing => list(&failing, MOST, |case| failed(document, case)),
        failing_more => failing.len().saturating_sub(MOST),
        broken => list(&broken, MOST, |step| context! {
            id => line(&step.id),
            reason => step.reason.as_ref().map(|reason| line(&reason.text)),
            log => step.log.as_ref().and_then(|log| texts.calm(&log.tail)),
        }),
        broken_more => broken.len().saturating_sub(MOST),
        wrong => list(&wrong, MOST, |one| context! { output => line(&one.output), state => tests_of::state(one).0 }),
        wrong_more => wrong.len().saturating_sub(MOST),
        quarantine => list(&document.quarantine.iter().collect::<Vec<_>>(), MOST, |one| context! {
            title => line(&one.title), step => line(&one.step), words => tests_of::quarantine_words(one),
        }),
        remarks => list(&document.remarks.iter().collect::<Vec<_>>(), MOST, |remark| context! {
            level => format!("{:?}", remark.level).to_lowercase(),
            step => remark.step.as_deref().map(line),
            text => line(&remark.text),
        }),
        host => host(&document.host),
        conditions => document.measuring.as_ref().and_then(|all| all.conditions.as_ref()).map(conditions),
        overhead => document.measuring.as_ref().and_then(rows::overhead).map(|text| sentence(&text)),
        toolchains => list(&document.toolchains.iter().collect::<Vec<_>>(), MOST, |tool| {
            context! { name => line(&tool.name), version => line(&tool.version) }
        }),
        run => document.run.id.to_string(),
        version => line(&document.tool.version),
        exit => document.run.exit_code.code(),
        exit_reason => line(&crate::report::headline::exit_reason(document)),
        has => context! {
            benchmarks => !document.benchmarks.is_empty() || document.comparison.is_some(),
            cases => !document.cases.is_empty(),
            files => !document.generations.is_empty(),
            steps => !document.steps.is_empty(),
        },
    }
}

fn list<T: Copy>(items: &[T], most: usize, of: impl FnMut(T) -> Value) -> Value {
    items.iter().copied().take(most).map(of).collect::<Vec<_>>().into()
}

/// How the run ended, as a colour: `bad`, `warn` or `good`.
const fn tone(document: &Document) -> &'static str {
    match document.run.status {
        Status::Passed => "good",
        Status::Failed | Status::Errored => "bad",
        Status::Running | Status::Undecided | Status::Cancelled | Status::Lost => "warn",
    }
}

/// What was measured, where, and when: words, text, and an address where there is one.
fn facts(document: &Document) -> Vec<Value> {
    let change = &document.change;
    let dirty = if change.dirty == Some(true) { " with uncommitted changes" } else { "" };
    let branch = change.branch.as_deref().map(|branch| format!(" on {branch}")).unwrap_or_default();
    let commit = change.commit.as_deref();
    let base = base(document);
    let selection = document.run.selection.as_deref();
    let request = change.request.as_ref().map(|request| format!("{}", request.number));
    let took = (document.run.duration_ns > 0).then(|| figures::time(document.run.duration_ns as f64));
    let fact = |words: &str, text: Option<String>, href: Option<String>| {
        text.map(|text| context! { words => words, text => line(&text), href => href })
    };
    [
        fact("Commit", commit.map(|hash| format!("{}{branch}{dirty}", short(hash))), commit_url(document, commit)),
        fact(
            "Base",
            base.as_ref().map(|(_, words)| words.clone()),
            commit_url(document, base.as_ref().map(|(hash, _)| hash.as_str())),
        ),
        fact("Change request", request, None),
        fact("Host", Some(format!("{}, class {}", document.host.title(), short(&document.host.class_key))), None),
        fact("Started", Some(document.run.started_at.strftime("%Y-%m-%d %H:%M UTC").to_string()), None),
        fact("Took", took, None),
        fact("Only", selection.map(ToOwned::to_owned), None),
        fact("CI job", change.job_url.as_ref().map(|_| "its page".to_owned()), job_url(document)),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn short(hash: &str) -> &str {
    hash.get(..9).unwrap_or(hash)
}

fn job_url(document: &Document) -> Option<String> {
    document.change.job_url.clone().filter(|url| is_plain_url(url))
}

/// The page of a commit, where the platform is known and the hash is one.
fn commit_url(document: &Document, hash: Option<&str>) -> Option<String> {
    let hash = hash.filter(|hash| hash.len() >= 7 && hash.bytes().all(|byte| byte.is_ascii_hexdigit()))?;
    Some(format!("{}/commit/{hash}", repository(document)?))
}

/// What the head was compared with: its commit, and words.
fn base(document: &Document) -> Option<(String, String)> {
    if let Some(against) = &document.run.against {
        return Some((against.base.clone(), format!("{} ({})", short(&against.base), against.named)));
    }
    let stored = document.comparison.as_ref()?.baseline.as_ref()?;
    let commit = stored.commit.clone().unwrap_or_default();
    let day = stored.at.strftime("%Y-%m-%d %H:%M UTC");
    let words = format!("{} run {} of {day}", short(&commit), short(&stored.run));
    Some((commit, words.trim_start().to_owned()))
}

/// Counts that are worth a tile: words, number, colour, and the section that tells more.
fn tiles(document: &Document) -> Vec<Value> {
    let counts = &document.counts;
    let verdicts = |wanted: Verdict| {
        let rows = document.comparison.iter().flat_map(|comparison| &comparison.rows);
        rows.filter(|row| row.verdict == wanted && !row.beside && row.accepted.is_none()).count() as u64
    };
    let accepted = document.comparison.iter().flat_map(|comparison| &comparison.rows);
    let accepted = accepted.filter(|row| row.accepted.is_some() && rows::is_remarkable(row) && !row.beside).count();
    let all = [
        ("regressed", verdicts(Verdict::Regressed), "bad", "benchmarks"),
        ("improved", verdicts(Verdict::Improved), "good", "benchmarks"),
        ("undecided", verdicts(Verdict::Inconclusive), "warn", "benchmarks"),
        ("missing", verdicts(Verdict::Missing), "bad", "benchmarks"),
        ("accepted", accepted as u64, "", "benchmarks"),
        ("unchanged", verdicts(Verdict::Unchanged), "", "benchmarks"),
        ("measured", if document.comparison.is_some() { 0 } else { counts.benchmarks }, "", "benchmarks"),
        ("tests failed", counts.failed + counts.errored, "bad", "tests"),
        ("tests flaky", counts.flaky, "warn", "tests"),
        ("tests passed", counts.passed, "good", "tests"),
        ("tests skipped", counts.skipped, "", "tests"),
        ("files not right", counts.generations_failed, "bad", "files"),
        ("files generated", counts.generations.saturating_sub(counts.generations_failed), "", "files"),
        ("steps skipped", counts.steps_skipped, "", "steps"),
    ];
    let shown = all.into_iter().filter(|(_, n, ..)| *n > 0);
    let words = |words: &str, n: u64| if n == 1 { words.replacen("s ", " ", 1) } else { words.to_owned() };
    shown.map(|(many, n, tone, section)| context! { words => words(many, n), n, tone, section }).collect()
}

/// How both sides were measured, and whether on like hosts.
fn compared(document: &Document, comparison: &Comparison) -> Value {
    let baseline = comparison.baseline.as_ref();
    let hosts = match (comparison.basis, baseline) {
        (Basis::Paired, _) => Some("Base and head ran in turns on this host.".to_owned()),
        (Basis::Unpaired, Some(baseline)) if baseline.class_key == document.host.class_key => {
            Some("The base ran at another time on a host of the same class.".to_owned())
        }
        (Basis::Unpaired, Some(baseline)) => {
            Some(format!("The base ran on a host of another class ({}).", short(&baseline.class_key)))
        }
        (Basis::Unpaired, None) => None,
    };
    let alarms = comparison
        .false_alarms
        .filter(|share| *share > 0.0)
        .map(|share| format!("With no change at all, at most 1 run in {:.0} would show any.", 1.0 / share));
    let note = comparison.note.as_deref().map(|note| sentence(&line(note)));
    let sentences: Vec<String> = [hosts, note, alarms].into_iter().flatten().collect();
    Value::from(sentences.join(" "))
}

/// With a capital at its beginning and a full stop at its end.
fn sentence(text: &str) -> String {
    let mut chars = text.trim_end_matches('.').chars();
    let first = chars.next().map(|first| first.to_uppercase().to_string()).unwrap_or_default();
    format!("{first}{}.", chars.as_str())
}

/// Rows that are worth a look, the worst first.
fn moved(document: &Document) -> Vec<&MetricChange> {
    let weight = |row: &MetricChange| match row.verdict {
        Verdict::Regressed => 0,
        Verdict::Missing => 1,
        Verdict::Improved => 2,
        Verdict::Inconclusive => 3,
        _ => 4,
    };
    let size = |row: &MetricChange| row.change.map_or(f64::INFINITY, f64::abs);
    let rows = document.comparison.iter().flat_map(|comparison| &comparison.rows);
    let mut rows: Vec<&MetricChange> = rows.filter(|row| rows::is_remarkable(row)).collect();
    rows.sort_by(|a, b| (a.beside, weight(a)).cmp(&(b.beside, weight(b))).then(size(b).total_cmp(&size(a))));
    rows
}

fn moved_row(row: &MetricChange) -> Value {
    let value =
        |value: Option<f64>| value.map_or_else(|| "–".to_owned(), |value| line(&figures::value(value, &row.unit)));
    let interval = row.low.zip(row.high).map(|(low, high)| figures::interval(low, high));
    let pairs = row.pairs.filter(|pairs| pairs.confirmation > 0);
    context! {
        benchmark => line(&row.benchmark),
        metric => line(&rows::metric_word(&row.metric)),
        base => value(row.base),
        head => value(row.head),
        change => row.change.map(figures::change),
        interval => interval,
        n => pairs.map_or_else(|| format!("{}/{}", row.n.0, row.n.1), |pairs| format!("{} pairs", pairs.confirmation)),
        verdict => rows::verdict_word(row.verdict),
        tone => match row.verdict {
            _ if row.accepted.is_some() => "",
            Verdict::Regressed | Verdict::Missing => "bad",
            Verdict::Improved => "good",
            _ => "warn",
        },
        accepted => row.accepted.as_ref().map(|accepted| line(&format!("accepted by {}: {}", accepted.author, accepted.reason))),
        doubt => rows::doubt(&row.validity).map(|doubt| line(&doubt)),
    }
}

fn failed(document: &Document, case: &Case) -> Value {
    let title = case.title();
    let newly = document.comparison.as_ref().is_some_and(|comparison| {
        comparison.newly_failing.iter().any(|(step, name)| *step == case.step && *name == title)
    });
    let message = case.failures.iter().find_map(|failure| failure.message.as_deref().or(failure.text.as_deref()));
    let text: Vec<&str> = case.failures.iter().filter_map(|failure| failure.text.as_deref()).map(str::trim).collect();
    let text = escape::block(&escape::cut(&text.join("\n\n"), LONGEST));
    context! {
        title => line(&title),
        step => line(&case.step),
        newly => newly,
        errored => case.outcome == Outcome::Errored,
        place => tests_of::place(case),
        message => message.map(|message| line(message.trim().lines().next().unwrap_or_default())),
        text => (!text.is_empty()).then_some(text),
    }
}

/// The host, row by row.
fn host(host: &Host) -> Vec<Value> {
    let os = [host.os.name.as_deref(), host.os.version.as_deref()].into_iter().flatten().collect::<Vec<_>>().join(" ");
    let inside = [host.container.as_deref(), host.hypervisor.as_deref()].into_iter().flatten().collect::<Vec<_>>();
    let all = [
        ("Processor", Some(host.title())),
        ("Logical processors", host.cpu.logical.map(|n| n.to_string())),
        ("Memory", host.memory_bytes.map(|bytes| figures::bytes(bytes as f64))),
        ("System", Some(if os.is_empty() { host.os.family.clone() } else { os })),
        ("Kernel", host.os.kernel.clone()),
        ("Runs in", (!inside.is_empty()).then(|| inside.join(" on "))),
        ("Targets", Some(host.targets.join(", "))),
        ("Class key", Some(host.class_key.clone())),
    ];
    let shown = all.into_iter().filter_map(|(words, text)| Some((words, text.filter(|text| !text.is_empty())?)));
    shown.map(|(words, text)| context! { words, text => line(&text) }).collect()
}

/// The state of the host while all benchmarks ran.
fn conditions(conditions: &Conditions) -> Vec<Value> {
    let percent = |share: f64| format!("{:.1} %", share * 100.0);
    let all = [
        ("Waiting for a processor", conditions.cpu_pressure.map(|pressure| percent(pressure.some))),
        ("Waiting for memory", conditions.memory_pressure.map(|pressure| percent(pressure.some))),
        ("Waiting for disks", conditions.io_pressure.map(|pressure| percent(pressure.some))),
        ("Time given to other machines", conditions.steal.map(percent)),
        ("Load", conditions.load.map(|load| format!("{:.2} before, {:.2} after", load.before, load.after))),
    ];
    all.into_iter().filter_map(|(words, text)| Some(context! { words, text => text? })).collect()
}
