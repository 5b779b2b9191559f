//! What a template of the Markdown report sees: our own words as they are, foreign text marked to be escaped.
//!
//! A plain string in the view is foreign: printing it gives a code span that holds nothing but text. Our own words,
//! figures and links are safe strings. So a project's own template cannot let a name out by forgetting a filter.

use minijinja::context;
use minijinja::value::Value;

use super::tests_of::{self};
use super::{charts, title};
use crate::report::rows;
use crate::report::{escape, figures};
use crate::results::{
    AcceptedRef, Basis, Comparison, Document, MetricChange, QuarantineState, RemarkLevel, Step, StepStatus, Validity,
    Verdict,
};

/// Rows of the tables that nobody needs to see at once.
const RAW: usize = 500;
/// Benchmarks whose trend is drawn.
const CHARTS: usize = 3;
/// Characters of a log or a diff.
pub(super) const LONGEST: usize = 4000;

/// Our own words.
pub(super) fn own(text: impl Into<String>) -> Value {
    Value::from_safe_string(text.into())
}

/// Foreign text.
pub(super) fn foreign(text: &str) -> Value {
    Value::from(text)
}

/// Everything a template can use; `docs/comment.md` lists it.
pub(super) fn view(document: &Document, leg: Option<&str>) -> Value {
    let comparison = document.comparison.as_ref();
    let rows: Vec<&MetricChange> = comparison.iter().flat_map(|comparison| &comparison.rows).collect();
    let of = |wanted: &[Verdict]| -> Vec<&MetricChange> {
        let mut found: Vec<_> = rows.iter().copied().filter(|row| wanted.contains(&row.verdict)).collect();
        // The largest first; what is only told beside another metric last.
        found
            .sort_by(|a, b| (a.beside, size(b)).partial_cmp(&(b.beside, size(a))).unwrap_or(std::cmp::Ordering::Equal));
        found
    };
    let (regressed, improved) = (of(&[Verdict::Regressed]), of(&[Verdict::Improved]));
    let charts: Vec<Value> = regressed
        .iter()
        .filter(|row| row.trend.len() > 1 && !row.beside)
        .take(CHARTS)
        .map(|row| charts::trend(row))
        .collect();
    let any_trend = rows.iter().any(|row| !row.trend.is_empty() && rows::is_remarkable(row));
    context! {
        leg => leg.map(foreign),
        title => own(title::title(document)),
        project => foreign(&document.project),
        run => own(document.run.id.to_string()),
        version => foreign(&document.tool.version),
        exit => document.run.exit_code.code(),
        exit_reason => own(crate::report::headline::exit_reason(document)),
        links => links(document),
        head => commit(document, document.change.commit.as_deref()),
        base => base(document),
        dirty => document.change.dirty == Some(true),
        branch => document.change.branch.as_deref().map(foreign),
        host => foreign(&document.host.title()),
        compared => comparison.map(|comparison| compared(document, comparison)),
        counts => context! {
            benchmarks => document.counts.benchmarks, tests => document.counts.tests,
            generations => document.counts.generations,
        },
        took => took(document.run.duration_ns).map(own),
        any_trend => any_trend,
        regressed => list(&regressed, row),
        improved => list(&improved, row),
        undecided => list(&of(&[Verdict::Inconclusive]), row),
        missing => list(&of(&[Verdict::Missing]), row),
        without_base => list(&of(&[Verdict::NoBase]), row),
        new => list(&of(&[Verdict::New]), row),
        unchanged => list(&of(&[Verdict::Unchanged]), row),
        broken => list(&broken(document), broken_step),
        tests => tests_of::tests(document),
        generations => generations(document),
        quarantine => quarantined(document),
        remarks => remarks(document),
        charts => charts,
        reproduce => reproduce(document, &regressed),
        false_alarms => comparison.and_then(|comparison| comparison.false_alarms).map(|share| own(per_runs(share))),
        overhead => document.measuring.as_ref().and_then(rows::overhead).map(own),
        measured => measured(document),
        steps => steps(document),
        step_count => document.steps.len(),
        legs => legs(document),
    }
}

