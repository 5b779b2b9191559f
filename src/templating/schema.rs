//! A JSON Schema for any value, compiled within the same bounds as that of a set's inputs.

use serde_json::Value;

use super::inputs::validator;

/// The most mistakes that are told.
const MOST: usize = 10;
/// The longest that one of them is told, in characters.
const LONGEST: usize = 300;

/// A compiled schema.
#[derive(Debug, Clone)]
pub struct AnySchema(jsonschema::Validator);

impl AnySchema {
    /// Compiles a schema. Nothing is fetched for it, and patterns are matched in linear time.
    ///
    /// # Errors
    /// If it is no JSON Schema.
    pub fn compile(schema: &Value) -> Result<Self, String> {
        validator(schema).map(Self)
    }

    /// What is wrong with a value: where in it, and what; nothing where the schema holds.
    pub fn wrong(&self, value: &Value) -> Vec<String> {
        let told = |error: jsonschema::ValidationError<'_>| {
            let place = error.instance_path().to_string();
            let text: String = error.to_string().chars().take(LONGEST).collect();
            if place.is_empty() { text } else { format!("{place}: {text}") }
        };
        self.0.iter_errors(value).take(MOST).map(told).collect()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::AnySchema;

    #[test]
    fn values_of_any_kind_are_held_against_it() {
        let schema = AnySchema::compile(&json!({"type": "array", "items": {"type": "integer"}})).unwrap();
        assert!(schema.wrong(&json!([1, 2])).is_empty());
        let wrong = schema.wrong(&json!([1, "x"]));
        assert_eq!(wrong.len(), 1);
        assert!(wrong[0].starts_with("/1: ") && wrong[0].contains("integer"), "{wrong:?}");
        assert!(schema.wrong(&json!("x".repeat(10_000)))[0].len() < 1000);
    }

    #[test]
    fn nothing_is_fetched_and_no_pattern_is_too_large() {
        for schema in [
            json!({"$ref": "https://example.org/a.json"}),
            json!({"type": "strin"}),
            json!({"pattern": "(?:a{1000}){1000}"}),
        ] {
            assert!(AnySchema::compile(&schema).is_err(), "{schema}");
        }
    }
}
