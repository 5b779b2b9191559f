//! Rust: tests through nextest or cargo, criterion's benchmarks, and the start of a command-line program.

use super::draft::{Draft, Run, Step};
use super::look::{Look, folder_of};

/// Where cargo builds, fixed for steps that name a file in there.
const TARGET: (&str, &str) = ("CARGO_TARGET_DIR", "target");

/// What a manifest says, as far as it matters here.
#[derive(Debug, Default)]
struct Manifest {
    package: Option<String>,
    workspace: bool,
    /// `[[bench]]` entries: name, and whether the libtest harness is switched off.
    benches: Vec<(String, bool)>,
    /// Names of `[[bin]]` entries.
    bins: Vec<String>,
    criterion: bool,
    clap: bool,
}

pub(super) fn draft(look: &Look, draft: &mut Draft) {
    let Some(top) = look.named("Cargo.toml").next() else { return };
    let folder = folder_of(top);
    let inside = |path: &&str| folder.is_empty() || path.starts_with(&format!("{folder}/"));
    let manifests: Vec<(&str, Manifest)> =
        look.named("Cargo.toml").filter(inside).map(|path| (path, read(&look.text(path)))).collect();
    let whole = manifests.iter().any(|(path, manifest)| *path == top && manifest.workspace);
    tests(look, draft, top, whole);
    benches(look, draft, &manifests, whole, folder);
    program(look, draft, &manifests, folder);
}

fn tests(look: &Look, draft: &mut Draft, top: &str, whole: bool) {
    let folder = folder_of(top);
    let config =
        if folder.is_empty() { ".config/nextest.toml".to_owned() } else { format!("{folder}/.config/nextest.toml") };
    let workspace: &[&str] = if whole { &["--workspace"] } else { &[] };
    let mut step = Step { name: "cargo".to_owned(), keys: vec![("timeout", "30m".to_owned())], ..Step::default() };
    if !look.has(&config) {
        step.why.push(
            "One case for all: cargo's own runner writes no JUnit. With cargo-nextest and `[profile.ci.junit]` in \
             .config/nextest.toml each test becomes a case; run `backsight init` again then."
                .to_owned(),
        );
        step.run = Run::args(&[&["cargo", "test"], workspace].concat());
        draft.found(top, "test step `cargo`: cargo test, judged by its exit code");
    } else if let Some((profile, file)) = junit_profile(&look.text(&config)) {
        step.why.push("nextest writes JUnit, so each test is a case; the place is fixed to find it.".to_owned());
        step.run = Run::args(&[&["cargo", "nextest", "run", "--profile", &profile], workspace].concat());
        step.keys.push(("junit", format!("target/nextest/{profile}/{file}")));
        step.env.push((TARGET.0, TARGET.1.to_owned()));
        draft.found(&config, format!("test step `cargo`: nextest with the JUnit file of its profile {profile}"));
    } else {
        step.why.push(
            "One case for all: add `[profile.ci.junit]` with `path = \"junit.xml\"` to .config/nextest.toml to make \
             each test a case."
                .to_owned(),
        );
        step.run = Run::args(&[&["cargo", "nextest", "run"], workspace].concat());
        draft.found(&config, "test step `cargo`: nextest, judged by its exit code");
    }
    draft.test(step.in_folder(folder));
}

/// The first profile of nextest's configuration that writes JUnit, and the file's name.
fn junit_profile(text: &str) -> Option<(String, String)> {
    let mut profile = None;
    for line in text.lines().map(str::trim) {
        if line.starts_with('[') {
            profile =
                line.strip_prefix("[profile.").and_then(|rest| rest.strip_suffix(".junit]")).filter(|it| is_name(it));
        } else if let (Some(profile), Some(file)) = (profile, value(line, "path")) {
            return is_file_name(&file).then(|| (profile.to_owned(), file));
        }
    }
    None
}

