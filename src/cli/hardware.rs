//! `backsight hardware`.

use std::io::Write;
use std::path::PathBuf;

use super::output::{Console, Format};
use crate::ops::hardware::{Explained, Hardware, Unlike, explain, hardware, host_of};
use crate::ops::targets::Height;
use crate::report::escape::line;
use crate::results::{ExitCode, Host, TargetState};

/// Arguments of `hardware`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// How to print it.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
    /// Say whether two hosts are comparable, and why not: files that `hardware --format json` wrote, or results.json.
    #[arg(long, num_args = 2, value_names = ["A", "B"])]
    explain: Option<Vec<PathBuf>>,
    /// Try each target up to an operation on it: load its runtime, open a browser. Takes seconds.
    #[arg(long)]
    probe: bool,
    /// Look at a captured file system instead.
    #[arg(long, value_name = "DIR", default_value = "/", hide = true)]
    root: PathBuf,
}

/// Runs the command.
pub(super) fn run(args: &Args, console: Console) -> ExitCode {
    if let Some([first, second]) = args.explain.as_deref() {
        return match host_of(first).and_then(|first| Ok((first, host_of(second)?))) {
            Ok((first, second)) => explained(&first, &second, args.format),
            Err(error) => {
                console.error(&error.to_string());
                error.exit_code()
            }
        };
    }
    let height = if args.probe { Height::Operation } else { Height::Driver };
    let found = hardware(&args.root, std::path::Path::new("."), height);
    print(&match args.format {
        Format::Text => table(&found),
        Format::Json => serde_json::to_string_pretty(&found).unwrap_or_default() + "\n",
    })
}

fn print(text: &str) -> ExitCode {
    super::written(anstream::stdout().lock().write_all(text.as_bytes()))
}

fn explained(first: &Host, second: &Host, format: Format) -> ExitCode {
    let answer = explain(first, second);
    let written = print(&match format {
        Format::Text => explanation(&answer),
        Format::Json => serde_json::to_string_pretty(&answer).unwrap_or_default() + "\n",
    });
    match written {
        ExitCode::Passed if !answer.comparable => ExitCode::Failed,
        written => written,
    }
}

fn explanation(answer: &Explained) -> String {
    let rows = |all: &[Unlike]| -> String {
        all.iter().map(|one| format!("  {:14} {} → {}\n", one.fact, line(&one.first), line(&one.second))).collect()
    };
    let mut text = if answer.comparable {
        "comparable: both are of one class\n".to_owned()
    } else {
        format!("not comparable: facts of the class differ\n{}", rows(&answer.class))
    };
    if !answer.software.is_empty() {
        text.push_str(&format!(
            "software differs, which does not part them but is worth knowing\n{}",
            rows(&answer.software)
        ));
    }
    text
}

fn table(found: &Hardware) -> String {
    let host = &found.host;
    let mut text = format!("{}\n\n", line(&host.title()));
    let mut row = |name: &str, value: &str| text.push_str(&format!("  {name:14} {}\n", line(value)));
    row("class", &host.class_key);
    for (name, value) in host.class_facts() {
        row(name, &value);
    }
    row("software", host.software_key.as_deref().unwrap_or("?"));
    for (name, value) in &host.software {
        row(name, value);
    }
    if let Some(container) = &host.container {
        row("container", container);
    }
    for (name, value) in &found.state {
        row(name, value);
    }
    for device in found.devices.iter().flat_map(|found| &found.devices) {
        let name = device.name.as_deref().unwrap_or("?");
        row(&format!("{} {}", device.vendor, device.index), &format!("{name}: {}", device.standing()));
    }
    text.push_str("\ntargets\n");
    for probe in &host.probes {
        let state = match probe.state {
            TargetState::Available => "available",
            TargetState::Unavailable => "unavailable",
            TargetState::Broken => "broken",
        };
        let last = probe.rungs.last().map_or("", |rung| rung.found.as_str());
        let code = probe.reason.as_ref().map(|reason| format!("{}: ", reason.code)).unwrap_or_default();
        text.push_str(&format!("  {:14} {state:12} {}\n", probe.target, line(&format!("{code}{last}"))));
    }
    text.push_str(&unread(found));
    text
}

/// What cannot be read, and why.
fn unread(found: &Hardware) -> String {
    let devices = found.devices.iter().flat_map(|found| &found.devices);
    let of_devices = devices.flat_map(|device| {
        let name = format!("{} {}", device.vendor, device.index);
        device.unread.iter().map(move |(field, reason)| (format!("{name}.{field}"), reason.clone()))
    });
    let of_host = found.host.unread.iter().map(|(field, reason)| (field.clone(), reason.clone()));
    let rows: String =
        of_host.chain(of_devices).map(|(name, reason)| format!("  {:22} {}\n", line(&name), line(&reason))).collect();
    if rows.is_empty() { rows } else { format!("\nnot readable\n{rows}") }
}
