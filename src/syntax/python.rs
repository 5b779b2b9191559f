//! What tree-sitter lets pass in Python and CPython's parser does not: one walk over the tree.
//!
//! Tree-sitter's grammar takes Python 2 as well, and is made for editors, which show half-written files. What CPython
//! refuses only after parsing (`return` outside a function, a keyword argument given twice) is not looked for.

use std::sync::OnceLock;

use tree_sitter::{Node, Tree};

use super::first_error::Found;
use super::language::Language;
use super::parser::grammar;
use super::python_call as call;
use super::python_layout::Layout;
use super::python_text as literal;

/// The kinds of nodes that are looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Other,
    Error,
    Comment,
    Continuation,
    Print,
    Exec,
    Integer,
    Float,
    String,
    Parameters,
    Arguments,
    Raise,
    Try,
    Import,
    Assert,
    Delete,
    Assignment,
    Augmented,
    ExpressionStatement,
    Comparison,
    ForIn,
    Identifier,
    Except,
}

fn kind_of(name: &str) -> Kind {
    match name {
        "ERROR" => Kind::Error,
        "comment" => Kind::Comment,
        "line_continuation" => Kind::Continuation,
        "print_statement" => Kind::Print,
        "exec_statement" => Kind::Exec,
        "integer" => Kind::Integer,
        "float" => Kind::Float,
        "string" => Kind::String,
        "parameters" | "lambda_parameters" => Kind::Parameters,
        "argument_list" => Kind::Arguments,
        "raise_statement" => Kind::Raise,
        "try_statement" => Kind::Try,
        "import_statement" | "import_from_statement" | "future_import_statement" => Kind::Import,
        "assert_statement" => Kind::Assert,
        "delete_statement" => Kind::Delete,
        "assignment" => Kind::Assignment,
        "augmented_assignment" => Kind::Augmented,
        "expression_statement" => Kind::ExpressionStatement,
        "comparison_operator" => Kind::Comparison,
        "for_in_clause" => Kind::ForIn,
        "identifier" => Kind::Identifier,
        "except_clause" => Kind::Except,
        _ => Kind::Other,
    }
}

/// The kinds by tree-sitter's numbers: comparing names would cost more than the walk.
fn kinds() -> &'static [Kind] {
    static KINDS: OnceLock<Vec<Kind>> = OnceLock::new();
    KINDS.get_or_init(|| {
        let grammar = grammar(Language::Python);
        let count = u16::try_from(grammar.node_kind_count()).unwrap_or(u16::MAX);
        let named = |id: u16| grammar.node_kind_for_id(id).filter(|_| grammar.node_kind_is_named(id));
        (0..count).map(|id| named(id).map_or(Kind::Other, kind_of)).collect()
    })
}

/// What is wrong first, but for what the tree itself says.
pub(super) fn find(tree: &Tree, text: &str) -> Option<Found> {
    if let Some(at) = text.bytes().position(|byte| byte == 0) {
        return Some((at, "a NUL character".to_owned()));
    }
    let kinds = kinds();
    let mut first: Option<Found> = None;
    let mut layout = Layout::new(text);
    let mut string_end = 0;
    let mut cursor = tree.walk();
    loop {
        let node = cursor.node();
        let kind = kinds.get(usize::from(node.kind_id())).copied().unwrap_or(Kind::Other);
        if let Some((at, what)) = check(kind, node, text)
            && first.as_ref().is_none_or(|(before, _)| at < *before)
        {
            first = Some((at, what));
        }
        let inside = node.start_byte() < string_end;
        if kind == Kind::String && !inside {
            string_end = node.end_byte();
            layout.token(&node);
        }
        if cursor.goto_first_child() {
            continue;
        }
        match kind {
            Kind::String | Kind::Continuation => {}
            Kind::Comment => layout.comment(&node),
            _ if !inside => layout.token(&node),
            _ => {}
        }
        while !cursor.goto_next_sibling() {
            if !cursor.goto_parent() {
                return [first, layout.finish()].into_iter().flatten().min_by_key(|(at, _)| *at);
            }
        }
    }
}

fn check(kind: Kind, node: Node<'_>, text: &str) -> Option<Found> {
    match kind {
        Kind::Other | Kind::Error | Kind::Comment | Kind::Continuation => None,
        Kind::Print => old_print(node),
        Kind::Exec => Some((node.start_byte(), "Python 2's `exec` statement; write `exec(...)`".to_owned())),
        Kind::Integer => literal::integer(node, text),
        Kind::Float => literal::float(node, text),
        Kind::String => literal::string(node, text),
        Kind::Parameters => call::parameters(node),
        Kind::Arguments => call::arguments(node),
        Kind::Raise => old_raise(node),
        Kind::Try => bare_try(node),
        Kind::Import => import(node),
        Kind::Assert => long_assert(node),
        Kind::Delete => delete(node),
        Kind::Assignment => assignment(node, text),
        Kind::Augmented => augmented(node),
        Kind::ExpressionStatement => bare_walrus(node),
        Kind::Comparison => old_unequal(node),
        Kind::ForIn => bare_tuple(node),
        Kind::Identifier => keyword(node, text),
        Kind::Except => old_except(node, text),
    }
}

fn children<'tree>(node: Node<'tree>) -> impl Iterator<Item = Node<'tree>> {
    let mut cursor = node.walk();
    let mut more = cursor.goto_first_child();
    std::iter::from_fn(move || {
        let child = more.then(|| cursor.node());
        more = more && cursor.goto_next_sibling();
        child
    })
}

