//! The committed JSON Schemas are what the types say.

use std::path::Path;

use backsight::ops::schema::{Format, schema};

/// Set this to rewrite the files after a wanted change of the types.
const UPDATE: &str = "BACKSIGHT_UPDATE_SCHEMAS";

#[test]
fn the_committed_schemas_are_those_of_the_types() {
    for format in Format::ALL {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("schemas").join(format.file());
        let text = serde_json::to_string_pretty(&schema(format)).unwrap() + "\n";
        if std::env::var_os(UPDATE).is_some() {
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(&path, &text).unwrap();
        }
        let committed = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(committed == text, "schemas/{} differs from the types; {UPDATE}=1 rewrites it", format.file());
    }
}
