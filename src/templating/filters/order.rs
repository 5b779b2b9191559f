//! Order that is the same on every machine: stable, by code points, numbers in texts by their size if asked for.

use std::cmp::Ordering;

use minijinja::value::{Kwargs, Value};
use minijinja::{Error, ErrorKind, State};

use super::literal::charge;

/// `{{ list | sort_by("id") }}`, `sort_by("model.id", natural=true, reverse=true)`: by an attribute of each entry; entries
/// that are equal keep their order.
pub(super) fn sort_by(state: &State<'_, '_>, value: &Value, attribute: &str, named: Kwargs) -> Result<Value, Error> {
    let natural = named.get::<Option<bool>>("natural")?.unwrap_or(false);
    let reverse = named.get::<Option<bool>>("reverse")?.unwrap_or(false);
    named.assert_all_used()?;
    sort(state, value, Some(attribute), natural, reverse)
}

/// `{{ list | natural }}`, `natural("id")`: `layer2` comes before `layer10`.
pub(super) fn natural(state: &State<'_, '_>, value: &Value, attribute: Option<&str>) -> Result<Value, Error> {
    sort(state, value, attribute, true, false)
}

fn sort(
    state: &State<'_, '_>,
    value: &Value,
    attribute: Option<&str>,
    natural: bool,
    reverse: bool,
) -> Result<Value, Error> {
    if value.is_undefined() {
        return Err(ErrorKind::UndefinedError.into());
    }
    let mut keyed = Vec::new();
    for item in value.try_iter()? {
        charge(state, 256)?;
        let key = attribute.map_or_else(|| Ok(item.clone()), |way| follow(&item, way))?;
        keyed.push((key, item));
    }
    keyed.sort_by(|(first, _), (second, _)| {
        let order = if natural { naturally(first, second) } else { first.cmp(second) };
        if reverse { order.reverse() } else { order }
    });
    Ok(keyed.into_iter().map(|(_, item)| item).collect())
}

fn follow(item: &Value, way: &str) -> Result<Value, Error> {
    let mut here = item.clone();
    for part in way.split('.') {
        here = match part.parse::<usize>() {
            Ok(index) => here.get_item_by_index(index)?,
            Err(_) => here.get_attr(part)?,
        };
        if here.is_undefined() {
            return Err(Error::new(ErrorKind::UndefinedError, format!("an entry of the list has no `{way}`")));
        }
    }
    Ok(here)
}

fn naturally(first: &Value, second: &Value) -> Ordering {
    match (first.as_str(), second.as_str()) {
        (Some(a), Some(b)) => compare(a, b),
        _ => first.cmp(second),
    }
}

/// Sorts names so that numbers in them count by their size; the order is total and does not depend on a language.
pub fn sorted_naturally(names: &mut [String]) {
    names.sort_by(|first, second| compare(first, second));
}

/// Runs of digits by their value, all else by code points; texts that differ only in leading zeros by code points.
fn compare(first: &str, second: &str) -> Ordering {
    let (mut a, mut b) = (first, second);
    while !a.is_empty() && !b.is_empty() {
        let order = match (digits(a), digits(b)) {
            ("", _) | (_, "") => {
                let (x, y) = (a.chars().next(), b.chars().next());
                a = a.get(x.map_or(0, char::len_utf8)..).unwrap_or_default();
                b = b.get(y.map_or(0, char::len_utf8)..).unwrap_or_default();
                x.cmp(&y)
            }
            (x, y) => {
                a = a.get(x.len()..).unwrap_or_default();
                b = b.get(y.len()..).unwrap_or_default();
                let (x, y) = (x.trim_start_matches('0'), y.trim_start_matches('0'));
                x.len().cmp(&y.len()).then_with(|| x.cmp(y))
            }
        };
        if order != Ordering::Equal {
            return order;
        }
    }
    a.len().cmp(&b.len()).then_with(|| first.cmp(second))
}

fn digits(text: &str) -> &str {
    let end = text.bytes().take_while(u8::is_ascii_digit).count();
    text.get(..end).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use minijinja::value::Serde;
    use serde_json::json;

    use super::{compare, sorted_naturally};
    use crate::templating::engine;

    #[test]
    fn numbers_in_names_count_by_their_size() {
        let mut names: Vec<String> =
            ["b", "a10", "a2", "a02", "a2b", "", "a", "ä1", "10", "9", "a99999999999999999999999", "a1e"]
                .map(str::to_owned)
                .into();
        sorted_naturally(&mut names);
        assert_eq!(
            names,
            ["", "9", "10", "a", "a1e", "a02", "a2", "a2b", "a10", "a99999999999999999999999", "b", "ä1"]
        );
        for first in &names {
            for second in &names {
                assert_eq!(compare(first, second), compare(second, first).reverse(), "{first} {second}");
                assert_eq!(compare(first, second).is_eq(), first == second);
            }
        }
    }

    fn order(source: &str) -> String {
        let list = json!([{"id": "b", "n": {"x": 1}}, {"id": "a10", "n": {"x": 0}}, {"id": "a2", "n": {"x": 1}}]);
        let values = json!({ "list": list });
        let source = format!("{{% for e in list | {source} %}}{{{{ e.id }}}} {{% endfor %}}");
        match engine().render_str(&source, Serde(&values)) {
            Ok(text) => text,
            Err(error) => format!("{}", error.kind()),
        }
    }

    #[test]
    fn entries_that_are_equal_keep_their_order() {
        assert_eq!(order("sort_by('n.x')"), "a10 b a2 ");
        assert_eq!(order("sort_by('n.x', reverse=true)"), "b a2 a10 ");
        assert_eq!(order("sort_by('id')"), "a10 a2 b ");
        assert_eq!(order("sort_by('id', natural=true)"), "a2 a10 b ");
        assert_eq!(order("natural('id')"), "a2 a10 b ");
        assert_eq!(order("sort_by('nme')"), "undefined value");
    }
}
