//! Names made of any text: for files, for functions and types, in the case that a language likes.

use heck::{ToKebabCase, ToLowerCamelCase, ToPascalCase, ToSnakeCase};
use minijinja::{Error, State};

use super::keywords::Language;
use super::literal::{charge, refused};

/// The longest text that a name is made of, in bytes.
const LONGEST: usize = 4096;
/// The name of what has no letter and no digit.
const UNNAMED: &str = "unnamed";

/// `{{ text | identifier }}`, `identifier("rust")`: a valid identifier. One that is valid stays as it is; of any other
/// text the ASCII letters and digits stay, letters beyond ASCII become `uXXXX`, and what lies between is one `_`. A
/// keyword gets a `_`, in Rust an `r#`.
pub(super) fn identifier(state: &State<'_, '_>, text: String, language: Option<&str>) -> Result<String, Error> {
    let language = Language::named(language)?;
    bounded(state, &text)?;
    let name = if is_word(&text) { text } else { word_of(&text) };
    Ok(if language.keeps(&name) { language.escaped(&name) } else { name })
}

fn word_of(text: &str) -> String {
    let mut name = String::new();
    let mut between = false;
    for character in text.chars() {
        if !character.is_alphanumeric() {
            between = true;
            continue;
        }
        if between && !name.is_empty() {
            name.push('_');
        }
        between = false;
        if character.is_ascii() {
            name.push(character);
        } else {
            name.push_str(&format!("u{:04x}", u32::from(character)));
        }
    }
    match name.chars().next() {
        None => UNNAMED.to_owned(),
        Some(first) if first.is_ascii_digit() => format!("_{name}"),
        Some(_) => name,
    }
}

/// Letters, digits and `_`, all ASCII, not beginning with a digit, with a letter or digit in it.
fn is_word(text: &str) -> bool {
    let fits = |c: char| c.is_ascii_alphanumeric() || c == '_';
    !text.is_empty()
        && text.chars().all(fits)
        && !text.starts_with(|c: char| c.is_ascii_digit())
        && text.chars().any(|c| c != '_')
}

/// `{% if text is identifier("rust") %}`: whether `identifier` would leave it as it is.
pub(super) fn is_identifier(text: &str, language: Option<&str>) -> Result<bool, Error> {
    Ok(is_word(text) && !Language::named(language)?.keeps(text))
}

/// `{% if text is keyword("python") %}`: whether the language keeps the word for itself.
pub(super) fn is_keyword(text: &str, language: Option<&str>) -> Result<bool, Error> {
    Ok(Language::named(language)?.keeps(text))
}

