//! The rules of the house, on a set of files: paths below the repository's root, and their text.

use std::collections::{BTreeMap, BTreeSet};

use crate::source::{self, Named, Source};

/// Names that say nothing about what is inside.
const EMPTY_NAMES: [&str; 7] = ["utils", "common", "helpers", "core", "types", "imp", "misc"];

/// Paths that touch the world; a pure module may not name them, nor anything below them.
const WORLD: [&[&str]; 8] = [
    &["std", "fs"],
    &["std", "env"],
    &["std", "process"],
    &["std", "net"],
    &["std", "thread"],
    &["std", "os"],
    &["std", "time", "Instant"],
    &["std", "time", "SystemTime"],
];
/// The same by their last two words, however they were imported.
const WORLD_CALLS: [[&str; 2]; 6] =
    [["io", "stdin"], ["io", "stdout"], ["io", "stderr"], ["Timestamp", "now"], ["Zoned", "now"], ["Uuid", "now_v7"]];
/// Crates that exist to touch the world.
const WORLD_CRATES: [&str; 8] =
    ["rustix", "libc", "tempfile", "cap_std", "rusqlite", "signal_hook", "indicatif", "tracing_subscriber"];

/// A module by its path from the crate root: `["host", "machine"]`.
type Module = Vec<String>;

/// A floor: a top module, and whether it is pure.
struct Floor {
    name: String,
    pure: bool,
}

/// All files, read, and what they are to each other.
struct House<'a> {
    sources: BTreeMap<&'a str, Source>,
    floors: Vec<Floor>,
    /// Files that are compiled for tests only.
    tests: BTreeSet<String>,
    files: BTreeMap<Module, &'a str>,
}

/// Checks `src/`; each finding reads `file:line: what is wrong`.
pub(crate) fn check(files: &[(String, String)]) -> Vec<String> {
    let mut findings = Vec::new();
    let mut sources = BTreeMap::new();
    for (path, text) in files {
        if !text.starts_with("//!") {
            findings.push(format!("{path}:1: the file does not open with a //! header"));
        }
        match source::read(text) {
            Ok(source) => drop(sources.insert(path.as_str(), source)),
            Err(reason) => findings.push(format!("{path}:1: {reason}")),
        }
        findings.extend(empty_name(path));
    }
    let house = House::new(sources);
    for (path, source) in &house.sources {
        for named in &source.named {
            findings.extend(house.judge(path, named).map(|message| format!("{path}:{}: {message}", named.line)));
        }
    }
    findings.extend(house.cycles());
    findings.dedup();
    findings
}

fn empty_name(path: &str) -> Option<String> {
    let name = path.split('/').map(|part| part.trim_end_matches(".rs")).find(|part| EMPTY_NAMES.contains(part))?;
    Some(format!("{path}:1: the name {name} says nothing; say what is inside"))
}

/// Where a file stands in the tree of modules; nothing for the roots.
fn module_of(path: &str) -> Module {
    let inner = path.trim_start_matches("src/").trim_end_matches(".rs");
    let inner = inner.strip_suffix("/mod").unwrap_or(inner);
    if inner == "lib" || inner == "main" { Vec::new() } else { inner.split('/').map(str::to_owned).collect() }
}

fn words(segments: &[String]) -> Vec<&str> {
    segments.iter().map(String::as_str).collect()
}

impl<'a> House<'a> {
    fn new(sources: BTreeMap<&'a str, Source>) -> Self {
        let declared = sources.get("src/lib.rs").map(|lib| lib.declared.as_slice()).unwrap_or_default();
        let floors = declared
            .iter()
            .map(|floor| Floor { name: floor.name.clone(), pure: floor.doc.trim_start().starts_with("(p)") })
            .collect();
        let mut tests = BTreeSet::new();
        for (path, source) in &sources {
            let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
            let own = path.trim_end_matches(".rs").trim_end_matches("/mod");
            let all = tests.contains(*path);
            for child in source.declared.iter().filter(|child| child.test || all) {
                match &child.file {
                    Some(file) => tests.extend([format!("{folder}/{file}")]),
                    None => tests.extend([format!("{own}/{}.rs", child.name), format!("{own}/{}/mod.rs", child.name)]),
                }
            }
        }
        let files =
            sources.keys().filter(|path| **path != "src/main.rs").map(|path| (module_of(path), *path)).collect();
        Self { sources, floors, tests, files }
    }

    /// The path from the crate root; nothing for paths into other crates.
    fn resolve(&self, path: &str, named: &Named) -> Option<Module> {
        let here: Module = module_of(path).into_iter().chain(named.scope.iter().cloned()).collect();
        let (first, rest) = named.segments.split_first()?;
        let start = match first.as_str() {
            "crate" => Vec::new(),
            "backsight" if path == "src/main.rs" => Vec::new(),
            "self" => here,
            "super" => here.split_last()?.1.to_vec(),
            _ => {
                let child: Module = here.iter().chain([first]).cloned().collect();
                return self.files.contains_key(&child).then(|| child.into_iter().chain(rest.to_vec()).collect());
            }
        };
        Some(start.into_iter().chain(rest.to_vec()).collect())
    }

