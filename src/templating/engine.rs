//! The engine as all templates get it: strict, bounded, with our filters.

use minijinja::syntax::SyntaxConfig;
use minijinja::{AutoEscape, Environment, UndefinedBehavior};

use super::filters;

/// Instructions that one file may take: some seconds of work, far more than a large file needs.
pub const FUEL: u64 = 20_000_000;
/// How deep a rendering may go. A macro that calls itself costs about 5, an include about 10.
pub const MAX_DEPTH: usize = 200;

/// An engine without templates: what is undefined is an error, a file ends the way its template ends, nothing is
/// escaped but by filters, and [`FUEL`] and [`MAX_DEPTH`] bound it.
///
/// The caller adds templates, or a loader. Errors carry the names of what was undefined (the engine's debug mode).
pub fn engine() -> Environment<'static> {
    let mut engine = Environment::new();
    engine.set_undefined_behavior(UndefinedBehavior::Strict);
    engine.set_fuel(Some(FUEL));
    engine.set_recursion_limit(MAX_DEPTH);
    engine.set_auto_escape_callback(|_| AutoEscape::None);
    engine.set_debug(true);
    // Without delimiters of our own this cannot fail.
    if let Ok(syntax) = SyntaxConfig::builder().keep_trailing_newline(true).build() {
        engine.set_syntax(syntax);
    }
    filters::add_to(&mut engine);
    engine
}

#[cfg(test)]
mod tests {
    use minijinja::ErrorKind;

    use super::engine;
    use crate::templating::describe;

    fn fails(source: &str) -> minijinja::Error {
        engine().render_str(source, minijinja::context! { model => minijinja::context! { name => "a" } }).unwrap_err()
    }

    #[test]
    fn the_last_newline_stays_and_nothing_is_escaped() {
        let mut engine = engine();
        engine.add_template("a.html", "{{ x }}\n").unwrap();
        let context = minijinja::context! { x => "<&>" };
        assert_eq!(engine.get_template("a.html").unwrap().render(context).unwrap(), "<&>\n");
    }

    #[test]
    fn undefined_values_are_named() {
        let error = fails("a\n{{ model.nme }}\n");
        assert_eq!(error.kind(), ErrorKind::UndefinedError);
        assert_eq!(describe(&error), "<string>:2: undefined value: `model.nme` is undefined");
        assert_eq!(fails("{% if nothing %}{% endif %}").kind(), ErrorKind::UndefinedError);
        assert_eq!(fails("{% for x in nothing %}{% endfor %}").kind(), ErrorKind::UndefinedError);
        assert_eq!(fails("{{ nothing | python }}").kind(), ErrorKind::UndefinedError);
    }

    #[test]
    fn loops_without_end_and_deep_recursion_are_stopped() {
        let many = "{% for a in range(9999) %}{% for b in range(9999) %}{% for c in range(9999) %}x{% endfor %}\
                    {% endfor %}{% endfor %}";
        assert_eq!(fails(many).kind(), ErrorKind::OutOfFuel);
        let deep = fails("{% macro m(n) %}{{ m(n + 1) }}{% endmacro %}{{ m(0) }}");
        assert!(describe(&deep).contains("calls itself too deep"), "{}", describe(&deep));
        let mut engine = engine();
        engine.add_template("loop", "{% include 'loop' %}").unwrap();
        let error = engine.get_template("loop").unwrap().render(()).unwrap_err();
        assert!(describe(&error).contains("calls itself too deep"), "{}", describe(&error));
    }

    #[test]
    fn doubling_texts_and_deep_values_are_stopped() {
        let double = "{% set ns = namespace(x='ab') %}{% for _ in range(64) %}{% set ns.x = ns.x ~ ns.x %}{% endfor %}";
        assert_eq!(fails(double).kind(), ErrorKind::OutOfFuel);
        let nested = "{% set ns = namespace(x=[]) %}{% for _ in range(400) %}{% set ns.x = [ns.x] %}{% endfor %}\
                      {{ ns.x | python }}";
        assert!(describe(&fails(nested)).contains("nested deeper"), "{}", describe(&fails(nested)));
        let wide = "{% set ns = namespace(x=['a']) %}{% for _ in range(60) %}{% set ns.x = [ns.x, ns.x] %}{% endfor %}\
                    {{ ns.x | json }}";
        assert_eq!(fails(wide).kind(), ErrorKind::OutOfFuel);
    }
}
