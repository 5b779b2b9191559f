//! What reading a large JUnit file costs, against a bare quick-xml loop and lxml's iterparse.
//!
//! `cargo bench --bench junit` writes files of 200 MB with 1.3 million cases into a temporary folder and reads each of
//! them several times, the readers in turns, each in a fresh process: CPU time and peak memory come from the process's
//! own `getrusage`. It prints a Markdown table; `docs/measurements/junit.md` keeps one.
//!
//! Options after `--`: `--cases N`, `--rounds N`, `--python PATH` (an interpreter that has lxml; default `python3`).

#![allow(clippy::print_stdout, reason = "the table is what this program is for")]

use std::error::Error;
use std::fs::File;
use std::io::{BufReader, BufWriter, Write};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::process::Command;

use backsight::harness::junit;
use quick_xml::Reader;
use quick_xml::events::Event;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// One way to read the file, and its row in the table.
const READERS: [(&str, &str); 4] = [
    ("bare", "quick-xml, bare loop with attributes"),
    ("unchecked", "the same without its check for repeated attributes"),
    ("backsight", "`harness::junit::read`"),
    ("lxml", "lxml `iterparse` with `clear()`"),
];

const LXML: &str = r"
import resource, sys
from lxml import etree
cases = size = 0
for _, element in etree.iterparse(sys.argv[1], events=('end',), huge_tree=True):
    if element.tag == 'testcase':
        cases += 1
        for value in element.attrib.values():
            size += len(value)
        element.clear()
        while element.getprevious() is not None:
            del element.getparent()[0]
usage = resource.getrusage(resource.RUSAGE_SELF)
print(cases, usage.ru_utime + usage.ru_stime, usage.ru_maxrss)
";

/// What one reading cost.
struct Cost {
    cases: u64,
    cpu_s: f64,
    peak_kib: u64,
}

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|a| a != "--bench").collect();
    if let [child, reader, path] = arguments.as_slice()
        && child == "--child"
    {
        return child_main(reader, Path::new(path));
    }
    let option = |name: &str| arguments.iter().position(|a| a == name).and_then(|i| arguments.get(i + 1)).cloned();
    let cases: u64 = option("--cases").map_or(Ok(1_300_000), |n| n.parse())?;
    let rounds: usize = option("--rounds").map_or(Ok(5), |n| n.parse())?;
    let python = option("--python").unwrap_or_else(|| "python3".into());
    let folder = tempfile::tempdir()?;
    println!("| file | reader | CPU, median | against bare | peak memory |\n|---|---|---|---|---|");
    for (title, suites, failing) in [
        ("2,600 suites, 1 % failing", 2_600, 100),
        ("one suite, 1 % failing", 1, 100),
        ("2,600 suites, all pass", 2_600, 0),
    ] {
        let path = folder.path().join(format!("junit-{suites}-{failing}.xml"));
        generate(&path, cases, suites, failing)?;
        let megabytes = path.metadata()?.len() / 1_000_000;
        measure(&format!("{title} ({megabytes} MB)"), &path, cases, rounds, &python)?;
        std::fs::remove_file(&path)?;
    }
    Ok(())
}

/// Writes a report the way pytest and nextest do.
fn generate(path: &Path, cases: u64, suites: u64, one_fails_in: u64) -> Result<()> {
    let mut out = BufWriter::new(File::create(path)?);
    writeln!(out, "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<testsuites name=\"generated\" tests=\"{cases}\">")?;
    for suite in 0..suites {
        let from = cases * suite / suites;
        let to = cases * (suite + 1) / suites;
        writeln!(
            out,
            "  <testsuite name=\"tests.package_{suite}.test_module\" tests=\"{}\" time=\"12.345\">",
            to - from
        )?;
        for case in from..to {
            write!(
                out,
                "    <testcase classname=\"tests.package_{suite}.test_module.TestSomething\" \
                 name=\"test_that_it_works[{case:07}]\" file=\"tests/test_module.py\" line=\"{}\" time=\"0.{:03}\"",
                case % 900 + 1,
                case % 1000
            )?;
            if one_fails_in > 0 && case % one_fails_in == 0 {
                writeln!(
                    out,
                    ">\n      <failure message=\"assert {case} == 0\" type=\"AssertionError\">def test():\n&gt; assert \
                     {case} == 0\nE AssertionError\n</failure>\n    </testcase>"
                )?;
            } else {
                writeln!(out, "/>")?;
            }
        }
        writeln!(out, "  </testsuite>")?;
    }
    writeln!(out, "</testsuites>")?;
    out.flush()?;
    Ok(())
}