fn list<T: Copy>(items: &[T], of: impl Fn(T) -> Value) -> Value {
    items.iter().map(|item| of(*item)).collect::<Vec<_>>().into()
}

fn size(row: &MetricChange) -> f64 {
    row.change.map_or(f64::INFINITY, f64::abs)
}

fn remarks(document: &Document) -> Value {
    let told: Vec<_> = document.remarks.iter().filter(|remark| remark.level != RemarkLevel::Info).collect();
    list(&told, |remark| foreign(&remark.text))
}

/// The legs of a joined run, with the host that each ran on.
fn legs(document: &Document) -> Value {
    let host = |class: &str| {
        let known = [&document.host].into_iter().chain(&document.hosts).find(|host| host.class_key == class);
        known.map(|host| foreign(&host.title()))
    };
    list(&document.legs.iter().collect::<Vec<_>>(), |leg| {
        context! {
            name => foreign(&leg.name),
            result => own(if leg.is_missing() { "no results".to_owned() } else { leg.status.as_str().to_owned() }),
            steps => leg.steps,
            took => took(leg.duration_ns).map(own),
            host => host(&leg.class_key),
        }
    })
}

fn steps(document: &Document) -> Value {
    list(&document.steps.iter().take(RAW).collect::<Vec<_>>(), |step| {
        context! {
            id => foreign(&step.id),
            result => foreign(&rows::step_result(document, step)),
            took => took(step.duration_ns).map(own),
        }
    })
}

/// How long something took; what was killed did not tell.
fn took(ns: u64) -> Option<String> {
    (ns > 0).then(|| figures::time(ns as f64))
}

fn per_runs(share: f64) -> String {
    if share > 0.0 { format!("at most 1 in {:.0} runs", 1.0 / share) } else { "none".to_owned() }
}

/// The addresses that a report may link to, each checked for its form.
fn links(document: &Document) -> Value {
    let page = |path: &str| repository(document).map(|address| own(format!("{address}{path}")));
    context! {
        repository => page(""),
        job => document.change.job_url.as_deref().filter(|url| is_plain_url(url)).map(own),
    }
}

/// `https://github.com/owner/name`.
pub(in crate::report) fn repository(document: &Document) -> Option<String> {
    let (server, name) = (document.change.server.as_deref()?, document.change.repository.as_deref()?);
    let is_name = name.split('/').all(|part| {
        !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
    });
    (is_plain_url(server) && is_name).then(|| format!("{}/{name}", server.trim_end_matches('/')))
}

/// An address that can stand in Markdown and HTML as it is.
pub fn is_plain_url(url: &str) -> bool {
    let rest = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"));
    rest.is_some_and(|rest| {
        (1..=500).contains(&rest.len())
            && rest.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.~:/?#=%+".contains(&byte))
    })
}

/// A commit, shortened and linked.
fn commit(document: &Document, hash: Option<&str>) -> Option<Value> {
    let hash = hash.filter(|hash| hash.len() >= 7 && hash.bytes().all(|byte| byte.is_ascii_hexdigit()))?;
    let short = hash.get(..9).unwrap_or(hash);
    Some(own(match repository(document) {
        Some(address) => format!("[`{short}`]({address}/commit/{hash})"),
        None => format!("`{short}`"),
    }))
}

/// What the head was compared with.
fn base(document: &Document) -> Option<Value> {
    let against = document.run.against.as_ref().map(|against| against.base.as_str());
    let stored = document.comparison.as_ref().and_then(|comparison| comparison.baseline.as_ref());
    commit(document, against.or_else(|| stored.and_then(|baseline| baseline.commit.as_deref())))
}

