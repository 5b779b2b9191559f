//! The documentation says what the program does: links lead somewhere, commands parse, tables agree with the code.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use backsight::results::ExitCode;
use serde_json::Value;

pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Every Markdown file of ours, fixtures left out: those quote other projects.
pub(crate) fn pages() -> Vec<PathBuf> {
    fn collect(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy();
            // What others wrote, where somebody has run the examples.
            let foreign = name.starts_with('.') || name == "node_modules";
            if path.is_dir() && !foreign {
                collect(&path, found);
            } else if path.extension().is_some_and(|extension| extension == "md") {
                found.push(path.clone());
            }
        }
    }
    let mut found = vec![root().join("README.md"), root().join("CHANGELOG.md")];
    collect(&root().join("docs"), &mut found);
    collect(&root().join("examples"), &mut found);
    found
}

/// The lines of a page with the language of the code block they stand in, `None` outside of one.
fn lines(text: &str) -> Vec<(Option<&str>, &str)> {
    let mut block = None;
    let mut found = Vec::new();
    for line in text.lines() {
        match (line.trim_start().strip_prefix("```"), block) {
            (Some(language), None) => block = Some(language.trim()),
            (Some(_), Some(_)) => block = None,
            (None, _) => found.push((block, line)),
        }
    }
    found
}

/// A code block.
pub(crate) struct Block<'a> {
    pub(crate) language: &'a str,
    pub(crate) lines: Vec<&'a str>,
}

impl Block<'_> {
    /// Whether it holds command lines: in `sh` all, in `console` those after `$`.
    pub(crate) fn is_shell(&self) -> bool {
        matches!(self.language, "sh" | "console")
    }
}

/// The code blocks of a page.
pub(crate) fn blocks(text: &str) -> Vec<Block<'_>> {
    let mut found: Vec<Block<'_>> = Vec::new();
    let mut open = false;
    for line in text.lines() {
        match line.trim_start().strip_prefix("```") {
            Some(language) if !open => {
                found.push(Block { language: language.trim(), lines: Vec::new() });
                open = true;
            }
            Some(_) => open = false,
            None if open => found.last_mut().unwrap().lines.push(line),
            None => {}
        }
    }
    found
}

/// What GitHub makes of a heading for the part of a link after `#`.
fn anchor(heading: &str) -> String {
    let kept = heading.trim().to_lowercase();
    kept.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_')).collect::<String>().replace(' ', "-")
}

fn anchors(text: &str) -> BTreeSet<String> {
    let headings = lines(text).into_iter().filter(|(block, line)| block.is_none() && line.starts_with('#'));
    headings.map(|(_, line)| anchor(line.trim_start_matches('#'))).collect()
}

/// The targets of `[text](target)`.
fn links(text: &str) -> Vec<String> {
    let prose: Vec<_> = lines(text).into_iter().filter(|(block, _)| block.is_none()).map(|(_, line)| line).collect();
    let prose = prose.join("\n");
    let parts = prose.split("](").skip(1).filter_map(|part| part.split_once(')'));
    parts.map(|(target, _)| target.to_owned()).collect()
}

#[test]
fn every_link_leads_somewhere() {
    let mut broken = Vec::new();
    for page in pages() {
        let text = fs::read_to_string(&page).unwrap();
        for link in links(&text).into_iter().filter(|link| !link.contains("://")) {
            let (path, part) = link.split_once('#').unwrap_or((&link, ""));
            let target = if path.is_empty() { page.clone() } else { page.parent().unwrap().join(path) };
            let there = target.exists();
            let part_is_there =
                part.is_empty() || (there && anchors(&fs::read_to_string(&target).unwrap()).contains(part));
            if !there || !part_is_there {
                broken.push(format!("{}: {link}", page.strip_prefix(root()).unwrap().display()));
            }
        }
    }
    assert!(broken.is_empty(), "links that lead nowhere:\n{}", broken.join("\n"));
}

/// The site shows what its table of contents names; the folder's README is for those who read it without the site.
#[test]
fn the_site_has_all_pages_and_begins_with_the_first() {
    let summary = read("docs/SUMMARY.md");
    let listed = links(&summary);
    assert_eq!(listed.first().map(String::as_str), Some("start.md"));
    let docs = root().join("docs");
    let names =
        pages().into_iter().filter_map(|page| page.strip_prefix(&docs).ok().map(|page| page.display().to_string()));
    let missing: Vec<String> =
        names.filter(|name| name != "README.md" && name != "SUMMARY.md" && !listed.contains(name)).collect();
    assert!(missing.is_empty(), "docs/SUMMARY.md does not list {missing:?}");
    let twice: Vec<&String> =
        listed.iter().filter(|one| listed.iter().filter(|other| other == one).count() > 1).collect();
    assert!(twice.is_empty(), "docs/SUMMARY.md lists {twice:?} more than once");
}

