//! What templates of the pipeline file see, and how they are rendered within bounds.

use minijinja::syntax::SyntaxConfig;
use minijinja::value::Serde;
use minijinja::{Environment, UndefinedBehavior};
use serde_json::{Value, json};

use super::Facts;
use crate::pipeline::Model;
use crate::templating::slug;

/// Instructions that one small template may take: thousands of times what a path or an argument needs.
const FUEL: u64 = 50_000;

/// A template that failed, in the engine's words.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct TemplateError(pub String);

impl From<minijinja::Error> for TemplateError {
    fn from(error: minijinja::Error) -> Self {
        Self(error.detail().map_or_else(|| error.kind().to_string(), |detail| format!("{}: {detail}", error.kind())))
    }
}

/// A set of values together with the engine that renders short templates over them.
#[derive(Debug)]
pub struct Template {
    engine: Environment<'static>,
    values: Value,
}

impl Template {
    /// The values for one expansion of a step.
    pub fn new(facts: &Facts, step: &str, model: Option<&Model>, target: &str) -> Self {
        let mut engine = Environment::new();
        engine.set_undefined_behavior(UndefinedBehavior::Strict);
        engine.set_fuel(Some(FUEL));
        // A text without a template keeps its last newline too. Without delimiters of our own this cannot fail.
        if let Ok(syntax) = SyntaxConfig::builder().keep_trailing_newline(true).build() {
            engine.set_syntax(syntax);
        }
        let mut values = json!({
            "project": facts.project,
            "run": { "id": facts.run_id },
            "step": { "name": step },
            "target": target,
            "env": facts.env,
        });
        if let (Some(model), Some(map)) = (model, values.as_object_mut()) {
            map.insert("model".into(), model_value(model));
        }
        Self { engine, values }
    }

    /// The same with one more value.
    #[must_use]
    pub fn with(mut self, name: &str, value: Value) -> Self {
        if let Some(map) = self.values.as_object_mut() {
            map.insert(name.to_owned(), value);
        }
        self
    }

    /// The values.
    pub fn values(&self) -> &Value {
        &self.values
    }

    /// Renders a short template. An undefined value is an error.
    pub fn render(&self, text: &str) -> Result<String, TemplateError> {
        if !text.contains("{{") && !text.contains("{%") && !text.contains("{#") {
            return Ok(text.to_owned());
        }
        Ok(self.engine.render_str(text, Serde(&self.values))?)
    }

    /// Whether a condition holds. Its facts are the values of a template and those of the job.
    pub fn holds(&self, condition: &str, facts: &Facts) -> Result<bool, TemplateError> {
        let mut values = self.values.clone();
        if let Some(map) = values.as_object_mut() {
            for (name, value) in [
                ("ci", json!(facts.ci)),
                ("provider", json!(facts.provider)),
                ("branch", json!(facts.branch)),
                ("default_branch", json!(facts.default_branch)),
                ("change_request", json!(facts.change_request)),
                ("os", json!(facts.os)),
                ("arch", json!(facts.arch)),
            ] {
                map.insert(name.to_owned(), value);
            }
        }
        Ok(self.engine.compile_expression(condition)?.eval(Serde(&values))?.is_true())
    }
}

/// The model as templates see it: its own keys, `slug`, and what the file says besides, directly and as `extras`.
pub(super) fn model_value(model: &Model) -> Value {
    let mut value = json!({
        "id": model.id,
        "slug": slug(&model.id),
        "family": model.family,
        "task": model.task,
        "revision": model.revision,
        "path": model.path,
        "onnx": model.onnx,
        "extras": model.extra,
    });
    if let Some(map) = value.as_object_mut() {
        for (key, extra) in &model.extra {
            map.entry(key.clone()).or_insert_with(|| extra.clone());
        }
    }
    value
}

#[cfg(test)]
mod tests {
    use super::Template;
    use crate::pipeline::Model;
    use crate::plan::Facts;
    use crate::templating::slug;

    fn template() -> Template {
        let model: Model = serde_json::from_str(r#"{"id":"org/My-Model.v2","family":"bert","layers":6}"#).unwrap();
        Template::new(&Facts::default(), "unit", Some(&model), "cpu")
    }

    #[test]
    fn a_slug_is_safe_in_a_path() {
        assert_eq!(slug("sentence-transformers/all-MiniLM-L6-v2"), "sentence_transformers_all_minilm_l6_v2");
        assert_eq!(slug("../../etc/passwd\n"), "etc_passwd");
        assert_eq!(slug("é"), "");
    }

    #[test]
    fn models_and_their_extra_keys_are_there() {
        let text = "{{ model.slug }} {{ model.family }} {{ model.layers }} {{ target }} {{ step.name }}";
        assert_eq!(template().render(text).as_deref(), Ok("org_my_model_v2 bert 6 cpu unit"));
    }

    #[test]
    fn undefined_values_and_endless_loops_are_errors() {
        assert!(template().render("{{ model.nothing }}").is_err());
        assert!(
            template().render("{% for a in range(1000) %}{% for b in range(1000) %}x{% endfor %}{% endfor %}").is_err()
        );
    }

    #[test]
    fn conditions_see_the_facts_of_the_job() {
        let facts = Facts { ci: true, branch: "main".into(), ..Facts::default() };
        assert_eq!(template().holds("ci and branch == 'main' and model.family == 'bert'", &facts), Ok(true));
        assert_eq!(template().holds("os == 'windows'", &facts), Ok(false));
        assert!(template().holds("cii", &facts).is_ok_and(|truth| !truth) || template().holds("cii", &facts).is_err());
    }
}