    fn floor(&self, name: &str) -> Option<usize> {
        self.floors.iter().position(|floor| floor.name == name)
    }

    /// What is wrong with a path, if anything.
    fn judge(&self, path: &str, named: &Named) -> Option<String> {
        if named.segments.windows(2).any(|pair| pair == ["super", "super"]) {
            return Some("super::super: name the module from the crate's root".to_owned());
        }
        let own = module_of(path).into_iter().next();
        let own_floor = own.as_deref().and_then(|name| self.floor(name));
        if let Some(target) = self.resolve(path, named) {
            let name = target.first()?;
            let Some(floor) = self.floor(name) else {
                let inside = path == "src/lib.rs" || (path == "src/main.rs" && named.segments.len() == 1);
                return (!inside).then(|| format!("crate::{name} is no module; nothing is exported at the root"));
            };
            return self.judge_floor(path, own_floor, floor);
        }
        let pure = own_floor.and_then(|at| self.floors.get(at)).is_some_and(|floor| floor.pure);
        if !pure || named.test || self.tests.contains(path) { None } else { worldly(&named.segments) }
    }

    fn judge_floor(&self, path: &str, own: Option<usize>, target: usize) -> Option<String> {
        let above = self.floors.get(target)?;
        let Some(own) = own else {
            let beyond = path == "src/main.rs" && target + 1 != self.floors.len();
            return beyond.then(|| format!("main reaches past the last floor into {}", above.name));
        };
        let here = self.floors.get(own)?;
        if target > own {
            Some(format!("{} uses {}, which stands above it in src/lib.rs", here.name, above.name))
        } else if here.pure && !above.pure {
            Some(format!("{} is pure and uses {}, which is not", here.name, above.name))
        } else {
            None
        }
    }

    /// The file that a resolved path leads to; names published by a `mod.rs` lead on to where they come from.
    fn file_of(&self, target: &[String]) -> Option<&'a str> {
        let depth = (0..=target.len()).rev().find(|depth| self.files.contains_key(&target[..*depth]))?;
        let file = *self.files.get(&target[..depth])?;
        let name = target.get(depth)?;
        let origin = self.sources.get(file)?.named.iter().find(|named| {
            named.reexport && named.alias.as_ref().or(named.segments.last()) == Some(name) && named.segments.len() > 1
        });
        match origin.and_then(|named| self.resolve(file, named)) {
            Some(origin) if origin != target => self.file_of(&origin),
            _ => Some(file),
        }
    }

    /// Cycles among files, each named once by its smallest file. Two kinds of import do not count: a folder's front
    /// joins its parts, so its imports of them are no way around; and tests look at what they test.
    fn cycles(&self) -> Vec<String> {
        let mut edges: BTreeMap<&str, BTreeMap<&str, usize>> = BTreeMap::new();
        for (path, source) in self.sources.iter().filter(|(path, _)| !self.tests.contains(**path)) {
            for named in source.named.iter().filter(|named| !named.test && !named.reexport) {
                let target = self.resolve(path, named).and_then(|target| self.file_of(&target));
                let joins = |target: &str| path.strip_suffix("mod.rs").is_some_and(|folder| target.starts_with(folder));
                if let Some(target) = target.filter(|to| to != path && *to != "src/lib.rs" && !joins(to)) {
                    edges.entry(path).or_default().entry(target).or_insert(named.line);
                }
            }
        }
        edges
            .keys()
            .filter_map(|start| Some((*start, way_back(&edges, start)?)))
            .filter(|(start, ring)| ring.iter().all(|file| file >= start))
            .map(|(start, ring)| {
                let line = edges.get(start).and_then(|to| to.get(ring[1])).copied().unwrap_or(1);
                format!("{start}:{line}: imports in a circle: {}", ring.join(" -> "))
            })
            .collect()
    }
}

/// The shortest way from a file back to itself.
fn way_back<'a>(edges: &BTreeMap<&'a str, BTreeMap<&'a str, usize>>, start: &'a str) -> Option<Vec<&'a str>> {
    let mut seen = BTreeSet::new();
    let mut ways = std::collections::VecDeque::from([vec![start]]);
    while let Some(way) = ways.pop_front() {
        for next in way.last().and_then(|file| edges.get(file)).into_iter().flat_map(BTreeMap::keys) {
            let longer: Vec<&str> = way.iter().copied().chain([*next]).collect();
            if *next == start {
                return Some(longer);
            }
            if seen.insert(*next) {
                ways.push_back(longer);
            }
        }
    }
    None
}

/// Why a pure module may not name this path.
fn worldly(segments: &[String]) -> Option<String> {
    let words = words(segments);
    let named = words.join("::");
    let touches = WORLD.iter().any(|world| words.starts_with(world))
        || words.windows(2).any(|pair| WORLD_CALLS.iter().any(|call| call.as_slice() == pair))
        || words.first().is_some_and(|name| WORLD_CRATES.contains(name));
    let hidden = words == ["std", "time"] || words.starts_with(&["std", "time", "*"]) || words == ["std", "*"];
    (touches || hidden)
        .then(|| format!("{named}: a pure module touches no file, process, clock, environment or network"))
}