fn old_print(node: Node<'_>) -> Option<Found> {
    // `print >> file, text` is a comparison's cousin in Python 3: a tuple whose first part is a shift.
    if children(node).any(|child| child.kind() == "chevron") {
        return None;
    }
    Some((node.start_byte(), "Python 2's `print` statement; write `print(...)`".to_owned()))
}

fn old_raise(node: Node<'_>) -> Option<Found> {
    let list = children(node).find(|child| child.kind() == "expression_list")?;
    Some((list.start_byte(), "Python 2's `raise`; write `raise Error(...)`".to_owned()))
}

/// `except Error, error:`. Since Python 3.14 two classes can stand so, but a class's name begins with a capital.
fn old_except(node: Node<'_>, text: &str) -> Option<Found> {
    let comma = children(node).position(|child| child.kind() == ",")?;
    let mut rest = children(node).skip(comma + 1).filter(|child| !child.is_extra());
    let second = rest.next()?;
    let name = text.get(second.byte_range())?;
    let alone = rest.next().is_some_and(|next| next.kind() == ":");
    (alone && second.kind() == "identifier" && name.starts_with(char::is_lowercase))
        .then(|| (second.start_byte(), "Python 2's `except`; write `except Error as name`".to_owned()))
}

fn bare_try(node: Node<'_>) -> Option<Found> {
    let has = |kind: &str| children(node).any(|child| child.kind() == kind);
    let handled = has("except_clause");
    if !handled && !has("finally_clause") {
        return Some((node.end_byte(), "`try` without `except` or `finally` before this".to_owned()));
    }
    if handled {
        return None;
    }
    let other = children(node).find(|child| child.kind() == "else_clause")?;
    Some((other.start_byte(), "`else` of a `try` without `except`".to_owned()))
}

fn import(node: Node<'_>) -> Option<Found> {
    let last = children(node).filter(|child| !child.is_extra()).last()?;
    (last.kind() == ",").then(|| (last.start_byte(), "a `,` after the last name of an `import`".to_owned()))
}

fn long_assert(node: Node<'_>) -> Option<Found> {
    let comma = children(node).filter(|child| child.kind() == ",").nth(1)?;
    Some((comma.start_byte(), "`assert` takes a condition and one message".to_owned()))
}

fn delete(node: Node<'_>) -> Option<Found> {
    let wrong = |child: &Node<'_>| {
        matches!(child.kind(), "call" | "integer" | "float" | "string" | "true" | "false" | "none" | "binary_operator")
    };
    let list = children(node).find(|child| child.kind() == "expression_list");
    let found = children(list.unwrap_or(node)).find(wrong)?;
    Some((found.start_byte(), "this cannot be deleted".to_owned()))
}

fn assignment(node: Node<'_>, text: &str) -> Option<Found> {
    let parts: Vec<Node<'_>> = children(node).filter(|child| !child.is_extra()).take(5).collect();
    let (left, sign, last) = (parts.first()?, parts.get(1)?, parts.last()?);
    let typed = sign.kind() == ":";
    let single = matches!(left.kind(), "identifier" | "attribute" | "subscript");
    let in_brackets = left.kind() == "tuple_pattern" && left.named_child_count() == 1;
    if typed && !single && !(in_brackets && children(*left).all(|child| child.kind() != ",")) {
        return Some((left.start_byte(), "only a single name can have an annotation".to_owned()));
    }
    let gap = text.get(sign.end_byte()..parts.get(2)?.start_byte())?;
    if gap.contains('\n') && !gap.contains('\\') {
        return Some((sign.end_byte(), "unexpected end of the line".to_owned()));
    }
    let inner_typed = last.kind() == "assignment" && children(*last).any(|child| child.kind() == ":");
    if last.kind() == "augmented_assignment" || inner_typed || (typed && last.kind() == "assignment") {
        return Some((last.start_byte(), "an assignment cannot stand here".to_owned()));
    }
    walrus(*last)
}

fn augmented(node: Node<'_>) -> Option<Found> {
    let left = node.child(0)?;
    let single = matches!(left.kind(), "identifier" | "attribute" | "subscript");
    if !single {
        return Some((left.start_byte(), "only a single name can be assigned to like this".to_owned()));
    }
    let right = node.child(node.child_count().checked_sub(1)?)?;
    if matches!(right.kind(), "assignment" | "augmented_assignment") {
        return Some((right.start_byte(), "an assignment is no value".to_owned()));
    }
    walrus(right)
}

fn bare_walrus(node: Node<'_>) -> Option<Found> {
    walrus(node.child(0)?)
}

fn walrus(value: Node<'_>) -> Option<Found> {
    (value.kind() == "named_expression")
        .then(|| (value.start_byte(), "`:=` needs parentheses around it here".to_owned()))
}

fn old_unequal(node: Node<'_>) -> Option<Found> {
    let sign = children(node).find(|child| child.kind() == "<>")?;
    Some((sign.start_byte(), "Python 2's `<>`; write `!=`".to_owned()))
}

fn bare_tuple(node: Node<'_>) -> Option<Found> {
    let comma = children(node).skip_while(|child| child.kind() != "in").find(|child| child.kind() == ",")?;
    Some((comma.start_byte(), "a tuple needs parentheses here".to_owned()))
}

fn keyword(node: Node<'_>, text: &str) -> Option<Found> {
    let name = text.get(node.byte_range())?;
    matches!(name, "async" | "await" | "__debug__")
        .then(|| (node.start_byte(), format!("`{name}` cannot be a name")))
        .filter(|_| name != "__debug__")
}
