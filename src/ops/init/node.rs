//! JavaScript: the test runner that `package.json` names, with its JUnit reporter where it has one.

use serde::Deserialize;

use super::draft::{Draft, Run, Step};
use super::look::{Look, folder_of};

/// The parts of `package.json` that matter here; a part of another type counts as absent.
#[derive(Debug, Default, Deserialize)]
struct Package {
    #[serde(default)]
    scripts: serde_json::Value,
    #[serde(default)]
    dependencies: serde_json::Value,
    #[serde(default, rename = "devDependencies")]
    dev_dependencies: serde_json::Value,
}

impl Package {
    fn needs(&self, name: &str) -> bool {
        self.dependencies.get(name).is_some() || self.dev_dependencies.get(name).is_some()
    }

    fn test_script(&self) -> Option<&str> {
        // npm's own placeholder fails by design.
        self.scripts
            .get("test")
            .and_then(|script| script.as_str())
            .filter(|script| !script.contains("no test specified"))
    }
}

pub(super) fn draft(look: &Look, draft: &mut Draft) {
    let Some(place) = look.named("package.json").next() else { return };
    let Ok(package) = serde_json::from_str::<Package>(&look.text(place)) else {
        draft.found(place, "no step: it is no JSON object");
        return;
    };
    let folder = folder_of(place);
    let manager = Manager::of(look, folder);
    let before = draft.has_tests();
    if package.needs("@playwright/test") {
        let run = format!(
            "PLAYWRIGHT_JUNIT_OUTPUT_NAME=\"$BACKSIGHT_JUNIT\" {} playwright test --reporter=list,junit",
            manager.exec
        );
        step(draft, place, "playwright", &run, &[]);
    }
    match unit(&package, &manager) {
        Some((name, run, why)) => step(draft, place, name, &run, why),
        None if draft.has_tests() == before => draft.found(place, "no step: it names no test script"),
        None => {}
    }
}

/// Name, command and comment of the step for unit tests.
fn unit(package: &Package, manager: &Manager) -> Option<(&'static str, String, &'static [&'static str])> {
    let script = package.test_script().unwrap_or_default();
    let exec = manager.exec;
    if package.needs("vitest") {
        let run =
            format!("{exec} vitest run --reporter=default --reporter=junit --outputFile.junit=\"$BACKSIGHT_JUNIT\"");
        Some(("vitest", run, &[]))
    } else if package.needs("jest") && package.needs("jest-junit") {
        let run = format!(
            "JEST_JUNIT_OUTPUT_FILE=\"$BACKSIGHT_JUNIT\" {exec} jest --ci --reporters=default --reporters=jest-junit"
        );
        Some(("jest", run, &[]))
    } else if package.needs("mocha") && script.contains("mocha") {
        let run = format!("{exec} mocha --reporter xunit --reporter-option output=\"$BACKSIGHT_JUNIT\"");
        Some(("mocha", run, &["If the test script of package.json has other options, add them here."]))
    } else if script.starts_with("node --test") && !script.contains(['&', '|', ';', '\n', ':', '#']) {
        let rest = script.trim_start_matches("node --test");
        let run = format!(
            "node --test --test-reporter=spec --test-reporter-destination=stdout --test-reporter=junit \
             --test-reporter-destination=\"$BACKSIGHT_JUNIT\"{rest}"
        );
        Some(("node", run, &[]))
    } else if package.needs("jest") {
        Some(("jest", manager.test.to_owned(), &["One case for all: with the package jest-junit each test is a case."]))
    } else if package.test_script().is_some() {
        Some((
            "npm",
            manager.test.to_owned(),
            &["One case for all: let the test runner write JUnit to $BACKSIGHT_JUNIT."],
        ))
    } else {
        None
    }
}

fn step(draft: &mut Draft, place: &str, name: &str, run: &str, why: &[&str]) {
    let how = if run.contains("BACKSIGHT_JUNIT") { "each test is a case" } else { "judged by its exit code" };
    draft.found(place, format!("test step `{name}`: {how}"));
    let step = Step {
        name: name.to_owned(),
        why: why.iter().map(ToString::to_string).collect(),
        run: Run::Shell(run.to_owned()),
        keys: vec![("timeout", "30m".to_owned())],
        env: Vec::new(),
    };
    draft.test(step.in_folder(folder_of(place)));
}

/// The package manager, by its lock file.
struct Manager {
    /// Starts an installed program; never fetches one.
    exec: &'static str,
    test: &'static str,
}

impl Manager {
    fn of(look: &Look, folder: &str) -> Self {
        let here = |name: &str| if folder.is_empty() { look.has(name) } else { look.has(&format!("{folder}/{name}")) };
        if here("pnpm-lock.yaml") {
            Self { exec: "pnpm exec", test: "pnpm test" }
        } else if here("yarn.lock") {
            Self { exec: "yarn run", test: "yarn test" }
        } else if here("bun.lock") || here("bun.lockb") {
            Self { exec: "bun run", test: "bun run test" }
        } else {
            Self { exec: "npx --no-install", test: "npm test" }
        }
    }
}