fn measure(title: &str, path: &Path, cases: u64, rounds: usize, python: &str) -> Result<()> {
    let mut costs: Vec<Vec<Cost>> = READERS.iter().map(|_| Vec::new()).collect();
    for _ in 0..rounds {
        for ((reader, _), costs) in READERS.iter().zip(&mut costs) {
            if let Some(cost) = run_child(reader, path, python)? {
                assert_eq!(cost.cases, cases, "{reader} must see all cases");
                costs.push(cost);
            }
        }
    }
    let bare = median(costs[0].iter().map(|cost| cost.cpu_s));
    for ((_, name), costs) in READERS.iter().zip(&costs) {
        if costs.is_empty() {
            println!("| {title} | {name} | not there | | |");
            continue;
        }
        let cpu = median(costs.iter().map(|cost| cost.cpu_s));
        let peak = costs.iter().map(|cost| cost.peak_kib).max().unwrap_or_default();
        println!("| {title} | {name} | {cpu:.3} s | {:.2}x | {:.1} MiB |", cpu / bare, peak as f64 / 1024.0);
    }
    Ok(())
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

/// Reads the file in a fresh process. `None` where there is no lxml.
fn run_child(reader: &str, path: &Path, python: &str) -> Result<Option<Cost>> {
    let own: PathBuf = std::env::current_exe()?;
    let output = match reader {
        "lxml" => Command::new(python).arg("-c").arg(LXML).arg(path).output(),
        _ => Command::new(own).args(["--child", reader]).arg(path).output(),
    };
    let output = match output {
        Ok(output) if output.status.success() => output,
        _ if reader == "lxml" => return Ok(None),
        output => return Err(format!("{reader} failed: {output:?}").into()),
    };
    let text = String::from_utf8(output.stdout)?;
    let mut words = text.split_whitespace();
    let mut next = || words.next().ok_or("a child printed too little");
    Ok(Some(Cost { cases: next()?.parse()?, cpu_s: next()?.parse()?, peak_kib: next()?.parse()? }))
}

fn child_main(reader: &str, path: &Path) -> Result<()> {
    let file = File::open(path)?;
    let (cases, size) = match reader {
        "backsight" => read_ours(file)?,
        _ => read_bare(file, reader == "bare")?,
    };
    std::hint::black_box(size);
    let (cpu_s, peak_kib) = usage();
    println!("{cases} {cpu_s} {peak_kib}");
    Ok(())
}

fn read_ours(file: File) -> Result<(u64, usize)> {
    let (mut cases, mut size) = (0, 0);
    junit::read(file, &junit::Limits::default(), &mut |case| {
        cases += 1;
        size += case.name.len() + case.class.as_ref().map_or(0, String::len);
        ControlFlow::Continue(())
    })?;
    Ok((cases, size))
}

fn read_bare(file: File, checks: bool) -> Result<(u64, usize)> {
    let mut reader = Reader::from_reader(BufReader::with_capacity(128 * 1024, file));
    let mut buffer = Vec::new();
    let (mut cases, mut size) = (0, 0);
    loop {
        match reader.read_event_into(&mut buffer)? {
            Event::Start(element) | Event::Empty(element) => {
                cases += u64::from(element.name().as_ref() == b"testcase");
                for attribute in element.attributes().with_checks(checks) {
                    size += attribute?.value.len();
                }
            }
            Event::Text(text) => size += text.len(),
            Event::Eof => return Ok((cases, size)),
            _ => {}
        }
        buffer.clear();
    }
}

/// CPU time in seconds and peak memory in KiB of this process.
#[allow(unsafe_code, reason = "getrusage has no safe form in the standard library")]
fn usage() -> (f64, u64) {
    // SAFETY: all-zero is a valid rusage, and getrusage only writes into it.
    let usage = unsafe {
        let mut usage: libc::rusage = std::mem::zeroed();
        libc::getrusage(libc::RUSAGE_SELF, &raw mut usage);
        usage
    };
    let seconds = |time: libc::timeval| time.tv_sec as f64 + time.tv_usec as f64 / 1e6;
    (seconds(usage.ru_utime) + seconds(usage.ru_stime), usage.ru_maxrss as u64)
}
