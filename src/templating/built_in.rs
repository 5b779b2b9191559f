//! The template sets that come with Backsight, embedded: `templates/generate/NAME/`.

use std::collections::BTreeMap;

use super::manifest::parse_manifest;
use super::set::Set;

/// The texts of one set.
struct Embedded {
    name: &'static str,
    manifest: &'static str,
    files: &'static [(&'static str, &'static str)],
}

macro_rules! embedded {
    ($name:literal, $($file:literal),+) => {
        Embedded {
            name: $name,
            manifest: include_str!(concat!("../../templates/generate/", $name, "/templates.yml")),
            files: &[$(($file, include_str!(concat!("../../templates/generate/", $name, "/", $file)))),+],
        }
    };
}

const SETS: [Embedded; 7] = [
    embedded!("benchmark-driver", "driver.py.j2"),
    embedded!("github-workflow", "workflow.yml.j2"),
    embedded!("gitlab-job", "job.yml.j2"),
    embedded!("model-page", "index.md.j2", "page.md.j2"),
    embedded!("onnx-golden", "test_onnx.py.j2"),
    embedded!("pytest-model", "test_model.py.j2"),
    embedded!("rust-integration-test", "test.rs.j2"),
];

const NAMES: [&str; SETS.len()] = {
    let mut names = [""; SETS.len()];
    let mut index = 0;
    while index < SETS.len() {
        names[index] = SETS[index].name;
        index += 1;
    }
    names
};

/// The names of the sets that come with Backsight, in order.
pub fn built_ins() -> &'static [&'static str] {
    &NAMES
}

/// One of them, by its name.
pub fn built_in(name: &str) -> Option<Set> {
    let embedded = SETS.iter().find(|set| set.name == name)?;
    let manifest = parse_manifest(embedded.manifest).ok()?;
    let files: BTreeMap<String, String> =
        embedded.files.iter().map(|(name, source)| ((*name).to_owned(), (*source).to_owned())).collect();
    Some(Set { manifest, files })
}

/// The text of its `templates.yml`.
pub fn built_in_manifest(name: &str) -> Option<&'static str> {
    SETS.iter().find(|set| set.name == name).map(|set| set.manifest)
}

#[cfg(test)]
mod tests {
    use super::{built_in, built_ins};

    #[test]
    fn each_set_is_whole() {
        for name in built_ins() {
            let set = built_in(name).unwrap_or_else(|| panic!("{name}"));
            assert_eq!(&set.manifest.name, name);
            assert!(set.manifest.example.is_some(), "{name} has no example");
            let inputs = set.manifest.inputs.as_ref().unwrap()["properties"].as_object().unwrap();
            for (input, schema) in inputs {
                assert!(schema.get("description").is_some(), "{name}: {input} has no description");
            }
            assert_eq!(set.check(super::built_in_manifest(name).unwrap()), [], "{name}");
        }
        assert_eq!(built_in("no-such-set"), None);
    }

    /// What lies in the folder is embedded, all of it, and nothing there is taken for a CI component.
    #[test]
    fn the_folder_is_what_is_embedded() {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("templates/generate");
        let mut names = Vec::new();
        for entry in std::fs::read_dir(folder).unwrap() {
            let entry = entry.unwrap();
            let name = entry.file_name().into_string().unwrap();
            let mut files: Vec<String> = std::fs::read_dir(entry.path())
                .unwrap()
                .map(|file| file.unwrap().file_name().into_string().unwrap())
                .filter(|file| file != "templates.yml")
                .collect();
            files.sort();
            assert_eq!(files, built_in(&name).unwrap().files.into_keys().collect::<Vec<_>>(), "{name}");
            assert!(files.iter().all(|file| file != "template.yml"), "{name}");
            names.push(name);
        }
        names.sort();
        assert_eq!(names, built_ins());
    }
}
