//! Which other templates a template pulls in: what has to be looked at to know whether it has changed.

/// Tags that name other templates.
const TAGS: [&str; 4] = ["extends", "include", "import", "from"];

/// The literal names in `extends`, `include`, `import` and `from` of a template's source, each once, in their order.
///
/// Every text in such a tag counts, so that `include ["a", "b"]` gives both. A name that is computed cannot be known
/// here; the engine finds it when it renders.
pub fn referenced(source: &str) -> Vec<String> {
    let mut names = Vec::new();
    let mut rest = source;
    while let Some(at) = rest.find('{') {
        let from = rest.get(at..).unwrap_or_default();
        let (tag, end) = match from.as_bytes().get(1) {
            Some(b'#') => ("", from.find("#}").map_or(from.len(), |end| end + 2)),
            Some(b'{') => ("", closed(from, "}}")),
            Some(b'%') => {
                let end = closed(from, "%}");
                (from.get(2..end).unwrap_or_default(), end)
            }
            _ => ("", 1),
        };
        let tag = tag.trim_start_matches(['-', '+']).trim_start();
        let word = tag.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').next().unwrap_or_default();
        rest = from.get(end..).unwrap_or_default();
        if word == "raw" {
            rest = after_raw(rest);
        }
        if TAGS.contains(&word) {
            for name in texts(tag) {
                if !names.contains(&name) {
                    names.push(name);
                }
            }
        }
    }
    names
}

/// Where a tag that `text` begins with has ended: an end within quotes is none.
fn closed(text: &str, end: &str) -> usize {
    let mut quote = None;
    let mut escaped = false;
    for (at, character) in text.char_indices().skip(2) {
        match quote {
            Some(_) if escaped => escaped = false,
            Some(_) if character == '\\' => escaped = true,
            Some(open) if character == open => quote = None,
            Some(_) => {}
            None if matches!(character, '"' | '\'') => quote = Some(character),
            None if text.get(at..).is_some_and(|rest| rest.starts_with(end)) => return at + end.len(),
            None => {}
        }
    }
    text.len()
}

/// What follows the end of a `raw` block.
fn after_raw(mut text: &str) -> &str {
    while let Some(at) = text.find("{%") {
        let from = text.get(at + 2..).unwrap_or_default();
        let inner = from.trim_start_matches(['-', '+']).trim_start();
        if let Some(end) = inner.strip_prefix("endraw") {
            return end.find("%}").and_then(|at| end.get(at + 2..)).unwrap_or_default();
        }
        text = from;
    }
    ""
}

/// The texts in quotes within a tag.
fn texts(tag: &str) -> Vec<String> {
    let mut all = Vec::new();
    let mut now: Option<(char, String)> = None;
    let mut characters = tag.chars();
    while let Some(character) = characters.next() {
        match &mut now {
            Some((open, _)) if character == *open => all.extend(now.take().map(|(_, text)| text)),
            Some((_, text)) if character == '\\' => text.extend(characters.next()),
            Some((_, text)) => text.push(character),
            None if matches!(character, '"' | '\'') => now = Some((character, String::new())),
            None => {}
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::referenced;

    #[test]
    fn names_of_other_templates_are_found() {
        let source = "{% extends \"base.j2\" %}{%- include 'a.j2' ignore missing -%}\n{% include ['b.j2', \"c.j2\"] %}\
                      {%+ import 'm.j2' as m %}{% from \"n.j2\" import x %}{% include 'd.j2' if y else 'e.j2' %}\
                      {% include 'a.j2' %}";
        assert_eq!(referenced(source), ["base.j2", "a.j2", "b.j2", "c.j2", "m.j2", "n.j2", "d.j2", "e.j2"]);
    }

    #[test]
    fn what_only_looks_like_a_tag_is_passed_over() {
        let source = "{# {% include 'no' %} #}{{ \"{% include 'no' %}\" }}{% raw %}{% include 'no' %}{%- endraw -%}\
                      {% set x = '%}{% include \"no\" %}' %}{ % include 'no' %}{% included 'no' %}\
                      {% include 'it\\'s' %}{% include computed %}{ü{% include 'yes' %}";
        assert_eq!(referenced(source), ["it's", "yes"]);
    }

    #[test]
    fn broken_templates_do_no_harm() {
        for source in ["{", "{%", "{% include 'x", "{% raw %}", "{{ 'x", "{#", "{% include 'x\\", "{% raw %}{% endraw"]
        {
            assert!(referenced(source).len() <= 1, "{source}");
        }
    }

    /// What the engine really loads is among what is found.
    #[test]
    fn the_engine_agrees() {
        use std::sync::{Arc, Mutex};
        let source = "{%-extends'base'-%}{%+include(\"a\")%}{% block b %}{%\nimport\n\t'm'\nas m%}{% endblock %}";
        let loaded = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&loaded);
        let mut engine = crate::templating::engine();
        engine.set_loader(move |name| {
            seen.lock().unwrap().push(name.to_owned());
            Ok(Some("{% block b %}{% endblock %}".to_owned()))
        });
        engine.render_str(source, ()).unwrap();
        let loaded = loaded.lock().unwrap();
        assert!(loaded.len() >= 2 && loaded.iter().all(|name| referenced(source).contains(name)), "{loaded:?}");
    }
}
