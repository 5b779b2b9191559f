//! A template set: its manifest and the texts of its templates.

use std::collections::BTreeMap;

use minijinja::Environment;
use sha2::{Digest, Sha256};

use super::engine::engine;
use super::manifest::Manifest;

/// A template set.
#[derive(Debug, Clone, PartialEq)]
pub struct Set {
    /// What `templates.yml` says.
    pub manifest: Manifest,
    /// Template file name, relative to the set's folder with `/`, to its source.
    pub files: BTreeMap<String, String>,
}

impl Set {
    /// An engine with all templates of the set.
    ///
    /// # Errors
    /// If one of them does not compile.
    pub fn engine(&self) -> Result<Environment<'static>, minijinja::Error> {
        let mut engine = engine();
        for (name, source) in &self.files {
            engine.add_template_owned(name.clone(), source.clone())?;
        }
        Ok(engine)
    }

    /// SHA-256 over all that the set's files can come from: the manifest's meaning and every template. Comments and
    /// layout of the manifest do not count.
    pub fn digest(&self) -> [u8; 32] {
        let mut hash = Sha256::new();
        let mut part = |text: &[u8]| {
            hash.update((text.len() as u64).to_le_bytes());
            hash.update(text);
        };
        part(b"backsight template set 1");
        part(serde_json::to_string(&self.manifest).unwrap_or_default().as_bytes());
        for (name, source) in &self.files {
            part(name.as_bytes());
            part(source.as_bytes());
        }
        hash.finalize().into()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::Set;
    use crate::templating::parse_manifest;

    fn set(files: &[(&str, &str)]) -> Set {
        let manifest =
            parse_manifest("name: a\ndescription: b\nversion: \"1\"\noutputs: [{template: a.j2, path: a}]\n").unwrap();
        let files: BTreeMap<_, _> = files.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        Set { manifest, files }
    }

    #[test]
    fn each_part_of_a_set_counts() {
        let first = set(&[("a.j2", "x"), ("b.j2", "y")]);
        assert_eq!(first.digest(), set(&[("b.j2", "y"), ("a.j2", "x")]).digest());
        let mut other = first.clone();
        other.manifest.version = "2".into();
        let others = [set(&[("a.j2", "x")]), set(&[("a.j2", "xb.j2"), ("b.j2", "y")]), other, set(&[])];
        for other in others {
            assert_ne!(first.digest(), other.digest());
        }
    }
}
