//! Python by our parser and by CPython's own, over Python's standard library and files broken on purpose.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use backsight::syntax::{Language, parse};

/// At most so many files of the standard library, each unchanged and broken once.
const FILES: usize = 250;

/// Reads files named on its standard input and says of each whether CPython can parse it.
const JUDGE: &str = "import ast, sys, warnings
warnings.simplefilter('ignore')
for path in sys.argv[1:]:
    try:
        ast.parse(open(path, encoding='utf-8', newline='').read())
        print(path, 'good', sep='\\t')
    except (SyntaxError, ValueError) as error:
        print(path, 'bad', str(error).replace('\\n', ' '), sep='\\t')
    except (RecursionError, MemoryError):
        pass
";

/// The files of the standard library, largest ones left out, spread evenly.
fn library() -> Option<Vec<PathBuf>> {
    let script = "import sysconfig; print(sysconfig.get_paths()['stdlib'])";
    let found = Command::new("python3").args(["-c", script]).output().ok()?;
    let root = PathBuf::from(String::from_utf8(found.stdout).ok()?.trim());
    let mut all = Vec::new();
    for folder in ["", "json", "email", "unittest", "asyncio", "concurrent/futures", "multiprocessing", "importlib"] {
        let entries = fs::read_dir(root.join(folder)).ok()?;
        let paths = entries.flatten().map(|entry| entry.path()).filter(|path| path.extension() == Some("py".as_ref()));
        all.extend(paths.filter(|path| fs::metadata(path).is_ok_and(|facts| facts.len() < 60_000)));
    }
    all.sort();
    let step = all.len().div_ceil(FILES).max(1);
    Some(all.into_iter().step_by(step).collect())
}

/// Breaks a line as templates do: a token lost, doubled or put in, an indentation changed, two lines joined, a cut.
fn broken(text: &str, seed: usize) -> String {
    let mut lines: Vec<String> = text.split_inclusive('\n').map(str::to_owned).collect();
    let filled: Vec<usize> = (0..lines.len()).filter(|at| lines[*at].trim().len() > 3).collect();
    let Some(at) = filled.get(seed * 7_919 % filled.len().max(1)).copied() else { return text.to_owned() };
    let line = lines[at].clone();
    let (start, end) = (line.len() - line.trim_start().len(), line.trim_end().len());
    let middle = (start..=start + (seed * 31) % (end - start)).rev().find(|at| line.is_char_boundary(*at)).unwrap_or(0);
    let (head, tail) = line.split_at(middle);
    let put = ["(", ")", "[", "}", ":", ",", "=", "\"", "'", " if ", " class ", " None ", "{{ x }}"][seed % 13];
    lines[at] = match seed % 9 {
        0 => format!(" {line}"),
        1 => format!("\t{}", line.trim_start()),
        2 => format!("{head}{put}{tail}"),
        3 => format!("{head}{}", tail.chars().skip(1).collect::<String>()),
        4 => line.trim_end().to_owned(),
        5 => String::new(),
        6 => format!("{head}\n"),
        7 => line.strip_prefix("    ").unwrap_or("else:\n").to_owned(),
        _ => line.replace(['(', ':'], ""),
    };
    lines.concat()
}

#[test]
fn python_agrees_with_cpython() {
    let Some(files) = library().filter(|files| files.len() > 50) else {
        println!("skipped: no python3 with its standard library here");
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let mut paths = Vec::new();
    for (number, file) in files.iter().enumerate() {
        let Ok(text) = fs::read_to_string(file) else { continue };
        for (kind, text) in [("good", text.clone()), ("broken", broken(&text, number))] {
            let path = folder.path().join(format!("{kind}-{number}.py"));
            fs::write(&path, text).unwrap();
            paths.push(path);
        }
    }
    let mut theirs = BTreeMap::new();
    for some in paths.chunks(200) {
        let said = Command::new("python3").args(["-c", JUDGE]).args(some).output().unwrap();
        for line in String::from_utf8(said.stdout).unwrap().lines() {
            let (path, verdict) = line.split_once('\t').unwrap();
            theirs.insert(path.to_owned(), verdict.to_owned());
        }
    }
    compare(&theirs);
}

fn compare(theirs: &BTreeMap<String, String>) {
    let (mut same, mut bad, mut differ) = (0, 0, Vec::new());
    for (path, verdict) in theirs {
        let ours = parse(Language::Python, &fs::read_to_string(Path::new(path)).unwrap());
        bad += usize::from(verdict != "good");
        if ours.is_ok() == (verdict == "good") {
            same += 1;
        } else {
            let ours = ours.err().map_or_else(|| "good".to_owned(), |error| error.to_string());
            differ.push(format!("{path}: CPython {verdict}, ours {ours}"));
        }
    }
    println!("{same} of {} alike, {bad} of them bad; different:\n{}", theirs.len(), differ.join("\n"));
    assert!(bad * 5 > theirs.len(), "only {bad} of {} files were broken", theirs.len());
    assert!(same * 200 >= theirs.len() * 199, "less than 99.5% alike: {}", differ.join("\n"));
}