/// A name that is safe in a file name and as part of an identifier: ASCII letters and digits in lower case, everything
/// else one `between`, none at the ends.
fn slug_with(text: &str, between: &str) -> String {
    let words: Vec<String> = text
        .split(|c: char| !c.is_ascii_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(str::to_ascii_lowercase)
        .collect();
    words.join(between)
}

/// The slug of a text, as `model.slug` is that of a model's id: `org/My-Model.v2` is `org_my_model_v2`. Empty where the
/// text has no ASCII letter and no digit.
pub fn slug(text: &str) -> String {
    slug_with(text, "_")
}

/// `{{ text | slug }}`, `slug("-")`: what stands between words may be `_`, `-` or `.`.
pub(super) fn slug_filter(state: &State<'_, '_>, text: String, between: Option<&str>) -> Result<String, Error> {
    let between = between.unwrap_or("_");
    if !matches!(between, "" | "_" | "-" | ".") {
        return Err(refused("between the words of a slug stands `_`, `-`, `.` or nothing"));
    }
    bounded(state, &text)?;
    Ok(slug_with(&text, between))
}

/// `{{ text | snake }}`: `XmlHttpRequest v2` is `xml_http_request_v2`. Letters of all scripts stay.
pub(super) fn snake(state: &State<'_, '_>, text: String) -> Result<String, Error> {
    bounded(state, &text)?;
    Ok(text.to_snake_case())
}

/// `{{ text | camel }}`: `xmlHttpRequestV2`.
pub(super) fn camel(state: &State<'_, '_>, text: String) -> Result<String, Error> {
    bounded(state, &text)?;
    Ok(text.to_lower_camel_case())
}

/// `{{ text | pascal }}`: `XmlHttpRequestV2`.
pub(super) fn pascal(state: &State<'_, '_>, text: String) -> Result<String, Error> {
    bounded(state, &text)?;
    Ok(text.to_pascal_case())
}

/// `{{ text | kebab }}`: `xml-http-request-v2`.
pub(super) fn kebab(state: &State<'_, '_>, text: String) -> Result<String, Error> {
    bounded(state, &text)?;
    Ok(text.to_kebab_case())
}

fn bounded(state: &State<'_, '_>, text: &str) -> Result<(), Error> {
    if text.len() > LONGEST {
        return Err(refused(format!("a name is made of at most {LONGEST} bytes, found {}", text.len())));
    }
    charge(state, text.len())
}

#[cfg(test)]
mod tests {
    use super::slug;
    use crate::templating::engine;

    fn rendered(filter: &str, text: &str) -> String {
        let source = format!("{{{{ text | {filter} }}}}");
        engine().render_str(&source, minijinja::context! { text }).unwrap_or_else(|error| error.to_string())
    }

    #[test]
    fn identifiers_are_valid_in_their_language() {
        for (text, python, rust, javascript) in [
            ("org/My-Model.v2", "org_My_Model_v2", "org_My_Model_v2", "org_My_Model_v2"),
            ("_private", "_private", "_private", "_private"),
            ("2d-unet", "_2d_unet", "_2d_unet", "_2d_unet"),
            ("class", "class_", "class", "class_"),
            ("fn", "fn", "r#fn", "fn"),
            ("self", "self", "self_", "self"),
            ("crate", "crate", "crate_", "crate"),
            ("None", "None_", "None", "None"),
            ("default", "default", "default", "default_"),
            ("match", "match_", "r#match", "match"),
            ("gen", "gen", "r#gen", "gen"),
            ("", "unnamed", "unnamed", "unnamed"),
            ("_", "unnamed", "unnamed", "unnamed"),
            ("___", "unnamed", "unnamed", "unnamed"),
            ("!?", "unnamed", "unnamed", "unnamed"),
            ("café", "cafu00e9", "cafu00e9", "cafu00e9"),
            ("模型", "u6a21u578b", "u6a21u578b", "u6a21u578b"),
            ("🤗 x", "x", "x", "x"),
            ("a\u{202e}\nb", "a_b", "a_b", "a_b"),
            ("٣", "u0663", "u0663", "u0663"),
            ("$a", "a", "a", "a"),
        ] {
            assert_eq!(rendered("identifier", text), python, "{text}");
            assert_eq!(rendered("identifier('rust')", text), rust, "{text}");
            assert_eq!(rendered("identifier('javascript')", text), javascript, "{text}");
        }
        assert!(rendered("identifier('pyhton')", "a").contains("did you mean `python`?"));
    }

    #[test]
    fn identifiers_can_be_asked_for() {
        let ask = |test: &str, text: &str| {
            let source = format!("{{{{ text is {test} }}}}");
            engine().render_str(&source, minijinja::context! { text }).unwrap().to_lowercase()
        };
        for (test, text, want) in [
            ("identifier", "a_1", "true"),
            ("identifier", "class", "false"),
            ("identifier('rust')", "class", "true"),
            ("identifier", "1a", "false"),
            ("identifier", "é", "false"),
            ("keyword", "class", "true"),
            ("keyword('rust')", "Self", "true"),
            ("keyword('javascript')", "def", "false"),
        ] {
            assert_eq!(ask(test, text), want, "{text} is {test}");
        }
    }

    #[test]
    fn slugs_are_those_of_models() {
        assert_eq!(slug("sentence-transformers/all-MiniLM-L6-v2"), "sentence_transformers_all_minilm_l6_v2");
        assert_eq!(rendered("slug", "../../etc/passwd\n"), "etc_passwd");
        assert_eq!(rendered("slug('-')", "Org/My Model.v2"), "org-my-model-v2");
        assert_eq!(rendered("slug", "é"), "");
        assert!(rendered("slug('/')", "a").contains("between the words"));
    }

    #[test]
    fn cases() {
        for (text, want) in [
            (
                "XmlHttpRequest v2",
                ["xml_http_request_v2", "xmlHttpRequestV2", "XmlHttpRequestV2", "xml-http-request-v2"],
            ),
            ("", ["", "", "", ""]),
            ("a/b c", ["a_b_c", "aBC", "ABC", "a-b-c"]),
            ("éclair ßx", ["éclair_ßx", "éclairSSx", "ÉclairSSx", "éclair-ßx"]),
            ("L6-v2", ["l6_v2", "l6V2", "L6V2", "l6-v2"]),
        ] {
            let got = ["snake", "camel", "pascal", "kebab"].map(|filter| rendered(filter, text));
            assert_eq!(got, want, "{text}");
        }
    }

    #[test]
    fn names_have_a_largest_size() {
        assert!(rendered("snake", &"a".repeat(5000)).contains("at most 4096"));
    }
}
