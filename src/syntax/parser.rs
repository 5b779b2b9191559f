//! The parsers: one a thread and language, each within a budget of steps, so that no text can hold it up.
//!
//! The budget counts the parser's own operations and no time, so that a text is refused everywhere or nowhere.

use std::cell::RefCell;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};

use tree_sitter::{LogType, ParseOptions, ParseState, Parser, Tree};

use super::language::Language;

/// How often a parser may report progress (each 100 operations) on any text.
const FREE_REPORTS: u64 = 500;
/// How many bytes of text allow one report more. Of 7,200 real files none took more than a fifth of this.
const BYTES_PER_REPORT: u64 = 8;

thread_local! {
    static PARSERS: RefCell<[Option<Parser>; Language::ALL.len()]> = const { RefCell::new([const { None }; Language::ALL.len()]) };
}

/// Tree-sitter's grammar of a language.
pub(super) fn grammar(language: Language) -> tree_sitter::Language {
    match language {
        Language::Python => tree_sitter_python::LANGUAGE.into(),
        Language::Rust => tree_sitter_rust::LANGUAGE.into(),
        Language::JavaScript => tree_sitter_javascript::LANGUAGE.into(),
        Language::TypeScript => tree_sitter_typescript::LANGUAGE_TYPESCRIPT.into(),
        Language::Tsx => tree_sitter_typescript::LANGUAGE_TSX.into(),
        Language::Yaml => tree_sitter_yaml::LANGUAGE.into(),
        Language::Json => tree_sitter_json::LANGUAGE.into(),
        Language::Toml => tree_sitter_toml_ng::LANGUAGE.into(),
        Language::Shell => tree_sitter_bash::LANGUAGE.into(),
    }
}

/// The tree of a text, with errors in it where there are some; `None` where the budget did not suffice.
pub(super) fn tree(language: Language, text: &str) -> Option<Tree> {
    let budget = FREE_REPORTS + text.len() as u64 / BYTES_PER_REPORT;
    with_parser(language, |parser| run(parser, text, budget, || false))
}

/// Where the parser first could not go on: line and column in bytes, both from 0, of the end of what it had read, and
/// the name of the token that it could not use. The parser's log tells; the tree only has a region around the place.
pub(super) fn first_stop(language: Language, text: &str) -> Option<Stop> {
    let budget = FREE_REPORTS + text.len() as u64 / BYTES_PER_REPORT;
    let seen = Arc::new(Seen::default());
    let listener = Arc::clone(&seen);
    with_parser(language, |parser| {
        parser.set_logger(Some(Box::new(move |kind, message| {
            if kind == LogType::Parse {
                listener.hear(message);
            }
        })));
        let done = || seen.ended.load(Relaxed);
        run(parser, text, budget, done);
        parser.set_logger(None);
        Some(())
    })?;
    seen.stop()
}

/// See [`first_stop`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stop {
    /// The line, from 0.
    pub(super) row: usize,
    /// The column in bytes, from 0.
    pub(super) column: usize,
    /// The text ended there.
    pub(super) at_end: bool,
    /// The token before was the end of a line, in a language where that is a token.
    pub(super) after_line: bool,
}

/// What the log said so far. A logger has to be `Send`, hence the atomics; only one thread uses them.
#[derive(Debug, Default)]
struct Seen {
    /// Where the version of the parse that is at work stands: row and column, 32 bits each.
    here: AtomicU64,
    /// Whether the token that was read last is the end of a line, and whether the one taken before it is.
    line_read: AtomicBool,
    line_taken: AtomicBool,
    /// The furthest place at which a version could not go on, plus one; 0 for none.
    furthest: AtomicU64,
    at_end: AtomicBool,
    after_line: AtomicBool,
    /// Whether all versions had stopped.
    ended: AtomicBool,
}

impl Seen {
    fn hear(&self, message: &str) {
        if self.ended.load(Relaxed) {
            return;
        }
        if let Some(rest) = message.strip_prefix("process version:") {
            if let (Some(row), Some(column)) = (number_after(rest, "row:"), number_after(rest, "col:")) {
                self.here.store((row << 32) | column, Relaxed);
            }
        } else if let Some(token) = message.strip_prefix("lexed_lookahead sym:") {
            let name = token.split_once(',').map_or(token, |(name, _)| name);
            self.line_read.store(matches!(name, "_newline" | "_indent" | "_dedent"), Relaxed);
        } else if message.starts_with("shift state:") {
            self.line_taken.store(self.line_read.load(Relaxed), Relaxed);
        } else if let Some(token) = message.strip_prefix("detect_error lookahead:") {
            let here = self.here.load(Relaxed) + 1;
            if here >= self.furthest.load(Relaxed) {
                self.furthest.store(here, Relaxed);
                self.at_end.store(token == "end", Relaxed);
                self.after_line.store(self.line_taken.load(Relaxed), Relaxed);
            }
        } else if message.starts_with("resume version:") {
            self.ended.store(true, Relaxed);
        }
    }

    fn stop(&self) -> Option<Stop> {
        let place = self.furthest.load(Relaxed).checked_sub(1)?;
        let half = |bits: u64| usize::try_from(bits & u64::from(u32::MAX)).ok();
        let (at_end, after_line) = (self.at_end.load(Relaxed), self.after_line.load(Relaxed));
        Some(Stop { row: half(place >> 32)?, column: half(place)?, at_end, after_line })
    }
}

fn number_after(text: &str, key: &str) -> Option<u64> {
    let (_, after) = text.split_once(key)?;
    after.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}

fn with_parser<T>(language: Language, work: impl FnOnce(&mut Parser) -> Option<T>) -> Option<T> {
    PARSERS.with_borrow_mut(|parsers| {
        let place = parsers.get_mut(language as usize)?;
        if place.is_none() {
            let mut parser = Parser::new();
            parser.set_language(&grammar(language)).ok()?;
            *place = Some(parser);
        }
        let parser = place.as_mut()?;
        // What an interrupted parse left would be gone on with otherwise.
        parser.reset();
        work(parser)
    })
}

fn run(parser: &mut Parser, text: &str, budget: u64, done: impl Fn() -> bool) -> Option<Tree> {
    let mut reports = 0;
    let mut progress = |_: &ParseState| {
        reports += 1;
        if reports > budget || done() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    };
    let bytes = text.as_bytes();
    let options = ParseOptions::new().progress_callback(&mut progress);
    parser.parse_with_options(&mut |at, _| bytes.get(at..).unwrap_or_default(), None, Some(options))
}