fn compared(document: &Document, comparison: &Comparison) -> Value {
    let baseline = comparison.baseline.as_ref();
    context! {
        paired => comparison.basis == Basis::Paired,
        note => comparison.note.as_deref().map(foreign),
        run => baseline.map(|baseline| foreign(&baseline.run)),
        same_hardware => baseline.map(|baseline| baseline.class_key == document.host.class_key),
        distance => baseline.and_then(|baseline| baseline.distance),
        named => document.run.against.as_ref().map(|against| foreign(&against.named)),
        rows => comparison.rows.len(),
        confidence => comparison.rows.iter().find_map(|row| row.confidence).map(|share| own(percent(share))),
    }
}

fn percent(share: f64) -> String {
    let percent = share * 100.0;
    // 99.5 keeps its digit, 99 has none.
    format!("{} %", format!("{percent:.2}").trim_end_matches('0').trim_end_matches('.'))
}

/// A row of a comparison.
fn row(row: &MetricChange) -> Value {
    // A figure stays on one line, however narrow its column is.
    let own = |text: String| own(text.replace(' ', "\u{a0}"));
    let value = |value: Option<f64>| own(value.map_or_else(|| "–".to_owned(), |value| figure(value, &row.unit)));
    let interval = match (row.low, row.high) {
        (Some(low), Some(high)) => figures::interval(low, high),
        _ => String::new(),
    };
    context! {
        benchmark => foreign(&row.benchmark),
        metric => metric(row),
        base => value(row.base),
        head => value(row.head),
        change => own(row.change.map(figures::change).unwrap_or_default()),
        interval => own(interval),
        pairs => row.pairs.map(|pairs| if pairs.confirmation > 0 { pairs.confirmation } else { pairs.screening }),
        n => own(format!("{}/{}", row.n.0, row.n.1)),
        limit => own(percent(row.limit)),
        seen => row.smallest_detectable.map(|share| own(short_percent(share))),
        verdict => own(rows::verdict_word(row.verdict).to_owned()),
        beside => row.beside,
        how => how(row),
        accepted => row.accepted.as_ref().map(accepted),
        note => row.note.as_deref().map(|note| foreign(&escape::cut(note, 300))),
        spark => own(charts::spark(row)),
    }
}

/// A value whose unit may be foreign text.
fn figure(value: f64, unit: &str) -> String {
    let text = figures::value(value, unit);
    if matches!(unit, "ns" | "bytes" | "bytes/s" | "" | "count" | "1/s" | "ratio") { text } else { escape::code(&text) }
}

/// The metric in words.
fn metric(row: &MetricChange) -> Value {
    let words = rows::metric_word(&row.metric);
    let is_plain = words.chars().all(|c| c.is_ascii_alphanumeric() || c == ' ');
    if is_plain { own(words) } else { foreign(&words) }
}

/// How the verdict came about.
fn how(row: &MetricChange) -> Value {
    let mut words = match row.pairs {
        Some(pairs) if pairs.confirmation > 0 => format!("confirmed on {} fresh pairs", pairs.confirmation),
        Some(pairs) if row.p.is_some() => format!("{} pairs", pairs.screening),
        Some(_) => "exact".to_owned(),
        None => format!("n = {}/{}", row.n.0, row.n.1),
    };
    match &row.validity {
        Validity::Valid => {}
        Validity::Noisy { reason } => words.push_str(&format!("; noisy: {}", escape::code(&reason.text))),
        Validity::Invalid { reason } => words.push_str(&format!("; not usable: {}", escape::code(&reason.text))),
    }
    own(words)
}

fn accepted(accepted: &AcceptedRef) -> Value {
    context! {
        reason => foreign(&escape::cut(&accepted.reason, 200)),
        author => foreign(&accepted.author),
        pattern => foreign(&accepted.pattern),
    }
}

fn short_percent(share: f64) -> String {
    figures::change(share).trim_start_matches(['+', '−']).to_owned()
}

