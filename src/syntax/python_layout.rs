//! Python's indentation by CPython's own algorithm: each line's width with tabs of eight and with tabs of one, which
//! must agree, against a stack of the open blocks. Tree-sitter takes any dedent and lets a block be absent.

use tree_sitter::Node;

use super::first_error::Found;
use super::place::line_start;

/// How wide an indentation is: with tabs to columns of eight, and with tabs counted as one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Width {
    eight: usize,
    one: usize,
}

/// Goes along the tokens of a file.
pub(super) struct Layout<'a> {
    text: &'a str,
    /// Open blocks, the outermost first; the file itself is none.
    blocks: Vec<Width>,
    /// How many brackets are open.
    brackets: usize,
    /// The line on which the last token ended, from 0; `None` before the first.
    last_row: Option<usize>,
    /// Where the last token or comment ended.
    last_end: usize,
    /// The last token cannot end a line, and ended here. Tree-sitter reads on in the next line.
    unfinished: Option<usize>,
    /// The last token was a `:` outside brackets; it stands here.
    colon: Option<usize>,
    found: Option<Found>,
}

impl<'a> Layout<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self {
            text,
            blocks: Vec::new(),
            brackets: 0,
            last_row: None,
            last_end: 0,
            unfinished: None,
            colon: None,
            found: None,
        }
    }

    /// The next token; a string is one.
    pub(super) fn token(&mut self, node: &Node<'_>) {
        if self.found.is_some() || node.start_byte() == node.end_byte() {
            return;
        }
        let new_line = self.last_row.is_none_or(|last| node.start_position().row > last);
        if self.brackets == 0 && new_line && !self.continued(node.start_byte()) {
            match self.unfinished {
                Some(end) => self.found = Some((end, "unexpected end of the line".to_owned())),
                None => self.line(node.start_byte()),
            }
        }
        self.unfinished = (!node.is_named() && !self.ends_line(node)).then(|| node.end_byte());
        self.last_end = node.end_byte();
        self.last_row = Some(node.end_position().row);
        self.colon = None;
        if node.end_byte() - node.start_byte() != 1 {
            return;
        }
        match self.text.as_bytes().get(node.start_byte()) {
            Some(b'(' | b'[' | b'{') => self.brackets += 1,
            Some(b')' | b']' | b'}') => self.brackets = self.brackets.saturating_sub(1),
            Some(b':') if self.brackets == 0 => self.colon = Some(node.start_byte()),
            _ => {}
        }
    }

    /// Goes past a comment.
    pub(super) fn comment(&mut self, node: &Node<'_>) {
        self.last_end = node.end_byte();
    }

    /// Whether a `\` joins the line before to the one that begins with this token.
    fn continued(&self, token: usize) -> bool {
        let gap = self.text.get(self.last_end..token).unwrap_or_default();
        gap.lines().next().is_some_and(|line| line.ends_with('\\'))
    }

    /// Whether a sign or keyword can be the last of a line; names and literals can.
    fn ends_line(&self, token: &Node<'_>) -> bool {
        match token.kind() {
            "return" | "raise" | "yield" | "pass" | "break" | "continue" => true,
            ")" | "]" | "}" | ":" | ";" | "," | "_" | "print" | "exec" | "match" | "type" | "case" => true,
            "*" => self.text.get(..token.start_byte()).is_some_and(|before| before.trim_end().ends_with("import")),
            _ => false,
        }
    }

    /// A line of code begins with the token at this offset.
    fn line(&mut self, token: usize) {
        let start = line_start(self.text, token);
        let indentation = self.text.get(start..token).unwrap_or_default();
        if !indentation.bytes().all(|byte| matches!(byte, b' ' | b'\t' | b'\x0c')) {
            // Something stands before the token that is none, and the tree has an error there.
            return;
        }
        let width = width(indentation);
        let open = self.blocks.last().copied().unwrap_or_default();
        let fault = if width.eight == open.eight {
            let needed = self.colon.is_some().then_some("an indented block is missing here");
            needed.or((width.one != open.one).then_some(TABS))
        } else if width.eight > open.eight {
            self.blocks.push(width);
            let unasked = self.colon.is_none().then_some("unexpected indentation");
            (width.one <= open.one).then_some(TABS).or(unasked)
        } else {
            self.dedent(width)
        };
        self.found = fault.map(|what| (token, what.to_owned()));
    }

    fn dedent(&mut self, width: Width) -> Option<&'static str> {
        if self.colon.is_some() {
            return Some("an indented block is missing here");
        }
        while self.blocks.last().is_some_and(|open| open.eight > width.eight) {
            self.blocks.pop();
        }
        let open = self.blocks.last().copied().unwrap_or_default();
        if open.eight != width.eight {
            return Some("this line's indentation matches no block above");
        }
        (open.one != width.one).then_some(TABS)
    }

    /// What is wrong first.
    pub(super) fn finish(self) -> Option<Found> {
        let unfinished = self.colon.map(|at| (at, "an indented block is missing after this `:`".to_owned()));
        self.found.or(unfinished)
    }
}

const TABS: &str = "tabs and spaces are mixed in this indentation";

fn width(indentation: &str) -> Width {
    indentation.bytes().fold(Width::default(), |width, byte| match byte {
        b'\t' => Width { eight: (width.eight / 8 + 1) * 8, one: width.one + 1 },
        b'\x0c' => Width::default(),
        _ => Width { eight: width.eight + 1, one: width.one + 1 },
    })
}
