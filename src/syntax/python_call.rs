//! Python's rules of order among parameters and among arguments, which tree-sitter does not know.

use tree_sitter::Node;

use super::first_error::Found;

/// The parameters of a function or lambda: those without a default first, at most one `/` and `*`, `**` last.
pub(super) fn parameters(node: Node<'_>) -> Option<Found> {
    let (mut default, mut star, mut double, mut slash) = (false, false, false, false);
    // A bare `*` that no name has followed yet.
    let mut bare: Option<usize> = None;
    let mut cursor = node.walk();
    for (count, part) in node.named_children(&mut cursor).filter(|part| !part.is_extra()).enumerate() {
        let at = part.start_byte();
        let wrong = |what: &str| Some((at, what.to_owned()));
        if double {
            return wrong("nothing can follow the `**` parameter");
        }
        match shape(part) {
            Shape::Tuple => return wrong("a parameter is a name; Python 2's tuples are no more"),
            Shape::Plain if default && !star => {
                return wrong("a parameter without a default follows one with a default");
            }
            Shape::Plain => bare = None,
            Shape::Default => (default, bare) = (true, None),
            Shape::Slash if slash || star || count == 0 => return wrong("`/` cannot stand here"),
            Shape::Slash => slash = true,
            Shape::Star | Shape::Bare if star => return wrong("a second `*` among the parameters"),
            Shape::Star => star = true,
            Shape::Bare => (star, bare) = (true, Some(at)),
            Shape::Double if bare.is_some() => return wrong("a name must follow the bare `*`"),
            Shape::Double => double = true,
        }
    }
    bare.map(|at| (at, "a name must follow the bare `*`".to_owned()))
}

enum Shape {
    Plain,
    Default,
    Tuple,
    Slash,
    Star,
    Bare,
    Double,
}

fn shape(part: Node<'_>) -> Shape {
    match part.kind() {
        "default_parameter" if part.child(0).is_some_and(|name| name.kind() == "tuple_pattern") => Shape::Tuple,
        "default_parameter" | "typed_default_parameter" => Shape::Default,
        "tuple_pattern" => Shape::Tuple,
        "positional_separator" => Shape::Slash,
        "keyword_separator" => Shape::Bare,
        "list_splat_pattern" => Shape::Star,
        "dictionary_splat_pattern" => Shape::Double,
        "typed_parameter" => part.child(0).map_or(Shape::Plain, shape),
        _ => Shape::Plain,
    }
}

/// The arguments of a call: those without a name first.
pub(super) fn arguments(node: Node<'_>) -> Option<Found> {
    if let Some(comma) = node.child(1).filter(|part| part.kind() == ",") {
        return Some((comma.start_byte(), "an argument is missing before this `,`".to_owned()));
    }
    let (mut named, mut unpacked) = (false, false);
    let mut cursor = node.walk();
    for part in node.named_children(&mut cursor).filter(|part| !part.is_extra()) {
        let at = part.start_byte();
        match part.kind() {
            "keyword_argument" => named = true,
            "dictionary_splat" => unpacked = true,
            "list_splat" if unpacked => {
                return Some((at, "an argument with `*` follows one with `**`".to_owned()));
            }
            "list_splat" => {}
            _ if unpacked => return Some((at, "an argument without a name follows one with `**`".to_owned())),
            _ if named => return Some((at, "an argument without a name follows one with a name".to_owned())),
            _ => {}
        }
    }
    None
}
