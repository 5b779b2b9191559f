//! Prompts: of a given length from a seed, or from a file.

use serde_json::Value;

use crate::stats::Random;

/// Plain words that common tokenisers keep whole: one token each with the space before it. How many tokens a prompt
/// really has, the server says.
const WORDS: [&str; 128] = [
    "the", "of", "and", "to", "in", "is", "you", "that", "it", "he", "was", "for", "on", "are", "as", "with", "his",
    "they", "at", "be", "this", "have", "from", "or", "one", "had", "by", "word", "but", "not", "what", "all", "were",
    "we", "when", "your", "can", "said", "there", "use", "each", "which", "she", "do", "how", "their", "if", "will",
    "up", "other", "about", "out", "many", "then", "them", "these", "so", "some", "her", "would", "make", "like",
    "him", "into", "time", "has", "look", "two", "more", "write", "go", "see", "number", "no", "way", "could",
    "people", "my", "than", "first", "water", "been", "call", "who", "oil", "its", "now", "find", "long", "down",
    "day", "did", "get", "come", "made", "may", "part", "over", "new", "sound", "take", "only", "little", "work",
    "know", "place", "year", "live", "me", "back", "give", "most", "very", "after", "thing", "our", "just", "name",
    "good", "man", "think", "say", "great", "where", "help", "through", "much", "before",
];

/// The most prompts of a file.
const MOST: usize = 100_000;

/// One prompt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Given {
    /// A text.
    Text(String),
    /// Messages of a chat, as the interface wants them.
    Messages(Value),
}

impl Given {
    /// The text; of messages their contents, one a line.
    pub(super) fn text(&self) -> String {
        match self {
            Self::Text(text) => text.clone(),
            Self::Messages(messages) => {
                let contents = messages.as_array().into_iter().flatten().filter_map(|one| one.get("content")?.as_str());
                contents.collect::<Vec<_>>().join("\n")
            }
        }
    }
}

/// Where the prompts of a cell come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Lengths {
    /// Made, of so many words each; one cell for each length.
    Words(Vec<u32>),
    /// From a file: its name for the record, and its prompts, in turn.
    File(String, Vec<Given>),
}

/// The prompt with this number in a cell: no two are alike from their first words on, so that nothing is in a server's
/// cache of beginnings. `words` counts at least one.
pub(super) fn made(words: u32, seed: u64, cell: u64, number: u64) -> Given {
    let mut random = Random::new(Random::new(seed ^ cell.rotate_left(48)).bits() ^ number);
    let mut text = String::with_capacity(words as usize * 6);
    for at in 0..words.max(1) {
        if at > 0 {
            text.push(' ');
        }
        // The length of the list is a power of two, so that no word is likelier.
        text.push_str(WORDS.get(random.bits() as usize % WORDS.len()).copied().unwrap_or("the"));
    }
    Given::Text(text)
}

/// Why a file of prompts cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PromptsError {
    /// A line.
    #[error("line {line}: {what}; a line wants a JSON text, {{\"prompt\": \"...\"}} or {{\"messages\": [...]}}")]
    Line {
        /// Its number, from one.
        line: usize,
        /// What is wrong.
        what: String,
    },
    /// There is no prompt.
    #[error("there is no prompt in it: it wants JSON lines such as {{\"prompt\": \"...\"}}")]
    Empty,
    /// There are too many.
    #[error("there are more than 100,000 prompts in it; leave some out")]
    TooMany,
}

/// Reads JSON lines: a text, an object with `prompt`, or one with `messages`. Empty lines are passed over.
///
/// # Errors
/// With the line that is none of these.
pub fn given(text: &str) -> Result<Vec<Given>, PromptsError> {
    let mut found = Vec::new();
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    for (at, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let wrong = |what: String| PromptsError::Line { line: at + 1, what };
        let value: Value = serde_json::from_str(line).map_err(|error| wrong(error.to_string()))?;
        let prompt = value.as_str().or_else(|| value.get("prompt")?.as_str());
        found.push(match (prompt, value.get("messages")) {
            (Some(""), _) => return Err(wrong("the prompt is empty".into())),
            (Some(text), _) => Given::Text(text.to_owned()),
            (None, Some(messages)) if messages.as_array().is_some_and(|list| !list.is_empty()) => {
                Given::Messages(messages.clone())
            }
            (None, _) => return Err(wrong("there is neither a prompt nor a list of messages".into())),
        });
        if found.len() > MOST {
            return Err(PromptsError::TooMany);
        }
    }
    if found.is_empty() { Err(PromptsError::Empty) } else { Ok(found) }
}

#[cfg(test)]
mod tests {
    use super::{Given, PromptsError, WORDS, given, made};
    use std::collections::BTreeSet;

    #[test]
    fn made_prompts_have_their_length_and_come_from_the_seed() {
        let text = |seed, cell, number| made(100, seed, cell, number).text();
        assert_eq!(text(1, 2, 3).split(' ').count(), 100);
        assert_eq!(text(1, 2, 3), text(1, 2, 3));
        let beginnings: BTreeSet<String> = (0..50)
            .flat_map(|number| [(1, 0), (1, 1), (2, 0)].map(|(seed, cell)| (seed, cell, number)))
            .map(|(seed, cell, number)| text(seed, cell, number).split(' ').take(5).collect())
            .collect();
        assert_eq!(beginnings.len(), 150, "no two begin alike");
        assert_eq!(WORDS.iter().collect::<BTreeSet<_>>().len(), WORDS.len());
    }

    #[test]
    fn a_file_of_prompts() {
        let file = "\u{feff}\"plain\"\n\n{\"prompt\": \"named\", \"id\": 7}\n{\"messages\": [{\"role\":\"user\",\"content\":\"a\"},{\"content\":\"b\"}]}\n";
        let found = given(file).unwrap();
        assert_eq!(found.iter().map(Given::text).collect::<Vec<_>>(), ["plain", "named", "a\nb"]);
        for (wrong, line) in [("\"a\"\n{", 2), ("7", 1), ("{\"prompt\":\"\"}", 1), ("{\"messages\":[]}", 1)] {
            assert!(matches!(given(wrong), Err(PromptsError::Line { line: at, .. }) if at == line), "{wrong}");
        }
        assert_eq!(given(" \n"), Err(PromptsError::Empty));
    }
}