fn benches(look: &Look, draft: &mut Draft, manifests: &[(&str, Manifest)], whole: bool, folder: &str) {
    let mut names: Vec<&str> = Vec::new();
    for (path, manifest) in manifests.iter().filter(|(_, manifest)| manifest.criterion) {
        let own: Vec<&str> = manifest.benches.iter().filter(|(_, off)| *off).map(|(name, _)| name.as_str()).collect();
        if !own.is_empty() {
            draft.found(path, format!("benchmark step `criterion`: {}", own.join(", ")));
            names.extend(own);
        }
    }
    if names.is_empty() {
        if let Some(path) = look.files().find(|path| path.contains("benches/") && path.ends_with(".rs")) {
            draft.found(path, "no benchmark step: only criterion's output can be read so far");
        }
        return;
    }
    names.sort_unstable();
    names.dedup();
    // `--bench` names the targets: without it cargo also starts the unit tests, which know no `--output-format`.
    let mut words = vec!["cargo", "bench"];
    words.extend(whole.then_some("--workspace"));
    words.extend(names.iter().flat_map(|name| ["--bench", name]));
    let build: Vec<&str> = words.iter().copied().chain(["--no-run"]).collect();
    words.extend(["--", "--output-format", "bencher"]);
    let step = Step {
        name: "criterion".to_owned(),
        why: vec!["criterion measures; backsight reads its figures.".to_owned()],
        run: Run::args(&words),
        keys: vec![("build", build.join(" ")), ("harness", "libtest".to_owned()), ("timeout", "30m".to_owned())],
        env: Vec::new(),
    };
    draft.benchmark(step.in_folder(folder));
}

fn program(look: &Look, draft: &mut Draft, manifests: &[(&str, Manifest)], folder: &str) {
    // Only clap promises that `--help` answers and ends; another program might start a server.
    for (path, manifest) in manifests.iter().filter(|(_, manifest)| manifest.clap) {
        let own = folder_of(path);
        let main = if own.is_empty() { "src/main.rs".to_owned() } else { format!("{own}/src/main.rs") };
        let by_package = manifest.package.clone().filter(|_| look.has(&main));
        let Some(name) = manifest.bins.first().cloned().or(by_package) else { continue };
        draft.found(path, format!("benchmark step `start`: how long {name} takes to start"));
        let step = Step {
            name: "start".to_owned(),
            why: vec!["How long the program takes to start; replace it with what your users wait for.".to_owned()],
            run: Run::Args(vec![format!("./target/release/{name}"), "--help".to_owned()]),
            keys: vec![("build", format!("cargo build --release --bin {name}"))],
            env: vec![(TARGET.0, TARGET.1.to_owned())],
        };
        draft.benchmark(step.in_folder(folder));
        return;
    }
}

/// Reads the lines that matter; this is no TOML parser, and what it does not understand it passes over.
fn read(text: &str) -> Manifest {
    let mut manifest = Manifest::default();
    let mut section = String::new();
    for line in text.lines().map(str::trim) {
        if line.starts_with('[') {
            section = line.trim_matches(['[', ']', ' ']).to_owned();
            match section.as_str() {
                "bench" => manifest.benches.push((String::new(), false)),
                "bin" => manifest.bins.push(String::new()),
                "workspace" => manifest.workspace = true,
                _ => {}
            }
        }
        let name = value(line, "name").filter(|name| is_name(name));
        let names = |crate_name: &str| line.starts_with(crate_name) || section.ends_with(&format!(".{crate_name}"));
        match section.as_str() {
            "package" => manifest.package = manifest.package.take().or(name),
            "bench" => note_bench(&mut manifest, line, name),
            "bin" => manifest.bins.last_mut().zip(name).map_or((), |(bin, name)| *bin = name),
            other if other.contains("dependencies") => {
                manifest.criterion |= names("criterion") || names("codspeed-criterion-compat");
                manifest.clap |= names("clap") && !other.contains("dev-");
            }
            _ => {}
        }
    }
    manifest.bins.retain(|name| !name.is_empty());
    manifest.benches.retain(|(name, _)| !name.is_empty());
    manifest
}

fn note_bench(manifest: &mut Manifest, line: &str, name: Option<String>) {
    let Some(bench) = manifest.benches.last_mut() else { return };
    if let Some(name) = name {
        bench.0 = name;
    }
    bench.1 |= line.split_once('=').is_some_and(|(key, value)| key.trim() == "harness" && value.trim() == "false");
}

/// The text of `key = "text"`.
fn value(line: &str, key: &str) -> Option<String> {
    let (found, value) = line.split_once('=')?;
    let value = value.split('#').next()?.trim();
    (found.trim() == key).then(|| value.trim_matches(['"', '\'']).to_owned())
}

fn is_name(text: &str) -> bool {
    !text.is_empty() && !text.starts_with('-') && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b))
}

fn is_file_name(text: &str) -> bool {
    is_name(&text.replace('.', "_"))
}
