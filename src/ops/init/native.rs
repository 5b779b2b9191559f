//! Go, CMake, and a makefile's test target where nothing better was found.

use super::draft::{Draft, Run, Step};
use super::look::{Look, folder_of};

pub(super) fn draft(look: &Look, draft: &mut Draft) {
    go(look, draft);
    cmake(look, draft);
    if !draft.has_tests() {
        make(look, draft);
    }
}

fn test(draft: &mut Draft, folder: &str, name: &str, run: Run, why: &[&str]) {
    let why = why.iter().map(ToString::to_string).collect();
    let keys = vec![("timeout", "30m".to_owned())];
    draft.test(Step { name: name.to_owned(), why, run, keys, env: Vec::new() }.in_folder(folder));
}

fn go(look: &Look, draft: &mut Draft) {
    let Some(place) = look.named("go.mod").next() else { return };
    let folder = folder_of(place);
    let module = look.text(place);
    let pinned = module
        .lines()
        .map(str::trim)
        .any(|line| line.trim_start_matches("tool ").starts_with("gotest.tools/gotestsum") && !line.contains(" v"));
    let mentioned = ["Makefile", "tools.go", "Taskfile.yml"]
        .iter()
        .any(|name| look.named(name).take(3).any(|path| look.text(path).contains("gotestsum")));
    if pinned || mentioned {
        let program = if pinned { "go tool gotestsum" } else { "gotestsum" };
        draft.found(place, "test step `go`: gotestsum, each test is a case");
        test(draft, folder, "go", Run::Shell(format!("{program} --junitfile \"$BACKSIGHT_JUNIT\" ./...")), &[]);
    } else {
        draft.found(place, "test step `go`: go test, judged by its exit code");
        let why = ["One case for all: with gotestsum it is `gotestsum --junitfile \"$BACKSIGHT_JUNIT\" ./...`."];
        test(draft, folder, "go", Run::args(&["go", "test", "./..."]), &why);
    }
    let bench = look
        .files()
        .filter(|path| path.ends_with("_test.go"))
        .take(200)
        .find(|path| look.text(path).contains("func Benchmark"));
    if let Some(path) = bench {
        draft.found(path, "no benchmark step: the output of go's benchmarks cannot be read so far");
    }
}

fn cmake(look: &Look, draft: &mut Draft) {
    let Some(place) = look.named("CMakeLists.txt").next() else { return };
    let inside: String = look.named("CMakeLists.txt").take(50).map(|path| look.text(path).to_lowercase()).collect();
    let has_tests =
        ["enable_testing(", "include(ctest)", "add_test(", "_discover_tests("].iter().any(|it| inside.contains(it));
    if !has_tests {
        draft.found(place, "no step: it registers no tests with CTest");
        return;
    }
    draft.found(place, "test step `ctest`: configured, built and run; each test is a case");
    let lines = [
        "cmake -S . -B build",
        "cmake --build build --parallel",
        "ctest --test-dir build --output-on-failure --output-junit \"$BACKSIGHT_JUNIT\"",
    ];
    test(draft, folder_of(place), "ctest", Run::Shell(lines.join("\n")), &["CTest writes JUnit from version 3.21 on."]);
}

fn make(look: &Look, draft: &mut Draft) {
    let names = ["Makefile", "makefile", "GNUmakefile"];
    let Some(place) = names.iter().find_map(|name| look.named(name).next()) else { return };
    let text = look.text(place);
    let target = ["test", "check", "tests"].into_iter().find(|target| {
        text.lines().filter_map(|line| line.strip_prefix(target)).any(|rest| {
            let rest = rest.trim_start();
            rest.starts_with(':') && !rest.starts_with(":=") && !rest.starts_with("::=")
        })
    });
    let Some(target) = target else {
        draft.found(place, "no step: it has no target `test` or `check`");
        return;
    };
    draft.found(place, format!("test step `make`: make {target}, judged by its exit code"));
    test(draft, folder_of(place), "make", Run::args(&["make", target]), &["One case for all: the exit code decides."]);
}