/// Steps that went wrong as a whole.
fn broken(document: &Document) -> Vec<&Step> {
    let bad = |step: &&Step| matches!(step.status, StepStatus::Failed | StepStatus::Errored | StepStatus::TimedOut);
    document.steps.iter().filter(bad).filter(|step| step.reason.is_some()).collect()
}

fn broken_step(step: &Step) -> Value {
    let log = step.log.as_ref().map(|log| log.tail.as_str()).filter(|tail| !tail.is_empty());
    context! {
        id => foreign(&step.id),
        reason => step.reason.as_ref().map(|reason| foreign(&reason.text)),
        log => log.map(|log| foreign(&tail(log))),
    }
}

/// The end of a log: what went wrong stands there.
fn tail(log: &str) -> String {
    let length = log.chars().count();
    let rest: String = log.chars().skip(length.saturating_sub(LONGEST)).collect();
    if length > LONGEST { format!("…{rest}") } else { rest }
}

fn generations(document: &Document) -> Value {
    let wrong: Vec<_> = document.generations.iter().filter(|generation| !generation.state.is_right()).collect();
    context! {
        all => document.counts.generations,
        wrong => list(&wrong, |generation| context! {
            output => foreign(&generation.output),
            template => foreign(&generation.template),
            state => own(generation.state.sentence()),
            message => generation.why().map(foreign),
            diff => generation.diff.as_deref().map(|diff| foreign(&escape::cut(diff, LONGEST))),
        }),
    }
}

fn quarantined(document: &Document) -> Value {
    let failing: Vec<_> = document.quarantine.iter().filter(|one| one.state != QuarantineState::Idle).collect();
    list(&failing, |one| {
        context! {
            title => foreign(&one.title),
            step => foreign(&one.step),
            means => own(match one.state {
                QuarantineState::Excused | QuarantineState::Idle => "does not count until",
                QuarantineState::Expired => "counts since",
                QuarantineState::Crashed => "crashed, which counts; in quarantine until",
            }),
            until => foreign(&one.until),
            owner => foreign(&one.owner),
            reason => foreign(&escape::cut(&one.reason, 200)),
        }
    })
}

/// The command that measures the worst regression again.
fn reproduce(document: &Document, regressed: &[&MetricChange]) -> Option<Value> {
    let worst = regressed.iter().find(|row| !row.beside).or(regressed.first())?;
    let base = document.run.against.as_ref().map(|against| against.base.as_str());
    let base = base.filter(|base| base.bytes().all(|byte| byte.is_ascii_hexdigit()))?;
    let name = quoted_for_shell(&worst.benchmark);
    let command = format!("backsight run --only benchmarks -k {name} --against {}", base.get(..12).unwrap_or(base));
    let command = match document.change.commit.as_deref().filter(|hash| hash.bytes().all(|b| b.is_ascii_hexdigit())) {
        Some(head) => format!("git checkout {} && {command}", head.get(..12).unwrap_or(head)),
        None => command,
    };
    Some(foreign(&command))
}

/// One word of a POSIX shell, whatever it holds.
fn quoted_for_shell(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

/// The figures of all benchmarks.
fn measured(document: &Document) -> Value {
    let rows: Vec<_> = document
        .benchmarks
        .iter()
        .flat_map(|benchmark| benchmark.metrics.iter().map(move |metric| (benchmark, metric)))
        .take(RAW)
        .collect();
    list(&rows, |(benchmark, metric)| {
        let interval = metric.summary.as_ref().and_then(|summary| {
            Some(format!("{} … {}", figure(summary.low?, &metric.unit), figure(summary.high?, &metric.unit)))
        });
        context! {
            benchmark => foreign(&benchmark.series()),
            metric => foreign(&rows::metric_word(&metric.metric)),
            value => foreign(&rows::figure(metric)),
            interval => own(interval.unwrap_or_default()),
            n => metric.samples.len(),
        }
    })
}