/// The arguments of each `backsight ...` in the shell blocks of a page.
fn commands(text: &str) -> Vec<Vec<String>> {
    let shell = lines(text).into_iter().filter(|(block, _)| matches!(block, Some("sh" | "console")));
    let command = |block: &str, line: &str| {
        // In a console block the other lines are output.
        let line = if block == "console" { line.strip_prefix("$ ")? } else { line };
        // What follows is the shell's or a comment.
        let line = line.split(" #").next().unwrap_or_default();
        let line = line.split(['|', '>', ';', '&']).next().unwrap_or_default().trim().to_owned();
        let run = line.strip_prefix("cargo run").map(|rest| rest.split_once(" -- ").map_or("", |(_, rest)| rest));
        let arguments = line.strip_prefix("backsight ").or(run).map(str::to_owned)?;
        Some(shell_words::split(&arguments).unwrap_or_else(|error| panic!("{line}: {error}")))
    };
    shell.filter_map(|(block, line)| command(block?, line)).collect()
}

#[test]
fn every_command_of_the_documentation_parses() {
    let mut count = 0;
    for page in pages() {
        for arguments in commands(&fs::read_to_string(&page).unwrap()) {
            // clap reads up to `--help`, so a wrong subcommand, option or value before it is still an error.
            let mut asked = arguments.clone();
            let end = asked.iter().position(|argument| argument == "--").unwrap_or(asked.len());
            asked.insert(end, "--help".into());
            let output = Command::new(env!("CARGO_BIN_EXE_backsight")).args(&asked).output().unwrap();
            let said = String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success(), "{}: backsight {}: {said}", page.display(), arguments.join(" "));
            count += 1;
        }
    }
    assert!(count >= 10, "only {count} commands were found; does the test still see them?");
}

#[test]
fn an_unknown_option_is_not_hidden_by_help() {
    for wrong in [vec!["run", "--bogus", "--help"], vec!["bogus", "--help"], vec!["compare", "--limit", "x", "--help"]]
    {
        let output = Command::new(env!("CARGO_BIN_EXE_backsight")).args(&wrong).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{wrong:?}");
    }
}

#[test]
fn each_field_of_the_document_is_explained() {
    let schema: Value = serde_json::from_str(&read("schemas/results.schema.json")).unwrap();
    let page = read("docs/results.md");
    let words: BTreeSet<&str> = page.split('`').skip(1).step_by(2).collect();
    let properties =
        |of: &Value| of["properties"].as_object().map(|map| map.keys().cloned().collect()).unwrap_or_default();
    let mut missing: Vec<String> = Vec::new();
    let mut look = |place: &str, names: Vec<String>| {
        let absent = names.into_iter().filter(|name| !words.contains(name.as_str()));
        missing.extend(absent.map(|name| format!("{place}: `{name}`")));
    };
    look("the document", properties(&schema));
    for (name, definition) in schema["$defs"].as_object().unwrap() {
        look(name, properties(definition));
        let variants = definition["oneOf"].as_array().into_iter().flatten();
        look(name, variants.filter_map(|variant| Some(variant["const"].as_str()?.to_owned())).collect());
    }
    assert!(missing.is_empty(), "docs/results.md does not mention:\n{}", missing.join("\n"));
}

#[test]
fn the_table_of_exit_codes_is_that_of_the_code() {
    let page = read("docs/exit-codes.md");
    let rows = page.lines().filter_map(|line| {
        let mut cells = line.trim_matches('|').split('|').map(str::trim);
        Some((cells.next()?.parse::<u8>().ok()?, cells.next()?.to_owned()))
    });
    let told: Vec<(u8, String)> = rows.collect();
    let known = (0..=u8::MAX).filter_map(|code| ExitCode::try_from(code).ok());
    let known: Vec<(u8, String)> = known.map(|code| (code.code(), code.meaning().to_owned())).collect();
    assert_eq!(told, known);
}

/// The last place a mistake in our own pipeline would be looked for is the pipeline. Checking runs nothing.
#[test]
fn the_pipelines_of_the_repository_are_right() {
    for pipeline in ["backsight.yml", "examples/quickstart/backsight.yml"] {
        let output = Command::new(env!("CARGO_BIN_EXE_backsight"))
            .current_dir(root())
            .args(["check", pipeline])
            .output()
            .unwrap();
        assert!(output.status.success(), "{pipeline}: {}", String::from_utf8_lossy(&output.stderr));
    }
}

#[test]
fn each_field_of_the_history_is_explained() {
    let schema: Value = serde_json::from_str(&read("schemas/history.schema.json")).unwrap();
    let page = read("docs/history.md");
    let words: BTreeSet<&str> = page.split('`').skip(1).step_by(2).collect();
    let definitions = schema["$defs"].as_object().unwrap();
    let all = definitions.values().chain([&schema]).filter_map(|one| one["properties"].as_object());
    let missing: Vec<&String> = all.flat_map(|map| map.keys()).filter(|name| !words.contains(name.as_str())).collect();
    assert!(missing.is_empty(), "docs/history.md does not mention {missing:?}");
}
