//! Any text as a code span of Markdown.

use minijinja::{Error, State};

use super::literal::charge;
use crate::pipeline::visible;

/// `{{ text | markdown }}`: a code span, also in a table, a heading or a link's text: nothing in it is a mention, a link,
/// an image or HTML. Where backticks could be mistaken, it is a span of HTML.
pub(super) fn markdown(state: &State<'_, '_>, text: String) -> Result<String, Error> {
    let text: String = text.chars().map(|c| if matches!(c, '\n' | '\r' | '\t') { ' ' } else { visible(c) }).collect();
    let span = span(text.trim());
    charge(state, span.len())?;
    Ok(span)
}

fn span(text: &str) -> String {
    if text.is_empty() {
        return "` `".to_owned();
    }
    let plain = |c: char| c.is_alphanumeric() || " -_./:,;=+()%".contains(c);
    if text.chars().all(plain) {
        return format!("`{text}`");
    }
    let mut span = String::from("<code>");
    for character in text.chars() {
        match character {
            // With a tag between, what stands around it is no address.
            '@' => span.push_str("<span>&#64;</span>"),
            other if other.is_ascii_punctuation() && other != '-' => span.push_str(&format!("&#{};", u32::from(other))),
            other => span.push(other),
        }
    }
    span.push_str("</code>");
    span
}

#[cfg(test)]
mod tests {
    use crate::templating::engine;

    /// What GitHub's Markdown makes of it, in a table.
    fn cell(text: &str) -> String {
        let source = "| a |\n|---|\n| {{ text | markdown }} |\n";
        let page = engine().render_str(source, minijinja::context! { text }).unwrap();
        let mut options = comrak::Options::default();
        (options.extension.table, options.extension.autolink, options.extension.strikethrough) = (true, true, true);
        options.render.r#unsafe = true;
        let html = comrak::markdown_to_html(&page, &options);
        let cell = html.split("<td>").nth(1).and_then(|rest| rest.split("</td>").next());
        cell.unwrap_or_else(|| panic!("{html}")).to_owned()
    }

    #[test]
    fn names_are_only_names() {
        assert_eq!(cell("org/My-Model.v2"), "<code>org/My-Model.v2</code>");
        assert_eq!(cell(""), "<code> </code>");
        for hostile in [
            "a | b",
            "`a` b",
            "``",
            "<img src=x>",
            "[a](http://b.example)",
            "@name",
            "me@host.example",
            "**b** _i_ ~~s~~",
            "https://host.example/x",
            "www.host.example",
            "a\n\n# b",
            "\\|",
            "&amp; &lt;",
            "#12",
            "a`",
            "`a",
            "![x](y)",
        ] {
            let cell = cell(hostile);
            assert!(cell.starts_with("<code>") && cell.ends_with("</code>"), "{cell}");
            for tag in ["<a", "<img", "<em", "<strong", "<del", "<h1"] {
                assert!(!cell.contains(tag), "{hostile}: {cell}");
            }
            let text = cell.replace("<code>", "").replace("</code>", "").replace("<span>", "").replace("</span>", "");
            let text = text.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"").replace("&amp;", "&");
            assert_eq!(text, hostile.replace('\n', " "), "{cell}");
        }
    }
}
